package sample

import (
	"slices"
	"strings"
)

// A Clock says where a latency begins.
type Clock string

// The clocks of measures.
const (
	User    Clock = "user"    // from the intended start: waiting to be sent counts
	Service Clock = "service" // from the send
	NoClock Clock = "none"    // between two instants, neither of which is a start
)

const serviceSuffix = "_service"

// A Definition says what a measure is. Every report prints the formulas of what
// it shows.
type Definition struct {
	Measure Measure `json:"measure"`
	Also    string  `json:"also,omitzero"` // the field's usual short name, where it is another
	Name    string  `json:"name"`          // for people
	Clock   Clock   `json:"clock"`
	Formula string  `json:"formula"`
}

// EventGap names the gaps between content events, pooled over all successful
// answers: a measure of events, which a Sample has many of.
const EventGap Measure = "event_gap"

// byStart are the measures that begin at a start, and so stand on both clocks.
func byStart() []Definition {
	return []Definition{
		{TTFB, "", "first byte", User, "first byte - start"},
		{HeadersTime, "", "headers", User, "headers - start"},
		{FirstEvent, "ttfe", "first event", User, "first event of any kind - start"},
		{FirstToken, "ttft", "first token", User, "first token of any channel (text, reasoning, tool argument) - start"},
		{FirstText, "ttfo", "first visible text", User, "first visible text - start"},
		{NTPOT, "", "time per token, first included", User, "(last content - start) / output tokens"},
		{LastContent, "e2e_content", "last content", User, "last content - start"},
		{Full, "e2e_close", "full answer", User, "end of the stream - start"},
	}
}

// Definitions lists every measure with its formula: first those between fixed
// instants up to the first byte, then those from a start on the user clock, the
// same on the service clock, the gaps, and what the gateway added.
func Definitions() []Definition {
	all := []Definition{
		{Queue, "", "queue", User, "send - intended start"},
		{DNSTime, "", "name look-up", NoClock, "end of the look-up - its beginning, where one took place"},
		{Connect, "", "connecting", NoClock, "connected - beginning, on new connections"},
		{TLSTime, "", "TLS handshake", NoClock, "end of the handshake - its beginning, on new connections"},
		{Waiting, "wait", "waiting", NoClock, "first byte - request written"},
	}
	for _, d := range byStart() {
		d.Formula = strings.Replace(d.Formula, "start", "intended start", 1)
		all = append(all, d)
	}
	for _, d := range byStart() {
		d.Measure, d.Clock = d.Measure+serviceSuffix, Service
		if d.Also != "" {
			d.Also += serviceSuffix
		}
		d.Formula = strings.Replace(d.Formula, "start", "send", 1)
		all = append(all, d)
	}
	return append(all,
		Definition{Gap, "", "token gap", NoClock, "(last content - first token) / (content events - 1), one value an answer"},
		Definition{EventGap, "icl", "gap of single events", NoClock, "arrival of a content event - arrival of the one before, of all successful answers"},
		Definition{TPOT, "", "time per token", NoClock, "(last content - first token) / (output tokens - 1), one value an answer"},
		Definition{AddedToken, "", "first token, added", NoClock, "first token - upstream's first write of content"},
		Definition{AddedEvent, "", "each event, added", NoClock, "mean over content events of (arrival - upstream's write)"},
	)
}

// Define finds a measure by its key or its usual short name.
func Define(name string) (Definition, bool) {
	all := Definitions()
	i := slices.IndexFunc(all, func(d Definition) bool { return name != "" && (string(d.Measure) == name || d.Also == name) })
	if i < 0 {
		return Definition{}, false
	}
	return all[i], true
}

// Service returns the same latency on the service clock; ok is false for a
// measure that begins at no start.
func (m Measure) Service() (service Measure, ok bool) {
	if !slices.ContainsFunc(byStart(), func(d Definition) bool { return d.Measure == m }) {
		return "", false
	}
	return m + serviceSuffix, true
}

// user returns the measure that m is the service clock's form of.
func (m Measure) user() (Measure, bool) {
	name, service := strings.CutSuffix(string(m), serviceSuffix)
	if !service {
		return m, false
	}
	switch user := Measure(name); user {
	case TTFB, HeadersTime, FirstEvent, FirstToken, FirstText, NTPOT, LastContent, Full:
		return user, true
	}
	return m, false
}

// ServiceMeasures lists the latencies on the service clock.
func ServiceMeasures() []Measure {
	var all []Measure
	for _, d := range byStart() {
		all = append(all, d.Measure+serviceSuffix)
	}
	return all
}

// Tokens returns how many output tokens an answer has and who counted them: the
// provider (usage), a tokenizer, or nobody, where each content event counts as
// one (events). The source is "" where nothing is known.
func (s *Sample) Tokens() (n int, source string) {
	switch {
	case s.Usage.Source != "":
		return s.Usage.Output, s.Usage.Source
	case s.Events > 0:
		return s.Events, "events"
	}
	return 0, ""
}

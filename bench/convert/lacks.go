package convert

import (
	"fmt"
	"maps"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// tells are the measures that the results of another load generator can tell.
func tells(from Source) []sample.Measure {
	var all []sample.Measure
	switch from {
	case Vegeta:
		all = []sample.Measure{sample.Full}
	case K6:
		all = []sample.Measure{sample.Connect, sample.TLSTime, sample.Waiting, sample.TTFB, sample.Full}
	case VLLM:
		all = []sample.Measure{sample.Queue, sample.FirstToken, sample.Gap, sample.TPOT, sample.NTPOT, sample.LastContent, sample.Full}
	}
	for _, m := range all {
		if service, ok := m.Service(); ok {
			all = append(all, service)
		}
	}
	return all
}

// never are the measures that a source cannot tell, by the names that policies
// use.
func never(from Source) []sample.Measure {
	lacks := []sample.Measure{
		sample.Gap, sample.Waiting, sample.HeadersTime, sample.NTPOT, sample.Queue, sample.DNSTime, sample.Connect, sample.TLSTime, sample.FirstEvent, sample.FirstText,
		sample.LastContent, sample.TPOT, sample.AddedToken, sample.AddedEvent,
		"quality", "throughput", "cpu_per_event", "cpu_per_request",
	}
	lacks = append(lacks, sample.ServiceMeasures()...) // a log has one start
	if from.generated() {
		known := tells(from)
		lacks = append(lacks, sample.TTFB, sample.FirstToken, "cost")
		return slices.DeleteFunc(lacks, func(m sample.Measure) bool { return slices.Contains(known, m) })
	}
	switch from {
	case Envoy:
		return append(lacks, sample.FirstToken, "cost")
	case OTLP:
		return append(lacks, sample.TTFB, "cost")
	}
	return append(lacks, sample.TTFB)
}

// told counts what the requests of a log said.
type told struct {
	requests, ok int
	// Of the successful ones:
	byte1, token, output, cost int
	left                       int
	silent                     int // did not say whether they succeeded
	queued                     int // said how long they waited to be sent
	first, last                int64
}

func (t *told) add(s *sample.Sample) {
	if t.requests == 0 {
		t.first, t.last = s.IntendedNS, s.IntendedNS
	}
	t.first, t.last = min(t.first, s.IntendedNS), max(t.last, s.IntendedNS)
	t.requests++
	t.left += one(s.Code == callerLeft)
	if s.Outcome != sample.OK {
		return
	}
	t.ok++
	t.byte1 += one(s.FirstByteNS != 0)
	t.token += one(s.TokenNS != 0)
	t.output += one(s.Usage.Source != "")
	t.cost += one(s.Cost > 0)
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// lacks are the measures that this log does not tell: those that its form cannot,
// and those that no successful request of it told.
func (c *conversion) lacks() []sample.Measure {
	lacks := never(c.From)
	for _, m := range [...]struct {
		name sample.Measure
		told int
		can  bool
	}{
		{sample.TTFB, c.told.byte1, c.From == Envoy || c.From == K6},
		{sample.FirstToken, c.told.token, c.From != Envoy && c.From != Vegeta && c.From != K6},
		{sample.Queue, c.told.queued, c.From == VLLM},
		{"output_tokens", c.told.output, true},
		{"cost", c.told.cost, c.From == LiteLLM},
	} {
		if m.can && m.told == 0 {
			lacks = append(lacks, m.name)
		}
	}
	if c.told.silent > 0 {
		lacks = append(lacks, "success")
	}
	return lacks
}

// validity says that nobody measured this measurer, and what is known anyway.
func (c *conversion) validity() sample.Validity {
	v := sample.Validity{Grade: sample.Unknown, Warnings: []string{
		fmt.Sprintf("recorded by others (%s): how wrong its times may be is not known, nor how its clients fared", c.From),
	}}
	warn := func(is bool, format string, args ...any) {
		if is {
			v.Warnings = append(v.Warnings, fmt.Sprintf(format, args...))
		}
	}
	warn(c.From == Envoy, "the access log does not see an error inside a stream that began with status 200")
	warn(c.From == Vegeta || c.From == K6, "times begin when %s took a request up, not when it was meant to start: what waited for a free worker is not in them", c.From)
	warn(c.From == VLLM, "the first start is put at the file's date, read as UTC; answers end with their last chunk; tokens are the server's count, or that of vLLM's tokenizer where the server told none")
	warn(c.told.silent > 0, "%d requests do not say whether they succeeded: a log that kept no failures tells no success rate", c.told.silent)
	warn(c.told.left > 0, "%d callers left before the end and count as failures", c.told.left)
	warn(c.report.Bad > 0, "%d of %d entries could not be read", c.report.Bad, c.report.Entries)
	fact := func(name string, value float64, unit string) {
		v.Facts = append(v.Facts, sample.Fact{Name: name, Value: value, Unit: unit})
	}
	fact("log_entries", float64(c.report.Entries), "entries")
	for _, reason := range slices.Sorted(maps.Keys(c.report.Passed)) {
		fact("passed over: "+reason, float64(c.report.Passed[reason]), "entries")
	}
	if n := c.told.token; n > 0 && n < c.told.ok {
		fact("first token told", 100*float64(n)/float64(c.told.ok), "% of successes")
	}
	if c.From == Envoy {
		fact("time resolution", float64(c.fields[RoleDuration].unit)/1e6, "ms")
	}
	return v
}

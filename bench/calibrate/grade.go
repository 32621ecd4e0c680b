package calibrate

import (
	"fmt"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// Grade returns the validity of a run of the given design by [Rules]: the worst
// rule decides. It is a pure function.
func Grade(health load.Health, cal Calibration, design sample.Design) sample.Validity {
	return GradeBy(Rules(), health, cal, design)
}

// GradeBy is Grade by a table of the caller's: rules of [Rules] with other
// bounds.
func GradeBy(rules []Rule, health load.Health, cal Calibration, design sample.Design) sample.Validity {
	v := sample.Validity{Grade: sample.Valid, Error: cal.Error, Facts: facts(&health, &cal)}
	for i := range rules {
		rule := &rules[i]
		if !rule.applies(&health, design) {
			continue
		}
		value, told := rule.read(&health, &cal)
		if !told {
			v.Warnings = append(v.Warnings, rule.Name+": not told by this system or run, not graded")
			continue
		}
		v.Signals = append(v.Signals, sample.Signal{
			Name: rule.Name, Value: value, Unit: rule.Unit, Grade: rule.grade(value, design),
			Valid: rule.Valid, Degraded: rule.Degraded, Busy: rule.Busy,
		})
	}
	excuseCoalescing(v.Signals)
	for _, s := range v.Signals {
		v.Grade = worse(v.Grade, s.Grade)
	}
	return v
}

// facts are the numbers behind the rules and beside them.
func facts(h *load.Health, c *Calibration) []sample.Fact {
	all := []sample.Fact{
		{Name: "canary P50", Value: ms(h.Canary.P50), Unit: "ms"},
		{Name: "canary max", Value: ms(h.Canary.Max), Unit: "ms"},
		{Name: "GC pauses", Value: float64(h.GCPauses)},
		{Name: "GC pauses in all", Value: ms(h.GCPauseTotal), Unit: "ms"},
		{Name: "most files open", Value: float64(h.FDPeak)},
		{Name: "most requests in flight", Value: float64(h.InFlight)},
		{Name: "most memory held", Value: float64(h.Memory) / (1 << 20), Unit: "MiB"},
		{Name: "coalesced in calibration", Value: 100 * c.Coalesced, Unit: "%"},
		{Name: "calibrated at", Value: c.PerSecond, Unit: "requests/s"},
		{Name: "calibrated at", Value: c.EventsPerSecond, Unit: "events/s"},
		{Name: "protocol", Text: fmt.Sprintf("%s, streams on a connection: at most %d", strings.Join(h.Protocols, ", "), h.StreamsPerConn)},
		{Name: "tokens counted by", Text: strings.Join(h.TokenSources, ", ")},
	}
	if h.InFlight >= manyStreams {
		all = append(all, sample.Fact{Name: "memory by stream", Value: float64(h.Memory-h.MemoryHad) / 1024 / float64(h.InFlight), Unit: "KiB"})
	}
	if h.Pressure != load.Unknown {
		all = append(all, sample.Fact{Name: "highest CPU pressure (some, 10 s)", Value: h.Pressure, Unit: "%"})
	}
	if !h.ClosedLoop {
		all = append(all,
			sample.Fact{Name: "start lateness P50", Value: ms(h.Lateness.P50), Unit: "ms"},
			sample.Fact{Name: "start lateness max", Value: ms(h.Lateness.Max), Unit: "ms"})
	}
	return all
}

// manyStreams is from how many on what a process has grown by is theirs.
const manyStreams = 100

func (r *Rule) applies(h *load.Health, design sample.Design) bool {
	inPieces := design == sample.Interleaved || design == sample.Switchback
	return !(r.OpenLoop && h.ClosedLoop) && !(r.Apart && design == sample.Single) && !(r.Whole && inPieces)
}

func (r *Rule) grade(value float64, design sample.Design) sample.Grade {
	within := func(bound float64) bool {
		if r.Worse == Below {
			return value >= bound
		}
		return value <= bound
	}
	switch {
	case within(r.Valid):
		return sample.Valid
	case within(r.Degraded):
		return sample.Degraded
	case r.Common && design == sample.Interleaved && value == value: // NaN is no evidence
		return sample.Degraded
	}
	return sample.Invalid
}

// excuseCoalescing degrades instead of invalidating when many events shared a
// Read though our own timer woke in time: then the server wrote them together.
func excuseCoalescing(signals []sample.Signal) {
	for _, s := range signals {
		if s.Name == canaryRule && s.Grade != sample.Valid {
			return
		}
	}
	for i := range signals {
		if s := &signals[i]; s.Name == coalescedRule && s.Grade == sample.Invalid {
			s.Grade = sample.Degraded
		}
	}
}

func worse(a, b sample.Grade) sample.Grade {
	if severity(b) > severity(a) {
		return b
	}
	return a
}

func severity(g sample.Grade) int {
	switch g {
	case sample.Valid:
		return 0
	case sample.Degraded:
		return 1
	}
	return 2
}

// Bound prints one of the rule's bounds: "≤ 0.5 ms".
func (r Rule) Bound(at float64) string {
	sign := "≤"
	if r.Worse == Below {
		sign = "≥"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %g %s", sign, at, r.Unit))
}

// SpeaksOf says what a bad value tells: of the machine (another try may help)
// or of the run.
func (r Rule) SpeaksOf() string {
	if r.Busy {
		return "machine"
	}
	return "run"
}

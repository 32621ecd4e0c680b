package merge

import (
	"fmt"
	"slices"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// validity is what holds of all shards: of each signal the worst.
func validity(parts []Part, slots []sample.Slot) sample.Validity {
	v := sample.Validity{Grade: sample.Valid, Error: errorOf(parts)}
	for _, p := range parts {
		own := p.Run.Trailer.Validity
		v.Grade = worse(v.Grade, own.Grade)
		for _, s := range own.Signals {
			v.Signals = worst(v.Signals, s)
		}
		for _, text := range own.Warnings {
			if text = fmt.Sprintf("shard %d: %s", p.shard().Index, text); !slices.Contains(v.Warnings, text) {
				v.Warnings = append(v.Warnings, text)
			}
		}
	}
	apart, why := clocks(parts)
	if why != "" {
		v.Grade = worse(v.Grade, sample.Degraded)
		v.Warnings = append(v.Warnings, "how far the clocks of the shards are apart is not known: "+why)
	} else {
		v.Signals = append(v.Signals, apart)
	}
	if s, asked := overlaps(parts[0].Run.Header.Design, slots); asked {
		v.Signals = append(v.Signals, s)
	}
	for _, s := range v.Signals {
		v.Grade = worse(v.Grade, s.Grade)
	}
	v.Facts = []sample.Fact{{Name: "shards", Value: float64(len(parts))}}
	return v
}

// errorOf keeps the measures whose error every shard knows, as the worst has it.
func errorOf(parts []Part) map[sample.Measure]sample.ErrorNS {
	all := map[sample.Measure]sample.ErrorNS{}
	for m, e := range parts[0].Run.Trailer.Validity.Error {
		known := true
		for _, p := range parts[1:] {
			other, told := p.Run.Trailer.Validity.Error[m]
			known = known && told
			e = sample.ErrorNS{P50: max(e.P50, other.P50), P99: max(e.P99, other.P99), Max: max(e.Max, other.Max), N: e.N + other.N}
		}
		if known {
			all[m] = e
		}
	}
	return all
}

// worst takes a shard's signal in: of each rule the worst one stays.
func worst(signals []sample.Signal, s sample.Signal) []sample.Signal {
	i := slices.IndexFunc(signals, func(known sample.Signal) bool { return known.Name == s.Name })
	if i < 0 {
		return append(signals, s)
	}
	if known := signals[i]; known.Grade == s.Grade && beyond(s, known) || known.Grade != s.Grade && worse(known.Grade, s.Grade) == s.Grade {
		signals[i] = s
	}
	return signals
}

// beyond tells whether the value of a is worse than that of b, by the rule that
// both are of.
func beyond(a, b sample.Signal) bool {
	rules := calibrate.Rules()
	i := slices.IndexFunc(rules, func(r calibrate.Rule) bool { return r.Name == a.Name })
	if i >= 0 && rules[i].Worse == calibrate.Below {
		return a.Value < b.Value
	}
	return a.Value > b.Value
}

func worse(a, b sample.Grade) sample.Grade {
	order := []sample.Grade{sample.Valid, sample.Degraded, sample.Unknown, sample.Invalid}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// Bounds of how far the clocks of shards may be apart. It moves the starts of one
// shard against those of another, and no latency.
const (
	apartValid    = 50 * time.Millisecond
	apartDegraded = time.Second
)

// clocks returns how far two shards' clocks are apart at worst: the difference of
// their offsets from one reference, the errors of both, and on either side how far
// each was corrected while it sent, for that may have begun between the question
// and the start. why says what keeps it from being known.
func clocks(parts []Part) (s sample.Signal, why string) {
	against := parts[0].shard().Clock.Against
	low, high := make([]int64, len(parts)), make([]int64, len(parts))
	for i, p := range parts {
		c, step := p.shard().Clock, p.shard().StepNS
		switch {
		case c.Unknown != "":
			return s, fmt.Sprintf("shard %d: %s", i, c.Unknown)
		case c.Against != against:
			return s, fmt.Sprintf("shard 0 asked %s, shard %d asked %s", against, i, c.Against)
		}
		step = max(step, -step)
		low[i], high[i] = c.OffsetNS-c.ErrorNS-step, c.OffsetNS+c.ErrorNS+step
	}
	return signal("clocks of shards apart", "ms", float64(slices.Max(high)-slices.Min(low))/1e6,
		float64(apartValid.Milliseconds()), float64(apartDegraded.Milliseconds())), ""
}

// overlapDegraded is the share of turns, in percent, that may reach into the next
// one of another arm.
const overlapDegraded = 10

// overlaps tells how many turns of interleaved arms were not over everywhere when
// the next one began somewhere.
func overlaps(design sample.Design, slots []sample.Slot) (s sample.Signal, asked bool) {
	if design != sample.Interleaved || len(slots) < 2 {
		return s, false
	}
	n := 0
	for i := range slots[1:] {
		if slots[i].Arm != slots[i+1].Arm && slots[i].EndNS > slots[i+1].StartNS {
			n++
		}
	}
	return signal("turns reaching into the next", "%", 100*float64(n)/float64(len(slots)-1), 0, overlapDegraded), true
}

func signal(name, unit string, value, valid, degraded float64) sample.Signal {
	s := sample.Signal{Name: name, Unit: unit, Value: value, Valid: valid, Degraded: degraded, Grade: sample.Invalid}
	switch {
	case value <= valid:
		s.Grade = sample.Valid
	case value <= degraded:
		s.Grade = sample.Degraded
	}
	return s
}

package assert

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// A side is one arm of one run.
type side struct {
	run  *sample.Run
	arm  string
	name string // of the run, for people
	// attempts are the measured requests, without those that say nothing of
	// the arm; unsent counts those: cancelled, or kept back by the client.
	attempts []*sample.Sample
	unsent   int
	slots    []*sample.Slot
}

func newSide(run *sample.Run, arm, name string) *side {
	s := &side{run: run, arm: arm, name: name}
	for i := range run.Samples {
		one := &run.Samples[i]
		switch {
		case one.Arm != arm || one.Warmup:
		case speaks(one.Outcome):
			s.attempts = append(s.attempts, one)
		default:
			s.unsent++
		}
	}
	for i := range run.Trailer.Slots {
		if run.Trailer.Slots[i].Arm == arm {
			s.slots = append(s.slots, &run.Trailer.Slots[i])
		}
	}
	return s
}

// speaks tells whether an outcome says anything of the arm.
func speaks(o sample.Outcome) bool {
	switch o {
	case sample.Cancelled, sample.Aborted, sample.DroppedStart, sample.NoDescriptor, sample.NoPort:
		return false
	}
	return true
}

// chooseArm finds the arm to assert on: the one named, else the second of two
// sides of a comparison, else the only one.
func chooseArm(run *sample.Run, name, otherThan string) (string, error) {
	var names, sides []string
	for _, a := range run.Header.Arms {
		names = append(names, a.Name)
		if a.Role == "" && a.Name != otherThan {
			sides = append(sides, a.Name)
		}
	}
	switch {
	case name != "" && !slices.Contains(names, name):
		return "", fmt.Errorf("the run has no arm %q: it has %s", name, strings.Join(names, ", "))
	case name != "":
		return name, nil
	case len(sides) == 0:
		return "", fmt.Errorf("the run has no arm to choose: it has %s", strings.Join(names, ", "))
	case otherThan == "" && len(sides) > 1:
		return sides[1], nil
	}
	return sides[0], nil
}

// outcomes counts the successes of all attempts.
func (s *side) outcomes() stats.Count {
	c := stats.Count{N: len(s.attempts)}
	for _, one := range s.attempts {
		if one.Outcome == sample.OK {
			c.OK++
		}
	}
	return c
}

// values returns one value for each request that has the measure, by block in
// the order of the run, a failure +Inf. absent counts requests that should have
// it and do not.
func (s *side) values(m measure) (all []float64, blocks []int, absent int) {
	for _, one := range s.attempts {
		x, state := valueOf(one, m)
		switch state {
		case missing:
			absent++
		case present:
			all, blocks = append(all, x), append(blocks, one.Block)
		}
	}
	return all, blocks, absent
}

// A state says whether a request has a value.
type state int

const (
	present state = iota
	missing       // it should have one
	without       // the measure does not exist for it
)

func valueOf(one *sample.Sample, m measure) (float64, state) {
	switch m.name {
	case "attempts", "wait":
		return proxyValue(one, m)
	}
	ns, ok, none := one.Value(sample.Measure(m.name))
	switch {
	case !ok:
		return math.Inf(1), present
	case none && untold(one, sample.Measure(m.name)):
		return 0, missing
	case none:
		return 0, without
	case ns < 0 || ns == 0 && !mayBeZero(sample.Measure(m.name)):
		return 0, missing
	}
	return float64(ns), present
}

// untold tells a measure whose first or last instant every success should have
// from one that does not exist for the request.
func untold(one *sample.Sample, m sample.Measure) bool {
	switch m {
	case sample.HeadersTime, "headers_service":
		return one.HeadersNS == 0 || one.SentNS == 0
	case sample.Waiting:
		return one.WrittenNS == 0
	}
	return slices.Contains(sample.ServiceMeasures(), m) && one.SentNS == 0
}

// mayBeZero tells measures that are spans from instants, of which 0 says that it
// was not reached.
func mayBeZero(m sample.Measure) bool {
	switch m {
	case sample.Queue, sample.Waiting, sample.Gap, sample.TPOT, sample.NTPOT, sample.AddedToken, sample.AddedEvent:
		return true
	}
	return false
}

// proxyValue is what the gateway said of a request. One that never reached it
// cannot say anything.
func proxyValue(one *sample.Sample, m measure) (float64, state) {
	if one.Proxy == nil || one.Proxy.Attempts == 0 {
		if one.Outcome != sample.OK && one.Status == 0 {
			return 0, without
		}
		return 0, missing
	}
	if m.name == "wait" {
		return float64(one.Proxy.WaitNS), present
	}
	return float64(one.Proxy.Attempts), present
}

// lacks tells whether the source of the run cannot tell a measure.
func (s *side) lacks(m measure) bool {
	return slices.Contains(s.run.Header.Lacks, sample.Measure(m.name))
}

// measurerError is by how much a degraded run's latencies may be wrong, in
// nanoseconds: the measurer's P99 error of this measure, or the worst known.
func (s *side) measurerError(m measure) float64 {
	v := s.run.Trailer.Validity
	if grade(v) != sample.Degraded || m.kind != perRequest || m.unit != duration {
		return 0
	}
	known, ok := v.Error[sample.Measure(m.name)]
	worst := known.P99
	if !ok {
		for _, e := range v.Error {
			worst = max(worst, e.P99)
		}
	}
	return float64(worst)
}

// ungraded tells a log that others recorded: nobody calibrated it, and nobody can.
// It may be asserted on, as it may be judged; a run that bench made gets no such
// leave.
func (s *side) ungraded() bool {
	return grade(s.run.Trailer.Validity) == sample.Unknown && s.run.Header.Source != ""
}

// measuredNotes say what is known of the measurer's error.
func (s *side) measuredNotes() []string {
	v := s.run.Trailer.Validity
	switch {
	case s.ungraded():
		return []string{fmt.Sprintf("nobody graded the measurement of %s, a log of source %s: the measurer's error is unknown, and the bounds do not allow for it", s.name, s.run.Header.Source)}
	case grade(v) == sample.Degraded && len(v.Error) > 0:
		return []string{"the measurement is degraded: bounds of latencies are widened by the measurer's own P99 error"}
	}
	return nil
}

// grade is the worse of what a run says of itself and of what its signals say.
func grade(v sample.Validity) sample.Grade {
	worst := v.Grade
	for _, s := range v.Signals {
		if s.Grade == sample.Invalid || s.Grade == sample.Degraded && (worst == sample.Valid || worst == sample.Unknown) {
			worst = s.Grade
		}
	}
	return worst
}

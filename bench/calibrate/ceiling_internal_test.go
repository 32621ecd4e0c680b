package calibrate

import (
	"errors"
	"math"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// probeOf is a machine that measures honestly up to a rate.
func probeOf(rates *[]float64, limit float64) func(float64) (Calibration, error) {
	return func(rate float64) (Calibration, error) {
		*rates = append(*rates, rate)
		c := Calibration{PerSecond: rate, Validity: sample.Validity{Grade: sample.Valid}}
		if rate > limit {
			c.Validity.Grade = sample.Invalid
		}
		return c, nil
	}
}

// TestClimb: the bracket holds the limit wherever the search began, and is narrow.
func TestClimb(t *testing.T) {
	for _, c := range []struct{ from, limit float64 }{{100, 777}, {100, 100}, {100, 13}, {1, 5000}, {5000, 2}} {
		var rates []float64
		found, err := climb(c.from, 10_000, probeOf(&rates, c.limit))
		if err != nil || found.Highest > c.limit || found.Lowest <= c.limit || found.Lowest/found.Highest > bracket {
			t.Errorf("from %v: %v to %v (%v), want around %v", c.from, found.Highest, found.Lowest, err, c.limit)
		}
		if len(rates) != len(found.Probes) || len(rates) > 30 {
			t.Errorf("from %v: %d probes, %d told", c.from, len(rates), len(found.Probes))
		}
	}
}

// TestClimbEnds: at the highest rate allowed, and where no rate is honest.
func TestClimbEnds(t *testing.T) {
	var rates []float64
	found, err := climb(300, 1000, probeOf(&rates, math.Inf(1)))
	if err != nil || found.Highest != 1000 || found.Lowest != 0 || rates[len(rates)-1] != 1000 {
		t.Errorf("%+v %v", found, err)
	}
	found, err = climb(300, 1000, probeOf(&rates, 0))
	if err != nil || found.Highest != 0 || found.Lowest == 0 {
		t.Errorf("%v to %v, %v: no rate is honest there", found.Highest, found.Lowest, err)
	}
	broken := errors.New("broken")
	if _, err = climb(300, 1000, func(float64) (Calibration, error) { return Calibration{}, broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// TestClimbAsksTwice: one bad probe of a rate that is honest the second time is
// a neighbour's.
func TestClimbAsksTwice(t *testing.T) {
	n := 0
	found, err := climb(100, 400, func(rate float64) (Calibration, error) {
		n++
		grade := sample.Valid
		if n == 1 {
			grade = sample.Degraded
		}
		return Calibration{PerSecond: rate, Validity: sample.Validity{Grade: grade}}, nil
	})
	if err != nil || found.Highest != 400 || len(found.Probes) != 4 {
		t.Errorf("%+v %v", found, err)
	}
}

// TestHonest: a lost answer speaks against a probe that the rules find nothing in.
func TestHonest(t *testing.T) {
	c := Calibration{Validity: sample.Validity{Grade: sample.Valid}}
	if !c.Honest() || c.Objection() != "" {
		t.Errorf("%q", c.Objection())
	}
	if c.Failed = 1; c.Honest() || c.Objection() != "answers lost" {
		t.Errorf("%q", c.Objection())
	}
	c.Validity = sample.Validity{Grade: sample.Invalid, Signals: []sample.Signal{{Name: "a", Grade: sample.Degraded}, {Name: "b", Grade: sample.Invalid}}}
	if c.Honest() || c.Objection() != "b" {
		t.Errorf("%q", c.Objection())
	}
}

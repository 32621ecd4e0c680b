package calibrate

import (
	"context"
	"math"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// Honest tells whether the calibration found nothing against itself: by the rules
// of validity, and no answer was lost.
func (c *Calibration) Honest() bool { return c.Validity.Grade == sample.Valid && c.Failed == 0 }

// Objection names the first rule that the calibration broke worst; "" for none.
func (c *Calibration) Objection() string {
	for _, s := range c.Validity.Signals {
		if s.Grade == c.Validity.Grade && s.Grade != sample.Valid {
			return s.Name
		}
	}
	if c.Failed > 0 {
		return "answers lost"
	}
	return ""
}

// A Ceiling is the highest rate of starts that a machine measures honestly, as a
// bracket.
type Ceiling struct {
	Highest float64       `json:"highest_valid"`             // starts per second; 0: no rate was
	Lowest  float64       `json:"lowest_not_valid,omitzero"` // above it; 0: none was found
	Probes  []Calibration `json:"probes"`                    // in the order made
}

const (
	// bracket is how far apart the ends of a Ceiling may lie in the end.
	bracket = 1.15
	// fastest is where the search ends: as Options allow.
	fastest = 10_000
	// leastStarts makes a slow probe long enough for the rule of calibrated
	// answers, which are 100 at least.
	leastStarts = 110
)

// FindCeiling searches for it from o.PerSecond on: it doubles the rate while
// probes are honest, or halves it while none was, and then divides the bracket
// geometrically. Slow probes last longer than o.For, for enough answers. A probe that is not honest is made once more, and the second
// decides, as neighbours of a machine come and go; one that cannot be measured at
// all is an error. told, if not nil, gets every probe when it is made.
func FindCeiling(ctx context.Context, o Options, told func(Calibration)) (Ceiling, error) {
	o = o.withDefaults()
	shortest := o.For
	return climb(o.PerSecond, fastest, func(rate float64) (Calibration, error) {
		o.PerSecond = rate
		o.For = max(shortest, time.Duration(leastStarts/rate*float64(time.Second)))
		c, err := Calibrate(ctx, o)
		if err == nil && told != nil {
			told(c)
		}
		return c, err
	})
}

// climb is the search, over any probe.
func climb(from, fastest float64, probe func(rate float64) (Calibration, error)) (Ceiling, error) {
	var c Ceiling
	low, high := 0.0, math.Inf(1)
	for rate := from; ; rate = next(low, high, rate, fastest) {
		honest := false
		for try := 0; try < 2 && !honest; try++ {
			p, err := probe(rate)
			if err != nil {
				return c, err
			}
			c.Probes = append(c.Probes, p)
			honest = p.Honest()
		}
		if honest {
			low = rate
		} else {
			high = rate
		}
		if low >= fastest || low > 0 && high/low <= bracket || high < slowest {
			break
		}
	}
	if c.Highest = low; !math.IsInf(high, 1) {
		c.Lowest = high
	}
	return c, nil
}

// slowest is where a search downwards gives up.
const slowest = 1

func next(low, high, rate, fastest float64) float64 {
	switch {
	case math.IsInf(high, 1):
		return min(2*rate, fastest)
	case low == 0:
		return rate / 2
	}
	return math.Sqrt(low * high)
}

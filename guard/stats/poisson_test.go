package stats_test

import (
	"math"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

func TestVectorEPoisson(t *testing.T) {
	r := stats.PoissonRatio(stats.Events{N: 5000, Over: 300}, stats.Events{N: 4700, Over: 300}, .05)
	near(t, "ratio", r.Ratio, .94)
	near(t, "lower", r.Lower, 0.9031124943)
	near(t, "upper", r.Upper, 0.9783820921)
	near(t, "p", r.P, 0.0023966034)
}

func TestPoissonRatioOfSwappedArms(t *testing.T) {
	a, b := stats.Events{N: 12, Over: 60}, stats.Events{N: 31, Over: 90}
	ab, ba := stats.PoissonRatio(a, b, .1), stats.PoissonRatio(b, a, .1)
	near(t, "ratio", ab.Ratio*ba.Ratio, 1)
	near(t, "lower", ab.Lower*ba.Upper, 1)
	near(t, "upper", ab.Upper*ba.Lower, 1)
	near(t, "p", ab.P, ba.P)
}

// The interval at level p just reaches the ratio 1.
func TestPoissonIntervalAgreesWithP(t *testing.T) {
	for _, b := range []stats.Events{{N: 30, Over: 60}, {N: 4, Over: 40}, {N: 1, Over: 600}} {
		a := stats.Events{N: 14, Over: 60}
		p := stats.PoissonRatio(a, b, .05).P
		r := stats.PoissonRatio(a, b, p)
		end := r.Lower
		if r.Ratio < 1 {
			end = r.Upper
		}
		near(t, "end of the interval", end, 1)
	}
}

func TestPoissonRatioWithoutEvents(t *testing.T) {
	none := stats.PoissonRatio(stats.Events{Over: 1}, stats.Events{Over: 1}, .05)
	if !math.IsNaN(none.Ratio) || none.Lower != 0 || !math.IsInf(none.Upper, 1) || none.P != 1 {
		t.Errorf("no events: %+v", none)
	}
	first := stats.PoissonRatio(stats.Events{Over: 1}, stats.Events{N: 9, Over: 1}, .05)
	if !math.IsInf(first.Ratio, 1) || !math.IsInf(first.Upper, 1) || !(first.Lower > 1) {
		t.Errorf("no events in the baseline: %+v", first)
	}
	near(t, "p of nine heads", first.P, math.Exp2(-8))
	gone := stats.PoissonRatio(stats.Events{N: 9, Over: 1}, stats.Events{Over: 1}, .05)
	if gone.Ratio != 0 || gone.Lower != 0 || !(gone.Upper < 1) {
		t.Errorf("no events in the candidate: %+v", gone)
	}
}

func TestEventShare(t *testing.T) {
	near(t, "equal", stats.EventShare(1, 300, 300), .5)
	near(t, "a tenth of the time", stats.EventShare(1, 90, 10), .1)
	near(t, "twice the rate", stats.EventShare(2, 90, 10), 2./11)
}

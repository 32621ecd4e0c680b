package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

func logs(e []float64) []float64 {
	out := make([]float64, len(e))
	for i, v := range e {
		out[i] = math.Log(v)
	}
	return out
}

func TestVectorFClosedMeans(t *testing.T) {
	adjusted := stats.ClosedMeans(logs([]float64{1.2, 30, .8, 100}))
	for i, want := range []float64{1, 32. / 3, .8, 33} {
		near(t, "adjusted e-value", math.Exp(adjusted[i]), want)
	}
}

func TestVectorFBenjaminiHochberg(t *testing.T) {
	adjusted := stats.BenjaminiHochberg([]float64{.01, .04, .03, .005})
	for i, want := range []float64{.02, .04, .04, .02} {
		near(t, "adjusted p-value", adjusted[i], want)
	}
}

func TestClosedMeansAgainstEverySet(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 1))
	for range 50 {
		e := make([]float64, 1+r.IntN(7))
		for i := range e {
			e[i] = math.Exp(3 * r.NormFloat64())
		}
		got := stats.ClosedMeans(logs(e))
		for j := range e {
			least := math.Inf(1)
			for set := range 1 << len(e) {
				if set>>j&1 == 0 {
					continue
				}
				sum, size := 0.0, 0.0
				for i := range e {
					if set>>i&1 == 1 {
						sum, size = sum+e[i], size+1
					}
				}
				least = math.Min(least, sum/size)
			}
			near(t, "adjusted e-value", math.Exp(got[j]), least)
		}
	}
}

// Evidence outgrows a float64 soon; its logarithm does not.
func TestClosedMeansOfHugeEvidence(t *testing.T) {
	got := stats.ClosedMeans([]float64{5000, -5000})
	near(t, "with the weakest", got[0], 5000-math.Ln2)
	near(t, "the weakest", got[1], -5000)
	if stats.ClosedMeans(nil) == nil {
		t.Error("nil for no e-values")
	}
}

// Rejecting what is at most q is Benjamini and Hochberg's step-up rule.
func TestBenjaminiHochbergAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 2))
	for range 200 {
		p := make([]float64, 1+r.IntN(8))
		for i := range p {
			p[i] = r.Float64() * r.Float64()
		}
		adjusted := stats.BenjaminiHochberg(p)
		q := r.Float64()
		level := 0.0 // the largest p(k) with p(k) <= q k/m
		for _, candidate := range p {
			rank := 0
			for _, v := range p {
				if v <= candidate {
					rank++
				}
			}
			if candidate <= q*float64(rank)/float64(len(p)) {
				level = math.Max(level, candidate)
			}
		}
		for i := range p {
			if rejected := adjusted[i] <= q; rejected != (p[i] <= level) {
				t.Errorf("p=%v q=%v: adjusted %v", p, q, adjusted)
			}
		}
	}
}

func TestAverage(t *testing.T) {
	up, down := stats.HalfNormalRho(1), stats.HalfNormalRho(1)
	for range 9 {
		up.Add(1)
		down.Add(-1)
	}
	want := math.Log((math.Exp(up.Log()) + math.Exp(down.Log())) / 2)
	near(t, "mean", stats.Average{up, down}.Log(), want)
	near(t, "of none", stats.Average(nil).Log(), 0)
}

func TestAnytimeP(t *testing.T) {
	near(t, "p at the bar", stats.AnytimeP(math.Log(20)), .05)
	near(t, "p without evidence", stats.AnytimeP(-3), 1)
}

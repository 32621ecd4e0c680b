package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

func memberOf(sums []float64) stats.Member {
	m := stats.Member{Sums: sums, P: stats.TailT(stats.MeanT(sums).T, float64(len(sums)-1))}
	for k := range sums {
		m.Unit = append(m.Unit, k)
	}
	return m
}

func normals(r *rand.Rand, n int, mean float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = mean + r.NormFloat64()
	}
	return x
}

// TestStepDownOfOne: alone, a member's adjusted p-value is its sign-flip p, or its
// own where that is larger.
func TestStepDownOfOne(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 30 {
		sums := normals(r, 10, .4)
		got := stats.StepDown([]stats.Member{memberOf(sums)}, 10, 1)[0]
		near(t, "p", got, math.Max(stats.SignFlip(sums), memberOf(sums).P))
	}
}

// TestStepDownOfTheSame: members that say the same do not pay for each other.
func TestStepDownOfTheSame(t *testing.T) {
	sums := normals(rand.New(rand.NewPCG(2, 2)), 12, .5)
	alone := stats.StepDown([]stats.Member{memberOf(sums)}, 12, 1)[0]
	same := []stats.Member{memberOf(sums), memberOf(sums), memberOf(sums)}
	for _, p := range stats.StepDown(same, 12, 1) {
		near(t, "p", p, alone)
	}
}

// TestStepDownAgainstDefinition computes, for every flip, the smallest p-value
// among the members still in.
func TestStepDownAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	const k = 8
	for range 20 {
		common := normals(r, k, .3)
		var members []stats.Member
		for range 3 {
			sums := normals(r, k, .2)
			for i := range sums {
				sums[i] += common[i]
			}
			members = append(members, memberOf(sums))
		}
		// A member of merged blocks flips with them.
		merged := stats.Member{Sums: normals(r, 4, .5), Unit: []int{0, 1, 2, 3}}
		merged.P = stats.TailT(stats.MeanT(merged.Sums).T, 3)
		for j := range members {
			for i := range members[j].Unit {
				members[j].Unit[i] = i / 2
			}
		}
		members = append(members, merged)
		got := stats.StepDown(members, 4, 1)
		for j, want := range slowStepDown(members, 4) {
			near(t, "p", got[j], want)
		}
	}
}

func slowStepDown(members []stats.Member, units int) []float64 {
	adjusted := make([]float64, len(members))
	for j, m := range members {
		// Adjusted p: the largest over all members at least as significant, each
		// against the smallest p of those not more significant.
		for _, step := range members {
			if step.P > m.P {
				continue
			}
			hits := 0
			for bits := range 1 << units {
				least := 1.0
				for _, other := range members {
					if other.P < step.P {
						continue
					}
					flipped := make([]float64, len(other.Sums))
					for i, s := range other.Sums {
						flipped[i] = s * (1 - 2*float64(bits>>other.Unit[i]&1))
					}
					least = min(least, stats.TailT(stats.MeanT(flipped).T, float64(len(flipped)-1)))
				}
				if least <= step.P*(1+1e-9) {
					hits++
				}
			}
			adjusted[j] = max(adjusted[j], step.P, float64(hits)/float64(int(1)<<units))
		}
	}
	return adjusted
}

// TestStepDownErrorRate: with six members, none of them worse, some member is
// rejected in about 5 % of runs, however much they have in common; Holm falls
// far below where they do.
func TestStepDownErrorRate(t *testing.T) {
	const runs, blocks = 600, 20
	for _, common := range []float64{0, .9, .99} {
		r := rand.New(rand.NewPCG(seed("step-down"), uint64(100*common)))
		rejected, holm := 0, 0
		for range runs {
			shared := normals(r, blocks, 0)
			var members []stats.Member
			var p []float64
			for range 6 {
				sums := normals(r, blocks, 0)
				for i := range sums {
					sums[i] = math.Sqrt(common)*shared[i] + math.Sqrt(1-common)*sums[i]
				}
				members = append(members, memberOf(sums))
				p = append(p, members[len(members)-1].P)
			}
			rejected += any05(stats.StepDown(members, blocks, 1))
			holm += any05(stats.Holm(p))
		}
		t.Logf("common %v: step-down %.1f %%, Holm %.1f %%", common, 100*float64(rejected)/runs, 100*float64(holm)/runs)
		between(t, "step-down", rejected, runs, .04, .055)
		if common > .9 && holm >= rejected {
			t.Errorf("Holm rejects %d, the step-down %d: nothing is gained", holm, rejected)
		}
	}
}

func any05(p []float64) int {
	for _, x := range p {
		if x <= .05 {
			return 1
		}
	}
	return 0
}

func BenchmarkStepDown(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var members []stats.Member
	for range 9 {
		members = append(members, memberOf(normals(r, 20, .1)))
	}
	b.ReportAllocs()
	for b.Loop() {
		stats.StepDown(members, 20, 1)
	}
}

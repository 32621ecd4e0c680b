package fakegemini

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/stat"
)

// builtIn reads a scenario file of the project. It goes by path: this area may
// not import datasets.
func builtIn(t testing.TB, name string) Scenario {
	t.Helper()
	text, err := os.ReadFile("../../datasets/scenarios/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseScenario(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var samePlan = cmp.AllowUnexported(plan{})

// manyPlans returns the plans of n items at occurrence 0.
func manyPlans(s *Scenario, n, chunks int, injury Injury) []plan {
	plans := make([]plan, n)
	for i := range plans {
		plans[i] = planOf(s, 1, key{item: fmt.Sprint("item-", i)}, chunks, injury)
	}
	return plans
}

func TestPlanIsPureAndItsPartsAreIndependent(t *testing.T) {
	s := builtIn(t, "faults")
	k := key{item: "a", occ: 3}
	want := planOf(&s, 7, k, 20, Injury{})
	if diff := cmp.Diff(want, planOf(&s, 7, k, 20, Injury{}), samePlan); diff != "" {
		t.Errorf("the same key gave another plan: %s", diff)
	}
	longer := planOf(&s, 7, k, 30, Injury{})
	if longer.first != want.first || !slices.Equal(longer.gaps[:19], want.gaps) {
		t.Error("a longer answer moved the chunks before its end")
	}
	for name, other := range map[string]plan{
		"seed":       planOf(&s, 8, k, 20, Injury{}),
		"item":       planOf(&s, 7, key{item: "b", occ: 3}, 20, Injury{}),
		"occurrence": planOf(&s, 7, key{item: "a", occ: 4}, 20, Injury{}),
	} {
		if other.first == want.first || other.gaps[0] == want.gaps[0] {
			t.Errorf("another %s gave the same draws", name)
		}
	}
	again := planOf(&s, 7, key{item: "a", occ: 3, attempt: 1}, 20, Injury{})
	if again.first != want.first || !slices.Equal(again.gaps, want.gaps) {
		t.Error("a repeated attempt moved the times")
	}
}

// TestPlanVectors pins the draws: a run recorded with one version must be
// served alike by the next.
func TestPlanVectors(t *testing.T) {
	s := builtIn(t, "gate")
	got := planOf(&s, 1, key{item: "short-001"}, 4, Injury{})
	want := plan{first: 42159961, gaps: []time.Duration{3130668, 1694436, 1065111}}
	if diff := cmp.Diff(want, got, samePlan); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFirstChunkIsLognormalWithTheItemsShare(t *testing.T) {
	s := builtIn(t, "gate")
	const items, occurrences = 4000, 4
	var all, means []float64
	for i := range items {
		sum := 0.0
		for occ := range occurrences {
			p := planOf(&s, 1, key{item: fmt.Sprint(i), occ: occ}, 1, Injury{})
			z := math.Log(float64(p.first) / float64(s.FirstChunk.Median))
			all, sum = append(all, z), sum+z
		}
		means = append(means, sum/occurrences)
	}
	near(t, "mean of the logarithm", stat.Mean(all, nil), 0, 0.02)
	near(t, "sigma", stat.StdDev(all, nil), s.FirstChunk.Sigma, 0.01)
	// Var(mean of 4) = sigma^2 * (b + (1-b)/4).
	between := stat.Variance(means, nil)/(s.FirstChunk.Sigma*s.FirstChunk.Sigma)*4/3 - 1.0/3
	near(t, "between_items", between, s.FirstChunk.BetweenItems, 0.04)
}

func TestGapsAreLognormalAndCorrelated(t *testing.T) {
	s := builtIn(t, "gate")
	var all, before, after []float64
	for _, p := range manyPlans(&s, 1500, 21, Injury{}) {
		for i, gap := range p.gaps {
			z := math.Log(float64(gap) / float64(s.Gap.Median))
			all = append(all, z)
			if i > 0 {
				before, after = append(before, all[len(all)-2]), append(after, z)
			}
		}
	}
	near(t, "mean of the logarithm", stat.Mean(all, nil), 0, 0.02)
	near(t, "sigma", stat.StdDev(all, nil), s.Gap.Sigma, 0.01)
	near(t, "ar1", stat.Correlation(before, after, nil), s.Gap.AR1, 0.02)
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s is %.4f, want %.4f within %g", what, got, want, tolerance)
	}
}

func TestInjuryChangesOnlyWhatItSays(t *testing.T) {
	s := builtIn(t, "faults")
	const n, chunks = 4000, 12
	sound := manyPlans(&s, n, chunks, Injury{})
	factor := func(p plan, by float64) plan { p.first = scale(p.first, by); return p }
	stalled := func(p plan) plan { p.fault, p.faultAfter, p.cutByReset = FaultStall, 0, false; return p }
	failed := func(p plan) plan { p.fault, p.faultAfter, p.cutByReset = FaultInjured500, 0, false; return p }
	slower := func(p plan) plan {
		p.gaps = slices.Clone(p.gaps)
		for i := range p.gaps {
			p.gaps[i] = scale(p.gaps[i], 1.3)
		}
		return p
	}
	cases := []struct {
		injury string
		share  float64 // of the requests that are injured
		hurt   func(plan) plan
	}{
		{"ttft=+30%", 1, func(p plan) plan { return factor(p, 1.3) }},
		{"tail=+50%", 0.1, func(p plan) plan { return factor(p, 1.5) }},
		{"gap=+30%", 1, slower},
		{"errors=5%", 0.05, failed},
		{"errors=100%", 1, failed},
		{"stall", 1, stalled},
		{"quality=10%", 0.1, func(p plan) plan { p.garbled = true; return p }},
		{"quality=0%", 1, func(p plan) plan { return p }},
		{"ttft=+0%", 1, func(p plan) plan { return p }},
	}
	for _, c := range cases {
		t.Run(c.injury, func(t *testing.T) {
			injury, err := ParseInjury(c.injury)
			if err != nil {
				t.Fatal(err)
			}
			hurt := 0
			for i, got := range manyPlans(&s, n, chunks, injury) {
				switch {
				case cmp.Equal(got, c.hurt(sound[i]), samePlan):
					hurt++
				case !cmp.Equal(got, sound[i], samePlan):
					t.Fatalf("item %d is neither sound nor hurt as said:\n%+v\n%+v", i, sound[i], got)
				}
			}
			near(t, "share injured", float64(hurt)/n, c.share, 0.015)
		})
	}
}

// The plant of a gate is late at its first chunk and at every other.
func TestInjuriesOfOnePathAddUp(t *testing.T) {
	s := builtIn(t, "gate")
	sound := planOf(&s, 1, key{item: "a"}, 9)
	first, gap := Injury{InjureTTFT, 10}, Injury{InjureGap, 30}
	both := planOf(&s, 1, key{item: "a"}, 9, first, gap)
	if both.first != scale(sound.first, 1.1) || both.gaps[7] != scale(sound.gaps[7], 1.3) {
		t.Errorf("first chunk after %v, want 1.1 of %v; last gap %v, want 1.3 of %v", both.first, sound.first, both.gaps[7], sound.gaps[7])
	}
	if other := planOf(&s, 1, key{item: "a"}, 9, gap, first); !cmp.Equal(both, other, samePlan) {
		t.Errorf("the order of injuries matters: %+v, %+v", both, other)
	}
}

func TestTailInjuryHitsTheSlowestTenth(t *testing.T) {
	s := builtIn(t, "gate")
	const n = 4000
	sound, hurt := manyPlans(&s, n, 1, Injury{}), manyPlans(&s, n, 1, Injury{InjureTail, 50})
	limit := scale(s.FirstChunk.Median, math.Exp(s.FirstChunk.Sigma*slowestTenth))
	for i := range sound {
		if injured := hurt[i].first != sound[i].first; injured != (sound[i].first > limit) {
			t.Fatalf("first chunk at %v, injured %v, limit %v", sound[i].first, injured, limit)
		}
	}
}

func TestFaultsComeAsOftenAsSaid(t *testing.T) {
	s := builtIn(t, "faults")
	const n = 20_000
	counts := map[Fault]int{}
	healed := 0
	for i := range n {
		k := key{item: fmt.Sprint(i)}
		p := planOf(&s, 1, k, 10, Injury{})
		counts[p.fault]++
		k.attempt = 1
		if p.fault != NoFault && planOf(&s, 1, k, 10, Injury{}).fault == NoFault {
			healed++
		}
	}
	for _, share := range s.Faults.shares() {
		near(t, share.fault.String(), float64(counts[share.fault])/n, share.p, 0.005)
	}
	if faults := n - counts[NoFault]; healed < faults*3/4 {
		t.Errorf("a second attempt healed %d of %d faults", healed, faults)
	}
}

func TestFaultsNeverComeWithTheLastChunk(t *testing.T) {
	s := builtIn(t, "fast")
	s.Faults = Faults{Cut: 1, CutAfter: 5}
	for chunks, want := range map[int]int{1: 0, 2: 1, 5: 4, 6: 5, 9: 5} {
		if p := planOf(&s, 1, key{item: "a"}, chunks, Injury{}); p.faultAfter != want {
			t.Errorf("%d chunks: cut after %d, want %d", chunks, p.faultAfter, want)
		}
	}
}

func TestParseInjury(t *testing.T) {
	for text, want := range map[string]Injury{
		"ttft=+30%":   {InjureTTFT, 30},
		"gap=+2.5%":   {InjureGap, 2.5},
		"tail=+1000%": {InjureTail, 1000},
		"errors=5%":   {InjureError, 5},
		"quality=10%": {InjureQuality, 10},
		"stall":       {InjureStall, 0},
	} {
		got, err := ParseInjury(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("ParseInjury(%q) = %v, %v", text, got, err)
		}
	}
	const kinds = "; use ttft=+N%, gap=+N%, tail=+N% (N 0..1000), errors=N%, quality=N% (N 0..100) or stall"
	for text, why := range map[string]string{
		"":             "no such kind",
		"slow":         "no such kind",
		"ttft":         "the percentage must end in %",
		"ttft=+30":     "the percentage must end in %",
		"ttft=-30%":    "the percentage is not a number",
		"ttft=NaN%":    "the percentage is not a number",
		"gap=+1e2%":    "the percentage is not a number",
		"gap=%":        "the percentage is not a number",
		"gap=+1001%":   "the percentage is over 1000",
		"errors=101%":  "a share is at most 100%",
		"quality=101%": "a share is at most 100%",
		"stall=5%":     "no such kind",
		"ttft=+30%%":   "the percentage is not a number",
		"ttft=++30%":   "the percentage is not a number",
		"errors=1.1.%": "the percentage is not a number",
	} {
		_, err := ParseInjury(text)
		if want := fmt.Sprintf("injury %q: %s%s", text, why, kinds); err == nil || err.Error() != want {
			t.Errorf("ParseInjury(%q): %v, want %s", text, err, want)
		}
	}
}

func BenchmarkPlan(b *testing.B) {
	s := builtIn(b, "gate")
	b.ReportAllocs()
	for b.Loop() {
		planOf(&s, 1, key{item: "short-001"}, 28, Injury{})
	}
}

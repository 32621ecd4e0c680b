package schedule_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/schedule"
)

func TestConstantDoesNotDrift(t *testing.T) {
	got := schedule.Spec{Kind: schedule.Constant, PerSecond: 3, N: 3_000_001}.Offsets(1)
	if got[0] != 0 || got[1] != 333_333_333 || got[3] != 1e9 {
		t.Errorf("begins with %v", got[:4])
	}
	if last := got[len(got)-1]; last != 1e15 {
		t.Errorf("after 3 million gaps of a third of a second: %d, want 1e15", last)
	}
}

func TestSameSeedSameSchedule(t *testing.T) {
	spec := schedule.Spec{Kind: schedule.Poisson, PerSecond: 100, N: 1000}
	if !slices.Equal(spec.Offsets(7), spec.Offsets(7)) {
		t.Error("two schedules from one seed")
	}
	if slices.Equal(spec.Offsets(7), spec.Offsets(8)) {
		t.Error("one schedule from two seeds")
	}
	// Pinned: a seed of a report must give the same schedule in later versions.
	if got, want := fmt.Sprint(spec.Offsets(7)[:3]), "[11784564 27289620 29453999]"; got != want {
		t.Errorf("seed 7 begins with %s, want %s", got, want)
	}
}

// TestPoissonIsPoisson checks the gaps of exact seeds: mean, standard deviation
// (that of an exponential equals its mean), the largest distance of their
// distribution function from the exponential's, and independence.
func TestPoissonIsPoisson(t *testing.T) {
	const n = 20_000
	for _, rate := range []float64{.5, 100, 5000} {
		for seed := range uint64(5) {
			offsets := schedule.Spec{Kind: schedule.Poisson, PerSecond: rate, N: n}.Offsets(seed)
			gaps := make([]float64, n) // in mean gaps
			last := int64(0)
			for i, at := range offsets {
				if at < last {
					t.Fatalf("rate %v seed %d: offset %d goes back", rate, seed, i)
				}
				gaps[i], last = float64(at-last)/1e9*rate, at
			}
			mean, square, lag := 0.0, 0.0, 0.0
			for i, g := range gaps {
				mean += g / n
				square += (g - 1) * (g - 1) / n
				if i > 0 {
					lag += (g - 1) * (gaps[i-1] - 1) / n
				}
			}
			// Four standard errors of each: 1/sqrt(n), sqrt(8/n), 1/sqrt(n).
			se := 1 / math.Sqrt(n)
			if math.Abs(mean-1) > 4*se || math.Abs(square-1) > 4*math.Sqrt(8)*se || math.Abs(lag) > 4*se {
				t.Errorf("rate %v seed %d: mean %v, variance %v, lag-1 %v", rate, seed, mean, square, lag)
			}
			slices.Sort(gaps)
			ks := 0.0
			for i, g := range gaps {
				f := 1 - math.Exp(-g)
				ks = max(ks, math.Abs(f-float64(i)/n), math.Abs(f-float64(i+1)/n))
			}
			if ks > 1.95*se { // p about .001
				t.Errorf("rate %v seed %d: Kolmogorov-Smirnov distance %v", rate, seed, ks)
			}
		}
	}
}

func TestClosedLoopHasNoOffsets(t *testing.T) {
	if got := (schedule.Spec{Kind: schedule.Closed, Workers: 2, N: 5}).Offsets(1); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestValidateReportsEveryProblem(t *testing.T) {
	for _, row := range []struct {
		spec schedule.Spec
		want []string // none: valid
	}{
		{schedule.Spec{Kind: schedule.Constant, PerSecond: 1, N: 1}, nil},
		{schedule.Spec{Kind: schedule.Poisson, PerSecond: .001, N: 100}, nil},
		{schedule.Spec{Kind: schedule.Closed, Workers: 1, N: 1}, nil},
		{schedule.Spec{}, []string{"0 requests", "unknown kind"}},
		{schedule.Spec{Kind: "sine", PerSecond: 1, N: 1}, []string{"constant, poisson, gamma, onoff or closed"}},
		{schedule.Spec{Kind: schedule.Gamma, Shape: .25, PerSecond: 1, N: 1}, nil},
		{schedule.Spec{Kind: schedule.OnOff, On: 1, Off: 1, PerSecond: 1, N: 1}, nil},
		{schedule.Spec{Kind: schedule.Closed, Workers: 1, PerSecond: 5, N: 1}, nil},
		{schedule.Spec{Kind: schedule.Trace, N: 1}, nil},
		{schedule.Spec{Kind: schedule.Poisson, Stages: []schedule.Stage{{From: 0, To: 2, For: 3 * time.Second}}, N: 3}, nil},
		{schedule.Spec{Kind: schedule.Gamma, PerSecond: 1, N: 1}, []string{"gamma shape of 0"}},
		{schedule.Spec{Kind: schedule.Poisson, Shape: 2, On: 1, PerSecond: 1, N: 1}, []string{"take no shape", "have no spells"}},
		{schedule.Spec{Kind: schedule.OnOff, On: 1, PerSecond: 1, N: 1}, []string{"spells of 1ns on and 0s off"}},
		{schedule.Spec{Kind: schedule.OnOff, On: 1, Off: 1, Stages: []schedule.Stage{{1, 1, time.Second}}, N: 1}, []string{"no stages"}},
		{schedule.Spec{Kind: schedule.Listed, PerSecond: 1, N: 1}, []string{"are given"}},
		{schedule.Spec{Kind: schedule.Poisson, PerSecond: 1, Stages: []schedule.Stage{{1, 1, time.Second}}, N: 1}, []string{"give no other"}},
		{schedule.Spec{Kind: schedule.Poisson, Stages: []schedule.Stage{{1, 1, time.Second}}, N: 2}, []string{"2 requests in stages that make 1"}},
		{schedule.Spec{Kind: schedule.Poisson, Stages: []schedule.Stage{{-1, 1, time.Second}, {1, 1, 0}}, N: 2}, []string{"stage -1-1x1s", "stage 1x0s"}},
		{schedule.Spec{Kind: schedule.Poisson, Stages: []schedule.Stage{{0, 0, time.Second}, {1, 1, time.Second}}, N: 1}, []string{"a pause"}},
		{schedule.Spec{Kind: schedule.Constant, Workers: 1, N: -1}, []string{"-1 requests", "0 starts per second", "workers"}},
		{schedule.Spec{Kind: schedule.Poisson, PerSecond: math.NaN(), N: 1}, []string{"NaN"}},
		{schedule.Spec{Kind: schedule.Poisson, PerSecond: math.Inf(1), N: 1}, []string{"Inf"}},
		{schedule.Spec{Kind: schedule.Poisson, PerSecond: 1e-9, N: 1e6}, []string{"longer"}},
		{schedule.Spec{Kind: schedule.Closed, PerSecond: 5}, []string{"0 requests", "0 workers"}},
		{schedule.Spec{Kind: schedule.Closed, Workers: 1, PerSecond: -5, N: 1}, []string{"at most -5 starts"}},
		{schedule.Spec{Kind: schedule.Closed, Workers: 1, Stages: []schedule.Stage{{1, 1, time.Second}}, N: 1}, []string{"takes no stages"}},
	} {
		err := row.spec.Validate()
		if (err == nil) != (row.want == nil) {
			t.Errorf("%+v: %v", row.spec, err)
			continue
		}
		for _, want := range row.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %q is not in %q", row.spec, want, err)
			}
		}
	}
}

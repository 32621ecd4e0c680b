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

// sorted fails if offsets go back, which no law may do, and returns their gaps in
// mean gaps.
func sorted(t *testing.T, spec schedule.Spec, offsets []int64) []float64 {
	t.Helper()
	if len(offsets) != spec.N {
		t.Fatalf("%+v: %d offsets", spec, len(offsets))
	}
	gaps := make([]float64, len(offsets))
	last := int64(0)
	for i, at := range offsets {
		if at < last {
			t.Fatalf("%+v: offset %d goes back", spec, i)
		}
		gaps[i], last = float64(at-last)/1e9*spec.PerSecond, at
	}
	return gaps
}

func moments(values []float64) (mean, cv float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v / n
	}
	square := 0.0
	for _, v := range values {
		square += (v - mean) * (v - mean) / n
	}
	return mean, math.Sqrt(square) / mean
}

// TestGammaHasItsShape checks the gaps of exact seeds: the mean is 1 and the CV
// is 1/sqrt(shape). The tolerance is four standard errors: of the mean cv/sqrt(n),
// of the variance's share sqrt((kurtosis-1)/n), where a gamma's kurtosis is
// 3+6/shape, and half of that of the CV's.
func TestGammaHasItsShape(t *testing.T) {
	const n = 40_000
	for _, shape := range []float64{.1, .25, .84, 1, 4, 100} {
		for seed := range uint64(3) {
			spec := schedule.Spec{Kind: schedule.Gamma, PerSecond: 100, Shape: shape, N: n}
			mean, cv := moments(sorted(t, spec, spec.Offsets(seed)))
			want := 1 / math.Sqrt(shape)
			seMean, seCV := want/math.Sqrt(n), math.Sqrt((2+6/shape)/n)/2
			if math.Abs(mean-1) > 4*seMean || math.Abs(cv/want-1) > 4*seCV {
				t.Errorf("shape %v seed %d: mean %v, CV %v, want 1 and %v within %v", shape, seed, mean, cv, want, 4*seCV)
			}
		}
	}
}

// TestOnOffIsAnInterruptedPoissonProcess checks mean and CV: with spells of mean
// length on and off and starts at rate l within a spell the squared CV of the gaps
// is 1 + 2 l r / (r+s)^2, where r = 1/on and s = 1/off (Kuczura 1973).
func TestOnOffIsAnInterruptedPoissonProcess(t *testing.T) {
	const n = 400_000
	spec := schedule.Spec{Kind: schedule.OnOff, PerSecond: 20, On: time.Second, Off: 3 * time.Second, N: n}
	for seed := range uint64(3) {
		mean, cv := moments(sorted(t, spec, spec.Offsets(seed)))
		l, r, s := 80.0, 1.0, 1/3.0
		want := math.Sqrt(1 + 2*l*r/(r+s)/(r+s))
		// Gaps are independent (the process renews itself at each start), so the mean
		// has a standard error of cv/sqrt(n); that of the CV, of a law with a heavy
		// tail, is taken from twenty seeds: 1 %.
		if math.Abs(mean-1) > 4*want/math.Sqrt(n) || math.Abs(cv/want-1) > 4*.010 {
			t.Errorf("seed %d: mean %v, CV %v, want 1 and %v", seed, mean, cv, want)
		}
	}
}

// TestStagesHaveTheirRates checks where the starts fall against the integral of
// the rate: exactly for equal gaps, within the Kolmogorov-Smirnov bound for the
// independent draws that Poisson starts are, given their number.
func TestStagesHaveTheirRates(t *testing.T) {
	stages := []schedule.Stage{{From: 0, To: 100, For: 20 * time.Second}, {From: 0, To: 0, For: 5 * time.Second}, {From: 50, To: 50, For: 10 * time.Second}, {From: 200, To: 10, For: 20 * time.Second}}
	n := schedule.Starts(stages)
	if n != 1000+0+500+2100 {
		t.Fatalf("%d starts", n)
	}
	share := func(at float64) float64 { // of the starts that lie before at, by hand
		switch {
		case at <= 20:
			return 2.5 * at * at / 3600
		case at <= 25:
			return 1000. / 3600
		case at <= 35:
			return (1000 + 50*(at-25)) / 3600
		}
		x := at - 35
		return (1500 + 200*x - 190*x*x/40) / 3600
	}
	for _, row := range []struct {
		spec schedule.Spec
		far  float64
	}{
		{schedule.Spec{Kind: schedule.Constant}, 1.0 / 3600},
		{schedule.Spec{Kind: schedule.Poisson}, 1.95 / 60},               // p about .001
		{schedule.Spec{Kind: schedule.Gamma, Shape: 4}, 1.95 / 60},       // more even than Poisson
		{schedule.Spec{Kind: schedule.Gamma, Shape: .25}, 2 * 1.95 / 60}, // the CV is twice that of Poisson
	} {
		row.spec.Stages, row.spec.N = stages, n
		if err := row.spec.Validate(); err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(5) {
			offsets := row.spec.Offsets(seed)
			sorted(t, row.spec, offsets)
			far := 0.0
			for i, at := range offsets {
				far = max(far, math.Abs(share(float64(at)/1e9)-float64(i)/float64(n)))
			}
			if far > row.far {
				t.Errorf("%s seed %d: %v from the integral of the rate, at most %v", row.spec.Kind, seed, far, row.far)
			}
			if last := offsets[n-1]; last > 55e9 {
				t.Errorf("%s: ends at %d, after its stages", row.spec.Kind, last)
			}
		}
	}
}

// Pinned, and readable as what the laws mean: milliseconds of twelve starts.
func TestSmallSchedules(t *testing.T) {
	steps := []schedule.Stage{{From: 2, To: 2, For: 2 * time.Second}, {From: 8, To: 8, For: time.Second}}
	ramp := []schedule.Stage{{From: 0, To: 12, For: 2 * time.Second}}
	for _, row := range []struct {
		name string
		spec schedule.Spec
		want string
	}{
		{"constant", schedule.Spec{Kind: schedule.Constant, PerSecond: 4, N: 12}, "0 250 500 750 1000 1250 1500 1750 2000 2250 2500 2750"},
		{"steps", schedule.Spec{Kind: schedule.Constant, Stages: steps, N: 12}, "0 500 1000 1500 2000 2125 2250 2375 2500 2625 2750 2875"},
		{"ramp", schedule.Spec{Kind: schedule.Constant, Stages: ramp, N: 12}, "0 577 816 1000 1154 1290 1414 1527 1632 1732 1825 1914"},
		{"poisson", schedule.Spec{Kind: schedule.Poisson, PerSecond: 4, N: 12}, "294 682 736 1567 1846 2845 3219 3393 3823 3894 4155 4172"},
		{"poisson ramp", schedule.Spec{Kind: schedule.Poisson, Stages: ramp, N: 12}, "521 793 824 1202 1305 1620 1723 1769 1878 1895 1958 1962"},
		{"bursts", schedule.Spec{Kind: schedule.Gamma, Shape: .1, PerSecond: 4, N: 12}, "0 428 428 428 428 428 434 565 1013 1013 1013 1013"},
		{"nearly even", schedule.Spec{Kind: schedule.Gamma, Shape: 100, PerSecond: 4, N: 12}, "241 511 750 992 1282 1508 1813 2071 2326 2569 2876 3116"},
		{"spells", schedule.Spec{Kind: schedule.OnOff, On: time.Second, Off: time.Second, PerSecond: 4, N: 12}, "193 220 636 776 2890 2926 3056 3065 3146 3215 3257 3351"},
	} {
		offsets := row.spec.Offsets(7)
		var text []string
		for _, at := range offsets {
			text = append(text, fmt.Sprint(at/1e6))
		}
		if got := strings.Join(text, " "); got != row.want {
			t.Errorf("%s: %s\nwant %s", row.name, got, row.want)
		}
		if !slices.Equal(offsets, row.spec.Offsets(7)) {
			t.Errorf("%s: two schedules from one seed", row.name)
		}
		if row.spec.Kind != schedule.Constant && slices.Equal(offsets, row.spec.Offsets(8)) {
			t.Errorf("%s: one schedule from two seeds", row.name)
		}
	}
}

func TestParse(t *testing.T) {
	stages, err := schedule.ParseStages("5x30s, 5-50x1m,0x10s")
	if err != nil || fmt.Sprint(stages) != "[5x30s 5-50x1m0s 0x10s]" || schedule.Starts(stages) != 150+1650 {
		t.Errorf("%v, %v", stages, err)
	}
	for _, bad := range []string{"", "5", "5x", "x5s", "5x5", "a-bx5s", "5x3s,,"} {
		if _, err := schedule.ParseStages(bad); err == nil {
			t.Errorf("%q is taken for stages", bad)
		}
	}
	rates, err := schedule.ParseRates("5, 10,20.5")
	if err != nil || !slices.Equal(rates, []float64{5, 10, 20.5}) {
		t.Errorf("%v, %v", rates, err)
	}
	for _, bad := range []string{"", "0", "5,5", "5,-1", "5,x", "NaN"} {
		if _, err := schedule.ParseRates(bad); err == nil {
			t.Errorf("%q is taken for rates", bad)
		}
	}
}

func TestProfile(t *testing.T) {
	for want, spec := range map[string]schedule.Spec{
		"":                                   {Kind: schedule.Poisson, PerSecond: 5},
		"shape 0.25; stages 5x30s,5-50x1m0s": {Kind: schedule.Gamma, Shape: .25, Stages: []schedule.Stage{{From: 5, To: 5, For: 30 * time.Second}, {From: 5, To: 50, For: time.Minute}}},
		"on 2s, off 8s in the mean":          {Kind: schedule.OnOff, On: 2 * time.Second, Off: 8 * time.Second},
		"at most 5 starts per second":        {Kind: schedule.Closed, PerSecond: 5},
	} {
		if got := spec.Profile(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What goes before a schedule goes at the rate at which that begins.
func TestBefore(t *testing.T) {
	ramp := schedule.Spec{Kind: schedule.Constant, Stages: []schedule.Stage{{From: 4, To: 40, For: time.Minute}}, N: 1320}
	if got := ramp.Before(3, 0).Offsets(1); !slices.Equal(got, []int64{0, 250e6, 500e6}) {
		t.Errorf("%v", got)
	}
	if got := (schedule.Spec{Kind: schedule.Trace, N: 9}).Before(3, 2); got.Kind != schedule.Poisson || got.PerSecond != 2 || got.N != 3 {
		t.Errorf("%+v", got)
	}
	if got := (schedule.Spec{Kind: schedule.Closed, Workers: 2, N: 9}).Before(3, 0); got.Workers != 2 || got.N != 3 {
		t.Errorf("%+v", got)
	}
}

package summary_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

const msec = int64(1e6)

// answered returns a success that took 10, 20 and 60 ms, with its token events
// 10 ms apart.
func answered(arm string, block int) sample.Sample {
	return sample.Sample{
		Arm: arm, Block: block, Outcome: sample.OK,
		IntendedNS: 100 * msec, SentNS: 101 * msec, FirstByteNS: 110 * msec,
		TokenNS: 120 * msec, LastNS: 150 * msec, CloseNS: 160 * msec,
		Events: 4, GapsNS: []int64{5 * msec, 10 * msec, 15 * msec},
	}
}

func failed(arm string, outcome sample.Outcome) sample.Sample {
	return sample.Sample{Arm: arm, IntendedNS: 1, Outcome: outcome}
}

var twoArms = []sample.Arm{{Name: "baseline"}, {Name: "candidate", Flags: map[string]bool{"ff_x": true}}}

// TestFoldLeavesOutWhatIsNotTold: a success of which a log does not tell the first
// byte has no time to it, and above all none below 0.
func TestFoldLeavesOutWhatIsNotTold(t *testing.T) {
	silent := answered("baseline", 0)
	silent.FirstByteNS = 0
	arms := summary.Fold(twoArms, []sample.Sample{silent, silent}, nil)
	if d := arms[0].Measures[sample.TTFB]; d.N != 0 {
		t.Errorf("%d times to first byte, of which none was told: %+v", d.N, d)
	}
	if d := arms[0].Measures[sample.Full]; d.N != 2 {
		t.Errorf("%d full latencies, want 2", d.N)
	}
}

func TestFoldCountsAndMeasures(t *testing.T) {
	warm := answered("baseline", 0)
	warm.Warmup = true
	score := .5
	scored := answered("candidate", 1)
	scored.Quality = &score
	one := answered("candidate", 0)
	one.Events, one.GapsNS, one.LastNS = 1, nil, one.TokenNS

	arms := summary.Fold(twoArms, []sample.Sample{
		answered("candidate", 0), warm, answered("baseline", 0), scored, one,
		failed("candidate", sample.HTTP5xx), answered("stranger", 0),
	}, nil)

	if len(arms) != 2 || arms[0].Name != "baseline" || arms[1].Name != "candidate" {
		t.Fatalf("arms %v: the header's order is lost", arms)
	}
	base, cand := arms[0], arms[1]
	if base.Requests != 1 || base.OK != 1 || base.Events != 4 {
		t.Errorf("baseline: %d requests, %d ok, %d events: warm-up must not count", base.Requests, base.OK, base.Events)
	}
	if cand.Requests != 4 || cand.OK != 3 || cand.Events != 9 || !cand.Flags["ff_x"] {
		t.Errorf("candidate: %+v", cand)
	}
	if diff := cmp.Diff(map[sample.Outcome]int{sample.HTTP5xx: 1}, cand.Failures); diff != "" {
		t.Error(diff)
	}
	if cand.Scored != 1 || cand.Quality != .5 {
		t.Errorf("quality %v of %d", cand.Quality, cand.Scored)
	}
	checkMeasures(t, cand)
}

func checkMeasures(t *testing.T, cand summary.Arm) {
	t.Helper()
	tests := []struct {
		measure   sample.Measure
		n, failed int
		p50, max  summary.Latency
	}{
		{sample.TTFB, 4, 1, 10_000_000, summary.Infinite},
		{sample.FirstToken, 4, 1, 20_000_000, summary.Infinite},
		{sample.Gap, 3, 1, 10_000_000, summary.Infinite}, // one answer has no gap
		{summary.EventGap, 6, 0, 10_000_000, 15_000_000},
		{sample.Full, 4, 1, 60_000_000, summary.Infinite},
	}
	for _, test := range tests {
		d := cand.Measures[test.measure]
		if d.N != test.n || d.Failed != test.failed || !within(d.P50, test.p50) || d.Max != test.max {
			t.Errorf("%s: n %d, failed %d, P50 %d, max %d; want %+v", test.measure, d.N, d.Failed, d.P50, d.Max, test)
		}
	}
}

func TestFoldRatesAndProcessorTime(t *testing.T) {
	slots := []sample.Slot{
		{Arm: "baseline", Requests: 100, Events: 1000, CPUNS: 2e6, IntendedHz: 50, AchievedHz: 50},
		{Arm: "baseline", Requests: 100, Events: 3000, CPUNS: 6e6, IntendedHz: 100, AchievedHz: 50},
		{Arm: "baseline", Requests: 500, Events: 9000}, // nothing told: neither time nor work
		{Arm: "candidate", Requests: 1, Events: 1},
	}
	arms := summary.Fold(twoArms, nil, slots)
	want := map[string]float64{
		"intended":        200 / 3.0, // 200 starts in 2 s and 1 s
		"achieved":        50,
		"cpu per event":   2000,
		"cpu per request": 40_000,
	}
	got := map[string]float64{
		"intended": arms[0].IntendedHz, "achieved": arms[0].AchievedHz,
		"cpu per event": arms[0].CPUPerEventNS, "cpu per request": arms[0].CPUPerRequestNS,
	}
	for name, w := range want {
		if math.Abs(got[name]-w) > 1e-9*w {
			t.Errorf("%s: %v, want %v", name, got[name], w)
		}
	}
	if c := arms[1]; c.IntendedHz != 0 || c.CPUPerEventNS != 0 || c.CPUPerRequestNS != 0 {
		t.Errorf("what is not known must be 0: %+v", c)
	}
}

func TestFoldDoesNotDependOnBlocks(t *testing.T) {
	var spread, together []sample.Sample
	for i := range 60 {
		s := answered("baseline", i%7)
		s.TokenNS += int64(i) * msec / 3
		if i%20 == 0 {
			s.Outcome = sample.SlowToken
		}
		spread = append(spread, s)
		s.Block = 0
		together = append(together, s)
	}
	a, b := summary.Fold(twoArms, spread, nil), summary.Fold(twoArms, together, nil)
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("the merge of blocks is not the whole:\n%s", diff)
	}
	if cells := summary.Cells(spread); cells[summary.Cell{Arm: "baseline", Block: 3, Measure: sample.Full}].N() != 9 {
		t.Error("a block's histogram does not hold the block's requests")
	}
}

func TestFoldOfNothing(t *testing.T) {
	arms := summary.Fold(twoArms, nil, nil)
	if len(arms) != 2 || arms[0].Requests != 0 || len(arms[0].Measures) != 0 {
		t.Errorf("got %+v", arms)
	}
}

package evidence_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
)

func TestPlan(t *testing.T) {
	run := two()
	run.Header.Blocks, run.Trailer.Look = 20, 3
	if set := build(t, run); set.Planned != 20 || set.Look != 3 || set.Blocks != 2 {
		t.Errorf("planned %d, look %d, blocks %d", set.Planned, set.Look, set.Blocks)
	}
}

func TestPaired(t *testing.T) {
	run := two()
	*find(&run, "new", 3, "x") = sample.Sample{Arm: "new", Block: 3, Outcome: sample.DroppedStart, Item: "x"}
	find(&run, "new", 7, "y").Outcome = sample.HTTP5xx
	var got []string
	for _, p := range build(t, run).Paired {
		got = append(got, fmt.Sprint(p.Block, p.Item, " ", p.Baseline.Arm, p.Baseline.Item, " ", p.Candidate.Arm, p.Candidate.Item))
	}
	want := []string{"0 1 oldy newy", "1 0 oldx newx", "1 1 oldy newy"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEveryMeasure(t *testing.T) {
	run := two()
	for i := range run.Samples {
		s := &run.Samples[i]
		s.SentNS, s.EventNS = s.IntendedNS+1e6, s.IntendedNS+7e6
		s.GapsNS = []int64{10e6, 10e6, 10e6}
		s.UpstreamNS = []int64{s.TokenNS - 1e6, s.TokenNS + 9e6, s.TokenNS + 19e6, s.TokenNS + 29e6}
	}
	set := build(t, run)
	for m, want := range map[sample.Measure]float64{
		sample.Queue: 1e6, sample.TTFB: 5e6, sample.FirstEvent: 7e6, sample.FirstToken: 10e6, sample.Gap: 10e6, sample.TPOT: 10e6,
		sample.LastContent: 40e6, sample.Full: 50e6, sample.AddedToken: 1e6, sample.AddedEvent: 1e6,
	} {
		if p := set.Latencies[m]; p.N() != 4 || p.Baseline[3] != want || p.Candidate[0] != want || p.Weight != nil {
			t.Errorf("%s: %+v, want 4 of %g", m, p, want)
		}
		if alone := set.Alone[m]; len(alone) != 4 || alone[0] != want {
			t.Errorf("%s alone: %v", m, alone)
		}
	}
	for _, m := range []sample.Measure{sample.DNSTime, sample.Connect, sample.TLSTime, sample.FirstText} {
		if _, there := set.Latencies[m]; there {
			t.Errorf("%s: no request has it", m)
		}
		if set.PerBlock(m) != nil {
			t.Errorf("%s by block: no request has it", m)
		}
	}
	run.Header.Lacks = []sample.Measure{sample.Gap}
	if _, there := build(t, run).Latencies[sample.Gap]; there {
		t.Error("a measure that the source cannot tell is there")
	}
}

// TestAllFailed holds that measures do not vanish when everything fails: no
// absolute limit could be broken any more.
func TestAllFailed(t *testing.T) {
	for _, arms := range [][]string{{"new"}, {"old", "new"}} {
		run := two()
		for i := range run.Samples {
			for _, arm := range arms {
				if run.Samples[i].Arm == arm {
					run.Samples[i].Outcome = sample.HTTP5xx
				}
			}
		}
		alone := build(t, run).Alone[sample.FirstToken]
		if len(alone) != 4 || !math.IsInf(alone[0], 1) {
			t.Errorf("%v failed: first token %v", arms, alone)
		}
	}
}

func TestWeights(t *testing.T) {
	run := two()
	for _, arm := range []string{"old", "new"} {
		find(&run, arm, 7, "x").Weight = 2.5
	}
	find(&run, "new", 3, "x").CloseNS += 7
	set := build(t, run)
	if diff := cmp.Diff([]float64{1, 1, 2.5, 1}, set.Latencies[sample.Full].Weight); diff != "" {
		t.Error(diff)
	}
	// An absolute limit is one on the load as it is.
	if diff := cmp.Diff([]bool{true, false}, set.Natural); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{50e6, 50e6 + 7}, set.Alone[sample.Full]); diff != "" {
		t.Error(diff)
	}
	if build(t, two()).Natural != nil {
		t.Error("a run without weights has blocks with some")
	}
}

func TestZeroHasNoLogarithm(t *testing.T) {
	run := two()
	s := find(&run, "new", 3, "x")
	s.LastNS = s.TokenNS
	p := build(t, run).Latencies[sample.Gap]
	if p.N() != 3 || p.LostCandidate != 1 || p.Zero != 1 {
		t.Errorf("%+v", p)
	}
}

// controlled is two with a plant of all picks and a twin of the first in each
// block, slower than the others.
func controlled() sample.Run {
	run := two()
	run.Header.Arms = append(run.Header.Arms[:2:2],
		sample.Arm{Name: "twin", Role: sample.Twin, PerSlot: 1},
		sample.Arm{Name: "plant", Role: sample.Plant, Planted: .5})
	for _, block := range []int{3, 7} {
		for _, item := range []string{"x", "y"} {
			s := answer("plant", block, item)
			s.TokenNS += 5e6
			run.Samples = append(run.Samples, s)
		}
		run.Samples = append(run.Samples, answer("twin", block, "x"))
		for _, arm := range []string{"twin", "plant"} {
			run.Trailer.Slots = append(run.Trailer.Slots, sample.Slot{Block: block, Arm: arm, CPUNS: 5})
		}
	}
	return run
}

func TestControls(t *testing.T) {
	run := controlled()
	set := build(t, run)
	c := set.Controls
	if c == nil || c.Twin == nil || c.Plant == nil || c.Planted != .5 {
		t.Fatalf("%+v", c)
	}
	for _, test := range []struct {
		name        string
		set         *evidence.Set
		pairs, lost int
		ratio       float64
	}{{"twin", c.Twin, 2, 0, 1}, {"plant", c.Plant, 4, 0, 1.5}} {
		s := test.set
		p := s.Latencies[sample.FirstToken]
		if s.Baseline != "old" || s.Candidate != test.name || s.Pairs != test.pairs || s.LostCandidate+s.LostBaseline != test.lost ||
			s.Blocks != 2 || s.Controls != nil || p.N() != test.pairs || p.Candidate[0]/p.Baseline[0] != test.ratio {
			t.Errorf("%s: %+v", test.name, s)
		}
		if s.Arms[1].Name != test.name || s.Slots[0].Candidate == nil {
			t.Errorf("%s: arm %q, slots %+v", test.name, s.Arms[1].Name, s.Slots)
		}
	}
	if turn := c.Twin.Slots[1].Baseline; turn.CPUNS != 0 || turn.Requests != 1 || turn.EndNS-turn.StartNS != 50e6 {
		t.Errorf("a part of a turn: %+v", turn)
	}
	if set.Candidate != "new" || set.Pairs != 4 {
		t.Errorf("%q, %d pairs", set.Candidate, set.Pairs)
	}
	if build(t, two()).Controls != nil {
		t.Error("controls of a run that has none")
	}
}

// TestControlsLoseTheirOwn holds that a pick which a control lacks is a loss only
// if the control was to have it.
func TestControlsLoseTheirOwn(t *testing.T) {
	run := controlled()
	*find(&run, "twin", 3, "x") = sample.Sample{Arm: "twin", Block: 3, Item: "x", Outcome: sample.Aborted}
	// The first pick of the baseline was not sent: the second does not move up.
	find(&run, "old", 7, "x").Outcome = sample.DroppedStart
	s := build(t, run).Controls.Twin
	if s.Pairs != 0 || s.LostCandidate != 1 || s.LostBaseline != 1 {
		t.Errorf("%d pairs, lost %d and %d", s.Pairs, s.LostBaseline, s.LostCandidate)
	}
}

func TestControlsAreNoCandidates(t *testing.T) {
	run := controlled()
	arms := run.Header.Arms
	run.Header.Arms = []sample.Arm{arms[2], arms[3], arms[0], arms[1]}
	if set := build(t, run); set.Baseline != "old" || set.Candidate != "new" {
		t.Errorf("%s against %s", set.Candidate, set.Baseline)
	}
	run.Header.Arms = arms[1:]
	if _, err := evidence.New(evidence.Source{Run: run}); err == nil {
		t.Error("a control became a side")
	}
	if set, err := evidence.New(evidence.Source{Run: controlled(), Candidate: "twin"}); err != nil || set.Candidate != "twin" {
		t.Errorf("a control that was asked for by name: %v", err)
	}
}

// split is a run in which requests arrive in another order than they start.
func split() sample.Run {
	run := sample.Run{Header: sample.Header{Design: sample.Split, Arms: []sample.Arm{{Name: "old"}, {Name: "new"}}}}
	for i, r := range []struct {
		arm, session string
		start, end   int64
		share        float64
		outcome      sample.Outcome
	}{
		{"old", "", 1, 90, .1, sample.OK},
		{"new", "s", 2, 30, .1, sample.OK},
		{"new", "s", 40, 50, .2, sample.OK},
		{"old", "", 3, 0, .1, sample.Refused}, // known at once
		{"old", "t", 4, 60, .1, sample.OK},
		{"new", "t", 61, 70, .1, sample.OK}, // the session changed sides
		{"new", "", 5, 20, .1, sample.Aborted},
	} {
		run.Samples = append(run.Samples, sample.Sample{
			Seq: i, Arm: r.arm, Session: r.session, IntendedNS: r.start, CloseNS: r.end, Share: r.share, Outcome: r.outcome,
		})
	}
	return run
}

func TestUnits(t *testing.T) {
	run := split()
	run.Samples = append(run.Samples, sample.Sample{Arm: sample.Unassigned, Outcome: sample.Refused}, sample.Sample{Arm: sample.Unassigned, Warmup: true})
	set := build(t, run)
	if set.Unassigned != 1 {
		t.Errorf("%d requests of no arm, want 1", set.Unassigned)
	}
	var got []string
	for _, u := range set.Units {
		got = append(got, fmt.Sprint(u.Candidate, u.Share, " ", len(u.Requests), " ", u.Requests[0].Seq))
	}
	if diff := cmp.Diff([]string{"false 0.1 1 3", "true 0.1 2 1", "false 0.1 1 0"}, got); diff != "" {
		t.Error(diff)
	}
	if set.Mixed != 1 {
		t.Errorf("%d sessions changed sides, want 1", set.Mixed)
	}
	if set.Pairs+set.LostBaseline+set.LostCandidate != 0 || set.Paired != nil {
		t.Errorf("a split has no pairs: %+v", set)
	}
	if all := evidence.Sum(set.Outcomes.Candidate); all.Attempts != 3 {
		t.Errorf("%+v", all)
	}
}

// TestUnitsByName holds that what the run itself calls a unit comes before the
// session.
func TestUnitsByName(t *testing.T) {
	run := split()
	for i := range run.Samples {
		run.Samples[i].Session, run.Samples[i].Unit = "one", run.Samples[i].Arm
	}
	set := build(t, run)
	if len(set.Units) != 2 || set.Mixed != 0 || len(set.Units[0].Requests)+len(set.Units[1].Requests) != 6 {
		t.Errorf("%d units, %d mixed", len(set.Units), set.Mixed)
	}
}

// TestSwitchback has two time blocks of other requests in each block.
func TestSwitchback(t *testing.T) {
	run := two()
	run.Header.Design = sample.Switchback
	for i := range run.Samples {
		run.Samples[i].Item = "" // a log does not know
	}
	find(&run, "new", 7, "").Outcome = sample.HTTP5xx
	run.Samples = append(run.Samples, answer("new", 3, ""))
	set := build(t, run)
	p, there := set.Latencies[sample.Full]
	if set.Pairs+set.LostBaseline+set.LostCandidate != 0 || !there || p.N() != 0 || len(set.Alone[sample.Full]) != 5 {
		t.Errorf("%d pairs, %+v", set.Pairs, p)
	}
	want := []evidence.Values{
		{Baseline: []float64{50e6, 50e6}, Candidate: []float64{50e6, 50e6, 50e6}},
		{Baseline: []float64{50e6, 50e6}, Candidate: []float64{50e6, math.Inf(1)}},
	}
	if diff := cmp.Diff(want, set.PerBlock(sample.Full)); diff != "" {
		t.Error(diff)
	}
}

func TestOneArm(t *testing.T) {
	run := two()
	run.Header.Design, run.Header.Arms = sample.Single, run.Header.Arms[1:2]
	set := build(t, run)
	if set.Baseline != "" || set.Candidate != "new" || len(set.Alone[sample.Full]) != 4 || evidence.Sum(set.Outcomes.Baseline).Attempts != 0 {
		t.Errorf("%q against %q: %v", set.Candidate, set.Baseline, set.Alone)
	}
}

func TestTwo(t *testing.T) {
	side := func(arm, model string, grade sample.Grade, delay int64) evidence.Source {
		run := two()
		run.Header.Arms = []sample.Arm{{Name: arm}}
		run.Header.Design, run.Header.Model = sample.Single, model
		run.Trailer.Validity, run.Trailer.Digest = sample.Validity{Grade: grade}, model
		for i := range run.Samples {
			run.Samples[i].CloseNS += delay
		}
		return evidence.Source{Run: run}
	}
	set, err := evidence.Two(side("old", "m1", sample.Degraded, 0), side("new", "m2", sample.Valid, 5e6))
	if err != nil {
		t.Fatal(err)
	}
	if set.Header.Model != "m2" || set.Other.Model != "m1" || set.Digest != "m2" || set.OtherDigest != "m1" ||
		set.Header.Design != sample.Single || set.Validity.Grade != sample.Degraded || len(set.Header.Arms) != 2 {
		t.Errorf("%+v", set)
	}
	if v := set.PerBlock(sample.Full); len(v) != 2 || v[1].Baseline[0] != 50e6 || v[1].Candidate[1] != 55e6 {
		t.Errorf("%v", v)
	}
	if set.Pairs != 0 || set.Arms[0].Name != "old" || set.Arms[1].OK != 4 || set.Slots[0].Baseline.Arm != "old" || set.Slots[1].Candidate.Arm != "new" {
		t.Errorf("%+v", set.Arms)
	}
	both := evidence.Source{Run: two()}
	if _, err := evidence.Two(both, side("new", "", sample.Valid, 0)); err == nil {
		t.Error("took an arm that nobody named")
	}
	both.Baseline = "other"
	if set, err := evidence.Two(both, side("new", "", sample.Valid, 0)); err != nil || set.Baseline != "other" {
		t.Errorf("%q: %v", set.Baseline, err)
	}
	both.Baseline = "none"
	if _, err := evidence.Two(both, side("new", "", sample.Valid, 0)); err == nil {
		t.Error("took an arm that is not there")
	}
}

// million is a run of so many samples in 20 blocks.
func million(n int) sample.Run {
	run := sample.Run{Header: sample.Header{Design: sample.Interleaved, Arms: []sample.Arm{{Name: "old"}, {Name: "new"}}}}
	run.Samples = make([]sample.Sample, n)
	for i := range run.Samples {
		arm := run.Header.Arms[i/(n/40)%2].Name
		s := answer(arm, i/(n/20), fmt.Sprint("item-", i%(n/40)%222))
		s.Occurrence, s.SentNS, s.EventNS, s.TextNS = i%(n/40)/222, s.IntendedNS+int64(i%1000+1), s.FirstByteNS, s.TokenNS
		s.TokenNS += int64(i * 7919 % 1e6)
		s.UpstreamNS = []int64{s.IntendedNS}
		run.Samples[i] = s
	}
	return run
}

func BenchmarkNew(b *testing.B) {
	run := million(1e6)
	arms := build(b, run).Arms
	b.ReportAllocs()
	for b.Loop() {
		if _, err := evidence.New(evidence.Source{Run: run, Arms: arms}); err != nil {
			b.Fatal(err)
		}
	}
}

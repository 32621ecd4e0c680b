package evidence_test

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
)

// answer is a request that took 10 ms to its first token and 50 in all.
func answer(arm string, block int, item string) sample.Sample {
	start := int64(1e9 * (block + 1))
	return sample.Sample{
		Arm: arm, Block: block, Restart: block, Item: item, Outcome: sample.OK, IntendedNS: start,
		FirstByteNS: start + 5e6, TokenNS: start + 10e6, LastNS: start + 40e6, CloseNS: start + 50e6, Events: 4,
		Usage: sample.Usage{Input: 10, Output: 4, Cached: 5}, Finish: "end_turn", AnswerHash: item,
	}
}

// two returns a run of blocks 3 and 7 with two items in both arms.
func two() sample.Run {
	run := sample.Run{Header: sample.Header{
		Design: sample.Interleaved,
		Arms:   []sample.Arm{{Name: "old"}, {Name: "new"}, {Name: "other"}},
	}}
	for _, block := range []int{3, 7} {
		for _, arm := range []string{"old", "new", "other"} {
			for _, item := range []string{"x", "y"} {
				run.Samples = append(run.Samples, answer(arm, block, item))
			}
			run.Trailer.Slots = append(run.Trailer.Slots, sample.Slot{Block: block, Arm: arm, Events: block})
		}
	}
	return run
}

// find returns the sample of an arm, block and item.
func find(run *sample.Run, arm string, block int, item string) *sample.Sample {
	for i := range run.Samples {
		if s := &run.Samples[i]; s.Arm == arm && s.Block == block && s.Item == item {
			return s
		}
	}
	panic("no such sample")
}

func build(t testing.TB, run sample.Run) evidence.Set {
	t.Helper()
	set, err := evidence.New(evidence.Source{Run: run})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestPairs(t *testing.T) {
	run := two()
	find(&run, "new", 7, "y").TokenNS += 5e6
	// The order of arrival differs between the arms; the item decides.
	slices.Reverse(run.Samples[2:4])
	set := build(t, run)
	want := evidence.Pairs{
		Baseline: []float64{10e6, 10e6, 10e6, 10e6}, Candidate: []float64{10e6, 10e6, 10e6, 15e6},
		Block: []int{0, 0, 1, 1}, Item: []int{0, 1, 0, 1},
	}
	if diff := cmp.Diff(want, set.Latencies[sample.FirstToken]); diff != "" {
		t.Error("first token:", diff)
	}
	if set.Blocks != 2 || set.Restarts != 2 || set.Pairs != 4 || set.Baseline != "old" || set.Candidate != "new" {
		t.Errorf("%d blocks, %d restarts, %d pairs of %q and %q", set.Blocks, set.Restarts, set.Pairs, set.Baseline, set.Candidate)
	}
	wantWork := evidence.Work{Pairs: 4, BaselineTokens: 16, CandidateTokens: 16, BaselineCached: .5, CandidateCached: .5}
	block := evidence.ArmWork{OK: 2, Output: 8, Input: 20, Cached: 10, Finish: map[string]int{"end_turn": 2}}
	for range 2 {
		wantWork.Blocks = append(wantWork.Blocks, evidence.BlockWork{Baseline: block, Candidate: block, Counted: 2})
	}
	if diff := cmp.Diff(wantWork, set.Work); diff != "" {
		t.Error("work:", diff)
	}
	if set.Slots[1].Candidate.Events != 7 || set.Slots[0].Baseline.Events != 3 {
		t.Error("the slots are not those of the blocks")
	}
	if len(set.Arms) != 2 || set.Arms[1].Name != "new" || set.Arms[1].Requests != 4 {
		t.Errorf("arms: %+v", set.Arms)
	}
}

func TestOccurrencesArePairs(t *testing.T) {
	run := two()
	for _, arm := range []string{"old", "new"} {
		s := answer(arm, 3, "x")
		s.Occurrence = 1
		if arm == "new" {
			s.TokenNS += 7e6
		}
		run.Samples = append(run.Samples, s)
	}
	p := build(t, run).Latencies[sample.FirstToken]
	if p.N() != 5 || p.Block[2] != 0 || p.Candidate[2] != 17e6 {
		t.Errorf("%+v", p)
	}
}

func TestLosses(t *testing.T) {
	type losses struct{ n, lostBaseline, lostCandidate int }
	for _, c := range []struct {
		name  string
		spoil func(*sample.Run)
		token losses
		gap   losses
	}{
		{"nothing", func(*sample.Run) {}, losses{4, 0, 0}, losses{4, 0, 0}},
		{"never sent", func(r *sample.Run) { *find(r, "new", 3, "x") = sample.Sample{Arm: "other"} }, losses{3, 0, 1}, losses{3, 0, 1}},
		{"aborted", func(r *sample.Run) { find(r, "old", 3, "x").Outcome = sample.Aborted }, losses{3, 1, 0}, losses{3, 1, 0}},
		{"warm-up", func(r *sample.Run) { find(r, "old", 3, "x").Warmup = true }, losses{3, 1, 0}, losses{3, 1, 0}},
		{"no gap in one arm", func(r *sample.Run) { find(r, "new", 3, "x").Events = 1 }, losses{4, 0, 0}, losses{3, 0, 1}},
		{"no gap in both", func(r *sample.Run) {
			find(r, "new", 3, "x").Events = 1
			find(r, "old", 3, "x").Events = 1
		}, losses{4, 0, 0}, losses{3, 0, 0}},
		{"no gap, and the partner failed", func(r *sample.Run) {
			find(r, "new", 3, "x").Events = 1
			find(r, "old", 3, "x").Outcome = sample.HTTP5xx
		}, losses{4, 0, 0}, losses{3, 0, 0}},
		{"an instant that was not reached", func(r *sample.Run) { find(r, "new", 3, "x").TokenNS = 0 }, losses{3, 0, 1}, losses{4, 0, 0}},
		{"two for one place", func(r *sample.Run) { r.Samples = append(r.Samples, answer("new", 3, "x")) }, losses{4, 1, 0}, losses{4, 1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := two()
			c.spoil(&run)
			set := build(t, run)
			for _, m := range []struct {
				measure sample.Measure
				want    losses
			}{{sample.FirstToken, c.token}, {sample.Gap, c.gap}} {
				p := set.Latencies[m.measure]
				if got := (losses{p.N(), p.LostBaseline, p.LostCandidate}); got != m.want {
					t.Errorf("%s: %+v, want %+v", m.measure, got, m.want)
				}
			}
		})
	}
}

func TestFailuresAreInfinite(t *testing.T) {
	run := two()
	find(&run, "new", 7, "x").Outcome = sample.HTTP5xx
	set := build(t, run)
	p := set.Latencies[sample.Full]
	if !math.IsInf(p.Candidate[2], 1) || p.Baseline[2] != 50e6 {
		t.Errorf("%+v", p)
	}
	want := evidence.Outcomes{
		Baseline:     []evidence.Tally{{Attempts: 2, OK: 2}, {Attempts: 2, OK: 2}},
		Candidate:    []evidence.Tally{{Attempts: 2, OK: 2}, {Attempts: 2, OK: 1}},
		OnlyBaseline: 1,
	}
	if diff := cmp.Diff(want, set.Outcomes); diff != "" {
		t.Error(diff)
	}
	alone := set.Alone[sample.Full]
	if len(alone) != 4 || !math.IsInf(alone[3], 1) || alone[0] != 50e6 {
		t.Errorf("alone: %v", alone)
	}
	if set.Work.Pairs != 3 {
		t.Errorf("work over %d pairs, want the 3 that succeeded", set.Work.Pairs)
	}
}

func TestBaselineFirst(t *testing.T) {
	run := two()
	for _, item := range []string{"x", "y"} {
		find(&run, "new", 3, item).IntendedNS += 1e6
		find(&run, "old", 7, item).IntendedNS += 1e6
	}
	if n := build(t, run).BaselineFirst; n != 1 {
		t.Errorf("the baseline began %d blocks, want 1", n)
	}
}

func TestRestarts(t *testing.T) {
	run := two()
	for i := range run.Samples {
		if run.Samples[i].Arm == "old" {
			run.Samples[i].Restart = 0
		}
	}
	if n := build(t, run).Restarts; n != 1 {
		t.Errorf("%d restarts, want those of the arm that had fewer", n)
	}
}

func TestChoice(t *testing.T) {
	for _, c := range []struct{ baseline, candidate, want, wrong string }{
		{"", "", "old new", ""},
		{"other", "", "other old", ""},
		{"", "old", "new old", ""},
		{"new", "other", "new other", ""},
		{"new", "new", "", `both "new"`},
		{"", "nwe", "", `no arm "nwe": it has old, new, other`},
	} {
		set, err := evidence.New(evidence.Source{Run: two(), Baseline: c.baseline, Candidate: c.candidate})
		switch {
		case c.wrong != "":
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%q against %q: %v, want %q", c.candidate, c.baseline, err, c.wrong)
			}
		case err != nil || set.Baseline+" "+set.Candidate != c.want:
			t.Errorf("%q against %q: %s %s, %v", c.candidate, c.baseline, set.Baseline, set.Candidate, err)
		}
	}
	one := two()
	one.Header.Arms = one.Header.Arms[:1]
	if _, err := evidence.New(evidence.Source{Run: one}); err == nil {
		t.Error("a run of one arm was compared")
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.run.jsonl.gz")
	run := two()
	for i := range run.Samples {
		run.Samples[i].Seq = i
	}
	if err := sample.Write(path, &run); err != nil {
		t.Fatal(err)
	}
	set, err := evidence.Open(path)
	if err != nil || set.Pairs != 4 || set.Digest == "" {
		t.Errorf("%d pairs, digest %q, %v", set.Pairs, set.Digest, err)
	}
	if _, err := evidence.Open(path + ".none"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestNothing holds that an empty run is evidence of nothing, and no failure.
func TestNothing(t *testing.T) {
	run := two()
	run.Samples, run.Trailer.Slots = nil, nil
	set := build(t, run)
	if set.Blocks != 0 || set.Pairs != 0 || set.Latencies[sample.Full].N() != 0 {
		t.Errorf("%+v", set)
	}
}

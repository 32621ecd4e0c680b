package proof_test

import (
	"math"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

func evidenceOf(t *testing.T, run sample.Run) evidence.Set {
	t.Helper()
	set, err := evidence.New(evidence.Source{Run: run})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestFlips: on simulated gates of equal arms, with much or with little in common
// between the metrics, the replays are rolled back at the rate that is claimed.
func TestFlips(t *testing.T) {
	for name, restart := range map[string]float64{"quiet processes": 0, "processes that differ by 3 %": .03} {
		w := proof.World{Seed: proof.Seed(name), Blocks: 20, PerBlock: 60, Items: 200, Sigma: .5, Between: .9, Restart: restart}
		e := evidenceOf(t, w.Run())
		e.Validity = sample.Validity{Grade: sample.Invalid} // set aside
		s, err := proof.Flips(policy.Default(), e, proof.Replay{Flips: 400, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if s.RolledBack < 8 || s.RolledBack > 31 {
			t.Errorf("%s: rolled back %d of %d, want 8 to 31", name, s.RolledBack, s.Flips)
		}
		for _, share := range s.Shares {
			if share.Measure != policy.Full && math.Abs(share.Between-.9) > .05 {
				t.Errorf("%s: %s has a share of %v between items, simulated with .9", name, share.Measure, share.Between)
			}
		}
	}
}

// TestFlipsAreTheirSeed: the seed decides which blocks are swapped.
func TestFlipsAreTheirSeed(t *testing.T) {
	e := evidenceOf(t, proof.World{Seed: 2, Blocks: 20, PerBlock: 20, Sigma: .5, Between: .98}.Run())
	var counts [3]int
	for i, seed := range []uint64{5, 5, 6} {
		s, err := proof.Flips(policy.Default(), e, proof.Replay{Flips: 100, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		counts[i] = s.RolledBack
	}
	if counts[0] != counts[1] || counts[0] == counts[2] {
		t.Errorf("seeds 5, 5 and 6 rolled back %v times: want twice the same and another", counts)
	}
}

// TestFlipsWithTau: with a margin equal arms are never rolled back.
func TestFlipsWithTau(t *testing.T) {
	e := evidenceOf(t, proof.World{Seed: 1, Blocks: 20, PerBlock: 60, Sigma: .5, Between: .9}.Run())
	s, err := proof.Flips(policy.Default(), e, proof.Replay{Flips: 100, Tau: .1, Seed: 1})
	if err != nil || s.RolledBack != 0 {
		t.Errorf("rolled back %d of 100, %v", s.RolledBack, err)
	}
}

func TestFlipsRefuse(t *testing.T) {
	good := proof.World{Seed: 1, Blocks: 20, PerBlock: 20, Sigma: .5, Between: .9}
	few := good
	few.Blocks = 5
	for name, c := range map[string]struct {
		world  proof.World
		replay proof.Replay
		want   string
	}{
		"no flips":   {good, proof.Replay{}, "0 flips"},
		"tau":        {good, proof.Replay{Flips: 1, Tau: -1}, "tau is -1"},
		"shifted":    {good, proof.Replay{Flips: 1, Shifted: -1}, "-1 replays with a shift"},
		"few blocks": {few, proof.Replay{Flips: 1}, "this run proves nothing: Held: 5 blocks"},
	} {
		_, err := proof.Flips(policy.Default(), evidenceOf(t, c.world.Run()), c.replay)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestRange(t *testing.T) {
	least, most := proof.Selftest{Flips: 400, Alpha: .05}.Range()
	if least < 8 || least > 12 || most < 28 || most > 33 {
		t.Errorf("%d to %d of 400 at 5 %%", least, most)
	}
}

// TestWorldIsWhatItSays reads a simulated run back.
func TestWorldIsWhatItSays(t *testing.T) {
	w := proof.World{Seed: 3, Blocks: 10, PerBlock: 200, Items: 150, Sigma: .4, Between: .5, Gap: 2, CandidateErrors: .1}
	run := w.Run()
	if len(run.Samples) != 2*10*200 || len(run.Trailer.Slots) != 20 {
		t.Fatalf("%d samples, %d slots", len(run.Samples), len(run.Trailer.Slots))
	}
	e := evidenceOf(t, run)
	if e.Pairs != 2000 || e.LostBaseline+e.LostCandidate != 0 || e.Restarts != 10 || e.BaselineFirst == 0 || e.BaselineFirst == 10 {
		t.Errorf("%d pairs, lost %d and %d, %d restarts, baseline first in %d", e.Pairs, e.LostBaseline, e.LostCandidate, e.Restarts, e.BaselineFirst)
	}
	if rate := float64(evidence.Sum(e.Outcomes.Candidate).OK) / 2000; math.Abs(rate-.9) > .02 {
		t.Errorf("success rate %v, want .9", rate)
	}
	var ratio float64
	p := e.Latencies[sample.Gap]
	n := 0.0
	for i := range p.Baseline {
		if !math.IsInf(p.Candidate[i], 1) {
			ratio, n = ratio+math.Log(p.Candidate[i]/p.Baseline[i]), n+1
		}
	}
	if got := math.Exp(ratio / n); math.Abs(got-2) > .05 {
		t.Errorf("gaps are %v times longer, want 2", got)
	}
}

// TestSelftestSeesWhatIsPutIn: what is put into equal arms is found the more often
// the larger it is, and a gate that could not find 20 % is told so.
func TestSelftestSeesWhatIsPutIn(t *testing.T) {
	w := proof.World{Seed: proof.Seed(t.Name()), Blocks: 20, PerBlock: 60, Items: 200, Sigma: .5, Between: .9}
	p := policy.Default()
	s, err := proof.Flips(p, evidenceOf(t, w.Run()), proof.Replay{Flips: 1, Shifted: 20, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, seen := range s.Seen {
		if seen.Replays != 20 || i > 0 && seen.Found < s.Seen[i-1].Found {
			t.Errorf("%+v", s.Seen)
		}
	}
	if least, most := s.Seen[0].Found, s.Seen[len(s.Seen)-1].Found; least > 10 || most != 20 || !s.Flipped {
		t.Errorf("5 %% found in %d, 20 %% in %d, flipped: %v", least, most, s.Flipped)
	}
	for i := range p.Metrics {
		p.Metrics[i].Tau, p.Metrics[i].Margin = .3, .4
	}
	s, err = proof.Flips(p, evidenceOf(t, w.Run()), proof.Replay{Flips: 1, Seed: 1})
	if err != nil || s.Flipped || s.Seen[2].Found != 0 {
		t.Errorf("with a tau of 30 %%: %+v, flipped: %v, %v", s.Seen, s.Flipped, err)
	}
}

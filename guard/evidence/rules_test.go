package evidence_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
)

// TestRulesLostInBothArms: a successful request that lacks an instant is lost,
// also where its partner lacks the same. It is not a request without the measure.
func TestRulesLostInBothArms(t *testing.T) {
	run := two()
	find(&run, "old", 3, "x").TokenNS, find(&run, "new", 3, "x").TokenNS = 0, 0
	if p := build(t, run).Latencies[sample.FirstToken]; p.N() != 3 || p.LostBaseline != 1 || p.LostCandidate != 1 {
		t.Errorf("%d pairs, lost %d and %d: want 3, 1 and 1", p.N(), p.LostBaseline, p.LostCandidate)
	}
}

// TestAShardIsNoEvidence: one part of a plan says nothing of the whole.
func TestAShardIsNoEvidence(t *testing.T) {
	run := sample.Run{Header: sample.Header{
		Design: sample.Single, Arms: []sample.Arm{{Name: "a"}}, Shard: &sample.Shard{Index: 1, Of: 3},
	}}
	_, err := evidence.New(evidence.Source{Run: run})
	if !errors.Is(err, sample.ErrPart) || !strings.Contains(err.Error(), "shard 1 of 3") {
		t.Errorf("%v", err)
	}
	run.Header.Shard = nil
	if _, err := evidence.New(evidence.Source{Run: run}); err != nil {
		t.Errorf("whole: %v", err)
	}
}

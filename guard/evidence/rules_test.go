package evidence_test

import (
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
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

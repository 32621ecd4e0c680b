package judge_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// drawn simulates a run of 20 blocks of 50 pairs as bench/load draws it, every
// fifth block at natural weight, whose strata are the item's part of latency. Log
// latency has a standard deviation of .5, of whose square .8 lies between items.
func drawn(r *rand.Rand, e stats.Enrichment, slower float64) sample.Run {
	run := proof.World{Seed: 1, Blocks: 20}.Run()
	run.Header.Draw = &sample.Draw{Pilot: "0123456789abcdef", NaturalEvery: 5, Share: e.Share, Weight: e.Weight}
	for k := range 20 {
		strata, first := e.Draw(50, r.Float64()), r.IntN(2)
		for i, s := range strata {
			weight := e.Weight[s]
			if k%5 == 1 {
				s, weight = r.IntN(len(e.Share)), 0
			}
			item := math.Sqrt2 * math.Erfinv(2*(float64(s)+r.Float64())/float64(len(e.Share))-1)
			for side, arm := range [...]string{"baseline", "candidate"} {
				ns := int64(1e8 * math.Exp(.5*(math.Sqrt(.8)*item+math.Sqrt(.2)*r.NormFloat64())) * (1 + slower*float64(side)))
				at := int64(k+1)*1e12 + int64(side^first)*1e11 + int64(i)*1e7
				run.Samples = append(run.Samples, sample.Sample{
					Seq: len(run.Samples), Arm: arm, Block: k, Restart: k, Item: fmt.Sprint(k, i), Outcome: sample.OK, Status: 200, Events: 21,
					IntendedNS: at, SentNS: at, FirstByteNS: at + 1, TokenNS: at + 1e6, LastNS: at + ns, CloseNS: at + ns, Weight: weight, Stratum: s + 1,
					Usage: sample.Usage{Input: 100, Output: 21, Source: "usage"}, Finish: "end_turn", AnswerHash: "x",
				})
			}
		}
	}
	run.Trailer.Samples = len(run.Samples)
	return run
}

// TestEnrichedErrsNoMore: what the gate draws and the judge weighs errs as often as
// any other run, and finds a slower tail in fewer requests (pairing.md, P4).
func TestEnrichedErrsNoMore(t *testing.T) {
	squares := make([]float64, 20) // as a pilot shows them: the tail is decided in it
	for s := range squares {
		squares[s] = 1e-4
	}
	squares[16], squares[17], squares[18], squares[19] = .005, .02, .05, .04
	enriched, err := stats.Enrich(squares)
	if err != nil {
		t.Fatal(err)
	}
	evenly, err := stats.Enrich(slices.Repeat([]float64{1}, 20))
	if err != nil {
		t.Fatal(err)
	}
	p := only("full.p95")
	p.Metrics = slices.DeleteFunc(p.Metrics, func(m policy.Metric) bool { return !m.Gating })
	p.Metrics[0].Tau = 0
	const runs = 120
	rolledBack := func(e stats.Enrichment, slower float64) (n int) {
		r := rand.New(rand.NewPCG(proof.Seed(t.Name()), 1))
		for range runs {
			if judge.RollsBack(p, setOf(t, drawn(r, e, slower))) {
				n++
			}
		}
		return n
	}
	equal, slower, plain := rolledBack(enriched, 0), rolledBack(enriched, .05), rolledBack(evenly, .05)
	t.Logf("of %d runs rolled back: %d of equal arms, %d at +5 %%, %d at +5 %% without enrichment", runs, equal, slower, plain)
	if equal < 1 || equal > 14 { // at 5 % beyond either end in less than 1 % of seeds
		t.Errorf("%d of %d runs of equal arms were rolled back, nominal are 5 %%", equal, runs)
	}
	if slower < plain+runs/10 {
		t.Errorf("+5 %% is found in %d runs, and in %d without enrichment", slower, plain)
	}
}

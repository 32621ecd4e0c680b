package judge_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

// million is evidence of a million samples in 20 blocks of both arms, listed in
// pairs, of three latencies.
func million() evidence.Set {
	const blocks, perBlock = 20, 25_000
	set := evidence.Set{
		Header: sample.Header{Design: sample.Interleaved, Blocks: blocks}, Baseline: "baseline", Candidate: "candidate",
		Blocks: blocks, Restarts: blocks, BaselineFirst: blocks / 2, Validity: sample.Validity{Grade: sample.Valid},
		Pairs: blocks * perBlock, Latencies: map[sample.Measure]evidence.Pairs{},
		Work: evidence.Work{Pairs: 100, BaselineTokens: 100, CandidateTokens: 100},
	}
	r := rand.New(rand.NewPCG(proof.Seed("a million"), 0))
	for _, m := range [...]sample.Measure{sample.FirstToken, sample.Gap, sample.Full} {
		var p evidence.Pairs
		for i := range blocks * perBlock {
			shared := .45 * r.NormFloat64()
			p.Baseline = append(p.Baseline, math.Round(2e7*math.Exp(shared+.2*r.NormFloat64())))
			p.Candidate = append(p.Candidate, math.Round(2e7*math.Exp(shared+.2*r.NormFloat64())))
			p.Block, p.Item = append(p.Block, i/perBlock), append(p.Item, i)
		}
		set.Latencies[m] = p
	}
	for range blocks {
		t := evidence.Tally{Attempts: perBlock, OK: perBlock}
		set.Outcomes.Baseline, set.Outcomes.Candidate = append(set.Outcomes.Baseline, t), append(set.Outcomes.Candidate, t)
	}
	return set
}

// BenchmarkMillion judges six metrics of a million samples that are listed one by
// one; G17 asks 200 ms of histograms, see BenchmarkBinned.
func BenchmarkMillion(b *testing.B) {
	set := million()
	p := policy.Default()
	p.Metrics = nil
	for _, m := range [...]policy.Measure{policy.FirstToken, policy.Gap, policy.Full} {
		for _, s := range [...]policy.Statistic{policy.P50, policy.P95} {
			p.Metrics = append(p.Metrics, policy.Metric{Measure: m, Statistic: s, Gating: true, Tau: .05, Margin: .1})
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if v := judge.Judge(p, set); v.Decision != judge.Promote {
			b.Fatalf("%s: %q", v.Decision, v.Summary)
		}
	}
}

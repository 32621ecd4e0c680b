package proof

import (
	"math"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// A Scratch is the memory that a worker uses again in each repetition. It is not
// safe for use by several goroutines. The zero value is ready.
type Scratch struct {
	table  table
	ns     [2][]float64
	item   []int
	tally  []evidence.Tally
	common table
	six    [len(six)]column
}

// sampleOf returns the table as what the statistics take.
func (t *table) sampleOf(blocks int) stats.Sample {
	return stats.Sample{Baseline: t.baseline, Candidate: t.candidate, Block: t.block, Blocks: blocks}
}

// evidenceOf returns the evidence of a sound run with the pairs of m as its
// first token; it is valid until the next repetition.
func (s *Scratch) evidenceOf(m Model) evidence.Set {
	set := s.sound(m.Pairs, m.Blocks)
	if m.Restart == 0 { // the processes of this world run through all blocks
		set.Restarts = 1
	}
	set.Latencies = map[sample.Measure]evidence.Pairs{sample.FirstToken: s.pairs(&s.table, &s.ns)}
	return set
}

// sound is the evidence of a run without any doubt, but for latencies. Each
// pair is its own item.
func (s *Scratch) sound(pairs, blocks int) evidence.Set {
	for i := len(s.item); i < pairs; i++ {
		s.item = append(s.item, i)
	}
	s.tally = s.tally[:0]
	for k := range blocks {
		n := ceilDiv((k+1)*pairs, blocks) - ceilDiv(k*pairs, blocks)
		s.tally = append(s.tally, evidence.Tally{Attempts: n, OK: n})
	}
	return evidence.Set{
		Header:   sample.Header{Schema: sample.Schema, Tool: "firstbyte simulation", Design: sample.Interleaved, Blocks: blocks},
		Baseline: "baseline", Candidate: "candidate", Blocks: blocks, Restarts: blocks, BaselineFirst: blocks / 2, Planned: blocks,
		Validity: sample.Validity{Grade: sample.Valid},
		Pairs:    pairs, Outcomes: evidence.Outcomes{Baseline: s.tally, Candidate: s.tally},
		Work: evidence.Work{Pairs: pairs, BaselineTokens: pairs, CandidateTokens: pairs},
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// pairs turns a table into the columns of evidence.
func (s *Scratch) pairs(t *table, ns *[2][]float64) evidence.Pairs {
	n := len(t.baseline)
	for side, logs := range [...][]float64{t.baseline, t.candidate} {
		if cap(ns[side]) < n {
			ns[side] = make([]float64, n)
		}
		ns[side] = ns[side][:n]
		for i, v := range logs {
			ns[side][i] = math.Exp(v)
		}
	}
	return evidence.Pairs{Baseline: ns[0], Candidate: ns[1], Block: t.block, Item: s.item[:n], Weight: t.weight}
}

// demanding returns a policy of one gating statistic of the first token, with
// no other demand on the run than the usual least sizes.
func demanding(statistic policy.Statistic, tau policy.Share) policy.Policy {
	p := policy.Policy{
		Name: "simulation", Alpha: .05, MinBlocks: 8, MinPairs: 200,
		SameWork: policy.SameWork{Tokens: .02, Finish: .01, Cached: .02, Quality: .02},
	}
	p.Metrics = []policy.Metric{{Measure: policy.FirstToken, Statistic: statistic, Gating: true, Required: true, Tau: tau, Margin: max(.10, tau)}}
	return p
}

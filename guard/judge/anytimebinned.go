package judge

import (
	"fmt"
	"math"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// A binnedStream is the sign martingale on the scores of a band, of requests that
// were counted by bucket: of each block the score among the blocks up to it. That
// is exact where both arms get as many requests in a block; where they get
// different numbers the sums are symmetric only about as far as each has many.
type binnedStream struct {
	upTo     []*stats.Binned // the blocks up to each
	from, to float64
}

func (b binnedStream) watch(shift float64, side stats.Side) []stats.Step {
	direction := 1.0
	if side == stats.Below {
		direction = -1
	}
	var m stats.Martingale
	out := make([]stats.Step, len(b.upTo))
	for k, past := range b.upTo {
		sums := past.Band(b.from, b.to).Sums(shift)
		sum := sums[len(sums)-1]
		m.Add(direction*sum, sum*sum)
		out[k] = stats.Step{Log: m.Log(), Sum: sum}
	}
	return out
}

func (b binnedStream) estimate() float64 {
	return b.upTo[len(b.upTo)-1].Band(b.from, b.to).Estimate()
}

func (b binnedStream) merged() stream {
	out := binnedStream{from: b.from, to: b.to}
	for k := 1; k < len(b.upTo); k += 2 {
		out.upTo = append(out.upTo, b.upTo[k].Merged())
	}
	return out
}

// watch opens the record of one latency that was counted by bucket. Buckets too
// wide to rank in are left to the modes with planned looks: which of their edges
// to compare is read off all the evidence.
func (b *binnedTester) watch(c *docket, f *finding) record {
	all := c.set.Binned[sample.Measure(f.Measure)]
	if why := b.open(all); why != "" {
		f.out.Standing, f.out.Why, f.limitUnmet = Missing, why, f.Limit != nil
		return record{}
	}
	baseline, candidate := b.binned.N()
	f.out.N, f.out.Blocks = int(math.Min(baseline, candidate)), b.binned.K()
	b.q = quantileOf(f.Statistic)
	b.limitAnytime(c, f)
	f.object(refuseBlocks(c.policy, b.binned.K()).loosen())
	f.object(refusePairs(c.policy, f.out.N).loosen())
	b.refuse(c, f)
	if b.build(f); b.exact != nil {
		f.refuse(refusal{ReasonResolution, fmt.Sprintf("the bucket in which P%g lies is wider than %s %%: the mode anytime needs finer ones", 100*b.q, percent(fineWidth)), latencies})
	}
	b.hold(f)
	if f.refused.text != "" {
		return record{}
	}
	f.note(b.described(f))
	s := binnedStream{}
	s.from, s.to = b.window(f)
	r := record{blocks: true, widen: b.blur}
	for k := range all.Baseline {
		past, err := stats.NewBinned(bins(all.Baseline[:k+1]), bins(all.Candidate[:k+1]))
		if err != nil {
			panic("judge: the same histograms were lined up before: " + err.Error())
		}
		if past.K() > len(s.upTo) {
			s.upTo, r.looks = append(s.upTo, past), append(r.looks, k)
		}
	}
	r.stream = s
	return r
}

// limitAnytime is limit at all looks at once.
func (b *binnedTester) limitAnytime(c *docket, f *finding) {
	if f.Limit == nil {
		return
	}
	least, most, n := b.binned.Exceeding(f.Limit.Value)
	f.out.Limit, f.out.Value = Float(f.Limit.Value), Float(b.binned.Candidate(b.q))
	f.limitUnmet = !(most <= (1-b.q)*n)
	m := stats.NewBetaMixture(1-b.q, stats.Above, c.anytimeTuning())
	f.limitBroken = f.Gating && !c.allDead() && m.Log(int(least), int(math.Ceil(n))) >= -math.Log(float64(c.policy.Alpha))
}

func (b *binnedTester) show(_ *docket, f *finding) {
	f.out.Point = Float(b.binned.Ratio(b.q))
	for _, d := range b.binned.LogRatios(b.q) {
		f.out.BlockEffects = append(f.out.BlockEffects, Float(math.Exp(d)))
	}
}

package judge

import (
	"fmt"
	"math"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// anytimeTester returns how m is tested by e-values on paired blocks.
func (c *docket) anytimeTester(m policy.Metric) tester {
	switch {
	case c.counted(m.Measure):
		b := &binnedTester{}
		return &evidenceTester{open: b.watch, show: b.show}
	case m.Measure.Latency() && unpaired(c.set):
		b := &blockTester{}
		return &evidenceTester{open: b.watch, show: b.show}
	case m.Measure.Latency():
		l := &latencyTester{}
		return &evidenceTester{open: l.watch, show: l.show}
	case m.Measure == policy.Quality:
		return &evidenceTester{open: watchQuality}
	case m.Measure == policy.Success || m.Measure == policy.Goodput:
		return &evidenceTester{open: watchRate, show: showRates}
	}
	s := &slotTester{}
	return &evidenceTester{open: s.watch, show: s.show}
}

// A pairStream is what the streams of pairs have in common.
type pairStream struct {
	sample  stats.Sample
	watcher *stats.Watcher
}

func newPairStream(s stats.Sample) pairStream {
	w, err := stats.NewWatcher(s)
	if err != nil {
		panic("judge: values were checked before: " + err.Error())
	}
	return pairStream{s, w}
}

// merged joins neighbouring blocks, and leaves out one that is left over.
func (p pairStream) merged() pairStream {
	s := stats.Sample{Blocks: p.sample.Blocks / 2}
	for i, block := range p.sample.Block {
		if block/2 >= s.Blocks {
			continue
		}
		s.Baseline, s.Candidate = append(s.Baseline, p.sample.Baseline[i]), append(s.Candidate, p.sample.Candidate[i])
		s.Block = append(s.Block, block/2)
		if p.sample.Weight != nil {
			s.Weight = append(s.Weight, p.sample.Weight[i])
		}
	}
	return newPairStream(s)
}

// A bandStream is the sign martingale on the ranks of a band and on exceedances.
type bandStream struct {
	pairStream
	band stats.Band
	at   float64
	test *stats.Test
}

func (b bandStream) watch(shift float64, side stats.Side) []stats.Step {
	watch := b.watcher.Watch(b.band, b.at, shift, side)
	out := make([]stats.Step, len(watch))
	for k, w := range watch {
		out[k] = stats.Step{Log: w.Average, Sum: w.Sum}
	}
	return out
}

func (b bandStream) estimate() float64 { return b.test.Estimate() }

func (b bandStream) merged() stream {
	b.pairStream = b.pairStream.merged()
	return b
}

// A meanStream is the sign martingale on the log-ratios of pairs or of blocks.
type meanStream struct {
	pairStream
	value float64
}

func (m meanStream) watch(shift float64, side stats.Side) []stats.Step {
	return m.watcher.WatchMean(shift, side)
}

func (m meanStream) estimate() float64 { return m.value }

func (m meanStream) merged() stream {
	m.pairStream = m.pairStream.merged()
	return m
}

// watch opens the record of one latency. The band keeps its upper end when that
// lies among failures: ranks stand that, and which test is taken must not depend
// on the outcome.
func (l *latencyTester) watch(c *docket, f *finding) record {
	s := c.prepare(f.Measure)
	l.sampled = s
	f.out.N, f.out.Blocks = s.pairs.N(), s.sample.Blocks
	l.limitAnytime(c, f)
	if s.missing != "" {
		f.out.Standing, f.out.Why = Missing, s.missing
		return record{}
	}
	f.object(s.refused.loosen())
	pairs := newPairStream(s.sample)
	r := record{looks: distinct(s.pairs.Block), blocks: true, widen: s.widen}
	band, ok := f.Window()
	if !ok {
		r.stream = meanStream{pairs, stats.NewTest(s.sorted, stats.NewLogMean(s.sorted)).Estimate()}
		return r
	}
	q := quantileOf(f.Statistic)
	if s.failed >= 1-q {
		f.refuse(refusal{ReasonFailures, fmt.Sprintf("%s %% failed: P%g is infinite", percent(s.failed), 100*q), latencies})
	}
	b := stats.Band{Pairs: s.sorted, From: float64(band.From), To: float64(band.To)}
	r.stream = bandStream{pairs, b, q, stats.NewTest(s.sorted, b)}
	return r
}

func distinct(values []int) []int {
	out := slices.Clone(values)
	slices.Sort(out)
	return slices.Compact(out)
}

func (l *latencyTester) show(_ *docket, f *finding) {
	f.out.Point = Float(pointRatio(l.sampled.pairs, f.Statistic))
	f.out.BlockEffects = blockEffects(l.sampled, f.Statistic)
}

// anytimeTuning is where confidence sequences of absolute limits are tightest: at
// a thousand requests, whatever came.
func (c *docket) anytimeTuning() stats.Tuning {
	return stats.Tuning{Samples: 1000, Alpha: float64(c.policy.Alpha)}
}

// limitAnytime is limit with ranks that hold at all looks at once.
func (l *latencyTester) limitAnytime(c *docket, f *finding) {
	if f.Limit == nil {
		return
	}
	f.out.Limit, f.limitUnmet = Float(f.Limit.Value), true
	alone, q := c.set.Alone[sample.Measure(f.Measure)], quantileOf(f.Statistic)
	if len(alone) == 0 || slices.ContainsFunc(alone, math.IsNaN) || !slices.IsSorted(alone) {
		return
	}
	value := stats.Quantile(alone, q)
	f.out.Value, f.limitUnmet = Float(value), !(value <= f.Limit.Value)
	tuning := c.anytimeTuning()
	lower, _ := stats.NewBetaMixture(q, stats.TwoSided, tuning).Ranks(len(alone), tuning.Alpha)
	f.limitBroken = f.Gating && !c.allDead() && lower >= 1 && alone[lower-1] > f.Limit.Value
}

// A badStream is the sign martingale on the differences of bad outcomes of
// blocks. A pair's two outcomes are no coin between processes, each of which
// fails in bursts of its own: hence not McNemar's test.
type badStream []stats.Bad

func (b badStream) watch(shift float64, side stats.Side) []stats.Step {
	return stats.WatchBad(b, shift, side)
}

func (b badStream) estimate() float64 {
	n, more := 0.0, 0.0
	for _, x := range b {
		n, more = n+float64(x.N), more+x.Candidate-x.Baseline
	}
	return more / n
}

func (b badStream) merged() stream {
	var out badStream
	for k := 1; k < len(b); k += 2 {
		x, y := b[k-1], b[k]
		out = append(out, stats.Bad{N: x.N + y.N, Baseline: x.Baseline + y.Baseline, Candidate: x.Candidate + y.Candidate})
	}
	return out
}

// watchRate opens the record of a share of good requests.
func watchRate(c *docket, f *finding) record {
	o := c.tallies(f.Measure)
	baseline, candidate := count(o.Baseline), count(o.Candidate)
	f.out.N = min(baseline.N, candidate.N)
	if why := damaged(o, baseline, candidate); why != "" {
		f.out.Standing, f.out.Why = Missing, why
		return record{}
	}
	if f.Limit != nil {
		_, upper := stats.AnytimeRate(candidate, c.anytimeTuning())
		f.out.Limit, f.out.Value = Float(f.Limit.Value), Float(candidate.Rate())
		f.limitUnmet, f.limitBroken = !(candidate.Rate() >= f.Limit.Value), f.Gating && upper < f.Limit.Value
	}
	r := record{blocks: true}
	var blocks badStream
	for k := range o.Baseline {
		a, b := o.Baseline[k], o.Candidate[k]
		if n := min(a.Attempts, b.Attempts); n > 0 {
			share := func(t evidence.Tally) float64 { return float64(n) * float64(t.Attempts-t.OK) / float64(t.Attempts) }
			blocks = append(blocks, stats.Bad{N: n, Baseline: share(a), Candidate: share(b)})
			r.looks = append(r.looks, k)
		}
	}
	if f.out.Blocks = len(blocks); len(blocks) == 0 {
		f.out.Standing, f.out.Why = Missing, "no block has requests of both arms"
		return record{}
	}
	r.stream = blocks
	return r
}

func showRates(c *docket, f *finding) {
	if f.Measure != policy.Success {
		return
	}
	for _, x := range differences(c.set.Outcomes) {
		f.out.BlockEffects = append(f.out.BlockEffects, Float(x))
	}
}

// A scoreStream wagers on the scores of pairs.
type scoreStream struct {
	shortfall [][]float64 // by block: the baseline's score less the candidate's
}

func (s scoreStream) watch(shift float64, side stats.Side) []stats.Step {
	var w stats.Wager
	out := make([]stats.Step, len(s.shortfall))
	for k, block := range s.shortfall {
		for _, x := range block {
			w.Add(stats.PairGain(x, shift, side))
			out[k].Sum += x - shift
		}
		out[k].Log = w.Log()
	}
	return out
}

func (s scoreStream) estimate() float64 {
	sum, n := 0.0, 0.0
	for _, block := range s.shortfall {
		for _, x := range block {
			sum, n = sum+x, n+1
		}
	}
	return sum / n
}

func (s scoreStream) merged() stream {
	var out scoreStream
	for k := 1; k < len(s.shortfall); k += 2 {
		out.shortfall = append(out.shortfall, slices.Concat(s.shortfall[k-1], s.shortfall[k]))
	}
	return out
}

// watchQuality opens the record of the scores of answers: of pairs of which
// either was scored, one without a score beside it scores 0.
func watchQuality(c *docket, f *finding) record {
	r := record{blocks: true}
	var s scoreStream
	for _, p := range c.set.Paired {
		if p.Baseline.Quality == nil && p.Candidate.Quality == nil {
			continue
		}
		if len(r.looks) == 0 || p.Block > r.looks[len(r.looks)-1] {
			r.looks, s.shortfall = append(r.looks, p.Block), append(s.shortfall, nil)
		}
		a, b := score(p.Baseline), score(p.Candidate)
		if !(a >= 0 && a <= 1 && b >= 0 && b <= 1) || p.Block < r.looks[len(r.looks)-1] {
			f.out.Standing, f.out.Why = Missing, "the evidence is damaged: a score is not between 0 and 1, or blocks are out of order"
			return record{}
		}
		k := len(s.shortfall) - 1
		s.shortfall[k] = append(s.shortfall[k], a-b)
		f.out.N++
	}
	if f.out.Blocks = len(r.looks); f.out.N == 0 {
		f.out.Standing, f.out.Why = Missing, "no answer was scored"
		return record{}
	}
	f.object(refusePairs(c.policy, f.out.N).loosen())
	f.object(refuseBlocks(c.policy, f.out.Blocks).loosen())
	r.stream = s
	return r
}

// watch opens the record of what belongs to a whole turn: the sign martingale on
// the log-ratios of blocks. A half-normal mixture would need to be told
// beforehand how far blocks scatter, and the policy does not know.
func (s *slotTester) watch(c *docket, f *finding) record {
	s.collect(c.set, f.Measure)
	f.out.N, f.out.Blocks = c.set.Pairs, len(s.d)
	if len(s.d) < 2 {
		f.out.Standing, f.out.Why = Missing, "fewer than two blocks have this measure in both arms"
		f.limitUnmet = f.Limit != nil
		return record{}
	}
	s.limitAnytime(c, f)
	f.refuse(s.refuseOneSided())
	f.object(refuseBlocks(c.policy, len(s.d)).loosen())
	return record{stream: newTurns(s.d, f.HigherIsBetter()), looks: s.block, blocks: true}
}

// newTurns makes a stream of one log-ratio to a block.
func newTurns(d []float64, higherIsBetter bool) stream {
	s := stats.Sample{Baseline: make([]float64, len(d)), Candidate: slices.Clone(d), Blocks: len(d)}
	for k := range d {
		if higherIsBetter {
			s.Candidate[k] = -d[k]
		}
		s.Block = append(s.Block, k)
	}
	return meanStream{newPairStream(s), stats.MeanT(s.Candidate).Value}
}

// limitAnytime compares the candidate's turns with the limit as they came in.
func (s *slotTester) limitAnytime(c *docket, f *finding) {
	if f.Limit == nil {
		return
	}
	mean := stats.MeanT(s.alone).Value
	over := mean - math.Log(f.Limit.Value)
	if f.HigherIsBetter() {
		over = -over
	}
	f.out.Limit, f.out.Value = Float(f.Limit.Value), Float(math.Exp(mean))
	f.limitUnmet = over > 0
	limit := math.Log(f.Limit.Value)
	if f.HigherIsBetter() {
		limit = -limit
	}
	r := record{stream: newTurns(s.alone, f.HigherIsBetter()), looks: s.block, blocks: true}
	f.limitBroken = f.Gating && lastOf(r.evidence(limit, stats.Above, c.looks())) >= -math.Log(float64(c.policy.Alpha))
}

func (s *slotTester) show(_ *docket, f *finding) {
	for _, x := range s.d {
		f.out.BlockEffects = append(f.out.BlockEffects, Float(math.Exp(x)))
	}
}

package stats

import "math"

// A Watch is the evidence after one block.
type Watch struct {
	Band, Exceedance, Average float64 // logarithms
	// Sum is the sum of the band's scores in the block, positive where the
	// candidate is the slower.
	Sum float64
}

// Watched watches s at the shift 0 for a slower candidate; see [Watcher].
func Watched(s Sample, band Band, at float64) ([]Watch, error) {
	w, err := NewWatcher(s)
	if err != nil {
		return nil, err
	}
	return w.Watch(band, at, 0, Above), nil
}

// A Watcher is a [Sample] made ready to be watched block by block, at any shift:
// each arm is sorted once, and ranks among the pairs up to a block come from a
// tree of weights, so that n pairs cost n log n however many blocks there are.
// Items play no part in it. It is read-only and safe for use by several
// goroutines.
type Watcher struct {
	sample Sample
	a, b   []place // descending
	blocks [][]int32
}

// NewWatcher sorts s, which it keeps and never changes.
func NewWatcher(s Sample) (*Watcher, error) {
	s.Item, s.Items = nil, 0
	if err := s.check(); err != nil {
		return nil, err
	}
	w := &Watcher{sample: s, a: descending(s.Baseline), b: descending(s.Candidate), blocks: make([][]int32, s.Blocks)}
	for i, block := range s.Block {
		w.blocks[block] = append(w.blocks[block], int32(i))
	}
	return w, nil
}

// Watch runs the sign martingale on the scores of band and on exceedances of the
// pooled quantile at, the candidate divided by exp(shift), and averages the two.
// Ranks and thresholds come from all pairs up to a block, and only that block's
// scores enter, so nothing looks ahead. Above gathers evidence that the candidate
// is slower than exp(shift) times the baseline: with the shift log(1+tau) for a
// rollback. Below gathers evidence that it is less slow than that: with
// log(1+margin) for a promotion.
func (w *Watcher) Watch(band Band, at, shift float64, side Side) []Watch {
	direction := side.direction()
	past := w.newPast(shift)
	var inBand, above Martingale
	out := make([]Watch, len(w.blocks))
	for k, pairs := range w.blocks {
		past.add(pairs)
		s := past.score(pairs, past.inBand(band))
		inBand.Add(direction*s.sum, s.squares)
		out[k].Sum = s.sum
		s = past.score(pairs, past.exceeds(at))
		above.Add(direction*s.sum, s.squares)
		out[k].Band, out[k].Exceedance = inBand.Log(), above.Log()
		out[k].Average = logMean([]float64{out[k].Band, out[k].Exceedance})
	}
	return out
}

// A Step is the evidence after one block, as a logarithm, and the sum of the
// block's scores.
type Step struct{ Log, Sum float64 }

// WatchMean is [Watcher.Watch] of the log-ratios of pairs, with failures as
// [LogMean] counts them. Unlike [HalfNormal] it needs no guess beforehand of how
// far blocks will scatter: it takes that from the blocks before, and so a wrong
// guess cannot cost the power.
func (w *Watcher) WatchMean(shift float64, side Side) []Step {
	direction := side.direction()
	var m Martingale
	out := make([]Step, len(w.blocks))
	for k, pairs := range w.blocks {
		var s scores
		for _, i := range pairs {
			if d, ok := logRatio(w.sample.Baseline[i], w.sample.Candidate[i]); ok {
				s.add(w.sample.weight(int(i)) * (d - shift))
			}
		}
		m.Add(direction*s.sum, s.squares)
		out[k] = Step{Log: m.Log(), Sum: s.sum}
	}
	return out
}

// A past holds the values seen so far, by their rank among all that there will
// be: 1 is the slowest, equal values share a rank. Only weights of the past are
// ever read, so the values to come decide nothing.
type past struct {
	sample Sample
	a, b   []int32   // the rank of each pair's two values
	weight []float64 // by rank
	tree   []float64 // Fenwick's (1994), of weight
	total  float64
}

func (w *Watcher) newPast(shift float64) *past {
	n := len(w.a)
	p := &past{sample: w.sample, a: make([]int32, n), b: make([]int32, n)}
	rank := int32(0)
	for i, j := 0, 0; i < n || j < n; {
		rank++
		v := math.Inf(-1)
		if i < n {
			v = w.a[i].value
		}
		if j < n {
			v = math.Max(v, w.b[j].value-shift)
		}
		for ; i < n && w.a[i].value == v; i++ {
			p.a[w.a[i].index] = rank
		}
		for ; j < n && w.b[j].value-shift == v; j++ {
			p.b[w.b[j].index] = rank
		}
	}
	p.weight, p.tree = make([]float64, rank+1), make([]float64, rank+1)
	return p
}

func (p *past) add(pairs []int32) {
	for _, i := range pairs {
		w := p.sample.weight(int(i))
		p.addAt(p.a[i], w)
		p.addAt(p.b[i], w)
		p.total += 2 * w
	}
}

func (p *past) addAt(rank int32, weight float64) {
	p.weight[rank] += weight
	for ; int(rank) < len(p.tree); rank += rank & -rank {
		p.tree[rank] += weight
	}
}

// above is the weight of the values that are slower than those of rank.
func (p *past) above(rank int32) float64 {
	sum := 0.0
	for rank--; rank > 0; rank &= rank - 1 {
		sum += p.tree[rank]
	}
	return sum
}

// slowest returns the last rank down to which the values weigh at most m.
func (p *past) slowest(m float64) int32 {
	rank, sum := 0, 0.0
	step := 1
	for 2*step < len(p.tree) {
		step *= 2
	}
	for ; step > 0; step /= 2 {
		if next := rank + step; next < len(p.tree) && sum+p.tree[next] <= m {
			rank, sum = next, sum+p.tree[next]
		}
	}
	return int32(rank)
}

// inBand gives the score of [Band] by rank.
func (p *past) inBand(band Band) func(int32) float64 {
	width := 1 / (band.To - band.From)
	last := p.slowest((1-band.From)*p.total) + 1 // beyond it nothing scores
	return func(rank int32) float64 {
		if rank > last {
			return 0
		}
		mid := 1 - (p.above(rank)+p.weight[rank]/2)/p.total
		return math.Min(math.Max((mid-band.From)*width, 0), 1)
	}
}

// exceeds gives the score of [Exceedance] by rank.
func (p *past) exceeds(at float64) func(int32) float64 {
	last := p.slowest(math.Floor((1-at)*p.total + .5))
	return func(rank int32) float64 {
		if rank > last {
			return 0
		}
		return 1
	}
}

// scores are those of one block added up.
type scores struct{ sum, squares float64 }

func (p *past) score(pairs []int32, of func(int32) float64) scores {
	var s scores
	for _, i := range pairs {
		s.add(p.sample.weight(int(i)) * (of(p.b[i]) - of(p.a[i])))
	}
	return s
}

func (s *scores) add(d float64) {
	s.sum += d
	s.squares += d * d
}

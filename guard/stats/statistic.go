package stats

import "math"

// A Statistic gives every pair a score, for the candidate divided by exp(shift),
// and adds the scores up. It must not grow with shift.
type Statistic interface {
	Score(shift float64, into *Sums)
}

// A Band scores where a value stands in the pooled ranks of both arms: 0 below
// the quantile From, 1 above To, linear between. Candidate minus baseline is
// the pair's score, so that only the band decides.
type Band struct {
	Pairs    *Pairs
	From, To float64
}

// Score implements [Statistic] in one pass from the slowest value down to the
// band's lower end, without allocating.
func (s Band) Score(shift float64, into *Sums) {
	into.clear()
	a, b := &s.Pairs.a, &s.Pairs.b
	width := 1 / (s.To - s.From)
	above, i, j := 0.0, 0, 0
	for i < len(a.value) || j < len(b.value) {
		v := top(a.value, i, b.value, j, shift)
		i2, wa := a.run(i, v, 0)
		j2, wb := b.run(j, v, shift)
		rank := 1 - (above+(wa+wb)/2)/s.Pairs.total // the pooled mid-rank
		if rank <= s.From {
			return // all that follows scores 0
		}
		g := (rank - s.From) * width
		if g > 1 {
			g = 1
		}
		a.add(into, i, i2, -g)
		b.add(into, j, j2, g)
		above, i, j = above+wa+wb, i2, j2
	}
}

// top returns the larger of the next two values; at least one is left.
func top(a []float64, i int, b []float64, j int, shift float64) float64 {
	switch {
	case i == len(a):
		return b[j] - shift
	case j == len(b):
		return a[i]
	}
	if v := b[j] - shift; v > a[i] {
		return v
	}
	return a[i]
}

// An Exceedance scores 1 for a value above the pooled empirical quantile At. It
// serves where the upper end of a band lies among failures.
type Exceedance struct {
	Pairs *Pairs
	At    float64
}

// Score implements [Statistic].
func (s Exceedance) Score(shift float64, into *Sums) {
	into.clear()
	a, b := &s.Pairs.a, &s.Pairs.b
	// The threshold is the (m+1)-th largest value; what equals it is not above.
	m := math.Floor((1-s.At)*s.Pairs.total + .5)
	above, i, j := 0.0, 0, 0
	for i < len(a.value) || j < len(b.value) {
		v := top(a.value, i, b.value, j, shift)
		i2, wa := a.run(i, v, 0)
		j2, wb := b.run(j, v, shift)
		above += wa + wb
		if above > m {
			return
		}
		a.add(into, i, i2, -1)
		b.add(into, j, j2, 1)
		i, j = i2, j2
	}
}

// FailedRatio is what a pair counts in the mean log-ratio when only one of its
// two requests failed: ten times slower.
const FailedRatio = 10

// A LogMean scores the log-ratio of each pair. A pair that failed in both arms
// says nothing and is left out.
type LogMean struct {
	sums   Sums // of log-ratios
	weight Sums // of pairs
}

// NewLogMean adds the log-ratios of p up once.
func NewLogMean(p *Pairs) *LogMean {
	s := p.sample
	m := &LogMean{sums: p.sums(), weight: p.sums()}
	for i := range s.Baseline {
		d, ok := logRatio(s.Baseline[i], s.Candidate[i])
		if !ok {
			continue
		}
		w := s.weight(i)
		m.sums.Block[s.Block[i]] += w * d
		m.weight.Block[s.Block[i]] += w
		if s.Items > 0 {
			m.sums.Item[s.Item[i]] += w * d
			m.weight.Item[s.Item[i]] += w
			m.sums.Cell[p.cell[i]] += w * d
			m.weight.Cell[p.cell[i]] += w
		}
	}
	return m
}

// MeanRatio returns the geometric mean of candidate / baseline over pairs, with
// failures as [LogMean] counts them; NaN if every pair failed in both arms.
func MeanRatio(baseline, candidate []float64) float64 {
	sum, n := 0.0, 0.0
	for i := range baseline {
		if d, ok := logRatio(math.Log(baseline[i]), math.Log(candidate[i])); ok {
			sum, n = sum+d, n+1
		}
	}
	return math.Exp(sum / n)
}

func logRatio(a, b float64) (d float64, ok bool) {
	switch {
	case math.IsInf(a, 1) && math.IsInf(b, 1):
		return 0, false
	case math.IsInf(b, 1):
		return math.Log(FailedRatio), true
	case math.IsInf(a, 1):
		return -math.Log(FailedRatio), true
	}
	return b - a, true
}

// Score implements [Statistic].
func (m *LogMean) Score(shift float64, into *Sums) {
	for k, sum := range m.sums.Block {
		into.Block[k] = sum - shift*m.weight.Block[k]
	}
	for k, sum := range m.sums.Item {
		into.Item[k] = sum - shift*m.weight.Item[k]
	}
	for k, sum := range m.sums.Cell {
		into.Cell[k] = sum - shift*m.weight.Cell[k]
	}
}

var (
	_ Statistic = Band{}
	_ Statistic = Exceedance{}
	_ Statistic = (*LogMean)(nil)
)

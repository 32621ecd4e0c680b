package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
)

// Bins counts values by bucket: Counts[i] lie above Edges[i] and not above
// Edges[i+1], Over lie above the last edge or are failures. Nothing lies at or
// below the first edge but what a first edge of 0 cannot tell from it. Counts
// may be fractions.
type Bins struct {
	Edges, Counts []float64
	Over          float64
}

func (b Bins) check() error {
	if len(b.Edges) < 2 || len(b.Counts) != len(b.Edges)-1 {
		return fmt.Errorf("%d edges and %d buckets", len(b.Edges), len(b.Counts))
	}
	for i, e := range b.Edges {
		if !(e >= 0) || math.IsInf(e, 1) || i > 0 && e <= b.Edges[i-1] {
			return fmt.Errorf("edge %d is %g", i, e)
		}
	}
	for i, n := range b.Counts {
		if !(n >= 0) || math.IsInf(n, 1) {
			return fmt.Errorf("bucket %d holds %g", i, n)
		}
	}
	if !(b.Over >= 0) || math.IsInf(b.Over, 1) {
		return fmt.Errorf("%g lie above the last edge", b.Over)
	}
	return nil
}

// N returns how many values there are.
func (b Bins) N() float64 {
	n := b.Over
	for _, c := range b.Counts {
		n += c
	}
	return n
}

// admits tells whether x can be an edge of b without any count being split.
func (b Bins) admits(x float64) bool {
	if x <= b.Edges[0] || b.Over == 0 && x >= b.Edges[len(b.Edges)-1] {
		return true
	}
	i, found := slices.BinarySearch(b.Edges, x)
	return found || i < len(b.Edges) && b.Counts[i-1] == 0
}

// above returns how many values lie above each of edges, which b admits.
func (b Bins) above(edges []float64) []float64 {
	out := make([]float64, len(edges))
	sum, i := b.Over, len(b.Counts)-1
	for k := len(edges) - 1; k >= 0; k-- {
		for ; i >= 0 && b.Edges[i] >= edges[k]; i-- {
			sum += b.Counts[i]
		}
		out[k] = sum
	}
	return out
}

// A Binned is one measure of two arms, counted by bucket in each block. All
// histograms stand on the edges that they have in common, so that no count is
// split; it is read-only.
//
// Two tests are made of it. Where buckets are fine, [Binned.Band] ranks as [Band]
// does for listed values, with the values of a bucket spread evenly over its
// logarithm; [Binned.Blur] bounds what that may be wrong by. Where they are
// coarse, [Binned.Exact] compares the shares above an edge, which is known
// without any interpolation.
type Binned struct {
	edges, logs []float64
	arms        [2]counted // baseline, candidate
	weight      []float64  // by block
}

// counted is one arm: how many values lie above each edge, by block and in all.
type counted struct {
	above [][]float64
	all   []float64
}

// ErrNoCommonEdges says that histograms have no bucket in common.
var ErrNoCommonEdges = errors.New("the histograms have no bucket edges in common")

// NewBinned lines up the histograms of both arms, one of each per block. Blocks
// in which either arm has no values are left out. The error says which histogram
// is damaged, or is ErrNoCommonEdges.
func NewBinned(baseline, candidate []Bins) (*Binned, error) {
	if len(baseline) != len(candidate) {
		return nil, fmt.Errorf("%d blocks of the baseline, %d of the candidate", len(baseline), len(candidate))
	}
	var arms [2][]Bins
	for k := range baseline {
		for side, h := range [...]Bins{baseline[k], candidate[k]} {
			if err := h.check(); err != nil {
				return nil, fmt.Errorf("block %d, arm %d: %w", k, side, err)
			}
		}
		if baseline[k].N() > 0 && candidate[k].N() > 0 {
			arms[0], arms[1] = append(arms[0], baseline[k]), append(arms[1], candidate[k])
		}
	}
	b := &Binned{edges: common(slices.Concat(arms[0], arms[1]))}
	if len(arms[0]) > 0 && len(b.edges) < 2 {
		return nil, ErrNoCommonEdges
	}
	for side, all := range arms {
		for _, h := range all {
			b.arms[side].above = append(b.arms[side].above, h.above(b.edges))
		}
	}
	b.finish()
	return b, nil
}

// common returns the edges that all histograms admit.
func common(all []Bins) []float64 {
	var edges []float64
	var different []Bins
	for i, h := range all {
		if i == 0 || !slices.Equal(h.Edges, all[i-1].Edges) {
			edges = append(edges, h.Edges...)
			different = append(different, h)
		}
	}
	if len(different) == 1 {
		return edges
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	return slices.DeleteFunc(edges, func(x float64) bool {
		return slices.ContainsFunc(all, func(h Bins) bool { return !h.admits(x) })
	})
}

func (b *Binned) finish() {
	b.logs = make([]float64, len(b.edges))
	for i, e := range b.edges {
		b.logs[i] = math.Log(e)
	}
	for side := range b.arms {
		arm := &b.arms[side]
		arm.all = make([]float64, len(b.edges))
		for _, above := range arm.above {
			for i, n := range above {
				arm.all[i] += n
			}
		}
	}
	b.weight = make([]float64, b.K())
	for k := range b.weight {
		x, y := b.arms[0].above[k][0], b.arms[1].above[k][0]
		b.weight[k] = 2 * x * y / (x + y)
	}
}

// K returns the number of blocks in which both arms have values.
func (b *Binned) K() int { return len(b.arms[0].above) }

// N returns how many values each arm has.
func (b *Binned) N() (baseline, candidate float64) {
	if b.K() == 0 {
		return 0, 0
	}
	return b.arms[0].all[0], b.arms[1].all[0]
}

// Over returns the share of all values that lie above the last edge or failed.
func (b *Binned) Over() float64 {
	x, y := b.N()
	last := len(b.edges) - 1
	return (b.arms[0].all[last] + b.arms[1].all[last]) / (x + y)
}

// Merged returns b with neighbouring blocks joined two by two; of an odd number
// the last holds three.
func (b *Binned) Merged() *Binned {
	merged := &Binned{edges: b.edges}
	for side, arm := range b.arms {
		blocks := make([][]float64, b.K()/2)
		for k, above := range arm.above {
			at := min(k/2, len(blocks)-1)
			if blocks[at] == nil {
				blocks[at] = make([]float64, len(above))
			}
			for i, n := range above {
				blocks[at][i] += n
			}
		}
		merged.arms[side].above = blocks
	}
	merged.finish()
	return merged
}

// A spot is a place on the logarithmic axis: the share part of the bucket i.
type spot struct {
	i    int
	part float64
}

// spot finds y. Values of a bucket that begins at 0 count as lying at its end.
func (b *Binned) spot(y float64) spot {
	last := len(b.logs) - 1
	i := sort.Search(last+1, func(i int) bool { return b.logs[i] > y }) - 1
	switch {
	case i < 0:
		return spot{}
	case i >= last:
		return spot{i: last}
	case math.IsInf(b.logs[i], -1):
		return spot{i: i}
	}
	return spot{i: i, part: (y - b.logs[i]) / (b.logs[i+1] - b.logs[i])}
}

// of reads the number above s off counts above the edges.
func (s spot) of(above []float64) float64 {
	if s.part == 0 {
		return above[s.i]
	}
	return above[s.i] + s.part*(above[s.i+1]-above[s.i])
}

// quantile returns where target values lie above, on the logarithmic axis;
// +Inf if more than that lie above the last edge.
func (b *Binned) quantile(above []float64, target float64) float64 {
	last := len(above) - 1
	i := sort.Search(last+1, func(i int) bool { return above[i] <= target })
	switch {
	case i > last:
		return math.Inf(1)
	case i == 0 || above[i] == target || math.IsInf(b.logs[i-1], -1):
		return b.logs[i]
	}
	return b.logs[i] - (b.logs[i]-b.logs[i-1])*(target-above[i])/(above[i-1]-above[i])
}

// bucketOf returns the bucket of an arm that holds the quantile q; ok is false
// above the last edge.
func (b *Binned) bucketOf(side int, q float64) (i int, ok bool) {
	above := b.arms[side].all
	target := (1 - q) * above[0]
	i = sort.Search(len(above), func(i int) bool { return above[i] <= target }) - 1
	return max(i, 0), i < len(above)-1
}

// Width returns how wide the bucket is in which the quantile q lies, as a share
// of its lower edge: the wider one of the two arms. It is infinite where a bucket
// has no end, or begins at 0.
func (b *Binned) Width(q float64) float64 {
	widest := 0.0
	for side := range b.arms {
		i, ok := b.bucketOf(side, q)
		if !ok {
			return math.Inf(1)
		}
		widest = math.Max(widest, b.edges[i+1]/b.edges[i]-1)
	}
	return widest
}

// Ratio returns candidate / baseline of the quantile q over all blocks,
// interpolated.
func (b *Binned) Ratio(q float64) float64 {
	baseline, candidate := b.N()
	return math.Exp(logRatioOf(b.quantile(b.arms[0].all, (1-q)*baseline), b.quantile(b.arms[1].all, (1-q)*candidate)))
}

// Candidate returns the candidate's quantile q over all blocks, interpolated;
// +Inf above the last edge.
func (b *Binned) Candidate(q float64) float64 {
	return math.Exp(b.quantile(b.arms[1].all, (1-q)*b.arms[1].all[0]))
}

// logRatioOf is b - a with failures as block quantiles count them.
func logRatioOf(a, b float64) float64 {
	d, ok := logRatio(a, b)
	if !ok {
		return 0 // both failed: that cancels
	}
	return d
}

// LogRatios returns the log-ratio of the quantile q in each block, candidate
// over baseline. The rank n q + (q+1)/3 (Hyndman & Fan's type 8) makes the
// quantile of a small block about median-unbiased, so that arms of unequal
// traffic may be compared.
func (b *Binned) LogRatios(q float64) []float64 {
	d := make([]float64, b.K())
	for k := range d {
		var at [2]float64
		for side, arm := range b.arms {
			above := arm.above[k]
			// The h-th of n values lies in the middle of its 1/n share.
			at[side] = b.quantile(above, math.Max(0, above[0]*(1-q)+.5-(q+1)/3))
		}
		d[k] = logRatioOf(at[0], at[1])
	}
	return d
}

// levels is how many quantiles stand for a band.
const levels = 16

// Band returns the test of the ranks between the quantiles from and to; with
// from = to it is that of the exceedances of one quantile. The spread of values
// within a bucket is an assumption, see [Binned.Blur].
func (b *Binned) Band(from, to float64) *Test {
	s := &binnedBand{binned: b, levels: bandLevels(from, to)}
	return &Test{statistic: s, sums: Sums{Block: make([]float64, b.K())}}
}

func bandLevels(from, to float64) []float64 {
	if from == to {
		return []float64{from}
	}
	out := make([]float64, levels)
	for i := range out {
		out[i] = from + (to-from)*(float64(i)+.5)/levels
	}
	return out
}

// A binnedBand is the mean of exceedances over the quantiles of a band: of each
// quantile of both arms together, the share of the candidate's values above it
// minus that of the baseline's.
type binnedBand struct {
	binned *Binned
	levels []float64
}

// Score implements [Statistic].
func (s *binnedBand) Score(shift float64, into *Sums) {
	into.clear()
	b := s.binned
	for _, q := range s.levels {
		y := b.pooled(q, shift)
		atA, atB := b.spot(y), b.spot(y+shift)
		for k, w := range b.weight {
			above := [2][]float64{b.arms[0].above[k], b.arms[1].above[k]}
			into.Block[k] += w * (atB.of(above[1])/above[1][0] - atA.of(above[0])/above[0][0])
		}
	}
	for k := range into.Block {
		into.Block[k] /= float64(len(s.levels))
	}
}

// pooled returns the quantile q of both arms together, the candidate divided by
// exp(shift), on the logarithmic axis. Among failures it is the last edge.
func (b *Binned) pooled(q, shift float64) float64 {
	x, y := b.N()
	target := (1 - q) * (x + y)
	above := func(y float64) float64 { return b.spot(y).of(b.arms[0].all) + b.spot(y+shift).of(b.arms[1].all) }
	// First among the baseline's edges, then within one of its buckets.
	i := sort.Search(len(b.logs), func(i int) bool { return above(b.logs[i]) <= target })
	hi := b.logs[len(b.logs)-1] + math.Max(0, -shift)
	if i < len(b.logs) {
		hi = b.logs[i]
	}
	lo := b.firstLog() - math.Max(0, shift)
	if i > 0 && b.logs[i-1] > lo {
		lo = b.logs[i-1]
	}
	for range 40 {
		mid := lo + (hi-lo)/2
		if above(mid) > target {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// firstLog is the logarithm of the first edge above 0.
func (b *Binned) firstLog() float64 {
	if math.IsInf(b.logs[0], -1) {
		return b.logs[1]
	}
	return b.logs[0]
}

// Blur bounds the error of a log-ratio that [Binned.Band] makes by spreading the
// values of a bucket evenly: it is right if within a bucket the density changes
// in one direction, and by no more than from the bucket to its neighbours.
// Density that changes by a factor s within a bucket of logarithmic width w
// displaces a quantile by at most w (s-1)/(s+1), in both arms to the same side.
// Beside an empty bucket it is the whole w.
func (b *Binned) Blur(from, to float64) float64 {
	var sum, weight float64
	for _, q := range bandLevels(from, to) {
		at := b.spot(b.pooled(q, 0))
		if at.i >= len(b.logs)-1 {
			return math.Inf(1)
		}
		density := b.density(at.i)
		sum += density * b.displacement(at.i)
		weight += density
	}
	if weight == 0 {
		return math.Inf(1)
	}
	return sum / weight
}

func (b *Binned) displacement(i int) float64 {
	width, here := b.logs[i+1]-b.logs[i], b.density(i)
	steepest := 1.0
	for _, j := range [...]int{i - 1, i + 1} {
		if j < 0 || j >= len(b.logs)-1 {
			return width
		}
		there := b.density(j)
		steepest = math.Max(steepest, math.Max(there/here, here/there))
	}
	if math.IsInf(steepest, 1) || math.IsNaN(steepest) {
		return width
	}
	return width * (steepest - 1) / (steepest + 1)
}

// density is that of both arms in the bucket i.
func (b *Binned) density(i int) float64 {
	n := 0.0
	for _, arm := range b.arms {
		n += arm.all[i] - arm.all[i+1]
	}
	return n / (b.logs[i+1] - b.logs[i])
}

// EdgeOf returns the edge of the bucket around the pooled quantile q above which
// the share of values is nearer to 1-q, and EdgeAt the edge nearest to the value
// x on the logarithmic scale.
func (b *Binned) EdgeOf(q float64) (edge int) {
	x, y := b.N()
	least := math.Inf(1)
	for i := range b.edges {
		share := (b.arms[0].all[i] + b.arms[1].all[i]) / (x + y)
		if off := math.Abs(math.Log(share / (1 - q))); off < least {
			edge, least = i, off
		}
	}
	return edge
}

// EdgeAt is the counterpart of EdgeOf.
func (b *Binned) EdgeAt(x float64) (edge int) {
	for i := range b.logs {
		if math.Abs(b.logs[i]-math.Log(x)) < math.Abs(b.logs[edge]-math.Log(x)) {
			edge = i
		}
	}
	return edge
}

// Edge returns the value of an edge.
func (b *Binned) Edge(i int) float64 { return b.edges[i] }

// Exceeding returns how many of the candidate's values lie above x, an edge: at
// least and at most, where x stands between two; and of how many.
func (b *Binned) Exceeding(x float64) (least, most, n float64) {
	above := b.arms[1].all
	i := sort.SearchFloat64s(b.edges, x)
	least, most = above[min(i, len(above)-1)], above[0]
	switch {
	case i < len(b.edges) && b.edges[i] == x:
		most = least
	case i > 0:
		most = above[i-1]
	}
	return least, most, above[0]
}

// An Exact compares the candidate's share above one edge with the baseline's
// share above the same or another one, block by block. Nothing is interpolated:
// if the candidate is at most r times slower, its share above e is at most the
// baseline's above e/r, hence at most that above any edge up to e/r.
type Exact struct {
	binned *Binned
	edge   int
}

// Exact returns the comparison of what lies above edge.
func (b *Binned) Exact(edge int) Exact { return Exact{binned: b, edge: edge} }

// Against returns the edge of the baseline that the candidate's is compared
// with, to refute "at most exp(shift) times slower": -1 if none is low enough.
func (x Exact) Against(shift float64) int {
	b := x.binned
	limit := b.logs[x.edge] - shift
	return sort.Search(len(b.logs), func(i int) bool { return b.logs[i] > limit+1e-12 }) - 1
}

// Sums returns by block how much larger the candidate's share is than the
// baseline's above the edge against, weighted by the block's traffic. Against -1
// stands for all of the baseline's values.
func (x Exact) Sums(against int) []float64 {
	b := x.binned
	out := make([]float64, b.K())
	for k := range out {
		above := [2][]float64{b.arms[0].above[k], b.arms[1].above[k]}
		share := 1.0
		if against >= 0 {
			share = above[0][against] / above[0][0]
		}
		out[k] = b.weight[k] * (above[1][x.edge]/above[1][0] - share)
	}
	return out
}

// Interval returns the one-sided bounds of the log-ratio at 1-alpha each that
// the comparisons with all edges prove: infinite where none does.
func (x Exact) Interval(alpha float64) (lower, upper float64) {
	b := x.binned
	critical := QuantileT(alpha, float64(b.K()-1))
	lower, upper = math.Inf(-1), math.Inf(1)
	for j := len(b.edges) - 1; j >= 0 && MeanT(x.Sums(j)).T > critical; j-- {
		lower = b.logs[x.edge] - b.logs[j]
	}
	for j := 0; j < len(b.edges) && MeanT(x.Sums(j)).T < -critical; j++ {
		upper = b.logs[x.edge] - b.logs[j]
	}
	return lower, upper
}

// BlockRatios returns the log-ratio of the quantile q in each block of listed
// values, ascending and +Inf where a request failed, candidate over baseline,
// for two deployments side by side whose requests have no partners. Ranks are
// those of [Binned.LogRatios]; failures count as in [LogMean], both at once as no
// difference. Blocks without values in either arm are left out. The error is
// ErrZeroQuantile or ErrNotNumber with the block.
func BlockRatios(baseline, candidate [][]float64, q float64) ([]float64, error) {
	if len(baseline) != len(candidate) {
		return nil, fmt.Errorf("%d blocks of the baseline, %d of the candidate", len(baseline), len(candidate))
	}
	var d []float64
	for k := range baseline {
		if len(baseline[k]) == 0 || len(candidate[k]) == 0 {
			continue
		}
		a, err := logUnbiased(baseline[k], q)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", k, err)
		}
		b, err := logUnbiased(candidate[k], q)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", k, err)
		}
		d = append(d, logRatioOf(a, b))
	}
	return d, nil
}

// logUnbiased returns the logarithm of the quantile q by the rank of type 8.
func logUnbiased(ascending []float64, q float64) (float64, error) {
	n := float64(len(ascending))
	h := math.Min(math.Max(n*q+(q+1)/3, 1), n)
	low := int(h) - 1
	x := ascending[low]
	if part := h - math.Floor(h); part > 0 {
		if high := ascending[low+1]; math.IsInf(high, 1) {
			x = high
		} else {
			x += part * (high - x)
		}
	}
	switch {
	case math.IsNaN(x):
		return 0, ErrNotNumber
	case !(x > 0):
		return 0, fmt.Errorf("quantile %g is %g: %w", q, x, ErrZeroQuantile)
	}
	return math.Log(x), nil
}

var _ Statistic = (*binnedBand)(nil)

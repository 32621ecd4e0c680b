package stats

import "math"

// A Test asks a Statistic whether the candidate is more than exp(shift) times
// slower. Blocks are the unit: K sums give K-1 degrees of freedom.
//
// Where items repeat over blocks, a build that treats some items differently
// errs in every block alike and the spread over blocks does not show it. The
// spread over items does, but holds the noise of single requests once more. So
// the variance is that of blocks plus what items have beyond their cells (two-way
// clustering, Cameron, Gelbach & Miller 2011), never less than that of blocks;
// the degrees of freedom are Satterthwaite's.
type Test struct {
	statistic Statistic
	sums      Sums
}

// NewTest tests statistic on p.
func NewTest(p *Pairs, statistic Statistic) *Test {
	return &Test{statistic: statistic, sums: p.sums()}
}

// K returns the number of blocks.
func (t *Test) K() int { return len(t.sums.Block) }

// Clustered tells whether items repeat over blocks, so that the standard error
// over items counts too.
func (t *Test) Clustered() bool { return t.sums.Item != nil }

// Sums returns the sums of scores by block at shift. The slice is valid until
// the next call of any method.
func (t *Test) Sums(shift float64) []float64 {
	t.statistic.Score(shift, &t.sums)
	return t.sums.Block
}

// A Student is a value of t with its degrees of freedom.
type Student struct{ T, DF float64 }

// P returns the one-sided p-value.
func (s Student) P() float64 { return TailT(s.T, s.DF) }

// At returns Student's t of the sums at shift.
func (t *Test) At(shift float64) Student {
	t.statistic.Score(shift, &t.sums)
	total, variance := spread(t.sums.Block)
	df := float64(len(t.sums.Block) - 1)
	if t.sums.Item != nil {
		_, ofItems := spread(t.sums.Item)
		_, ofCells := spread(t.sums.Cell)
		if extra := ofItems - ofCells; extra > 0 {
			both := variance + extra
			df = both * both / (variance*variance/df + extra*extra/float64(len(t.sums.Item)-1))
			variance = both
		}
	}
	return Student{T: studentise(total, math.Sqrt(variance)), DF: df}
}

// studentise returns total / se; without any spread it is 0 when the total is 0
// and infinite otherwise.
func studentise(total, se float64) float64 {
	switch {
	case math.Abs(total) < 1e-12: // what summing left over is no score
		return 0
	case se < 1e-12*math.Abs(total): // nor is what it left over a spread
		return math.Inf(int(math.Copysign(1, total)))
	}
	return total / se
}

// spread returns the sum of x and the variance of it.
func spread(x []float64) (total, variance float64) {
	for _, v := range x {
		total += v
	}
	mean, squares := total/float64(len(x)), 0.0
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	n := float64(len(x))
	return total, squares / (n - 1) * n
}

// SignFlip returns the exact one-sided p-value over all sign flips of the
// block sums at shift; see [SignFlip] for its bound.
func (t *Test) SignFlip(shift float64) float64 { return SignFlip(t.Sums(shift)) }

// farthest is the largest log-ratio that is looked at: what lies beyond it
// (a factor of some e^40) is reported as infinite.
const farthest = 40

// Estimate returns the log-ratio at which the total score crosses 0. It is
// infinite when failures leave it no crossing.
func (t *Test) Estimate() float64 {
	total := func(x float64) float64 {
		s := 0.0
		for _, v := range t.Sums(x) {
			s += v
		}
		if math.Abs(s) < 1e-12 {
			return 0
		}
		return s
	}
	lo, hi := bracket(total)
	if math.IsInf(lo, 0) {
		return lo
	}
	for range 60 {
		mid := lo + (hi-lo)/2
		if mid == lo || mid == hi {
			break
		}
		if total(mid) > 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + (hi-lo)/2
}

// bracket returns an interval over which the falling f changes sign, or twice
// the infinity at which it would.
func bracket(f func(float64) float64) (lo, hi float64) {
	step := 1. / 64
	if f(0) > 0 {
		for hi = step; f(hi) > 0; hi = lo + step {
			if hi > farthest {
				return math.Inf(1), math.Inf(1)
			}
			lo, step = hi, 2*step
		}
		return lo, hi
	}
	for lo = -step; f(lo) <= 0; lo = hi - step {
		if lo < -farthest {
			return math.Inf(-1), math.Inf(-1)
		}
		hi, step = lo, 2*step
	}
	return lo, hi
}

// scan is the step in which an interval's end is looked for.
const scan = .001

// Interval returns the one-sided bounds of the log-ratio at 1-alpha each: the
// first shifts outward from the estimate at which |t| passes its quantile.
func (t *Test) Interval(estimate, alpha float64) (lower, upper float64) {
	inside := t.inside(alpha)
	return edge(estimate, -scan, inside), edge(estimate, scan, inside)
}

// inside tells of a shift whether |t| is at most its quantile. Items make the
// degrees of freedom depend on the shift, and then the p-value is compared.
func (t *Test) inside(alpha float64) func(shift float64) bool {
	if t.Clustered() {
		return func(x float64) bool {
			at := t.At(x)
			return TailT(math.Abs(at.T), at.DF) >= alpha
		}
	}
	critical := QuantileT(alpha, float64(t.K()-1))
	return func(x float64) bool { return math.Abs(t.At(x).T) <= critical }
}

// edge walks from x until inside fails and bisects the last step. Far out the
// step grows: nobody needs thousandths of a factor of three.
func edge(x, step float64, inside func(float64) bool) float64 {
	if math.IsInf(x, 0) {
		return edgeFromFar(x, step, inside)
	}
	start, in := x, x
	out := x + step
	for ; inside(out); out += step {
		in = out
		if math.Abs(out-start) > 1 {
			step *= 2
		}
		if math.Abs(out) > farthest {
			return math.Inf(int(math.Copysign(1, step)))
		}
	}
	return bisect(in, out, inside)
}

// edgeFromFar serves an estimate that is infinite: the end on its own side is
// infinite too, the other is where the far end's answer changes.
func edgeFromFar(x, step float64, inside func(float64) bool) float64 {
	far := math.Copysign(farthest, x)
	if math.Signbit(x) == math.Signbit(step) || !inside(far) {
		return x
	}
	near := far
	for near = far + step*1000; inside(near); near += step * 1000 {
		if math.Abs(near) > farthest {
			return math.Inf(int(math.Copysign(1, step)))
		}
	}
	return bisect(near-step*1000, near, inside)
}

func bisect(in, out float64, inside func(float64) bool) float64 {
	for math.Abs(out-in) > 1e-13 {
		mid := in + (out-in)/2
		if mid == in || mid == out {
			break
		}
		if inside(mid) {
			in = mid
		} else {
			out = mid
		}
	}
	return in + (out-in)/2
}

// StandardError reads the standard error off an interval of [Test.Interval].
func (t *Test) StandardError(lower, upper, alpha float64) float64 {
	return (upper - lower) / (2 * QuantileT(alpha, float64(t.K()-1)))
}

// Detectable is the effect, on the scale of se, that the test at alpha would
// find four times in five.
func (t *Test) Detectable(se, alpha float64) float64 {
	df := float64(t.K() - 1)
	return (QuantileT(alpha, df) + QuantileT(.2, df)) * se
}

// Lag1 returns the lag-1 autocorrelation of x; 0 when x has no spread.
func Lag1(x []float64) float64 {
	mean := 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	var product, squares float64
	for k, v := range x {
		squares += (v - mean) * (v - mean)
		if k > 0 {
			product += (v - mean) * (x[k-1] - mean)
		}
	}
	if math.Sqrt(squares) <= 1e-12*float64(len(x))*math.Abs(mean) { // what rounding left over is no spread
		return 0
	}
	return product / squares
}

package stats

import (
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mathext"
)

// The confidence sequences of this file hold for independent values only
// (Howard & Ramdas 2022). Latencies of one process are not independent: for them
// see [Martingale], [HalfNormal] and [Split].

// StitchedWidth returns the f for which the quantile p lies between the sample
// quantiles p-f and p+f after every n, n >= 1, with a chance of 1-alpha
// (theorem 1a in its printed form). [BetaMixture.Ranks] is up to twice as tight.
func StitchedWidth(n int, p, alpha float64) float64 {
	t := float64(n)
	l := (1.4*math.Log(math.Log(2.1*t)) + math.Log(10/alpha)) / t
	return 1.5*math.Sqrt(p*(1-p)*l) + .8*l
}

// StitchedBound returns what the number of hits out of n, less n p, does not
// pass at any time with a chance of 1-alpha: one-sided, the exact form of
// [StitchedWidth]. Its intrinsic time starts at start > 0; before that it is the
// bound at start.
func StitchedBound(n int, p, start, alpha float64) float64 {
	const s, eta = 1.4, 2.0
	v, c := math.Max(p*(1-p)*float64(n), start), (1-2*p)/3
	k1 := (math.Pow(eta, .25) + math.Pow(eta, -.25)) / math.Sqrt2
	k2 := (math.Sqrt(eta) + 1) / 2
	l := s*math.Log(math.Log(eta*v/start)) + math.Log(mathext.Zeta(s, 1)/(alpha*math.Pow(math.Log(eta), s)))
	return math.Sqrt(k1*k1*v*l+k2*k2*c*c*l*l) + k2*c*l
}

// dkw is the A of theorem 2 for which its constants are printed.
const dkw = .85

// DKWWidth returns the g for which every quantile p at once lies between the
// sample quantiles p-g and p+g after every n >= first (theorem 2), with the
// constant of [DKWConstant] or [DKWPrinted].
func DKWWidth(n, first int, constant float64) float64 {
	ratio := float64(n) / float64(first)
	return dkw * math.Sqrt((math.Log1p(math.Log(ratio))+constant)/float64(n))
}

// DKWPrinted is the paper's upper bound on the constant for alpha.
func DKWPrinted(alpha float64) float64 { return .8 * math.Log(1612/alpha) }

// DKWConstant returns the smallest constant that theorem 2 allows for alpha.
func DKWConstant(alpha float64) float64 {
	enough := func(c float64) bool { return dkwCrossing(c) <= alpha }
	return bisect(DKWPrinted(alpha), 1, enough)
}

// dkwCrossing bounds the chance that the empirical distribution ever leaves the
// band with constant c, at the best geometric spacing eta of its epochs.
func dkwCrossing(c float64) float64 {
	crossing := func(logStep float64) float64 {
		step := math.Exp(logStep) // eta - 1
		gamma := math.Sqrt(2/(1+step)) * (dkw - math.Sqrt(2*step/c))
		if gamma <= 1 {
			return math.Inf(1)
		}
		square := gamma * gamma
		return 4 * math.Exp(-square*c) * (1 + 1/((square-1)*math.Log1p(step)))
	}
	return crossing(minimise(math.Log(1e-6), math.Log(2*dkw*dkw-1), crossing))
}

// RanksWithin returns the 1-based order statistics of n values between which
// the quantile p lies if the share of values up to it is within width of p; 0 is
// minus and n+1 plus infinity.
func RanksWithin(n int, p, width float64) (lower, upper int) {
	t := float64(n)
	lower = max(0, int(math.Ceil(t*(p-width))))
	upper = min(n, int(math.Floor(t*(p+width)))) + 1
	return lower, upper
}

// minimise returns where f is least between lo and hi: the best of a grid,
// then a golden section around it. f may be infinite.
func minimise(lo, hi float64, f func(float64) float64) float64 {
	const cells = 256
	step, at, least := (hi-lo)/cells, lo, math.Inf(1)
	for i := range cells + 1 {
		x := lo + float64(i)*step
		if y := f(x); y < least {
			at, least = x, y
		}
	}
	lo, hi = math.Max(lo, at-step), math.Min(hi, at+step)
	inner := (3 - math.Sqrt(5)) / 2 * (hi - lo)
	x1, x2 := lo+inner, hi-inner
	y1, y2 := f(x1), f(x2)
	for hi-lo > 1e-7*(1+math.Abs(at)) { // f is flat there: its error is the square of this
		if y1 < y2 {
			hi, x2, y2 = x2, x1, y1
			x1 = lo + (hi - x2)
			y1 = f(x1)
		} else {
			lo, x1, y1 = x1, x2, y2
			x2 = hi - (x1 - lo)
			y2 = f(x2)
		}
	}
	return (lo + hi) / 2
}

// Streams are two samples of independent values, to be compared at the quantile
// P while they grow. For a ratio give logarithms. They are read-only and safe
// for use by several goroutines.
type Streams struct {
	p    float64
	a, b []float64 // ascending
}

// NewStreams sorts copies of the values, none of which may be NaN.
func NewStreams(p float64, baseline, candidate []float64) Streams {
	s := Streams{p: p, a: slices.Clone(baseline), b: slices.Clone(candidate)}
	slices.Sort(s.a)
	slices.Sort(s.b)
	return s
}

// Interval returns the confidence sequence at 1-alpha, the tuning's, for the
// quantile of the candidate less that of the baseline: the union of one for
// each at alpha/2. An end is infinite as long as a rank is.
func (s Streams) Interval(tuning Tuning) (lower, upper float64) {
	tuning.Alpha /= 2
	m := NewBetaMixture(s.p, TwoSided, tuning)
	lowA, highA := quantileBounds(m, s.a, tuning.Alpha)
	lowB, highB := quantileBounds(m, s.b, tuning.Alpha)
	if lower = lowB - highA; math.IsNaN(lower) { // failures in both
		lower = math.Inf(-1)
	}
	if upper = highB - lowA; math.IsNaN(upper) {
		upper = math.Inf(1)
	}
	return lower, upper
}

func quantileBounds(m BetaMixture, ascending []float64, alpha float64) (lower, upper float64) {
	n := len(ascending)
	low, high := m.Ranks(n, alpha)
	lower, upper = math.Inf(-1), math.Inf(1)
	if low > 0 {
		lower = ascending[low-1]
	}
	if high <= n {
		upper = ascending[high-1]
	}
	return lower, upper
}

// LogSlower returns the log-evidence that the candidate's quantile lies more
// than shift above the baseline's. For every value x that the baseline's
// quantile could have, the baseline tells how unlikely it is that it lies below
// x and the candidate that it lies above x + shift; the x that explains both
// best counts.
func (s Streams) LogSlower(shift float64, tuning Tuning) float64 {
	above, below := NewBetaMixture(s.p, Above, tuning), NewBetaMixture(s.p, Below, tuning)
	// Between two values of the baseline nothing changes there, and the larger
	// x is the better for the candidate: so x runs over its values and infinity.
	least := sumSearch{
		rising: func(i int) float64 { return above.Log(i, len(s.a)) },
		falling: func(i int) float64 {
			if i == len(s.a) {
				return below.Log(len(s.b), len(s.b))
			}
			return below.Log(countUpTo(s.b, s.a[i]+shift), len(s.b))
		},
	}
	return least.between(0, len(s.a), math.Inf(1))
}

// LowerBound returns the shift up to which [Streams.LogSlower] rejects at the
// tuning's alpha: an anytime lower bound on the difference of the quantiles.
func (s Streams) LowerBound(tuning Tuning) float64 {
	holds := func(shift float64) bool { return s.LogSlower(shift, tuning) < tuning.bar() }
	switch {
	case holds(-farthest):
		return math.Inf(-1)
	case !holds(farthest):
		return math.Inf(1)
	}
	return bisect(farthest, -farthest, holds)
}

// LogDiffer returns the log-evidence that the quantiles differ, in either
// direction: the published two-sided form, in which a value that both streams
// hold counts as below or not below the quantile, whichever is weaker.
func (s Streams) LogDiffer(tuning Tuning) float64 {
	if len(s.a) == 0 || len(s.b) == 0 {
		return 0
	}
	m := NewBetaMixture(s.p, TwoSided, tuning)
	pool := slices.Concat(s.a, s.b)
	slices.Sort(pool)
	low, high := s.a, s.b
	from, to := middle(m, low), middle(m, high)
	if from > to {
		low, high, from, to = high, low, to, from
	}
	// Outside of both middles both terms grow; between them one does.
	least := sumSearch{
		rising:  func(i int) float64 { return leastAt(m, low, pool[i]) },
		falling: func(i int) float64 { return leastAt(m, high, pool[i]) },
	}
	return least.between(sort.SearchFloat64s(pool, from), countUpTo(pool, to)-1, math.Inf(1))
}

// middle returns the value at which there is no evidence at all.
func middle(m BetaMixture, ascending []float64) float64 {
	return ascending[max(m.centre(len(ascending)), 1)-1]
}

// leastAt returns the least evidence against x as the quantile.
func leastAt(m BetaMixture, ascending []float64, x float64) float64 {
	n := len(ascending)
	below, upTo := sort.SearchFloat64s(ascending, x), countUpTo(ascending, x)
	return m.Log(min(max(m.centre(n), below), upTo), n)
}

// countUpTo returns how many values are at most x.
func countUpTo(ascending []float64, x float64) int {
	return sort.Search(len(ascending), func(i int) bool { return ascending[i] > x })
}

// A sumSearch finds the least sum of a function that never falls and one that
// never rises.
type sumSearch struct{ rising, falling func(int) float64 }

// between returns the least sum from from to to, or best if that is less. The
// ends of a range bound what is in it, so most of it is never looked at.
func (s sumSearch) between(from, to int, best float64) float64 {
	if from > to || s.rising(from)+s.falling(to) >= best {
		return best
	}
	mid := from + (to-from)/2
	best = math.Min(best, s.rising(mid)+s.falling(mid))
	best = s.between(from, mid-1, best)
	return s.between(mid+1, to, best)
}

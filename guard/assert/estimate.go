package assert

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// An estimate is what a side shows of a quantity.
type estimate struct {
	n            int // requests, or turns
	value        float64
	lower, upper float64 // one-sided bounds at 1-alpha each
	exact        bool    // a fact of the run, which has no bounds
	missing      string  // why there is nothing; "": there is something
	doubt        string  // why the bounds say nothing
	note         string  // what else a reader should know
	// boundsAt predicts the bounds if n requests like these were there; nil
	// where nobody can.
	boundsAt func(n int) (lower, upper float64)
}

func nothing(format string, args ...any) estimate {
	nan := math.NaN()
	return estimate{missing: fmt.Sprintf(format, args...), value: nan, lower: nan, upper: nan}
}

func counted(n int, x float64) estimate {
	return estimate{n: n, value: x, lower: x, upper: x, exact: true}
}

// unbounded is a value of which nobody knows how wrong it is.
func unbounded(n int, x float64, why string) estimate {
	return estimate{n: n, value: x, lower: math.Inf(-1), upper: math.Inf(1), doubt: why}
}

// What means and turns need before t says something of them.
const (
	leastBlocks   = 8
	leastRequests = 30
	leastTurns    = 5
	lostShare     = .01 // of attempts without a value, or that were never sent
)

// estimate takes q of the side, with one-sided bounds at 1-alpha each.
func (s *side) estimate(q Quantity, alpha float64, k knowledge) estimate {
	switch {
	case s.lacks(q.measure):
		return nothing("the source of this run does not tell it")
	case len(s.attempts) == 0:
		return nothing("arm %s has no measured request", s.arm)
	}
	switch q.measure.kind {
	case rate:
		return binomial(s.outcomes(), alpha)
	case score:
		return s.quality(alpha)
	case perTurn:
		return s.turns(q.measure, alpha)
	case fact:
		return s.fact(q.measure, k)
	case uneven:
		return s.credentials(q.measure, k, alpha)
	}
	return s.widened(q.measure, s.ofRequests(q, alpha))
}

// widened moves the bounds of a degraded run's latencies apart by the measurer's
// own error.
func (s *side) widened(m measure, e estimate) estimate {
	by := s.measurerError(m)
	if by == 0 || e.missing != "" {
		return e
	}
	e.lower, e.upper = e.lower-by, e.upper+by
	if inner := e.boundsAt; inner != nil {
		e.boundsAt = func(n int) (lower, upper float64) {
			lower, upper = inner(n)
			return lower - by, upper + by
		}
	}
	return e
}

func (s *side) ofRequests(q Quantity, alpha float64) estimate {
	all, blocks, absent := s.values(q.measure)
	finite := slices.ContainsFunc(all, func(x float64) bool { return !math.IsInf(x, 1) })
	switch {
	case len(all) == 0:
		return nothing("no record tells it")
	case !finite:
		return nothing("no request that succeeded tells it")
	case float64(absent) > lostShare*float64(len(all)+absent):
		return nothing("%d of %d requests that should tell it do not", absent, len(all)+absent)
	}
	switch q.statistic.name {
	case "max":
		return counted(len(all), slices.Max(all))
	case "mean":
		return mean(all, blocks, alpha)
	}
	slices.Sort(all)
	return quantile(all, q.statistic.q, alpha)
}

// quantile bounds a quantile by order statistics (judging.md 2 b): exact for
// independent values of any distribution.
func quantile(ascending []float64, q, alpha float64) estimate {
	total := len(ascending)
	boundsAt := func(n int) (lower, upper float64) {
		r := stats.QuantileRanks(n, q, 2*alpha)
		return ranked(ascending, r.Lower, n), ranked(ascending, r.Upper, n)
	}
	e := estimate{n: total, value: stats.Quantile(ascending, q), boundsAt: boundsAt}
	e.lower, e.upper = boundsAt(total)
	return e
}

// ranked returns what the 1-based rank of n values would be if they were spread
// like ascending. Outside of 1 to n it is infinite.
func ranked(ascending []float64, rank, n int) float64 {
	switch {
	case rank < 1:
		return math.Inf(-1)
	case rank > n:
		return math.Inf(1)
	}
	at := int(math.Ceil(float64(rank)*float64(len(ascending))/float64(n))) - 1
	return ascending[min(max(at, 0), len(ascending)-1)]
}

// mean bounds a mean by t over blocks, or over requests where there are few
// blocks. A failure makes it infinite.
func mean(all []float64, blocks []int, alpha float64) estimate {
	if slices.ContainsFunc(all, func(x float64) bool { return math.IsInf(x, 1) }) {
		inf := math.Inf(1)
		return estimate{n: len(all), value: inf, lower: inf, upper: inf, note: "a failure is infinitely slow, and so is the mean: assert a quantile"}
	}
	units := blockMeans(all, blocks)
	if len(units) < leastBlocks {
		units = all
		if len(units) < leastRequests {
			return unbounded(len(all), sumOf(all)/float64(len(all)), fmt.Sprintf(
				"%d requests are too few to bound a mean, at least %d are needed", len(all), leastRequests))
		}
	}
	e := student(units, alpha)
	// The mean of blocks of different sizes is not the mean of requests.
	e.n = len(all)
	return scaled(e)
}

func blockMeans(all []float64, blocks []int) []float64 {
	sum, n := map[int]float64{}, map[int]float64{}
	for i, x := range all {
		sum[blocks[i]] += x
		n[blocks[i]]++
	}
	var means []float64
	for _, b := range slices.Sorted(maps.Keys(sum)) {
		means = append(means, sum[b]/n[b])
	}
	return means
}

// student bounds a mean of independent values by t.
func student(units []float64, alpha float64) estimate {
	m := stats.MeanT(units)
	half := stats.QuantileT(alpha, float64(len(units)-1)) * m.SE
	return scaled(estimate{n: len(units), value: m.Value, lower: m.Value - half, upper: m.Value + half})
}

// scaled predicts bounds that close in with the square root of n.
func scaled(e estimate) estimate {
	down, up, n := e.value-e.lower, e.upper-e.value, float64(e.n)
	value := e.value
	e.boundsAt = func(more int) (lower, upper float64) {
		by := math.Sqrt(n / float64(more))
		return value - down*by, value + up*by
	}
	return e
}

// binomial bounds a rate exactly (Clopper & Pearson 1934).
func binomial(c stats.Count, alpha float64) estimate {
	boundsAt := func(n int) (lower, upper float64) {
		like := stats.Count{OK: int(math.Round(c.Rate() * float64(n))), N: n}
		return like.Exact(2 * alpha)
	}
	e := estimate{n: c.N, value: c.Rate(), boundsAt: boundsAt}
	e.lower, e.upper = c.Exact(2 * alpha)
	return e
}

// quality is the mean score over items that are scored at all: an attempt that
// failed, or whose answer has no score, scores 0. An answer that came before
// there was one to compare it with is left out; a failure never is.
func (s *side) quality(alpha float64) estimate {
	scored := map[string]bool{}
	for i := range s.run.Samples {
		if s.run.Samples[i].Quality != nil {
			scored[s.run.Samples[i].Item] = true
		}
	}
	betting, sum, n := stats.NewBetting(2*alpha, scoreCells), 0.0, 0
	for _, one := range s.attempts {
		if !scored[one.Item] || one.Early && one.Outcome == sample.OK {
			continue
		}
		x := 0.0
		if one.Quality != nil && one.Outcome == sample.OK {
			x = *one.Quality
		}
		if err := betting.Add(x); err != nil {
			return nothing("the run is damaged: %v", err)
		}
		sum, n = sum+x, n+1
	}
	if n == 0 {
		return nothing("no answer of this run was scored")
	}
	e := estimate{n: n, value: sum / float64(n)}
	e.lower, e.upper = betting.Interval()
	if math.IsNaN(e.lower) {
		return unbounded(n, e.value, "the scores drift too much for bounds")
	}
	// The sequence knows means to half a cell.
	e.lower, e.upper = max(0, e.lower-.5/scoreCells), min(1, e.upper+.5/scoreCells)
	return scaled(e)
}

// scoreCells is how finely means of scores are told apart.
const scoreCells = 2000

// turns estimates what belongs to whole turns of an arm.
func (s *side) turns(m measure, alpha float64) estimate {
	var all []float64
	ok := s.okByTurn()
	for _, slot := range s.slots {
		if x := turnValue(m.name, slot, ok[turn{slot.Block, slot.Restart}]); !math.IsNaN(x) {
			all = append(all, x)
		}
	}
	if len(all) == 0 {
		return nothing("no turn of arm %s tells it", s.arm)
	}
	if len(all) < len(s.slots) {
		return nothing("%d of %d turns of arm %s do not tell it", len(s.slots)-len(all), len(s.slots), s.arm)
	}
	if len(all) < leastTurns {
		return unbounded(len(all), sumOf(all)/float64(len(all)),
			fmt.Sprintf("%d turns are too few for bounds, at least %d are needed: give bench --blocks", len(all), leastTurns))
	}
	return student(all, alpha)
}

// A turn names a slot of an arm.
type turn struct{ block, restart int }

func (s *side) okByTurn() map[turn]int {
	ok := map[turn]int{}
	for _, one := range s.attempts {
		if one.Outcome == sample.OK {
			ok[turn{one.Block, one.Restart}]++
		}
	}
	return ok
}

// turnValue is NaN where the turn does not tell it.
func turnValue(name string, slot *sample.Slot, ok int) float64 {
	over, under := 0.0, float64(slot.EndNS-slot.StartNS)
	switch name {
	case "throughput":
		over = float64(ok) * 1e9
	case "achieved":
		over, under = slot.AchievedHz, slot.IntendedHz
	case "cpu_per_event":
		over, under = float64(slot.CPUNS), float64(slot.Events)
	case "cpu_per_request":
		over, under = float64(slot.CPUNS), float64(slot.Requests)
	}
	known := over > 0 || over == 0 && name == "throughput"
	if !known || !(under > 0) || math.IsInf(over/under, 0) {
		return math.NaN()
	}
	return over / under
}

func sumOf(all []float64) float64 {
	sum := 0.0
	for _, x := range all {
		sum += x
	}
	return sum
}

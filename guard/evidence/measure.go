package evidence

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A reading is what one request says of one measure.
type reading struct {
	ns   float64
	kind kind
}

type kind int

const (
	value  kind = iota
	none        // the measure does not exist for it, which is no fault
	absent      // never sent, or an instant that was not reached in a request that says it succeeded
	zero        // a value, but nothing that has a logarithm
)

func read(s *sample.Sample, m sample.Measure) reading {
	if s == nil {
		return reading{kind: absent}
	}
	ns, ok, missing := s.Value(m)
	switch {
	case !ok:
		return reading{ns: math.Inf(1)}
	case missing:
		return reading{kind: none}
	case ns < 0:
		return reading{kind: absent}
	case ns == 0:
		return reading{kind: zero}
	}
	return reading{ns: float64(ns)}
}

// told lists the measures that some request has and the source can tell; if no
// request succeeded, all that it can tell: a failure is infinitely slow in each.
func (c *collection) told(lacks []sample.Measure) []sample.Measure {
	open := slices.DeleteFunc(sample.Measures(), func(m sample.Measure) bool { return slices.Contains(lacks, m) })
	var told []sample.Measure
	succeeded := false
	for _, all := range c.all {
		for _, s := range all {
			if s.Outcome != sample.OK {
				continue
			}
			succeeded = true
			open = slices.DeleteFunc(open, func(m sample.Measure) bool {
				k := read(s, m).kind
				has := k == value || k == zero
				if has {
					told = append(told, m)
				}
				return has
			})
		}
	}
	if !succeeded {
		return open
	}
	return told
}

// A column gathers the pairs of one measure.
type column struct {
	Pairs
	measure sample.Measure
	left    []int // pairs of the collection that are not in it, ascending
}

// latencies goes through the pairs once for all measures: what takes time is to
// come by a sample, not to read it.
func (c *collection) latencies(told []sample.Measure) map[sample.Measure]Pairs {
	columns := make([]column, len(told))
	for i, m := range told {
		columns[i].measure = m
	}
	for at, p := range c.pairs {
		for i := range columns {
			columns[i].add(p, at, len(c.pairs))
		}
	}
	block, item, weight := c.labels()
	out := map[sample.Measure]Pairs{}
	for _, col := range columns {
		col.Block, col.Item, col.Weight = without(block, col.left), without(item, col.left), without(weight, col.left)
		out[col.measure] = col.Pairs
	}
	return out
}

// labels returns block, item and weight of every pair; no weights where all are
// 1. Both halves of a pair are one draw.
func (c *collection) labels() (block, item []int, weight []float64) {
	block, item = make([]int, len(c.pairs)), make([]int, len(c.pairs))
	for i, p := range c.pairs {
		block[i], item[i] = p.block, p.item
		w := cmp.Or(cmp.Or(p.halves[0], p.halves[1]).Weight, 1)
		if w != 1 && weight == nil {
			weight = slices.Repeat([]float64{1}, len(c.pairs))
		}
		if weight != nil {
			weight[i] = w
		}
	}
	return block, item, weight
}

// without returns values but for those at the places left out; itself, if none
// is.
func without[T any](values []T, left []int) []T {
	if values == nil || len(left) == 0 {
		return values
	}
	kept := make([]T, 0, len(values)-len(left))
	from := 0
	for _, at := range left {
		kept = append(kept, values[from:at]...)
		from = at + 1
	}
	return append(kept, values[from:]...)
}

// add takes in the pair of that place; n is how many there are in all.
func (col *column) add(p pair, at, n int) {
	a, b := read(p.halves[0], col.measure), read(p.halves[1], col.measure)
	if a.kind == value && b.kind == value {
		if col.Baseline == nil {
			col.Baseline, col.Candidate = make([]float64, 0, n), make([]float64, 0, n)
		}
		col.Baseline, col.Candidate = append(col.Baseline, a.ns), append(col.Candidate, b.ns)
		return
	}
	col.left = append(col.left, at)
	if a.kind == none && (b.kind == none || math.IsInf(b.ns, 1)) || b.kind == none && math.IsInf(a.ns, 1) {
		return
	}
	if a.kind != value {
		col.LostBaseline++
	}
	if b.kind != value {
		col.LostCandidate++
	}
	if a.kind == zero || b.kind == zero {
		col.Zero++
	}
}

// alone returns all values of each measure in ascending order.
func alone(requests []*sample.Sample, told []sample.Measure) map[sample.Measure][]float64 {
	columns := make([][]float64, len(told))
	for i := range columns {
		columns[i] = make([]float64, 0, len(requests))
	}
	for _, s := range requests {
		for i, m := range told {
			columns[i] = read(s, m).appendTo(columns[i])
		}
	}
	out := map[sample.Measure][]float64{}
	var sorting sync.WaitGroup
	for i, m := range told {
		out[m] = columns[i]
		sorting.Go(func() { slices.Sort(columns[i]) })
	}
	sorting.Wait()
	return out
}

func (r reading) appendTo(values []float64) []float64 {
	if r.kind == value || r.kind == zero {
		return append(values, r.ns)
	}
	return values
}

// Values are the latencies of one measure in one block, ascending in
// nanoseconds, a failure +Inf.
type Values struct{ Baseline, Candidate []float64 }

// PerBlock returns the values of m by block, with a partner or without: what a
// design without pairs is judged by. It is nil where no request has m.
func (s *Set) PerBlock(m sample.Measure) []Values {
	if _, told := s.Alone[m]; !told {
		return nil
	}
	out := make([]Values, len(s.Requests))
	for k, r := range s.Requests {
		out[k] = Values{sorted(r.Baseline, m), sorted(r.Candidate, m)}
	}
	return out
}

func sorted(requests []*sample.Sample, m sample.Measure) []float64 {
	var values []float64
	for _, s := range requests {
		values = read(s, m).appendTo(values)
	}
	slices.Sort(values)
	return values
}

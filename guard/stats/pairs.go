package stats

import (
	"errors"
	"fmt"
	"math"
)

// A Sample is what was measured, one element per pair. Baseline and Candidate
// are logarithms; +Inf is a failure, which is slower than everything.
type Sample struct {
	Baseline, Candidate []float64
	// Block numbers each pair's block, from 0 to Blocks-1, every one present.
	Block  []int
	Blocks int
	// Item numbers each pair's item from 0 to Items-1. Items 0 means that no
	// item repeats over blocks (or that it is not known).
	Item  []int
	Items int
	// Weight is nil (all 1) or positive: the inverse of how likely the pair
	// was to be drawn.
	Weight []float64
}

// Merged returns s with neighbouring blocks joined, two by two; of an odd number
// the last block holds three.
func (s Sample) Merged() Sample {
	merged := s
	merged.Blocks = s.Blocks / 2
	merged.Block = make([]int, len(s.Block))
	for i, block := range s.Block {
		merged.Block[i] = min(block/2, merged.Blocks-1)
	}
	return merged
}

// ErrNotNumber says that a sample has a value that cannot be ranked.
var ErrNotNumber = errors.New("a value is not a number or is minus infinity")

// Pairs are a Sample made ready: each arm sorted once, so that a statistic at a
// shift is one pass over both.
type Pairs struct {
	sample Sample
	a, b   ranked
	total  float64 // weight of all values
	cell   []int32 // of each pair: its item in its block; nil unless items are known
	cells  int
}

// ranked is one arm in descending order.
type ranked struct {
	value  []float64
	weight []float64
	block  []int32
	item   []int32
	cell   []int32
}

// NewPairs sorts s, which it keeps and never changes.
func NewPairs(s Sample) (*Pairs, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	p := &Pairs{sample: s}
	p.number()
	p.a, p.b = p.rank(s.Baseline), p.rank(s.Candidate)
	for _, w := range p.a.weight {
		p.total += 2 * w
	}
	return p, nil
}

func (s Sample) check() error {
	n := len(s.Baseline)
	if n == 0 {
		return errors.New("no pairs")
	}
	if len(s.Candidate) != n || len(s.Block) != n || s.Items > 0 && len(s.Item) != n || s.Weight != nil && len(s.Weight) != n {
		return errors.New("the columns of the sample differ in length")
	}
	for i := range n {
		if err := s.checkPair(i); err != nil {
			return fmt.Errorf("pair %d: %w", i, err)
		}
	}
	return nil
}

func (s Sample) checkPair(i int) error {
	for _, v := range [...]float64{s.Baseline[i], s.Candidate[i]} {
		if math.IsNaN(v) || math.IsInf(v, -1) {
			return ErrNotNumber
		}
	}
	if s.Block[i] < 0 || s.Block[i] >= s.Blocks {
		return fmt.Errorf("block %d of %d", s.Block[i], s.Blocks)
	}
	if s.Items > 0 && (s.Item[i] < 0 || s.Item[i] >= s.Items) {
		return fmt.Errorf("item %d of %d", s.Item[i], s.Items)
	}
	if w := s.weight(i); !(w > 0) || math.IsInf(w, 1) {
		return fmt.Errorf("weight %v", w)
	}
	return nil
}

func (s Sample) weight(i int) float64 {
	if s.Weight == nil {
		return 1
	}
	return s.Weight[i]
}

// number finds the cells: the uses of one item in one block.
func (p *Pairs) number() {
	s := p.sample
	if s.Items == 0 {
		return
	}
	known := make(map[[2]int]int32)
	p.cell = make([]int32, len(s.Block))
	for i := range s.Block {
		at := [2]int{s.Block[i], s.Item[i]}
		cell, ok := known[at]
		if !ok {
			cell = int32(len(known))
			known[at] = cell
		}
		p.cell[i] = cell
	}
	p.cells = len(known)
}

// A place is a value and the pair that it belongs to.
type place struct {
	value float64
	index int32
}

// descending sorts values, the largest first, by radix: simulations do little
// else. Equal values stay in input order, and so the order of addition is fixed.
// No value may be NaN.
func descending(values []float64) []place {
	const digit = 11 // bits
	type keyed struct {
		key   uint64
		index int32
	}
	from, to := make([]keyed, len(values)), make([]keyed, len(values))
	for i, v := range values {
		from[i] = keyed{^ascendingBits(v), int32(i)}
	}
	for shift := 0; shift < 64; shift += digit {
		var next [1 << digit]int32
		for _, x := range from {
			next[x.key>>shift%(1<<digit)]++
		}
		start := int32(0)
		for d, count := range next {
			next[d], start = start, start+count
		}
		for _, x := range from {
			d := x.key >> shift % (1 << digit)
			to[next[d]] = x
			next[d]++
		}
		from, to = to, from
	}
	places := make([]place, len(values))
	for i, x := range from {
		places[i] = place{values[x.index], x.index}
	}
	return places
}

// ascendingBits maps floating-point numbers to integers in the same order.
func ascendingBits(v float64) uint64 {
	bits := math.Float64bits(v + 0) // both zeros are one
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}

// rank sorts one arm.
func (p *Pairs) rank(values []float64) ranked {
	s := p.sample
	places := descending(values)
	r := ranked{
		value: make([]float64, len(values)), weight: make([]float64, len(values)),
		block: make([]int32, len(values)), item: make([]int32, len(values)), cell: make([]int32, len(values)),
	}
	for at, place := range places {
		i := int(place.index)
		r.value[at], r.weight[at], r.block[at] = place.value, s.weight(i), int32(s.Block[i])
		if s.Items > 0 {
			r.item[at], r.cell[at] = int32(s.Item[i]), p.cell[i]
		}
	}
	return r
}

// Sums are the scores of the pairs added up by block and, where items repeat
// over blocks, by item and by cell (one item in one block).
type Sums struct {
	Block []float64
	Item  []float64
	Cell  []float64
}

func (p *Pairs) sums() Sums {
	s := Sums{Block: make([]float64, p.sample.Blocks)}
	if p.sample.Items > 0 {
		s.Item, s.Cell = make([]float64, p.sample.Items), make([]float64, p.cells)
	}
	return s
}

func (s *Sums) clear() {
	clear(s.Block)
	clear(s.Item)
	clear(s.Cell)
}

func (r *ranked) add(s *Sums, from, to int, score float64) {
	for k := from; k < to; k++ {
		d := r.weight[k] * score
		s.Block[r.block[k]] += d
		if s.Item != nil {
			s.Item[r.item[k]] += d
			s.Cell[r.cell[k]] += d
		}
	}
}

// run returns the end of the run of values equal to v that starts at k, and
// the weight of it. Values are compared after the shift, as they are ranked.
func (r *ranked) run(k int, v, shift float64) (end int, weight float64) {
	for end = k; end < len(r.value) && r.value[end]-shift == v; end++ {
		weight += r.weight[end]
	}
	return end, weight
}

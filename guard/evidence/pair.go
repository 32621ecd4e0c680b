package evidence

import (
	"math"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A pair is the two requests of one item in one block; a half that was never
// sent is nil.
type pair struct {
	block, item int
	halves      [2]*sample.Sample // baseline, candidate
}

// A collection is the measured requests of both arms.
type collection struct {
	blocks   []int       // block numbers of the run, ascending: the position is ours
	index    map[int]int // our number of each
	requests []BlockRequests
	all      [2][]*sample.Sample
	pairs    []pair
}

// collect brings the requests of two arms together, by block and, if they are
// paired, by item. The second of two that claim the same place stays without a
// partner.
func collect(baseline, candidate []*sample.Sample, paired bool) *collection {
	c := &collection{all: [2][]*sample.Sample{baseline, candidate}}
	c.number()
	c.requests = make([]BlockRequests, len(c.blocks))
	for _, s := range baseline {
		r := &c.requests[c.index[s.Block]]
		r.Baseline = append(r.Baseline, s)
	}
	for _, s := range candidate {
		r := &c.requests[c.index[s.Block]]
		r.Candidate = append(r.Candidate, s)
	}
	if paired {
		c.pair()
	}
	return c
}

// number gives the blocks that have requests numbers without holes.
func (c *collection) number() {
	c.index = map[int]int{}
	for _, all := range c.all {
		for _, s := range all {
			if _, known := c.index[s.Block]; !known {
				c.index[s.Block] = 0
				c.blocks = append(c.blocks, s.Block)
			}
		}
	}
	slices.Sort(c.blocks)
	for k, block := range c.blocks {
		c.index[block] = k
	}
}

// A use is what makes two requests of a block partners.
type use struct{ item, occurrence int }

// pair goes through the run block by block, so that what is looked up stays
// small.
func (c *collection) pair() {
	items := map[string]int{}
	c.pairs = make([]pair, 0, max(len(c.all[0]), len(c.all[1])))
	at := map[use]int{}
	for k, block := range c.requests {
		clear(at)
		for side, requests := range [...][]*sample.Sample{block.Baseline, block.Candidate} {
			for _, s := range requests {
				if s.Item == "" {
					continue
				}
				item, known := items[s.Item]
				if !known {
					item = len(items)
					items[s.Item] = item
				}
				c.place(s, side, k, use{item, s.Occurrence}, at)
			}
		}
	}
}

func (c *collection) place(s *sample.Sample, side, block int, key use, at map[use]int) {
	i, known := at[key]
	if known && c.pairs[i].halves[side] == nil {
		c.pairs[i].halves[side] = s
		return
	}
	p := pair{block: block, item: key.item}
	p.halves[side] = s
	if !known {
		at[key] = len(c.pairs)
	}
	c.pairs = append(c.pairs, p)
}

// set is all of the evidence that comes from the requests themselves.
func (c *collection) set(lacks []sample.Measure) Set {
	set := Set{
		Blocks: len(c.blocks), Restarts: c.restarts(), BaselineFirst: c.baselineFirst(),
		Requests: c.requests, Outcomes: c.outcomes(), Work: c.work(), Paired: c.complete(),
	}
	told := c.told(lacks)
	set.Natural = c.natural()
	set.Latencies, set.Alone = c.latencies(told), alone(c.unweighted(set.Natural), told)
	set.Pairs = len(set.Paired)
	for _, p := range c.pairs {
		if p.halves[0] == nil {
			set.LostBaseline++
		}
		if p.halves[1] == nil {
			set.LostCandidate++
		}
	}
	if len(c.pairs) > 0 { // beside requests that say their item one that does not has lost its partner
		set.LostBaseline, set.LostCandidate = set.LostBaseline+unnamed(c.all[0]), set.LostCandidate+unnamed(c.all[1])
	}
	return set
}

// unnamed counts the requests that do not say their item.
func unnamed(requests []*sample.Sample) (n int) {
	for _, s := range requests {
		if s.Item == "" {
			n++
		}
	}
	return n
}

func (c *collection) complete() []Pair {
	if len(c.pairs) == 0 {
		return nil
	}
	out := make([]Pair, 0, len(c.pairs))
	for _, p := range c.pairs {
		if p.halves[0] != nil && p.halves[1] != nil {
			out = append(out, Pair{Block: p.block, Item: p.item, Baseline: p.halves[0], Candidate: p.halves[1]})
		}
	}
	return out
}

func (c *collection) restarts() int {
	var n [2]int
	for side, all := range c.all {
		seen := map[int]bool{}
		for _, s := range all {
			seen[s.Restart] = true
		}
		n[side] = len(seen)
	}
	return min(n[0], n[1])
}

func (c *collection) baselineFirst() (n int) {
	for _, r := range c.requests {
		if len(r.Candidate) > 0 && started(r.Baseline) < started(r.Candidate) {
			n++
		}
	}
	return n
}

func started(requests []*sample.Sample) int64 {
	first := int64(math.MaxInt64)
	for _, s := range requests {
		first = min(first, s.IntendedNS)
	}
	return first
}

func (c *collection) outcomes() Outcomes {
	var o Outcomes
	for _, r := range c.requests {
		o.Baseline = append(o.Baseline, tally(r.Baseline))
		o.Candidate = append(o.Candidate, tally(r.Candidate))
	}
	for _, p := range c.pairs {
		a, b := p.halves[0], p.halves[1]
		if a == nil || b == nil {
			continue
		}
		switch aOK, bOK := a.Outcome == sample.OK, b.Outcome == sample.OK; {
		case aOK && !bOK:
			o.OnlyBaseline++
		case bOK && !aOK:
			o.OnlyCandidate++
		}
	}
	return o
}

func tally(requests []*sample.Sample) Tally {
	t := Tally{Attempts: len(requests)}
	for _, s := range requests {
		if s.Outcome == sample.OK {
			t.OK++
		}
	}
	return t
}

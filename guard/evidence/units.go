package evidence

import (
	"cmp"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// units lists what a split assigned at random, in the order in which outcomes
// arrived, and counts the units whose assignment was not kept.
func units(blocks []BlockRequests) (list []Unit, mixed int) {
	var all []Unit
	named := map[string]int{}
	for _, block := range blocks {
		for side, requests := range [...][]*sample.Sample{block.Baseline, block.Candidate} {
			for _, s := range requests {
				all = assign(all, named, s, side == 1)
			}
		}
	}
	for _, u := range all {
		if u.Share == notKept {
			mixed++
			continue
		}
		slices.SortStableFunc(u.Requests, func(a, b *sample.Sample) int { return cmp.Compare(a.IntendedNS, b.IntendedNS) })
		u.Share = u.Requests[0].Share
		list = append(list, u)
	}
	slices.SortStableFunc(list, func(a, b Unit) int { return cmp.Compare(a.arrived(), b.arrived()) })
	return list, mixed
}

// assign adds s to its unit, which is made if it is the first of it.
func assign(all []Unit, named map[string]int, s *sample.Sample, candidate bool) []Unit {
	name := cmp.Or(s.Unit, s.Session)
	at, known := named[name]
	if !known || name == "" {
		at = len(all)
		all = append(all, Unit{Candidate: candidate})
		named[name] = at
	}
	u := &all[at]
	u.Requests = append(u.Requests, s)
	if u.Candidate != candidate {
		u.Share = notKept
	}
	return all
}

// notKept marks a unit that had requests of both arms; no share is negative.
const notKept = -1

// arrived is when the unit's whole outcome was known.
func (u Unit) arrived() int64 {
	last := ended(u.Requests[0])
	for _, s := range u.Requests[1:] {
		last = max(last, ended(s))
	}
	return last
}

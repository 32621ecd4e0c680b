package merge

import (
	"cmp"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A turn is what the shards have of one arm in one block.
type turn struct {
	block int
	arm   string
}

// slots makes one slot of each turn, in the order of the first shard, which is
// that of all.
func slots(parts []Part, samples []sample.Sample) []sample.Slot {
	starts := map[turn]*edges{}
	for i := range samples {
		if s := &samples[i]; !s.Warmup {
			at := turn{s.Block, s.Arm}
			if starts[at] == nil {
				starts[at] = &edges{}
			}
			starts[at].add(s)
		}
	}
	shares := map[turn][]sample.Slot{}
	for _, p := range parts {
		for _, s := range p.Run.Trailer.Slots {
			at := turn{s.Block, s.Arm}
			shares[at] = append(shares[at], s)
		}
	}
	var out []sample.Slot
	for _, s := range parts[0].Run.Trailer.Slots {
		at := turn{s.Block, s.Arm}
		out = append(out, join(shares[at], cmp.Or(starts[at], &edges{})))
	}
	return out
}

// join makes one slot of the shards' shares of it. Processor time is the arm's,
// which every shard that can tell it has seen whole.
func join(shares []sample.Slot, at *edges) sample.Slot {
	all := shares[0]
	for _, s := range shares[1:] {
		all.StartNS, all.EndNS = min(all.StartNS, s.StartNS), max(all.EndNS, s.EndNS)
		all.CPUNS = max(all.CPUNS, s.CPUNS)
		all.Requests += s.Requests
		all.Events += s.Events
	}
	all.IntendedHz, all.AchievedHz = at.intended.hz(), at.sent.hz() // only planned starts are shared
	return all
}

// edges are the first and last starts of a turn, as planned and as made.
type edges struct{ intended, sent span }

func (e *edges) add(s *sample.Sample) {
	e.intended.add(s.IntendedNS)
	if s.SentNS != 0 {
		e.sent.add(s.SentNS)
	}
}

// A span counts instants and keeps the first and the last.
type span struct {
	first, last int64
	n           int
}

func (s *span) add(at int64) {
	if s.n == 0 {
		s.first, s.last = at, at
	}
	s.first, s.last = min(s.first, at), max(s.last, at)
	s.n++
}

// hz is the rate of the instants; 0 where fewer than two tell none.
func (s *span) hz() float64 {
	if s.n < 2 || s.last <= s.first {
		return 0
	}
	return float64(s.n-1) / (float64(s.last-s.first) / 1e9)
}

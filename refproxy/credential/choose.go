package credential

import (
	"math"
	"slices"
	"time"
)

// The weights of the score (wire.md, section 6; slowTerm is ours).
const (
	loadTerm    = 3.0
	limitedTerm = 4.0
	failedTerm  = 1.2
	slowTerm    = 0.5
	jitterTerm  = 0.5
)

const (
	// window is among how many credentials a key's highest is looked for.
	window = 64
	// overload is how many times its part of the load a credential may have and
	// still be given requests by affinity.
	overload = 1.25
)

// The sides of the preview boundary.
const (
	general = iota
	preview
	sides
)

// A side is the credentials of one side of the boundary that are enabled and not
// drained.
type side struct {
	members  []*entry // in any order
	ring     []*entry // the same by hash
	weight   float64
	inFlight int
	cooling  int // members that cool as a whole
}

// A view is what one choice looks at.
type view struct {
	model *model // nil: nothing is known of it
	now   time.Time
}

// sidesFor lists the sides that may serve, the first one first.
func sidesFor(inPreview bool) []int {
	if inPreview {
		return []int{preview}
	}
	return []int{general, preview}
}

// uniform returns any member of s that this request has not tried, each as
// likely, or nil.
func (p *Pool) uniform(s *side) *entry {
	for range min(4, len(s.members)) {
		if e := s.members[p.rand.IntN(len(s.members))]; e.tried != p.trial {
			return e
		}
	}
	var chosen *entry
	seen := 0
	for _, e := range s.members {
		if e.tried == p.trial {
			continue
		}
		if seen++; p.rand.IntN(seen) == 0 {
			chosen = e
		}
	}
	return chosen
}

// best chooses by score: of two at random, else of all. The score is that of the
// chosen.
func (p *Pool) best(s *side, v view) (*entry, float64) {
	n := len(s.members)
	if n == 0 {
		return nil, 0
	}
	i, pair := p.rand.IntN(n), [2]*entry{}
	pair[0] = s.members[i]
	two := pair[:1]
	if n > 1 {
		pair[1] = s.members[(i+1+p.rand.IntN(n-1))%n]
		two = pair[:]
	}
	if e, score := p.lowest(two, v); e != nil {
		return e, score
	}
	return p.lowest(s.members, v)
}

// lowest returns the one with the lowest score of those that can serve, or nil.
func (p *Pool) lowest(among []*entry, v view) (chosen *entry, lowest float64) {
	for _, e := range among {
		if !p.viable(e, v) {
			continue
		}
		if score := e.score(v) + jitterTerm*p.rand.Float64(); chosen == nil || score < lowest {
			chosen, lowest = e, score
		}
	}
	return chosen, lowest
}

// viable tells whether e can serve now, if only as a probe.
func (p *Pool) viable(e *entry, v view) bool {
	if e.tried == p.trial || !e.whole.lets(v.now) {
		return false
	}
	h := e.of(v.model)
	return h == nil || h.lets(v.now)
}

// score is lower for who should serve.
func (e *entry) score(v view) float64 {
	score := loadTerm * float64(e.inFlight) / e.cred.Weight
	h := e.of(v.model)
	if h == nil {
		return score
	}
	h.fade(v.now)
	v.model.fade(v.now)
	return score + limitedTerm*h.limitedRate() + failedTerm*h.failedRate() + v.model.slow(h)
}

// affine returns the credential that key belongs to, of those that can serve and
// are neither overloaded nor sick, or nil.
func (p *Pool) affine(s *side, key string, v view) *entry {
	if len(s.ring) == 0 {
		return nil
	}
	at := hash(key)
	from, _ := slices.BinarySearchFunc(s.ring, at, byHash)
	var chosen *entry
	highest := 0.0
	for i := range min(window, len(s.ring)) {
		e := s.ring[(from+i)%len(s.ring)]
		if s.overloaded(e) || !p.viable(e, v) || e.sick(v) {
			continue
		}
		if rank := e.rank(at); rank > highest {
			chosen, highest = e, rank
		}
	}
	return chosen
}

// sick tells whether e has failed lately more often than not. It is no cooldown, of
// which somebody would have told, but reason enough to look elsewhere, for a
// minute after the second failure in a row.
func (e *entry) sick(v view) bool {
	h := e.of(v.model)
	if h == nil {
		return false
	}
	h.fade(v.now)
	return h.limitedRate()+h.failedRate() > .5
}

// overloaded tells whether one request more were above e's part of the load.
func (s *side) overloaded(e *entry) bool {
	bound := math.Ceil(overload * float64(s.inFlight+1) * e.cred.Weight / s.weight)
	return float64(e.inFlight+1) > bound
}

// rank is the weighted rendezvous hash of e for a key's hash, above 0.
func (e *entry) rank(key uint64) float64 {
	u := (float64(mix(e.hash^key)>>11) + .5) / (1 << 53) // in (0, 1)
	return -e.cred.Weight / math.Log(u)
}

func byHash(e *entry, at uint64) int {
	switch {
	case e.hash < at:
		return -1
	case e.hash > at:
		return 1
	}
	return 0
}

// hash is the same in every process: FNV-1a, mixed since it is weak in the high
// bits.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

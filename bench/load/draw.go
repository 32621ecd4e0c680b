package load

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A Draw makes some items likelier than others: they are divided into strata,
// every block gets of each stratum its share of the draws, up to one more or
// less, and so does the part of a block that a control gets. Within a stratum
// items are dealt without replacement.
//
// One block in [NaturalEvery] has all items equally likely, so that it can be
// seen whether the enriched load slows the arms down.
type Draw struct {
	Pilot   string    // digest of the run file that the shares come from, for the header
	Stratum []int     // of each item of the set, from 0
	Share   []float64 // of the draws, by stratum; their sum is 1
	Weight  []float64 // of a request, by stratum: how likely its items are without the Draw, over how likely they are with it
}

// NaturalEvery is of how many blocks one is at natural weight, the second: two
// blocks tell how they vary, and an early look has seen one.
const (
	NaturalEvery = 5
	naturalAt    = 1
)

func (d *Draw) validate(items int) error {
	if len(d.Stratum) != items {
		return fmt.Errorf("load: strata of %d items, the dataset has %d", len(d.Stratum), items)
	}
	if len(d.Share) != len(d.Weight) {
		return errors.New("load: shares and weights of strata differ in number")
	}
	sum := 0.0
	for s := range d.Share {
		if !(d.Share[s] > 0) || !(d.Weight[s] > 0) || math.IsInf(d.Weight[s], 1) {
			return fmt.Errorf("load: stratum %d has a share of %v and a weight of %v", s, d.Share[s], d.Weight[s])
		}
		if !slices.Contains(d.Stratum, s) {
			return fmt.Errorf("load: stratum %d has no item", s)
		}
		sum += d.Share[s]
	}
	if !(math.Abs(sum-1) <= 1e-9) {
		return fmt.Errorf("load: the shares of the strata add up to %v", sum)
	}
	for _, s := range d.Stratum {
		if s < 0 || s >= len(d.Share) {
			return fmt.Errorf("load: an item in stratum %d of %d", s, len(d.Share))
		}
	}
	return nil
}

// told is what the header says of d.
func (d *Draw) told() *sample.Draw {
	if d == nil {
		return nil
	}
	return &sample.Draw{Pilot: d.Pilot, NaturalEvery: NaturalEvery, Share: d.Share, Weight: d.Weight}
}

// A drawer deals the measured picks of a run.
type drawer struct {
	draw   *Draw
	all    *deck
	strata []*deck
	parts  []int // ascending: after so many picks of a block an arm may end
	r      *rand.Rand
}

func newDrawer(cfg *Config) *drawer {
	d := &drawer{draw: cfg.Draw, all: newDeck(cfg.Set.Items, source(cfg.Seed, drawItems), 1), r: source(cfg.Seed, drawStrata)}
	if d.draw == nil {
		return d
	}
	for range d.draw.Share {
		d.strata = append(d.strata, &deck{items: d.all.items, uses: d.all.uses, first: d.all.first, r: d.r})
	}
	for item, s := range d.draw.Stratum {
		d.strata[s].in = append(d.strata[s].in, item)
	}
	for arm := range cfg.Arms {
		d.parts = append(d.parts, cfg.perSlot(arm))
	}
	d.parts = append(d.parts, cfg.inBlock())
	slices.Sort(d.parts)
	return d
}

// deal returns the n picks of a block.
func (d *drawer) deal(block, n int) []pick {
	switch {
	case d.draw == nil:
		return d.all.deal(n)
	case block%NaturalEvery == naturalAt:
		picks := make([]pick, n)
		for i := range picks {
			p, item := d.all.one()
			p.stratum = d.draw.Stratum[item] + 1
			picks[i] = p
		}
		return picks
	}
	picks := make([]pick, 0, n)
	for _, upTo := range d.parts {
		for _, s := range d.enriched(upTo - len(picks)) {
			p, _ := d.strata[s].one()
			p.weight, p.stratum = d.draw.Weight[s], s+1
			picks = append(picks, p)
		}
	}
	return picks
}

// enriched returns the strata of n draws by systematic sampling, in any order.
func (d *drawer) enriched(n int) []int {
	var strata []int
	u, upTo := d.r.Float64(), 0.0
	for s, share := range d.draw.Share {
		upTo += share
		for len(strata) < n && float64(len(strata))+u < upTo*float64(n) {
			strata = append(strata, s)
		}
	}
	for len(strata) < n { // shares that add up to a hair less than 1
		strata = append(strata, len(d.draw.Share)-1)
	}
	d.r.Shuffle(n, func(i, j int) { strata[i], strata[j] = strata[j], strata[i] })
	return strata
}

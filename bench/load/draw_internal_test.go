package load

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// enriched is a plan of forty items in four strata of ten, the last of which gets
// most of the draws, and of a control with ten of the forty requests.
func enriched(seed uint64) *Config {
	cfg := planConfig(seed, 3, 200, 40, 40)
	cfg.About = []sample.Arm{{}, {}, {Role: sample.Twin, PerSlot: 10}}
	cfg.Draw = &Draw{Pilot: "p", Share: []float64{.06, .06, .12, .76}, Weight: []float64{.25 / .06, .25 / .06, .25 / .12, .25 / .76}}
	for i := range cfg.Set.Items {
		cfg.Draw.Stratum = append(cfg.Draw.Stratum, i%4)
	}
	return cfg
}

func TestEveryBlockHasTheSharesOfTheDraw(t *testing.T) {
	cfg := enriched(1)
	if err := cfg.Draw.validate(len(cfg.Set.Items)); err != nil {
		t.Fatal(err)
	}
	plan := newPlan(cfg)
	for b, blk := range plan.blocks {
		for _, part := range [][]pick{blk.picks, blk.first(10).picks} {
			count, n := make([]float64, 4), float64(len(part))
			for _, p := range part {
				count[p.stratum-1]++
				natural := b%NaturalEvery == naturalAt
				if natural && p.weight != 0 || !natural && p.weight != cfg.Draw.Weight[p.stratum-1] {
					t.Fatalf("block %d: weight %v in stratum %d", b, p.weight, p.stratum)
				}
			}
			for s, share := range cfg.Draw.Share {
				switch {
				case b%NaturalEvery != naturalAt && math.Abs(count[s]-share*n) > 2: // of two parts each is off by up to one
					t.Errorf("block %d: %v of %v draws in stratum %d, want %v", b, count[s], n, s, share*n)
				case b%NaturalEvery == naturalAt && n == 40 && (count[s] < 1 || count[s] > 25):
					t.Errorf("block %d at natural weight: %v of 40 draws in stratum %d", b, count[s], s)
				}
			}
		}
	}
}

// TestWeightsMakeUpForTheDraw: weighted, every stratum counts as it does without
// the draw, in the whole and in the part of a control, and so does every item.
func TestWeightsMakeUpForTheDraw(t *testing.T) {
	cfg := enriched(2)
	for _, n := range []int{40, 10} {
		weight, total := map[string]float64{}, 0.0
		var strata [4]float64
		for b, blk := range newPlan(cfg).blocks {
			if b%NaturalEvery == naturalAt {
				continue
			}
			for _, p := range blk.first(n).picks {
				weight[p.item.ID] += p.weight
				strata[p.stratum-1] += p.weight
				total += p.weight
			}
		}
		if blocks := 160.; math.Abs(total/blocks/float64(n)-1) > .02 {
			t.Errorf("%d picks weigh %v in the mean", n, total/blocks/float64(n))
		}
		for s, w := range strata {
			if share := w / total; math.Abs(4*share-1) > .15 {
				t.Errorf("of %d picks stratum %d weighs %v, want 1/4", n, s, share)
			}
		}
		for _, item := range cfg.Set.Items {
			if n == 10 { // some ten uses of each: chance alone
				break
			}
			if share := weight[item.ID] / total; math.Abs(share*40-1) > .2 {
				t.Errorf("of %d picks %s weighs %v, want 1/40", n, item.ID, share)
			}
		}
	}
}

func TestADrawIsAFunctionOfItsSeedAndPairsAreUnique(t *testing.T) {
	all := func(seed uint64) []string {
		var out []string
		for _, blk := range newPlan(enriched(seed)).blocks {
			for _, p := range blk.picks {
				out = append(out, p.item.ID+" "+strings.Repeat("+", p.occurrence))
			}
		}
		return out
	}
	a := all(3)
	if !cmp.Equal(a, all(3)) || cmp.Equal(a, all(4)) {
		t.Error("not a function of the seed")
	}
	seen := map[string]bool{}
	for _, p := range a {
		if seen[p] {
			t.Fatalf("the pair %s twice", p)
		}
		seen[p] = true
	}
	plain := enriched(3)
	plain.Draw = nil
	if got, want := newPlan(plain), newPlan(enriched(3)); !cmp.Equal(got.blocks[7].offsets, want.blocks[7].offsets) || got.hash == want.hash {
		t.Error("a draw changes what is sent, and not when")
	}
}

func TestDrawsThatAreRefused(t *testing.T) {
	for want, spoil := range map[string]func(*Draw){
		"strata of 39 items": func(d *Draw) { d.Stratum = d.Stratum[1:] },
		"differ in number":   func(d *Draw) { d.Weight = d.Weight[1:] },
		"a share of 0":       func(d *Draw) { d.Share[0] = 0 },
		"a weight of NaN":    func(d *Draw) { d.Weight[0] = math.NaN() },
		"add up to":          func(d *Draw) { d.Share[3] = .5 },
		"stratum 3 has no":   func(d *Draw) { clear(d.Stratum); d.Stratum[1], d.Stratum[2] = 1, 2 },
		"in stratum 4 of 4":  func(d *Draw) { d.Stratum[0] = 4 },
	} {
		cfg := enriched(1)
		spoil(cfg.Draw)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

package quality_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/quality"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// A world simulates two arms that sample their answers to the same items.
type world struct {
	items, uses int
	spoiled     float64 // share of the candidate's answers that are other words
	failing     float64 // share of the requests of either arm that fail
}

// sampling is a source of chance by name, so that no seed is chosen.
func sampling(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// words is an answer about a topic: twenty times one of four words of it.
func words(r *rand.Rand, topic int) string {
	var b strings.Builder
	for range 20 {
		fmt.Fprintf(&b, "w%dx%d ", topic, r.IntN(4))
	}
	return b.String()
}

// play returns the scores of both arms, of pairs of which both answered and have
// one, and of how many of them one alone has one.
func (w world) play(t testing.TB, name string) (baseline, candidate []float64, halves int) {
	t.Helper()
	set := &datasets.Set{}
	for i := range w.items {
		set.Items = append(set.Items, datasets.Item{ID: fmt.Sprint(i), Expect: similar})
	}
	s, err := quality.NewScorer(set)
	if err != nil {
		t.Fatal(err)
	}
	r := sampling(name)
	for occurrence := 1; occurrence <= w.uses; occurrence++ { // a block
		for i := range w.items {
			var grades [2]func() quality.Grade
			for _, arm := range r.Perm(2) {
				if r.Float64() < w.failing {
					continue
				}
				text := words(r, i)
				if arm == 1 && r.Float64() < w.spoiled {
					text = words(r, -i-1)
				}
				grades[arm] = s.Take(quality.Use{Item: set.Items[i].ID, Occurrence: occurrence, Baseline: arm == 0}, quality.Answer{Text: text})
			}
			if grades[0] == nil || grades[1] == nil {
				continue
			}
			a, b := grades[0](), grades[1]()
			switch {
			case a.Scored != b.Scored:
				halves++
			case a.Scored:
				baseline, candidate = append(baseline, a.Score.Value), append(candidate, b.Score.Value)
			}
		}
	}
	return baseline, candidate, halves
}

// meanOf returns the mean and its standard error.
func meanOf(x []float64) (mean, se float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		se += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(se) / float64(len(x))
}

// TestEqualArmsScoreAlike: arms whose answers to one item differ by chance, as
// much within an arm as between arms, score the same in the mean, also where
// requests fail. A tenth spoiled lowers the mean by a tenth of it.
func TestEqualArmsScoreAlike(t *testing.T) {
	for _, c := range []struct {
		name string
		world
		drop float64 // of the mean, as a share of it
	}{
		{"equal", world{items: 300, uses: 20}, 0},
		{"equal, two uses of each item", world{items: 3000, uses: 2}, 0},
		{"equal, a third of the requests fail", world{items: 300, uses: 20, failing: 1. / 3}, 0},
		{"a tenth spoiled", world{items: 300, uses: 20, spoiled: .1}, .1},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b, halves := c.play(t, t.Name())
			if halves != 0 || len(a) < 2000 {
				t.Errorf("%d pairs, and %d with a score in one arm alone", len(a), halves)
			}
			baseline, _ := meanOf(a)
			if !(baseline > .3 && baseline < .9) {
				t.Fatalf("the baseline scores %v: answers do not differ by chance, or are all unlike", baseline)
			}
			drop := make([]float64, len(a))
			for i := range a {
				drop[i] = a[i] - b[i]
			}
			mean, se := meanOf(drop)
			t.Logf("baseline %.4f, candidate lower by %.4f ± %.4f, %d pairs", baseline, mean, se, len(a))
			if math.Abs(mean-c.drop*baseline) > 3.5*se || se > .01 {
				t.Errorf("the candidate scores lower by %v ± %v, want %v", mean, se, c.drop*baseline)
			}
		})
	}
}

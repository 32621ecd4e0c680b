package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// A Member is one of several tests that are corrected together.
type Member struct {
	// Sums are its block sums, positive where the candidate is worse.
	Sums []float64
	// Unit is, for each sum, the number of the unit that flips as a whole. Sums
	// of different members with the same unit flip together.
	Unit []int
	// P is its one-sided p-value, not smaller than that of t over Sums.
	P float64
}

// draws is how many random flips stand for all of them where there are too many.
const draws = 9_999

// enumerate is the most units whose flips are all tried.
const enumerate = 13

// StepDown returns the p-values of members adjusted for their number by Holm's
// step-down, with the joint distribution of all members over flips of the units'
// signs in place of Bonferroni's bound (Westfall & Young 1993). Members that
// rise and fall together then do not pay for each other, and the chance of any
// false rejection is the level itself and not some part of it. It holds where
// the sums of a unit keep their joint distribution when all change sign.
//
// The flips are all of them for few units, else 9,999 drawn from seed.
func StepDown(members []Member, units int, seed uint64) []float64 {
	order := ascending(members)
	thresholds := bars(members, order)
	hits := make([]int, len(members))
	signs := make([]float64, units)
	tried := 0
	flip := func() {
		tried++
		countHits(members, order, thresholds, signs, hits)
	}
	if units <= enumerate {
		for bits := range uint64(1) << units {
			setSigns(signs, bits)
			flip()
		}
	} else {
		r := rand.New(rand.NewPCG(seed, 0))
		setSigns(signs, 0) // what was observed is one of the flips
		flip()
		for range draws {
			randomSigns(signs, r)
			flip()
		}
	}
	adjusted, least := make([]float64, len(members)), 0.0
	for i, j := range order {
		least = math.Max(least, math.Max(members[j].P, float64(hits[i])/float64(tried)))
		adjusted[j] = least
	}
	return adjusted
}

func ascending(members []Member) []int {
	order := make([]int, len(members))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case members[i].P < members[j].P:
			return -1
		case members[i].P > members[j].P:
			return 1
		}
		return 0
	})
	return order
}

// bars returns, for each member j and each step i, the total from which member
// j's t over its flipped sums is as extreme as the p-value of step i.
func bars(members []Member, order []int) [][]float64 {
	quantiles := map[int][]float64{} // by number of sums
	out := make([][]float64, len(members))
	for j, m := range members {
		k := len(m.Sums)
		if quantiles[k] == nil {
			for _, i := range order {
				p := math.Min(math.Max(members[i].P, 1e-14), 1-1e-14)
				quantiles[k] = append(quantiles[k], QuantileT(p, float64(k-1)))
			}
		}
		squares := 0.0
		for _, s := range m.Sums {
			squares += s * s
		}
		c := float64(k) / float64(k-1)
		for _, t := range quantiles[k] {
			bar := t * math.Sqrt(squares*c/(1+t*t*c/float64(k)))
			out[j] = append(out[j], bar-1e-7*math.Sqrt(squares)) // equal but for rounding is as extreme
		}
	}
	return out
}

// countHits adds one to each step at which some member that is still in is as
// extreme as the step's own.
func countHits(members []Member, order []int, thresholds [][]float64, signs []float64, hits []int) {
	from := len(order) // the lowest step that a member seen so far reaches
	for i := len(order) - 1; i >= 0; i-- {
		m := &members[order[i]]
		total := 0.0
		for k, s := range m.Sums {
			total += s * signs[m.Unit[k]]
		}
		bars := thresholds[order[i]]
		for from > 0 && total >= bars[from-1] {
			from--
		}
		if from <= i {
			hits[i]++
		}
	}
}

func setSigns(signs []float64, bits uint64) {
	for k := range signs {
		signs[k] = 1 - 2*float64(bits>>k&1)
	}
}

func randomSigns(signs []float64, r *rand.Rand) {
	for from := 0; from < len(signs); from += 64 {
		setSigns(signs[from:min(from+64, len(signs))], r.Uint64())
	}
}

package stats

import (
	"math"
	"slices"
)

// A Pool holds the values of both arms in one order, so that their quantiles are
// found again in one pass when the arms of some blocks are swapped. It is
// read-only and safe for several goroutines.
type Pool struct {
	value []float64
	block []int32
	b     []bool // of the candidate
	n     int    // of each arm
}

// NewPool pools pairs, none of them NaN.
func NewPool(baseline, candidate []float64, block []int) *Pool {
	n := len(baseline)
	order := make([]int32, 2*n)
	at := func(i int32) float64 {
		if int(i) < n {
			return baseline[i]
		}
		return candidate[int(i)-n]
	}
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int {
		switch x, y := at(i), at(j); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return int(i - j)
	})
	p := &Pool{value: make([]float64, 2*n), block: make([]int32, 2*n), b: make([]bool, 2*n), n: n}
	for at2, i := range order {
		p.value[at2], p.block[at2], p.b[at2] = at(i), int32(block[int(i)%n]), int(i) >= n
	}
	return p
}

// Ratio returns the quantile q of the candidate over that of the baseline, as
// [Quantile] has it, after the arms of the blocks marked were swapped.
func (p *Pool) Ratio(q float64, swap []bool) float64 {
	h := q * float64(p.n-1)
	low := int(math.Floor(h))
	var seen [2]int
	var ends [2][2]float64 // of each arm the two order statistics that h lies between
	left := 4
	for i, v := range p.value {
		arm := 0
		if p.b[i] != swap[p.block[i]] {
			arm = 1
		}
		if k := seen[arm] - low; k == 0 || k == 1 {
			ends[arm][k] = v
			left--
		}
		seen[arm]++
		if left == 0 {
			break
		}
	}
	var at [2]float64
	for arm, e := range ends {
		at[arm] = Quantile(e[:min(2, p.n-low)], h-float64(low))
	}
	return at[1] / at[0]
}

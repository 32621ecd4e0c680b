package stats

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// An Enrichment says how often items are drawn that are likely to land in the
// tail, where a tail score is decided, and how much less each of them then
// counts. Strata are of equal probability and in ascending order of predicted
// latency. It must be settled before the run, be the same in every block and in
// both arms, and its weights go into [Sample.Weight].
type Enrichment struct {
	Share  []float64 // of the draws, by stratum; their sum is 1
	Weight []float64 // of a pair, by stratum: its natural share over Share
}

// evenly is the part of the draws that is spread evenly, so that no stratum goes
// unseen and no weight passes the inverse of it.
const evenly = .2

// Enrich returns the enrichment for the mean squared scores of each stratum in a
// pilot at natural weight ([ScoreSquares]): a fifth of the draws evenly, the rest
// in proportion to their roots, which is where draws tell most (Neyman 1934).
// The error says why the pilot tells nothing.
func Enrich(squares []float64) (Enrichment, error) {
	n, sum := float64(len(squares)), 0.0
	for s, v := range squares {
		if !(v >= 0) || math.IsInf(v, 1) {
			return Enrichment{}, fmt.Errorf("stratum %d has a mean squared score of %v", s, v)
		}
		sum += math.Sqrt(v)
	}
	if sum == 0 {
		return Enrichment{}, errors.New("no pair of the pilot has a score: it is too small, or its arms are equal to the last digit")
	}
	e := Enrichment{Share: make([]float64, len(squares)), Weight: make([]float64, len(squares))}
	for s, v := range squares {
		e.Share[s] = evenly/n + (1-evenly)*math.Sqrt(v)/sum
		e.Weight[s] = 1 / n / e.Share[s]
	}
	return e, nil
}

// Draw returns the strata of the draws of one block, ascending, by systematic
// sampling from the start u, 0 <= u < 1: each stratum gets its share of them, up
// to one draw more or less.
func (e Enrichment) Draw(draws int, u float64) []int {
	strata := make([]int, draws)
	s, upTo := 0, e.Share[0]
	for i := range strata {
		for (float64(i)+u)/float64(draws) >= upTo && s < len(e.Share)-1 {
			s++
			upTo += e.Share[s]
		}
		strata[i] = s
	}
	return strata
}

// Strata divides predictions of latency into so many strata of equal size, up to
// one, ascending: 0 is predicted fastest. Equal predictions stay in order.
func Strata(predicted []float64, strata int) []int {
	order := make([]int, len(predicted))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(predicted[i], predicted[j]) })
	of := make([]int, len(predicted))
	for rank, i := range order {
		of[i] = rank * strata / len(predicted)
	}
	return of
}

// ScoreSquares returns the mean of the squared scores that band gives the pairs
// of each stratum of a pilot, which is at natural weight; 0 for a stratum
// without pairs. The error is that of [NewPairs].
func ScoreSquares(pilot Sample, band Band, stratum []int, strata int) ([]float64, error) {
	if len(stratum) != len(pilot.Baseline) {
		return nil, errors.New("the strata and the pilot differ in length")
	}
	pilot.Item, pilot.Items = make([]int, len(stratum)), len(stratum) // so that scores can be had by pair
	for i := range pilot.Item {
		pilot.Item[i] = i
	}
	p, err := NewPairs(pilot)
	if err != nil {
		return nil, err
	}
	band.Pairs = p
	sums := p.sums()
	band.Score(0, &sums)
	squares, count := make([]float64, strata), make([]float64, strata)
	for i, s := range stratum {
		squares[s] += sums.Item[i] * sums.Item[i]
		count[s]++
	}
	for s := range squares {
		squares[s] /= math.Max(count[s], 1)
	}
	return squares, nil
}

// A StratumBlock is what one arm showed in one block: log latencies with the
// stratum of each.
type StratumBlock struct {
	Latency []float64
	Stratum []int
}

// An Agreement is by how much the same strata are slower in enriched blocks than
// in blocks at natural weight, as a log ratio.
type Agreement struct {
	Difference, Lower, Upper float64 // one-sided bounds at 1-alpha each
}

// Within tells whether the load of the enriched blocks is the natural one for
// all that is known: both bounds lie within a log ratio of the tolerance. Bounds
// that are not known are not within anything.
func (a Agreement) Within(tolerance float64) bool {
	return a.Lower > -tolerance && a.Upper < tolerance
}

// Agree compares blocks of one arm at natural weight with enriched ones. More
// long answers load a gateway more, and then what is measured is another
// workload and no weight makes up for it: where the two do not agree within
// strata the enriched run must be refused. Both kinds are given the same mix of
// strata, midway between theirs; then each block counts as one, and the bounds
// are Welch's (1947). Failures must be left out. The bounds are infinite with
// fewer than two blocks of either kind, or where the two have no stratum in
// common.
func Agree(natural, enriched []StratumBlock, strata int, alpha float64) Agreement {
	ours, theirs := stratumMix(natural, strata), stratumMix(enriched, strata)
	centre := stratumMeans(natural, enriched, strata)
	a, b := standardised(natural, centre, ours, theirs), standardised(enriched, centre, theirs, ours)
	out := Agreement{Difference: math.NaN(), Lower: math.Inf(-1), Upper: math.Inf(1)}
	if len(a) < 2 || len(b) < 2 {
		return out
	}
	va := squaresAround(a) / float64(len(a)-1) / float64(len(a))
	vb := squaresAround(b) / float64(len(b)-1) / float64(len(b))
	out.Difference = mean(b) - mean(a)
	df := (va + vb) * (va + vb) / (va*va/float64(len(a)-1) + vb*vb/float64(len(b)-1))
	if math.IsNaN(df) { // no spread at all
		return out
	}
	half := QuantileT(alpha, df) * math.Sqrt(va+vb)
	out.Lower, out.Upper = out.Difference-half, out.Difference+half
	return out
}

// stratumMix returns which share of the requests of blocks each stratum has.
func stratumMix(blocks []StratumBlock, strata int) []float64 {
	mix, n := make([]float64, strata), 0.0
	for _, b := range blocks {
		for _, s := range b.Stratum {
			mix[s]++
			n++
		}
	}
	for s := range mix {
		mix[s] /= n
	}
	return mix
}

// stratumMeans returns the mean of each stratum, of blocks of both kinds at
// equal rights; NaN where one kind has none of it.
func stratumMeans(natural, enriched []StratumBlock, strata int) []float64 {
	means := make([]float64, strata)
	for _, blocks := range [...][]StratumBlock{natural, enriched} {
		sum, count := make([]float64, strata), make([]float64, strata)
		for _, b := range blocks {
			for i, s := range b.Stratum {
				sum[s] += b.Latency[i]
				count[s]++
			}
		}
		for s := range means {
			means[s] += sum[s] / count[s] / 2
		}
	}
	return means
}

// standardised returns how far each block is from the strata's means: the mean
// over its requests, weighted as if the blocks had not their own mix of strata
// but one midway to the other. A mean without these weights has a standard error
// up to a quarter too small, as the centre it is taken from is of both mixes.
func standardised(blocks []StratumBlock, centre, own, other []float64) []float64 {
	common := 0.0 // the share of the midway mix that both have
	for s := range own {
		if own[s] > 0 && other[s] > 0 {
			common += (own[s] + other[s]) / 2
		}
	}
	var out []float64
	for _, b := range blocks {
		sum, n := 0.0, 0.0
		for i, s := range b.Stratum {
			if other[s] > 0 {
				sum += (b.Latency[i] - centre[s]) * (own[s] + other[s]) / 2 / own[s]
				n++
			}
		}
		if n > 0 {
			out = append(out, sum/common/float64(len(b.Stratum)))
		}
	}
	return out
}

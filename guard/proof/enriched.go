package proof

import (
	"math"
	"math/rand/v2"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

const (
	strata     = 20
	pilotPairs = 2000
)

// items returns how to draw the variate of the item of pair i.
func (m Model) items(r *rand.Rand, t *table) func(i int) float64 {
	t.weight, t.stratum = nil, t.stratum[:0]
	if m.Predictor == 0 {
		return func(int) float64 { return r.NormFloat64() }
	}
	e := m.pilot(r)
	perBlock := m.Pairs / m.Blocks
	for range m.Blocks {
		t.stratum = append(t.stratum, e.Draw(perBlock, r.Float64())...)
	}
	for _, s := range t.stratum {
		t.weight = append(t.weight, e.Weight[s])
	}
	return func(i int) float64 { return m.predicted(r, t.stratum[i]) }
}

// predicted draws an item whose prediction lies in the stratum.
func (m Model) predicted(r *rand.Rand, stratum int) float64 {
	prediction := normalQuantile((float64(stratum) + r.Float64()) / strata)
	return math.Sqrt(m.Predictor)*prediction + math.Sqrt(1-m.Predictor)*r.NormFloat64()
}

// pilot settles the enrichment by a run of equal arms, drawn anew for each
// repetition: a hundred pairs of each stratum.
func (m Model) pilot(r *rand.Rand) stats.Enrichment {
	m.Slower, m.Tail, m.Narrower = 0, 0, 0
	w := m.weights()
	arms := [2]arm{m.start(r), m.start(r)}
	var t table
	t.resize(pilotPairs)
	stratum := make([]int, pilotPairs)
	for i := range stratum {
		stratum[i] = i * strata / pilotPairs
		item := m.predicted(r, stratum[i])
		t.baseline[i] = m.baseline(w.mix(r, &arms[0], item, 0))
		t.candidate[i] = m.baseline(w.mix(r, &arms[1], item, 0))
		t.block[i] = 0
	}
	squares, err := stats.ScoreSquares(t.sampleOf(1), tailBand, stratum, strata)
	if err != nil {
		panic("proof: the pilot: " + err.Error()) // what was drawn here is finite
	}
	e, err := stats.Enrich(squares)
	if err != nil {
		panic("proof: the pilot: " + err.Error())
	}
	return e
}

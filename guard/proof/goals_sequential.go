package proof

import "fmt"

func sequentialGoals() []Goal {
	return []Goal{
		{
			Name: "P8", Path: viaLooks, Cells: stagedCells(),
			Asks: "five planned looks over up to 1,000 pairs lose at most 3 points of power against the one look at their end, and take so many pairs",
		},
		{
			Name: "P9", Path: viaWatched, Cells: medianStops(Model{}.sized(10_000, 200), []stop{
				{0, .20, 650},
				{0, .10, 1550},
				{0, .05, 5700},
				{.5, .20, 550},
				{.5, .10, 1200},
				{.5, .05, 3700},
				{.8, .20, 450},
				{.8, .10, 750},
				{.8, .05, 2300},
				{.95, .20, 400},
				{.95, .10, 500},
				{.95, .05, 1050},
			}),
			Asks: "watched after every block of 50 pairs: median of the pairs until the rollback, lognormal",
		},
		{
			Name: "P10", Path: viaWatched,
			Cells: medianStops(Model{Predictor: 1}.sized(10_000, 400), []stop{{.8, .20, 200}, {.8, .10, 300}, {.8, .05, 900}}),
			Asks:  "the same with enriched items, perfectly predicted, in blocks of 25 pairs",
		},
		{
			Name: "P11", Path: viaWatched, Cells: everStopped(),
			Asks: "equal arms, watched after every block up to 10,000 pairs, are ever rolled back in at most 6 %",
		},
		{
			Name: "G3", Path: viaWatched, Cells: watchedEqual(),
			Asks: "equal arms in the blocks of G1, watched after every block, are ever rolled back in at most 5 %; autocorrelated ones in at most 6 %",
		},
		{
			Name: "G8", Path: viaLooks, Cells: stagedGeneral(),
			Asks: "five planned looks over n = 10,000 lose at most 2 points of power against the fixed test; at +10 % the median stop is 40 % of n",
		},
		{
			Name: "G9", Elsewhere: "replaced by P9: items are paired",
			Asks: "median n per arm until the rollback while watched",
		},
		{
			Name: "G10", Path: viaWatched, Cells: bimodalWatched(),
			Asks: "bimodal, +10 %, watched up to n = 10,000: found in 90 % or more, median at most 4,800",
		},
	}
}

func stagedCells() []Cell {
	var cells []Cell
	for _, rho := range [...]float64{0, .8} {
		for _, slower := range [...]float64{.05, .10, .20} {
			m := Model{}.sharing(rho).slower(slower).sized(1000, 20)
			cells = append(cells, Cell{Name: "power lost, " + power{rho, slower, 0}.name(), Kind: Points, Bound: atMost(3), World: m, Try: powerLost()})
		}
	}
	m := Model{}.sharing(.8).slower(.10).sized(1000, 20)
	enriched := m
	enriched.Predictor = 1
	return append(
		cells,
		Cell{Name: "mean pairs, rho 0.8, +10 %", Kind: Mean, Bound: atMost(710), World: m, Try: stagedPairs()},
		Cell{Name: "mean pairs, rho 0.8, +10 %, enriched", Kind: Mean, Bound: atMost(520), World: enriched, Try: stagedPairs()},
	)
}

// A stop is after how many pairs at most the median repetition stops.
type stop struct {
	rho, slower float64
	most        float64
}

func medianStops(m Model, list []stop) []Cell {
	var cells []Cell
	for _, s := range list {
		cells = append(cells, Cell{
			Name: power{s.rho, s.slower, 0}.name(), Kind: Median, Bound: atMost(s.most),
			World: m.sharing(s.rho).slower(s.slower), Try: watched,
		})
	}
	return cells
}

func everStopped() []Cell {
	var cells []Cell
	add := func(name string, m Model) {
		cells = append(cells, Cell{Name: name, Bound: atMost(6), World: m, Try: everRolledBack})
	}
	for _, w := range append(shapes(), named{"autocorrelated .9", Model{Auto: .9}}) {
		for _, rho := range [...]float64{0, .8} {
			add(fmt.Sprintf("%s, rho %v", w.name, rho), w.sharing(rho).sized(10_000, 200))
		}
	}
	add("lognormal, rho 0.95", Model{Rho: .95}.sized(10_000, 200))
	add("enriched, rho 0.8, blocks of 25", Model{Rho: .8, Predictor: 1}.sized(10_000, 400))
	return cells
}

func watchedEqual() []Cell {
	var cells []Cell
	for _, w := range generalShapes() {
		for _, n := range [...]int{200, 1000, 10_000} {
			cells = append(cells, Cell{Name: fmt.Sprintf("%s, n %d", w.name, n), Bound: atMost(5), World: w.sized(n, w.Blocks), Try: everRolledBack})
		}
	}
	for _, n := range [...]int{1000, 10_000} {
		cells = append(cells, Cell{Name: fmt.Sprintf("autocorrelated .9, n %d", n), Bound: atMost(6), World: Model{Auto: .9}.sized(n, 20), Try: everRolledBack})
	}
	return cells
}

func stagedGeneral() []Cell {
	m := Model{}.sized(10_000, 20)
	return []Cell{
		{Name: "power lost, +5 %", Kind: Points, Bound: atMost(2), World: m.slower(.05), Try: powerLost()},
		{Name: "power lost, +10 %", Kind: Points, Bound: atMost(2), World: m.slower(.10), Try: powerLost()},
		{Name: "median stop, +10 %", Kind: Median, Bound: atMost(4000), World: m.slower(.10), Try: stagedStop()},
	}
}

func bimodalWatched() []Cell {
	m := Model{Shape: Bimodal}.slower(.10).sized(10_000, 200)
	return []Cell{
		{Name: "found", Bound: atLeast(90), World: m, Try: everRolledBack},
		{Name: "median stop", Kind: Median, Bound: atMost(4800), World: m, Try: watched},
	}
}

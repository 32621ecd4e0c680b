package proof

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// A Rival is a rule for rolling back, to be put to the same data as ours. It has
// no bound to meet.
type Rival struct {
	Name  string
	Cells []Cell // by world, in the order of rivalWorlds; names are theirs
}

// A verdictOn tells whether a rule rolls back on unpaired samples, ascending.
type verdictOn func(baseline, candidate []float64) bool

// over rolls back when the P95 is worse by more than a fixed threshold.
func over(share float64) verdictOn {
	return func(a, b []float64) bool {
		return stats.Quantile(b, .95)-stats.Quantile(a, .95) > math.Log1p(share)
	}
}

// kayenta is Mann-Whitney as Kayenta sets it: worse if the lower end of the 98 %
// interval of the shift lies above a quarter of the shift itself. It knows no
// logarithms.
func kayenta(a, b []float64) bool {
	shift := stats.HodgesLehmann(exps(a), exps(b), .02)
	return shift.Lower > .25*math.Abs(shift.Estimate)
}

func exps(logs []float64) []float64 {
	out := make([]float64, len(logs))
	for i, v := range logs {
		out[i] = math.Exp(v)
	}
	return out
}

// rivalWorlds are what all rules are put to.
func rivalWorlds() []named {
	var out []named
	for _, n := range [...]int{1000, 10_000} {
		for _, w := range [...]named{
			{"lognormal, equal", Model{}},
			{"lognormal, +5 %", Model{Slower: .05}},
			{"lognormal, +10 %", Model{Slower: .10}},
			{"lognormal, +20 %", Model{Slower: .20}},
			{"bimodal, equal", Model{Shape: Bimodal}},
			{"autocorrelated .9, equal", Model{Auto: .9}},
			{"shared drift, equal", Model{Drift: SharedDrift}},
			{"restart 5 %, equal", Model{Restart: .05}},
			{"tail only, +20 %", Model{Tail: .20}},
			{"lognormal, rho 0.8, +5 %", Model{Slower: .05, Rho: .8}},
		} {
			out = append(out, named{fmt.Sprintf("%s, n %d", w.name, n), w.sized(n, watchLooks)})
		}
	}
	return out
}

// watchLooks is how often a rule that is watched is looked at, equally spaced.
const watchLooks = 20

// atEnd and watching put a rule to the data once, and at all looks.
func (rule verdictOn) atEnd(m Model, s *Scratch, r *rand.Rand) float64 {
	m.draw(r, &s.table)
	return one(rule(slices.Sorted(slices.Values(s.table.baseline)), slices.Sorted(slices.Values(s.table.candidate))))
}

func (rule verdictOn) watching(m Model, s *Scratch, r *rand.Rand) float64 {
	m.draw(r, &s.table)
	var a, b []float64
	every := m.Pairs / watchLooks
	for n := 0; n < m.Pairs; n += every {
		a = append(a, s.table.baseline[n:n+every]...)
		b = append(b, s.table.candidate[n:n+every]...)
		slices.Sort(a)
		slices.Sort(b)
		if rule(a, b) {
			return 1
		}
	}
	return 0
}

// Rivals returns every rule with its cells.
func Rivals() []Rival {
	rule := func(name string, dear int, of try) Rival {
		out := Rival{Name: name}
		for _, w := range rivalWorlds() {
			out.Cells = append(out.Cells, Cell{Name: w.name, Dear: dear, Bound: unbounded, World: w.Model, Try: of})
		}
		return out
	}
	return []Rival{
		rule("P95 +5 %, one look", 5, over(.05).atEnd),
		rule("P95 +5 %, watched", 10, over(.05).watching),
		rule("P95 +10 %, one look", 5, over(.10).atEnd),
		rule("P95 +10 %, watched", 10, over(.10).watching),
		rule("Kayenta, one look", 10, verdictOn(kayenta).atEnd),
		rule("Kayenta, watched", 20, verdictOn(kayenta).watching),
		rule("ours, one look", 5, rollsBack(p95(0))),
		rule("ours, watched", 5, everRolledBack),
	}
}

// RivalGoals gives rivals the form in which they are simulated.
func RivalGoals(rivals []Rival) []Goal {
	var goals []Goal
	for _, r := range rivals {
		goals = append(goals, Goal{Name: r.Name, Cells: r.Cells})
	}
	return goals
}

const rivalPreamble = `
## Against other rules

The same simulated data, judged by fixed thresholds on the P95, by Mann-Whitney at
Kayenta's settings (98 % interval of the shift, tolerance a quarter of it, raw values) and
by ours (the P90-P99 tail, tau 0, at 5 %: the fixed test over 20 blocks, and the anytime test
after each of them). Percent rolled back, at one look, and when looked at 20 times at
equal distances. Between equal arms every rollback is false.
`

func writeRivals(b *strings.Builder, rivals []Rival, rs Results) {
	if len(rivals) == 0 {
		return
	}
	b.WriteString(rivalPreamble + "\n| world |")
	for _, r := range rivals {
		b.WriteString(" " + r.Name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(rivals)) + "\n")
	for i, c := range rivals[0].Cells {
		fmt.Fprintf(b, "| %s |", c.Name)
		for _, r := range rivals {
			if got, ok := rs.Find(r.Name, r.Cells[i].Name); ok {
				fmt.Fprintf(b, " %.1f |", got.Value)
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteString("\n")
	}
	var repetitions []string
	for _, r := range rivals {
		repetitions = append(repetitions, r.Name+" "+repetitionsOf(r, rs))
	}
	fmt.Fprintf(b, "\nRepetitions of each: %s.\n", strings.Join(repetitions, "; "))
}

// repetitionsOf says how many repetitions the cells of r got, from the fewest on.
func repetitionsOf(r Rival, rs Results) string {
	var counts []int
	for _, c := range r.Cells {
		if got, ok := rs.Find(r.Name, c.Name); ok {
			counts = append(counts, got.Repetitions)
		}
	}
	switch {
	case len(counts) == 0:
		return "none"
	case slices.Min(counts) == slices.Max(counts):
		return fmt.Sprint(counts[0])
	}
	return fmt.Sprintf("%d to %d", slices.Min(counts), slices.Max(counts))
}

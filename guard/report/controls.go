package report

import (
	"fmt"
	"math"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// controls is what a short report says of the run's own controls.
func controls(v *judge.Verdict) []fact {
	c := v.Controls
	if c.Mode != "on" {
		return []fact{{"controls", join(": ", c.Mode, c.Why)}}
	}
	planted := judge.Metric{Scale: "ratio"}
	return []fact{
		{"twin", control(c.Twin, "the baseline once more")},
		{"plant", control(c.Plant, "the baseline slowed by "+share(planted, c.Planted))},
	}
}

func control(c *judge.Control, what string) string {
	if c == nil {
		return what + ": no data"
	}
	return fmt.Sprintf("%s: %s (%d pairs, %d blocks)", what, c.Detail, c.Pairs, c.Blocks)
}

// controlsTable sets what the run saw of nothing and of a known delay beside what
// it saw of the candidate.
func controlsTable(v *judge.Verdict) table {
	t := table{
		Title: "The run's own controls", Names: 1,
		Head: []string{"metric", "candidate", "twin", "bounds", "plant", "bounds"},
	}
	if v.Controls.Twin == nil || v.Controls.Plant == nil {
		return t
	}
	twin, plant := byKey(v.Controls.Twin.Metrics), byKey(v.Controls.Plant.Metrics)
	for _, m := range v.Metrics {
		a, okA := twin[m.Key]
		b, okB := plant[m.Key]
		if okA && okB {
			t.Rows = append(t.Rows, row{Cells: []string{m.Name, effect(m), effect(a), bounds(a), effect(b), bounds(b)}})
		}
	}
	return t
}

func byKey(metrics []judge.Metric) map[string]judge.Metric {
	out := map[string]judge.Metric{}
	for _, m := range metrics {
		out[m.Key] = m
	}
	return out
}

// resolution says how coarse a histogram is at the metric's quantile.
func resolution(m judge.Metric) string {
	if x := float64(m.Resolution); x > 0 {
		return "histogram resolution ± " + percent(x)
	}
	return ""
}

// watched says what evidence there is in a mode that bets, and what decides.
func watched(m judge.Metric, alpha float64) string {
	if math.IsNaN(float64(m.LogE)) {
		return ""
	}
	return fmt.Sprintf("e-values, of which %.4g decides: %s that it is worse than tau, %s that it is within the margin",
		1/alpha, odds(m.LogE), odds(m.LogEWithin))
}

// odds prints an e-value, whose logarithm may be beyond any number.
func odds(log judge.Float) string {
	x := float64(log)
	switch {
	case math.IsNaN(x):
		return chart.Unknown
	case x > 14:
		return fmt.Sprintf("e^%.0f", x)
	}
	return fmt.Sprintf("%.3g", math.Exp(x))
}

// mode says how the evidence became a decision, and at which look.
func mode(v *judge.Verdict) string {
	if v.Looks == 0 {
		return v.Mode
	}
	return fmt.Sprintf("%s, look %d of %d", v.Mode, v.Look, v.Looks)
}

package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

//go:embed page.html
var pageText string

// HTML writes the verdict as one page that needs nothing else: no network, no
// script. It follows the reader's light or dark setting, fits a phone and
// prints.
func HTML(w io.Writer, v judge.Verdict) error {
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := page.Execute(w, view(&v)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// A pageView is what page.html lays out.
type pageView struct {
	Style                          template.CSS
	Title, Class, Decision, Reason string
	Sentences                      []string
	Behind                         []fact
	Metrics, Work, Latency, Scaled table
	Controls                       table
	Reasons, Broken                []fact
	Effects, Blocks, Curves        []template.HTML
	Grade                          sample.Grade
	Signals, Noted                 table
	Errors                         table
	Notes, Warnings                []string
	Formulas, Facts                []fact
}

func view(v *judge.Verdict) pageView {
	p := pageView{
		Style:    template.CSS(chart.PageStyle()), //nolint:gosec // our own
		Title:    join(" · ", string(v.Decision), v.Candidate+" against "+v.Baseline, started(v)),
		Class:    class(v.Decision),
		Decision: string(v.Decision), Reason: string(v.Reason),
		Sentences: v.Summary,
		Behind:    behind(v),
		Controls:  controlsTable(v),
		Metrics:   metricTable(v), Work: workTable(v), Latency: latencyTable(v), Scaled: scaledTable(v),
		Reasons: reasons(v), Broken: broken(v),
		Effects: effectCharts(v), Blocks: blockCharts(v), Curves: curveCharts(v),
		Grade: v.Validity.Grade, Signals: signalTable(v), Noted: factTable(v), Errors: errorTable(v),
		Warnings: v.Warnings,
		Formulas: formulaFacts(v), Facts: facts(v),
	}
	for _, warning := range v.Validity.Warnings {
		if !slices.Contains(v.Warnings, warning) {
			p.Notes = append(p.Notes, warning)
		}
	}
	if v.More > 0 {
		p.Sentences = append(p.Sentences[:len(p.Sentences):len(p.Sentences)], more(v))
	}
	return p
}

// behind is what gives the decision its worth.
func behind(v *judge.Verdict) []fact {
	all := []fact{{"Guarantee", v.Guarantee}, {"It speaks of", v.Unit}}
	for _, f := range controls(v) {
		all = append(all, fact{strings.ToUpper(f.Name[:1]) + f.Name[1:], f.Value})
	}
	return append(all, fact{"Same work", sameWork(v)}, fact{"Measurement", validity(v)}, fact{"Measurer", measurerError(v)})
}

func class(d judge.Decision) string {
	switch d {
	case judge.Promote, judge.Rollback, judge.Hold:
		return strings.ToLower(string(d))
	}
	return "nodata"
}

// drawn marks a picture of package chart as HTML: the package escapes every
// text that it is given.
func drawn(svg string) template.HTML { return template.HTML(svg) } //nolint:gosec // escaped where it is drawn

// effectCharts draws the metrics of each axis that has any.
func effectCharts(v *judge.Verdict) []template.HTML {
	titles := map[chart.Axis]string{
		chart.Ratio:      "Change that the candidate brought",
		chart.Difference: "Change in share",
	}
	var all []template.HTML
	for _, a := range []chart.Axis{chart.Ratio, chart.Difference} {
		var effects []chart.Effect
		for _, m := range v.Metrics {
			if axis(m) == a {
				effects = append(effects, chartEffect(m))
			}
		}
		if len(effects) > 0 {
			all = append(all, drawn(chart.Forest(titles[a], a, effects)))
		}
	}
	return all
}

func chartEffect(m judge.Metric) chart.Effect {
	e := chart.Effect{
		Name: m.Name, Tone: tone(m), HigherIsBetter: higherIsBetter(m),
		Estimate: float64(m.Effect), Lower: float64(m.Lower), Upper: float64(m.Upper),
	}
	if m.Gating {
		e.Tolerated, e.Promote = float64(m.Tau), float64(m.Margin)
	} else {
		e.Note = "shown"
	}
	return e
}

func blockCharts(v *judge.Verdict) []template.HTML {
	titles := map[chart.Axis]string{
		chart.Ratio:      "Change within each block",
		chart.Difference: "Change in share within each block",
	}
	var all []template.HTML
	for _, a := range []chart.Axis{chart.Ratio, chart.Difference} {
		var metrics []chart.BlockEffects
		for _, m := range v.Metrics {
			if axis(m) != a || len(m.BlockEffects) == 0 {
				continue
			}
			b := chart.BlockEffects{Name: m.Name, Estimate: float64(m.Effect), Tone: tone(m)}
			for _, e := range m.BlockEffects {
				b.Effects = append(b.Effects, float64(e))
			}
			metrics = append(metrics, b)
		}
		if len(metrics) > 0 {
			all = append(all, drawn(chart.Blocks(titles[a], a, metrics)))
		}
	}
	return all
}

// curveCharts draws a plot for each measure that any arm has.
func curveCharts(v *judge.Verdict) []template.HTML {
	var all []template.HTML
	for _, m := range latencies() {
		if !anyHas(v.Arms, m) {
			continue
		}
		var curves []chart.Curve
		for i, a := range v.Arms {
			role := chart.Baseline
			if i > 0 {
				role = chart.Candidate
			}
			if !absent(v, &a) {
				curves = append(curves, curve(a.Name, role, a.Measures[m.key]))
			}
		}
		title := strings.ToUpper(m.name[:1]) + m.name[1:] + enriched(v)
		all = append(all, drawn(chart.Percentiles(title, curves)))
	}
	return all
}

func curve(name string, role chart.Role, d summary.Distribution) chart.Curve {
	c := chart.Curve{Name: name, Role: role, P50: math.NaN(), P95: math.NaN(), P99: math.NaN()}
	if d.N == 0 {
		return c
	}
	c.P50, c.P95, c.P99 = toFloat(d.P50), toFloat(d.P95), toFloat(d.P99)
	for _, p := range d.Curve {
		c.Points = append(c.Points, chart.Point{Q: p.Q, NS: toFloat(p.At)})
	}
	return c
}

func toFloat(l summary.Latency) float64 {
	if l == summary.Infinite {
		return math.Inf(1)
	}
	return float64(l)
}

// signalTable lists the rules of validity with what was measured.
func signalTable(v *judge.Verdict) table {
	t := table{Title: "Rules of validity", Names: 2, Head: []string{"rule", verdictColumn, "measured", "valid to", "degraded to"}}
	for _, s := range v.Validity.Signals {
		r := row{Cells: []string{s.Name, string(s.Grade), signalValue(s, s.Value), signalValue(s, s.Valid), signalValue(s, s.Degraded)}}
		switch s.Grade {
		case sample.Valid:
			r.Tone = chart.Fine
		case sample.Degraded:
			r.Tone = chart.Open
		default:
			r.Tone = chart.Worse
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}

// factTable lists what was measured of the measurement and graded by no rule.
func factTable(v *judge.Verdict) table {
	t := table{Title: "Facts of the measurement", Names: 1, Head: []string{"what", "measured"}}
	for _, f := range v.Validity.Facts {
		value := f.Text
		if value == "" {
			value = signalValue(sample.Signal{Unit: f.Unit}, f.Value)
		}
		t.Rows = append(t.Rows, row{Cells: []string{f.Name, value}})
	}
	return t
}

// errorTable is the calibration: how wrong the measurer itself was.
func errorTable(v *judge.Verdict) table {
	t := table{Title: "The measurer's own error", Names: 1, Head: []string{"measure", "P50", "P99", "max", "n"}}
	for _, m := range latencies() {
		if e, ok := v.Validity.Error[m.key]; ok {
			t.Rows = append(t.Rows, row{Cells: []string{
				m.name, chart.Duration(float64(e.P50)), chart.Duration(float64(e.P99)), chart.Duration(float64(e.Max)), fmt.Sprint(e.N),
			}})
		}
	}
	return t
}

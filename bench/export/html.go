package export

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

//go:embed page.html
var pageText string

// HTML writes the runs as one page that needs nothing else: no network, no
// script. It follows the reader's light or dark setting, fits a phone and prints.
// Arms of all runs are laid over each other; more than chart.Most of them are an
// error, since nobody could tell them apart.
func HTML(w io.Writer, inputs []Input, s Summary) error {
	if n := s.size(); n > chart.Most {
		return fmt.Errorf("html: %d arms: at most %d can be told apart in one picture; give fewer runs", n, chart.Most)
	}
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return fmt.Errorf("html: %w", err)
	}
	if err := page.Execute(w, view(inputs, s)); err != nil {
		return fmt.Errorf("html: %w", err)
	}
	return nil
}

// size is how many arms there are in all runs.
func (s *Summary) size() int {
	n := 0
	s.arms(func(*Arm) { n++ })
	return n
}

// A pageView is what page.html lays out.
type pageView struct {
	Style                              template.CSS
	Title, Class, Grade, Thinned       string
	Sentences, Warnings                []string
	Work, Transport, Goodput, Failures grid
	Percentiles, Timelines             []template.HTML
	Heatmaps                           []template.HTML
	Latencies                          []grid
	Trust                              []trust
	Formulas                           []fact
	Facts                              []facts
}

// A grid is a table; the first Names of its columns are aligned as text.
type grid struct {
	Title string
	Names int
	Head  []string
	Rows  []line
}

type line struct {
	Tone  chart.Tone
	Cells []string
}

type fact struct{ Name, Value string }

type facts struct {
	Title string
	Facts []fact
}

// trust is what one run's measurement is worth.
type trust struct {
	Title           string
	Grade           sample.Grade
	Signals, Errors grid
}

// gridOf makes the rows of a terminal's table a table of the page.
func gridOf(title string, names int, head []string, rows [][]string) grid {
	g := grid{Title: title, Names: names, Head: head}
	for _, cells := range rows {
		g.Rows = append(g.Rows, line{Cells: cells})
	}
	return g
}

func view(inputs []Input, s Summary) pageView {
	grade, class := worst(s)
	p := pageView{
		Style: template.CSS(chart.PageStyle()), //nolint:gosec // our own
		Title: title(s), Class: class, Grade: strings.ToUpper(string(grade)), Sentences: sentences(s), Warnings: warnings(s),
		Work:      gridOf("", 1, workHead(), workRows(s)),
		Transport: gridOf("", 2, transportHead(), transportRows(s)),
		Goodput:   gridOf("Goodput under "+limits(s), 1, goodputHead(), goodputRows(s)),
		Failures:  gridOf("", 5, failureHead(), failureRows(s)),
	}
	p.Percentiles = percentiles(s)
	p.Timelines, p.Thinned = timelines(inputs, s)
	p.Heatmaps = heatmaps(inputs, s)
	p.Latencies = []grid{
		gridOf("Of all attempts, a failure being infinitely slow", 2, latencyHead(), latencyRows(s, true)),
		gridOf("Of the successful requests alone", 2, latencyHead(), latencyRows(s, false)),
	}
	for _, run := range s.Runs {
		p.Trust = append(p.Trust, trustOf(run, len(s.Runs) > 1))
		p.Facts = append(p.Facts, facts{"What was run: " + run.File, runFacts(run)})
	}
	for _, f := range s.Formulas {
		p.Formulas = append(p.Formulas, fact{f.Name, f.Formula})
	}
	return p
}

// worst is the worst grade of all runs, with the class of its colour.
func worst(s Summary) (sample.Grade, string) {
	order := []sample.Grade{sample.Valid, sample.Unknown, sample.Degraded, sample.Invalid}
	at := 0
	for _, run := range s.Runs {
		for i, g := range order {
			if run.Validity.Grade == g {
				at = max(at, i)
			}
		}
		if run.Validity.Grade == "" {
			at = max(at, 1)
		}
	}
	return order[at], []string{"promote", "nodata", "hold", "rollback"}[at]
}

func title(s Summary) string {
	var names []string
	for _, run := range s.Runs {
		names = append(names, run.File)
	}
	return strings.Join(names, " · ")
}

// sentences say what was done, an arm each.
func sentences(s Summary) []string {
	var all []string
	s.arms(func(a *Arm) {
		text := fmt.Sprintf("%s: %d of %d requests succeeded", a.Label, a.OK, a.Requests)
		if m := a.find(sample.FirstToken); m.N > 0 {
			text += fmt.Sprintf("; first token P50 %s, P99 %s", latency(m.All.P50, m.Failed), latency(m.All.P99, m.Failed))
		}
		if m := a.find(sample.Full); m.N > 0 {
			text += fmt.Sprintf("; full answer P50 %s, P99 %s", latency(m.All.P50, m.Failed), latency(m.All.P99, m.Failed))
		}
		all = append(all, text+".")
	})
	return all
}

// warnings are those of the runs, and what they cannot tell.
func warnings(s Summary) []string {
	var all []string
	for _, run := range s.Runs {
		of := ""
		if len(s.Runs) > 1 {
			of = run.File + ": "
		}
		if run.Stopped != "" {
			all = append(all, of+run.Stopped)
		}
		for _, w := range run.Validity.Warnings {
			all = append(all, of+w)
		}
		if len(run.Lacks) > 0 {
			all = append(all, of+run.Source+" does not tell "+joined(run.Lacks))
		}
	}
	return all
}

func joined(measures []sample.Measure) string {
	var names []string
	for _, m := range measures {
		names = append(names, string(m))
	}
	return strings.Join(names, ", ")
}

func trustOf(run Run, several bool) trust {
	t := trust{
		Grade:   run.Validity.Grade,
		Signals: grid{Names: 2, Head: []string{"rule", "grade", "measured", "valid to", "degraded to"}},
		Errors:  grid{Names: 1, Head: []string{"measure", "P50", "P99", "max", "n"}},
	}
	if several {
		t.Title = run.File
	}
	if t.Grade == "" {
		t.Grade = sample.Unknown
	}
	tones := map[sample.Grade]chart.Tone{sample.Valid: chart.Fine, sample.Degraded: chart.Open}
	for _, s := range run.Validity.Signals {
		tone, ok := tones[s.Grade]
		if !ok {
			tone = chart.Worse
		}
		t.Signals.Rows = append(t.Signals.Rows, line{tone, []string{s.Name, string(s.Grade), unit(s.Value, s.Unit), unit(s.Valid, s.Unit), unit(s.Degraded, s.Unit)}})
	}
	for _, d := range sample.Definitions() {
		if e, ok := run.Validity.Error[d.Measure]; ok {
			t.Errors.Rows = append(t.Errors.Rows, line{Cells: []string{d.Name, duration(e.P50), duration(e.P99), duration(e.Max), fmt.Sprint(e.N)}})
		}
	}
	return t
}

func duration(ns int64) string { return chart.Duration(float64(ns)) }

func unit(v float64, unit string) string { return strings.TrimSpace(fmt.Sprintf("%.3g %s", v, unit)) }

func runFacts(run Run) []fact {
	var arms []string
	for _, a := range run.Arms {
		arms = append(arms, strings.TrimSuffix(a.Name+" at "+a.Target, " at "))
	}
	all := []fact{
		{"Arms", strings.Join(arms, ", ")},
		{"Started", run.StartedAt},
		{"Tool", run.Tool},
		{"Recorded by", run.Source},
		{"Design", fmt.Sprintf("%s, %d blocks", run.Design, run.Blocks)},
		{"Schedule", schedule(run.Schedule)},
		{"Dataset", strings.TrimSuffix(fmt.Sprintf("%s, %d items, SHA-256 %s", run.Dataset.Name, run.Dataset.Items, run.Dataset.Hash), ", 0 items, SHA-256 ")},
		{"API and model", strings.Trim(run.Dialect+", "+run.Model, ", ")},
		{"Seed", fmt.Sprint(run.Seed)},
		{"Machine", fmt.Sprintf("%s, %d cores (%d used), %s/%s, %s, %s", run.Machine.CPU, run.Machine.Cores, run.Machine.GOMAXPROCS, run.Machine.OS, run.Machine.Arch, run.Machine.Kernel, run.Machine.Go)},
	}
	if run.Source != "" { // nobody's machine of ours, and no seed
		all = all[:6]
	}
	for _, f := range run.Validity.Facts {
		value := f.Text
		if value == "" {
			value = unit(f.Value, f.Unit)
		}
		all = append(all, fact{f.Name, value})
	}
	return all
}

func schedule(s sample.Schedule) string {
	text := s.Kind
	if s.PerSecond > 0 {
		text += fmt.Sprintf(", %g starts per second", s.PerSecond)
	}
	if s.Workers > 0 {
		text += fmt.Sprintf(", %d workers", s.Workers)
	}
	if s.PerSlot > 0 {
		text += fmt.Sprintf(", %d requests of an arm in a block after %d of warm-up", s.PerSlot, s.Warmup)
	}
	if s.Hash != "" {
		text += ", hash " + s.Hash
	}
	return text
}

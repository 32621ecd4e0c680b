package history

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
)

//go:embed page.html
var pageText string

// HTML writes trends of one metric as a page that needs nothing else: no
// network, no script.
func HTML(w io.Writer, metric string, trends []Trend) error {
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	view := struct {
		Metric string
		Series []seriesView
	}{Metric: metric}
	for _, t := range trends {
		view.Series = append(view.Series, t.view())
	}
	if err := page.Execute(w, view); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// A seriesView is what the page shows of a trend.
type seriesView struct {
	Name    string
	Chart   template.HTML
	Words   []string
	Rows    []rowView
	LeftOut int
}

type rowView struct {
	Time, Value, Run, Subject, Decision string
	N                                   int
	Changed                             bool
}

func (t *Trend) view() seriesView {
	v := seriesView{Name: t.Series, Words: t.Words(), LeftOut: t.LeftOut}
	changed := map[int]bool{}
	picture := chart.Trend{Title: t.Metric, Values: t.Values}
	for _, c := range t.Changes {
		changed[c.Index] = true
		picture.Steps = append(picture.Steps, chart.Step{At: c.Index, Before: c.Before, After: c.After, Worse: c.After > c.Before})
	}
	for i, e := range t.Entries {
		picture.Labels = append(picture.Labels, e.label())
		run := short(e.Digest)
		if e.Commit != "" {
			run = short(e.Commit)
		}
		v.Rows = append(v.Rows, rowView{
			Time: e.at().Format("2006-01-02 15:04"), Value: chart.Duration(t.Values[i]), Run: run, Subject: e.Subject,
			Decision: strings.ToLower(e.Decision), N: e.Metrics[t.Metric].N, Changed: changed[i],
		})
	}
	if len(t.Values) > 0 {
		v.Chart = template.HTML(picture.SVG()) //nolint:gosec // package chart escapes every text
	}
	return v
}

// runs counts runs in words.
func runs(n int) string {
	if n == 1 {
		return "one run"
	}
	return fmt.Sprintf("%d runs", n)
}

// Words tells the trend in sentences.
func (t *Trend) Words() []string {
	var words []string
	if len(t.Values) == 0 {
		return []string{"No run of this series tells it."}
	}
	if len(t.Changes) == 0 {
		words = append(words, fmt.Sprintf("No change in %s (a change needs %d runs on either side and %.0f %%).", runs(len(t.Values)), leastSegment, 100*leastChange))
	}
	for _, c := range t.Changes {
		words = append(words, fmt.Sprintf("%s: from %s to %s; %s. The cause lies after the former and up to the latter, if it is in the code at all.",
			t.Metric, chart.Duration(c.Before), chart.Duration(c.After), c.Words()))
	}
	return words
}

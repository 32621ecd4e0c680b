package history

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// A Trend is one metric of one series over time.
type Trend struct {
	Metric  string
	Series  string
	Entries []Entry // that have the metric, in order of time
	Values  []float64
	Changes []Change
	// LeftOut counts entries of the series that are invalid, or whose figure
	// is missing or infinite.
	LeftOut int
}

// A Change is a place where the mean of a trend changed. Its cause lies after
// LastGood and up to FirstBad.
type Change struct {
	stats.Change
	LastGood, FirstBad Entry
}

// Ratio is the mean after the change over that before.
func (c Change) Ratio() float64 { return c.After / c.Before }

// leastSegment is how many runs a side of a change needs: a single spike is no
// change.
const leastSegment = 3

// leastChange is the smallest change of the mean that is told.
const leastChange = .02

// Trends follows a metric through every series, the longest first.
func Trends(entries []Entry, metric string) []Trend {
	var all []Trend
	at := map[string]int{}
	for _, e := range entries {
		name := e.Series()
		i, known := at[name]
		if !known {
			i = len(all)
			at[name] = i
			all = append(all, Trend{Metric: metric, Series: name})
		}
		all[i].add(e)
	}
	for i := range all {
		all[i].find()
	}
	slices.SortStableFunc(all, func(a, b Trend) int { return len(b.Values) - len(a.Values) })
	return all
}

// Known lists the metrics that some entry has, sorted.
func Known(entries []Entry) []string {
	known := map[string]bool{}
	for _, e := range entries {
		for name := range e.Metrics {
			known[name] = true
		}
	}
	return slices.Sorted(maps.Keys(known))
}

func (t *Trend) add(e Entry) {
	m, has := e.Metrics[t.Metric]
	if !has || !usable(&e) {
		t.LeftOut++
		return
	}
	t.Entries, t.Values = append(t.Entries, e), append(t.Values, m.Value)
}

// usable tells whether the measurement of e may be believed.
func usable(e *Entry) bool { return e.Validity == "valid" || e.Validity == "degraded" }

func (t *Trend) find() {
	for _, c := range (stats.Changes{Least: leastChange}).Find(t.Values) {
		if c.Index < leastSegment || len(t.Values)-c.Index < leastSegment {
			continue
		}
		t.Changes = append(t.Changes, Change{Change: c, LastGood: t.Entries[c.Index-1], FirstBad: t.Entries[c.Index]})
	}
}

// Words tells a change in one sentence.
func (c Change) Words() string {
	way := "rose"
	if c.After < c.Before {
		way = "fell"
	}
	return fmt.Sprintf("it %s by %.1f %% between %s and %s", way, 100*math.Abs(c.Ratio()-1), c.LastGood.label(), c.FirstBad.label())
}

// label names the run of an entry for people: commit, subject and day.
func (e *Entry) label() string {
	name := "run " + short(e.Digest)
	if e.Commit != "" {
		name = short(e.Commit)
	}
	if e.Subject != "" {
		name += fmt.Sprintf(" %q", e.Subject)
	}
	return name + " of " + e.at().Format("2006-01-02")
}

// Text writes trends for people. Texts that came from outside lose what would
// drive a terminal.
func Text(w io.Writer, trends []Trend) error {
	var b strings.Builder
	for _, t := range trends {
		fmt.Fprintf(&b, "%s\n", t.Series)
		for _, sentence := range t.Words() {
			fmt.Fprintf(&b, "  %s\n", sentence)
		}
		if t.LeftOut > 0 {
			fmt.Fprintf(&b, "  Left out, as invalid or without this figure: %d of %d runs.\n", t.LeftOut, t.LeftOut+len(t.Entries))
		}
	}
	_, err := io.WriteString(w, strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return ' '
		}
		return r
	}, b.String()))
	return err
}

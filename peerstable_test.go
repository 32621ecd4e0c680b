package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// words are a tool and what it calls the figures compared; "" is what it does not
// measure.
type words struct{ tool, version, rate, ttfb, full string }

// A line of the table is what a tool said in every round.
type line struct {
	words
	rounds []reading
	absent error
}

// peersTable renders medians over the rounds, and the range of these, as Markdown.
func peersTable(lines []line) string {
	var text strings.Builder
	table := tablewriter.NewTable(&text, tablewriter.WithRenderer(renderer.NewMarkdown()),
		tablewriter.WithHeaderAutoFormat(tw.Off), tablewriter.WithRowAutoWrap(tw.WrapNone), tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAlignment(tw.AlignLeft), tablewriter.WithHeaderAlignment(tw.AlignLeft))
	table.Header([]string{
		"tool", "version", "starts/s, intended", "achieved, its word", "achieved", "at the server",
		"first byte, its word", "P50 ms", "P99 ms", "full latency, its word", "P50 ms", "P99 ms", "at the server: P50", "P99", "failures",
	})
	least := milliseconds(leastFull)
	rows := [][]string{{
		"the server's pace", "", fmt.Sprint(peersPerSecond), "", "", "", "at once", "0", "0",
		fmt.Sprintf("%v + %d x %v, at the least", peersFirst, peersEvents, peersGap), least, least, least, least, "",
	}}
	for _, l := range lines {
		rows = append(rows, l.cells())
	}
	if err := table.Bulk(rows); err != nil {
		return err.Error()
	}
	if err := table.Render(); err != nil {
		return err.Error()
	}
	return text.String()
}

// cells are a line of the table. A tool that did not run has one, too.
func (l line) cells() []string {
	if l.absent != nil {
		return append([]string{l.tool, l.version, "did not run: " + l.absent.Error()}, slices.Repeat([]string{"-"}, 12)...)
	}
	hertz := func(get func(reading) float64) string { return l.spread("%.1f", get) }
	ms := func(get func(reading) time.Duration) string {
		return l.spread("%.2f", func(r reading) float64 { return get(r).Seconds() * 1000 })
	}
	ttfb := []string{"not measured", "not measured", "not measured"}
	if l.ttfb != "" {
		ttfb = []string{l.ttfb, ms(func(r reading) time.Duration { return r.ttfb.P50 }), ms(func(r reading) time.Duration { return r.ttfb.P99 })}
	}
	return slices.Concat(
		[]string{l.tool, l.version, fmt.Sprint(peersPerSecond), l.rate},
		[]string{hertz(func(r reading) float64 { return r.perSecond }), hertz(func(r reading) float64 { return r.server.perSecond })},
		ttfb,
		[]string{l.full, ms(func(r reading) time.Duration { return r.full.P50 }), ms(func(r reading) time.Duration { return r.full.P99 })},
		[]string{ms(func(r reading) time.Duration { return r.server.took.P50 }), ms(func(r reading) time.Duration { return r.server.took.P99 })},
		[]string{l.spread("%.0f", func(r reading) float64 { return float64(r.failures) })},
	)
}

// spread is the median of a figure over the rounds, and its range.
func (l line) spread(format string, get func(reading) float64) string {
	var all []float64
	for _, r := range l.rounds {
		all = append(all, get(r))
	}
	if len(all) == 0 {
		return "-"
	}
	slices.Sort(all)
	median := (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	text, low, high := fmt.Sprintf(format, median), fmt.Sprintf(format, all[0]), fmt.Sprintf(format, all[len(all)-1])
	if low == high {
		return text
	}
	return fmt.Sprintf("%s (%s to %s)", text, low, high)
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()*1000) }

// peersNotes are a line for everything that a tool said besides, by round, and
// the error that one states of itself.
func peersNotes(lines []line) string {
	var text strings.Builder
	for _, l := range lines {
		for i, r := range l.rounds {
			for _, says := range r.says {
				fmt.Fprintf(&text, "%s, round %d: %s\n", l.tool, i+1, says)
			}
			if r.own != (ownError{}) {
				fmt.Fprintf(&text, "%s, round %d: states its own error at P99, calibrated before: first byte %s ms, full latency %s ms\n", l.tool, i+1, milliseconds(r.own.ttfb), milliseconds(r.own.full))
			}
		}
	}
	return text.String()
}

// TestPeersTable renders readings that were typed: medians with ranges, figures
// that a tool has not, and a tool that did not run. The golden is what is printed.
func TestPeersTable(t *testing.T) {
	ms := func(p50, p99 int) quantiles {
		return quantiles{time.Duration(p50) * time.Millisecond, time.Duration(p99) * time.Millisecond}
	}
	first := ms(1, 2)
	round := func(full quantiles, failures int, says ...string) reading {
		return reading{perSecond: 50, ttfb: &first, full: full, failures: failures, says: says, server: served{300, 50.1, ms(220, 221)}}
	}
	bench := []reading{round(ms(222, 230), 0), round(ms(221, 260), 0), round(ms(225, 240), 2)}
	bench[1].own = ownError{time.Millisecond, 2 * time.Millisecond}
	lines := []line{
		{words: words{"a bench", "v1", "achieved_hz", "ttfb", "full"}, rounds: bench},
		{words: words{"another", "v2", "rate", "", "latencies"}, rounds: []reading{round(ms(230, 240), 0, "it rained")}},
		{words: words{"absent", "v3", "rate", "x", "y"}, absent: errors.New("go install: no such module")},
	}
	got, path := peersTable(lines)+"\n"+peersNotes(lines), "testdata/peers/table.md"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want := golden(t, "table.md"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestImpossibleFigures: a tool that says less than the server took, or loses
// starts without a word, fails the comparison; one that tells its failures does not.
func TestImpossibleFigures(t *testing.T) {
	sound := reading{full: quantiles{leastFull + time.Millisecond, time.Second}, ttfb: &quantiles{1, 2}, server: served{answers: starts}}
	for _, c := range []struct {
		name string
		edit func(r *reading)
		want int
	}{
		{"sound", func(*reading) {}, 0},
		{"faster than the server", func(r *reading) { r.full.P50 = leastFull - time.Millisecond }, 1},
		{"a first byte behind the end", func(r *reading) { r.ttfb = &quantiles{time.Second, time.Second} }, 1},
		{"no time at all to the first byte", func(r *reading) { r.ttfb = new(quantiles) }, 1},
		{"a lost start", func(r *reading) { r.server.answers-- }, 1},
		{"a failure that is told", func(r *reading) { r.server.answers, r.failures = starts-1, 1 }, 0},
	} {
		r := sound
		c.edit(&r)
		if got := r.impossible(); len(got) != c.want {
			t.Errorf("%s: %q, want %d objections", c.name, got, c.want)
		}
	}
}

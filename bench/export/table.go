package export

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// rows are the measures of the table, each on the clocks that it has.
func rows() []sample.Measure {
	return []sample.Measure{
		sample.Queue, sample.DNSTime, sample.Connect, sample.TLSTime, sample.Waiting, sample.TTFB, sample.FirstToken, sample.FirstText,
		sample.Gap, sample.EventGap, sample.TPOT, sample.NTPOT, sample.LastContent, sample.Full,
	}
}

// Table writes the summary for a terminal.
func Table(w io.Writer, s Summary) error {
	t := &tables{w: w}
	t.print("", workHead(), workRows(s))
	t.print("transport", transportHead(), transportRows(s))
	t.print("latency of all attempts, a failure being infinitely slow", latencyHead(), latencyRows(s, true))
	t.print("latency of the successful requests alone, of arms with failures", latencyHead(), latencyRows(s, false))
	t.print("failures", failureHead(), failureRows(s))
	t.print("goodput under "+limits(s), goodputHead(), goodputRows(s))
	t.formulas(s)
	return t.err
}

// tables writes one table after the other and keeps the first error.
type tables struct {
	w   io.Writer
	err error
}

// print writes one table: a title if it has one, a head, and rows.
func (t *tables) print(title string, head []string, rows [][]string) {
	if t.err != nil || len(rows) == 0 {
		return
	}
	if title != "" {
		_, t.err = fmt.Fprintf(t.w, "\n%s\n", title)
	}
	t.align(append([][]string{head}, rows...))
}

// align writes rows in columns, without blanks at the ends of lines.
func (t *tables) align(rows [][]string) {
	var b strings.Builder
	tab := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(tab, strings.Join(row, "\t")) // into memory: it cannot fail
	}
	tab.Flush()
	for line := range strings.Lines(b.String()) {
		if t.err == nil {
			_, t.err = fmt.Fprintln(t.w, strings.TrimRight(line, " \n"))
		}
	}
}

// arms calls each with every arm of every run.
func (s *Summary) arms(each func(*Arm)) {
	for i := range s.Runs {
		for j := range s.Runs[i].Arms {
			each(&s.Runs[i].Arms[j])
		}
	}
}

func workHead() []string {
	return []string{"target", "requests", "ok", "starts/s", "answers/s", "tokens/s", "events/s", "token source"}
}

func workRows(s Summary) [][]string {
	var rows [][]string
	s.arms(func(a *Arm) {
		p := &a.Throughput
		rows = append(rows, []string{
			a.Label, fmt.Sprint(a.Requests), fmt.Sprint(a.OK), perSecond(a.AchievedHz), perSecond(p.AnswersPerSecond),
			perSecond(p.TokensPerSecond), perSecond(p.EventsPerSecond), orUnknown(tokenSource(p)),
		})
	})
	return rows
}

func transportHead() []string {
	return []string{"target", "protocol", "connected", "reused", "retried silently", "coalesced"}
}

// transportRows has a row for each arm whose requests tell their connections.
func transportRows(s Summary) [][]string {
	var rows [][]string
	s.arms(func(a *Arm) {
		t := &a.Transport
		if t.Connected == 0 {
			return
		}
		protocols := slices.Sorted(maps.Keys(t.Protocols))
		rows = append(rows, []string{
			a.Label, orUnknown(strings.Join(protocols, ", ")), fmt.Sprint(t.Connected), share(t.Reused, t.Connected),
			fmt.Sprint(t.Retried), share(t.Coalesced, t.Events),
		})
	})
	return rows
}

// share prints a part of a whole.
func share(part, whole int) string {
	if whole == 0 {
		return chart.Unknown
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

func perSecond(x float64) string {
	if x == 0 {
		return chart.Unknown
	}
	return fmt.Sprintf("%.1f", x)
}

func orUnknown(text string) string {
	if text == "" {
		return chart.Unknown
	}
	return text
}

func latencyHead() []string {
	return []string{"target", "measure", "P50", "P95", "P99", "sent: P50", "P95", "P99", "own error"}
}

// latencyRows has a row for each measure of each arm; of the family "ok" only
// where it differs, in arms with failures.
func latencyRows(s Summary, all bool) [][]string {
	var lines [][]string
	s.arms(func(a *Arm) {
		if !all && a.OK == a.Requests {
			return
		}
		head := a.Label
		for _, m := range rows() {
			user := a.find(m)
			if user.N == 0 {
				continue
			}
			row := append([]string{head, nameOf(m)}, three(user, all)...)
			if service, ok := m.Service(); ok {
				row = append(row, three(a.find(service), all)...)
			} else {
				row = append(row, "", "", "")
			}
			lines, head = append(lines, append(row, measurerError(user))), ""
		}
	})
	return lines
}

// nameOf names a measure for people.
func nameOf(m sample.Measure) string {
	d, _ := sample.Define(string(m))
	return d.Name
}

func three(m Measure, all bool) []string {
	q, failed := m.All, m.Failed
	if !all {
		q, failed = m.OK, 0
	}
	if m.N-m.Failed == 0 && !all || m.N == 0 {
		return []string{chart.Unknown, chart.Unknown, chart.Unknown}
	}
	return []string{latency(q.P50, failed), latency(q.P95, failed), latency(q.P99, failed)}
}

// latency prints a quantile; one among failures says how many there are.
func latency(l summary.Latency, failed int) string {
	took, finite := l.Duration()
	if !finite {
		return fmt.Sprintf("∞ (%d failed)", failed)
	}
	return chart.Duration(float64(took))
}

func measurerError(m Measure) string {
	if m.ErrorP99NS == 0 {
		return ""
	}
	return "± " + chart.Duration(float64(m.ErrorP99NS))
}

func failureHead() []string { return []string{"target", "class", "phase", "count", "first message"} }

func failureRows(s Summary) [][]string {
	var lines [][]string
	s.arms(func(a *Arm) {
		for _, f := range a.Failures {
			lines = append(lines, []string{a.Label, string(f.Class), orUnknown(string(f.Phase)), fmt.Sprint(f.Count), said(f)})
		}
	})
	return lines
}

// said is the first failure's code and message, fit for a terminal.
func said(f summary.Failure) string {
	text := f.Message
	if f.Code != "" {
		text = strings.TrimSuffix(f.Code+": "+text, ": ")
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	const most = 80
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most-1]) + "…"
	}
	return orUnknown(text)
}

func goodputHead() []string {
	return []string{"target", "good", "attempted", "good fraction", "good/s", "good tokens/s"}
}

func goodputRows(s Summary) [][]string {
	var lines [][]string
	s.arms(func(a *Arm) {
		g := a.Goodput
		switch {
		case g == nil:
		case g.Unknown != "":
			lines = append(lines, []string{a.Label, chart.Unknown, fmt.Sprint(g.Attempted), g.Unknown, "", ""})
		default:
			lines = append(lines, []string{
				a.Label, fmt.Sprint(g.Good), fmt.Sprint(g.Attempted), fmt.Sprintf("%.2f %%", 100*g.Fraction),
				perSecond(g.GoodPerSecond), perSecond(g.TokensPerSecond),
			})
		}
	})
	return lines
}

// limits writes the SLOs, and where they come from.
func limits(s Summary) string {
	var parts []string
	for _, slo := range s.SLOs {
		parts = append(parts, fmt.Sprintf("%s ≤ %s", slo.Measure, chart.Duration(float64(slo.LimitNS))))
	}
	text := strings.Join(parts, ", ")
	if s.Preset != "" {
		text += " (" + s.Preset + ", of which MLPerf asks that the P99 keep each)"
	}
	return text
}

func (t *tables) formulas(s Summary) {
	if t.err == nil {
		_, t.err = fmt.Fprintln(t.w, "\nformulas")
	}
	var lines [][]string
	for _, f := range s.shown() {
		lines = append(lines, []string{"  " + f.Name, f.Formula})
	}
	t.align(lines)
}

// shown are the formulas of the measures that the table has rows for; those of
// the service clock are the same from the send.
func (s *Summary) shown() []Formula {
	wanted := map[string]bool{}
	for _, m := range rows() {
		d, _ := sample.Define(string(m))
		wanted[also(d)] = true
	}
	var some []Formula
	for _, f := range s.Formulas {
		name, _, _ := strings.Cut(f.Name, " (")
		if _, measure := sample.Define(name); !measure || wanted[f.Name] {
			some = append(some, f)
		}
	}
	return append(some, Formula{"sent:", "the same from the send instead of the intended start"})
}

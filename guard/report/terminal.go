package report

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
	"golang.org/x/term"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// textWidth is where sentences are broken; tables may reach 120 columns.
const textWidth = 100

// An Option changes how Terminal writes.
type Option func(*screen)

// Colours writes with colours, whatever the writer is.
func Colours() Option { return func(s *screen) { s.colour = true } }

// Terminal writes the tables and then the verdict, which so stays in sight. It
// uses colours where w is a terminal and no option says otherwise.
func Terminal(w io.Writer, v judge.Verdict, options ...Option) error {
	s := &screen{w: w}
	if file, ok := w.(*os.File); ok {
		s.colour = term.IsTerminal(int(file.Fd()))
	}
	for _, option := range options {
		option(s)
	}
	s.table(workTable(&v))
	s.list(broken(&v))
	s.table(latencyTable(&v))
	s.table(scaledTable(&v))
	s.table(metricTable(&v))
	s.list(reasons(&v))
	s.para("", shortly(&v), "")
	s.line("")
	s.verdict(&v)
	return s.err
}

// A screen writes lines and keeps the first error.
type screen struct {
	w      io.Writer
	colour bool
	err    error
}

func (s *screen) line(text string) {
	if s.err == nil {
		_, s.err = fmt.Fprintln(s.w, text)
	}
}

// The colours of a terminal, by tone.
const (
	red, green, yellow, grey = "31", "32", "33", "90"
	bold                     = "1"
)

func (s *screen) paint(colour, text string) string {
	if !s.colour || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func colourOf(t chart.Tone) string {
	switch t {
	case chart.Worse:
		return red
	case chart.Fine:
		return green
	case chart.Open:
		return yellow
	case chart.Plain:
		return grey
	}
	return ""
}

func (s *screen) table(t table) {
	if len(t.Rows) == 0 || s.err != nil {
		return
	}
	s.line(s.paint(bold, t.Title))
	align := make([]tw.Align, len(t.Head))
	for i := range align {
		align[i] = tw.AlignRight
		if i < t.Names {
			align[i] = tw.AlignLeft
		}
	}
	out := tablewriter.NewTable(s.w,
		tablewriter.WithRenderer(renderer.NewBlueprint(quiet())),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off),
	)
	out.Header(t.Head)
	for _, r := range t.Rows {
		if err := out.Append(s.cells(t, r)); err != nil {
			s.err = fmt.Errorf("report: %w", err)
			return
		}
	}
	if err := out.Render(); err != nil {
		s.err = fmt.Errorf("report: %w", err)
		return
	}
	s.line("")
}

// quiet is a table of a line under its head and air between its columns.
func quiet() tw.Rendition {
	return tw.Rendition{
		Borders: tw.BorderNone,
		Symbols: tw.NewSymbols(tw.StyleLight),
		Settings: tw.Settings{
			Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off},
			Lines:      tw.Lines{ShowHeaderLine: tw.On},
		},
	}
}

// longestCell is the widest a name may be, so that no table passes 120 columns.
const longestCell = 39

func (s *screen) cells(t table, r row) []string {
	cells := make([]string, len(r.Cells))
	for i, cell := range r.Cells {
		cells[i] = shorten(printable(cell), longestCell)
		if t.Head[i] == verdictColumn {
			cells[i] = s.paint(colourOf(r.Tone), cells[i])
		}
	}
	return cells
}

// printable removes what would drive a terminal instead of standing on it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
}

func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

func (s *screen) list(facts []fact) {
	for _, f := range facts {
		s.para("  "+f.Name+": ", f.Value, "    ")
	}
	if len(facts) > 0 {
		s.line("")
	}
}

// para writes text after first, broken into lines that begin with indent.
func (s *screen) para(first, text, indent string) {
	line := printable(first)
	start := true
	for word := range strings.FieldsSeq(printable(text)) {
		if !start && !isUnit(word) && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > textWidth {
			s.line(line)
			line, start = indent, true
		}
		if !start {
			line += " "
		}
		line, start = line+word, false
	}
	s.line(line)
}

// isUnit tells a word that may not be torn from the number before it.
func isUnit(word string) bool {
	switch strings.Trim(word, ".,;:)") {
	case "%", "ns", "µs", "ms", "s", "points", "/s":
		return true
	}
	return false
}

// verdict is the last and most important part.
func (s *screen) verdict(v *judge.Verdict) {
	const indent = "          "
	s.line(s.paint(bold+";"+decisionColour(v.Decision), printable(string(v.Decision))) + printable(reason(v)))
	for _, sentence := range v.Summary {
		s.para("  ", sentence, "  ")
	}
	if v.More > 0 {
		s.para("  ", more(v), "  ")
	}
	s.line("")
	for _, f := range standingBehind(v) {
		s.para(fmt.Sprintf("%-*s", len(indent), f.Name), f.Value, indent)
	}
}

func decisionColour(d judge.Decision) string {
	switch d {
	case judge.Promote:
		return green
	case judge.Rollback:
		return red
	}
	return yellow
}

func reason(v *judge.Verdict) string {
	if v.Reason == "" {
		return ""
	}
	return " · " + string(v.Reason)
}

func more(v *judge.Verdict) string {
	return fmt.Sprintf("About %d more requests per arm would decide.", v.More)
}

// standingBehind is what a short report says beside the decision.
func standingBehind(v *judge.Verdict) []fact {
	all := append([]fact{{"claim", v.Guarantee}, {"of", v.Unit}}, controls(v)...)
	all = append(all, []fact{
		{"work", sameWork(v)},
		{"valid", validity(v) + "; " + measurerError(v)},
		{"run", ranAs(v)},
		{"machine", machine(v.Run.Machine)},
	}...)
	for _, warning := range v.Warnings {
		all = append(all, fact{"warning", warning})
	}
	for _, warning := range v.Validity.Warnings {
		if !slices.Contains(v.Warnings, warning) {
			all = append(all, fact{"note", warning})
		}
	}
	kept := all[:0]
	for _, f := range all {
		if f.Value != "" {
			kept = append(kept, f)
		}
	}
	return kept
}

// ranAs says how the run was made; traffic that came of itself has no seed.
func ranAs(v *judge.Verdict) string {
	d, blocks := v.Run.Dataset, fmt.Sprintf("%d blocks of %s", v.Blocks, design(v))
	if byHistory(v) {
		blocks = "one run, judged by its history"
	}
	if d.Hash == "" {
		return blocks + ", of traffic that came of itself"
	}
	return fmt.Sprintf("seed %d, dataset %s (%d items, SHA-256 %s), %s, %d requests of warm-up before each turn left out",
		v.Run.Seed, d.Name, d.Items, d.Hash, blocks, v.Run.Schedule.Warmup)
}

func design(v *judge.Verdict) string { return string(v.Design) + " load (" + mode(v) + ")" }

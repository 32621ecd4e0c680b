package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// summaryLimit is what a GitHub step summary may hold (1 MiB) with some air.
const summaryLimit = 1<<20 - 4096

// Markdown writes the verdict for $GITHUB_STEP_SUMMARY, at most 1 MiB of it:
// what does not fit are rows, never the verdict.
func Markdown(w io.Writer, v judge.Verdict) error {
	p := &page{left: summaryLimit}
	p.verdict(&v)
	p.table(metricTable(&v))
	p.list(reasons(&v))
	p.table(controlsTable(&v))
	p.table(workTable(&v))
	p.list(broken(&v))
	p.table(latencyTable(&v))
	p.table(scaledTable(&v))
	p.details("What stands behind this", append(standingBehind(&v), facts(&v)...))
	p.details("Formulas", formulaFacts(&v))
	if p.omitted > 0 {
		fmt.Fprintf(&p.out, "\n_%d more lines did not fit: the whole is in the verdict file._\n", p.omitted)
	}
	if _, err := io.WriteString(w, p.out.String()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func formulaFacts(v *judge.Verdict) []fact {
	var all []fact
	for _, m := range formulas(v) {
		all = append(all, fact{m.name, m.formula})
	}
	return all
}

// A page gathers lines while they fit.
type page struct {
	out     strings.Builder
	left    int
	omitted int
}

// add writes the line if it fits and counts it if not.
func (p *page) add(line string) bool {
	if len(line)+1 > p.left {
		p.omitted++
		return false
	}
	p.left -= len(line) + 1
	p.out.WriteString(line)
	p.out.WriteByte('\n')
	return true
}

// longestText bounds one piece of text, so that no sentence can push out the
// verdict.
const (
	longestText   = 2000
	mostSentences = 20
)

func (p *page) verdict(v *judge.Verdict) {
	p.add("## " + sign(v.Decision) + " " + escape(string(v.Decision)) + escape(reason(v)))
	p.add("")
	for i, sentence := range v.Summary {
		if i == mostSentences {
			p.omitted += len(v.Summary) - i
			break
		}
		p.add(escape(sentence))
		p.add("")
	}
	if v.More > 0 {
		p.add(more(v))
		p.add("")
	}
	p.add("**" + escape(v.Guarantee) + "**" + prefixed(" It speaks of: ", escape(v.Unit)))
	p.add("")
}

func sign(d judge.Decision) string {
	switch d {
	case judge.Promote:
		return "🟢"
	case judge.Rollback:
		return "🔴"
	case judge.Hold:
		return "🟡"
	}
	return "⚪"
}

func (p *page) table(t table) {
	if len(t.Rows) == 0 {
		return
	}
	p.add("### " + t.Title)
	p.add("")
	rule := make([]string, len(t.Head))
	for i := range rule {
		rule[i] = "--:"
		if i < t.Names {
			rule[i] = "---"
		}
	}
	if !p.add("| "+strings.Join(t.Head, " | ")+" |") || !p.add("| "+strings.Join(rule, " | ")+" |") {
		p.omitted += len(t.Rows)
		return
	}
	for _, r := range t.Rows {
		cells := make([]string, len(r.Cells))
		for i, cell := range r.Cells {
			cells[i] = escape(cell)
			if t.Head[i] == verdictColumn && r.Tone == chart.Worse {
				cells[i] = "**" + cells[i] + "**"
			}
		}
		p.add("| " + strings.Join(cells, " | ") + " |")
	}
	p.add("")
}

func (p *page) list(facts []fact) {
	for _, f := range facts {
		p.add("- **" + escape(f.Name) + "**: " + escape(f.Value))
	}
	if len(facts) > 0 {
		p.add("")
	}
}

func (p *page) details(title string, facts []fact) {
	p.add("<details><summary>" + title + "</summary>")
	p.add("")
	p.list(facts)
	p.add("</details>")
	p.add("")
}

// escape makes text of others harmless in Markdown: no markup, no table cell,
// no mention, no line of its own.
func escape(text string) string {
	text = shorten(printable(text), longestText)
	var b strings.Builder
	for _, r := range text {
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '@':
			b.WriteString("&#64;")
		case '\\', '`', '*', '_', '[', ']', '|', '~', '#', '!', '$':
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

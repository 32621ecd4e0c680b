package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// mostAnnotations is how many of one level GitHub shows of a step
// (docs.github.com, "Workflow commands", limits of annotations).
const mostAnnotations = 10

// Annotations writes the verdict as workflow commands, which GitHub shows beside
// the files of a change: the decision, and each metric that is worse. A rollback
// and no data are errors, a hold is a warning; only a promotion is a notice.
func Annotations(w io.Writer, v judge.Verdict) error {
	level := "error"
	switch v.Decision {
	case judge.Promote:
		level = "notice"
	case judge.Hold:
		level = "warning"
	}
	var out strings.Builder
	annotate(&out, level, "firstbyte: "+string(v.Decision)+reason(&v), join(" ", v.Summary...))
	left := mostAnnotations - 1
	for _, m := range v.Metrics {
		if m.Gating && !m.DryRun && m.Standing == judge.Worse && left > 0 {
			left--
			annotate(&out, level, "firstbyte: "+m.Name, join("; ", fmt.Sprintf("change %s, bounds %s, tolerated %s", effect(m), bounds(m), tolerated(m)), m.Why, limit(m)))
		}
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// annotate writes one command on a line of its own. No text of others can begin
// another command: what it is made of is escaped as the runner reads it
// (github.com/actions/toolkit, packages/core/src/command.ts).
func annotate(out *strings.Builder, level, title, message string) {
	message = shorten(printable(message), longestText)
	title = shorten(printable(title), longestText)
	fmt.Fprintf(out, "::%s title=%s::%s\n", level, properties.Replace(title), messages.Replace(message))
}

var (
	messages   = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	properties = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// Package report renders a verdict for people and machines: on the terminal, as
// Markdown for a step summary, as one self-contained HTML page, as JSON, as a JUnit
// file and as annotations of a GitHub workflow.
//
// Every rendering shows the verdict and nothing else: no number here is
// computed from anything but the verdict file, so a report can be made again
// from it at any time. Every number carries its unit, every report the formulas
// of what it shows, the seed, the dataset and what the error rates speak of. A
// quantile that falls among failures is printed as ∞ (k failed).
package report

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// JSON writes the verdict itself, indented.
func JSON(w io.Writer, v judge.Verdict) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

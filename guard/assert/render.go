package assert

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
)

// notes are what a reader must know before believing any of it.
func (c *check) notes() []string {
	var notes []string
	if c.Point {
		notes = append(notes, "--point compares values as they are: at the limit that is wrong half of the time, whatever the number of requests; the bounds show by how much a value may be off")
	} else {
		notes = append(notes, fmt.Sprintf("bounds hold one at a time in %g %% of such runs, requests taken as independent: they speak of the processes that were measured", 100*(1-c.Alpha)))
	}
	if c.run.run.Header.Schedule.Kind != "closed" && c.Topic == Throughput {
		notes = append(notes, "open loop: throughput is the schedule's until the target cannot follow; achieved says whether it did")
	}
	if c.Request.Baseline != nil {
		notes = append(notes, "one run per side: no causal claim is possible; the change is that between two processes at two times, whatever else changed with them")
		if c.RunSpread > 0 && !c.Point {
			notes = append(notes, fmt.Sprintf("runs of the same build are taken to differ by %g %% (standard deviation), as --run-spread says; that was not measured here", 100*c.RunSpread))
		}
	}
	if text := simulated(&c.run.run.Header); text != "" {
		notes = append(notes, "simulated: "+text)
	}
	notes = append(notes, c.run.measuredNotes()...)
	if c.Request.Baseline != nil {
		notes = append(notes, c.baseline.measuredNotes()...)
	}
	return slices.Compact(notes)
}

// JSON writes the report, indented.
func (r Report) JSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	if err := out.Encode(r); err != nil {
		return fmt.Errorf("assert: %w", err)
	}
	return nil
}

// Text writes the report for people: a line for each assertion.
func (r Report) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s, %d of %d requests succeeded\n", r.Run.Arm, r.Run.Name, r.Run.OK, r.Run.Attempts)
	if r.Baseline != nil {
		fmt.Fprintf(&b, "over %s of %s, %d of %d requests succeeded\n", r.Baseline.Arm, r.Baseline.Name, r.Baseline.OK, r.Baseline.Attempts)
	}
	for _, d := range r.Differences {
		fmt.Fprintf(&b, "%s: %s, baseline: %s%s\n", d.What, d.Run, d.Baseline, map[bool]string{true: " (allowed)"}[d.Allowed])
	}
	b.WriteString("\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "assertion\tverdict\tobserved\tbounds\tn")
	for _, one := range r.Results {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\n", one.name(), one.Verdict, one.observed(), one.bounds(), one.N)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	b.WriteString("\n")
	for _, one := range r.Results {
		if one.Why != "" {
			fmt.Fprintf(&b, "%s: %s\n", one.Assertion, one.Why)
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	fmt.Fprintf(&b, "\n%s\n", strings.ToUpper(string(r.Verdict)))
	_, err := io.WriteString(w, printable(b.String()))
	return err
}

// printable removes what would drive a terminal instead of standing on it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

func (r Result) name() string {
	if r.assertion.floor {
		return r.Assertion + " (floor)"
	}
	return r.Assertion
}

func (r Result) observed() string { return r.text(float64(r.Observed)) }

func (r Result) bounds() string {
	switch {
	case r.Exact:
		return "exact"
	case math.IsNaN(float64(r.Lower)) && math.IsNaN(float64(r.Upper)):
		return chart.Unknown
	}
	return "[" + r.text(float64(r.Lower)) + ", " + r.text(float64(r.Upper)) + "]"
}

func (r Result) text(x float64) string {
	u := r.assertion.Quantity.measure.unit
	switch {
	case r.assertion.operator != improves:
		return valueText(u, x)
	case u == share:
		return chart.Points(x)
	}
	return chart.Change(1 + x)
}

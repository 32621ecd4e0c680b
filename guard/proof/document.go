package proof

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Results are figures of cells, each at most once, in the order in which they
// were simulated.
type Results []Result

// Find returns the result of a cell.
func (rs Results) Find(goal, cell string) (Result, bool) {
	i := slices.IndexFunc(rs, func(r Result) bool { return r.Goal == goal && r.Cell == cell })
	if i < 0 {
		return Result{}, false
	}
	return rs[i], true
}

// Put adds r in place of an earlier result of its cell.
func (rs Results) Put(r Result) Results {
	rs = slices.DeleteFunc(slices.Clone(rs), func(old Result) bool { return old.Goal == r.Goal && old.Cell == r.Cell })
	return append(rs, r)
}

// line is a Result in JSON, where infinity is null.
type line struct {
	Goal        string   `json:"goal"`
	Cell        string   `json:"cell"`
	Value       *float64 `json:"value"`
	Error       *float64 `json:"standard_error"`
	Repetitions int      `json:"repetitions"`
	Tool        string   `json:"tool"`
}

// Write writes results as JSON Lines.
func (rs Results) Write(w io.Writer) error {
	out := json.NewEncoder(w)
	for _, r := range rs {
		l := line{Goal: r.Goal, Cell: r.Cell, Value: finite(r.Value), Error: finite(r.Error), Repetitions: r.Repetitions, Tool: r.Tool}
		if err := out.Encode(l); err != nil {
			return fmt.Errorf("proof: %w", err)
		}
	}
	return nil
}

func finite(x float64) *float64 {
	if math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func orInfinite(x *float64) float64 {
	if x == nil {
		return math.Inf(1)
	}
	return *x
}

// ReadResults reads what Write wrote.
func ReadResults(r io.Reader) (Results, error) {
	var rs Results
	in := json.NewDecoder(bufio.NewReader(r))
	in.DisallowUnknownFields()
	for {
		var l line
		switch err := in.Decode(&l); {
		case errors.Is(err, io.EOF):
			return rs, nil
		case err != nil:
			return nil, fmt.Errorf("result %d: %w", len(rs)+1, err)
		case l.Goal == "" || l.Cell == "" || l.Repetitions < 1:
			return nil, fmt.Errorf("result %d lacks its goal, its cell or its repetitions", len(rs)+1)
		}
		f := Figure{Value: orInfinite(l.Value), Error: orInfinite(l.Error), Repetitions: l.Repetitions}
		rs = append(rs, Result{Goal: l.Goal, Cell: l.Cell, Figure: f, Tool: l.Tool})
	}
}

// An Outcome is how a goal stands.
type Outcome struct {
	Goal
	Met, Missed, Open int // cells with a bound; Open have no result
}

// String is one word and how many cells it speaks of.
func (o Outcome) String() string {
	n := o.Met + o.Missed + o.Open
	switch {
	case o.Elsewhere != "":
		return o.Elsewhere
	case o.Missed > 0:
		return fmt.Sprintf("MISSED in %d of %d", o.Missed, n)
	case o.Open > 0:
		return fmt.Sprintf("%d of %d not simulated", o.Open, n)
	}
	return "met"
}

// Judge compares results with the bounds of goals.
func (rs Results) Judge(goals []Goal) []Outcome {
	var out []Outcome
	for _, g := range goals {
		o := Outcome{Goal: g}
		for _, c := range g.Cells {
			switch r, ok := rs.Find(g.Name, c.Name); {
			case c.Bound == unbounded:
			case !ok:
				o.Open++
			case c.Met(r.Value):
				o.Met++
			default:
				o.Missed++
			}
		}
		out = append(out, o)
	}
	return out
}

const preamble = `# What the judge's claims are worth

Written by ` + "`firstbyte proof --out docs/proof.md`" + ` (` + "`make proof`" + `) and only ever by it.

Each figure comes of repeating one simulated comparison many times. The seed of a
cell is the SHA-256 of its goal's and its own name, and each repetition has its own
stream of random numbers, so nobody chose one and the number of processors does
not matter. The bounds were set before anything was measured. A figure meets its bound as
it stands; a bound of 100 % was given in whole percents and means 99.5. The standard
error is that of the simulation: a figure may be off by twice as much.

The worlds: latencies are lognormal (sigma .5) or bimodal (nine in ten about 400 ms,
the rest about 2.5 s, sigma .25 each). *rho* is the share of the variance of log latency
that lies between items and is the same in both arms (in the bimodal world: of the
normal variate behind the latency, by whose quantiles it is mapped). *Autocorrelated*: what
is left is an AR(1) process in each arm. *Shared drift*: a fifth of the variance is an
AR(1) process with coefficient .99 that both halves of a pair see. *Restart*: each
process carries a log-normal factor of its own. *n* is pairs, or requests per arm.
`

// Document writes the table of goals and the comparison with other rules.
func Document(w io.Writer, goals []Goal, rivals []Rival, rs Results) error {
	var b strings.Builder
	b.WriteString(preamble)
	b.WriteString("\n## Goals\n\n| goal | asks | outcome |\n|---|---|---|\n")
	for _, o := range rs.Judge(goals) {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", o.Name, o.Asks, o)
	}
	b.WriteString("\n## Figures\n")
	for _, o := range rs.Judge(goals) {
		o.write(&b, rs)
	}
	writeRivals(&b, rivals, rs)
	writeRegressions(&b)
	fmt.Fprintf(&b, "\nMeasured by %s.\n", strings.Join(rs.tools(), ", "))
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("proof: %w", err)
	}
	return nil
}

func (rs Results) tools() []string {
	var tools []string
	for _, r := range rs {
		tools = append(tools, "firstbyte "+r.Tool)
	}
	slices.Sort(tools)
	return slices.Compact(tools)
}

func (o Outcome) write(b *strings.Builder, rs Results) {
	fmt.Fprintf(b, "\n### %s\n\n%s.\n", o.Name, capital(o.Asks))
	if o.Note != "" {
		fmt.Fprintf(b, "\n%s\n", o.Note)
	}
	for i, t := range o.Tests {
		head := map[bool]string{true: "\n"}[i == 0]
		fmt.Fprintf(b, "%s- `%s` in [%s](../%s)\n", head, t.Func, t.File, t.File)
	}
	if o.Elsewhere != "" {
		fmt.Fprintf(b, "\n%s.\n", capital(o.Elsewhere))
	}
	if len(o.Cells) == 0 {
		return
	}
	fmt.Fprintf(b, "\nBy %s.\n\n| cell | bound | measured | s.e. | repetitions | |\n|---|---|---|---|---|---|\n", o.Path)
	for _, c := range o.Cells {
		r, ok := rs.Find(o.Name, c.Name)
		if !ok {
			fmt.Fprintf(b, "| %s | %s | | | | not simulated |\n", c.Name, c.In(c.unit()))
			continue
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %d | %s |\n", c.Name, c.In(c.unit()),
			c.Kind.print(r.Value), c.Kind.print(r.Error), r.Repetitions, c.met(r.Value))
	}
}

func (c Cell) met(x float64) string {
	switch {
	case c.Bound == unbounded:
		return "shown"
	case c.Met(x):
		return "met"
	}
	return "MISSED"
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (c Cell) unit() string {
	switch {
	case c.Unit != "":
		return c.Unit
	case c.Kind == Percent:
		return "%"
	case c.Kind == Points:
		return "points"
	}
	return "pairs"
}

// print writes a figure with as many digits as its error leaves.
func (k Kind) print(x float64) string {
	switch {
	case math.IsInf(x, 1):
		return "never"
	case k == Percent || k == Points:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// Package export renders run files: as a table for a terminal, as JSON, per
// request as CSV and JSON Lines, as an HdrHistogram log, as Go benchmark text
// and as a page of HTML.
//
// Every rendering is a function of the run files alone, of one or of several
// side by side. Two families of quantiles stand in all of them (measuring.md
// 1.3): "all" over all attempts, in which a failure is infinitely slow, and "ok"
// over the successes.
package export

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// Schema names the JSON of [Summary] and its version.
const Schema = "firstbyte.summary/1"

// An Input is a run with the name that it is shown under, its file's.
type Input struct {
	Name string
	Run  *sample.Run
}

// Options say what is asked of the runs.
type Options struct {
	SLOs   []summary.SLO
	Preset string // where the SLOs come from, if from a preset
}

// A Summary is what one or more runs show, as numbers.
type Summary struct {
	Schema   string        `json:"schema"`
	SLOs     []summary.SLO `json:"slos,omitempty"`
	Preset   string        `json:"slo_preset,omitzero"`
	Runs     []Run         `json:"runs"`
	Formulas []Formula     `json:"formulas"` // of every name used
}

// A Formula says how a number comes about.
type Formula struct {
	Name    string `json:"name"`
	Formula string `json:"formula"`
}

// A Run is one run file.
type Run struct {
	File      string           `json:"file"`
	Tool      string           `json:"tool"`
	StartedAt string           `json:"started_at"`
	Seed      uint64           `json:"seed"`
	Dataset   sample.Dataset   `json:"dataset"`
	Schedule  sample.Schedule  `json:"schedule"`
	Design    sample.Design    `json:"design"`
	Blocks    int              `json:"blocks"`
	Dialect   string           `json:"dialect"`
	Model     string           `json:"model"`
	Machine   sample.Machine   `json:"machine"`
	Source    string           `json:"source,omitzero"`
	Lacks     []sample.Measure `json:"lacks,omitempty"`
	Stopped   string           `json:"stopped,omitzero"`
	Validity  sample.Validity  `json:"validity"`
	Arms      []Arm            `json:"arms"`
}

// An Arm is one side of a run, without its warm-up.
type Arm struct {
	Label      string             `json:"label"` // the arm's name, with the file's before it among several runs
	Name       string             `json:"name"`
	Target     string             `json:"target,omitzero"`
	Requests   int                `json:"requests"` // attempted
	OK         int                `json:"ok"`
	IntendedHz float64            `json:"intended_hz,omitzero"`
	AchievedHz float64            `json:"achieved_hz,omitzero"`
	Throughput summary.Throughput `json:"throughput"`
	Transport  summary.Transport  `json:"transport"`
	Goodput    *summary.Goodput   `json:"goodput,omitempty"`
	Failures   []summary.Failure  `json:"failures,omitempty"`
	Measures   []Measure          `json:"measures"`

	histograms map[sample.Measure]*summary.Histogram
}

// A Measure is one measure of an arm.
type Measure struct {
	Measure sample.Measure `json:"measure"`
	Clock   sample.Clock   `json:"clock"`
	N       int            `json:"n"`      // attempts that have the measure, failures included
	Failed  int            `json:"failed"` // of them
	All     Quantiles      `json:"all"`    // a failure is infinitely slow ("adj")
	OK      Quantiles      `json:"ok"`     // of the successes
	// ErrorP99NS is the measurer's own error, by calibration just before the run;
	// 0: not known.
	ErrorP99NS int64 `json:"measurer_error_p99_ns,omitzero"`
}

// Quantiles are points of a distribution; the extremes are exact, the others
// within summary.Precision.
type Quantiles struct {
	Min  summary.Latency `json:"min_ns"`
	P50  summary.Latency `json:"p50_ns"`
	P90  summary.Latency `json:"p90_ns"`
	P95  summary.Latency `json:"p95_ns"`
	P99  summary.Latency `json:"p99_ns"`
	P999 summary.Latency `json:"p999_ns"`
	Max  summary.Latency `json:"max_ns"`
}

// Summarise reads everything off the runs.
func Summarise(inputs []Input, o Options) Summary {
	s := Summary{Schema: Schema, SLOs: o.SLOs, Preset: o.Preset}
	used := map[sample.Measure]bool{}
	for i := range inputs {
		run := summariseRun(inputs, i, o)
		for _, arm := range run.Arms {
			for _, m := range arm.Measures {
				used[m.Measure] = true
			}
		}
		s.Runs = append(s.Runs, run)
	}
	for _, d := range sample.Definitions() {
		if used[d.Measure] {
			s.Formulas = append(s.Formulas, Formula{also(d), d.Formula})
		}
	}
	s.Formulas = append(s.Formulas, counted(len(o.SLOs) > 0)...)
	return s
}

// also names a measure with the field's usual name beside its own.
func also(d sample.Definition) string {
	if d.Also == "" {
		return string(d.Measure)
	}
	return string(d.Measure) + " (" + d.Also + ")"
}

// counted are the formulas of what is counted and not timed.
func counted(goodput bool) []Formula {
	all := []Formula{
		{"all", "quantiles over all attempts, a failure being infinitely slow: the value of rank ⌈p·n⌉"},
		{"ok", "the same over the successful requests alone"},
		{"answers/s", "successful requests / window"},
		{"tokens/s", "output tokens of successful requests / window, counted by whom the token source says"},
		{"events/s", "content events, of failed requests too / window"},
		{"reused", "requests on a connection that stood already / requests that got one"},
		{"coalesced", "content events that came in the same Read as the one before / content events: their gaps are 0"},
		{"window", "first measured intended start to last measured end, turns of an arm added up"},
	}
	if goodput {
		all = append(all,
			Formula{"good", "succeeded within every limit, on the user clock unless the limit's name says _service"},
			Formula{"good fraction", "good / attempted, failures included"},
			Formula{"good/s", "good / window"},
			Formula{"good tokens/s", "output tokens of good requests / window"},
		)
	}
	return all
}

func summariseRun(inputs []Input, at int, o Options) Run {
	in := inputs[at]
	h, t := &in.Run.Header, &in.Run.Trailer
	run := Run{
		File: in.Name, Tool: h.Tool, StartedAt: h.StartedAt, Seed: h.Seed, Dataset: h.Dataset, Schedule: h.Schedule,
		Design: h.Design, Blocks: h.Blocks, Dialect: h.Dialect, Model: h.Model, Machine: h.Machine,
		Source: h.Source, Lacks: h.Lacks, Stopped: t.Stopped, Validity: t.Validity,
	}
	for i, d := range summary.Details(in.Run) {
		arm := summariseArm(d, &t.Validity)
		arm.Label, arm.Target = Label(inputs, at, d.Arm), h.Arms[i].Target
		if len(o.SLOs) > 0 {
			g := summary.GoodputOf(in.Run, d.Arm, o.SLOs)
			arm.Goodput = &g
		}
		run.Arms = append(run.Arms, arm)
	}
	return run
}

// Label names an arm of the run at that place; among several runs by its file,
// too, and by the way to it where two files have one name.
func Label(inputs []Input, at int, arm string) string {
	if len(inputs) == 1 {
		return arm
	}
	name := filepath.Base(inputs[at].Name)
	for i := range inputs {
		if i != at && filepath.Base(inputs[i].Name) == name {
			name = inputs[at].Name
		}
	}
	for _, end := range []string{".gz", ".jsonl", ".run"} {
		name = strings.TrimSuffix(name, end)
	}
	return name + ":" + arm
}

func summariseArm(d summary.Detail, v *sample.Validity) Arm {
	arm := Arm{
		Name: d.Arm, Requests: d.Requests, OK: d.OK, IntendedHz: d.IntendedHz, AchievedHz: d.AchievedHz,
		Throughput: d.Throughput, Transport: d.Transport, Failures: d.Failures, histograms: d.Histograms,
	}
	for _, def := range sample.Definitions() {
		h := d.Histograms[def.Measure]
		if h == nil {
			continue
		}
		arm.Measures = append(arm.Measures, Measure{
			Measure: def.Measure, Clock: def.Clock, N: h.N(), Failed: h.Failed(),
			All: quantiles(h), OK: quantiles(h.Successes()), ErrorP99NS: v.Error[def.Measure].P99,
		})
	}
	return arm
}

func quantiles(h *summary.Histogram) Quantiles {
	return Quantiles{
		Min: h.Min(), P50: h.Quantile(.5), P90: h.Quantile(.9), P95: h.Quantile(.95),
		P99: h.Quantile(.99), P999: h.Quantile(.999), Max: h.Max(),
	}
}

// find returns a measure of the arm; its N is 0 where no request has it.
func (a *Arm) find(m sample.Measure) Measure {
	i := slices.IndexFunc(a.Measures, func(one Measure) bool { return one.Measure == m })
	if i < 0 {
		return Measure{Measure: m}
	}
	return a.Measures[i]
}

// tokenSource says who counted the tokens, and that a tokenizer's count is an
// estimate.
func tokenSource(t *summary.Throughput) string {
	said := map[string]string{"tokenizer": "tokenizer (estimate)", "": "unknown"}
	var parts []string
	for _, source := range []string{"usage", "tokenizer", "events", ""} {
		n := t.TokenSources[source]
		switch {
		case n == 0:
		case n == t.Answers && source != "":
			return cmp.Or(said[source], source)
		default:
			parts = append(parts, fmt.Sprintf("%s of %d", cmp.Or(said[source], source), n))
		}
	}
	return strings.Join(parts, ", ")
}

// Package compat recomputes the figures of other load generators from the records
// of a run, under their own names.
//
// The same word means different things to different tools (measuring.md 1.7):
// vLLM's ITL is every gap between chunks, AIPerf's is one mean of an answer per
// token; GuideLLM's TPOT includes the first token; inference-perf does not count
// reasoning as a first token. Here stands what each tool would have printed of
// this run, by the formulas of its source, so that figures of two tools can be
// compared without running both. The tools themselves are not run.
//
// All of them take successes alone, from the send, but for MLPerf's LoadGen,
// which counts from the planned start. None says what its client added.
package compat

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// A Value is one figure of a peer; NaN where it would have had nothing to print.
type Value struct {
	Name    string
	Unit    string
	Value   float64
	Formula string
}

// A Report is what a peer would have said of one arm.
type Report struct {
	Peer   string
	Arm    string
	Values []Value
	Notes  []string // where the recomputation differs from the peer
}

// A peer computes its figures from what succeeded and what failed.
type peer struct {
	name    string
	about   string
	compute func(r *records) []Value
	notes   []string
}

func peers() []peer {
	return []peer{
		{"vllm", "vLLM's bench serve", vllm, []string{
			"vLLM's client takes the first chunk with choices, even one that only names the role, for the first token: behind such a server its TTFT is our first_event_service",
			"duration is the arm's window, its turns added up",
		}},
		{"aiperf", "AIPerf", aiperf, []string{
			"AIPerf counts tokens with a tokenizer unless told to use the server's count; here the token source of the run counts",
			"benchmark_duration is that of the arm's turns added up",
		}},
		{"guidellm", "GuideLLM", guidellm, []string{
			"percentiles are interpolated linearly; GuideLLM reads them off a distribution function",
			"its rates weighted by time are left out",
		}},
		{"inference-perf", "inference-perf", inferencePerf, []string{
			"inference-perf gives each token of a chunk the chunk's time by its tokenizer; here a chunk is one token time, so inter_token_latency lacks the zeros within chunks",
			"it takes the first visible text for the first token, and knows none of an answer with a single one",
		}},
		{"mlperf", "MLPerf LoadGen, Server scenario", mlperf, []string{
			"LoadGen knows no failed samples: failures are left out here, which flatters the run",
		}},
	}
}

// Peers lists the names that Recompute knows.
func Peers() []string {
	var names []string
	for _, p := range peers() {
		names = append(names, p.name)
	}
	return names
}

// Known says whether Recompute knows a peer, and which it knows if not.
func Known(name string) error {
	if slices.Contains(Peers(), name) {
		return nil
	}
	return fmt.Errorf("compat %q: want one of %s", name, strings.Join(Peers(), ", "))
}

// Recompute gives the figures of one arm in the words of a peer that is Known.
func Recompute(name string, run *sample.Run, arm string, slos []summary.SLO) Report {
	i := slices.IndexFunc(peers(), func(p peer) bool { return p.name == name })
	p := peers()[i]
	r := &records{slos: slos, window: seconds(summary.Window(arm, summary.Measured(run, arm), run.Trailer.Slots))}
	for _, s := range summary.Measured(run, arm) {
		if r.all = append(r.all, s); s.Outcome == sample.OK {
			r.ok = append(r.ok, s)
		}
	}
	return Report{Peer: p.about, Arm: arm, Values: p.compute(r), Notes: p.notes}
}

// Write prints reports of one peer.
func Write(w io.Writer, reports []Report) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i, r := range reports {
		if i == 0 {
			fmt.Fprintf(t, "\nin the words of %s, recomputed from the records of this run; the tool itself was not run\n", r.Peer)
		}
		fmt.Fprintf(t, "%s\t\t\t\n", r.Arm)
		for _, v := range r.Values {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", v.Name, number(v.Value), v.Unit, v.Formula)
		}
	}
	t.Flush() // into memory: it cannot fail
	if len(reports) > 0 {
		for _, note := range reports[0].Notes {
			fmt.Fprintf(&b, "  %s\n", note)
		}
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// number prints what a peer would have printed, to a thousandth at most.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// A benchScreen shows how a bench goes on: on a terminal in one line, elsewhere
// in a plain line for every tenth of the run.
type benchScreen struct {
	w        io.Writer
	terminal bool
	width    int // of the line that stands on the terminal
	tenth    int
}

func newBenchScreen(w io.Writer, quiet bool) *benchScreen {
	if quiet {
		return &benchScreen{w: io.Discard}
	}
	f, ok := w.(*os.File)
	return &benchScreen{w: w, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

func (s *benchScreen) say(format string, args ...any) {
	s.done()
	fmt.Fprintf(s.w, format+"\n", args...)
}

func (s *benchScreen) progress(p load.Progress) {
	line := fmt.Sprintf("block %d/%d  %d/%d requests  %d failed  %v  %s %s",
		p.Block, p.Blocks, p.Done, p.Planned, p.Failed, p.Elapsed.Round(time.Second), p.Arm, p.Stage)
	if s.terminal {
		fmt.Fprintf(s.w, "\r%-*s", s.width, line)
		s.width = len(line)
		return
	}
	if tenth := 10 * p.Done / max(1, p.Planned); tenth > s.tenth {
		s.tenth = tenth
		fmt.Fprintln(s.w, line)
	}
}

// done clears the line that stands on the terminal.
func (s *benchScreen) done() {
	if s.width > 0 {
		fmt.Fprintf(s.w, "\r%s\r", strings.Repeat(" ", s.width))
		s.width = 0
	}
}

// benchTable prints what each target did and how far the numbers can be
// trusted.
func benchTable(w io.Writer, run *sample.Run, out string) error {
	arms := summary.Fold(run.Header.Arms, run.Samples, run.Trailer.Slots)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "target\trequests\tok\tstarts/s\tmeasure\tP50\tP95\tP99")
	for _, arm := range arms {
		benchRows(t, arm)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := sweepTable(w, run); err != nil {
		return err
	}
	for _, arm := range arms {
		for _, class := range slices.Sorted(maps.Keys(arm.Failures)) {
			fmt.Fprintf(w, "%s: %d x %s\n", arm.Name, arm.Failures[class], class)
		}
	}
	fmt.Fprintln(w, "latencies from the intended start; a failure is infinitely slow")
	_, err := fmt.Fprintf(w, "%s\nrun file %s\n", trust(&run.Trailer.Validity), out)
	return err
}

// benchRows writes a row for each measure of arm.
func benchRows(w io.Writer, arm summary.Arm) {
	head := fmt.Sprintf("%s\t%d\t%d\t%.1f", arm.Name, arm.Requests, arm.OK, arm.AchievedHz)
	for _, m := range []struct {
		key  sample.Measure
		name string
	}{
		{sample.TTFB, "first byte"},
		{sample.FirstToken, "first token"},
		{sample.Gap, "token gap"},
		{sample.Full, "full"},
	} {
		d := arm.Measures[m.key]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", head, m.name, quantile(d, d.P50), quantile(d, d.P95), quantile(d, d.P99))
		head = "\t\t\t"
	}
}

// trust says in a line what the measurement is worth.
func trust(v *sample.Validity) string {
	parts := []string{"measurement " + string(v.Grade)}
	for _, s := range v.Signals {
		if s.Grade != sample.Valid {
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %.3g %s", s.Name, s.Value, s.Unit))+" is "+string(s.Grade))
		}
	}
	if e, ok := v.Error[sample.FirstToken]; ok {
		parts = append(parts, "own error of the first token at P99 "+chart.Duration(float64(e.P99)))
	}
	return strings.Join(parts, "; ")
}

func quantile(d summary.Distribution, l summary.Latency) string {
	took, finite := l.Duration()
	switch {
	case d.N == 0:
		return chart.Unknown
	case !finite:
		return "∞"
	}
	return chart.Duration(float64(took))
}

// benchExit is the exit code of a run whose file stands.
func benchExit(run *sample.Run, out string) error {
	if run.Trailer.Stopped != "" {
		return fmt.Errorf("%s: what was measured stands in %s", run.Trailer.Stopped, out)
	}
	ok := map[string]int{}
	for i := range run.Samples {
		if s := &run.Samples[i]; !s.Warmup && s.Outcome == sample.OK {
			ok[s.Arm]++
		}
	}
	for _, arm := range run.Header.Arms {
		if ok[arm.Name] == 0 {
			return &exitError{code: 4, msg: fmt.Sprintf("no data: all %d requests to %s failed; the messages stand in %s", run.Trailer.Measured[arm.Name], arm.Name, out)}
		}
	}
	if run.Trailer.Validity.Grade == sample.Invalid {
		return &exitError{code: 3, msg: "the measurement is invalid, see above; what was measured stands in " + out}
	}
	return nil
}

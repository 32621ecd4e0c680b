package main

import (
	"fmt"
	"io"
	"os"
	"strings"
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
	if arm := without(run); arm != "" {
		return &exitError{code: 4, msg: fmt.Sprintf("no data: all %d requests to %s failed; the messages stand in %s", run.Trailer.Measured[arm], arm, out)}
	}
	if run.Trailer.Validity.Grade == sample.Invalid {
		return &exitError{code: 3, msg: "the measurement is invalid, see above; what was measured stands in " + out}
	}
	return nil
}

package gate

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// A Screen shows a gate's progress: one line rewritten in place on a terminal,
// a plain line per fifth of the run elsewhere. It is not safe for concurrent
// use. A nil Screen shows nothing.
type Screen struct {
	w        io.Writer
	terminal bool
	shown    int // width of the line on the terminal
	fifth    int // last fifth told as a plain line
}

// NewTerminal returns a Screen that rewrites one line of w.
func NewTerminal(w io.Writer) *Screen { return &Screen{w: w, terminal: true} }

// NewLines returns a Screen that appends plain lines to w.
func NewLines(w io.Writer) *Screen { return &Screen{w: w} }

// Say prints one line of its own.
func (s *Screen) Say(format string, args ...any) {
	if s == nil {
		return
	}
	s.done()
	fmt.Fprintf(s.w, format+"\n", args...)
}

func (s *Screen) calibrating(d time.Duration) {
	s.Say("measuring the measurer for %v", d)
}

// controls says what the run is going to be sure of, or why it is not.
func (s *Screen) controls(cfg *load.Config) {
	for i := range cfg.About {
		if arm := &cfg.About[i]; arm.Role == sample.Plant {
			s.Say("controls: on, a twin and a plant (%+.3g %%) of %d requests in each block of %d", 100*arm.Planted, arm.PerSlot, cfg.Schedule.N)
			return
		}
	}
	if cfg.NoControls != "" {
		s.Say("controls: off, %s", cfg.NoControls)
	}
}

func (s *Screen) progress(p load.Progress) {
	if s == nil {
		return
	}
	line := line(p)
	if s.terminal {
		fmt.Fprintf(s.w, "\r%s%s", line, strings.Repeat(" ", max(0, s.shown-len(line))))
		s.shown = len(line)
		return
	}
	if fifth := 5 * p.Done / max(1, p.Planned); fifth > s.fifth {
		s.fifth = fifth
		fmt.Fprintln(s.w, line)
	}
}

// look says what a planned look found, and so why the run goes on or ends.
func (s *Screen) look(v judge.Verdict) {
	s.Say("look %d of %d: %s", v.Look, v.Looks, found(v))
}

// found is a verdict in the words of one line, for example
//
//	plant seen, twin quiet, 3 of 10 metrics not yet within
func found(v judge.Verdict) string {
	if v.Decision == judge.Promote || v.Decision == judge.Rollback {
		return fmt.Sprintf("%s%s: the run ends here", controlsFound(v.Controls), v.Decision)
	}
	gating, open := 0, 0
	for i := range v.Metrics {
		if m := &v.Metrics[i]; m.Gating && !m.DryRun {
			gating++
			if m.Standing != judge.NotWorse {
				open++
			}
		}
	}
	text := fmt.Sprintf("%s%d of %d metrics not yet within", controlsFound(v.Controls), open, gating)
	if v.Reason != judge.ReasonUndecided {
		text += "; so far " + string(v.Reason)
	}
	return text
}

// controlsFound says what the run's controls show, ready to be gone on with; ""
// where it has none. A twin that cannot be judged yet is not called worse.
func controlsFound(c judge.Controls) string {
	text := ""
	if c.Plant != nil {
		text = "plant seen, "
		if !c.Plant.OK {
			text = "plant not seen, "
		}
	}
	switch worse := func(m judge.Metric) bool { return m.Standing == judge.Worse }; {
	case c.Twin == nil:
	case c.Twin.OK:
		text += "twin quiet, "
	case slices.ContainsFunc(c.Twin.Metrics, worse):
		text += "twin called worse, "
	default:
		text += "twin not judged, "
	}
	return text
}

// done ends a line that was being rewritten.
func (s *Screen) done() {
	if s == nil || s.shown == 0 {
		return
	}
	fmt.Fprintf(s.w, "\r%s\r", strings.Repeat(" ", s.shown))
	s.shown = 0
}

// line is one progress in words, for example
//
//	block  7/20  1344/4200 requests  0 failed  18s, about 38s to go  candidate loading
func line(p load.Progress) string {
	left := "…"
	if p.Done > 0 {
		rest := time.Duration(float64(p.Elapsed) * float64(p.Planned-p.Done) / float64(p.Done))
		left = fmt.Sprintf("about %v to go", rest.Round(time.Second))
	}
	return fmt.Sprintf("block %2d/%d  %d/%d requests  %d failed  %v, %s  %s %s",
		p.Block, p.Blocks, p.Done, p.Planned, p.Failed, p.Elapsed.Round(time.Second), left, p.Arm, p.Stage)
}

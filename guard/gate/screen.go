package gate

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/load"
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

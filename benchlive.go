package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
)

// A benchScreen shows how a bench goes on: on a terminal in one line that is
// rewritten, elsewhere in a plain line for every tenth of the run.
type benchScreen struct {
	w        io.Writer
	columns  func() int // of the terminal; nil: it is none
	colour   bool
	closed   bool // a closed loop has no lateness
	standing bool // a line stands on the terminal
	tenth    int
}

func newBenchScreen(w io.Writer, quiet bool) *benchScreen {
	if quiet {
		return &benchScreen{w: io.Discard}
	}
	s := &benchScreen{w: w, colour: os.Getenv("NO_COLOR") == ""}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.columns = func() int {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 80
			}
			return width
		}
	}
	return s
}

func (s *benchScreen) say(format string, args ...any) {
	s.done()
	fmt.Fprintf(s.w, format+"\n", args...)
}

// follow shows the run of cfg.
func (s *benchScreen) follow(cfg *load.Config) {
	s.closed, cfg.Progress = cfg.Schedule.Kind == schedule.Closed, s.progress
}

func (s *benchScreen) progress(p load.Progress) {
	grade := calibrate.Light(p.Live, s.closed)
	text := liveLine(p, grade)
	if s.columns != nil {
		fmt.Fprintf(s.w, "\r\x1b[K%s%s", s.light(grade), cut(text, s.columns()-3))
		s.standing = true
		return
	}
	if tenth := 10 * p.Done / max(1, p.Planned); tenth > s.tenth {
		s.tenth = tenth
		fmt.Fprintln(s.w, text)
	}
}

// light is a dot in the colour of the grade, which the line says in words too.
func (s *benchScreen) light(g sample.Grade) string {
	colours := map[sample.Grade]int{sample.Valid: 32, sample.Degraded: 33, sample.Invalid: 31}
	if c, ok := colours[g]; ok && s.colour {
		return fmt.Sprintf("\x1b[%dm●\x1b[0m ", c)
	}
	return "● "
}

// cut keeps a line from going on in the next one, which nothing would rewrite.
func cut(text string, columns int) string {
	if utf8.RuneCountInString(text) <= columns || columns < 1 {
		return text
	}
	return string([]rune(text)[:columns-1]) + "…"
}

// done clears the line that stands on the terminal.
func (s *benchScreen) done() {
	if s.standing {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.standing = false
	}
}

// liveLine is one progress in words, what matters most first, for example
//
//	134/600 requests, 3 failed  about 12s left  valid  40.2/s  12 in flight  first byte 50.6 ms, P99 110 ms  first token 50.8 ms, P99 191 ms  block 1/4, candidate loading
func liveLine(p load.Progress, grade sample.Grade) string {
	parts := []string{fmt.Sprintf("%d/%d requests, %d failed", p.Done, p.Planned, p.Failed+p.Live.Failed), timeLeft(p)}
	if live := p.Live; live.Late.N > 0 {
		parts = append(parts, string(grade), fmt.Sprintf("%.1f/s", live.PerSecond), fmt.Sprintf("%d in flight", live.InFlight))
		parts = append(parts, percentilesOf("first byte", live.FirstByte), percentilesOf("first token", live.FirstToken))
	}
	parts = append(parts, fmt.Sprintf("block %d/%d, %s %s", p.Block, p.Blocks, p.Arm, p.Stage))
	return strings.Join(parts, "  ")
}

func percentilesOf(name string, d load.Dist) string {
	if d.N == 0 {
		return name + " " + chart.Unknown
	}
	return fmt.Sprintf("%s %s, P99 %s", name, chart.Duration(float64(d.P50)), chart.Duration(float64(d.P99)))
}

// timeLeft takes what is left to last as long as what was done, by request.
func timeLeft(p load.Progress) string {
	if p.Done == 0 {
		return fmt.Sprintf("%v so far", p.Elapsed.Round(time.Second))
	}
	left := time.Duration(float64(p.Elapsed) * float64(p.Planned-p.Done) / float64(p.Done))
	return fmt.Sprintf("about %v left", left.Round(time.Second))
}

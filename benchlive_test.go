package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
)

// going is a run of which so many requests of 200 have ended, in 10 s.
func going(done int) load.Progress {
	dist := func(p50, p99 int64) load.Dist { return load.Dist{P50: p50 * 1e6, P99: p99 * 1e6, N: 90} }
	return load.Progress{
		Arm: "candidate", Stage: load.Loading, Block: 2, Blocks: 4, Done: done, Planned: 200, Failed: 2, Elapsed: 10 * time.Second,
		Live: load.Live{
			InFlight: 7, PerSecond: 39.96, Late: load.Dist{P99: 3e5, N: 100}, FirstByte: dist(50, 110), FirstToken: dist(51, 120),
			Failed: 1, CPUShare: .2,
		},
	}
}

func TestLiveLine(t *testing.T) {
	want := "50/200 requests, 3 failed  about 30s left  valid  40.0/s  7 in flight  " +
		"first byte 50.0 ms, P99 110 ms  first token 51.0 ms, P99 120 ms  block 2/4, candidate loading"
	if got := liveLine(going(50), sample.Valid); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	starting := load.Progress{Arm: "a", Stage: load.Starting, Block: 1, Blocks: 1, Planned: 9, Elapsed: time.Second}
	if got, want := liveLine(starting, sample.Unknown), "0/9 requests, 0 failed  1s so far  block 1/1, a starting"; got != want {
		t.Errorf("before the first request:\ngot  %s\nwant %s", got, want)
	}
}

// TestPlainLines: what is no terminal gets a line for every tenth, and nothing
// that rewrites one.
func TestPlainLines(t *testing.T) {
	var b bytes.Buffer
	s := newBenchScreen(&b, false)
	for done := range 201 {
		s.progress(going(done))
	}
	s.done()
	if got := strings.Count(b.String(), "\n"); got != 10 {
		t.Errorf("%d lines:\n%s", got, b.String())
	}
	if strings.ContainsAny(b.String(), "\r\x1b") {
		t.Errorf("control characters in a log: %q", b.String())
	}
}

// TestTerminalLine: on a terminal one line is rewritten, whatever its width, and
// gone in the end; the light has the colour of the grade.
func TestTerminalLine(t *testing.T) {
	for _, colour := range []bool{true, false} {
		var b bytes.Buffer
		s := &benchScreen{w: &b, columns: func() int { return 40 }, colour: colour}
		s.progress(going(50))
		late := going(60)
		late.Live.Late.P99 = 6e6
		s.progress(late)
		s.say("a line of its own")
		text := b.String()
		if got := strings.Contains(text, "\x1b[32m●") && strings.Contains(text, "\x1b[31m●"); got != colour {
			t.Errorf("colours: %v, want %v in %q", got, colour, text)
		}
		if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\r\x1b[Ka line of its own\n") {
			t.Errorf("%q", text)
		}
		for part := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\r") {
			plain := strings.NewReplacer("\x1b[K", "", "\x1b[32m", "", "\x1b[31m", "", "\x1b[0m", "").Replace(part)
			if n := utf8.RuneCountInString(plain); n > 40 {
				t.Errorf("%d columns on a terminal of 40: %q", n, plain)
			}
		}
	}
}

// TestQuiet shows nothing at all, and a closed loop is not called late.
func TestQuiet(t *testing.T) {
	var b bytes.Buffer
	s := newBenchScreen(&b, true)
	s.say("seed 1")
	for done := range 201 {
		s.progress(going(done))
	}
	s.done()
	if b.Len() != 0 {
		t.Errorf("%q", b.String())
	}
	cfg := load.Config{Schedule: schedule.Spec{Kind: schedule.Closed}}
	s = newBenchScreen(&b, false)
	s.follow(&cfg)
	late := going(200)
	late.Live.Late.P99 = 9e9
	cfg.Progress(late)
	if !strings.Contains(b.String(), "  valid  ") {
		t.Errorf("a closed loop: %s", b.String())
	}
}

package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
)

// The arms of a flag, whatever the logs call theirs.
const (
	flagOff = "off"
	flagOn  = "on"
)

// A Span is a time in which a flag's percentage stood still.
type Span struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

func (s Span) holds(t time.Time) bool { return !t.Before(s.From) && t.Before(s.Until) }

// Turns are one randomised pair of time blocks of a switchback, each without its
// wash-out.
type Turns struct {
	Off Span `json:"off"`
	On  Span `json:"on"`
}

// End is when both are over.
func (t Turns) End() time.Time {
	if t.Off.Until.After(t.On.Until) {
		return t.Off.Until
	}
	return t.On.Until
}

// A Part says which requests of the candidate's turns are compared.
type Part string

// The parts. In the candidate's turns a share of the requests has the flag on.
// Those alone show its effect undiluted, and are a random part of all where the
// unit is the request; all of the turn shows what the flag does to the requests
// beside it.
const (
	Direct Part = "direct" // those with the flag on
	Whole  Part = "whole"  // all
)

// Traffic is what gateways logged of requests that one flag was assigned for, by
// each request's own record. It is plain data and changes nothing of what it is
// given.
type Traffic struct {
	Flag string
	// BySession: the flag is assigned to whole sessions, and to a request where it
	// has none; else to each request.
	BySession bool
	Zero      time.Time // of the instants of Samples
	Header    sample.Header
	Samples   []sample.Sample // in any order
	Validity  sample.Validity
}

// Split is the evidence of the requests since a time that were assigned with a
// share, in [0,1]. What was assigned with another one is left out: by whom was
// decided before its outcome, so that biases nothing.
func (t Traffic) Split(share float64, since time.Time) (evidence.Set, error) {
	run := t.run(sample.Split, 1)
	for _, s := range t.Samples {
		if on, assigned, ok := t.assigned(s); ok && same(assigned, share) && !t.began(s).Before(since) {
			s.Arm, s.Share, s.Unit, s.Block = armOf(on), share, t.unit(s), 0
			run.Samples = append(run.Samples, s)
		}
	}
	return judged(run)
}

// Switchback is the evidence of turns in which the share alternated between 0 and
// the one given. Turns are joined to the requests by the clock, and each request
// says itself which share was in force; more than strayShare that disagree are an
// error.
func (t Traffic) Switchback(share float64, turns []Turns, part Part) (evidence.Set, error) {
	run := t.run(sample.Switchback, len(turns))
	stray := 0
	for _, s := range t.Samples {
		flagged, assigned, ok := t.assigned(s)
		block, on := t.turn(s, turns)
		if !ok || block < 0 {
			continue
		}
		switch {
		case !on && !same(assigned, 0), on && !same(assigned, share):
			stray++
			continue
		case on && part == Direct && !flagged:
			continue
		}
		s.Arm, s.Share, s.Unit, s.Block = armOf(on), 0, "", block
		run.Samples = append(run.Samples, s)
	}
	if n := len(run.Samples) + stray; float64(stray) > strayShare*float64(n) {
		return evidence.Set{}, fmt.Errorf("%d of %d requests say another share of %s than their turn had: are the clocks of this machine and the gateway's in step, and is the wash-out long enough?", stray, n, t.Flag)
	}
	return judged(run)
}

// strayShare is how many requests of a turn may say another share than it had.
const strayShare = .01

func (t Traffic) run(design sample.Design, blocks int) sample.Run {
	h := t.Header
	h.Schema, h.Design, h.Blocks = sample.Schema, design, blocks
	h.Schedule = sample.Schedule{Kind: "observed"}
	h.Arms = []sample.Arm{
		{Name: flagOff, Flags: map[string]bool{t.Flag: false}},
		{Name: flagOn, Flags: map[string]bool{t.Flag: true}},
	}
	return sample.Run{Header: h, Trailer: sample.Trailer{Trailer: true, Validity: t.Validity}}
}

func judged(run sample.Run) (evidence.Set, error) {
	slices.SortStableFunc(run.Samples, func(a, b sample.Sample) int { return cmp.Compare(a.IntendedNS, b.IntendedNS) })
	for i := range run.Samples {
		run.Samples[i].Seq = i
	}
	return evidence.New(evidence.Source{Run: run, Baseline: flagOff, Candidate: flagOn})
}

// assigned reads a record's own word of the flag; ok is false where it ended before
// it was assigned.
func (t Traffic) assigned(s sample.Sample) (on bool, share float64, ok bool) {
	if s.Proxy == nil {
		return false, 0, false
	}
	on, ok = s.Proxy.Flags[t.Flag]
	share, told := s.Proxy.Shares[t.Flag]
	return on, share, ok && told
}

// unit names what was assigned. A session of which a log hid the name has another
// one in another log, and no two requests have one without.
func (t Traffic) unit(s sample.Sample) string {
	if t.BySession && s.Session != "" {
		return "session " + s.Session
	}
	if s.Proxy.RequestID != "" {
		return "request " + s.Proxy.RequestID
	}
	return fmt.Sprintf("line %d", s.Seq)
}

// turn returns which of the turns s began in; -1: in none.
func (t Traffic) turn(s sample.Sample, turns []Turns) (block int, on bool) {
	at := t.began(s)
	i, _ := slices.BinarySearchFunc(turns, at, func(p Turns, at time.Time) int {
		if !at.Before(p.End()) {
			return -1
		}
		return 1
	})
	switch {
	case i == len(turns):
	case turns[i].Off.holds(at):
		return i, false
	case turns[i].On.holds(at):
		return i, true
	}
	return -1, false
}

func (t Traffic) began(s sample.Sample) time.Time { return t.Zero.Add(time.Duration(s.IntendedNS)) }

func armOf(on bool) string {
	if on {
		return flagOn
	}
	return flagOff
}

// same tells whether two shares are, which go in steps of a hundredth of a percent.
func same(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

// FlagLogs reads the request logs of the gateways that a flag is rolled out on.
// Close lets go of the files. It is not safe for concurrent use.
type FlagLogs struct {
	flag      string
	bySession bool
	patterns  []string
	logs      []*requestLog
	zero      time.Time
}

// OpenFlagLogs looks for the files that the patterns name (see [filepath.Glob]).
// There must be one; more may appear later, as when a gateway restarts.
func OpenFlagLogs(flag string, bySession bool, patterns ...string) (*FlagLogs, error) {
	l := &FlagLogs{flag: flag, bySession: bySession, patterns: patterns}
	if err := l.discover(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if len(l.logs) == 0 {
		return nil, fmt.Errorf("no request log is named %q", patterns)
	}
	return l, nil
}

// discover opens the files that were not there before.
func (l *FlagLogs) discover() error {
	for _, pattern := range l.patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("%q: %w", pattern, err)
		}
		for _, path := range paths {
			if slices.ContainsFunc(l.logs, func(r *requestLog) bool { return r.path == path }) {
				continue
			}
			f, err := sample.Follow(path)
			if err != nil {
				return err
			}
			l.logs = append(l.logs, &requestLog{path: path, follower: f})
		}
	}
	return nil
}

// Traffic returns what was logged since a time; what is older is forgotten, and
// cannot be asked for again.
func (l *FlagLogs) Traffic(_ context.Context, since time.Time) (Traffic, error) {
	if err := l.discover(); err != nil {
		return Traffic{}, err
	}
	t := Traffic{Flag: l.flag, BySession: l.bySession}
	for _, log := range l.logs {
		if err := log.read(); err != nil {
			return Traffic{}, fmt.Errorf("%s: %w", log.path, err)
		}
		zero, dated := log.zero()
		if !dated {
			continue // it has written nothing
		}
		log.forget(since.Sub(zero))
		if l.zero.IsZero() {
			l.zero = zero
		}
		t.Header, _ = log.follower.Header()
		for _, s := range log.samples {
			if shift := zero.Sub(l.zero); shift != 0 {
				s = moved(s, int64(shift))
			}
			t.Samples = append(t.Samples, s)
		}
	}
	t.Zero, t.Validity = l.zero, validity(l.logs).Validity
	return t, nil
}

// forget drops what began before an instant of the log's.
func (r *requestLog) forget(before time.Duration) {
	r.samples = slices.DeleteFunc(r.samples, func(s sample.Sample) bool { return s.IntendedNS < int64(before) })
}

// Close closes the files.
func (l *FlagLogs) Close() error {
	var problems []error
	for _, log := range l.logs {
		problems = append(problems, log.follower.Close())
	}
	return errors.Join(problems...)
}

package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
)

// A LogsConfig says which request logs tell of a canary, each written by one
// gateway that may still run. Either Baseline and Candidate are set, for two
// deployments side by side, or Split alone, for one that assigns requests itself
// and says in each record whose it was.
type LogsConfig struct {
	Baseline, Candidate []string // files
	Split               string   // file
	// Block is the length of a block of time, for two deployments.
	Block time.Duration
	// Since leaves out what arrived before it.
	Since time.Time
}

// Logs is a [Source] over request logs. Two deployments are compared by blocks
// of time that both served, as [sample.Interleaved]: the unit are these
// processes. A block counts when it is over in every log. Close lets go of the
// files. It is not safe for concurrent use.
type Logs struct {
	cfg  LogsConfig
	logs []*requestLog
}

// A requestLog is one file and what it has told so far.
type requestLog struct {
	path     string
	arm      string
	follower *sample.Follower
	samples  []sample.Sample
	ended    bool
}

// The arms of two deployments, whatever their logs call them.
const (
	baselineArm  = "baseline"
	candidateArm = "candidate"
)

// OpenLogs opens the files, which need not hold anything yet.
func OpenLogs(cfg LogsConfig) (*Logs, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	l := &Logs{cfg: cfg}
	open := func(arm string, paths ...string) error {
		for _, path := range paths {
			f, err := sample.Follow(path)
			if err != nil {
				return err
			}
			l.logs = append(l.logs, &requestLog{path: path, arm: arm, follower: f})
		}
		return nil
	}
	var err error
	if cfg.Split != "" {
		err = open("", cfg.Split)
	} else {
		err = errors.Join(open(baselineArm, cfg.Baseline...), open(candidateArm, cfg.Candidate...))
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (c LogsConfig) validate() error {
	two := len(c.Baseline) > 0 && len(c.Candidate) > 0
	switch {
	case c.Split != "" && len(c.Baseline)+len(c.Candidate) > 0, c.Split == "" && !two:
		return errors.New("name logs of the baseline and of the candidate, or the one log of a split")
	case two && c.Block < time.Second:
		return fmt.Errorf("blocks of %v: they are a second at least", c.Block)
	}
	return nil
}

// Close closes the files.
func (l *Logs) Close() error {
	var problems []error
	for _, log := range l.logs {
		problems = append(problems, log.follower.Close())
	}
	return errors.Join(problems...)
}

var _ Source = (*Logs)(nil)

// Evidence implements [Source].
func (l *Logs) Evidence(context.Context) (evidence.Set, error) {
	for _, log := range l.logs {
		if err := log.read(); err != nil {
			return evidence.Set{}, fmt.Errorf("%s: %w", log.path, err)
		}
	}
	if l.cfg.Split != "" {
		return l.split()
	}
	return l.sideBySide()
}

// read takes what is new in the file.
func (r *requestLog) read() error {
	for !r.ended {
		fresh, err := r.follower.Next()
		r.samples = append(r.samples, fresh...)
		switch {
		case errors.Is(err, io.EOF):
			r.ended = true
		case err != nil:
			return err
		case len(fresh) == 0:
			return nil
		}
	}
	return nil
}

// zero is the log's epoch on the wall clock, by which logs of several machines
// are laid side by side.
func (r *requestLog) zero() (time.Time, bool) {
	header, ok := r.follower.Header()
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, header.StartedAt)
	return t, err == nil
}

// split is the evidence of one process that assigns requests itself: the log as
// it stands.
func (l *Logs) split() (evidence.Set, error) {
	log := l.logs[0]
	header, ok := log.follower.Header()
	zero, dated := log.zero()
	if !ok || !dated {
		return evidence.Set{}, fmt.Errorf("%s: it has no header yet", log.path)
	}
	run := sample.Run{Header: header, Trailer: validity(l.logs)}
	for _, s := range log.samples {
		if !zero.Add(time.Duration(s.IntendedNS)).Before(l.cfg.Since) {
			run.Samples = append(run.Samples, s)
		}
	}
	return evidence.New(evidence.Source{Run: run})
}

// sideBySide cuts the time since Config.Since into blocks.
func (l *Logs) sideBySide() (evidence.Set, error) {
	header := sample.Header{
		Schema: sample.Schema, Design: sample.Interleaved, Source: "proxy",
		Arms: []sample.Arm{{Name: baselineArm}, {Name: candidateArm}},
	}
	run := sample.Run{Trailer: validity(l.logs)}
	end := time.Now()
	for _, log := range l.logs {
		own, ok := log.follower.Header()
		zero, dated := log.zero()
		if !ok || !dated {
			continue // it has written nothing: its arm lacks requests, which is no data
		}
		header.Lacks = append(header.Lacks, own.Lacks...)
		header.Model, header.Dialect, header.Machine, header.ClockScale = own.Model, own.Dialect, own.Machine, own.ClockScale
		shift := zero.Sub(l.cfg.Since)
		for _, s := range log.samples {
			at := shift + time.Duration(s.IntendedNS)
			s.Block = int(at / l.cfg.Block)
			if at < 0 || l.cfg.Since.Add(time.Duration(s.Block+1)*l.cfg.Block).After(end) {
				continue
			}
			s.Arm, s.Seq = log.arm, len(run.Samples)
			header.Blocks = max(header.Blocks, s.Block+1)
			run.Samples = append(run.Samples, moved(s, int64(shift)))
		}
	}
	slices.SortStableFunc(run.Samples, func(a, b sample.Sample) int { return cmp.Compare(a.IntendedNS, b.IntendedNS) })
	run.Header = header
	set, err := evidence.New(evidence.Source{Run: run})
	set.Concurrent, set.Restarts = true, min(len(l.cfg.Baseline), len(l.cfg.Candidate))
	return set, err
}

// moved is s with its instants counted from another zero.
func moved(s sample.Sample, by int64) sample.Sample {
	for _, at := range []*int64{
		&s.IntendedNS, &s.SentNS, &s.WrittenNS, &s.FirstByteNS, &s.HeadersNS, &s.EventNS, &s.TokenNS, &s.TextNS, &s.LastNS, &s.CloseNS,
	} {
		if *at != 0 {
			*at += by
		}
	}
	s.UpstreamNS = slices.Clone(s.UpstreamNS)
	for i := range s.UpstreamNS {
		s.UpstreamNS[i] += by
	}
	return s
}

// validity says of the measurement what logs can say: nobody graded it. What a
// log that ended warns of (records that it dropped, say) is passed on.
func validity(logs []*requestLog) sample.Trailer {
	t := sample.Trailer{Trailer: true, Validity: sample.Validity{Grade: sample.Unknown}}
	for _, log := range logs {
		if own, ok := log.follower.Trailer(); ok {
			t.Validity.Signals = append(t.Validity.Signals, own.Validity.Signals...)
			t.Validity.Warnings = append(t.Validity.Warnings, own.Validity.Warnings...)
		}
	}
	return t
}

// Package watch judges evidence that is still arriving: it asks a source for all
// there is at intervals, has the judge decide, and ends when that has decided.
// It decides nothing itself.
//
// Looking again and again is only sound in the mode anytime, whose evidence may
// be looked at as often as anyone likes; [Config.Validate] refuses the others. A
// source always returns everything since the watch began, so a watch that was
// killed and started again with the same beginning comes to the same verdict.
//
// [Server] answers Argo Rollouts and Flagger by such watches.
package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// A Source gathers the evidence of one canary.
type Source interface {
	// Evidence returns all that arrived since the watch began. An error is a
	// source that could not be asked; a source that has nothing yet returns a
	// Set that says so.
	Evidence(ctx context.Context) (evidence.Set, error)
}

// A Config is one watch. Every has no default.
type Config struct {
	Source Source
	Policy policy.Policy
	// Every is the time between two looks.
	Every time.Duration
	// For is when an undecided watch ends; 0: never.
	For time.Duration
	// Patience is how many looks in a row may fail before the watch does.
	Patience int
	// Tell, if set, is told of every look. Calls do not overlap.
	Tell func(Look)
}

// A Look is one look: a verdict, or the error that there was instead.
type Look struct {
	N       int // counted from 1
	At      time.Time
	Verdict judge.Verdict
	Err     error
}

// MarshalJSON says in a line what a look came to, for people and for scripts.
func (l Look) MarshalJSON() ([]byte, error) {
	said := struct {
		Look     int            `json:"look"`
		At       string         `json:"at"`
		Decision judge.Decision `json:"decision,omitempty"`
		Pairs    int            `json:"pairs,omitempty"`
		Blocks   int            `json:"blocks,omitempty"`
		Why      string         `json:"why,omitempty"`
		Error    string         `json:"error,omitempty"`
	}{Look: l.N, At: l.At.UTC().Format(time.RFC3339)}
	if l.Err != nil {
		said.Error = l.Err.Error()
		return json.Marshal(said)
	}
	said.Decision, said.Pairs, said.Blocks = l.Verdict.Decision, l.Verdict.Pairs, l.Verdict.Blocks
	if len(l.Verdict.Summary) > 0 {
		said.Why = l.Verdict.Summary[0]
	}
	return json.Marshal(said)
}

// Validate joins every problem of c.
func (c Config) Validate() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.Source == nil {
		bad("no source of evidence")
	}
	if c.For < 0 || c.Patience < 0 {
		bad("the time and the patience of a watch are not negative")
	}
	return errors.Join(append(problems, repeatable(c.Policy, c.Every))...)
}

// repeatable says why p cannot be judged at every interval.
func repeatable(p policy.Policy, every time.Duration) error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if p.Mode != policy.Anytime {
		bad("policy %q is of the mode %q: a watch looks again and again, write \"mode: anytime\"", p.Name, p.Mode)
	}
	if every <= 0 {
		bad("the interval is %v: it is above 0", every)
	}
	return errors.Join(problems...)
}

// ErrInterrupted says that a watch was ended from outside before it decided.
var ErrInterrupted = errors.New("interrupted: nothing was decided")

// Run looks until the judge promotes or rolls back, and returns that verdict. At
// the end of Config.For the last one is returned: HOLD or NO DATA. An error means
// that there is no verdict, and is never a pass.
func Run(ctx context.Context, cfg Config) (judge.Verdict, error) {
	if err := cfg.Validate(); err != nil {
		return judge.Verdict{}, err
	}
	var end <-chan time.Time
	if cfg.For > 0 {
		timer := time.NewTimer(cfg.For)
		defer timer.Stop()
		end = timer.C
	}
	ticker := time.NewTicker(cfg.Every)
	defer ticker.Stop()
	w := watcher{Config: cfg}
	for {
		last := false
		select {
		case <-ctx.Done():
			return judge.Verdict{}, ErrInterrupted
		case <-end:
			last = true
		case <-ticker.C:
		}
		look := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return judge.Verdict{}, ErrInterrupted
		case look.Err != nil && (last || w.failed > cfg.Patience):
			return judge.Verdict{}, fmt.Errorf("look %d: %w", look.N, look.Err)
		case look.Err == nil && (last || decided(look.Verdict)):
			return look.Verdict, nil
		}
	}
}

func decided(v judge.Verdict) bool {
	return v.Decision == judge.Promote || v.Decision == judge.Rollback
}

// A watcher counts the looks of one watch.
type watcher struct {
	Config
	n      int
	failed int // in a row
}

func (w *watcher) look(ctx context.Context) Look {
	w.n++
	look := Look{N: w.n}
	set, err := w.Source.Evidence(ctx)
	look.At = time.Now()
	if err != nil {
		w.failed++
		look.Err = err
	} else {
		w.failed = 0
		look.Verdict = judge.Judge(w.Policy, set)
	}
	if w.Tell != nil && ctx.Err() == nil {
		w.Tell(look)
	}
	return look
}

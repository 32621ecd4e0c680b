package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/watch"
)

// A Source tells what gateways logged of the flag since a time. An error is a
// source that could not be asked.
type Source interface {
	Traffic(ctx context.Context, since time.Time) (watch.Traffic, error)
}

// A Config is one rollout. Every duration that has no default says so.
type Config struct {
	Server  Server
	Source  Source
	Journal Journal
	// Policy is of the mode anytime: a rollout looks again and again.
	Policy policy.Policy

	Flag   string
	Plan   Plan
	Design sample.Design // split or switchback
	Unit   string        // request or session
	// Seed tosses the order of turns; 0: one is drawn, and kept in the journal.
	Seed uint64
	// Every is the time between two looks; above 0.
	Every time.Duration
	// StageMin is how long a stage lasts before it may be promoted; StageMax when
	// an undecided one ends the rollout (0: never).
	StageMin, StageMax time.Duration
	// Block is how long a turn of a switchback lasts after its Washout.
	Block, Washout time.Duration
	// Patience is how many looks in a row may fail before the rollout does.
	Patience int
	// Folder, if named, keeps the verdicts of each stage.
	Folder string
	// Tell, if set, is told of everything that happens. Calls do not overlap.
	Tell func(Event)
	// Report, if set, is given every verdict. That it fails is told, and changes
	// nothing.
	Report func(context.Context, Said) error
}

// Validate joins every problem of what c says, whatever it is to work with.
func (c Config) Validate() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if err := c.Plan.Validate(); err != nil {
		problems = append(problems, err)
	}
	if c.Policy.Mode != policy.Anytime {
		bad("policy %q is of the mode %q: a rollout looks again and again, write \"mode: anytime\"", c.Policy.Name, c.Policy.Mode)
	}
	if c.Unit != unitRequest && c.Unit != unitSession {
		bad("unit %q: it is request or session", c.Unit)
	}
	if c.Every <= 0 {
		bad("the time between two looks is %v: it is above 0", c.Every)
	}
	if c.StageMin < 0 || c.StageMax < 0 || c.Patience < 0 || c.Washout < 0 || c.StageMax > 0 && c.StageMax < c.StageMin {
		bad("no duration is negative, and no stage ends before it may be promoted")
	}
	if _, err := DesignOf(c.Flag, string(c.Design)); err != nil {
		problems = append(problems, err)
	}
	if c.Design == sample.Switchback && c.Block < time.Second {
		bad("turns of %v: they are a second at least", c.Block)
	}
	return errors.Join(problems...)
}

const (
	unitRequest = "request"
	unitSession = "session"
)

// ErrInterrupted says that a rollout was ended from outside. The flag stays as it
// is, and the same command goes on.
var ErrInterrupted = errors.New("interrupted: the flag stays as it is, the same command goes on from here")

// An Outcome is how a rollout ended: promoted to the top, rolled back to the floor,
// or undecided.
type Outcome struct {
	Decision judge.Decision
	Percent  int // in force
	Why      string
}

// Run takes the flag from where the server has it through the plan. Whoever runs it
// again with the same journal goes on. An error means that the rollout did not come
// to an end of its own, and is never a pass.
func Run(ctx context.Context, cfg Config) (Outcome, error) {
	if err := cfg.Validate(); err != nil {
		return Outcome{}, err
	}
	records, err := cfg.Journal.Load()
	if err != nil {
		return Outcome{}, err
	}
	r := &runner{Config: cfg}
	if r.at, err = Replay(records); err != nil {
		return Outcome{}, err
	}
	if len(records) == 0 {
		err = r.begin(ctx)
	} else {
		err = r.resume(ctx)
	}
	if err != nil {
		return Outcome{}, err
	}
	return r.run(ctx)
}

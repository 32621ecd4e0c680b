// Package rollout steps the share of traffic that a flag is on for by verdicts on
// live evidence. Where a verdict leads is a pure function of a [Plan]; what was
// decided counts only when the server that routes the traffic has said back that it
// does so; and a [Journal] lets a rollout that was killed at any instant go on where
// it was.
//
//	floor --start--> stage --PROMOTE--> next stage ... --PROMOTE--> 100 %: over
//	                   |  \--HOLD, NO DATA: stays
//	                   \--ROLLBACK--> 0 %: over
//
// The server is always right: what it routes by and what the journal says are
// compared before every decision, and a change that was not the rollout's own ends
// it. A rollout never fights an operator.
//
// [DesignOf] says how a flag's evidence is gathered: by a split of the requests, or
// in turns of the whole process.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// A Plan is the stages of a rollout in percent of traffic: ascending, from 0 to
// 100. The first is the floor, where all of it goes to the baseline.
type Plan []int

// Default returns the usual stages.
func Default() Plan { return Plan{0, 5, 20, 50, 100} }

// Validate reports what is wrong with the plan.
func (p Plan) Validate() error {
	if len(p) < 2 || p[0] != 0 || p[len(p)-1] != 100 {
		return fmt.Errorf("stages %v: begin with 0, where a rollback leads, and end with 100", p)
	}
	for i, stage := range p[1:] {
		if stage <= p[i] {
			return fmt.Errorf("stages %v: each is above the one before", p)
		}
	}
	return nil
}

// Next is the stage that follows the stage at by a decision: a promotion leads one
// up, or stays at the top; a rollback leads to the floor from wherever it is, since
// a stage that was harmful is not made harmless by the one below; anything else is
// no reason to move. The error says that at is no stage of the plan, or that the
// decision is none.
func (p Plan) Next(at int, d judge.Decision) (int, error) {
	if err := p.Validate(); err != nil {
		return at, err
	}
	i := slices.Index(p, at)
	if i < 0 {
		return at, fmt.Errorf("%d %% is no stage of %v: set one of them first", at, p)
	}
	switch d {
	case judge.Promote:
		return p[min(i+1, len(p)-1)], nil
	case judge.Rollback:
		return p[0], nil
	case judge.Hold, judge.NoData:
		return at, nil
	}
	return at, fmt.Errorf("%q is no decision", d)
}

// A State is what a server routes by.
type State struct {
	Percent    float64
	Unit       string // request or session: what is given to an arm as a whole
	Generation uint64 // grows with every change of any flag, whoever made it
	Locked     bool   // set where no change can reach it
	// Last is the last change of this very flag; zero: none is known.
	Last Mark
	// Back is the generation up to which changes are not looked for: a log is read
	// back so far and no farther. A Last before it is not known.
	Back uint64 `json:",omitzero"`
}

// A Mark says which change of a flag it was.
type Mark struct {
	Generation    uint64 // that the change led to
	Who, Evidence string
}

// A Change is asked of a Server.
type Change struct {
	Percent  int
	Unit     string
	Expected uint64 // the generation that it was decided on
	Who      string
	Evidence string // of this one change and of no other
}

// A Server routes traffic by a State. What it returns after Set is no proof:
// the change is read back.
type Server interface {
	// Read asks the server itself, and no store behind it.
	Read(ctx context.Context) (State, error)
	// Set makes the change if the generation is still the expected one, else the
	// error is ErrStale. ErrLocked says that no change can be made at all.
	Set(ctx context.Context, c Change) error
}

// What may go wrong with a change beside the errors of the Server.
var (
	ErrChanged    = errors.New("somebody else changed the flag: the rollout ends and leaves it as it is")
	ErrNotApplied = errors.New("the server does not route by the stage that was set")
	ErrStale      = errors.New("the flags have changed meanwhile")
	ErrLocked     = errors.New("the flag is locked by the server's environment, no rollout can change it: unset the variable there and restart the server")
)

// staleTries is how often a change is tried again because another flag was changed
// in between.
const staleTries = 5

// Apply makes a change and reads it back: a change counts when the server says so,
// not when nobody objected, and it also counts where its answer was lost. It moves
// on from what was last known to be in force, or from an own change that arrived
// late, and from nothing else: ErrChanged. That another flag was changed in between
// is no hindrance. After an error the
// State is what was last read.
func Apply(ctx context.Context, s Server, known State, c Change) (State, error) {
	now, err := s.Read(ctx)
	if err != nil {
		return known, fmt.Errorf("the stage in force cannot be read: %w", err)
	}
	for range staleTries {
		switch {
		case applied(now, c):
			return now, nil
		case foreign(known, now, c):
			return now, changed(known, now)
		case now.Locked:
			return now, ErrLocked
		}
		c.Expected = now.Generation
		refused := s.Set(ctx, c)
		after, err := s.Read(ctx)
		switch {
		case err != nil:
			return now, fmt.Errorf("%d %% was set and cannot be read back: %w", c.Percent, errors.Join(refused, err))
		case applied(after, c):
			return after, nil
		case foreign(known, after, c):
			return after, changed(known, after)
		case refused == nil:
			return after, fmt.Errorf("%w: it says %v %%, not %d %%", ErrNotApplied, after.Percent, c.Percent)
		case !errors.Is(refused, ErrStale):
			return after, fmt.Errorf("%d %% was not set: %w", c.Percent, refused)
		}
		now = after
	}
	return now, fmt.Errorf("%d %% was not set: %w %d times in a row", c.Percent, ErrStale, staleTries)
}

// Same tells whether nobody changed the flag between two states. Changes of other
// flags do not count, though there be so many of them that the flag's own is out of
// sight, and one that led back to the same percentage does.
func Same(a, b State) bool {
	untouched := a.Last.Generation == b.Last.Generation || b.Last.Generation == 0 && b.Back > 0 && b.Back <= a.Generation
	return a.Percent == b.Percent && a.Unit == b.Unit && untouched
}

// applied tells whether c is what the server routes by. Its evidence is that of no
// other change, so an operator who set the same percentage is not mistaken for it.
func applied(s State, c Change) bool {
	return s.Percent == float64(c.Percent) && s.Unit == c.Unit && s.Last.Who == c.Who && s.Last.Evidence == c.Evidence
}

// foreign tells whether somebody else changed the flag. An earlier change of whoever
// asks for c, of which it was not known whether it arrived, is none.
func foreign(known, now State, c Change) bool {
	return !Same(known, now) && now.Last.Who != c.Who
}

// changed says who did what.
func changed(known, now State) error {
	who := now.Last.Who
	if who == "" {
		who = "somebody"
	}
	return fmt.Errorf("%w (%v %% by %s at generation %d, where the rollout had %v %%)",
		ErrChanged, now.Percent, who, now.Last.Generation, known.Percent)
}

// sleepUntil returns when t has come; ErrInterrupted says that ctx ended first.
func sleepUntil(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ErrInterrupted
	case <-timer.C:
		return nil
	}
}

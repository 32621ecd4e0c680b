// Package rollout steps the share of traffic that a candidate gets by verdicts:
// where a verdict leads is a pure function of a [Plan], and what was decided counts
// only when the server that routes the traffic has said back that it does so.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	Percent    int
	Generation uint64 // grows with every change, whoever made it
}

// A Server routes traffic by a State.
type Server interface {
	// Read asks the server itself, and no store behind it.
	Read(ctx context.Context) (State, error)
	// Set changes the percentage if the generation is still the one given.
	Set(ctx context.Context, percent int, expected uint64) error
}

// What may go wrong with a change beside the errors of the Server.
var (
	ErrChanged    = errors.New("somebody else changed the stage meanwhile: judge again")
	ErrNotApplied = errors.New("the server does not route by the stage that was set")
)

// Apply sets the server to a percentage and reads it back: a change counts when
// the server says so, not when nobody objected. It moves from the stage that the
// verdict was reached at, and from no other: ErrChanged. After an error the State
// is what was last read.
func Apply(ctx context.Context, s Server, from, to int) (State, error) {
	before, err := s.Read(ctx)
	switch {
	case err != nil:
		return before, fmt.Errorf("the stage in force cannot be read: %w", err)
	case before.Percent != from:
		return before, fmt.Errorf("%w (%d %%, and not %d %%)", ErrChanged, before.Percent, from)
	case from == to:
		return before, nil
	}
	if err := s.Set(ctx, to, before.Generation); err != nil {
		return before, fmt.Errorf("stage %d %% was not set: %w", to, err)
	}
	after, err := s.Read(ctx)
	switch {
	case err != nil:
		return before, fmt.Errorf("stage %d %% was set and cannot be read back: %w", to, err)
	case after.Percent != to || after.Generation == before.Generation:
		return after, fmt.Errorf("%w: it says %d %%, not %d %%", ErrNotApplied, after.Percent, to)
	}
	return after, nil
}

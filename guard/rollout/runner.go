package rollout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// A runner is one rollout in progress.
type runner struct {
	Config
	at     Position
	turn   turn
	last   finding // of this stage
	judged int     // turns that last is of
	looks  int
	failed int // looks in a row
}

// begin starts where the server is.
func (r *runner) begin(ctx context.Context) error {
	found, err := r.Server.Read(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("the flag cannot be read: %w", err)
	case found.Locked:
		return ErrLocked
	case found.Percent == 100:
		return fmt.Errorf("%s is at 100 %% already: there is nothing to roll out", r.Flag)
	case !slices.Contains(r.Plan, int(found.Percent)) || found.Percent != float64(int(found.Percent)):
		return fmt.Errorf("%s is at %v %%, which is no stage of %v: set one of them first", r.Flag, found.Percent, r.Plan)
	case found.Percent > 0 && found.Unit != r.Unit:
		return fmt.Errorf("%s is given to arms by the %s: go on with --unit %[2]s, or begin at 0 %%", r.Flag, found.Unit)
	}
	if r.Seed == 0 {
		r.Seed = drawSeed()
	}
	return r.note(Record{Begin: &Begin{
		ID: rand.Text()[:8], Flag: r.Flag, Plan: r.Plan, Design: r.Design, Unit: r.Unit, Seed: r.Seed,
		Block: r.Block, Washout: r.Washout, Found: found,
	}})
}

// drawSeed returns a seed that is not 0.
func drawSeed() uint64 {
	seed := uint64(1)
	for _, c := range rand.Text()[:10] {
		seed = seed*32 + uint64(c)%32
	}
	return seed
}

// resume makes sure that the journal is of this rollout, and finds out what became
// of a step that was asked for when the process ended.
func (r *runner) resume(ctx context.Context) error {
	b := r.at.Begin
	if r.Seed == 0 {
		r.Seed = b.Seed
	}
	mine := Begin{ID: b.ID, Flag: r.Flag, Plan: r.Plan, Design: r.Design, Unit: r.Unit, Seed: r.Seed, Block: r.Block, Washout: r.Washout, Found: b.Found}
	if !reflect.DeepEqual(b, mine) {
		return fmt.Errorf("the journal is of another rollout (%s, stages %v, %s by the %s, seed %d): name another --out, or repeat its command", b.Flag, b.Plan, b.Design, b.Unit, b.Seed)
	}
	if r.at.Held {
		r.at.Watching = time.Now()
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	switch asked := r.at.Asked; {
	case asked == nil:
		return nil
	case asked.Stage == r.at.Stage:
		return r.note(Record{Drop: "the turn had not begun"})
	case asked.Stage == r.Plan[0]:
		return r.insist(ctx, func() error { return r.take(ctx, *asked) })
	default:
		return r.patiently(ctx, func() error { return r.take(ctx, *asked) })
	}
}

// settle compares what the server routes by with what is known, and finds out
// whether a step that was asked for was taken.
func (r *runner) settle(ctx context.Context) error {
	now, err := r.Server.Read(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("the flag cannot be read: %w", err)
	case r.at.Asked != nil && applied(now, r.change(*r.at.Asked)):
		return r.note(Record{Done: &Done{now}})
	case !Same(r.at.Known, now):
		return changed(r.at.Known, now)
	case now.Locked:
		return ErrLocked
	}
	r.at.Known.Generation = now.Generation // nobody changed the flag up to then
	return nil
}

// note writes a record and moves on by it.
func (r *runner) note(rec Record) error {
	rec.At = time.Now().UTC()
	if err := r.Journal.Append(rec); err != nil {
		return err
	}
	return r.at.add(rec)
}

func (r *runner) change(s Step) Change {
	return Change{Percent: s.Percent, Unit: r.Unit, Who: "firstbyte rollout " + r.at.Begin.ID, Evidence: s.Evidence}
}

// step has the flag changed: the journal first, then the server, which is read back,
// then the journal again. A step that was asked for before and of which it is not
// known whether it was taken is settled first.
func (r *runner) step(ctx context.Context, stage, percent int, why string) error {
	if asked := r.at.Asked; asked != nil {
		if asked.Stage == stage && asked.Percent == percent {
			return r.take(ctx, *asked)
		}
		if err := r.settle(ctx); err != nil {
			return err
		}
		if r.at.Asked != nil {
			if err := r.note(Record{Drop: "another step is taken instead"}); err != nil {
				return err
			}
		}
	}
	s := Step{N: r.at.Steps + 1, Stage: stage, Percent: percent}
	s.Evidence = fmt.Sprintf("step %d: %s", s.N, why)
	if err := r.note(Record{Ask: &s}); err != nil {
		return err
	}
	return r.take(ctx, s)
}

func (r *runner) take(ctx context.Context, s Step) error {
	now, err := Apply(ctx, r.Server, r.at.Known, r.change(s))
	if err != nil {
		return err
	}
	moved := s.Stage != r.at.Stage
	if err := r.note(Record{Done: &Done{now}}); err != nil {
		return err
	}
	if moved {
		r.turn, r.last, r.judged = turn{}, finding{}, 0
		r.tell(Event{Kind: Moved, Why: s.Evidence})
	} else {
		r.tell(Event{Kind: Turned, Why: s.Evidence})
	}
	return nil
}

// patiently does what may fail for a while, as when the server restarts. What does
// not mend itself is no matter of patience.
func (r *runner) patiently(ctx context.Context, do func() error) error {
	for tries := 0; ; tries++ {
		err := do()
		if err == nil || final(err) || tries >= r.Patience {
			return err
		}
		r.tell(Event{Kind: Trouble, Why: err.Error()})
		if err := sleepUntil(ctx, time.Now().Add(r.Every)); err != nil {
			return err
		}
	}
}

func final(err error) bool {
	for _, is := range [...]error{ErrChanged, ErrLocked, ErrRefused, ErrJournal, ErrInterrupted} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// run goes through the stages until the rollout is over.
func (r *runner) run(ctx context.Context) (Outcome, error) {
	look := time.Now() // who goes on looks at once
	if r.at.Stage == r.Plan[0] && r.at.Steps == 0 {
		if err := r.patiently(ctx, func() error { return r.climb(ctx, "the plan begins") }); err != nil {
			return Outcome{}, err
		}
		look = look.Add(r.Every)
	}
	for {
		if out, over, err := r.over(); over || err != nil {
			return out, err
		}
		if err := r.takeTurns(ctx); err != nil {
			return Outcome{}, err
		}
		next := look
		if r.turn.running && r.turn.until.Before(look) {
			next = r.turn.until
		}
		if err := sleepUntil(ctx, next); err != nil {
			return Outcome{}, err
		}
		if next.Before(look) {
			continue
		}
		look = time.Now().Add(r.Every)
		if out, err := r.look(ctx); out.Decision != "" || err != nil {
			return out, err
		}
	}
}

// over tells whether the rollout has come to its end: where the server is says so,
// whatever kept the journal from it.
func (r *runner) over() (Outcome, bool, error) {
	end := r.at.End
	switch {
	case end != nil:
	case r.at.Stage == r.Plan[0]:
		end = &End{judge.Rollback, "rolled back: " + r.at.Last}
	case r.at.Stage == 100 && r.Design == sample.Split:
		end = &End{judge.Promote, "promoted: " + r.at.Last}
	default:
		return Outcome{}, false, nil
	}
	return r.end(*end)
}

// end writes down how it came out.
func (r *runner) end(end End) (Outcome, bool, error) {
	if r.at.End == nil {
		if err := r.note(Record{End: &end}); err != nil {
			return Outcome{}, false, err
		}
	}
	out := Outcome{end.Decision, int(r.at.Known.Percent), end.Why}
	r.tell(Event{Kind: Ended, Decision: end.Decision, Why: end.Why})
	return out, true, nil
}

// climb takes the next stage up. A stage of a switchback begins with the
// candidate's share in force, which a turn may take back at once.
func (r *runner) climb(ctx context.Context, why string) error {
	next, err := r.Plan.Next(r.at.Stage, judge.Promote)
	if err != nil {
		return err
	}
	return r.step(ctx, next, next, why)
}

func (r *runner) tell(e Event) {
	if r.Tell == nil {
		return
	}
	e.At, e.Flag, e.Stage, e.Percent = time.Now().UTC(), r.Flag, r.at.Stage, r.at.Known.Percent
	r.Tell(e)
}

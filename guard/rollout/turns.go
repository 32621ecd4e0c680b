package rollout

import (
	"context"
	"fmt"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/watch"
)

// A turn is the time block of a switchback that is running: the wash-out, and the
// span after it that counts. Two turns are a pair; a pair of which a killed rollout
// ran one half begins anew.
type turn struct {
	running bool
	second  bool // of its pair
	on      bool // the candidate's
	from    time.Time
	until   time.Time
	first   watch.Span // the first half, in the second
}

// takeTurns ends the turn whose time is over and begins the next. The span of a turn
// is what was planned when it began: an end that comes late adds nothing to it.
func (r *runner) takeTurns(ctx context.Context) error {
	if r.Design != sample.Switchback || r.turn.running && time.Now().Before(r.turn.until) {
		return nil
	}
	next := turn{running: true, on: candidateFirst(r.Seed, r.at.Stage, len(r.at.Turns))}
	if r.turn.running {
		span := watch.Span{From: r.turn.from, Until: r.turn.until}
		if r.turn.second {
			pair := watch.Turns{Off: span, On: r.turn.first}
			if r.turn.on {
				pair = watch.Turns{Off: r.turn.first, On: span}
			}
			if err := r.note(Record{Turns: &TurnsDone{len(r.at.Turns), pair}}); err != nil {
				return err
			}
			next.on = candidateFirst(r.Seed, r.at.Stage, len(r.at.Turns))
		} else {
			next.second, next.on, next.first = true, !r.turn.on, span
		}
	}
	percent := 0
	if next.on {
		percent = r.at.Stage
	}
	if err := r.set(ctx, percent, fmt.Sprintf("turns %d of the stage at %d %%", len(r.at.Turns)+1, r.at.Stage)); err != nil {
		return err
	}
	next.from = time.Now().UTC().Round(0).Add(r.Washout)
	next.until = next.from.Add(r.Block)
	r.turn = next
	return nil
}

// set brings the flag to a percentage within the stage, if it is not there.
func (r *runner) set(ctx context.Context, percent int, why string) error {
	if r.at.Asked == nil && r.at.Known.Percent == float64(percent) {
		return nil
	}
	return r.patiently(ctx, func() error { return r.step(ctx, r.at.Stage, percent, why) })
}

// settled are the turns whose requests have had a wash-out's time to end.
func (r *runner) settled() []watch.Turns {
	n := len(r.at.Turns)
	for n > 0 && time.Since(r.at.Turns[n-1].End()) < r.Washout {
		n--
	}
	return r.at.Turns[:n]
}

package load

import (
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// A pacer lets vegeta start request k at the instant that was planned for it.
// It waits itself, on a precise timer, and always returns a wait of 0: vegeta's
// own time.Sleep is half a millisecond late at the median and deaf to Stop.
type pacer struct {
	starts int                  // how many requests there are
	at     []int64              // planned instants; nil: a closed loop starts when a worker is free
	gap    int64                // closed loop: the mean time that starts keep at least; 0: none
	due    int64                // closed loop: when the last start might have been
	now    func() int64         // the clock of the instants
	until  func(at int64) error // returns at the instant; an error ends the attack
	err    error                // what until said; read after the attack
}

var _ vegeta.Pacer = (*pacer)(nil)

// Pace implements [vegeta.Pacer]. vegeta calls it once for each hit, when the one
// before has found a worker.
func (p *pacer) Pace(_ time.Duration, hits uint64) (time.Duration, bool) {
	if hits >= uint64(p.starts) {
		return 0, true
	}
	var at int64 // long past: a closed loop only asks whether the run goes on
	switch {
	case p.at != nil:
		at = p.at[hits]
	case p.gap > 0:
		at = p.capped(hits)
	}
	if p.err = p.until(at); p.err != nil {
		return 0, true
	}
	return 0, false
}

// capped is when a start of a closed loop with a bound of its rate may be: a gap
// after the one before, and at once if the workers were busy for longer. A start
// that is late by less than a gap is made up for, so that the bound is reached
// where the workers allow it; of any time T at most T/gap + 2 starts are in it.
func (p *pacer) capped(hits uint64) int64 {
	next := p.due + p.gap
	if now := p.now(); hits == 0 || next < now {
		next = now
	}
	p.due = next
	return next
}

// Rate implements [vegeta.Pacer]; an attack never asks for it.
func (*pacer) Rate(time.Duration) float64 { return 0 }

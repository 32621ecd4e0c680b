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
	until  func(at int64) error // returns at the instant; an error ends the attack
	err    error                // what until said; read after the attack
}

var _ vegeta.Pacer = (*pacer)(nil)

// Pace implements [vegeta.Pacer]. It depends on hits alone.
func (p *pacer) Pace(_ time.Duration, hits uint64) (time.Duration, bool) {
	if hits >= uint64(p.starts) {
		return 0, true
	}
	var at int64 // long past: a closed loop only asks whether the run goes on
	if p.at != nil {
		at = p.at[hits]
	}
	if p.err = p.until(at); p.err != nil {
		return 0, true
	}
	return 0, false
}

// Rate implements [vegeta.Pacer]; an attack never asks for it.
func (*pacer) Rate(time.Duration) float64 { return 0 }

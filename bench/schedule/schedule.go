// Package schedule computes when requests are meant to start: pure functions of
// a seed, so that both arms of a block, a shard on another machine and a replay
// next year get the same offsets.
package schedule

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// A Kind names the law of the starts.
type Kind string

// The kinds.
const (
	Constant Kind = "constant" // equal gaps
	Poisson  Kind = "poisson"  // exponential gaps: independent users
	Closed   Kind = "closed"   // a fixed number of workers, each starts when its last answer ended
)

// A Spec describes the starts of one slot. The zero Spec is not valid.
type Spec struct {
	Kind      Kind
	PerSecond float64 // intended starts per second; not for Closed
	Workers   int     // Closed alone: requests in flight at any time
	N         int     // starts
}

// longest bounds the whole schedule, so that offsets cannot overflow.
const longest = 30 * 24 * time.Hour

// Validate reports every problem of the Spec, joined.
func (s Spec) Validate() error {
	var errs []error
	if s.N < 1 {
		errs = append(errs, fmt.Errorf("schedule: %d requests: at least 1 is needed", s.N))
	}
	switch s.Kind {
	case Constant, Poisson:
		errs = append(errs, s.validateRate())
		if s.Workers != 0 {
			errs = append(errs, fmt.Errorf("schedule: %s starts take no number of workers", s.Kind))
		}
	case Closed:
		if s.Workers < 1 {
			errs = append(errs, fmt.Errorf("schedule: closed loop with %d workers: at least 1 is needed", s.Workers))
		}
		if s.PerSecond != 0 {
			errs = append(errs, errors.New("schedule: a closed loop takes no rate"))
		}
	default:
		errs = append(errs, fmt.Errorf("schedule: unknown kind %q: use constant, poisson or closed", s.Kind))
	}
	return errors.Join(errs...)
}

func (s Spec) validateRate() error {
	if math.IsNaN(s.PerSecond) || s.PerSecond <= 0 || s.PerSecond > 1e6 {
		return fmt.Errorf("schedule: %v starts per second: give a rate above 0 and up to 1000000", s.PerSecond)
	}
	if mean := float64(s.N) / s.PerSecond; mean > longest.Seconds() {
		return fmt.Errorf("schedule: %d starts at %v per second last longer than %v", s.N, s.PerSecond, longest)
	}
	return nil
}

// Offsets returns the intended starts in nanoseconds from the slot's beginning,
// never decreasing: the same for the same Spec and seed. A closed loop has no
// intended starts: nil. The Spec must be valid.
func (s Spec) Offsets(seed uint64) []int64 {
	switch s.Kind {
	case Constant:
		return s.constant()
	case Poisson:
		return s.poisson(rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)))
	}
	return nil
}

// constant multiplies instead of adding up, so that rounding does not drift.
func (s Spec) constant() []int64 {
	offsets := make([]int64, s.N)
	for i := range offsets {
		offsets[i] = int64(float64(i) * 1e9 / s.PerSecond)
	}
	return offsets
}

func (s Spec) poisson(r *rand.Rand) []int64 {
	offsets := make([]int64, s.N)
	at := 0.0
	for i := range offsets {
		at += r.ExpFloat64() * 1e9 / s.PerSecond
		offsets[i] = int64(at)
	}
	return offsets
}

// Package schedule computes when requests are meant to start: pure functions of
// a seed, so that both arms of a block, a shard on another machine and a replay
// next year get the same offsets.
//
// A [Spec] is a law of the gaps (constant, Poisson, gamma, on/off) over a rate,
// which may change by [Stage]. An [Entry] is one intended request, as a plan
// writes it to a file and reads it back.
package schedule

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A Kind names the law of the starts.
type Kind string

// The kinds.
const (
	Constant Kind = "constant" // equal gaps
	Poisson  Kind = "poisson"  // exponential gaps: independent users
	// Gamma has gaps of the gamma distribution with Spec.Shape: below 1 burstier
	// than Poisson, 1 is Poisson, above it more even. vLLM calls the shape
	// burstiness. The coefficient of variation of the gaps is 1/sqrt(shape).
	Gamma Kind = "gamma"
	// OnOff is an interrupted Poisson process (Kuczura 1973), the Markov-modulated
	// process of two states one of which is silent: spells of Poisson starts and
	// spells of none, both of exponential length.
	OnOff Kind = "onoff"
	// Closed is a fixed number of workers, each of which starts when its last
	// answer ended.
	Closed Kind = "closed"
	// Listed starts were listed elsewhere, in a file of this package's; Trace
	// starts are those of somebody's recorded traffic. A Spec makes neither.
	Listed Kind = "listed"
	Trace  Kind = "trace"
)

// A Spec describes the starts of one slot. The zero Spec is not valid.
type Spec struct {
	Kind Kind
	// PerSecond is the mean of intended starts per second; in a closed loop the
	// most that may start, 0: as many as the workers can. Not with Stages.
	PerSecond float64
	Stages    []Stage // Constant, Poisson and Gamma: the rate as it changes
	Shape     float64 // Gamma alone
	// On and Off are the mean lengths of OnOff's spells.
	On, Off time.Duration
	Workers int // Closed alone: requests in flight at any time
	N       int // starts
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
	case Constant, Poisson, Gamma, OnOff:
		errs = append(errs, s.validateRate())
		if s.Workers != 0 {
			errs = append(errs, fmt.Errorf("schedule: %s starts take no number of workers", s.Kind))
		}
	case Closed:
		errs = append(errs, s.validateClosed())
	case Listed, Trace:
		if s.PerSecond != 0 || s.Workers != 0 || len(s.Stages) > 0 {
			errs = append(errs, fmt.Errorf("schedule: %s starts are given: they take neither rate nor workers", s.Kind))
		}
	default:
		errs = append(errs, fmt.Errorf("schedule: unknown kind %q: use constant, poisson, gamma, onoff or closed", s.Kind))
	}
	return errors.Join(append(errs, s.validateLaw())...)
}

func (s Spec) validateClosed() error {
	var errs []error
	if s.Workers < 1 {
		errs = append(errs, fmt.Errorf("schedule: closed loop with %d workers: at least 1 is needed", s.Workers))
	}
	if s.PerSecond != 0 && !usable(s.PerSecond) {
		errs = append(errs, fmt.Errorf("schedule: a closed loop of at most %v starts per second: give a rate above 0 and up to 1000000", s.PerSecond))
	}
	if len(s.Stages) > 0 {
		errs = append(errs, errors.New("schedule: a closed loop takes no stages"))
	}
	return errors.Join(errs...)
}

// validateLaw reports what belongs to another law, and what this one lacks.
func (s Spec) validateLaw() error {
	var errs []error
	switch {
	case s.Kind == Gamma && !(s.Shape >= .001 && s.Shape <= 1e6):
		errs = append(errs, fmt.Errorf("schedule: a gamma shape of %v: give one from 0.001 to 1000000, 1 is Poisson", s.Shape))
	case s.Kind != Gamma && s.Shape != 0:
		errs = append(errs, fmt.Errorf("schedule: %s starts take no shape: gamma starts do", s.Kind))
	}
	switch {
	case s.Kind == OnOff && (s.On <= 0 || s.Off <= 0 || max(s.On, s.Off) > 24*time.Hour):
		errs = append(errs, fmt.Errorf("schedule: spells of %v on and %v off: give each a mean above 0 and up to 24h", s.On, s.Off))
	case s.Kind == OnOff && len(s.Stages) > 0:
		errs = append(errs, errors.New("schedule: onoff starts take one rate, no stages"))
	case s.Kind != OnOff && (s.On != 0 || s.Off != 0):
		errs = append(errs, fmt.Errorf("schedule: %s starts have no spells: onoff starts do", s.Kind))
	}
	return errors.Join(errs...)
}

func usable(rate float64) bool { return rate > 0 && rate <= 1e6 }

func (s Spec) validateRate() error {
	if len(s.Stages) > 0 {
		return s.validateStages()
	}
	if !usable(s.PerSecond) {
		return fmt.Errorf("schedule: %v starts per second: give a rate above 0 and up to 1000000", s.PerSecond)
	}
	if mean := float64(s.N) / s.PerSecond; mean > longest.Seconds() {
		return fmt.Errorf("schedule: %d starts at %v per second last longer than %v", s.N, s.PerSecond, longest)
	}
	return nil
}

// Offsets returns the intended starts in nanoseconds from the slot's beginning,
// never decreasing: the same for the same Spec and seed. A closed loop has no
// intended starts, and listed ones are not made here: nil. The Spec must be
// valid.
func (s Spec) Offsets(seed uint64) []int64 {
	source := rand.NewPCG(seed, 0x9e3779b97f4a7c15)
	switch {
	case s.Kind == Closed || s.Kind == Listed || s.Kind == Trace:
		return nil
	case len(s.Stages) > 0:
		return s.staged(s.gaps(source))
	case s.Kind == Constant:
		return s.constant()
	}
	gap := s.gaps(source)
	offsets := make([]int64, s.N)
	at := 0.0
	for i := range offsets {
		at += gap() * 1e9 / s.PerSecond
		offsets[i] = int64(at)
	}
	return offsets
}

// constant multiplies instead of adding up, so that rounding does not drift.
func (s Spec) constant() []int64 {
	offsets := make([]int64, s.N)
	for i := range offsets {
		offsets[i] = int64(float64(i) * 1e9 / s.PerSecond)
	}
	return offsets
}

// Before returns the Spec of n requests that go before those of s, to warm up or
// to settle: by the same law at the rate at which s begins. A closed loop keeps
// its workers. perSecond is the mean rate of listed starts, which have no law:
// theirs is Poisson.
func (s Spec) Before(n int, perSecond float64) Spec {
	s.N = n
	if s.Kind == Listed || s.Kind == Trace {
		return Spec{Kind: Poisson, PerSecond: perSecond, N: n}
	}
	if len(s.Stages) > 0 {
		s.PerSecond = s.Stages[0].firstRate()
		s.Stages = nil
	}
	return s
}

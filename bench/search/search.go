// Package search finds the highest rate of starts that keeps given goals, by
// probes at one rate each. Which rate to try next is a pure function of the probes
// so far; whoever sends the load does the probing.
//
// The way up is doubling, from a first rate until one does not keep the goals, or
// halving while none has. Between the highest rate that kept them and the lowest
// that did not, it is bisection of the logarithm, until the two are close enough.
package search

import (
	"errors"
	"fmt"
	"math"
)

// A Verdict is what came of a probe.
type Verdict string

// The verdicts.
const (
	Met       Verdict = "met"       // every goal, by a measurement that can be trusted
	Broken    Verdict = "not met"   // a goal was not kept
	Saturated Verdict = "saturated" // more and more requests were in flight: no rate to stay at
	Invalid   Verdict = "invalid"   // the measurement cannot be trusted: never a pass
)

// A Probe is one rate that was tried.
type Probe struct {
	PerSecond float64 `json:"per_second"`
	Verdict   Verdict `json:"verdict"`
	Why       string  `json:"why"` // the figures behind it
}

// Options say where to search. None has a default.
type Options struct {
	From      float64 // the first rate to try, per second
	Most      float64 // the highest to try
	Precision float64 // how far apart the two ends of the bracket may stay, as a share
}

// halvings is how often the first rate is halved before it is given up.
const halvings = 10

// Validate joins every problem of the options.
func (o Options) Validate() error {
	var errs []error
	if !(o.From > 0 && o.From <= 1e6) {
		errs = append(errs, fmt.Errorf("search: from %v per second: give a rate above 0 and up to 1000000", o.From))
	}
	if !(o.Most >= o.From && o.Most <= 1e6) {
		errs = append(errs, fmt.Errorf("search: up to %v per second: give a rate from the first one, %v, to 1000000", o.Most, o.From))
	}
	if !(o.Precision >= .005 && o.Precision <= 1) {
		errs = append(errs, fmt.Errorf("search: a precision of %v: give one from 0.005 to 1", o.Precision))
	}
	return errors.Join(errs...)
}

// A Bracket is what probes have shown.
type Bracket struct {
	Met    *Probe // of the highest rate that kept the goals; nil: none did
	NotMet *Probe // of the lowest above it that did not; nil: none was tried
}

// Show returns the bracket of the probes. A rate that was probed again counts by
// its last probe, and one that is above another that did not keep the goals counts
// for nothing: load that sometimes passes does not pass.
func Show(probes []Probe) Bracket {
	last := map[float64]*Probe{}
	for i := range probes {
		last[probes[i].PerSecond] = &probes[i]
	}
	var b Bracket
	for _, p := range last {
		if p.Verdict != Met && (b.NotMet == nil || p.PerSecond < b.NotMet.PerSecond) {
			b.NotMet = p
		}
	}
	for _, p := range last {
		below := b.NotMet == nil || p.PerSecond < b.NotMet.PerSecond
		if p.Verdict == Met && below && (b.Met == nil || p.PerSecond > b.Met.PerSecond) {
			b.Met = p
		}
	}
	return b
}

// Next returns the rate to try after these probes; ok is false when the search has
// ended. A probe that was invalid is tried once more: a machine that was busy for a
// moment is no limit of the target. One that is never quiet measures none: the
// search gives up after six invalid probes in a row.
func (o Options) Next(probes []Probe) (rate float64, ok bool) {
	if len(probes) == 0 {
		return o.From, true
	}
	if invalid(probes) >= givenUp {
		return 0, false
	}
	if last := probes[len(probes)-1]; last.Verdict == Invalid && count(probes, last.PerSecond) == 1 {
		return last.PerSecond, true
	}
	b := Show(probes)
	switch {
	case b.Met == nil:
		next := b.NotMet.PerSecond / 2
		return next, next >= o.From/math.Pow(2, halvings)
	case b.NotMet == nil:
		return min(2*b.Met.PerSecond, o.Most), b.Met.PerSecond < o.Most
	}
	low, high := b.Met.PerSecond, b.NotMet.PerSecond
	return math.Sqrt(low * high), high/low > 1+o.Precision
}

// givenUp is after how many invalid probes in a row a search ends.
const givenUp = 6

// invalid is how many of the last probes were.
func invalid(probes []Probe) (n int) {
	for n < len(probes) && probes[len(probes)-1-n].Verdict == Invalid {
		n++
	}
	return n
}

func count(probes []Probe, rate float64) (n int) {
	for _, p := range probes {
		if p.PerSecond == rate {
			n++
		}
	}
	return n
}

// Find probes until the search has ended. The error is the probe's own, and comes
// with the probes before it.
func (o Options) Find(probe func(perSecond float64, nth int) (Probe, error)) ([]Probe, error) {
	var probes []Probe
	for {
		rate, ok := o.Next(probes)
		if !ok {
			return probes, nil
		}
		p, err := probe(rate, len(probes))
		if err != nil {
			return probes, err
		}
		probes = append(probes, p)
	}
}

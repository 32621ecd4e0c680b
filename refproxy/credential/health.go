package credential

import (
	"math"
	"time"
)

const (
	// halfLife is how long it takes until a result counts half.
	halfLife = 60 * time.Second
	// maxCool bounds every cooldown.
	maxCool = 24 * time.Hour
	// earlyProbe is how often a cooldown longer than it is probed before its end:
	// quotas are at times reset long before the upstream had said.
	earlyProbe = 15 * time.Minute
	// probeTime is when to ask again where a probe is under way, of which nobody
	// knows how long it takes.
	probeTime = time.Second
)

// evidence counts results, each of which counts less with time.
type evidence struct {
	at              time.Time // what the counts are as of
	results         float64
	limited, failed float64
	timed, latency  float64 // results that had a first token, and the sum of its seconds
}

// fade brings the counts to now.
func (e *evidence) fade(now time.Time) {
	if past := now.Sub(e.at); past > 0 {
		left := math.Exp2(-float64(past) / float64(halfLife))
		e.results *= left
		e.limited *= left
		e.failed *= left
		e.timed *= left
		e.latency *= left
		e.at = now
	}
}

func (e *evidence) add(r Result, now time.Time) {
	e.fade(now)
	e.results++
	switch {
	case r.RateLimited:
		e.limited++
	case r.Failed:
		e.failed++
	}
	if r.FirstToken > 0 {
		e.timed++
		e.latency += r.FirstToken.Seconds()
	}
}

// limitedRate and failedRate assume one success more than there was: without it a
// share would stay as it is when all of it fades.
func (e *evidence) limitedRate() float64 { return e.limited / (e.results + 1) }
func (e *evidence) failedRate() float64  { return e.failed / (e.results + 1) }

// A cooldown is why, and how long, nothing is asked of something. The zero value
// is closed.
type cooldown struct {
	until  time.Time // zero: closed
	length time.Duration
	early  time.Time // of the next early probe; zero: none
	reason string
	stamp  time.Time // of the last change
	opened uint64    // leases with a lower sequence were given before it
	probe  *Lease    // that is under way
	after  bool      // the probe began after the end
}

func (c *cooldown) open() bool { return !c.until.IsZero() }

// lets tells whether a request may pass: freely, or as the probe.
func (c *cooldown) lets(now time.Time) bool {
	return !c.open() || c.probe == nil && (!now.Before(c.until) || !c.early.IsZero() && !now.Before(c.early))
}

// cool opens c, or puts its end off.
func (c *cooldown) cool(until, now time.Time, reason string, sequence uint64) {
	if latest := now.Add(maxCool); until.After(latest) {
		until = latest
	}
	if !until.After(now) || !until.After(c.until) {
		return
	}
	if c.probe == nil {
		c.length = until.Sub(now)
		if !now.Before(c.until) { // closed or half-open: a new one
			c.opened, c.early = sequence, time.Time{}
		}
	}
	if c.early.IsZero() && until.Sub(now) > earlyProbe {
		c.early = now.Add(earlyProbe)
	}
	c.until, c.reason, c.stamp = until, reason, now
}

// shut closes c.
func (c *cooldown) shut(now time.Time) { *c = cooldown{stamp: now} }

// begin makes l the probe, where c needs one.
func (c *cooldown) begin(l *Lease, now time.Time) {
	if !c.open() {
		return
	}
	c.probe, c.after = l, !now.Before(c.until)
	if !c.early.IsZero() {
		c.early = now.Add(earlyProbe)
	}
}

// next is when c lets a request pass by itself, if it does not now; nobody knows of
// a probe when it is over.
func (c *cooldown) next(now time.Time) time.Time {
	switch {
	case c.probe != nil:
		return now.Add(maxCool)
	case !c.early.IsZero() && c.early.Before(c.until):
		return c.early
	}
	return c.until
}

// settle ends the probe l. Success is not its business: a success closes c
// whoever had it.
func (c *cooldown) settle(l *Lease, r Result, now time.Time) {
	if c.probe != l {
		return
	}
	c.probe = nil
	if r.neutral() || r.OK || !c.after {
		return
	}
	c.length = min(2*c.length, maxCool)
	if until := now.Add(c.length); until.After(c.until) {
		c.until = until
	}
	if c.length > earlyProbe {
		c.early = now.Add(earlyProbe)
	}
	c.stamp = now
}

// A health is what is known of one credential with one model, or of the whole
// credential, which has no evidence of its own.
type health struct {
	model *model // nil: the whole credential
	evidence
	cooldown
	unsaved bool
}

// idle tells that forgetting h loses nothing.
func (h *health) idle(now time.Time) bool {
	return !h.open() && !h.unsaved && now.Sub(h.at) > 10*halfLife && now.Sub(h.stamp) > 10*halfLife
}

// A model is what is known of one over all credentials.
type model struct {
	name string
	evidence
	until  time.Time // of its lack of capacity; zero or past: it has some
	reason string
	// cooling counts, by side, the members that cool for this model but not as a
	// whole.
	cooling [sides]int
	healths int // that point here
	shut    [sides]shut
}

// A shut is that a scan of all who may serve a model has found nobody, by the side
// that the model belongs to: there is no need to look again until something
// changes.
type shut struct {
	epoch uint64 // Pool.epoch, of which it is true
	until time.Time
	why   Unavailable
}

// slow is the latency's part of the score, from 0 to 0.5.
func (m *model) slow(h *health) float64 {
	if !(m.timed > 0 && m.latency > 0) { // after a day either may have faded first
		return 0
	}
	mean := m.latency / m.timed
	own := (h.latency + mean) / (h.timed + 1) // the mean itself where there is no evidence
	return slowTerm * min(1, max(0, own/mean-1))
}

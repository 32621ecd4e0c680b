package retry

import (
	"net/http"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// minJitter is the least span of the baseline's jitter.
const minJitter = 200 * time.Millisecond

// baseline is the earlier behaviour; what is wrong with it is meant to be.
type baseline struct {
	p       Policy
	random  func() float64
	retries int
	asked   bool
}

// Baseline returns a decider of the earlier behaviour for a request. random
// returns numbers in [0, 1).
func Baseline(p Policy, random func() float64) Decider { return &baseline{p: p, random: random} }

// Next sleeps the flat interval, its caller sleeps it once more, and then another
// credential is drawn. What it knew of back-off it used as a cooldown only, and
// of all hints it read the quota's reset.
func (b *baseline) Next(e *chat.Error, now time.Time) Decision {
	b.asked = true
	d := Decision{Class: classOf(e)}
	if dead := b.p.remember(e, now); dead.Disable != "" {
		// A credential that is no good is given up whatever the policy: to draw it
		// again would be a fault of neither.
		d.Scope, d.Disable = dead.Scope, dead.Disable
	}
	if e.Status != http.StatusTooManyRequests && e.Status != http.StatusServiceUnavailable || b.retries >= b.p.Retries {
		d.Final = e
		return d
	}
	d.Scope, d.Cool = ScopeCredentialModel, b.cool(e, now)
	d.Again, d.Rotate, d.Wait, d.Sleeps = true, true, b.p.Interval, 2
	b.retries++
	return d
}

// cool is min(Cap, I*2^n + U(0, max(0.2 s, I))): at the cap it has no jitter.
func (b *baseline) cool(e *chat.Error, now time.Time) time.Duration {
	if !e.ResetAt.IsZero() {
		return min(max(0, e.ResetAt.Sub(now)), b.p.MaxCool)
	}
	return min(b.p.ceiling(b.retries)+scale(max(minJitter, b.p.Interval), b.random()), b.p.Cap)
}

// Without keeps the credential it has. That a request which has none is told so
// with a wait, and not with a 500, is the one thing that is not as it was.
func (b *baseline) Without(s Shortage, now time.Time) Decision {
	if b.asked {
		return Decision{Again: true}
	}
	e := s.failure(s.wait(now))
	return Decision{Class: e.Class, Final: e}
}

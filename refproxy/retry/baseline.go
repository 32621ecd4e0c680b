package retry

import (
	"net/http"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// baseline is the earlier behaviour; what is wrong with it is meant to be.
type baseline struct {
	p       Policy
	retries int
	asked   bool
}

// Baseline returns a decider of the earlier behaviour for a request.
func Baseline(p Policy) Decider { return &baseline{p: p} }

// Next sleeps the flat interval, its caller sleeps it once more, and then another
// credential is drawn. What a failure says of a credential is remembered as ever:
// how long one is left alone is for whoever chooses them, and who draws blindly does
// not ask. (The earlier back-off cooled a credential for every 429, also for a model
// without capacity; where a scheduler heeds that, one busy model takes all of them
// out, and requests are refused that would have been served.)
func (b *baseline) Next(e *chat.Error, now time.Time) Decision {
	b.asked = true
	d := b.p.remember(e, now)
	if e.Status != http.StatusTooManyRequests && e.Status != http.StatusServiceUnavailable || b.retries >= b.p.Retries {
		d.Final = e
		return d
	}
	d.Again, d.Rotate, d.Wait, d.Sleeps = true, true, b.p.Interval, 2
	b.retries++
	return d
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

// Left is nothing to it: it counts on nobody's budget.
func (b *baseline) Left() {}

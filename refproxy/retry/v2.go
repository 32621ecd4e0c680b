package retry

import (
	"net/http"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// v2 is one request's way through the decision list.
type v2 struct {
	p      Policy
	budget *Budget
	random func() float64
	req    Request

	last      *chat.Error   // nil before the first failure
	passing   *chat.Error   // the last one that time heals, of whichever credential
	known     Decision      // what was said of last, for Without
	stay      bool          // last's credential may be asked again
	least     time.Duration // but not before this
	waits     int           // attempts that followed a wait
	short     int           // those of them after a failing upstream
	moved     bool          // a credential was left for lack of capacity or model
	refreshed bool          // the present credential's token was renewed
	repaired  bool          // the signatures were taken out
	paid      bool          // a token was taken, and nothing asked for it yet
	queued    time.Duration // waited for the pool since the last attempt
}

// V2 returns a decider for a request, which adds to the budget; a nil budget has
// no limit. random returns numbers in [0, 1).
func V2(p Policy, b *Budget, random func() float64, r Request) Decider {
	b.request()
	return &v2{p: p, budget: b, random: random, req: r}
}

// Next follows the decision list.
func (v *v2) Next(e *chat.Error, now time.Time) Decision {
	d := v.p.remember(e, now)
	v.last, v.known, v.stay, v.least, v.paid, v.queued = e, Decision{Class: d.Class}, false, d.Cool, false, 0
	if d.Class == chat.ClassRate || d.Class == chat.ClassCapacity {
		v.passing = e
	}
	switch d.Class {
	case chat.ClassNetwork, chat.ClassUpstream, chat.ClassEmpty:
		v.least = hint(e, now)
		return v.backOffShort(d, now)
	case chat.ClassSignature:
		if v.repaired || e.Terminal {
			return v.stop(d, e)
		}
		v.repaired, d.Repair = true, true
		return v.again(d, now)
	case chat.ClassAuth:
		return v.refresh(d, now)
	case chat.ClassCapacity:
		return v.elsewhere(d, now)
	case chat.ClassNotFound:
		if !v.req.Preview || v.moved {
			return v.stop(d, v.healing(e, now))
		}
		v.moved = true
		return v.rotate(d, now)
	case chat.ClassRate:
		v.stay = true
		return v.rotate(d, now)
	case chat.ClassRegion, chat.ClassVerification, chat.ClassBanned, chat.ClassPermission,
		chat.ClassNoQuota, chat.ClassBilling, chat.ClassDaily:
		return v.rotate(d, now)
	default: // ClassContext, ClassInvalid, ClassUnknown
		return v.stop(d, e)
	}
}

// refresh renews a token once before the credential is given up.
func (v *v2) refresh(d Decision, now time.Time) Decision {
	if v.last.Status != http.StatusUnauthorized || v.last.Terminal || v.refreshed {
		return v.rotate(d, now)
	}
	v.refreshed = true
	return v.again(Decision{Class: d.Class, Refresh: true}, now)
}

// elsewhere asks one other credential where a model is busy: capacity is drawn
// anew for each request. After that, or if the upstream has said how long, time
// alone can help.
func (v *v2) elsewhere(d Decision, now time.Time) Decision {
	v.stay = true
	if v.moved || d.Cool > 0 {
		return v.backOff(d, now)
	}
	v.moved = true
	return v.rotate(d, now)
}

// rotate goes on with another credential. Where the one that failed is alone to
// blame that takes no token: it is no load on an upstream that has trouble, and
// the budget of all requests must not be spent on a pool of which a part is used
// up. The pool bounds it.
func (v *v2) rotate(d Decision, now time.Time) Decision {
	v.refreshed = false
	d.Rotate = true
	if d.Scope == ScopeModel {
		return v.again(d, now)
	}
	if v.left(now) <= 0 {
		return v.stop(d, v.spent(d))
	}
	d.Again = true
	return d
}

func (v *v2) backOffShort(d Decision, now time.Time) Decision {
	if v.short >= v.p.Short {
		return v.stop(d, v.last)
	}
	v.short++
	return v.backOff(d, now)
}

// backOff asks the same credential again after a wait.
func (v *v2) backOff(d Decision, now time.Time) Decision {
	wait := v.p.backOff(v.waits, v.least, v.random)
	if v.waits >= v.p.Retries || wait > v.left(now) {
		return v.stop(d, v.asking(v.soon()))
	}
	d.Wait, d.Sleeps = wait, 1
	if d = v.again(d, now); d.Again {
		v.waits++
	}
	return d
}

// again asks once more, if time and budget allow.
func (v *v2) again(d Decision, now time.Time) Decision {
	if v.left(now) <= 0 || !v.budget.take() {
		return v.stop(d, v.spent(d))
	}
	v.paid, d.Again = true, true
	return d
}

// pay takes a token for the next attempt, unless it was taken.
func (v *v2) pay() bool {
	if !v.paid {
		v.paid = v.budget.take()
	}
	return v.paid
}

// stop ends the request with e. What others have to know stays in d.
func (v *v2) stop(d Decision, e *chat.Error) Decision {
	return Decision{Class: d.Class, Scope: d.Scope, Cool: d.Cool, Disable: d.Disable, Final: e}
}

// left is the time that the request has.
func (v *v2) left(now time.Time) time.Duration { return v.req.Begun.Add(v.p.Total).Sub(now) }

// soon is when the caller may ask again: no sooner than we would.
func (v *v2) soon() time.Duration { return max(v.least, v.p.ceiling(v.waits)) }

// asking returns the last failure with a wait for the caller, if it is of a kind
// that passes.
func (v *v2) asking(wait time.Duration) *chat.Error {
	switch classOf(v.last) {
	case chat.ClassRate, chat.ClassCapacity, chat.ClassDaily, chat.ClassNoQuota:
		return told(v.last, wait)
	default:
		return v.last
	}
}

// healing returns what is told in the place of e, which is of one credential alone,
// if another one has failed for a reason that passes: a model without capacity is no
// model that is not there, and the caller is to come again.
func (v *v2) healing(e *chat.Error, now time.Time) *chat.Error {
	if v.passing == nil || v.stay {
		return e
	}
	return told(v.passing, max(hint(v.passing, now), v.p.ceiling(v.waits)))
}

// spent is what a request is told that has neither time nor budget left. One
// whose credential alone is to blame is to come again, and not to be refused for
// it.
func (v *v2) spent(d Decision) *chat.Error {
	if v.stay || !d.Rotate && !d.Refresh {
		return v.asking(v.soon())
	}
	return &chat.Error{
		Kind: chat.KindOverloaded, Class: d.Class, RetryAfter: v.p.Interval, Cause: v.last,
		Message: "the proxy's credential could not serve this request, and trying another one would take too long at present; send it again",
	}
}

// Without waits for the credential that failed, or for another one, whichever
// comes first. It waits once: then the one that failed is asked, if that is
// enough for it. So it is of a quota whose day has ended meanwhile.
func (v *v2) Without(s Shortage, now time.Time) Decision {
	d := v.known
	if v.queued > 0 {
		if !v.stay && v.least == 0 || v.queued < v.least || v.left(now) <= 0 {
			return v.refuse(s, now)
		}
		d.Again = true
		return d
	}
	other := !s.Soonest.IsZero()
	wait := s.wait(now) + scale(v.p.Interval, v.random())
	if own := v.p.backOff(v.waits, v.least, v.random); v.stay && (!other || own <= wait) {
		wait, other = own, false
	}
	if v.waits >= v.p.Retries || wait > v.left(now) || !other && !v.stay || !v.pay() {
		return v.refuse(s, now)
	}
	v.waits++
	d.Again, d.Rotate, d.Wait, d.Sleeps = true, other, wait, 1
	if other {
		v.queued = max(wait, 1)
	}
	return d
}

// Left gives the token back of a retry that does not take place.
func (v *v2) Left() {
	if v.paid {
		v.budget.giveBack()
		v.paid = false
	}
}

// refuse tells a request that nobody can serve when somebody may.
func (v *v2) refuse(s Shortage, now time.Time) Decision {
	v.Left()
	e := v.shortage(s, now)
	d := v.known
	if v.last == nil {
		d.Class = e.Class
	}
	d.Final = e
	return d
}

func (v *v2) shortage(s Shortage, now time.Time) *chat.Error {
	wait := s.wait(now)
	switch {
	case v.last == nil:
		return s.failure(wait)
	case s.Soonest.IsZero():
		return v.healing(v.asking(v.soon()), now)
	case v.stay:
		return told(v.last, min(wait, v.soon()))
	case classOf(v.last) == chat.ClassDaily || classOf(v.last) == chat.ClassNoQuota:
		e := told(v.last, wait)
		e.Terminal = wait > longWait // another credential's turn may come sooner
		return e
	}
	e := s.failure(wait)
	e.Cause = v.last
	return e
}

// wait is how long the pool will have nothing, 0 if it never has.
func (s Shortage) wait(now time.Time) time.Duration {
	if s.Soonest.IsZero() {
		return 0
	}
	return max(0, s.Soonest.Sub(now))
}

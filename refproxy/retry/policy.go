package retry

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// A Policy is the numbers of both policies. Default has those of the wire
// reference, section 5; a zero Policy never tries again.
type Policy struct {
	// Interval is the unit of waits: the first back-off is at most this long, and
	// the baseline always waits this long. Cap bounds a back-off without a hint.
	Interval, Cap time.Duration
	// Retries bounds the attempts after a wait that one request gets, and Short
	// those of them that follow a failing upstream or network.
	Retries, Short int
	// Total is the time since a request came after which it is answered rather
	// than tried again. The baseline knows no such limit.
	Total time.Duration
	// Share is how many retries each request adds to the process's budget, and
	// Burst how many that holds at most; see Budget.
	Share float64
	Burst int
	// RateCool and MinuteCool are how long a credential is left alone after a rate
	// limit without a hint, and after a quota per minute; DeniedCool after a
	// refusal or a missing model; NoneCool where there is no quota or no credit.
	// MaxCool bounds every one, the upstream's hints too.
	RateCool, MinuteCool, DeniedCool, NoneCool, MaxCool time.Duration
	// ResetZone is where quotas per day are reset at midnight, where the upstream
	// names no time; nil is UTC.
	ResetZone *time.Location
}

// Default returns the policy of the wire reference. Quotas per day are taken to
// be reset at midnight in Los Angeles, or in UTC on a machine that knows no
// time zones.
func Default() Policy {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		zone = time.UTC
	}
	return Policy{
		Interval: time.Second, Cap: 12 * time.Second, Retries: 5, Short: 2, Total: 30 * time.Second,
		Share: 0.1, Burst: 10,
		RateCool: 10 * time.Second, MinuteCool: time.Minute, DeniedCool: 10 * time.Minute, NoneCool: time.Hour, MaxCool: 24 * time.Hour,
		ResetZone: zone,
	}
}

// Validate returns every problem of p.
func (p Policy) Validate() error {
	var all []error
	for name, d := range map[string]time.Duration{
		"interval": p.Interval, "cap": p.Cap, "total": p.Total, "rate cool": p.RateCool, "minute cool": p.MinuteCool,
		"denied cool": p.DeniedCool, "none cool": p.NoneCool, "max cool": p.MaxCool,
	} {
		if d < 0 {
			all = append(all, fmt.Errorf("retry: %s is %v, want 0 or more", name, d))
		}
	}
	if p.Retries < 0 || p.Short < 0 || p.Burst < 0 {
		all = append(all, fmt.Errorf("retry: retries %d, short %d and burst %d must be 0 or more", p.Retries, p.Short, p.Burst))
	}
	if !(p.Share >= 0 && p.Share <= maxShare) {
		all = append(all, fmt.Errorf("retry: a share of %v, want 0 to %d retries per request", p.Share, maxShare))
	}
	return errors.Join(all...)
}

// maxShare is the largest share of a budget, in retries per request.
const maxShare = 100

// ceiling is the longest back-off of retry n, counted from 0.
func (p Policy) ceiling(n int) time.Duration {
	d := p.Interval
	for range n {
		if d >= p.Cap {
			break
		}
		d *= 2
	}
	return min(d, p.Cap)
}

// backOff returns a wait with full jitter before retry n, and at least least.
func (p Policy) backOff(n int, least time.Duration, random func() float64) time.Duration {
	r := random()
	wait := scale(p.ceiling(n), r)
	if least > 0 {
		wait = max(wait, least+scale(p.Interval, r))
	}
	return wait
}

func scale(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }

// remember returns the decision about a failure as far as it concerns others
// than its request.
func (p Policy) remember(e *chat.Error, now time.Time) Decision {
	d := Decision{Class: classOf(e)}
	switch d.Class {
	case chat.ClassAuth, chat.ClassVerification, chat.ClassBanned:
		d.Scope, d.Disable = ScopeCredential, cmp.Or(e.Message, d.Class.String())
	case chat.ClassRegion:
		d.Scope = ScopeCredential
	case chat.ClassPermission, chat.ClassNotFound:
		d.Scope, d.Cool = ScopeCredentialModel, p.DeniedCool
	case chat.ClassNoQuota:
		d.Scope, d.Cool = ScopeCredentialModel, p.NoneCool
	case chat.ClassBilling:
		d.Scope, d.Cool = ScopeCredential, p.NoneCool
	case chat.ClassCapacity:
		d.Scope, d.Cool = ScopeModel, hint(e, now)
	case chat.ClassDaily:
		d.Scope, d.Cool = ScopeProjectModel, p.dailyCool(e, now)
	case chat.ClassRate:
		d.Scope, d.Cool = ScopeCredentialModel, p.rateCool(e, now)
	default:
		return d // nobody else's business
	}
	d.Cool = min(d.Cool, p.MaxCool)
	return d
}

func (p Policy) dailyCool(e *chat.Error, now time.Time) time.Duration {
	if wait := hint(e, now); wait > 0 {
		return wait
	}
	zone := cmp.Or(p.ResetZone, time.UTC)
	year, month, day := now.In(zone).Date()
	return time.Date(year, month, day+1, 0, 0, 0, 0, zone).Sub(now)
}

// rateCool is 0 for a limit of which nothing is known: a retry may heal it, and
// then nothing is to be locked.
func (p Policy) rateCool(e *chat.Error, now time.Time) time.Duration {
	switch wait := hint(e, now); {
	case wait > 0:
		return wait
	case e.Reason == "RATE_LIMIT_EXCEEDED":
		return p.RateCool
	case e.Window == time.Minute:
		return p.MinuteCool
	}
	return 0
}

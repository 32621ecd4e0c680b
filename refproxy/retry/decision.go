package retry

import (
	"fmt"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// Scope says of what a failure tells something.
type Scope uint8

// The scopes, from nothing at all to everyone who asks a model.
const (
	// ScopeNone is the request or the upstream: no credential is to blame.
	ScopeNone Scope = iota
	// ScopeCredential is the credential, whatever is asked with it.
	ScopeCredential
	// ScopeCredentialModel is the credential, for this model.
	ScopeCredentialModel
	// ScopeProjectModel is every credential of its project, for this model.
	ScopeProjectModel
	// ScopeModel is the model, whoever asks.
	ScopeModel
)

// String returns the scope's name, for logs.
func (s Scope) String() string {
	names := [...]string{"none", "credential", "credential_model", "project_model", "model"}
	if int(s) >= len(names) {
		return fmt.Sprintf("scope(%d)", uint8(s))
	}
	return names[s]
}

// A Decision says what follows a failure. It is carried out in this order:
// remember (Disable, Cool), sleep Wait as often as Sleeps says, and then, with
// Again, ask: with Rotate by another credential, for which the pool is asked
// now; if it has none, Decider.Without decides anew. Without Rotate the
// credential that failed stays.
type Decision struct {
	// Class is what the failure was taken for, for the record.
	Class chat.Class
	// Again says that the upstream is asked once more. Else Final is told.
	Again bool
	// Rotate wants another credential than those that this request has tried. Of
	// a decision of Without, which has waited for one, those count no more.
	Rotate bool
	// Refresh wants the credential's token renewed before it is used again.
	Refresh bool
	// Repair wants the request sent without signatures, [chat.Request.Unsigned];
	// the codec puts the literal of section 3.4 in their place.
	Repair bool
	// Wait is slept Sleeps times: once at most, but in the baseline.
	Wait   time.Duration
	Sleeps int
	// Scope and Cool say what to leave alone for how long; 0 is not at all.
	Scope Scope
	Cool  time.Duration
	// Disable is why the credential is not to be used any more until a person
	// says so; empty for no reason.
	Disable string
	// Final is what to tell the caller, nil with Again. It is the failure itself
	// wherever there is nothing to add.
	Final *chat.Error
}

// A Decider decides for one request. One goroutine uses it.
type Decider interface {
	// Next decides after an attempt that failed with e before any content. A
	// ClassAuth whose token cannot be renewed is to be Terminal, and so is a
	// ClassSignature of a request that cannot be repaired.
	Next(e *chat.Error, now time.Time) Decision
	// Without decides where the pool has no credential to give: to a request that
	// has just come, or after a Decision with Rotate.
	Without(s Shortage, now time.Time) Decision
	// Left says that the caller left before the attempt that was decided upon.
	Left()
}

// A Shortage is a pool without a credential for a request.
type Shortage struct {
	// Soonest is when it may have one again; zero if never.
	Soonest time.Time
	// Capacity says that the model has none, rather than that rates are used up.
	Capacity bool
}

// A Request is what a decider has to know of it.
type Request struct {
	// Begun is when it came in.
	Begun time.Time
	// Preview says that its model is one that only some credentials may use.
	Preview bool
}

// classOf returns the class of a failure. Where nobody has set one, some kinds
// speak for themselves.
func classOf(e *chat.Error) chat.Class {
	if e.Class != chat.ClassUnknown {
		return e.Class
	}
	switch e.Kind {
	case chat.KindNetwork, chat.KindTimeout:
		return chat.ClassNetwork
	case chat.KindEmpty:
		return chat.ClassEmpty
	default:
		return chat.ClassUnknown
	}
}

// hint returns the wait that the upstream asked for, 0 if it asked for none.
func hint(e *chat.Error, now time.Time) time.Duration {
	if e.RetryAfter > 0 {
		return e.RetryAfter
	}
	if e.ResetAt.IsZero() {
		return 0
	}
	return max(0, e.ResetAt.Sub(now))
}

// told returns e with the wait that the caller is asked for, and whether it is
// so long that trying again is in vain. e itself stays as it is.
func told(e *chat.Error, wait time.Duration) *chat.Error {
	final := *e
	final.RetryAfter, final.Terminal = wait, e.Terminal || wait > longWait
	return &final
}

// longWait is from where on a limit is no matter of trying again.
const longWait = 5 * time.Minute

// shortage is the failure of a pool that has nothing to give for so long.
func (s Shortage) failure(wait time.Duration) *chat.Error {
	e := &chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Message: "every credential that could serve this model has to wait for its rate limit"}
	if s.Capacity {
		e = &chat.Error{Kind: chat.KindOverloaded, Class: chat.ClassCapacity, Message: "the model has no capacity at present"}
	}
	if s.Soonest.IsZero() {
		e = &chat.Error{Kind: chat.KindOverloaded, Message: "the proxy has no credential that could serve this model"}
	}
	e.RetryAfter, e.Terminal = wait, wait > longWait
	return e
}

package chat

import (
	"errors"
	"fmt"
	"time"
)

// ErrorKind classes a failure by what the caller should be told. The zero kind
// counts as KindInternal.
type ErrorKind uint8

// The kinds of failure, with the HTTP status that [ErrorKind.Status] gives.
const (
	// KindInternal is our own fault: 500.
	KindInternal ErrorKind = iota
	// KindInvalid is a request that will never work as it is: 400.
	KindInvalid
	// KindAuthentication is a caller without a valid key: 401.
	KindAuthentication
	// KindBilling is exhausted credit: 402.
	KindBilling
	// KindPermission is a refusal by the upstream or of its credential: 403.
	KindPermission
	// KindNotFound is an unknown model or route: 404.
	KindNotFound
	// KindTooLarge is a body over the limit: 413.
	KindTooLarge
	// KindRateLimit is a quota or rate limit: 429.
	KindRateLimit
	// KindCanceled is a caller that went away: 499, never seen by anyone.
	KindCanceled
	// KindEmpty is a 200 of the upstream with no usable answer: empty,
	// malformed function call, or cut before its finish: 500.
	KindEmpty
	// KindUpstream is a failing upstream or an answer we cannot read: 502.
	KindUpstream
	// KindNetwork is an upstream that cannot be reached: 502.
	KindNetwork
	// KindOverloaded is a model without capacity: 503 (529 in Anthropic).
	KindOverloaded
	// KindTimeout is an upstream that did not answer in time: 504.
	KindTimeout
)

var kinds = [...]struct {
	name   string
	status int
}{
	KindInternal:       {"internal", 500},
	KindInvalid:        {"invalid", 400},
	KindAuthentication: {"authentication", 401},
	KindBilling:        {"billing", 402},
	KindPermission:     {"permission", 403},
	KindNotFound:       {"not_found", 404},
	KindTooLarge:       {"too_large", 413},
	KindRateLimit:      {"rate_limit", 429},
	KindCanceled:       {"canceled", 499},
	KindEmpty:          {"empty", 500},
	KindUpstream:       {"upstream", 502},
	KindNetwork:        {"network", 502},
	KindOverloaded:     {"overloaded", 503},
	KindTimeout:        {"timeout", 504},
}

// String returns the kind's name, a metric label.
func (k ErrorKind) String() string {
	if int(k) >= len(kinds) {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return kinds[k].name
}

// Status returns the HTTP status for k in no dialect in particular.
func (k ErrorKind) Status() int {
	if int(k) >= len(kinds) {
		return kinds[KindInternal].status
	}
	return kinds[k].status
}

// Error is the canonical failure. Codecs return it for bad input and read it
// out of upstream answers; the caller's codec writes its envelope.
type Error struct {
	Kind ErrorKind
	// Class is what the failure was to whoever may try again.
	Class Class
	// Status is the HTTP status at the source: the upstream's if it answered
	// with one, or a status of ours more exact than Kind.Status (415, 422);
	// 0 otherwise.
	Status int
	// Message is fit for the caller: no secrets, no internal dumps.
	Message string
	// Reason is the upstream's machine-readable reason or status, may be empty.
	Reason string
	// Path is the offending field of a bad request, dotted, may be empty.
	Path string
	// RetryAfter is the wait the source asked for, 0 if it did not.
	RetryAfter time.Duration
	// ResetAt is when the limit ends by the source's own clock, zero where it
	// named no instant. RetryAfter agrees with it wherever the source also told
	// what time it had; where it did not, ResetAt is the only hint.
	ResetAt time.Time
	// Window is the time over which the used-up quota counts, where the source
	// named it: a minute or a day; 0 otherwise.
	Window time.Duration
	// Terminal says that trying again soon is in vain (daily quota).
	Terminal bool
	// Details is a JSON object for the caller's envelope, nil for none.
	Details []byte
	// Cause is for the log, never for the caller; may be nil.
	Cause error
}

// Error returns kind, message and cause, for logs.
func (e *Error) Error() string {
	s := e.Kind.String() + ": " + e.Message
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Invalid returns a KindInvalid error on the field at path. The message is the
// path, a colon and the text, or the text alone where path is empty.
func Invalid(path, format string, args ...any) *Error {
	msg := fmt.Sprintf(format, args...)
	if path != "" {
		msg = path + ": " + msg
	}
	return &Error{Kind: KindInvalid, Message: msg, Path: path}
}

// AsError finds the *Error in err's chain. Any other error becomes a
// KindInternal one with a message that gives nothing away. AsError(nil) is nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: KindInternal, Message: "internal error", Cause: err}
}

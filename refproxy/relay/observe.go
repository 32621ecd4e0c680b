package relay

import (
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// An Observer is told of requests, for metrics or a request log. Its methods
// are called on the goroutine of the request, so they must be quick and safe for
// concurrent use. Every Began is followed by one Ended.
type Observer interface {
	// Began is told that a request has come.
	Began()
	// Ended is told what became of it. What Outcome refers to may be kept.
	Ended(Outcome)
}

// Times are the instants of one request; zero where it did not come so far.
type Times struct {
	Begun    time.Time // the request's head was read
	Asked    time.Time // the upstream was asked
	Answered time.Time // the upstream's first content, or its whole answer, was in hand
	Head     time.Time // the answer's first byte was sent
	Event    time.Time // the first event was sent
	Token    time.Time // the first content was sent: text, thought or a call
	Text     time.Time // the first visible text was sent
	Last     time.Time // the last content was sent
	Ended    time.Time // nothing more will be sent
}

// First returns the time from the request to its answer's first byte; ok is
// false where there was none.
func (t Times) First() (d time.Duration, ok bool) { return t.since(t.Head) }

// FirstToken is the counterpart of First for the first content.
func (t Times) FirstToken() (d time.Duration, ok bool) { return t.since(t.Token) }

// Added returns what the proxy itself added to the first content: the time to
// the first content without the wait for the upstream's.
func (t Times) Added() (d time.Duration, ok bool) {
	if t.Token.IsZero() || t.Asked.IsZero() || t.Answered.IsZero() {
		return 0, false
	}
	return t.Asked.Sub(t.Begun) + t.Token.Sub(t.Answered), true
}

func (t Times) since(at time.Time) (time.Duration, bool) {
	if at.IsZero() || t.Begun.IsZero() {
		return 0, false
	}
	return at.Sub(t.Begun), true
}

// content reports whether ev holds any: text, thought or a call, and not a
// signature alone.
func content(ev chat.Event) bool { return ev.Text != "" || ev.Raw != nil || ev.Kind == chat.EventCall }

// content notes that an event with content was in hand at arrived and sent at
// sent.
func (t *Times) content(kind chat.EventKind, arrived, sent time.Time) {
	if t.Token.IsZero() {
		t.Answered, t.Token = arrived, sent
	}
	if kind == chat.EventText && t.Text.IsZero() {
		t.Text = sent
	}
	t.Last = sent
}

package otlp

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/propagation"
)

// A Request is what is known of one request that has ended. Instants are the
// machine's; zero where it did not come so far.
type Request struct {
	// Traceparent is the caller's header of that name, as it came.
	Traceparent string
	RequestID   string
	// Model is the caller's name of a model, Upstream the upstream's.
	Model, Upstream string
	Stream          bool
	Arm             string // the side of a rollout that served it
	Status          int    // sent to the caller; 0: none
	Failure         string // class of the failure out of a fixed set; "" for none
	Finish          string // why the answer ended, in the words of the convention; "" if it did not say
	// Begun and Ended are the request's own, Answered is when the upstream's first
	// content was in hand, Token when the first content had gone to the caller.
	Begun, Answered, Token, Ended time.Time
	// Tokens as the upstream counts them: Input includes Cached, Output includes
	// Thinking.
	Input, Cached, Output, Thinking int
	Attempts                        []Attempt
}

// An Attempt is one try at the upstream.
type Attempt struct {
	Begun, Ended time.Time
	Credential   string // an opaque id
	Class        string // of its failure out of a fixed set; "" if it was answered
	Status       int    // the upstream's; 0: none
	Slept        time.Duration
}

// parent returns a context with the caller's span, if its header names one by
// the W3C's rules. The header of vendors beside it, tracestate, is not kept: it is
// free text.
func (r Request) parent() context.Context {
	header := propagation.MapCarrier{"traceparent": r.Traceparent}
	return propagation.TraceContext{}.Extract(context.Background(), header)
}

// within returns a moved into r's time, so that no span lies outside of its
// parent: instants of two clocks may disagree.
func (r Request) within(a Attempt) Attempt {
	a.Begun = clamp(a.Begun, r.Begun, r.Ended)
	a.Ended = clamp(a.Ended, a.Begun, r.Ended)
	return a
}

func clamp(t, from, to time.Time) time.Time {
	if t.Before(from) {
		return from
	}
	if t.After(to) {
		return to
	}
	return t
}

// served reports whether attempt i is the one that the caller's answer came of.
func (r Request) served(i int) bool {
	return i == len(r.Attempts)-1 && r.Attempts[i].Class == ""
}

// maxText bounds what a caller can have us keep of a name, in bytes.
const maxText = 128

// bound returns a name on one line and of bounded length.
func bound(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	return strings.Join(strings.Fields(text), " ")
}

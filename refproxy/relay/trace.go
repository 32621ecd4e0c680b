package relay

import (
	"io"
	"time"
)

// A Trace says of one request what Times are too coarse for: when each content
// event (text, thought or a call) came and went. What it holds of the conversation is
// counts only. A nil Trace records nothing.
type Trace struct {
	// Since is when the relay took the request; the instants below count from it.
	Since time.Time
	// Written is when each content event had gone to the caller, and Arrived when
	// the last of its bytes had come from the upstream; events of which one Read
	// brought several share an instant.
	Written, Arrived []time.Duration
	// Attempts is how often the upstream was asked.
	Attempts int
	// User is the caller's own word for its user or session, if any: personal,
	// and to be hashed before it is kept.
	User string

	read time.Duration // the last Read that brought something
}

// asked notes that the upstream is asked.
func (t *Trace) asked() {
	if t != nil {
		t.Attempts++
	}
}

// arrived notes that bytes have come from the upstream.
func (t *Trace) arrived() {
	if t != nil {
		t.read = time.Since(t.Since)
	}
}

// content notes that an event with content had gone to the caller at now.
func (t *Trace) content(now time.Time) {
	if t == nil {
		return
	}
	if t.Written == nil {
		const usual = 128
		both := make([]time.Duration, 2*usual)
		t.Written, t.Arrived = both[:0:usual], both[usual:usual]
	}
	t.Written, t.Arrived = append(t.Written, now.Sub(t.Since)), append(t.Arrived, t.read)
}

// watch returns body, which notes when bytes arrive.
func (t *Trace) watch(body io.ReadCloser) io.ReadCloser {
	if t == nil {
		return body
	}
	return watched{body, t}
}

type watched struct {
	io.ReadCloser
	trace *Trace
}

func (w watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 {
		w.trace.arrived()
	}
	return n, err
}

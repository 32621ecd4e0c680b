package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// Bounds of what one answer may make us hold.
const (
	maxRefusal = 64 << 10 // of a body that is not a stream
	maxAnswer  = 64 << 20
	// readAtMost is the size of a Read: as much as the transport buffers of a
	// chunked answer, so that events that came together are read together.
	readAtMost = 4 << 10
	// maxHeld is how many bytes of finished answers wait for the end of the
	// slot to be decoded; beyond it they are decoded at once.
	maxHeld = 128 << 20
)

// A request is one intended request while its slot runs. Instants are clock.Now
// until settle turns them into the sample's.
type request struct {
	sample   sample.Sample
	item     *datasets.Item
	intended int64
	history  []datasets.Message // of the turns before it, in a session
	said     []datasets.Message // what it asks in a session, history and all
	system   json.RawMessage    // of the session's first turn
	think    int64              // since the end of the answer before it
	assigned string             // the arm that the answer names, in a split
	skipped  string             // why its session ended before it; "" if it did not
	wire     dialect.Request

	trace    trace
	sent     int64
	headers  int64
	closed   int64
	status   int
	protocol string
	told     *sample.ProxySaid // what the gateway told of it; nil: nothing
	phase    sample.Phase
	failed   sample.Outcome // what the transport, the status or we ourselves said; "" if nothing
	code     string
	message  string
	stream   dialect.Stream // nil once decoded
	answer   dialect.Answer
}

// A tripper is the http.RoundTripper that vegeta's client drives: the number of
// the hit chooses the planned request; what vegeta asked for is dropped.
type tripper struct {
	requests []*request
	target   Target
	dialect  Dialect
	model    string
	fill     func(datasets.Item) datasets.Item // nil: items have their texts
	prefix   json.RawMessage                   // before every system text; nil: none
	split    *Split                            // nil: none
	share    string                            // nonce of those that may share prefixes; "": none may
	limits   Timeouts
	closed   bool            // closed loop: a request is intended when it is sent
	flight   context.Context // every request lives under it; its cause says why it ended
	pool     *pool
	ended    func(r *request, size int) // nil: nobody is told
	held     atomic.Int64               // bytes waiting to be decoded
	live     *tally
	done     atomic.Int64 // requests that ended
	buffers  sync.Pool
}

// errRecorded tells vegeta that there is no response; why stands in the record.
var errRecorded = errors.New("load: the request failed; see its record")

// RoundTrip implements [http.RoundTripper].
func (t *tripper) RoundTrip(hit *http.Request) (*http.Response, error) {
	seq, err := strconv.Atoi(hit.Header.Get("X-Vegeta-Seq"))
	if err != nil || seq < 0 || seq >= len(t.requests) {
		return nil, fmt.Errorf("load: hit %q is not in the plan", hit.Header.Get("X-Vegeta-Seq"))
	}
	return t.send(t.requests[seq], hit)
}

// send sends r and returns when the headers have come; what is then to be read is
// read by the body's WriteTo.
func (t *tripper) send(r *request, hit *http.Request) (*http.Response, error) {
	r.sent = clock.Now()
	if t.closed && r.sample.Turn <= 1 { // a later turn is intended after the answer before it
		r.intended = r.sent
	}
	t.live.started(r)
	ctx, cancel := context.WithCancelCause(t.flight)
	b := &body{tripper: t, request: r, cancel: cancel, cause: func() error { return context.Cause(ctx) }}
	b.dog = newWatchdog(t.limits, r.sent, cancel)
	real, err := t.build(r.trace.attach(ctx, &t.pool.lanes), r)
	if err != nil {
		b.fail(err, sample.PhaseSchedule)
		return nil, errRecorded
	}
	b.response, err = t.pool.RoundTrip(real)
	r.headers = clock.Now()
	if err != nil {
		r.headers = 0
		at := r.trace.copy()
		b.fail(err, at.phase())
		return nil, errRecorded
	}
	// Without headers: a Location must not set the client after a redirect.
	return &http.Response{StatusCode: b.response.StatusCode, Header: http.Header{}, Body: b, Request: hit}, nil
}

// build makes the request that goes out: nothing of vegeta's is in it.
func (t *tripper) build(ctx context.Context, r *request) (*http.Request, error) {
	if r.wire.Body == nil {
		if err := t.prepare(r); err != nil {
			return nil, err
		}
	}
	url := t.target.URL
	if r.wire.Path != "" {
		url = strings.TrimSuffix(url, "/") + r.wire.Path
	}
	real, err := http.NewRequestWithContext(ctx, r.wire.Method, url, bytes.NewReader(r.wire.Body))
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	real.Header = r.wire.Header
	if t.split != nil && t.split.UnitHeader != "" {
		real.Header.Set(t.split.UnitHeader, t.split.unit(r))
	}
	if t.target.Key != "" {
		t.dialect.Authorize(real.Header, string(t.target.Key))
	}
	return real, nil
}

// prepare fills in the request's bytes, ahead of time where memory allows.
func (t *tripper) prepare(r *request) error {
	item, tag, err := t.prompt(r)
	if err != nil {
		return err
	}
	r.wire, err = t.dialect.Request(item, t.model, tag)
	return err
}

// A body is the answer as vegeta sees it. Its WriteTo is where the stream is
// read and stamped; io.Copy finds it there because the client has no timeout
// and MaxBody is 0 (either would wrap the body).
type body struct {
	tripper  *tripper
	request  *request
	response *http.Response
	dog      *watchdog
	cancel   context.CancelCauseFunc
	cause    func() error
	ended    bool
}

var _ io.WriterTo = (*body)(nil)

// Read is never called by vegeta; a body must have one.
func (*body) Read([]byte) (int, error) { return 0, io.EOF }

// Close ends the record if nothing else has.
func (b *body) Close() error {
	b.end()
	return nil
}

// WriteTo reads the answer, ignoring w. The error is always nil: a cut stream
// is a fact about the target and stands in the record.
func (b *body) WriteTo(io.Writer) (int64, error) {
	r, res := b.request, b.response
	r.status, r.protocol = res.StatusCode, res.Proto
	if res.StatusCode != http.StatusOK {
		b.refused(sample.ByStatus(res.StatusCode))
	} else if stream, err := b.tripper.dialect.Open(res.Header.Get("Content-Type")); err != nil {
		b.refused(sample.ContentType)
		r.code, r.message = "", err.Error()
	} else {
		r.stream = stream
		b.stream()
	}
	b.end()
	return 0, nil
}

// refused records an answer that is not a stream, in the provider's words if it
// has any.
func (b *body) refused(outcome sample.Outcome) {
	r := b.request
	r.failed, r.phase = outcome, sample.PhaseHeaders
	text, err := io.ReadAll(io.LimitReader(b.response.Body, maxRefusal))
	if halted, ok := errors.AsType[halt](b.cause()); ok {
		r.failed, r.message = halted.outcome, halted.message
		return
	}
	r.code, r.message = b.tripper.dialect.Refusal(text)
	if r.message == "" {
		r.message = http.StatusText(r.status)
	}
	if err != nil {
		r.message += " (body cut: " + err.Error() + ")"
	}
}

// stream is the loop that every precision claim rests on: read, stamp, copy.
func (b *body) stream() {
	r := b.request
	buffer := b.tripper.buffer()
	defer b.tripper.buffers.Put(buffer)
	for came := 0; ; {
		n, err := b.response.Body.Read(*buffer)
		at := clock.Now()
		if came == 0 && n > 0 {
			b.tripper.live.byteCame(r, at)
		}
		came += n
		if n > 0 {
			b.seen(r.stream.Feed((*buffer)[:n], at), at)
		}
		if err == io.EOF { // Body.Read promises the bare value
			r.stream.EOF(at)
			return
		}
		if err != nil {
			b.broken(err)
			return
		}
		if came > maxAnswer {
			r.failed, r.phase = sample.BadFrame, sample.PhaseStream
			r.message = fmt.Sprintf("the answer is longer than %d bytes", maxAnswer)
			return
		}
	}
}

func (b *body) seen(seen dialect.Seen, at int64) {
	if seen.Token {
		if b.dog.last.Load() == 0 {
			b.tripper.live.tokenCame(b.request, at)
		}
		b.dog.last.Store(at)
	}
	if seen.End {
		b.dog.ended.Store(true)
	}
}

// broken records a stream that ended with an error.
func (b *body) broken(err error) {
	phase := sample.PhaseFirstToken
	if b.dog.last.Load() != 0 {
		phase = sample.PhaseStream
	}
	if b.dog.ended.Load() {
		phase = sample.PhaseClose
	}
	b.note(err, phase)
}

func (b *body) note(err error, phase sample.Phase) {
	r := b.request
	r.failed, r.phase, r.message = classifyError(err, b.cause(), phase), phase, err.Error()
	if halted, ok := errors.AsType[halt](b.cause()); ok {
		r.message = halted.message
	}
}

// fail records a request that got no response.
func (b *body) fail(err error, phase sample.Phase) {
	b.note(err, phase)
	b.end()
}

// end closes the record; only the first call counts.
func (b *body) end() {
	if b.ended {
		return
	}
	b.ended = true
	b.request.closed = clock.Now()
	b.dog.stop()
	if b.response != nil {
		b.listen()                  // before the close: until then the trailer is this goroutine's
		_ = b.response.Body.Close() // what it could say was read or is recorded
	}
	b.cancel(nil)
	b.tripper.pool.lanes.leave(&b.request.trace)
	size := len(b.request.wire.Body)
	b.request.wire = dialect.Request{}
	b.tripper.live.ended(b.request)
	b.tripper.finished(b.request, size)
}

// finished decodes at once only when too many bytes wait. size is that of the
// request's body.
func (t *tripper) finished(r *request, size int) {
	if t.ended != nil {
		t.ended(r, size)
	}
	if r.stream != nil && t.held.Add(int64(r.stream.Size())) > maxHeld {
		t.held.Add(-int64(r.stream.Size()))
		r.decode()
	}
	t.done.Add(1)
}

func (r *request) decode() {
	if r.stream != nil {
		r.answer, r.stream = r.stream.Answer(), nil
	}
}

func (t *tripper) buffer() *[]byte {
	if buffer, ok := t.buffers.Get().(*[]byte); ok {
		return buffer
	}
	return new(make([]byte, readAtMost))
}

// connectLead is how long before its first intended start an attack is set up.
const connectLead = 5 * time.Millisecond

// Package relay is one request's life between a caller and an upstream:
//
//	decode -> canonical request -> upstream -> decode stream -> encode stream
//
// It knows neither dialect nor transport; it declares what it needs of them
// ([Dialect], [Upstream], [Decode]) and owns what lies between: when the head
// of the answer is sent, when to ping, when to give up, and how a failure
// reaches the caller.
//
// A streamed answer is in one of three states:
//
//	idle       nothing sent: a failure becomes a real HTTP status
//	opened     head and message_start sent, because Hold has passed without an
//	           answer: pings keep the caller waiting, a failure becomes an event
//	committed  content sent: a failure closes the block and becomes an event
//
// The goroutine that reads the upstream also writes to the caller, so an event
// costs no handover; a timer alone looks after silence. Both write under one
// lock.
//
// An upstream is asked as often as it says ([Asking.Again]), but only before
// content: in idle and in opened. A caller gets one message_start whatever it
// takes, and pings while the relay waits for the next attempt. Thought is
// content. What has no content, and then no finish, has failed as if with an
// error.
package relay

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// An Upstream answers canonical requests whose Model is its own name of one.
type Upstream interface {
	// Begin takes a request on; nothing is sent yet.
	Begin(ctx context.Context, req chat.Request) Asking
}

// An Asking is one request at an upstream, in as many attempts as it takes. One
// goroutine uses it. Its errors are, or wrap, a *chat.Error.
type Asking interface {
	// Generate asks for a whole answer, once.
	Generate(ctx context.Context) (chat.Response, error)
	// Stream asks for a streamed one, once, and returns its bytes when the
	// upstream has accepted the request. ctx covers the body too; the relay closes
	// it.
	Stream(ctx context.Context) (io.ReadCloser, error)
	// Again is asked after an attempt that failed with err before any content. It
	// waits as long as need be, and returns nil if the upstream is to be asked
	// again; else what the caller is to be told.
	Again(ctx context.Context, err error) error
	// End is called once, when nothing more comes of the upstream, whatever
	// happened, and releases what was held. err is nil after a whole answer, and of
	// KindCanceled if the caller is to blame. firstToken is the time from the last
	// attempt to its first content, 0 where there was none.
	End(err error, firstToken time.Duration)
	// Attempts tells, after End, how it went.
	Attempts() []Attempt
}

// An Attempt is one try of a request, for the record.
type Attempt struct {
	// At is when it was made, and Failed when it had failed, since the request came
	// in; Failed is 0 where it did not.
	At, Failed time.Duration
	// Credential is the opaque id of whose right it used, empty for none; Preview
	// says that it is one for models in preview.
	Credential string
	Preview    bool
	// Class is the chat.Class of its failure, empty if it succeeded.
	Class string
	// Status is the upstream's HTTP status, 0 where there was none.
	Status int
	// Planned is the wait that was decided upon before the next attempt, and Slept
	// what was waited; both are 0 where no other followed.
	Planned, Slept time.Duration
	// Sleeps is how often a wait was begun: more than once for one failure is what
	// the earlier behaviour did.
	Sleeps int
	// Retried says that another attempt followed.
	Retried bool
}

// Decode turns the bytes of a streamed answer into events; the contract of the
// sequence is package chat's.
type Decode func(io.Reader) iter.Seq2[chat.Event, error]

// A Dialect is the caller's side of the wire.
type Dialect interface {
	// Request decodes a body, and returns with it what will write its answer.
	Request(body []byte) (chat.Request, Reply, error)
	// Error encodes a failure known before anything was sent.
	Error(err error, requestID string) (status int, header http.Header, body []byte)
}

// A Reply writes the answer to one request, which may depend on what was asked.
type Reply interface {
	// Response encodes a whole answer.
	Response(head Head, resp chat.Response) ([]byte, error)
	// Encoder begins a streamed answer.
	Encoder(w io.Writer, head Head) Encoder
}

// An Encoder writes one streamed answer; each call makes at most one Write.
type Encoder interface {
	// Start opens the message, once.
	Start(usage chat.Usage) error
	// Event writes an event.
	Event(ev chat.Event) error
	// Ping writes a sign of life.
	Ping() error
	// Error closes what is open and writes the failure.
	Error(err error, requestID string) error
	// Ended reports whether the answer is complete, by its end or a failure.
	Ended() bool
}

// Head is what an answer says of itself.
type Head struct {
	// ID makes the message's id, after a prefix of the dialect's.
	ID string
	// Model is the caller's name of the model.
	Model string
	// InputEstimate stands in for input tokens that the upstream has not told.
	InputEstimate int
	// ContextManagement is chat.Request.ContextManagement.
	ContextManagement bool
}

// Config is what a relay is made of. The first four fields are required; zero
// durations take the defaults named.
type Config struct {
	Upstream Upstream
	Dialect  Dialect
	// Decoder returns the decoder of the answer to one request; it is asked once
	// for each, so a request never sees two.
	Decoder func(context.Context, chat.Request) Decode
	// Resolve makes of a caller's request the upstream's: with the upstream's
	// name of the model, and what else the caller's name of it says.
	Resolve func(context.Context, chat.Request) (chat.Request, error)
	// Hold is how long the head of a streamed answer is held back for a real
	// status. Default 10 s.
	Hold time.Duration
	// Ping is the silence after which a waiting caller gets a ping. Default 15 s.
	Ping time.Duration
	// FirstEvent bounds the wait for the upstream's first event. Default 300 s.
	FirstEvent time.Duration
	// Idle bounds the wait between two events. Default 120 s.
	Idle time.Duration
	// WriteTimeout bounds each write to a caller that does not read. Default 60 s.
	WriteTimeout time.Duration
	// Clock is what Hold, Ping, FirstEvent and Idle are measured by; nil is the
	// machine's. WriteTimeout protects the machine itself, and is always its.
	Clock *clock.Scaled
	// Traced has every Outcome carry a Trace.
	Traced bool
	// Stopwatch returns what measures the conversion of one request; nil for none.
	// It stands still while Resolve and Upstream are asked and while an Upstream's
	// body is read: what is converted there starts it by itself.
	Stopwatch func(context.Context) *Stopwatch
}

func (c *Config) stopwatch(ctx context.Context) *Stopwatch {
	if c.Stopwatch == nil {
		return nil
	}
	return c.Stopwatch(ctx)
}

// machine returns how long d of the relay's clock lasts.
func (c *Config) machine(d time.Duration) time.Duration { return c.Clock.Machine(d) }

// since returns the time of the relay's clock between two instants of the
// machine's.
func (c *Config) since(from, to time.Time) time.Duration { return c.Clock.At(to).Sub(c.Clock.At(from)) }

// A Relay serves requests. It is safe for concurrent use.
type Relay struct{ cfg Config }

// New returns a relay, or an error that names what cfg lacks.
func New(cfg Config) (*Relay, error) {
	if cfg.Upstream == nil || cfg.Dialect == nil || cfg.Decoder == nil || cfg.Resolve == nil {
		return nil, errors.New("relay: upstream, dialect, decoder and resolve are required")
	}
	cfg.Hold = cmp.Or(cfg.Hold, 10*time.Second)
	cfg.Ping = cmp.Or(cfg.Ping, 15*time.Second)
	cfg.FirstEvent = cmp.Or(cfg.FirstEvent, 300*time.Second)
	cfg.Idle = cmp.Or(cfg.Idle, 120*time.Second)
	cfg.WriteTimeout = cmp.Or(cfg.WriteTimeout, 60*time.Second)
	if min(cfg.Hold, cfg.Ping, cfg.FirstEvent, cfg.Idle, cfg.WriteTimeout) < 0 {
		return nil, fmt.Errorf("relay: negative duration in %+v", []time.Duration{cfg.Hold, cfg.Ping, cfg.FirstEvent, cfg.Idle, cfg.WriteTimeout})
	}
	return &Relay{cfg}, nil
}

// Outcome is how a request went, for the log. It holds nothing of the
// conversation.
type Outcome struct {
	// Model and UpstreamModel are the caller's and the upstream's names.
	Model, UpstreamModel string
	// Stream says whether a streamed answer was asked for.
	Stream bool
	// Status is the HTTP status sent, 0 if the caller left before one was.
	Status int
	// Events counts the upstream's events.
	Events int
	// DroppedCalls counts the calls that the caller did not get, because it had
	// asked for one at most.
	DroppedCalls int
	// DroppedThoughts is chat.Request.DroppedThoughts.
	DroppedThoughts int
	// Err is what went wrong, nil if nothing did.
	Err *chat.Error
	// Usage and Finish are the upstream's last word on both.
	Usage  chat.Usage
	Finish chat.Finish
	// Times are when it went so. Begun and Ended are the caller's of Serve to
	// set, and so is RequestID.
	Times     Times
	RequestID string
	// Path is the route that was asked, and Observed returns what the caller was
	// told of its request, by the ends of the fields' names. The caller of Serve
	// sets both; Observed is good until the observers have been told.
	Path     string
	Observed func() map[string]string
	// Traceparent is the caller's header of that name, unchecked; the caller of
	// Serve sets it.
	Traceparent string
	// Attempts are the tries at the upstream, as it tells them.
	Attempts []Attempt
	// Flags are the arms that the request was in, and Shares the share of traffic
	// that was on for each. The caller of Serve sets them.
	Flags  map[string]bool
	Shares map[string]float64
	// Units are whose id was assigned, by flag: the request's or a session's.
	Units map[string]string
	// Preview says that the model is one in preview; whoever sets Flags sets it.
	Preview bool
	// Trace is nil unless Config.Traced.
	Trace *Trace
}

// Serve answers one request whose body has been read. The request's context
// ends it: cancelled with a *chat.Error as cause, the caller is told that
// error; otherwise the caller is taken to be gone.
func (r *Relay) Serve(w http.ResponseWriter, hr *http.Request, body []byte, requestID string) Outcome {
	var trace *Trace
	if r.cfg.Traced {
		trace = &Trace{Since: time.Now()}
	}
	work := r.cfg.stopwatch(hr.Context())
	work.Start()
	req, reply, err := r.cfg.Dialect.Request(body)
	work.Stop()
	if err != nil {
		return r.refuse(w, Outcome{Trace: trace}, err, requestID)
	}
	if trace != nil {
		trace.User = req.Metadata.UserID
	}
	o := Outcome{Model: req.Model, Stream: req.Stream, DroppedThoughts: req.DroppedThoughts, Trace: trace}
	head := Head{
		ID: NewID(""), Model: req.Model,
		InputEstimate: chat.EstimateTokens(req), ContextManagement: req.ContextManagement,
	}
	if req, err = r.cfg.Resolve(hr.Context(), req); err != nil {
		return r.refuse(w, o, because(hr.Context(), err), requestID)
	}
	o.UpstreamModel = req.Model
	a := answerer{reply, head, work}
	if req.Stream {
		return r.stream(w, hr.Context(), req, a, o, requestID)
	}
	return r.whole(w, hr.Context(), req, a, o, requestID)
}

// refuse answers with an error status, unless the caller has gone.
func (r *Relay) refuse(w http.ResponseWriter, o Outcome, err error, requestID string) Outcome {
	o.Err = chat.AsError(err)
	if o.Err.Kind == chat.KindCanceled {
		return o
	}
	o.Status = WriteError(w, r.cfg.Dialect, err, requestID)
	return o
}

// ErrorEncoder is the part of a [Dialect] that WriteError needs.
type ErrorEncoder interface {
	Error(err error, requestID string) (status int, header http.Header, body []byte)
}

// WriteError sends err as a whole answer and returns its status. Nothing may
// have been sent before.
func WriteError(w http.ResponseWriter, d ErrorEncoder, err error, requestID string) int {
	status, header, body := d.Error(err, requestID)
	h := w.Header()
	maps.Copy(h, header)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller who has gone cannot be told
	return status
}

// errUnfinished is the failure of what did not come to its end, because
// something panicked.
var errUnfinished = &chat.Error{Message: "internal error"}

// because returns why a request failed: what its context was cancelled with,
// if that is an error of ours; the caller's leaving; or err itself.
func because(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil {
		return err
	}
	if e, ok := errors.AsType[*chat.Error](cause); ok {
		return e
	}
	return gone(cause)
}

// gone is the failure of a caller that does not listen any more.
func gone(cause error) *chat.Error {
	return &chat.Error{Kind: chat.KindCanceled, Message: "the caller went away", Cause: cause}
}

// NewID returns a random id of 24 hexadecimal digits after prefix.
func NewID(prefix string) string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // it never fails
	return prefix + hex.EncodeToString(b[:])
}

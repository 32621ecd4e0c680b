package calibrate

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// An answer is the truth about one streamed answer: the instants just before
// the server handed bytes to the kernel. What a client's stamp lies after them
// is the server's write, the loopback, the wake-up and the client itself: an
// upper bound of the client's own error.
type answer struct {
	body      string  // of the request, to join it by the nonce
	firstByte int64   // before the headers
	tokens    []int64 // before each content event
	end       int64   // before the terminator
}

// A truthServer answers every POST with an Anthropic-shaped stream whose events
// it writes one at a time against absolute deadlines, and remembers when.
type truthServer struct {
	pace     pace
	server   *http.Server
	listener net.Listener
	done     chan struct{}

	mu      sync.Mutex
	answers []answer
}

// A pace says how an answer flows.
type pace struct {
	first  time.Duration // from the headers to the first content event
	gap    time.Duration // between content events
	events int           // content events of an answer
}

// serveTruth listens on a free port of the loopback until close.
func serveTruth(ctx context.Context, p pace) (*truthServer, error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	s := &truthServer{pace: p, listener: listener, done: make(chan struct{})}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(listener) // ends with ErrServerClosed
	}()
	return s, nil
}

func (s *truthServer) url() string { return "http://" + s.listener.Addr().String() }

// close ends the server and waits for it.
func (s *truthServer) close() {
	_ = s.server.Close() // the listener is gone either way
	<-s.done
}

// told returns the truth of every answer finished so far.
func (s *truthServer) told() []answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]answer(nil), s.answers...)
}

const maxBody = 1 << 20

// ServeHTTP implements [http.Handler].
func (s *truthServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "unreadable body", http.StatusBadRequest)
		return
	}
	timer, err := clock.NewTimer()
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer func() { _ = timer.Close() }()
	truth := answer{body: string(body), tokens: make([]int64, 0, s.pace.events)}
	if err := s.stream(r.Context(), w, timer, &truth); err != nil {
		return // the client went away: its sample is a failure and joins nothing
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, truth)
}

// stream writes the answer and stamps every write.
func (s *truthServer) stream(ctx context.Context, w http.ResponseWriter, timer *clock.Timer, truth *answer) error {
	out := stamper{w: w, flush: http.NewResponseController(w).Flush}
	w.Header().Set("Content-Type", "text/event-stream")
	truth.firstByte = out.write(messageStart)
	due := truth.firstByte + int64(s.pace.first)
	for range s.pace.events {
		if err := timer.Until(ctx, due); err != nil {
			return err
		}
		truth.tokens = append(truth.tokens, out.write(contentDelta))
		due += int64(s.pace.gap)
	}
	if err := timer.Until(ctx, due); err != nil {
		return err
	}
	out.write(fmt.Sprintf(messageDelta, s.pace.events))
	truth.end = out.write(messageStop)
	return out.err
}

// A stamper writes events through to the kernel and keeps the first error.
type stamper struct {
	w     io.Writer
	flush func() error
	err   error
}

// write returns the instant just before the write.
func (o *stamper) write(event string) int64 {
	at := clock.Now()
	if o.err == nil {
		_, o.err = io.WriteString(o.w, event)
	}
	if o.err == nil {
		o.err = o.flush()
	}
	return at
}

// The stream's events.
const (
	messageStart = `event: message_start
data: {"type":"message_start","message":{"id":"msg_truth","type":"message","role":"assistant","model":"truth","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

`
	contentDelta = `event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"truth "}}

`
	messageDelta = `event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":%d}}

`
	messageStop = `event: message_stop
data: {"type":"message_stop"}

`
)

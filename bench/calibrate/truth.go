package calibrate

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/clock"
)

// An answer is the truth about one streamed answer: the instants just before
// the server handed bytes to the kernel. What a client's stamp lies after them
// is the server's write, the loopback, the wake-up and the client itself: an
// upper bound of the client's own error.
type answer struct {
	Nonces    []string `json:"nonces"`     // what may be one in the request's body
	FirstByte int64    `json:"first_byte"` // before the headers
	Tokens    []int64  `json:"tokens"`     // before each content event
	End       int64    `json:"end"`        // before the terminator
}

// A Pace says how answers flow.
type Pace struct {
	First  time.Duration `json:"first_ns"` // from the headers to the first content event
	Gap    time.Duration `json:"gap_ns"`   // between content events
	Events int           `json:"events"`   // content events of an answer
}

// A truth is what a server tells of its answers, on the scale of [clock.Now].
type truth struct {
	Pace    Pace     `json:"pace"`
	Answers []answer `json:"answers"`
}

// truthPath is where a Server tells its truth to another process.
const truthPath = "/truth"

// A Server of ground truth answers every POST with an Anthropic-shaped stream
// whose events it writes one at a time against absolute deadlines, and remembers
// when. A GET of /truth returns what it remembers, as JSON, and forgets it.
type Server struct {
	pace     Pace
	server   *http.Server
	listener net.Listener
	roots    *x509.CertPool // nil without TLS
	beat     *metronome
	beating  context.Context // ends with the server
	stop     context.CancelFunc
	wg       sync.WaitGroup

	mu      sync.Mutex
	answers []answer
}

// Serve listens on an address, such as 127.0.0.1:0, until Close. It speaks
// HTTP/1.1 and HTTP/2 without TLS; for [load.HTTP2] it has a certificate made for
// the occasion.
func Serve(ctx context.Context, address string, p Pace, protocol load.Protocol) (*Server, error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	s := &Server{pace: p, listener: listener, beat: newMetronome()}
	s.server = &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, Protocols: new(http.Protocols),
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 1 << 20},
	}
	s.server.Protocols.SetHTTP1(true)
	s.server.Protocols.SetUnencryptedHTTP2(true)
	serve := s.server.Serve
	if protocol == load.HTTP2 {
		s.server.Protocols.SetHTTP2(true)
		if s.server.TLSConfig, s.roots, err = selfSigned(); err != nil {
			_ = listener.Close() // nothing was served
			return nil, err
		}
		serve = func(l net.Listener) error { return s.server.ServeTLS(l, "", "") }
	}
	s.beating, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.wg.Go(func() { _ = serve(listener) })       // ends with ErrServerClosed
	s.wg.Go(func() { _ = s.beat.run(s.beating) }) // ends with its context, or answers stand still and fail
	return s, nil
}

// URL is where it answers.
func (s *Server) URL() string {
	if s.roots != nil {
		return "https://" + s.listener.Addr().String()
	}
	return "http://" + s.listener.Addr().String()
}

// Close ends the server and waits for it.
func (s *Server) Close() {
	_ = s.server.Close() // the listener is gone either way
	s.stop()
	s.wg.Wait()
}

// told returns the truth of every answer finished since it was last told.
func (s *Server) told() truth {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := truth{Pace: s.pace, Answers: s.answers}
	s.answers = nil
	return t
}

const maxBody = 1 << 20

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		s.tell(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "unreadable body", http.StatusBadRequest)
		return
	}
	if r.ProtoMajor == 1 && r.TLS == nil {
		if conn, buffered, err := http.NewResponseController(w).Hijack(); err == nil {
			s.direct(conn, buffered.Reader, body)
			return
		}
	}
	truth := s.begin(body)
	if err := s.stream(r.Context(), w, &truth); err != nil {
		return // the client went away: its sample is a failure and joins nothing
	}
	s.finished(truth)
}

// begin is the truth about an answer to come.
func (s *Server) begin(body []byte) answer {
	return answer{Nonces: hexes.FindAllString(string(body), -1), Tokens: make([]int64, 0, s.pace.Events)}
}

func (s *Server) finished(a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, a)
}

// tell answers a GET.
func (s *Server) tell(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != truthPath {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.told()) // a client that went away has no use for it
}

// stream writes the answer and stamps every write.
func (s *Server) stream(ctx context.Context, w http.ResponseWriter, truth *answer) error {
	out := stamper{w: w, flush: http.NewResponseController(w).Flush}
	w.Header().Set("Content-Type", "text/event-stream")
	truth.FirstByte = out.write(messageStart)
	due := truth.FirstByte + int64(s.pace.First)
	for range s.pace.Events {
		if err := s.beat.until(ctx, due); err != nil {
			return err
		}
		truth.Tokens = append(truth.Tokens, out.write(contentDelta))
		due += int64(s.pace.Gap)
	}
	if err := s.beat.until(ctx, due); err != nil {
		return err
	}
	out.write(fmt.Sprintf(messageDelta, s.pace.Events))
	truth.End = out.write(messageStop)
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

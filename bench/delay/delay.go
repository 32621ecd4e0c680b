// Package delay is a pass-through that slows an endpoint down by a known share: the
// plant of a comparison whose endpoints are not ours to change.
//
// An answer is stretched in time. What came t after its request goes on at
// t x (1 + share): so the first byte, the first token, each gap and the end come later
// by that share, whatever they took, and an endpoint twice as slow is delayed twice
// as much. The pass-through takes some time of its own beside that, some tenths of a
// millisecond; on an endpoint that answers within a few milliseconds that is no
// longer little.
package delay

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// A Proxy passes requests on to one endpoint and stretches the answers. It is safe
// for concurrent use.
type Proxy struct {
	proxy     httputil.ReverseProxy
	transport *http.Transport
	share     float64
}

// New returns a pass-through to upstream, a base URL, that slows it down by share.
func New(upstream *url.URL, share float64) *Proxy {
	var protocols http.Protocols
	protocols.SetHTTP1(true) // one stream to a connection, as the client has it
	p := &Proxy{share: share, transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 1 << 16, Protocols: &protocols}}
	p.proxy = httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		Transport: stamped{p}, FlushInterval: -1,
		ErrorLog: log.New(io.Discard, "", 0), // the client records what went wrong
	}
	return p
}

// ServeHTTP implements [http.Handler].
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.proxy.ServeHTTP(w, r) }

// Rest lets go of connections that are not used, so that a turn inherits none.
func (p *Proxy) Rest() { p.transport.CloseIdleConnections() }

// stamped is the transport of a Proxy: it knows when a request went out.
type stamped struct{ *Proxy }

// RoundTrip implements [http.RoundTripper]. The head of an answer is held back as its
// body is, which is read and stamped meanwhile.
func (s stamped) RoundTrip(r *http.Request) (*http.Response, error) {
	begun := clock.Now()
	resp, err := s.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	timer, err := clock.NewTimer()
	if err != nil {
		_ = resp.Body.Close() // an answer in time would be no plant
		return nil, err
	}
	b := newBody(resp.Body, stretch{begun, s.share}, func(at int64) error { return timer.Until(r.Context(), at) }, clock.Now, timer)
	if err := b.hold(); err != nil {
		return nil, err
	}
	resp.Body = b
	return resp, nil
}

// A stretch maps instants of one answer to later ones.
type stretch struct {
	begun int64
	share float64
}

// due is when what came at the instant goes on.
func (s stretch) due(came int64) int64 { return came + int64(s.share*float64(came-s.begun)) }

// A piece of an answer and when it came; err came behind it.
type piece struct {
	data []byte
	came int64
	err  error
}

// inFlight bounds how many pieces of an answer wait to go on: beyond it the
// endpoint waits, and so would anybody who reads slowly.
const inFlight = 1 << 12

// A body is an answer's body in slow motion. One goroutine reads the endpoint's and
// stamps what comes; Read hands it on when it is due.
type body struct {
	source io.ReadCloser
	pieces chan piece
	closed chan struct{}
	timer  io.Closer
	stretch
	until func(at int64) error
	head  int64 // when the answer's head came
	rest  piece // what Read has begun to hand on
}

func newBody(source io.ReadCloser, s stretch, until func(int64) error, now func() int64, timer io.Closer) *body {
	b := &body{source: source, pieces: make(chan piece, inFlight), closed: make(chan struct{}), timer: timer, stretch: s, until: until, head: now()}
	go b.pump(now)
	return b
}

// hold returns when the head of the answer is due, with an error if nobody waits for
// it any more: then the body is closed.
func (b *body) hold() error {
	err := b.until(b.due(b.head))
	if err != nil {
		_ = b.Close()
	}
	return err
}

// pump reads until an error, or until the body is closed.
func (b *body) pump(now func() int64) {
	defer close(b.pieces)
	buffer := make([]byte, 32<<10)
	for {
		n, err := b.source.Read(buffer)
		p := piece{data: append([]byte(nil), buffer[:n]...), came: now(), err: err}
		select {
		case b.pieces <- p:
		case <-b.closed:
			return
		}
		if err != nil {
			return
		}
	}
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	for len(b.rest.data) == 0 {
		if b.rest.err != nil {
			return 0, b.rest.err
		}
		next, more := <-b.pieces
		if !more {
			return 0, io.ErrUnexpectedEOF
		}
		if err := b.until(b.due(next.came)); err != nil {
			return 0, err
		}
		b.rest = next
	}
	n := copy(p, b.rest.data)
	b.rest.data = b.rest.data[n:]
	return n, nil
}

// Close implements [io.Closer]. It is called once, by who reads.
func (b *body) Close() error {
	close(b.closed)
	err := b.source.Close() // and with it the pump's Read
	_ = b.timer.Close()
	return err
}

package load

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
)

// A Protocol is how requests travel.
type Protocol string

// The protocols. One stream to a connection is what lets a Read be stamped
// precisely: HTTP/2 costs less per event and is several times less precise at
// the median, since a goroutine of the connection stands between the socket and
// the reader of a stream (measuring.md 3.1).
const (
	HTTP1 Protocol = "http/1.1" // a connection for every stream in flight
	HTTP2 Protocol = "h2"       // over TLS
	H2C   Protocol = "h2c"      // without TLS, by prior knowledge
)

// Protocols lists them.
func Protocols() []Protocol { return []Protocol{HTTP1, HTTP2, H2C} }

// A Transport says how requests reach their targets. The zero value is HTTP/1.1
// with the system's certificate authorities.
type Transport struct {
	Protocol    Protocol       // "" is HTTP1
	Connections int            // of HTTP/2: to how many connections requests are dealt in turn [1]
	Roots       *x509.CertPool // who may sign a target's certificate; nil: whom the system trusts
}

func (t Transport) validate() error {
	switch {
	case t.Protocol != "" && !slices.Contains(Protocols(), t.Protocol):
		return fmt.Errorf("load: unknown protocol %q: known are %v", t.Protocol, Protocols())
	case t.Connections < 0:
		return fmt.Errorf("load: %d connections: at least 1 is needed", t.Connections)
	case t.Connections > 0 && !t.multiplexed():
		return errors.New("load: a number of connections is HTTP/2's: HTTP/1.1 takes one for every stream in flight")
	}
	return nil
}

// multiplexed tells whether streams share connections.
func (t Transport) multiplexed() bool { return t.Protocol == HTTP2 || t.Protocol == H2C }

// open returns the connections of one slot, a pool of its own: a slot must not
// inherit connections.
func (t Transport) open(limits Timeouts) *pool {
	p := &pool{lanes: lanes{shared: t.multiplexed(), inFlight: map[net.Conn][]*trace{}}}
	for range max(t.Connections, 1) {
		p.transports = append(p.transports, t.one(limits))
	}
	return p
}

func (t Transport) one(limits Timeouts) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(!t.multiplexed())
	protocols.SetHTTP2(t.Protocol == HTTP2)
	protocols.SetUnencryptedHTTP2(t.Protocol == H2C)
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: limits.Connect}).DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: t.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: limits.Connect,
		MaxIdleConnsPerHost: 1 << 16,
		DisableCompression:  true,
		Protocols:           &protocols,
	}
}

// A pool deals requests to its transports in turn, each of which keeps one
// HTTP/2 connection, or more where the server allows fewer streams than there
// are.
type pool struct {
	transports []*http.Transport
	next       atomic.Uint64
	lanes      lanes
}

// RoundTrip implements [http.RoundTripper].
func (p *pool) RoundTrip(r *http.Request) (*http.Response, error) {
	turn := p.next.Add(1) % uint64(len(p.transports))
	return p.transports[turn].RoundTrip(r)
}

func (p *pool) close() {
	for _, t := range p.transports {
		t.CloseIdleConnections()
	}
}

// lanes know the streams that are in flight on each connection. Over HTTP/1.1 a
// connection goes to the next stream as soon as the last byte of the one before is
// read, which may be sooner than that one's reader has closed and left: who enters
// such a connection is alone on it.
type lanes struct {
	shared bool // connections carry several streams at once

	mu       sync.Mutex
	inFlight map[net.Conn][]*trace
	most     int
}

func (l *lanes) enter(conn net.Conn, t *trace) {
	l.mu.Lock()
	defer l.mu.Unlock()
	on := l.inFlight[conn]
	if !l.shared {
		on = on[:0]
	}
	l.inFlight[conn] = append(on, t)
	l.most = max(l.most, len(on)+1)
}

// leave takes t off the connections that it was on, and nobody who has come since.
func (l *lanes) leave(t *trace) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range t.release() {
		i := slices.Index(l.inFlight[conn], t)
		if i < 0 {
			continue
		}
		if l.inFlight[conn] = slices.Delete(l.inFlight[conn], i, i+1); len(l.inFlight[conn]) == 0 {
			delete(l.inFlight, conn)
		}
	}
}

// crowd is the most streams that shared a connection.
func (l *lanes) crowd() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.most
}

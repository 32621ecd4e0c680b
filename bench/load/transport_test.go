package load_test

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// TestProtocols: requests travel as they were told to, HTTP/2's over as many
// connections, and how many streams shared one is known.
func TestProtocols(t *testing.T) {
	const requests = 8
	for _, c := range []struct {
		name  string
		how   load.Transport
		tls   bool
		proto string
		conns int // at most
		crowd int // exactly: all requests are in flight at once
	}{
		{"HTTP/1.1", load.Transport{}, false, "HTTP/1.1", requests, 1},
		{"HTTP/1.1 over TLS", load.Transport{Protocol: load.HTTP1}, true, "HTTP/1.1", requests, 1},
		{"h2c", load.Transport{Protocol: load.H2C, Connections: 2}, false, "HTTP/2.0", 2, requests / 2},
		{"h2", load.Transport{Protocol: load.HTTP2, Connections: 2}, true, "HTTP/2.0", 2, requests / 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := newBarrier(requests)
			s := startServer(t, c.tls, func(w http.ResponseWriter, r *http.Request) {
				all.pass(r.RemoteAddr)
				answer(w, r)
			})
			cfg := config(t, s.URL, requests)
			if c.tls {
				c.how.Roots = x509.NewCertPool()
				c.how.Roots.AddCert(s.Certificate())
			}
			cfg.Transport = c.how
			r := run(t, t.Context(), cfg)
			for _, sm := range r.Samples {
				if sm.Outcome != sample.OK || sm.Conn.Protocol != c.proto {
					t.Errorf("%s over %q: %s", sm.Outcome, sm.Conn.Protocol, sm.Message)
				}
			}
			if n := all.callers(); n > c.conns {
				t.Errorf("%d connections, want at most %d", n, c.conns)
			}
			if r.Health.StreamsPerConn != c.crowd {
				t.Errorf("at most %d streams on a connection, want %d", r.Health.StreamsPerConn, c.crowd)
			}
		})
	}
}

// TestTransportIsChecked: a protocol nobody knows, and connections where every
// stream has its own.
func TestTransportIsChecked(t *testing.T) {
	for _, how := range []load.Transport{{Protocol: "h3"}, {Connections: 2}, {Protocol: load.H2C, Connections: -1}} {
		cfg := config(t, "http://127.0.0.1:1", 1)
		cfg.Transport = how
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "load: ") {
			t.Errorf("%+v: %v", how, err)
		}
	}
}

// startServer serves HTTP/1.1 and HTTP/2, with TLS or without.
func startServer(t *testing.T, tls bool, play http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(play)
	s.EnableHTTP2 = true
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetHTTP2(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	if tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// A barrier lets requests pass when all of them have come.
type barrier struct {
	mu    sync.Mutex
	want  int
	from  map[string]int
	ready chan struct{}
}

func newBarrier(want int) *barrier {
	return &barrier{want: want, from: map[string]int{}, ready: make(chan struct{})}
}

func (b *barrier) pass(from string) {
	b.mu.Lock()
	b.from[from]++
	if b.want--; b.want == 0 {
		close(b.ready)
	}
	b.mu.Unlock()
	<-b.ready
}

func (b *barrier) callers() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.from)
}

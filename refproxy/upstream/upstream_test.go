package upstream_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// A stand is a stand-in upstream that counts what reaches it.
type stand struct {
	*httptest.Server
	conns atomic.Int64 // accepted so far
	open  atomic.Int64 // open now
}

// serve starts a TLS server; tune may change it before it starts.
func serve(t *testing.T, h http.HandlerFunc, tune func(*httptest.Server)) *stand {
	t.Helper()
	s := &stand{Server: httptest.NewUnstartedServer(h)}
	s.EnableHTTP2 = true
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.conns.Add(1)
			s.open.Add(1)
		case http.StateClosed:
			s.open.Add(-1)
		}
	}
	if tune != nil {
		tune(s.Server)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func client(t *testing.T, s *stand, cfg upstream.Config) *upstream.Client {
	t.Helper()
	cfg.BaseURL = s.URL
	cfg.RootCAs = x509.NewCertPool()
	cfg.RootCAs.AddCert(s.Certificate())
	c, err := upstream.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// ask sends one request, reads the answer and returns it.
func ask(t *testing.T, c *upstream.Client) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	resp, err := c.Stream(ctx, "m", []byte(`{"n":1}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func proto(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	fmt.Fprint(w, r.Proto)
}

func TestRequestOnTheWire(t *testing.T) {
	for _, pooled := range []string{"fresh", "pooled"} {
		t.Run(pooled, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				fmt.Fprintf(w, "%s %s key=%s agent=%s type=%s body=%s", r.Method, r.RequestURI,
					r.Header.Get("x-goog-api-key"), r.UserAgent(), r.Header.Get("Content-Type"), b)
			}, nil)
			c := client(t, s, upstream.Config{Key: "k1", UserAgent: "ua/1", Pooled: pooled == "pooled"})
			type call func() (*http.Response, error)
			for want, do := range map[string]call{
				"POST /v1beta/models/m:generateContent key=k1 agent=ua/1 type=application/json body={}":               func() (*http.Response, error) { return c.Generate(t.Context(), "m", []byte("{}")) },
				"POST /v1beta/models/m:streamGenerateContent?alt=sse key=k1 agent=ua/1 type=application/json body={}": func() (*http.Response, error) { return c.Stream(t.Context(), "m", []byte("{}")) },
				"POST /v1beta/models/a%2Fb%3Fc:countTokens key=k1 agent=ua/1 type=application/json body={}":           func() (*http.Response, error) { return c.CountTokens(t.Context(), "a/b?c", []byte("{}")) },
				"GET /v1beta/models?pageSize=1000&pageToken=n+1 key=k1 agent=ua/1 type= body=":                        func() (*http.Response, error) { return c.Models(t.Context(), "n 1") },
			} {
				resp, err := do()
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				if err := errors.Join(err, resp.Body.Close()); err != nil {
					t.Fatal(err)
				}
				if string(got) != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			}
		})
	}
}

// TestFreshConnectsEveryTime holds the baseline: a connection per request,
// HTTP/2 all the same, and none left open.
func TestFreshConnectsEveryTime(t *testing.T) {
	s := serve(t, proto, nil)
	c := client(t, s, upstream.Config{})
	for range 5 {
		if got := ask(t, c); got != "HTTP/2.0" {
			t.Fatalf("protocol %s", got)
		}
	}
	if st := c.Stats(); st.Opened != 5 || st.Reused != 0 || st.InFlight != 0 {
		t.Errorf("stats %+v, want 5 opened, none reused or in flight", st)
	}
	eventually(t, "all connections closed", func() bool { return s.open.Load() == 0 })
}

// TestPoolReusesWarmConnections: warming opens all, requests open no more.
func TestPoolReusesWarmConnections(t *testing.T) {
	s := serve(t, proto, nil)
	c := client(t, s, upstream.Config{Pooled: true, Conns: 3})
	if err := c.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st := c.Stats(); st.Opened != 4 || st.Streaming != 3 || st.Unary != 1 {
		t.Fatalf("after warming: %+v, want 3 for streams and 1 for whole answers", st)
	}
	for range 9 {
		if got := ask(t, c); got != "HTTP/2.0" {
			t.Fatalf("protocol %s", got)
		}
	}
	if st := c.Stats(); st.Opened != 4 || st.Reused != 6 || st.InFlight != 0 {
		t.Errorf("stats %+v, want 4 opened, 6 reused", st)
	}
	c.Close()
	eventually(t, "connections closed by Close", func() bool { return s.open.Load() == 0 })
	if _, err := c.Models(t.Context(), ""); !errors.Is(err, upstream.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// gate is a handler that tells which connection a request came on and holds it.
type gate struct {
	mu      sync.Mutex
	byConn  map[string]int
	started chan struct{}
	release chan struct{}
}

func newGate() *gate {
	return &gate{byConn: map[string]int{}, started: make(chan struct{}, 1000), release: make(chan struct{})}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.byConn[r.RemoteAddr]++
	g.mu.Unlock()
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	g.started <- struct{}{}
	select {
	case <-g.release:
	case <-r.Context().Done():
	}
}

// hold opens n streams one after the other and returns what ends them.
func hold(t *testing.T, c *upstream.Client, g *gate, n int) (end func()) {
	t.Helper()
	var bodies []io.Closer
	for range n {
		resp, err := c.Stream(t.Context(), "m", []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, resp.Body)
		<-g.started
	}
	return func() {
		for _, b := range bodies {
			_ = b.Close()
		}
	}
}

// TestLeastInFlightFirst spreads streams that stay open evenly.
func TestLeastInFlightFirst(t *testing.T) {
	g := newGate()
	s := serve(t, g.ServeHTTP, nil)
	c := client(t, s, upstream.Config{Pooled: true, Conns: 3})
	if err := c.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer hold(t, c, g, 12)()
	for conn, n := range g.byConn {
		if n != 4 {
			t.Errorf("connection %s carries %d streams, want 4 (%v)", conn, n, g.byConn)
		}
	}
	if len(g.byConn) != 3 {
		t.Errorf("%d connections used, want 3", len(g.byConn))
	}
}

// TestGrowsBeforeTheServersLimit: the server allows 7 streams per connection
// while a new connection claims 100; 40 streams at once must all be served.
func TestGrowsBeforeTheServersLimit(t *testing.T) {
	g := newGate()
	s := serve(t, g.ServeHTTP, func(s *httptest.Server) { s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 7} })
	c := client(t, s, upstream.Config{Pooled: true, Conns: 1})
	defer hold(t, c, g, 40)()
	if n := c.Stats().Opened; n < 6 || n > 12 {
		t.Errorf("%d connections for 40 streams at 7 each", n)
	}
}

// TestBurstOnUnprovenConnections starts 40 streams at once on a cold pool.
func TestBurstOnUnprovenConnections(t *testing.T) {
	g := newGate()
	s := serve(t, g.ServeHTTP, func(s *httptest.Server) { s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 7} })
	c := client(t, s, upstream.Config{Pooled: true, Conns: 1})
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			resp, err := c.Stream(t.Context(), "m", []byte("{}"))
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		})
	}
	for range 40 {
		<-g.started // all forty run at the same time
	}
	close(g.release)
	wg.Wait()
}

// TestFullPoolWaits: at the bound of connections and streams a request waits
// for a slot instead of failing, and gives up with its context.
func TestFullPoolWaits(t *testing.T) {
	g := newGate()
	s := serve(t, g.ServeHTTP, func(s *httptest.Server) { s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 2} })
	c := client(t, s, upstream.Config{Pooled: true, Conns: 1, MaxConns: 1})
	end := hold(t, c, g, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Stream(ctx, "m", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("full pool: %v", err)
	}
	done := make(chan error, 1)
	go func() {
		resp, err := c.Stream(t.Context(), "m", []byte("{}"))
		if err == nil {
			err = resp.Body.Close()
		}
		done <- err
	}()
	end()
	if err := <-done; err != nil {
		t.Errorf("after a slot came free: %v", err)
	}
}

// TestReplacesBrokenConnections: the server drops every connection; the pool
// dials new ones unasked and no request fails.
func TestReplacesBrokenConnections(t *testing.T) {
	s := serve(t, proto, nil)
	c := client(t, s, upstream.Config{Pooled: true, Conns: 2})
	if err := c.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask(t, c)
	s.CloseClientConnections()
	eventually(t, "all three connections dialled again", func() bool { return c.Stats().Opened >= 6 })
	for range 4 {
		ask(t, c)
	}
	if st := c.Stats(); st.Opened != 6 {
		t.Errorf("stats %+v, want 6 opened", st)
	}
}

// TestGoAwayRetiresGently: a connection told to go away finishes its streams,
// takes no new ones, and is replaced.
func TestGoAwayRetiresGently(t *testing.T) {
	g := newGate()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "goaway") {
			w.Header().Set("Connection", "close") // HTTP/2: answer, then GOAWAY
			return
		}
		g.ServeHTTP(w, r)
	}, nil)
	c := client(t, s, upstream.Config{Pooled: true, Conns: 1})
	long, err := c.Stream(t.Context(), "long", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	<-g.started
	resp, err := c.Stream(t.Context(), "goaway", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a second connection", func() bool { return c.Stats().Opened == 2 })
	defer hold(t, c, g, 3)()
	if st := c.Stats(); st.Opened != 2 {
		t.Errorf("stats %+v, want 2 opened", st)
	}
	close(g.release)
	if _, err := io.ReadAll(long.Body); err != nil {
		t.Errorf("the stream on the retired connection: %v", err)
	}
	_ = long.Body.Close()
	eventually(t, "the retired connection closed", func() bool { return s.open.Load() == 1 })
}

// TestReplaysWhatTheServerDidNotBegin: the server keeps sending GOAWAY while
// requests come in on the same connection. None of them may fail.
func TestReplaysWhatTheServerDidNotBegin(t *testing.T) {
	var served atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if served.Add(1)%10 == 0 {
			w.Header().Set("Connection", "close")
		}
		proto(w, r)
	}, nil)
	c := client(t, s, upstream.Config{Pooled: true, Conns: 1})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				resp, err := c.Stream(t.Context(), "m", []byte("{}"))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	t.Logf("%+v", c.Stats())
}

// TestFallsBackToHTTP1 keeps connections alive where HTTP/2 is not spoken.
func TestFallsBackToHTTP1(t *testing.T) {
	s := serve(t, proto, func(s *httptest.Server) { s.EnableHTTP2 = false })
	c := client(t, s, upstream.Config{Pooled: true})
	if err := c.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	warmed := c.Stats().Opened
	for range 5 {
		if got := ask(t, c); got != "HTTP/1.1" {
			t.Fatalf("protocol %s", got)
		}
	}
	if st := c.Stats(); st.Opened != warmed+1 || st.Reused != 4 {
		t.Errorf("stats %+v after %d for warming: want one more opened and 4 reused", st, warmed)
	}
}

func TestPlainHTTPAndH2C(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		cfg        upstream.Config
	}{
		{"fresh plain", "HTTP/1.1", upstream.Config{}},
		{"pooled plain", "HTTP/1.1", upstream.Config{Pooled: true}},
		{"fresh h2c", "HTTP/2.0", upstream.Config{H2C: true}},
		{"pooled h2c", "HTTP/2.0", upstream.Config{H2C: true, Pooled: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(proto))
			s.Config.Protocols = new(http.Protocols)
			s.Config.Protocols.SetHTTP1(true)
			s.Config.Protocols.SetUnencryptedHTTP2(true)
			s.Start()
			t.Cleanup(s.Close)
			tt.cfg.BaseURL = s.URL
			c, err := upstream.New(tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			for range 2 {
				if got := ask(t, c); got != tt.want {
					t.Errorf("protocol %s, want %s", got, tt.want)
				}
			}
		})
	}
}

// TestUnreachable fails at once and plainly, and recovers when the upstream
// comes up.
func TestUnreachable(t *testing.T) {
	for _, pooled := range []string{"fresh", "pooled"} {
		t.Run(pooled, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			address := l.Addr().String()
			_ = l.Close()
			c, err := upstream.New(upstream.Config{BaseURL: "http://" + address, H2C: true, Pooled: pooled == "pooled"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			if err := c.Warm(t.Context()); pooled == "pooled" && err == nil {
				t.Error("warming an unreachable upstream succeeded")
			}
			if _, err := c.Models(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "refused") {
				t.Errorf("unreachable: %v", err)
			}
			if l, err = net.Listen("tcp", address); err != nil {
				t.Fatal(err)
			}
			s := &http.Server{Handler: http.HandlerFunc(proto), Protocols: new(http.Protocols)}
			s.Protocols.SetUnencryptedHTTP2(true)
			go func() { _ = s.Serve(l) }()
			t.Cleanup(func() { _ = s.Close() })
			if got := ask(t, c); got != "HTTP/2.0" {
				t.Errorf("after it came up: %s", got)
			}
		})
	}
}

// TestCancelReachesTheUpstream in both ways, before and after the head.
func TestCancelReachesTheUpstream(t *testing.T) {
	for _, pooled := range []string{"fresh", "pooled"} {
		t.Run(pooled, func(t *testing.T) {
			gone := make(chan struct{}, 2)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if strings.Contains(r.URL.Path, "head") {
					_ = http.NewResponseController(w).Flush()
				} else {
					cancel() // both have arrived
				}
				<-r.Context().Done()
				gone <- struct{}{}
			}, nil)
			c := client(t, s, upstream.Config{Pooled: pooled == "pooled"})
			resp, err := c.Stream(ctx, "head", []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Stream(ctx, "mute", []byte("{}")); !errors.Is(err, context.Canceled) {
				t.Errorf("before the head: %v", err)
			}
			if _, err := io.ReadAll(resp.Body); !errors.Is(err, context.Canceled) {
				t.Errorf("after the head: %v", err)
			}
			_ = resp.Body.Close()
			<-gone
			<-gone
			if st := c.Stats(); st.InFlight != 0 {
				t.Errorf("in flight %d", st.InFlight)
			}
		})
	}
}

// bubble serves h over in-memory connections, for tests on a fake clock, and
// returns a client for it.
func bubble(t *testing.T, cfg upstream.Config, h http.HandlerFunc) *upstream.Client {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	s := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	s.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = s.Serve(l) }()
	cfg.BaseURL, cfg.H2C, cfg.DialContext = "http://upstream.test", true, l.dial
	c, err := upstream.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); _ = s.Close() })
	return c
}

// pipes is a listener whose connections are net.Pipes.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

func TestTimeouts(t *testing.T) {
	for _, pooled := range []string{"fresh", "pooled"} {
		t.Run(pooled, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := bubble(t, upstream.Config{Pooled: pooled == "pooled"}, func(w http.ResponseWriter, r *http.Request) {
					if strings.Contains(r.URL.Path, "mute") {
						<-r.Context().Done()
						return
					}
					for range 3 { // gaps just within the limit
						fmt.Fprint(w, "x")
						_ = http.NewResponseController(w).Flush()
						time.Sleep(119 * time.Second)
					}
					<-r.Context().Done()
				})
				begun := time.Now()
				_, err := c.Stream(t.Context(), "mute", []byte("{}"))
				checkTimeout(t, err, "first byte", begun, 300*time.Second)

				begun = time.Now()
				resp, err := c.Stream(t.Context(), "talk", []byte("{}"))
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				if string(b) != "xxx" {
					t.Errorf("read %q", b)
				}
				checkTimeout(t, err, "idle", begun, (2*119+120)*time.Second)
				_ = resp.Body.Close()
			})
		})
	}
}

func checkTimeout(t *testing.T, err error, phase string, begun time.Time, after time.Duration) {
	t.Helper()
	e, ok := errors.AsType[*upstream.TimeoutError](err)
	if !ok || e.Phase != phase || !e.Timeout() {
		t.Fatalf("error %v, want a timeout of phase %s", err, phase)
	}
	if took := time.Since(begun); took != after {
		t.Errorf("%s timeout after %v, want %v", phase, took, after)
	}
}

// TestPingFindsADeadPeer: a peer that vanishes without a word is noticed by
// pings, and its stream fails.
func TestPingFindsADeadPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deaf := func(ctx context.Context, _, _ string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, far) }() // reads all, says nothing
			return near, nil
		}
		c, err := upstream.New(upstream.Config{BaseURL: "http://upstream.test", H2C: true, Pooled: true, Conns: 1, DialContext: deaf})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		begun := time.Now()
		if _, err := c.Stream(t.Context(), "m", []byte("{}")); err == nil {
			t.Fatal("a deaf peer answered")
		}
		if took := time.Since(begun); took != 20*time.Second {
			t.Errorf("noticed after %v, want 15 s of silence and 5 s for the ping", took)
		}
	})
}

func TestConfigValidate(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  upstream.Config
		want []string
	}{
		{"defaults", upstream.Config{}, nil},
		{"no scheme", upstream.Config{BaseURL: "example.com"}, []string{"http://host"}},
		{"key in URL", upstream.Config{BaseURL: "https://h?key=x"}, []string{"query"}},
		{"h2c over TLS", upstream.Config{BaseURL: "https://h", H2C: true}, []string{"h2c"}},
		{"line break in key", upstream.Config{Key: "sec\nret"}, []string{"upstream key"}},
		{"several", upstream.Config{BaseURL: "ftp://h", Conns: 5, MaxConns: 2, IdleTimeout: -1}, []string{"http://host", "warm (5)", "negative"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.cfg.Validate()
			if (err != nil) != (tt.want != nil) {
				t.Fatalf("error %v", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if err != nil && strings.Contains(err.Error(), "ret") && tt.name == "line break in key" {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

func TestKeyNeverShows(t *testing.T) {
	var b strings.Builder
	cfg := upstream.Config{Key: "s3cret"}
	slog.New(slog.NewJSONHandler(&b, nil)).Error("x", "key", cfg.Key)
	fmt.Fprintf(&b, "%v %+v %#v %s", cfg, cfg, cfg, cfg.Key)
	if strings.Contains(b.String(), "s3cret") {
		t.Errorf("the key shows: %s", b.String())
	}
}

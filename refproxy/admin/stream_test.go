package admin_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

// A watcher reads a stream of the Admin's own server over a pipe in memory, so
// that a test need not wait for its timeouts.
type watcher struct {
	*bufio.Reader
	leave func()
}

// watch begins to read a stream.
func watch(t *testing.T, dial func() net.Conn, path string, head ...string) *watcher {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(), nil }}
	r, err := http.NewRequestWithContext(ctx, "GET", "http://127.0.0.1"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(head[0], head[1])
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %d %s", path, response.StatusCode, response.Header)
	}
	return &watcher{Reader: bufio.NewReader(response.Body), leave: func() {
		cancel()
		_ = response.Body.Close()
		transport.CloseIdleConnections()
	}}
}

// event returns the next event's name and data.
func (w *watcher) event(t *testing.T) (name, data string) {
	t.Helper()
	for {
		line, err := w.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %q", err, line)
		}
		if text, ok := strings.CutPrefix(line, "event: "); ok {
			name = strings.TrimSpace(text)
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			return name, text
		}
	}
}

// pipes is a listener for connections within the process.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// TestStreamOutlivesTimeouts holds that live figures go on over the timeouts of
// the server, and that its shutdown ends them.
func TestStreamOutlivesTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		listener := newPipes()
		server := w.admin.Server()
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		s := watch(t, listener.dial, "/admin/live", "Authorization", "Bearer "+adminKey)
		for i := range 300 { // a second each: beyond every timeout
			w.traffic.Began()
			w.traffic.Ended(live.Request{Outcome: live.OK, FirstByte: time.Second})
			if name, data := s.event(t); name != "figures" || !strings.Contains(data, `"in_flight":0`) {
				t.Fatalf("event %d: %s %s", i, name, data)
			}
		}
		begun := time.Now()
		go func() { _, _ = io.Copy(io.Discard, s) }()
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("the shutdown waited %v for a watcher", took)
		}
		if err := <-served; err != http.ErrServerClosed {
			t.Error(err)
		}
		s.leave()
	})
}

// watching logs in and watches the requests until the stream ends.
func (w *world) watching(t *testing.T) (rec *httptest.ResponseRecorder, token string, ended chan struct{}) {
	t.Helper()
	login := w.do(t, "POST", "/admin/panel/login", url.Values{"password": {password}}.Encode(), "Content-Type", formType)
	token = login.Cookies()[0].Value
	rec, ended = httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(ended)
		w.admin.ServeHTTP(rec, request(t, "GET", "/admin/panel/live/requests", "", "Cookie", admin.CookieName+"="+token))
	}()
	return rec, token, ended
}

const formType = "application/x-www-form-urlencoded"

// TestStreamEndsWithTheSession holds that nobody watches on after a logout, and
// that a region is sent when it has changed and only then.
func TestStreamEndsWithTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t).withPassword(t)
		rec, token, ended := w.watching(t)
		time.Sleep(5 * time.Second)
		w.traffic.Began()
		w.traffic.Ended(live.Request{ID: "req_1", Outcome: live.OK})
		time.Sleep(5 * time.Second)
		w.do(t, "POST", "/admin/panel/logout", url.Values{"form": {admin.FormToken(token)}}.Encode(), "Content-Type", formType, "Cookie", admin.CookieName+"="+token)
		begun := time.Now()
		<-ended
		if took := time.Since(begun); took > time.Second {
			t.Errorf("it went on for %v after the logout", took)
		}
		got := rec.Body.String()
		if n := strings.Count(got, "event: region"); n != 2 || strings.Count(got, "req_1") == 0 || !strings.HasSuffix(got, endOfStream) {
			t.Errorf("%d regions, want the first and the changed one, then the end:\n%s", n, got)
		}
	})
}

const endOfStream = "event: ended\ndata: null\n\n"

// TestStreamOutlivesAShortFailure holds that a stream goes on while the store fails
// for a moment, and not for long: nobody can say then whether the login holds.
func TestStreamOutlivesAShortFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t).withPassword(t)
		rec, _, ended := w.watching(t)
		time.Sleep(1500 * time.Millisecond)
		w.accounts.fail(admin.ErrUnavailable)
		time.Sleep(10 * time.Second)
		w.accounts.fail(nil)
		time.Sleep(10 * time.Second)
		select {
		case <-ended:
			t.Fatalf("it has ended:\n%s", rec.Body)
		default:
		}
		w.accounts.fail(admin.ErrUnavailable)
		begun := time.Now()
		<-ended
		if took := time.Since(begun); took > 16*time.Second || !strings.HasSuffix(rec.Body.String(), endOfStream) {
			t.Errorf("it went on for %v:\n%s", took, rec.Body)
		}
	})
}

// TestWatchersAreBounded holds that watchers cannot use up the proxy, and that
// who leaves makes room.
func TestWatchersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var leave []context.CancelFunc
		var wg sync.WaitGroup
		open := func() *httptest.ResponseRecorder {
			ctx, cancel := context.WithCancel(t.Context())
			leave = append(leave, cancel)
			r := request(t, "GET", "/admin/live", "", "Authorization", "Bearer "+adminKey).WithContext(ctx)
			rec := httptest.NewRecorder()
			wg.Go(func() { w.admin.ServeHTTP(rec, r) })
			synctest.Wait()
			return rec
		}
		for range 32 {
			open()
		}
		if got := open(); got.Code != http.StatusServiceUnavailable {
			t.Errorf("the 33rd: %d", got.Code)
		}
		leave[0]()
		synctest.Wait()
		if got := open(); got.Code != 200 {
			t.Errorf("after one left: %d", got.Code)
		}
		w.admin.Close()
		wg.Wait()
		for _, f := range leave {
			f()
		}
	})
}

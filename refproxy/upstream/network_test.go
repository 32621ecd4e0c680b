package upstream_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// TestViewsProveThemselves: views of one client share its connections and
// counters, and each asks in its own name.
func TestViewsProveThemselves(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("x-goog-api-key")) }, nil)
	c := client(t, s, upstream.Config{Key: "own", Pooled: true, Conns: 1})
	for _, key := range []upstream.Key{"a", "b"} {
		view, err := c.With(upstream.Proof{Key: key})
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, view); got != string(key) {
			t.Errorf("asked as %q, want %q", got, string(key))
		}
		if got := ask(t, view.Over(false)); got != string(key) {
			t.Errorf("asked as %q over a connection of its own, want %q", got, string(key))
		}
	}
	if got := ask(t, c); got != "own" {
		t.Errorf("asked as %q, want own", got)
	}
	if st := c.Stats(); st.Opened != 3 || st.Streaming != 1 {
		t.Errorf("%+v, want one kept connection and two of single requests", st)
	}
	if _, err := c.With(upstream.Proof{Key: "two\nlines"}); err == nil {
		t.Error("a key that no header can carry was taken")
	}
}

// TestStreamsDoNotHoldUpWholeAnswers: the pool of streams is full, and a whole
// answer comes all the same.
func TestStreamsDoNotHoldUpWholeAnswers(t *testing.T) {
	g := newGate()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ":generateContent") {
			fmt.Fprint(w, "{}")
			return
		}
		g.ServeHTTP(w, r)
	}, func(s *httptest.Server) { s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 2} })
	c := client(t, s, upstream.Config{Pooled: true, Conns: 1, MaxConns: 1})
	defer hold(t, c, g, 2)()
	resp, err := c.Generate(t.Context(), "m", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if st := c.Stats(); st.Streaming != 1 || st.Unary != 1 {
		t.Errorf("%+v, want a connection of each kind", st)
	}
}

// numbered answers a stream of one number a second, and one line for anything
// else.
func numbered(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.URL.Path, "long") {
		fmt.Fprint(w, "short")
		return
	}
	for i := range 1500 {
		if _, err := fmt.Fprintf(w, "%d ", i); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		time.Sleep(time.Second)
	}
}

// long opens the stream of numbers; what it returns reads the rest and complains
// if one is missing.
func long(t *testing.T, c *upstream.Client) (rest func()) {
	t.Helper()
	resp, err := c.Stream(t.Context(), "long", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if got := len(strings.Fields(string(b))); err != nil || got != 1500 {
			t.Errorf("%d numbers of 1500, then %v", got, err)
		}
	}
}

// TestRetiredPoolCutsNothing: the pool is given up under a running stream, which
// comes whole; its connection is closed then, and new requests have another.
func TestRetiredPoolCutsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := bubble(t, upstream.Config{Pooled: true, Conns: 1}, numbered)
		rest := long(t, c)
		opened := c.Stats().Opened
		c.Retire()
		synctest.Wait()
		if got := ask(t, c); got != "short" {
			t.Errorf("after the retirement: %q", got)
		}
		if st := c.Stats(); st.Opened != opened+1 || st.Streaming != 1 {
			t.Errorf("%+v, want one connection more, and the retired one counted no more", st)
		}
		rest()
		c.Retire()
		time.Sleep(2 * time.Second)
		if st := c.Stats(); st.Streaming+st.Unary != 0 {
			t.Errorf("%+v, want none kept", st)
		}
	})
}

// TestRetirementUnderLoad: requests come while pools are given up again and
// again, and not one fails.
func TestRetirementUnderLoad(t *testing.T) {
	s := serve(t, proto, nil)
	c := client(t, s, upstream.Config{Pooled: true, Conns: 2})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 40 {
				resp, err := c.Stream(t.Context(), "m", []byte("{}"))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					t.Error(err)
				}
				_ = resp.Body.Close()
			}
		})
	}
	for range 50 {
		c.Retire()
		time.Sleep(time.Millisecond)
	}
	wg.Wait()
	c.Close()
	eventually(t, "every connection closed", func() bool { return s.open.Load() == 0 })
}

// TestConnectionsAreReplacedWithAge: after about MaxAge another connection, dialled
// anew, takes the requests, and the stream on the old one comes whole.
func TestConnectionsAreReplacedWithAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := bubble(t, upstream.Config{Pooled: true, Conns: 1, MaxAge: 10 * time.Minute}, numbered)
		rest := long(t, c)
		if st := c.Stats(); st.Opened != 1 {
			t.Fatalf("%+v, want one connection", st)
		}
		time.Sleep(8 * time.Minute)
		if st := c.Stats(); st.Opened != 1 {
			t.Errorf("%+v after 8 minutes, want the same one", st)
		}
		time.Sleep(4 * time.Minute)
		if st := c.Stats(); st.Opened != 2 || st.Streaming != 2 {
			t.Errorf("%+v after 12 minutes, want a second one beside the old", st)
		}
		before := c.Stats().Reused
		ask(t, c)
		if st := c.Stats(); st.Reused != before {
			t.Errorf("%+v: the request went over the old connection", st)
		}
		rest()
		time.Sleep(2 * time.Second)
		if st := c.Stats(); st.Streaming != 1 {
			t.Errorf("%+v, want the old one closed with its stream", st)
		}
	})
}

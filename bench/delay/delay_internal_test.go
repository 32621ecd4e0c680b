package delay

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// A paced body has a piece after each pause, and then its end.
type paced struct {
	pauses []time.Duration
	end    error
	closed bool
}

func (p *paced) Read(b []byte) (int, error) {
	if len(p.pauses) == 0 {
		return 0, p.end
	}
	time.Sleep(p.pauses[0])
	p.pauses = p.pauses[1:]
	return copy(b, "x"), nil
}

func (p *paced) Close() error { p.closed = true; return nil }

type nothing struct{}

func (nothing) Close() error { return nil }

// TestAnAnswerIsStretched holds every piece to its instant, on a virtual clock.
func TestAnAnswerIsStretched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zero := time.Now()
		now := func() int64 { return int64(time.Since(zero)) }
		until := func(at int64) error { time.Sleep(time.Duration(at - now())); return nil }
		broken := errors.New("broken off")
		source := &paced{pauses: []time.Duration{100 * time.Millisecond, 10 * time.Millisecond, 0, 30 * time.Millisecond}, end: broken}
		b := newBody(source, stretch{begun: 0, share: .1}, until, now, nothing{})
		defer b.Close()
		var got []time.Duration
		for {
			n, err := b.Read(make([]byte, 9))
			if err != nil {
				if !errors.Is(err, broken) || time.Since(zero) != 154*time.Millisecond {
					t.Errorf("%v after %v", err, time.Since(zero))
				}
				break
			}
			if n != 1 {
				t.Errorf("%d bytes", n)
			}
			got = append(got, time.Since(zero))
		}
		want := []time.Duration{110, 121, 121, 154} // 100, 110, 110 and 140 ms, and a tenth more
		for i, w := range want {
			if len(got) != len(want) || got[i] != w*time.Millisecond {
				t.Fatalf("pieces at %v, want %v ms", got, want)
			}
		}
	})
}

// TestWhatComesWithTheHeadGoesOnWithIt: what lies ready when the head comes is not
// held back twice.
func TestWhatComesWithTheHeadGoesOnWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zero := time.Now()
		now := func() int64 { return int64(time.Since(zero)) }
		until := func(at int64) error { time.Sleep(time.Duration(at - now())); return nil }
		time.Sleep(100 * time.Millisecond)
		b := newBody(&paced{pauses: []time.Duration{0, 30 * time.Millisecond}, end: io.EOF}, stretch{begun: 0, share: .1}, until, now, nothing{})
		defer b.Close()
		if err := b.hold(); err != nil || time.Since(zero) != 110*time.Millisecond {
			t.Errorf("head after %v (%v)", time.Since(zero), err)
		}
		for _, want := range []time.Duration{110 * time.Millisecond, 143 * time.Millisecond} {
			if _, err := b.Read(make([]byte, 1)); err != nil || time.Since(zero) != want {
				t.Errorf("a piece after %v, want %v (%v)", time.Since(zero), want, err)
			}
		}
	})
}

// TestTheWholeAnswerPasses sends a request through and holds the least that it must
// take: half as long again.
func TestTheWholeAnswerPasses(t *testing.T) {
	const head, gap = 40 * time.Millisecond, 20 * time.Millisecond
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/base/v1" || r.Header.Get("X-Api-Key") != "k" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		body, _ := io.ReadAll(r.Body)
		time.Sleep(head)
		_, _ = w.Write(body)
		w.(http.Flusher).Flush()
		time.Sleep(gap)
		_, _ = io.WriteString(w, " and more")
	}))
	defer up.Close()
	base, err := url.Parse(up.URL + "/base")
	if err != nil {
		t.Fatal(err)
	}
	p := New(base, .5)
	front := httptest.NewServer(p)
	defer front.Close()
	defer p.Rest()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, front.URL+"/v1", strings.NewReader("asked"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", "k")
	begun := clock.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if took := clock.Since(begun); took < head*3/2 {
		t.Errorf("the head came after %v", took)
	}
	text, err := io.ReadAll(resp.Body)
	if took := clock.Since(begun); err != nil || string(text) != "asked and more" || took < (head+gap)*3/2 {
		t.Errorf("%q %v after %v", text, err, took)
	}
}

// TestACallerWhoLeavesEndsThePump leaves in the middle of an answer without end.
func TestACallerWhoLeavesEndsThePump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails where a goroutine stays
		zero := time.Now()
		now := func() int64 { return int64(time.Since(zero)) }
		source := &paced{pauses: make([]time.Duration, inFlight+10), end: io.EOF}
		b := newBody(source, stretch{share: .1}, func(int64) error { return nil }, now, nothing{})
		if _, err := b.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		synctest.Wait() // the queue is full
		if err := b.Close(); err != nil || !source.closed {
			t.Errorf("%v, closed %v", err, source.closed)
		}
	})
}

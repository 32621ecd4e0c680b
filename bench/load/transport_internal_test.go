package load

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestLanesOneByOne: over HTTP/1.1 a connection carries one stream at a time, also
// where the next one gets it before the one before, read to its end, has left.
func TestLanesOneByOne(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.RemoteAddr)
	}))
	defer s.Close()
	p := Transport{}.open(Timeouts{})
	defer p.close()
	var from []string
	traces := make([]trace, 3)
	for i := range traces {
		r, err := http.NewRequestWithContext(traces[i].attach(t.Context(), &p.lanes), http.MethodGet, s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := p.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() // after the others have come
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		from = append(from, string(text))
	}
	if from[0] != from[1] || from[1] != from[2] {
		t.Fatalf("connections %v, want one for all: the test shows nothing", from)
	}
	if n := p.lanes.crowd(); n != 1 {
		t.Errorf("%d streams on a connection of HTTP/1.1", n)
	}
	p.lanes.leave(&traces[0]) // late: the last one is on it by now
	if n := len(p.lanes.inFlight); n != 1 {
		t.Errorf("%d connections in use, want that of the last stream", n)
	}
	p.lanes.leave(&traces[2])
	p.lanes.leave(&traces[1])
	if n := len(p.lanes.inFlight); n != 0 {
		t.Errorf("%d connections in use after the last stream", n)
	}
}

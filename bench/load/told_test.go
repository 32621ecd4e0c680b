package load_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// all is what the reference proxy tells, as sets of a header or a trailer.
func all(h http.Header) {
	for name, value := range map[string]string{
		"request-id": "req-7", "attempts": "3", "retry-count": "2", "retry-sleep-ms": "1500.25",
		"credential": "c-4f", "arm": "ff_a+ff_b",
	} {
		h.Set("x-firstbyte-obs-"+name, value)
	}
}

func told() *sample.ProxySaid {
	return &sample.ProxySaid{
		RequestID: "req-7", Attempts: 3, WaitNS: 1_500_250_000, Credential: "c-4f", Arm: "ff_a+ff_b",
		Flags: map[string]bool{"ff_a": true, "ff_b": true},
	}
}

// hear returns what the run file holds of the one request that play answers.
func hear(t *testing.T, h2 bool, play http.HandlerFunc) *sample.Sample {
	t.Helper()
	s := httptest.NewUnstartedServer(play)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(!h2)
	s.Config.Protocols.SetUnencryptedHTTP2(h2)
	s.Start()
	t.Cleanup(s.Close)
	cfg := config(t, s.URL, 1)
	cfg.Arms = []load.Arm{load.Standing{ArmName: "a", At: load.Target{URL: s.URL, Key: "sk-caller"}}}
	want := "HTTP/1.1"
	if h2 {
		cfg.Transport.Protocol, want = load.H2C, "HTTP/2.0"
	}
	got := &run(t, t.Context(), cfg).Samples[0]
	if got.Conn.Protocol != want {
		t.Fatalf("the answer came by %s: %+v", got.Conn.Protocol, got)
	}
	return got
}

// TestWhatTheGatewaySaid: in headers, in trailers that were announced, in those
// that were not, over both protocols; an answer that is refused speaks, too.
func TestWhatTheGatewaySaid(t *testing.T) {
	for name, play := range map[string]http.HandlerFunc{
		"headers": func(w http.ResponseWriter, r *http.Request) { all(w.Header()); answer(w, r) },
		"announced trailers": func(w http.ResponseWriter, r *http.Request) {
			for name := range announced() {
				w.Header().Add("Trailer", name)
			}
			answer(w, r)
			all(w.Header())
		},
		"trailers": func(w http.ResponseWriter, r *http.Request) {
			answer(w, r)
			for name, values := range announced() {
				w.Header()[http.TrailerPrefix+name] = values
			}
		},
		"a trailer over a header": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("x-firstbyte-obs-attempts", "1")
			w.Header().Set("x-firstbyte-obs-arm", "all-off")
			answer(w, r)
			for name, values := range announced() {
				w.Header()[http.TrailerPrefix+name] = values
			}
		},
		"a refusal": func(w http.ResponseWriter, _ *http.Request) {
			all(w.Header())
			envelope(w, http.StatusTooManyRequests, "rate_limit_error", "later")
		},
	} {
		for _, h2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, HTTP/2 %t", name, h2), func(t *testing.T) {
				s := hear(t, h2, play)
				if diff := cmp.Diff(told(), s.Proxy); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
				if wantOK := name != "a refusal"; (s.Outcome == sample.OK) != wantOK || wantOK && (s.TokenNS <= 0 || s.CloseNS < s.LastNS || s.Events != 3) {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}

func announced() http.Header {
	h := http.Header{}
	all(h)
	return h
}

// TestAForeignGateway: what is no number, out of bounds, or too long does not
// come into the run file, and neither does the key that was sent.
func TestAForeignGateway(t *testing.T) {
	for _, c := range []struct {
		name string
		say  map[string]string
		want *sample.ProxySaid
	}{
		{"nothing", nil, nil},
		{"the usual id", map[string]string{"Request-Id": "req_1", "X-Firstbyte-Obs-Request-Id": "other"}, &sample.ProxySaid{RequestID: "req_1"}},
		{"retries alone", map[string]string{"X-Firstbyte-Obs-Retry-Count": "0"}, &sample.ProxySaid{Attempts: 1}},
		{"no numbers", map[string]string{
			"X-Firstbyte-Obs-Attempts": "-3", "X-Firstbyte-Obs-Retry-Count": "1e3", "X-Firstbyte-Obs-Retry-Sleep-Ms": "NaN",
		}, nil},
		{"out of bounds", map[string]string{"X-Firstbyte-Obs-Attempts": "1001", "X-Firstbyte-Obs-Retry-Sleep-Ms": "1e300"}, nil},
		{"negative", map[string]string{"X-Firstbyte-Obs-Retry-Sleep-Ms": "-1"}, nil},
		{"the key", map[string]string{"X-Firstbyte-Obs-Credential": "sk-caller"}, &sample.ProxySaid{Credential: "[redacted]"}},
		{"no flags", map[string]string{"X-Firstbyte-Obs-Arm": "ff_a+<b>"}, &sample.ProxySaid{Arm: "ff_a+<b>"}},
		{"all off", map[string]string{"X-Firstbyte-Obs-Arm": "all-off"}, &sample.ProxySaid{Arm: "all-off"}},
		{"a long label", map[string]string{"X-Firstbyte-Obs-Arm": strings.Repeat("x", 10_000)}, &sample.ProxySaid{Arm: strings.Repeat("x", 197) + "…"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := hear(t, false, func(w http.ResponseWriter, r *http.Request) {
				for name, value := range c.say {
					w.Header().Set(name, value)
				}
				answer(w, r)
			})
			if diff := cmp.Diff(c.want, s.Proxy); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

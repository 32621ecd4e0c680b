package load_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// hijack takes the connection and sends raw bytes before it closes it, with a
// reset if asked by linger 0.
func hijack(w http.ResponseWriter, raw string) {
	conn, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	fmt.Fprint(rw, raw)
	flush(rw.Writer)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset is wanted, an orderly end is as good
	}
	_ = conn.Close()
}

func flush(w *bufio.Writer) {
	if err := w.Flush(); err != nil {
		panic(err)
	}
}

func envelope(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"type":"error","error":{"type":%q,"message":%q}}`, code, message)
}

func stall(r *http.Request) { <-r.Context().Done() }

func TestEveryOutcome(t *testing.T) {
	quick := func(set func(*load.Timeouts, time.Duration)) func(*load.Config) {
		return func(cfg *load.Config) { set(&cfg.Timeouts, 60*time.Millisecond) }
	}
	ttft := quick(func(l *load.Timeouts, d time.Duration) { l.FirstToken = d })
	for _, c := range []struct {
		name    string
		play    http.HandlerFunc
		set     func(*load.Config)
		want    sample.Outcome
		phase   sample.Phase
		status  int
		code    string
		message string // somewhere in it
		token   bool   // the first token was reached
	}{
		{
			name: "stall before headers", play: func(_ http.ResponseWriter, r *http.Request) { stall(r) },
			set: ttft, want: sample.SlowToken, phase: sample.PhaseHeaders, message: "no token",
		},
		{
			name: "stall with pings", play: func(w http.ResponseWriter, r *http.Request) {
				open(w)
				for r.Context().Err() == nil {
					event(w, `{"type":"ping"}`)
					time.Sleep(time.Millisecond)
				}
			},
			set: ttft, want: sample.SlowToken, phase: sample.PhaseFirstToken, status: 200,
		},
		{
			name: "stall amid tokens", play: func(w http.ResponseWriter, r *http.Request) { open(w); say(w, "x"); stall(r) },
			set:  quick(func(l *load.Timeouts, d time.Duration) { l.Gap = d }),
			want: sample.SlowGap, phase: sample.PhaseStream, status: 200, token: true, message: "no further token",
		},
		{
			name: "never ends", play: func(w http.ResponseWriter, r *http.Request) {
				open(w)
				for r.Context().Err() == nil {
					say(w, "x")
					time.Sleep(time.Millisecond)
				}
			},
			set:  quick(func(l *load.Timeouts, d time.Duration) { l.Total = 2 * d }),
			want: sample.SlowTotal, phase: sample.PhaseStream, status: 200, token: true,
		},
		{
			name: "does not close", play: func(w http.ResponseWriter, r *http.Request) { open(w); say(w, "x"); finish(w); stall(r) },
			set: quick(func(l *load.Timeouts, d time.Duration) { l.Total, l.Gap = 10*d, 5*d }),
			// The gap ends with the answer: what is missed is the total.
			want: sample.SlowTotal, phase: sample.PhaseClose, status: 200, token: true,
		},
		{
			name: "error body that stalls", play: func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(500)
				w.(http.Flusher).Flush()
				stall(r)
			},
			set: ttft, want: sample.SlowToken, phase: sample.PhaseHeaders, status: 500,
		},
		{
			name: "429", play: func(w http.ResponseWriter, _ *http.Request) {
				envelope(w, 429, "rate_limit_error", "slow down, "+strings.Repeat("please ", 60))
			},
			want: sample.RateLimited, phase: sample.PhaseHeaders, status: 429, code: "rate_limit_error", message: "slow down",
		},
		{
			name: "529", play: func(w http.ResponseWriter, _ *http.Request) { envelope(w, 529, "overloaded_error", "Overloaded") },
			want: sample.Overloaded, phase: sample.PhaseHeaders, status: 529, code: "overloaded_error",
		},
		{
			name: "503 without a body", play: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
			want: sample.Overloaded, phase: sample.PhaseHeaders, status: 503, message: "Service Unavailable",
		},
		{
			name: "401 that echoes the key", play: func(w http.ResponseWriter, r *http.Request) {
				envelope(w, 401, "authentication_error", "bad key "+r.Header.Get("X-Api-Key"))
			},
			want: sample.HTTP4xx, phase: sample.PhaseHeaders, status: 401, code: "authentication_error", message: "bad key [redacted]",
		},
		{
			name: "500", play: func(w http.ResponseWriter, _ *http.Request) { envelope(w, 500, "api_error", "oops") },
			want: sample.HTTP5xx, phase: sample.PhaseHeaders, status: 500, code: "api_error",
		},
		{
			name: "redirect", play: func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			},
			want: sample.HTTPOther, phase: sample.PhaseHeaders, status: 307,
		},
		{
			name: "204", play: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
			want: sample.HTTPOther, phase: sample.PhaseHeaders, status: 204,
		},
		{
			name: "HTML with 200", play: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Welcome</html>") },
			want: sample.ContentType, phase: sample.PhaseHeaders, status: 200, message: `content type "text/html; charset=utf-8", want text/event-stream`,
		},
		{
			name: "error event", play: func(w http.ResponseWriter, _ *http.Request) {
				open(w)
				say(w, "x")
				event(w, `{"type":"error","error":{"type":"overloaded_error","message":"busy"}}`)
			},
			want: sample.ErrorEvent, phase: sample.PhaseStream, status: 200, code: "overloaded_error", message: "busy", token: true,
		},
		{
			name: "error event, then cut", play: func(w http.ResponseWriter, _ *http.Request) {
				open(w)
				event(w, `{"type":"error","error":{"type":"api_error","message":"boom"}}`)
				panic(http.ErrAbortHandler)
			},
			want: sample.ErrorEvent, phase: sample.PhaseFirstToken, status: 200, code: "api_error",
		},
		{
			name: "ends without terminator", play: func(w http.ResponseWriter, _ *http.Request) { open(w); say(w, "x") },
			want: sample.NoTerminator, phase: sample.PhaseStream, status: 200, token: true,
		},
		{
			name: "says nothing", play: func(w http.ResponseWriter, _ *http.Request) { open(w); finish(w) },
			want: sample.Empty, phase: sample.PhaseClose, status: 200,
		},
		{
			name: "not JSON", play: func(w http.ResponseWriter, _ *http.Request) {
				open(w)
				fmt.Fprint(w, "event: x\ndata: {\n\n")
				say(w, "x")
				finish(w)
			},
			want: sample.BadJSON, phase: sample.PhaseClose, status: 200, token: true,
		},
		{
			name: "not framed", play: func(w http.ResponseWriter, _ *http.Request) {
				open(w)
				fmt.Fprint(w, "{\"type\":\"ping\"}\n\n")
				say(w, "x")
				finish(w)
			},
			want: sample.BadFrame, phase: sample.PhaseClose, status: 200, token: true,
		},
		{
			name: "cut amid tokens", play: func(w http.ResponseWriter, _ *http.Request) {
				open(w)
				say(w, "x")
				panic(http.ErrAbortHandler)
			},
			want: sample.ResetStream, phase: sample.PhaseStream, status: 200, token: true,
		},
		{
			name: "cut before a token", play: func(w http.ResponseWriter, _ *http.Request) {
				open(w)
				panic(http.ErrAbortHandler)
			},
			want: sample.ResetStream, phase: sample.PhaseFirstToken, status: 200,
		},
		{
			name: "cut after the terminator", play: func(w http.ResponseWriter, _ *http.Request) {
				open(w)
				say(w, "x")
				finish(w)
				panic(http.ErrAbortHandler)
			},
			want: sample.ResetStream, phase: sample.PhaseClose, status: 200, token: true,
		},
		{
			name: "cut before headers", play: func(w http.ResponseWriter, _ *http.Request) { hijack(w, "") },
			want: sample.ResetBefore, phase: sample.PhaseHeaders,
		},
		{
			name: "not HTTP", play: func(w http.ResponseWriter, _ *http.Request) { hijack(w, "SSH-2.0-x\r\n\r\n") },
			want: sample.ResetBefore, phase: sample.PhaseHeaders,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, c.play)
			cfg := config(t, s.URL, 2)
			cfg.Arms = []load.Arm{load.Standing{ArmName: "baseline", At: load.Target{URL: s.URL, Key: "sk-secret"}}}
			if c.set != nil {
				c.set(&cfg)
			}
			r := run(t, t.Context(), cfg)
			if len(r.Samples) != 2 {
				t.Fatalf("%d samples", len(r.Samples))
			}
			for _, got := range r.Samples {
				if got.Outcome != c.want || got.Phase != c.phase || got.Status != c.status || got.Code != c.code ||
					!strings.Contains(got.Message, c.message) || (got.TokenNS != 0) != c.token {
					t.Errorf("got %s in %s, status %d, code %q, message %q, token %d; want %s in %s, %d, %q, %q",
						got.Outcome, got.Phase, got.Status, got.Code, got.Message, got.TokenNS, c.want, c.phase, c.status, c.code, c.message)
				}
				if got.SentNS == 0 || got.CloseNS < got.SentNS || got.Message == "" || len(got.Message) > 200 || strings.Contains(got.Message, "secret") {
					t.Errorf("sent %d, closed %d, message %q", got.SentNS, got.CloseNS, got.Message)
				}
			}
			// Every deadline that is not the case's own is 20 s.
			if took := time.Duration(r.Samples[1].CloseNS - r.Samples[1].SentNS); took > 10*time.Second {
				t.Errorf("took %v: another deadline ended it", took)
			}
			if n := len(s.received()); n != 2 {
				t.Errorf("the server saw %d requests: a redirect was followed or a request repeated", n)
			}
		})
	}
}

// The targets below fail before any server of ours sees the request.
func TestOutcomesBeforeAConnection(t *testing.T) {
	plain := serve(t, answer)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	tlsServer := serveTLS(t)
	for _, c := range []struct {
		name, url string
		want      sample.Outcome
		phase     sample.Phase
	}{
		{"nobody listens", "http://" + gone.Addr().String(), sample.Refused, sample.PhaseConnect},
		{"TLS to a plain server", "https" + strings.TrimPrefix(plain.URL, "http"), sample.TLS, sample.PhaseTLS},
		{"unknown authority", tlsServer, sample.TLS, sample.PhaseTLS},
		{"no such name", "http://nowhere.invalid:80", sample.DNS, sample.PhaseDNS},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := run(t, t.Context(), config(t, c.url, 2))
			for _, got := range r.Samples {
				if got.Outcome != c.want || got.Phase != c.phase || got.Message == "" {
					t.Errorf("got %s in %s (%s), want %s in %s", got.Outcome, got.Phase, got.Message, c.want, c.phase)
				}
			}
		})
	}
}

func TestAListenerThatNeverShakesHands(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	cfg := config(t, "https://"+l.Addr().String(), 2)
	cfg.Timeouts.Connect = 50 * time.Millisecond
	r := run(t, t.Context(), cfg)
	if n := outcomes(r.Samples); n[sample.SlowConnect] != 2 || r.Samples[0].Phase != sample.PhaseTLS {
		t.Errorf("%v, %+v", n, r.Samples[0])
	}
}

// A stall must not keep the run longer than its deadlines, nor cost the other
// requests anything.
func TestOneStallAmongAnswers(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/stall/v1/messages") {
			stall(r)
		}
		answer(w, r)
	})
	cfg := config(t, s.URL, 6)
	cfg.Blocks = 2
	cfg.Timeouts.FirstToken = time.Second // an answer that is only slow is none that stalls
	cfg.Arms = append(cfg.Arms, load.Standing{ArmName: "candidate", At: load.Target{URL: s.URL + "/stall"}})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r := run(t, ctx, cfg)
	if n := outcomes(r.Samples); n[sample.OK] != 12 || n[sample.SlowToken] != 12 {
		t.Error(n)
	}
}

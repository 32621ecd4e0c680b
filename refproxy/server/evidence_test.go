package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

const (
	plain    = "gemini-2.5-flash"
	messages = "/v1/messages"
	native   = "/v1beta/models/" + plain
	unsigned = `400 {"error":{"code":400,"message":"Corrupted thought signature.","status":"INVALID_ARGUMENT"}}`
	hurried  = `429 {"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}`
)

// asked is a body for one of the routes.
func asked(path string) string {
	if path == messages {
		return strings.Replace(body("hi", ""), model, plain, 1)
	}
	return odd
}

// inTurn answers one request after another, the last ones alike.
func inTurn(steps ...http.HandlerFunc) http.Handler {
	var n atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		steps[min(int(n.Add(1)), len(steps))-1](w, r)
	})
}

// says answers with a status and a body.
func says(word string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		var status int
		_, _ = fmt.Sscan(word, &status)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, word[4:])
	}
}

// TestNobodyPaysForAnother: what the first credential came to is not charged to the
// second one, of which nothing is known because the caller left.
func TestNobodyPaysForAnother(t *testing.T) {
	for _, path := range []string{messages, native + ":generateContent", native + ":streamGenerateContent", native + ":countTokens"} {
		t.Run(path, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			up := inTurn(says(limited), func(_ http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
			})
			p := start(t, pooledKeys(t, up, "all-on", "a", "b"))
			req, err := http.NewRequestWithContext(ctx, "POST", p.url+path, strings.NewReader(asked(path)))
			if err != nil {
				t.Fatal(err)
			}
			if resp, err := http.DefaultClient.Do(req); err == nil {
				_ = resp.Body.Close()
				t.Fatalf("answered with %d", resp.StatusCode)
			}
			eventually(t, "both are given back", func() bool {
				requests := int64(0)
				for _, one := range p.Pool().Status() {
					requests += one.Counters.Requests
				}
				return requests == 2
			})
			for _, one := range p.Pool().Status() {
				if c := one.Counters; c.RateLimited > 1 || c.Failed > 0 || one.InFlight != 0 {
					t.Errorf("%+v", one)
				}
			}
			if c := p.Pool().Status(); c[0].Counters.RateLimited+c[1].Counters.RateLimited != 1 {
				t.Errorf("both are charged: %+v", c)
			}
		})
	}
}

// TestSignatures (regression case 3): a refused signature is taken out once; the
// native dialect's bodies go as they came, and are not asked again as they were
// (case 4).
func TestSignatures(t *testing.T) {
	for name, tt := range map[string]struct {
		path     string
		says     []string
		status   int
		attempts string
	}{
		"repaired":          {messages, []string{unsigned, good}, 200, "signature+ ok"},
		"and not twice":     {messages, []string{unsigned, unsigned, good}, 400, "signature+ signature"},
		"native":            {native + ":generateContent", []string{unsigned, good}, 400, "signature"},
		"native and stream": {native + ":streamGenerateContent", []string{unsigned, good}, 400, "signature"},
	} {
		t.Run(name, func(t *testing.T) {
			var heard listener
			cfg := pooledKeys(t, &moody{says: map[string][]string{"a": tt.says}}, "all-on", "a")
			cfg.Observers = []relay.Observer{&heard}
			p := start(t, cfg)
			resp, got := call(t, "POST", p.url+tt.path, asked(tt.path))
			p.stop()
			<-p.done
			if resp.StatusCode != tt.status || shape(heard.ended[0].Attempts) != tt.attempts {
				t.Errorf("%d %s after %q, want %d after %q", resp.StatusCode, got, shape(heard.ended[0].Attempts), tt.status, tt.attempts)
			}
		})
	}
}

// TestHealedLimit: a 429 that a retry healed does not lock the credential (wire.md,
// section 5.3).
func TestHealedLimit(t *testing.T) {
	p := start(t, pooledKeys(t, &moody{says: map[string][]string{"a": {hurried, good}}}, "all-on", "a"))
	if resp, got := call(t, "POST", p.url+messages, asked(messages)); resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, got)
	}
	eventually(t, "it is given back", func() bool { return p.Pool().Status()[0].InFlight == 0 })
	one := p.Pool().Status()[0]
	if !one.Cooldown.Until.IsZero() || len(one.Models) != 1 || !one.Models[0].Cooldown.Until.IsZero() {
		t.Errorf("%+v", one)
	}
}

// TestCountsProveNothing: tokens are counted whatever the quota for answers is, so
// that a count neither closes its cooldown nor speaks for the credential.
func TestCountsProveNothing(t *testing.T) {
	cfg := pooledKeys(t, &moody{}, "all-on", "a")
	p := start(t, cfg)
	p.Pool().Cool("id-a", plain, cfg.Clock.Now().Add(time.Second), "daily: used up")
	if resp, got := call(t, "POST", p.url+native+":countTokens", odd); resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, got)
	}
	eventually(t, "it is given back", func() bool { return p.Pool().Status()[0].InFlight == 0 })
	if one := p.Pool().Status()[0]; one.Counters.Requests != 1 || one.Models[0].Cooldown.Until.IsZero() || one.Models[0].Cooldown.Probing {
		t.Errorf("after a count: %+v", one)
	}
	if resp, got := call(t, "POST", p.url+messages, asked(messages)); resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, got)
	}
	if m := p.Pool().Status()[0].Models[0]; !m.Cooldown.Until.IsZero() {
		t.Errorf("after an answer: %+v", m)
	}
}

// TestStreamIsAnsweredAtItsHead: a stream that is passed on and goes on for long
// holds up nobody who waits for what it probes.
func TestStreamIsAnsweredAtItsHead(t *testing.T) {
	up := newSlow(t)
	cfg := pooledKeys(t, &moody{}, "all-on", "a")
	cfg.Upstream.BaseURL = up.url
	p := start(t, cfg)
	p.Pool().Cool("id-a", plain, cfg.Clock.Now().Add(time.Second), "rate: slow down")
	var open []*http.Response
	for i := range 2 {
		resp, err := http.Post(p.url+native+":streamGenerateContent?alt=sse", "application/json", strings.NewReader(odd))
		if err != nil {
			t.Fatal(err)
		}
		if open = append(open, resp); resp.StatusCode != 200 {
			t.Errorf("request %d: %d", i, resp.StatusCode)
		}
		if timing := resp.Header.Get("Server-Timing"); !strings.HasPrefix(timing, "upstream;dur=") || strings.HasPrefix(timing, "upstream;dur=0,") {
			t.Errorf("request %d: Server-Timing %q", i, timing)
		}
	}
	close(up.release)
	for _, resp := range open {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}

// TestReadyIsNoRequest: whether a credential is there is asked every second.
func TestReadyIsNoRequest(t *testing.T) {
	p := start(t, pooledKeys(t, &moody{}, "all-on", "a"))
	for range 3 {
		if resp, got := call(t, "GET", p.url+"/readyz", ""); resp.StatusCode != 200 {
			t.Fatalf("%d %s", resp.StatusCode, got)
		}
	}
	if one := p.Pool().Status()[0]; one.Counters.Requests != 0 || one.InFlight != 0 {
		t.Errorf("%+v", one)
	}
}

// TestSessionOfABody: a session that only the body names is given to an arm as a
// whole, in a stream as in a whole answer (wire.md, section 9.1).
func TestSessionOfABody(t *testing.T) {
	const flag = "ff_converter_fast_path"
	reg, err := feature.Open(t.Context(), feature.Config{Given: map[string]feature.Setting{flag: {Percent: 50, Unit: feature.UnitSession}}})
	if err != nil {
		t.Fatal(err)
	}
	var heard listener
	cfg := pooledKeys(t, &moody{}, "all-off", "a")
	cfg.Features, cfg.Observers = reg, []relay.Observer{&heard}
	p := start(t, cfg)
	const session = `,"metadata":{"user_id":"{\"session_id\":\"s1\"}"}`
	for range 10 {
		for _, extra := range []string{session, session + streamed} {
			if resp, got := call(t, "POST", p.url+messages, strings.Replace(body("hi", extra), model, plain, 1)); resp.StatusCode != 200 {
				t.Fatalf("%d %s", resp.StatusCode, got)
			}
		}
	}
	p.stop()
	<-p.done
	for _, o := range heard.ended {
		if o.Units[flag] != "session" || o.Flags[flag] != heard.ended[0].Flags[flag] {
			t.Errorf("stream %t: by the %s, %t", o.Stream, o.Units[flag], o.Flags[flag])
		}
	}
}

// TestFirstWaitIsNoRetry: a wait for the first credential is none of a retry's:
// whoever asserts on waits would take it for one that was done twice.
func TestFirstWaitIsNoRetry(t *testing.T) {
	cfg := pooledKeys(t, &moody{}, "all-on", "a")
	p := start(t, cfg)
	p.Pool().Cool("id-a", plain, cfg.Clock.Now().Add(5*time.Second), "rate: slow down")
	resp, got := call(t, "POST", p.url+messages, asked(messages))
	h := resp.Header
	if resp.StatusCode != 200 || h.Get("X-Firstbyte-Obs-Retry-Count") != "0" || h.Get("X-Firstbyte-Obs-Retry-Sleep-Ms") != "0" {
		t.Errorf("%d %v %s", resp.StatusCode, h, got)
	}
	if timing := h.Get("Server-Timing"); strings.Contains(timing, "wait;dur=0,") {
		t.Errorf("Server-Timing %q", timing)
	}
}

// TestWhoListsNoPreview: a preview model that the credential does not have which was
// asked for the list is there all the same, under its suffixes, too.
func TestWhoListsNoPreview(t *testing.T) {
	up := &lister{models: []string{plain}}
	p := start(t, pooledKeys(t, up, "all-on", "a", "p1"))
	call(t, "GET", p.url+"/v1/models", "")
	for _, name := range []string{model, model + "-high"} {
		resp, got := call(t, "POST", p.url+messages, strings.Replace(body("hi", ""), model, name, 1))
		if resp.StatusCode != 200 || !strings.Contains(got, "/models/"+model+":generateContent") {
			t.Errorf("%s: %d %s", name, resp.StatusCode, got)
		}
	}
}

// TestCountIsOfThePath: a count that names a preview model within is not asked for
// with another credential.
func TestCountIsOfThePath(t *testing.T) {
	up := &scripted{kind: "application/json", body: `{"totalTokens":3}`}
	p := start(t, config(t, serve(t, up)))
	for sent, want := range map[string]string{
		`{"generateContentRequest":{"model":"models/` + model + `","contents":[]}}`: `{"generateContentRequest":{"contents":[],"model":"models/m"}}`,
		`{"generateContentRequest":{"model":"models/m", "contents":[]} }`:           `{"generateContentRequest":{"model":"models/m", "contents":[]} }`,
		`{"generateContentRequest":{ "contents":[]}}`:                               `{"generateContentRequest":{ "contents":[]}}`,
	} {
		resp, got := call(t, "POST", p.url+"/v1beta/models/m:countTokens", sent)
		if asked := up.last(t); resp.StatusCode != 200 || asked.body != want {
			t.Errorf("%d %s: asked %s, want %s", resp.StatusCode, got, asked.body, want)
		}
	}
}

// TestNobodyInPreview: what keeps a preview model off is not the trouble of a
// credential that could never serve it.
func TestNobodyInPreview(t *testing.T) {
	p := start(t, pooledKeys(t, &moody{}, "all-on", "a"))
	p.Pool().Disable("id-a", "this account was closed", "https://v.test/verify")
	resp, got := call(t, "POST", p.url+messages, body("hi", ""))
	if e := failed(t, resp, got, 403, "permission_error"); !strings.Contains(e.Error.Message, "in preview") || strings.Contains(got, "v.test") {
		t.Errorf("%s", got)
	}
	resp, got = call(t, "POST", p.url+messages, asked(messages))
	if failed(t, resp, got, 403, "permission_error"); !strings.Contains(got, "closed") || !strings.Contains(got, "https://v.test/verify") {
		t.Errorf("%s", got)
	}
}

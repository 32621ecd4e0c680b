package server_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/retry"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// moody is an upstream whose answers depend on the key: what it says to a key is
// used up line by line, the last for good.
type moody struct {
	mu    sync.Mutex
	says  map[string][]string
	asked []string // keys, in order
}

const (
	good     = "good"
	busy     = `429 {"error":{"code":429,"message":"No capacity available","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"MODEL_CAPACITY_EXHAUSTED"}]}}`
	limited  = `429 {"error":{"code":429,"message":"Please retry in 7s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED"}]}}`
	revoked  = `400 {"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}`
	missing  = `404 {"error":{"code":404,"message":"not found","status":"NOT_FOUND"}}`
	unproven = `403 {"error":{"code":403,"message":"Verify your account","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"VALIDATION_REQUIRED","metadata":{"validation_url":"https://v.test/?a=b&c=d"}}]}}`
	cutShort = "cut"
	mute     = "mute" // good, and no word of how long it took
)

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	key := r.Header.Get("X-Goog-Api-Key")
	m.mu.Lock()
	m.asked = append(m.asked, key)
	word := good
	if list := m.says[key]; len(list) > 0 {
		word = list[0]
		if len(list) > 1 {
			m.says[key] = list[1:]
		}
	}
	m.mu.Unlock()
	stream := strings.Contains(r.URL.Path, "stream")
	chunk := func(text, finish string) {
		data := `{"candidates":[{"content":{"role":"model","parts":[{"text":"` + text + `"}]}` + finish + `}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":5}}`
		if stream {
			data = "data: " + data + "\n\n"
		}
		_, _ = io.WriteString(w, data)
	}
	if word != mute {
		w.Header().Set("Server-Timing", map[bool]string{true: "gfet4t7; dur=40.5", false: "gfet4t7; dur=900"}[word == good])
	}
	switch {
	case word == cutShort:
		chunk("begun", "")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case word == good, word == mute:
		chunk("served by "+key, `,"finishReason":"STOP"`)
	default:
		var status int
		_, _ = fmt.Sscan(word, &status)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, word[4:])
	}
}

func (m *moody) keys() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.asked, " ")
}

// pooled is a proxy with these keys, whose clock runs a hundred times as fast. A
// key that begins with p is one for models in preview.
func pooledKeys(t *testing.T, up http.Handler, list string, keys ...string) server.Config {
	cfg := config(t, serve(t, up))
	cfg.Flags = flags(t, list)
	policy := retry.Default()
	cfg.Retry = &policy
	cfg.Preview = []string{model}
	var err error
	if cfg.Clock, err = clock.NewScaled(100, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		cfg.Sources = append(cfg.Sources, server.Source{
			Credential: credential.Credential{ID: "id-" + key, Label: key, Weight: 1, Preview: key[0] == 'p'},
			Proof:      upstream.Proof{Key: upstream.Key(key)},
		})
	}
	return cfg
}

// What one request makes of the credentials, by what the upstream says to each:
// the answer's status, how often it was asked, and what is then known.
func TestTries(t *testing.T) {
	const plain = "gemini-2.5-flash"
	for _, tt := range []struct {
		name, flags, model string
		keys               []string
		says               map[string][]string
		status             int
		attempts           string // the classes of the attempts that failed, and those that were retried
		disabled           string // id of the one that is then out of use
	}{
		{name: "capacity heals", flags: "all-on", model: plain, keys: []string{"a"}, says: map[string][]string{"a": {busy, busy, good}}, status: 200, attempts: "capacity+ capacity+ ok"},
		{name: "capacity goes to another first", flags: "all-on", model: plain, keys: []string{"a", "b"}, says: map[string][]string{"a": {busy, good}, "b": {busy, good}}, status: 200},
		{name: "a dead key is given up", flags: "all-on", model: plain, keys: []string{"a"}, says: map[string][]string{"a": {revoked}}, status: 403, attempts: "auth", disabled: "id-a"},
		{name: "and another one serves", flags: "ff_retry_policy_v2", model: plain, keys: []string{"a", "b", "c"}, says: map[string][]string{"a": {revoked}, "b": {revoked}, "c": {good}}, status: 200},
		{name: "a rate limit moves on without a wait", flags: "all-on", model: plain, keys: []string{"a", "b"}, says: map[string][]string{"a": {limited, good}, "b": {limited, good}}, status: 200},
		{name: "verification is shown whole", flags: "all-on", model: plain, keys: []string{"a"}, says: map[string][]string{"a": {unproven}}, status: 403, attempts: "verification", disabled: "id-a"},
		{name: "a missing model is not asked for again", flags: "all-on", model: plain, keys: []string{"a", "b"}, says: map[string][]string{"a": {missing}, "b": {missing}}, status: 404, attempts: "not_found"},
		{name: "a preview model is looked for once more", flags: "all-on", model: model, keys: []string{"p1", "p2", "p3", "b"}, says: map[string][]string{"p1": {missing}, "p2": {missing}, "p3": {missing}}, status: 404, attempts: "not_found+ not_found"},
		{name: "a preview model has preview keys alone", flags: "all-on", model: model, keys: []string{"a", "b"}, status: 403, attempts: ""},
		{name: "off: a flat wait, twice, for 429 and 503", flags: "all-off", model: plain, keys: []string{"a"}, says: map[string][]string{"a": {busy, limited, good}}, status: 200, attempts: "capacity++ rate++ ok"},
		{name: "off: nothing else is repeated", flags: "all-off", model: plain, keys: []string{"a", "b"}, says: map[string][]string{"a": {revoked}, "b": {revoked}}, status: 403, attempts: "auth"},
	} {
		for _, extra := range []string{"", streamed} {
			t.Run(tt.name+extra, func(t *testing.T) {
				says := map[string][]string{}
				maps.Copy(says, tt.says)
				up := &moody{says: says}
				var heard listener
				cfg := pooledKeys(t, up, tt.flags, tt.keys...)
				cfg.Observers = []relay.Observer{&heard}
				p := start(t, cfg)
				resp, got := call(t, "POST", p.url+"/v1/messages", strings.Replace(body("hi", extra), model, tt.model, 1))
				if resp.StatusCode != tt.status {
					t.Errorf("%d %s, want %d", resp.StatusCode, got, tt.status)
				}
				if strings.Contains(tt.name, "verification") && !strings.Contains(got, "https://v.test/?a=b&c=d") {
					t.Errorf("no address in %s", got)
				}
				p.stop()
				<-p.done
				if o := heard.ended[0]; tt.attempts != "" && shape(o.Attempts) != tt.attempts {
					t.Errorf("attempts %q, want %q (%+v)", shape(o.Attempts), tt.attempts, o.Attempts)
				}
				for _, one := range p.Pool().Status() {
					if one.InFlight != 0 {
						t.Errorf("%s is still in use", one.ID)
					}
					if (one.Disabled != "") != (one.ID == tt.disabled) && len(tt.keys) == 1 {
						t.Errorf("%s: disabled %q", one.ID, one.Disabled)
					}
				}
				if strings.Contains(up.keys(), "p") && tt.model == plain {
					t.Errorf("asked with %s", up.keys())
				}
			})
		}
	}
}

// shape tells attempts by their failures, with a plus for one that was followed by
// another, and two where it was waited twice for that.
func shape(attempts []relay.Attempt) string {
	var words []string
	for _, a := range attempts {
		word := a.Class
		if word == "" {
			word = "ok"
		}
		switch {
		case a.Retried && a.Sleeps > 1:
			word += "++"
		case a.Retried:
			word += "+"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// A stream that breaks after its first content is not begun anew, and its
// credential is given back.
func TestNothingIsRepeatedAfterContent(t *testing.T) {
	for _, path := range []string{"/v1/messages", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"} {
		up := &moody{says: map[string][]string{"a": {cutShort}, "b": {cutShort}}}
		var heard listener
		cfg := pooledKeys(t, up, "all-on", "a", "b")
		cfg.Observers = []relay.Observer{&heard}
		p := start(t, cfg)
		ask := strings.Replace(body("hi", streamed), model, "gemini-2.5-flash", 1)
		if strings.Contains(path, "v1beta") {
			ask = odd
		}
		_, got := call(t, "POST", p.url+path, ask)
		if strings.Count(got, "begun") != 1 || !strings.Contains(got, "error") || len(up.asked) != 1 {
			t.Errorf("%s: asked with %s: %s", path, up.keys(), got)
		}
		eventually(t, "the credential is given back", func() bool {
			for _, one := range p.Pool().Status() {
				if one.InFlight != 0 {
					return false
				}
			}
			return true
		})
		p.stop()
		<-p.done
		if got := shape(heard.ended[0].Attempts); got != "network" {
			t.Errorf("%s: the record says %q of it", path, got)
		}
		if all := p.Pool().Status(); all[0].Counters.Failed+all[1].Counters.Failed != 1 {
			t.Errorf("%s: no credential is known to have failed: %+v", path, all)
		}
	}
}

// All cooling: the next request is told so at once, with the soonest end, and
// nobody is asked (wire.md, section 10, cases 28 and 35).
func TestAllCooling(t *testing.T) {
	up := &moody{says: map[string][]string{"a": {strings.Replace(limited, "7s", "3600s", 1)}}}
	p := start(t, pooledKeys(t, up, "all-on", "a"))
	ask := strings.Replace(body("hi", ""), model, "gemini-2.5-flash", 1)
	for i := range 2 {
		resp, got := call(t, "POST", p.url+"/v1/messages", ask)
		failed(t, resp, got, 429, "rate_limit_error")
		if after := resp.Header.Get("Retry-After"); after < "3" || len(up.asked) != 1 {
			t.Errorf("request %d: Retry-After %q, asked %d times", i, after, len(up.asked))
		}
	}
}

// With the scheduler alone, a model that has no capacity takes no credential out of
// use: what is refused for the model's sake is nobody's fault, and the next request
// is asked. A model that a credential does not have is remembered.
func TestSchedulerAloneHeedsWhatIsToBlame(t *testing.T) {
	up := &moody{says: map[string][]string{"a": {busy, busy, busy, busy, busy, busy, good, missing, good}}}
	p := start(t, pooledKeys(t, up, "ff_preview_credential_scheduler_v2", "a"))
	ask := strings.Replace(body("hi", ""), model, "gemini-2.5-flash", 1)
	for i, want := range []int{529, 200, 404, 404} {
		if resp, got := call(t, "POST", p.url+"/v1/messages", ask); resp.StatusCode != want {
			t.Errorf("request %d: %d %s, want %d", i, resp.StatusCode, got, want)
		}
	}
	if n := len(up.asked); n != 8 {
		t.Errorf("asked %d times, want 6 in vain, 1 that was served and 1 for the model that is missing", n)
	}
}

// Credentials come and go while the proxy runs (case 12).
func TestSourcesChangeLive(t *testing.T) {
	up := &moody{}
	cfg := pooledKeys(t, up, "all-on", "a", "b")
	p := start(t, cfg)
	ask := strings.Replace(body("hi", ""), model, "gemini-2.5-flash", 1)
	if err := p.SetSources(cfg.Sources[1:]); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, got := call(t, "POST", p.url+"/v1/messages", ask); !strings.Contains(got, "served by b") {
			t.Errorf("%s", got)
		}
	}
	if err := p.SetSources([]server.Source{{Credential: credential.Credential{ID: "x"}, Proof: upstream.Proof{Key: "a\nb"}}}); err == nil {
		t.Error("a key that no header can carry was taken")
	}
	if _, got := call(t, "POST", p.url+"/v1/messages", ask); !strings.Contains(got, "served by b") {
		t.Errorf("after a refused change: %s", got)
	}
	if err := p.SetSources(nil); err != nil {
		t.Fatal(err)
	}
	if resp, got := call(t, "POST", p.url+"/v1/messages", ask); resp.StatusCode != 403 {
		t.Errorf("without credentials: %d %s", resp.StatusCode, got)
	}
	if resp, _ := call(t, "GET", p.url+"/readyz", ""); resp.StatusCode != 503 {
		t.Errorf("ready: %d", resp.StatusCode)
	}
}

// How often an upstream that always refuses is asked by ten requests, by what the
// policy allows; the earlier behaviour has its own.
func TestBudget(t *testing.T) {
	const requests = 10
	for _, tt := range []struct {
		name, flags string
		set         func(*retry.Policy)
		asked       int
	}{
		{"no share and no burst", "all-on", func(p *retry.Policy) { p.Share, p.Burst = 0, 0 }, requests},
		{"no share", "all-on", func(p *retry.Policy) { p.Share, p.Burst = 0, 3 }, requests + 3},
		{"a share", "all-on", func(p *retry.Policy) { p.Share, p.Burst = 0.5, 0 }, requests + 5},
		{"one retry each", "all-on", func(p *retry.Policy) { p.Share, p.Burst, p.Retries = 1, 100, 1 }, 2 * requests},
		{"no time", "all-on", func(p *retry.Policy) { p.Total = 0 }, requests},
		{"off", "all-off", func(p *retry.Policy) { p.Share, p.Burst, p.Retries, p.Total = 0, 0, 0, 0 }, 6 * requests},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := &moody{says: map[string][]string{"a": {busy}}}
			cfg := pooledKeys(t, up, tt.flags, "a")
			earlier := retry.Default()
			cfg.Baseline = &earlier
			tt.set(cfg.Retry)
			p := start(t, cfg)
			for range requests {
				resp, got := call(t, "POST", p.url+"/v1/messages", strings.Replace(body("hi", ""), model, "gemini-2.5-flash", 1))
				if resp.StatusCode < 400 {
					t.Fatalf("%d %s", resp.StatusCode, got)
				}
			}
			if n := len(strings.Fields(up.keys())); n != tt.asked {
				t.Errorf("asked %d times, want %d", n, tt.asked)
			}
		})
	}
}

// What the caller is told of its request, in the head of a whole answer and in the
// trailers of a stream, and the observers too.
func TestObservations(t *testing.T) {
	up := &moody{says: map[string][]string{"a": {busy, good, busy, good}}}
	cfg := pooledKeys(t, up, "all-on", "a")
	heard := told{make(chan map[string]string, 2)}
	cfg.Observers = []relay.Observer{heard}
	p := start(t, cfg)
	for _, extra := range []string{"", streamed} {
		begun := time.Now()
		resp, got := call(t, "POST", p.url+"/v1/messages", strings.Replace(body("hi", extra), model, "gemini-2.5-flash", 1))
		took := time.Since(begun)
		h := resp.Header
		if extra == streamed {
			h = resp.Trailer
		}
		for name, want := range map[string]string{
			"Attempts": "2", "Retry-Count": "1", "Credential": "id-a", "Request-Id": resp.Header.Get("Request-Id"),
			"Upstream-Server-Ms": "40.5", // of the last attempt
		} {
			if h.Get("X-Firstbyte-Obs-"+name) != want {
				t.Errorf("%s %q, want %q: %v %s", name, h.Get("X-Firstbyte-Obs-"+name), want, h, got)
			}
		}
		last := ""
		for _, name := range []string{"T-Req-In", "T-Upstream-Send", "T-First-Byte", "T-First-Token", "T-Done"} {
			at := h.Get("X-Firstbyte-Obs-" + name)
			if at == "" || at < last {
				t.Errorf("%s is %q after %q", name, at, last)
			}
			last = at
		}
		converting := h.Get("X-Firstbyte-Obs-Converter-Cpu-Ms")
		if ms, err := strconv.ParseFloat(converting, 64); err != nil || !(ms > 0) || ms > float64(took)/1e6 {
			t.Errorf("converted for %q ms of %v", converting, took)
		}
		said := <-heard.said
		if said["Converter-Cpu-Ms"] != converting || said["Upstream-Server-Ms"] != "40.5" {
			t.Errorf("the observers are told %v", said)
		}
		var names []string
		for _, row := range table(t, "Observations") {
			names = append(names, http.CanonicalHeaderKey(strings.Trim(row[0], "`")))
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(names)), slices.Sorted(maps.Keys(said))); diff != "" {
			t.Errorf("documented and told (-documented +told):\n%s", diff)
		}
		if timing := resp.Header.Get("Server-Timing"); !strings.Contains(timing, "upstream;dur=") || !strings.Contains(timing, "wait;dur=") {
			t.Errorf("Server-Timing %q", timing)
		}
	}
}

// told keeps what the observers are told that callers are told.
type told struct{ said chan map[string]string }

func (told) Began()                  {}
func (l told) Ended(o relay.Outcome) { l.said <- o.Observed() }

// Each way to an answer tells how long it was converted, and of the upstream's time
// only what the last attempt's answer says.
func TestEveryWayIsTimed(t *testing.T) {
	for _, tt := range []struct{ name, path, body, says, server string }{
		{"messages", "/v1/messages", strings.Replace(body("hi", ""), model, "gemini-2.5-flash", 1), good, "40.5"},
		{"chat completions", "/v1/chat/completions", `{"model":"gemini-2.5-flash","messages":[{"role":"user","content":"hi"}]}`, good, "40.5"},
		{"responses", "/v1/responses", `{"model":"gemini-2.5-flash","input":"hi"}`, good, "40.5"},
		{"native", "/v1beta/models/gemini-2.5-flash:generateContent", `{"contents":[{"parts":[{"text":"hi"}]}]}`, good, "40.5"},
		{"native stream", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"hi"}]}]}`, good, "40.5"},
		{"an upstream that says nothing", "/v1/messages", strings.Replace(body("hi", ""), model, "gemini-2.5-flash", 1), mute, ""},
		{"a failure", "/v1/messages", strings.Replace(body("hi", ""), model, "gemini-2.5-flash", 1), missing, "900"},
		{"a request that cannot be read", "/v1/messages", "{}", good, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, pooledKeys(t, &moody{says: map[string][]string{"a": {busy, tt.says}}}, "all-on", "a"))
			resp, got := call(t, "POST", p.url+tt.path, tt.body)
			h := resp.Header
			if len(resp.Trailer) > 0 {
				h = resp.Trailer
			}
			if said := h["X-Firstbyte-Obs-Upstream-Server-Ms"]; strings.Join(said, " ") != tt.server {
				t.Errorf("the upstream's time %q, want %q: %s", said, tt.server, got)
			}
			if ms, err := strconv.ParseFloat(h.Get("X-Firstbyte-Obs-Converter-Cpu-Ms"), 64); err != nil || !(ms > 0) {
				t.Errorf("converted for %v ms, %v: %v", ms, err, h)
			}
		})
	}
}

func TestServerTime(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		want  time.Duration
		ok    bool
	}{
		{[]string{"gfet4t7; dur=123"}, 123 * time.Millisecond, true},
		{[]string{"total;dur=5.25"}, 5250 * time.Microsecond, true},
		{[]string{"db;dur=3, total;dur=8;desc=all", "cache;dur=1"}, 8 * time.Millisecond, true},
		{[]string{`a;desc="b, c;dur=99";DUR="7"`}, 7 * time.Millisecond, true},
		{[]string{`a;desc="\"";dur=2`}, 2 * time.Millisecond, true},
		{[]string{"a;dur=4;dur=9"}, 4 * time.Millisecond, true}, // the first counts
		{[]string{"a;dur=0"}, 0, true},
		{[]string{"dur=4"}, 0, false}, // a name
		{[]string{"miss", "a;desc=x"}, 0, false},
		{[]string{"a;dur=", "b;dur=-1", "c;dur=NaN", "d;dur=1e99", "e;dur=1x"}, 0, false},
		{nil, 0, false},
	} {
		if got, ok := server.ServerTime(tt.lines...); got != tt.want || ok != tt.ok {
			t.Errorf("%q: %v, %t", tt.lines, got, ok)
		}
	}
}

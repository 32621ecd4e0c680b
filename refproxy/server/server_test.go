package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/retry"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

const model = "gemini-3-pro-preview"

// quick is a scenario whose answers take a few milliseconds.
const quick = `
name: quick
models: [gemini-3-pro-preview]
first_chunk: {median: 2ms}
gap: {median: 1ms}
output: {unit: words, per_chunk: 3, spread: 0.5, min_chunks: 3, max_chunks: 12}
fallback: {text: "Some text, \"quoted\" <and> é 😀\n", length: {median: 200, sigma: 0.4}}
`

// simulate serves a scenario over HTTP/2 without TLS.
func simulate(t *testing.T, scenario string) string {
	t.Helper()
	parsed, err := fakegemini.ParseScenario([]byte(scenario))
	if err != nil {
		t.Fatal(err)
	}
	fake, err := fakegemini.New(fakegemini.Config{Scenario: parsed, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, fake.Handler("upstream"))
}

// serve serves a stand-in upstream over HTTP/2 without TLS.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

func flags(t *testing.T, list string) feature.Flags {
	t.Helper()
	f, err := feature.Parse(list)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// askOnce is a policy without retries.
func askOnce() *retry.Policy {
	p := retry.Default()
	p.Retries, p.Short = 0, 0
	return &p
}

// config is a proxy without keys in front of an upstream, which it asks once: what
// it makes of one failure is to be seen, and not what it makes of the next.
func config(t *testing.T, upstreamURL string) server.Config {
	return server.Config{
		Upstream: upstream.Config{BaseURL: upstreamURL, H2C: true, Key: "up-key"},
		NoAuth:   true, Flags: flags(t, "ff_retry_policy_v2,ff_http2_pool_tuning,ff_converter_fast_path"), Retry: askOnce(),
	}
}

// A proxy is a running one.
type proxy struct {
	*server.Server
	url  string
	stop context.CancelFunc // begins the drain
	done chan error         // Run's result
}

func start(t *testing.T, cfg server.Config) *proxy {
	t.Helper()
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &proxy{Server: s, url: "http://" + l.Addr().String(), stop: cancel, done: make(chan error, 1)}
	go func() { p.done <- s.Run(ctx, l); close(p.done) }()
	t.Cleanup(func() { s.Abort(); cancel(); <-p.done })
	return p
}

// call sends a request with a transport of its own and reads the answer.
func call(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// body is a request; extra is more JSON members.
func body(prompt, extra string) string {
	return fmt.Sprintf(`{"model":%q,"max_tokens":1000,"messages":[{"role":"user","content":%q}]%s}`, model, prompt, extra)
}

const streamed = `,"stream":true`

// An envelope is an Anthropic error.
type envelope struct {
	Type  string
	Error struct {
		Type    string
		Message string
	}
	RequestID string `json:"request_id"`
}

// failed checks that an answer is a whole error envelope, and returns it.
func failed(t *testing.T, resp *http.Response, got string, status int, kind string) envelope {
	t.Helper()
	var e envelope
	if err := json.Unmarshal([]byte(got), &e); err != nil {
		t.Fatalf("%d, not an envelope: %q", resp.StatusCode, got)
	}
	if resp.StatusCode != status || e.Type != "error" || e.Error.Type != kind {
		t.Errorf("%d %s, want %d %s", resp.StatusCode, got, status, kind)
	}
	if e.RequestID == "" || e.RequestID != resp.Header.Get("Request-Id") || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("request id %q, header %v", e.RequestID, resp.Header)
	}
	return e
}

func TestStreamAndWholeAgree(t *testing.T) {
	p := start(t, config(t, simulate(t, quick)))
	prompt := "[firstbyte item=a occ=1 nonce=%x] hello"
	resp, events := call(t, "POST", p.url+"/v1/messages?beta=true", body(fmt.Sprintf(prompt, 1), streamed))
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") || resp.Header.Get("Request-Id") == "" {
		t.Fatalf("%d %v\n%s", resp.StatusCode, resp.Header, events)
	}
	resp, whole := call(t, "POST", p.url+"/v1/messages", body(fmt.Sprintf(prompt, 2), ""))
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, whole)
	}
	var m struct {
		Model   string
		Content []struct{ Text string }
		Usage   map[string]any
	}
	if err := json.Unmarshal([]byte(whole), &m); err != nil || len(m.Content) != 1 {
		t.Fatalf("%v in %s", err, whole)
	}
	if text := textOf(t, events); text != m.Content[0].Text || text == "" {
		t.Errorf("streamed %q\nwhole    %q", text, m.Content[0].Text)
	}
	if m.Model != model || m.Usage["input_tokens"] == 0.0 {
		t.Errorf("%s", whole)
	}
}

// textOf joins the text of a streamed answer.
func textOf(t *testing.T, events string) string {
	t.Helper()
	var text strings.Builder
	for line := range strings.Lines(events) {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var ev struct{ Delta struct{ Text string } }
		if err := json.Unmarshal([]byte(data), &ev); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		text.WriteString(ev.Delta.Text)
	}
	return text.String()
}

var ids = regexp.MustCompile(`(msg|req)_[0-9a-f]{24}`)

// TestFlagsChangeNoByte: the flags that are there for speed, off and on, give the
// same bytes, ids aside, for answers and for failures.
func TestFlagsChangeNoByte(t *testing.T) {
	up := simulate(t, quick+"faults: {error_500: 0.1, capacity_429_retry_info: 0.1, retry_delay: 1s, cut: 0.2, cut_after: 2, cut_how: end}\n")
	url := map[string]string{}
	for name, list := range map[string]string{"off": "all-off", "on": "ff_http2_pool_tuning,ff_converter_fast_path"} {
		cfg := config(t, up)
		cfg.Flags = flags(t, list)
		url[name] = start(t, cfg).url
	}
	statuses := map[int]int{}
	for i := range 40 {
		for _, extra := range []string{"", streamed} {
			got := map[string]string{}
			for list := range url {
				prompt := fmt.Sprintf("[firstbyte item=i%d occ=1 nonce=%x] go", i, fmt.Sprint(list, i, extra))
				resp, b := call(t, "POST", url[list]+"/v1/messages", body(prompt, extra))
				got[list] = fmt.Sprint(resp.StatusCode, resp.Header.Get("Retry-After"), ids.ReplaceAllString(b, "$1"))
				statuses[resp.StatusCode]++
			}
			if diff := cmp.Diff(got["off"], got["on"]); diff != "" {
				t.Errorf("item %d %s (-off +on):\n%s", i, extra, diff)
			}
		}
	}
	if statuses[200] == 0 || statuses[502] == 0 || statuses[529] == 0 {
		t.Errorf("statuses %v: not every path was taken", statuses)
	}
}

func TestAuthentication(t *testing.T) {
	cfg := config(t, simulate(t, quick))
	cfg.NoAuth, cfg.Keys = false, server.NewKeys("k1,k2")
	p := start(t, cfg)
	for _, tt := range []struct {
		name   string
		header []string
		status int
	}{
		{"none", nil, 401},
		{"x-api-key", []string{"x-api-key", "k1"}, 200},
		{"second key", []string{"x-api-key", "k2"}, 200},
		{"bearer", []string{"Authorization", "Bearer k1"}, 200},
		{"bearer in lower case", []string{"authorization", "bearer k1"}, 200},
		{"wrong", []string{"x-api-key", "k3"}, 401},
		{"prefix", []string{"x-api-key", "k"}, 401},
		{"list", []string{"x-api-key", "k1,k2"}, 401},
		{"empty bearer", []string{"Authorization", "Bearer "}, 401},
		{"basic", []string{"Authorization", "Basic k1"}, 401},
		{"wrong x-api-key wins over right bearer", []string{"x-api-key", "no", "Authorization", "Bearer k1"}, 401},
		{"google's header is not ours", []string{"x-goog-api-key", "k1"}, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, path := range []string{"/v1/models", "/v1/messages"} {
				method := map[string]string{"/v1/models": "GET", "/v1/messages": "POST"}[path]
				resp, got := call(t, method, p.url+path, body("hi", ""), append([]string{"anthropic-version", "2023-06-01"}, tt.header...)...)
				if resp.StatusCode != tt.status {
					t.Errorf("%s: %d %s", path, resp.StatusCode, got)
				}
				if tt.status == 401 {
					failed(t, resp, got, 401, "authentication_error")
				}
			}
		})
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if resp, _ := call(t, "GET", p.url+path, ""); resp.StatusCode != 200 {
			t.Errorf("%s without a key: %d", path, resp.StatusCode)
		}
	}
}

func TestSurface(t *testing.T) {
	cfg := config(t, simulate(t, quick))
	cfg.MaxBody = 4096
	p := start(t, cfg)
	const messages = "/v1/messages"
	deep := `{"model":"m","max_tokens":1,"messages":` + strings.Repeat("[", 1500) + strings.Repeat("]", 1500) + `}`
	for _, tt := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		kind, says               string
	}{
		{"no such route", "GET", "/v2/none", "", nil, 404, "not_found_error", "/v2/none"},
		{"wrong method", "GET", messages, "", nil, 405, "invalid_request_error", "POST"},
		{"strange method", "BREW", "/v1/models", "", []string{"anthropic-version", "2023-06-01"}, 405, "invalid_request_error", "GET"},
		{"unknown version", "POST", messages, body("hi", ""), []string{"anthropic-version", "2020-01-01"}, 400, "invalid_request_error", "2026-10-21"},
		{"not JSON", "POST", messages, "hi", nil, 400, "invalid_request_error", "JSON"},
		{"no body", "POST", messages, "", nil, 400, "invalid_request_error", ""},
		{"field we do not know how to serve", "POST", messages, body("hi", `,"mcp_servers":[{"url":"u"}]`), nil, 400, "invalid_request_error", "mcp_servers"},
		{"wrong type", "POST", messages, strings.Replace(body("hi", ""), "1000", `"x"`, 1), nil, 400, "invalid_request_error", "max_tokens"},
		{"too large", "POST", messages, body(strings.Repeat("x", 5000), ""), nil, 413, "request_too_large", "4096"},
		{"gzip bomb", "POST", messages, packed(strings.Repeat(" ", 1<<20)), []string{"Content-Encoding", "gzip"}, 413, "request_too_large", "4096"},
		{"not gzip", "POST", messages, "plain", []string{"Content-Encoding", "gzip"}, 400, "invalid_request_error", "gzip"},
		{"cut gzip", "POST", messages, packed(body("hi", ""))[:20], []string{"Content-Encoding", "gzip"}, 400, "invalid_request_error", ""},
		{"brotli", "POST", messages, "x", []string{"Content-Encoding", "br"}, 415, "invalid_request_error", "br"},
		{"unknown model", "POST", messages, strings.Replace(body("hi", ""), model, "gemini-0", 1), nil, 404, "not_found_error", "gemini-0"},
		{"model with a line break", "POST", messages, strings.Replace(body("hi", ""), model, `a\r\nX-Evil: 1`, 1), nil, 404, "not_found_error", ""},
		{"model that is a path", "POST", messages, strings.Replace(body("hi", ""), model, "../../v1/x:delete?k=v#", 1), nil, 404, "not_found_error", ""},
		{"model listed nowhere", "GET", "/v1/models/gemini-0", "", []string{"anthropic-version", "2023-06-01"}, 404, "not_found_error", "gemini-0"},
		{"deep JSON", "POST", messages, deep, nil, 400, "invalid_request_error", "messages"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, got := call(t, tt.method, p.url+tt.path, tt.body, tt.header...)
			e := failed(t, resp, got, tt.status, tt.kind)
			if !strings.Contains(e.Error.Message, tt.says) {
				t.Errorf("message %q does not say %q", e.Error.Message, tt.says)
			}
			if resp.Header.Get("X-Evil") != "" || resp.StatusCode == 405 && resp.Header.Get("Allow") == "" {
				t.Errorf("headers %v", resp.Header)
			}
		})
	}
	if resp, _ := call(t, "HEAD", p.url+"/", ""); resp.StatusCode != 200 {
		t.Errorf("HEAD /: %d", resp.StatusCode)
	}
	resp, got := call(t, "POST", p.url+messages, packed(body("hi", "")), "Content-Encoding", "gzip", "anthropic-version", "2026-10-21")
	if resp.StatusCode != 200 {
		t.Errorf("gzip body: %d %s", resp.StatusCode, got)
	}
}

func packed(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

func TestAliasesAndModels(t *testing.T) {
	cfg := config(t, simulate(t, quick))
	cfg.Aliases = map[string]string{"claude-x": model, "vendor/claude-y": model}
	p := start(t, cfg)
	resp, got := call(t, "POST", p.url+"/v1/messages", strings.Replace(body("hi", ""), model, "claude-x", 1))
	if resp.StatusCode != 200 || !strings.Contains(got, `"model":"claude-x"`) {
		t.Errorf("%d %s", resp.StatusCode, got)
	}
	var list struct {
		Data []struct {
			ID   string
			Type string
		}
		FirstID string `json:"first_id"`
		HasMore *bool  `json:"has_more"`
	}
	_, got = call(t, "GET", p.url+"/v1/models?limit=1000", "", "anthropic-version", "2023-06-01")
	if err := json.Unmarshal([]byte(got), &list); err != nil || len(list.Data) != 3 || list.HasMore == nil {
		t.Fatalf("%v in %s", err, got)
	}
	if list.Data[0].ID != "claude-x" || list.Data[2].ID != model || list.FirstID != "claude-x" || list.Data[0].Type != "model" {
		t.Errorf("%s", got)
	}
	for _, id := range []string{"claude-x", "vendor/claude-y", model} {
		if resp, got := call(t, "GET", p.url+"/v1/models/"+id, ""); resp.StatusCode != 200 || !strings.Contains(got, `"id":"`+id+`"`) {
			t.Errorf("%d %s", resp.StatusCode, got)
		}
	}
}

func TestCountTokens(t *testing.T) {
	p := start(t, config(t, simulate(t, quick)))
	ask := `{"model":"` + model + `","messages":[{"role":"user","content":"count these words"}]}`
	resp, got := call(t, "POST", p.url+"/v1/messages/count_tokens?beta=true", ask)
	if resp.StatusCode != 200 || !strings.Contains(got, `"input_tokens":`) || resp.Header.Get("X-Firstbyte-Token-Count") != "" {
		t.Errorf("%d %s %v", resp.StatusCode, got, resp.Header)
	}
	resp, got = call(t, "POST", p.url+"/v1/messages/count_tokens", strings.Replace(ask, model, "gemini-0", 1))
	failed(t, resp, got, 404, "not_found_error")

	down := start(t, config(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<html>down</html>", http.StatusServiceUnavailable)
	}))))
	resp, got = call(t, "POST", down.url+"/v1/messages/count_tokens", ask)
	if resp.StatusCode != 200 || got != `{"input_tokens":5}` || resp.Header.Get("X-Firstbyte-Token-Count") != "estimate" {
		t.Errorf("upstream down: %d %s %v", resp.StatusCode, got, resp.Header)
	}
}

// TestUpstreamFailures: what the upstream answers, and what the caller sees.
func TestUpstreamFailures(t *testing.T) {
	capacity := `{"error":{"code":429,"message":"No capacity available","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"MODEL_CAPACITY_EXHAUSTED"}]}}`
	for _, tt := range []struct {
		name       string
		status     int
		body       string
		want       int
		kind       string
		retryAfter string
	}{
		{"capacity", 429, capacity, 529, "overloaded_error", "1"},
		{"capacity as an array", 429, "[" + capacity + "]", 529, "overloaded_error", "1"},
		{"rate with hint", 429, `{"error":{"code":429,"message":"Please retry in 46.1s.","status":"RESOURCE_EXHAUSTED"}}`, 429, "rate_limit_error", "47"},
		{"our credential", 401, `{"error":{"code":401,"message":"bad key","status":"UNAUTHENTICATED"}}`, 403, "permission_error", ""},
		{"bad request", 400, `{"error":{"code":400,"message":"bad contents","status":"INVALID_ARGUMENT"}}`, 400, "invalid_request_error", ""},
		{"HTML", 500, "<html>oops</html>", 502, "api_error", ""},
		{"empty", 503, "", 502, "api_error", ""},
		{"200 but nothing", 200, "", 500, "api_error", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, extra := range []string{"", streamed} {
				calls := 0
				p := start(t, config(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					calls++
					_, _ = io.Copy(io.Discard, r.Body)
					w.WriteHeader(tt.status)
					_, _ = io.WriteString(w, tt.body)
				}))))
				resp, got := call(t, "POST", p.url+"/v1/messages", body("hi", extra))
				failed(t, resp, got, tt.want, tt.kind)
				if resp.Header.Get("Retry-After") != tt.retryAfter || calls != 1 {
					t.Errorf("Retry-After %q, want %q; %d calls", resp.Header.Get("Retry-After"), tt.retryAfter, calls)
				}
			}
		})
	}
}

// slow is an upstream that sends one chunk and then waits to be let go.
type slow struct {
	url     string
	started chan struct{}
	release chan struct{}
	gone    chan struct{}
}

func newSlow(t *testing.T) *slow {
	s := &slow{started: make(chan struct{}, 100), release: make(chan struct{}), gone: make(chan struct{}, 100)}
	s.url = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, `data: {"candidates":[{"content":{"role":"model","parts":[{"text":"x"}]}}]}`+"\n\n")
		_ = http.NewResponseController(w).Flush()
		s.started <- struct{}{}
		select {
		case <-s.release:
			fmt.Fprint(w, `data: {"candidates":[{"finishReason":"STOP"}]}`+"\n\n")
		case <-r.Context().Done():
			s.gone <- struct{}{}
		}
	}))
	return s
}

// eventually waits for what other goroutines bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// TestDisconnectsLeaveNothing: callers that leave mid-stream end their upstream
// streams, with the fresh and with the pooled client.
func TestDisconnectsLeaveNothing(t *testing.T) {
	for _, list := range []string{"all-off", "all-on"} {
		t.Run(list, func(t *testing.T) {
			up := newSlow(t)
			before := runtime.NumGoroutine()
			cfg := config(t, up.url)
			cfg.Flags = flags(t, list)
			p := start(t, cfg)
			const n = 20
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					req, _ := http.NewRequestWithContext(ctx, "POST", p.url+"/v1/messages", strings.NewReader(body("hi", streamed)))
					transport := &http.Transport{}
					defer transport.CloseIdleConnections()
					resp, err := transport.RoundTrip(req)
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = bufio.NewReader(resp.Body).ReadString('\n')
					cancel()
					_ = resp.Body.Close()
				})
			}
			wg.Wait()
			for range n {
				select {
				case <-up.gone:
				case <-time.After(10 * time.Second):
					t.Fatal("an upstream stream outlived its caller")
				}
			}
			eventually(t, "no request in flight", func() bool { return p.Stats().InFlight == 0 })
			p.stop()
			<-p.done
			eventually(t, "every goroutine ended", func() bool { return runtime.NumGoroutine() <= before })
		})
	}
}

// streaming starts a streamed answer and waits until its text has begun; the
// channel gives all of it once it has ended.
func streaming(t *testing.T, p *proxy) <-chan string {
	t.Helper()
	out, begun := make(chan string, 1), make(chan struct{})
	go func() {
		resp, err := http.Post(p.url+"/v1/messages", "application/json", strings.NewReader(body("hi", streamed)))
		if err != nil {
			out <- err.Error()
			return
		}
		defer resp.Body.Close()
		all, r := "", bufio.NewReader(resp.Body)
		for {
			line, err := r.ReadString('\n')
			all += line
			if strings.Contains(line, "text_delta") {
				close(begun)
			}
			if err != nil {
				out <- all + err.Error()
				return
			}
		}
	}()
	<-begun
	return out
}

// TestDrainLetsAnswersFinish: after a stop nothing new is accepted, while what
// runs comes to its end.
func TestDrainLetsAnswersFinish(t *testing.T) {
	up := newSlow(t)
	p := start(t, config(t, up.url))
	out := streaming(t, p)
	p.stop()
	eventually(t, "nothing new is accepted", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	close(up.release)
	if got := <-out; !strings.Contains(got, "message_stop") || !strings.HasSuffix(got, "EOF") {
		t.Errorf("the running answer was cut: %s", got)
	}
	if err := <-p.done; err != nil {
		t.Error(err)
	}
}

// TestDrainCutsWithAWord: when the drain is over, and at once when it is
// aborted, running answers end with an error event, not with silence.
func TestDrainCutsWithAWord(t *testing.T) {
	for _, how := range []string{"drain over", "abort in the drain", "abort"} {
		t.Run(how, func(t *testing.T) {
			up := newSlow(t)
			cfg := config(t, up.url)
			cfg.Drain = time.Hour
			if how == "drain over" {
				cfg.Drain = 20 * time.Millisecond
			}
			p := start(t, cfg)
			out := streaming(t, p)
			if how != "abort" {
				p.stop()
			}
			if how != "drain over" {
				p.Abort()
			}
			got := <-out
			if !strings.Contains(got, "event: error") || !strings.Contains(got, "overloaded_error") || !strings.HasSuffix(got, "EOF") {
				t.Errorf("the answer ended so: %s", got)
			}
			if strings.Index(got, "content_block_stop") > strings.Index(got, "event: error") || strings.Contains(got, "message_stop") {
				t.Errorf("order of events: %s", got)
			}
			<-up.gone
			if err := <-p.done; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLogsHoldNoSecrets: at the most talkative level, neither keys nor text.
func TestLogsHoldNoSecrets(t *testing.T) {
	var mu sync.Mutex
	var b bytes.Buffer
	cfg := config(t, simulate(t, quick))
	cfg.NoAuth, cfg.Keys = false, server.NewKeys("caller-key")
	cfg.Log = slog.New(slog.NewJSONHandler(locked{&mu, &b}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p := start(t, cfg)
	call(t, "POST", p.url+"/v1/messages", body("the-prompt", streamed), "x-api-key", "caller-key")
	call(t, "POST", p.url+"/v1/messages", body("the-prompt", `,"the-field":{}`), "x-api-key", "wrong-key")
	call(t, "POST", p.url+"/v1/messages", body("the-prompt", ""), "x-api-key", "caller-key")
	p.stop()
	<-p.done
	mu.Lock()
	defer mu.Unlock()
	for _, secret := range []string{"the-prompt", "caller-key", "wrong-key", "up-key", "Some text"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, &b)
		}
	}
	if n := strings.Count(b.String(), `"msg":"request"`); n != 3 {
		t.Errorf("%d requests logged, want 3:\n%s", n, &b)
	}
}

type locked struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func TestConfigValidate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*server.Config)
		want   string // "" means valid
	}{
		{"no auth", func(*server.Config) {}, ""},
		{"neither keys nor no-auth", func(c *server.Config) { c.NoAuth = false }, "FIRSTBYTE_PROXY_KEYS"},
		{"only empty keys", func(c *server.Config) { c.NoAuth, c.Keys = false, server.NewKeys(" , \n# note\n") }, "FIRSTBYTE_PROXY_KEYS"},
		{"keys and no-auth", func(c *server.Config) { c.Keys = server.NewKeys("k") }, "exclude"},
		{"no key for Google", func(c *server.Config) { c.Upstream = upstream.Config{} }, "GEMINI_API_KEY"},
		{"bad alias", func(c *server.Config) { c.Aliases = map[string]string{"a": "b/c"} }, "alias"},
		{"bad upstream", func(c *server.Config) { c.Upstream.BaseURL = "nowhere" }, "upstream URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config(t, "http://127.0.0.1:1")
			tt.change(&cfg)
			err := cfg.Validate()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestCheckAddress(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:0": true, "[::1]:80": true, "localhost:80": true, "127.9.9.9:1": true,
		":80": false, "0.0.0.0:80": false, "[::]:80": false, "192.168.1.1:80": false, "example.com:80": false, "80": false,
	} {
		if err := (server.Config{NoAuth: true}).CheckAddress(address); (err == nil) != ok {
			t.Errorf("%s without keys: %v", address, err)
		}
		if err := (server.Config{}).CheckAddress(address); err != nil {
			t.Errorf("%s with keys: %v", address, err)
		}
	}
}

func TestParseAliases(t *testing.T) {
	got, err := server.ParseAliases([]string{"a=b", " claude-x = gemini-2.5-pro ", "a=b"})
	if diff := cmp.Diff(map[string]string{"a": "b", "claude-x": "gemini-2.5-pro"}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	_, err = server.ParseAliases([]string{"nothing", "=b", "a=", "a=b/c", "x=y", "x=z"})
	for _, word := range []string{`"nothing"`, `"=b"`, `"a="`, `"a=b/c"`, "given twice"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v does not say %s", err, word)
		}
	}
}

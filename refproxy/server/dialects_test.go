package server_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/codeassist"
	"github.com/firstbyte-dev/firstbyte/refproxy/media"
	"github.com/firstbyte-dev/firstbyte/refproxy/schema"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

const (
	chatPath      = "/v1/chat/completions"
	responsesPath = "/v1/responses"
)

// TestOpenAI: both of its APIs, streamed and whole, over the simulator.
func TestOpenAI(t *testing.T) {
	p := start(t, config(t, simulate(t, quick)))
	ask := func(path, extra string) (*http.Response, string) {
		turn := `"messages":[{"role":"user","content":"hi"}]`
		if path == responsesPath {
			turn = `"input":"hi"`
		}
		return call(t, "POST", p.url+path, `{"model":"`+model+`",`+turn+extra+`}`)
	}
	for path, tt := range map[string]struct{ id, object, streamed, last string }{
		chatPath:      {"chatcmpl-", "chat.completion", `"object":"chat.completion.chunk"`, "data: [DONE]\n\n"},
		responsesPath: {"resp_", "response", "event: response.created", `"type":"response.completed"`},
	} {
		resp, got := ask(path, "")
		var whole struct{ ID, Object, Model string }
		if err := json.Unmarshal([]byte(got), &whole); err != nil || resp.StatusCode != 200 || !strings.HasPrefix(whole.ID, tt.id) || whole.Object != tt.object || whole.Model != model {
			t.Errorf("%s: %d %v in %s", path, resp.StatusCode, err, got)
		}
		if resp.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: header %v", path, resp.Header)
		}
		resp, got = ask(path, `,"stream":true`)
		if resp.StatusCode != 200 || !strings.Contains(got, tt.streamed) || !strings.Contains(got, tt.last) || resp.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s streamed: %d %s", path, resp.StatusCode, got)
		}
	}
}

// TestToolsAsTheOperatorSaysItsModelsTakeThem: search beside functions, and the form
// of schemas.
func TestToolsAsTheOperatorSaysItsModelsTakeThem(t *testing.T) {
	const ask = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"tools":[
		{"name":"f","input_schema":{"type":"object","properties":{"a":{"type":"string"}}}},
		{"type":"web_search_20250305","name":"web_search"}]}`
	for _, tt := range []struct {
		mixed   bool
		schemas schema.Target
		status  int
		sent    string
	}{
		{false, schema.Auto, 400, ""},
		{true, schema.Auto, 200, `"parameters":{`},
		{true, schema.JSONSchema, 200, `"parametersJsonSchema":{`},
	} {
		up := &scripted{status: 200, kind: "application/json", body: `{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}`}
		cfg := config(t, serve(t, up))
		cfg.MixedTools, cfg.Schemas = tt.mixed, tt.schemas
		resp, got := call(t, "POST", start(t, cfg).url+"/v1/messages", ask)
		if resp.StatusCode != tt.status {
			t.Errorf("%+v: %d %s", tt, resp.StatusCode, got)
		}
		if tt.status == 200 && (len(up.asked) != 1 || !strings.Contains(up.asked[0].body, tt.sent) || !strings.Contains(up.asked[0].body, `"googleSearch":{}`)) {
			t.Errorf("%+v: the upstream got %+v", tt, up.asked)
		}
	}
}

// TestErrorsSpeakTheRoutesDialect: for what is no route, no method, no key.
func TestErrorsSpeakTheRoutesDialect(t *testing.T) {
	cfg := config(t, serve(t, &scripted{status: 500}))
	cfg.NoAuth, cfg.Keys = false, server.NewKeys("k1")
	p := start(t, cfg)
	version := []string{"anthropic-version", "2023-06-01"}
	for _, tt := range []struct {
		method, path string
		header       []string
		status       int
		dialect      string
	}{
		{"POST", chatPath, nil, 401, "openai"},
		{"POST", responsesPath, []string{"Authorization", "Bearer no"}, 401, "openai"},
		{"GET", chatPath, nil, 405, "openai"},
		{"POST", "/v1/embeddings", nil, 404, "openai"},
		{"POST", "/v1/files", version, 404, "anthropic"},
		{"GET", "/v1/models", nil, 401, "openai"},
		{"GET", "/v1/models", version, 401, "anthropic"},
		{"GET", "/v1/models/x", nil, 401, "openai"},
		{"DELETE", "/v1/models", version, 405, "anthropic"},
		{"POST", "/v1/messages", nil, 401, "anthropic"},
		{"POST", "/v1/messages/batches", nil, 404, "anthropic"},
		{"GET", "/v1/messages", nil, 405, "anthropic"},
		{"POST", "/v1/models/m:generateContent", nil, 401, "google"},
		{"GET", "/v1beta/models", nil, 401, "google"},
		{"POST", "/v1beta/files", nil, 404, "google"},
		{"GET", "/nothing", nil, 404, "anthropic"},
		{"GET", "/v1/models", []string{"Authorization", "Bearer k1"}, 502, "openai"},
		{"GET", "/v1/models", append([]string{"x-api-key", "k1"}, version...), 502, "anthropic"},
	} {
		resp, got := call(t, tt.method, p.url+tt.path, "{}", tt.header...)
		var e struct {
			Type  string
			Error map[string]any
		}
		if err := json.Unmarshal([]byte(got), &e); err != nil || resp.StatusCode != tt.status {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, resp.StatusCode, got)
			continue
		}
		dialect := "openai"
		if e.Error["status"] != nil {
			dialect = "google"
		} else if e.Type == "error" {
			dialect = "anthropic"
		}
		if dialect != tt.dialect || resp.Header.Get("Request-Id") == "" || tt.status == 405 && resp.Header.Get("Allow") == "" {
			t.Errorf("%s %s: %s instead of %s: %v %s", tt.method, tt.path, dialect, tt.dialect, resp.Header, got)
		}
	}
}

// TestModelsInThreeShapes: by the version header, and by the route.
func TestModelsInThreeShapes(t *testing.T) {
	p := start(t, config(t, serve(t, &lister{models: []string{"m"}})))
	for _, tt := range []struct {
		path, want string
		header     []string
	}{
		{"/v1/models", `"object":"list"`, nil},
		{"/v1/models/m", `"object":"model"`, nil},
		{"/v1/models", `"has_more":false`, []string{"anthropic-version", "2026-10-21"}},
		{"/v1/models/m", `"type":"model"`, []string{"anthropic-version", "2023-06-01"}},
		{"/v1beta/models", `"models":[{"name":"models/m"`, nil},
	} {
		if resp, got := call(t, "GET", p.url+tt.path, "", tt.header...); resp.StatusCode != 200 || !strings.Contains(got, tt.want) {
			t.Errorf("%s %v: %d %s", tt.path, tt.header, resp.StatusCode, got)
		}
	}
	resp, got := call(t, "GET", p.url+"/v1/models", "", "anthropic-version", "1999-01-01")
	failed(t, resp, got, 400, "invalid_request_error")
}

// fixed are tokens that never change.
type fixed string

func (f fixed) Token(context.Context) (string, error) { return string(f), nil }
func (fixed) Renew(context.Context, string) error     { return nil }

// TestVertex: the same conversation, at Vertex AI's URLs with a token.
func TestVertex(t *testing.T) {
	up := &scripted{kind: "application/json", body: event2}
	cfg := config(t, serve(t, up))
	cfg.Upstream.Kind, cfg.Upstream.Key, cfg.Upstream.Tokens, cfg.Upstream.Project, cfg.Upstream.Location = upstream.Vertex, "", fixed("t1"), "p-1", "europe-west1"
	cfg.Aliases = map[string]string{"claude-x": "m"}
	p := start(t, cfg)
	const at = "POST /v1/projects/p-1/locations/europe-west1/publishers/google/models/m:"
	resp, got := call(t, "POST", p.url+"/v1/messages", strings.Replace(body("hi", ""), model, "claude-x", 1))
	if asked := up.last(t); resp.StatusCode != 200 || !strings.Contains(got, `"text":"b"`) || asked.path != at+"generateContent" || asked.header.Get("Authorization") != "Bearer t1" || asked.header.Get("X-Goog-Api-Key") != "" {
		t.Errorf("%d %s, asked %+v", resp.StatusCode, got, asked)
	}
	if _, got = call(t, "POST", p.url+generate, odd); got != event2 || up.last(t).body != odd {
		t.Errorf("%s, asked %+v", got, up.last(t))
	}
	up.body = `{"totalTokens":7}`
	within := `{"generateContentRequest":{"model":"models/m","contents":[1],"tools":[2]}}`
	if _, got = call(t, "POST", p.url+"/v1beta/models/m:countTokens", within); got != up.body || up.last(t).body != `{"contents":[1],"tools":[2]}` || up.last(t).path != at+"countTokens" {
		t.Errorf("%s, asked %+v", got, up.last(t))
	}
	// It lists no models: the aliases are what there is.
	if resp, got = call(t, "GET", p.url+"/v1/models", ""); resp.StatusCode != 200 || !strings.Contains(got, "claude-x") {
		t.Errorf("%d %s", resp.StatusCode, got)
	}
	up.status, up.body = 404, `{"error":{"code":404,"message":"nope"}}`
	resp, got = call(t, "POST", p.url+"/v1/messages", strings.Replace(body("hi", ""), model, "new-preview", 1))
	if e := failed(t, resp, got, 404, "not_found_error"); !strings.Contains(e.Error.Message, "new-preview") || !strings.Contains(e.Error.Message, "Vertex AI") {
		t.Errorf("%q names not model and channel", e.Error.Message)
	}
}

// An assist is a stand-in Code Assist, with its token endpoint.
type assist struct {
	scripted
	load   string
	tokens int
}

func (a *assist) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/token":
		a.mu.Lock()
		defer a.mu.Unlock()
		a.tokens++
		fmt.Fprintf(w, `{"access_token":"t%d","expires_in":3600}`, a.tokens)
	case "/v1internal:loadCodeAssist":
		_, _ = w.Write([]byte(a.load))
	case "/v1internal:retrieveUserQuota":
		_, _ = w.Write([]byte(`{"buckets":[{"modelId":"m"}]}`))
	default:
		if a.status == 401 && r.Header.Get("Authorization") == "Bearer t0" {
			a.status = 200 // from the next one on
			w.WriteHeader(401)
			return
		}
		a.scripted.ServeHTTP(w, r)
	}
}

// codeAssist is a proxy in front of a.
func codeAssist(t *testing.T, a *assist) *proxy {
	t.Helper()
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "c.json")
	content := `{"client_id":"i","client_secret":"s","refresh_token":"r","token":"t0","expiry":"2100-01-01T00:00:00Z","token_uri":"` + s.URL + `/token"}`
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	account, err := codeassist.Open(codeassist.Config{File: file, BaseURL: s.URL, UserAgent: "firstbyte-refproxy/dev"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(t, s.URL)
	cfg.Upstream = upstream.Config{Kind: upstream.CodeAssist, BaseURL: s.URL, Tokens: account}
	cfg.Account = account
	return start(t, cfg)
}

const settled = `{"currentTier":{"id":"standard-tier"},"cloudaicompanionProject":"p-1"}`

// TestCodeAssist: bodies go and come in their envelopes, the project is found, a
// token that is refused is renewed.
func TestCodeAssist(t *testing.T) {
	a := &assist{load: settled}
	a.kind, a.body, a.status = "application/json", `{"response":`+event2+`,"traceId":"trace-1"}`, 401
	p := codeAssist(t, a)
	if resp, got := call(t, "GET", p.url+"/readyz", ""); resp.StatusCode != 503 {
		t.Errorf("ready before its account is: %d %s", resp.StatusCode, got)
	}
	// Having been asked is enough for it to become so.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if resp, _ := call(t, "GET", p.url+"/readyz", ""); resp.StatusCode == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("never ready")
		}
	}
	resp, got := call(t, "POST", p.url+"/v1/messages", strings.Replace(body("hi", ""), model, "m", 1))
	asked := a.last(t)
	var sent struct {
		Model, Project string
		Prompt         string `json:"user_prompt_id"`
		Request        struct{ Contents []any }
	}
	if err := json.Unmarshal([]byte(asked.body), &sent); err != nil || sent.Model != "m" || sent.Project != "p-1" || sent.Prompt == "" || len(sent.Request.Contents) != 1 {
		t.Errorf("%v, sent %s", err, asked.body)
	}
	if resp.StatusCode != 200 || !strings.Contains(got, `"text":"b"`) || asked.path != "POST /v1internal:generateContent" || asked.header.Get("Authorization") != "Bearer t1" || a.tokens != 1 {
		t.Errorf("%d %s, asked %+v", resp.StatusCode, got, asked)
	}
	// Native: the body and the answer are the inner ones, the trace id a header.
	resp, got = call(t, "POST", p.url+generate, odd)
	var inner struct{ Request json.RawMessage }
	_ = json.Unmarshal([]byte(a.last(t).body), &inner)
	if got != event2 || resp.Header.Get("X-Cloudaicompanion-Trace-Id") != "trace-1" || string(inner.Request) != odd {
		t.Errorf("%v %s, sent %s", resp.Header, got, a.last(t).body)
	}
	if resp, got = call(t, "POST", p.url+generate, "no JSON"); rpc(t, resp, got).Error.Status != "INVALID_ARGUMENT" {
		t.Errorf("%s", got)
	}
	a.kind, a.body = "", `data: {"response":`+event1+`,"traceId":"trace-2"}`+"\r\n\r\n"+`data: {"response":`+event2+"}\r\n\r\n"
	resp, got = call(t, "POST", p.url+stream+"?alt=sse", odd)
	if got != "data: "+event1+"\n\ndata: "+event2+"\n\n" || resp.Header.Get("X-Cloudaicompanion-Trace-Id") != "trace-2" {
		t.Errorf("%v %s", resp.Header, got)
	}
	_, got = call(t, "POST", p.url+"/v1/messages", strings.Replace(body("hi", streamed), model, "m", 1))
	if textOf(t, got) != "ab" || !strings.Contains(got, "message_stop") {
		t.Errorf("%s", got)
	}
	a.kind, a.body = "application/json", `{"totalTokens":7}`
	_, got = call(t, "POST", p.url+"/v1/messages/count_tokens", strings.Replace(body("hi", ""), model, "m", 1))
	if got != `{"input_tokens":7}` || !strings.Contains(a.last(t).body, `"contents":[`) || !strings.Contains(a.last(t).body, `"model":"models/m"`) {
		t.Errorf("%s, sent %s", got, a.last(t).body)
	}
	if _, got = call(t, "GET", p.url+"/v1/models", ""); !strings.Contains(got, `"id":"m"`) {
		t.Errorf("%s", got)
	}
}

// TestCodeAssistUnavailable: what keeps an account out reaches the caller, with
// the whole URL (wire.md, section 10, case 8).
func TestCodeAssistUnavailable(t *testing.T) {
	a := &assist{load: `{"ineligibleTiers":[{"reasonCode":"VALIDATION_REQUIRED","reasonMessage":"Verify","validationUrl":"https://v.test/?a=b&c=d"}]}`}
	p := codeAssist(t, a)
	resp, got := call(t, "POST", p.url+"/v1/messages", strings.Replace(body("hi", ""), model, "m", 1))
	failed(t, resp, got, 403, "permission_error")
	var e struct {
		Error struct {
			Details struct {
				Code string `json:"error_code"`
				URL  string `json:"validation_url"`
			}
		}
	}
	if err := json.Unmarshal([]byte(got), &e); err != nil || e.Error.Details.URL != "https://v.test/?a=b&c=d" || e.Error.Details.Code != "account_verification_required" || resp.Header.Get("X-Should-Retry") != "false" {
		t.Errorf("%v %v %s", err, resp.Header, got)
	}
	resp, got = call(t, "POST", p.url+generate, odd)
	if g := rpc(t, resp, got); g.Error.Status != "PERMISSION_DENIED" || fmt.Sprint(g.Error.Details[0]["metadata"]) != "map[validation_url:https://v.test/?a=b&c=d]" {
		t.Errorf("%s", got)
	}
	if resp, _ := call(t, "GET", p.url+"/readyz", ""); resp.StatusCode != 503 {
		t.Errorf("ready: %d", resp.StatusCode)
	}
}

// TestFilesByURL: fetched by default, and never dropped (wire.md, section 10,
// case 23).
func TestFilesByURL(t *testing.T) {
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write([]byte("PNG"))
	}))
	defer site.Close()
	for policy, want := range map[media.Policy]string{media.Fetch: base64.StdEncoding.EncodeToString([]byte("PNG")), media.Reject: ""} {
		up := &scripted{kind: "application/json", body: event2}
		cfg := config(t, serve(t, up))
		cfg.Media = media.Config{Policy: policy, Allow: []string{strings.TrimPrefix(site.URL, "https://")}, RootCAs: x509.NewCertPool()}
		cfg.Media.RootCAs.AddCert(site.Certificate())
		p := start(t, cfg)
		ask := fmt.Sprintf(`{"model":"gemini-2.5-flash","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":%q}}]}]}`, site.URL+"/a.png")
		resp, got := call(t, "POST", p.url+"/v1/messages", ask)
		if want == "" {
			failed(t, resp, got, 400, "invalid_request_error")
			continue
		}
		if resp.StatusCode != 200 || !strings.Contains(up.last(t).body, want) || !strings.Contains(up.last(t).body, "image/png") {
			t.Errorf("%d %s, sent %s", resp.StatusCode, got, up.last(t).body)
		}
	}
}

// TestNativeStreamThatStalls: a stream that stalls ends for the caller, and
// nothing stays behind (wire.md, section 10, case 26).
func TestNativeStreamThatStalls(t *testing.T) {
	cfg := config(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: %s\n\n", event1)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})))
	cfg.Upstream.IdleTimeout = 50 * time.Millisecond
	p := start(t, cfg)
	_, got := call(t, "POST", p.url+stream+"?alt=sse", odd)
	if !strings.Contains(got, `"code":504`) || !strings.Contains(got, "DEADLINE_EXCEEDED") {
		t.Errorf("%s", got)
	}
	if diff := cmp.Diff(int64(0), p.Stats().InFlight); diff != "" {
		t.Errorf("in flight: %s", diff)
	}
}

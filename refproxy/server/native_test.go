package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/server"
)

// A scripted upstream answers everything alike, and keeps what it was asked.
type scripted struct {
	status int
	kind   string // Content-Type; text/event-stream if empty
	body   string
	header []string
	cut    bool   // the connection, after the body
	models string // the list, if it has one

	mu    sync.Mutex
	asked []seen
}

type seen struct {
	path, body string
	header     http.Header
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.asked = append(s.asked, seen{r.Method + " " + r.URL.RequestURI(), string(b), r.Header})
	s.mu.Unlock()
	if r.Method == http.MethodGet {
		if s.models == "" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, s.models)
		return
	}
	for i := 0; i < len(s.header); i += 2 {
		w.Header().Set(s.header[i], s.header[i+1])
	}
	w.Header().Set("Content-Type", map[bool]string{true: "text/event-stream", false: s.kind}[s.kind == ""])
	w.WriteHeader(max(s.status, 200))
	_, _ = io.WriteString(w, s.body)
	if s.cut {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// last returns the last request.
func (s *scripted) last(t *testing.T) seen {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) == 0 {
		t.Fatal("the upstream was not asked")
	}
	return s.asked[len(s.asked)-1]
}

// A rpcError is Google's error envelope.
type rpcError struct {
	Error struct {
		Code            int
		Message, Status string
		Details         []map[string]any
	}
}

func rpc(t *testing.T, resp *http.Response, body string) rpcError {
	t.Helper()
	var e rpcError
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error.Code != resp.StatusCode || e.Error.Status == "" || e.Error.Message == "" {
		t.Fatalf("%d, not Google's envelope: %s", resp.StatusCode, body)
	}
	return e
}

const (
	event1   = `{"candidates":[{"content":{"parts":[{"text":"a","new":{"z":1,"a":[2]}}],"role":"model"}}],"usageMetadata":{"promptTokenCount":9}}`
	event2   = `{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":2,"thoughtsTokenCount":3,"cachedContentTokenCount":4}}`
	usage3   = `{"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":7}}`
	generate = "/v1beta/models/m:generateContent"
	stream   = "/v1beta/models/m:streamGenerateContent"
	// odd is a body with an unknown field, an odd order and odd blanks.
	odd = "{ \"zeta\": {\"b\":1, \"a\":[ ]},\n\"contents\":[{\"parts\":[{\"text\":\"hi\"}]}],\"safetySettings\":[{\"category\":\"C\",\"threshold\":\"T\"}] }"
)

// TestNativePassesBytes: a body that needs nothing goes up as it came, and the
// answer down, with unknown fields in both; only model and credential are touched.
func TestNativePassesBytes(t *testing.T) {
	up := &scripted{kind: "application/json", body: event2 + "\n"}
	cfg := config(t, serve(t, up))
	cfg.NoAuth, cfg.Keys = false, server.NewKeys("k1")
	cfg.Aliases = map[string]string{"flash": "m"}
	p := start(t, cfg)
	for _, path := range []string{generate, "/v1/models/m:generateContent", "/v1beta/models/flash:generateContent"} {
		resp, got := call(t, "POST", p.url+path+"?key=k1&foo=bar", odd, "x-custom", "y")
		if resp.StatusCode != 200 || got != event2+"\n" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") || resp.Header.Get("Request-Id") == "" {
			t.Errorf("%s: %d %v %s", path, resp.StatusCode, resp.Header, got)
		}
		asked := up.last(t)
		if asked.path != "POST "+generate || asked.header.Get("X-Goog-Api-Key") != "up-key" || asked.header.Get("X-Custom") != "" || asked.header.Get("User-Agent") != "firstbyte-refproxy/dev" {
			t.Errorf("asked %s %v", asked.path, asked.header)
		}
		if path == "/v1beta/models/flash:generateContent" {
			var before, after any
			if json.Unmarshal([]byte(odd), &before) != nil || json.Unmarshal([]byte(asked.body), &after) != nil || !cmp.Equal(before, after) {
				t.Errorf("body %s", asked.body)
			}
		} else if asked.body != odd {
			t.Errorf("body %q", asked.body)
		}
	}
	up.body = `{"totalTokens":5,"new":1}`
	if resp, got := call(t, "POST", p.url+"/v1beta/models/m:countTokens", odd, "x-goog-api-key", "k1"); resp.StatusCode != 200 || got != up.body || up.last(t).body != odd {
		t.Errorf("%d %s", resp.StatusCode, got)
	}
	within := `{"generateContentRequest":{"model":"models/flash","contents":[]}}`
	call(t, "POST", p.url+"/v1beta/models/flash:countTokens", within, "x-goog-api-key", "k1")
	if got := up.last(t); got.path != "POST /v1beta/models/m:countTokens" || !strings.Contains(got.body, `"model":"models/m"`) {
		t.Errorf("asked %+v", got)
	}
}

func TestNativeKeys(t *testing.T) {
	cfg := config(t, serve(t, &scripted{kind: "application/json", body: event2}))
	cfg.NoAuth, cfg.Keys = false, server.NewKeys("k1")
	var log bytes.Buffer
	var mu sync.Mutex
	cfg.Log = slog.New(slog.NewJSONHandler(locked{&mu, &log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p := start(t, cfg)
	for _, tt := range []struct {
		name, query string
		header      []string
		status      int
	}{
		{"none", "", nil, 401},
		{"its header", "", []string{"x-goog-api-key", "k1"}, 200},
		{"bearer", "", []string{"Authorization", "Bearer k1"}, 200},
		{"query", "?key=k1", nil, 200},
		{"another API's header", "", []string{"x-api-key", "k1"}, 401},
		{"a wrong header goes before bearer and query", "?key=k1", []string{"x-goog-api-key", "no", "Authorization", "Bearer k1"}, 401},
		{"a wrong bearer goes before the query", "?key=k1", []string{"Authorization", "Bearer no"}, 401},
		{"a wrong query", "?key=secret-of-query", nil, 401},
	} {
		resp, got := call(t, "POST", p.url+generate+tt.query, odd, tt.header...)
		if resp.StatusCode != tt.status {
			t.Errorf("%s: %d %s", tt.name, resp.StatusCode, got)
		}
		if tt.status == 401 && rpc(t, resp, got).Error.Status != "UNAUTHENTICATED" {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
	// The query is no way in elsewhere.
	if resp, _ := call(t, "POST", p.url+"/v1/messages?key=k1", body("hi", "")); resp.StatusCode != 401 {
		t.Errorf("?key= on another route: %d", resp.StatusCode)
	}
	mu.Lock()
	defer mu.Unlock()
	if strings.Contains(log.String(), "secret-of-query") || !strings.Contains(log.String(), generate) {
		t.Errorf("log %s", log.String())
	}
}

// TestNativeStream: event by event, as SSE or as one array that parses.
func TestNativeStream(t *testing.T) {
	crlf := "data: " + event1 + "\r\n\r\n: comment\r\n\r\ndata:" + event2 + "\r\n\r\ndata: " + usage3 + "\r\n\r\n"
	for name, up := range map[string]*scripted{
		"events": {body: crlf}, "a JSON array all the same": {kind: "application/json; charset=UTF-8", body: "[" + event1 + ",\n" + event2 + "," + usage3 + "]"},
	} {
		p := start(t, config(t, serve(t, up)))
		resp, got := call(t, "POST", p.url+stream+"?alt=sse", odd)
		want := "data: " + event1 + "\n\ndata: " + event2 + "\n\ndata: " + usage3 + "\n\n"
		if resp.StatusCode != 200 || got != want || resp.Header.Get("Content-Type") != "text/event-stream" || up.last(t).path != "POST "+stream+"?alt=sse" {
			t.Errorf("%s: %d %v\n%s", name, resp.StatusCode, resp.Header, got)
		}
		resp, got = call(t, "POST", p.url+stream, odd)
		if got != "["+event1+",\r\n"+event2+",\r\n"+usage3+"]" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
			t.Errorf("%s: %v %s", name, resp.Header, got)
		}
	}
}

// TestNativeFailures: what the upstream sends, and what a caller of Gemini's API
// gets (wire.md, section 10, cases 1, 2, 8, 18, 25, 29).
func TestNativeFailures(t *testing.T) {
	quota := `{"error":{"code":429,"message":"Quota. Please retry in 46.1s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"X"}]}]}}`
	withInfo := `{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"46s"}]}}`
	verify := `{"error":{"code":403,"message":"verify","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"VALIDATION_REQUIRED","metadata":{"validation_url":"https://v.test/?a=b"}}]}}`
	for _, tt := range []struct {
		name    string
		up      *scripted
		whole   int    // the status without stream; 0: not asked
		stream  int    // with stream
		status  string // Google's word
		says    string
		details int
	}{
		{"quota, with the wait it named", &scripted{status: 429, kind: "application/json", body: quota}, 429, 429, "RESOURCE_EXHAUSTED", `"retryDelay":"46.1s"`, 2},
		{"in an array", &scripted{status: 429, kind: "application/json", body: "[" + quota + "]"}, 429, 429, "RESOURCE_EXHAUSTED", `"retryDelay":"46.1s"`, 2},
		{"a wait that is there is not told twice", &scripted{status: 429, kind: "application/json", body: withInfo}, 429, 429, "RESOURCE_EXHAUSTED", `"46s"`, 1},
		{"verification", &scripted{status: 403, kind: "application/json", body: verify}, 403, 403, "PERMISSION_DENIED", "https://v.test/?a=b", 1},
		{"our credential is not the caller's", &scripted{status: 401, kind: "application/json", body: `{"error":{"code":401,"message":"m","status":"UNAUTHENTICATED"}}`}, 403, 403, "PERMISSION_DENIED", "the proxy's credential", 0},
		{"bad request", &scripted{status: 400, kind: "application/json", body: `{"error":{"code":400,"message":"bad field","status":"FAILED_PRECONDITION"}}`}, 400, 400, "FAILED_PRECONDITION", "bad field", 0},
		{"no model", &scripted{status: 404, kind: "application/json", body: `{"error":{"code":404,"message":"nope","status":"NOT_FOUND"}}`}, 404, 404, "NOT_FOUND", `the Gemini API has no \"m\"`, 0},
		{"HTML", &scripted{status: 502, kind: "text/html", body: "<html>"}, 502, 502, "UNAVAILABLE", "502", 0},
		{"an empty body", &scripted{kind: "application/json"}, 500, 500, "INTERNAL", "", 0},
		{"an empty answer", &scripted{kind: "application/json", body: "{}"}, 500, 500, "INTERNAL", "", 0},
		{"no event", &scripted{}, 0, 500, "INTERNAL", "without a finish", 0},
		{"bad JSON", &scripted{body: "data: {\"a\n\n"}, 502, 502, "UNAVAILABLE", "cannot be read", 0},
		{"an error as the first event", &scripted{body: "data: " + quota + "\n\n"}, 0, 429, "RESOURCE_EXHAUSTED", `"46.1s"`, 2},
		{"cut before an event", &scripted{body: "data: {\"cand", cut: true}, 0, 502, "UNAVAILABLE", "connection", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, config(t, serve(t, tt.up)))
			for path, status := range map[string]int{generate: tt.whole, stream + "?alt=sse": tt.stream, stream: tt.stream} {
				if status == 0 {
					continue
				}
				resp, got := call(t, "POST", p.url+path, odd)
				e := rpc(t, resp, got)
				if resp.StatusCode != status || e.Error.Status != tt.status || !strings.Contains(got, tt.says) || len(e.Error.Details) != tt.details {
					t.Errorf("%s: %d %s", path, resp.StatusCode, got)
				}
				if resp.StatusCode == 429 && resp.Header.Get("Retry-After") == "" {
					t.Errorf("%s: no Retry-After in %v", path, resp.Header)
				}
			}
		})
	}
}

// TestNativeStreamFailsLate: once events have gone, the failure is the last one,
// and half an event never goes.
func TestNativeStreamFailsLate(t *testing.T) {
	begun := "data: " + event1 + "\n\n"
	for name, tt := range map[string]struct {
		up   *scripted
		code int
	}{
		"cut within an event": {&scripted{body: begun + `data: {"candidates":[{"con`, cut: true}, 502},
		"ended within one":    {&scripted{body: begun + `data: {"candidates":[{"con`}, 502},
		"no finish":           {&scripted{body: begun}, 500},
		"bad JSON":            {&scripted{body: begun + "data: x\n\n"}, 502},
		"an error event":      {&scripted{body: begun + `data: {"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}` + "\n\n"}, 503},
	} {
		p := start(t, config(t, serve(t, tt.up)))
		resp, got := call(t, "POST", p.url+stream+"?alt=sse", odd)
		rest, ok := strings.CutPrefix(got, begun+"data: ")
		var e rpcError
		if err := json.Unmarshal([]byte(rest), &e); resp.StatusCode != 200 || !ok || err != nil || e.Error.Code != tt.code {
			t.Errorf("%s: %d %s", name, resp.StatusCode, got)
		}
		_, got = call(t, "POST", p.url+stream, odd)
		var list []json.RawMessage
		if err := json.Unmarshal([]byte(got), &list); err != nil || len(list) != 2 || string(list[0]) != event1 || json.Unmarshal(list[1], &e) != nil || e.Error.Code != tt.code {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestNativeRefuses: paths and bodies that never reach the upstream.
func TestNativeRefuses(t *testing.T) {
	up := &scripted{kind: "application/json", body: event2, models: `{"models":[{"name":"models/m"}]}`}
	cfg := config(t, serve(t, up))
	cfg.Aliases = map[string]string{"alias": "m"}
	p := start(t, cfg)
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/v1beta/models/..%2F..%2Fx:generateContent", odd, 404},
		{"POST", "/v1beta/models/../../x:generateContent", odd, 404},
		{"POST", "/v1beta/models/a/b:generateContent", odd, 404},
		{"POST", "/v1beta/models/m%3Fkey=x:generateContent", odd, 404},
		{"POST", "/v1beta/models/m%0d%0aX:generateContent", odd, 404},
		{"POST", "/v1beta/models/:generateContent", odd, 404},
		{"POST", "/v1beta/models/m:embedContent", odd, 404},
		{"POST", "/v1beta/models/m:generateContent:x", odd, 404},
		{"POST", "/v1beta/tunedModels/m:generateContent", odd, 404},
		{"POST", "/v1beta/cachedContents", odd, 404},
		{"GET", "/v1beta/models/m:generateContent", "", 404},
		{"PUT", generate, odd, 405},
		{"POST", "/v1beta/models", odd, 405},
		{"POST", "/v1beta/models/alias:generateContent", "[]", 400},
	} {
		resp, got := call(t, tt.method, p.url+tt.path, tt.body)
		if resp.StatusCode == 200 {
			t.Errorf("%s %s: %s", tt.method, tt.path, got)
			continue
		}
		if e := rpc(t, resp, got); resp.StatusCode != tt.status {
			t.Errorf("%s %s: %d %+v", tt.method, tt.path, resp.StatusCode, e)
		}
	}
	for _, asked := range up.asked {
		if asked.path != "GET /v1beta/models?pageSize=1000" {
			t.Errorf("the upstream was asked %s", asked.path)
		}
	}
}

// TestNativeSuffix: what a model's name asks for is put into the body beside what
// stands there.
func TestNativeSuffix(t *testing.T) {
	up := &scripted{kind: "application/json", body: event2}
	p := start(t, config(t, serve(t, up)))
	up.models = `{"models":[{"name":"models/gemini-2.5-flash"}]}`
	resp, got := call(t, "POST", p.url+"/v1beta/models/gemini-2.5-flash-search:generateContent", `{"zeta":1,"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"topK":3,"odd":[1]}}`)
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, got)
	}
	asked := up.last(t)
	var b struct {
		Zeta             int
		Tools            []map[string]any
		GenerationConfig map[string]any
	}
	if err := json.Unmarshal([]byte(asked.body), &b); err != nil || asked.path != "POST /v1beta/models/gemini-2.5-flash:generateContent" || b.Zeta != 1 || b.GenerationConfig["topK"] != 3.0 || len(b.Tools) != 1 || b.Tools[0]["googleSearch"] == nil {
		t.Errorf("%v, asked %+v", err, asked)
	}
}

// TestNativeThinking: the amount of reasoning is the name's, whether it shows the
// body's.
func TestNativeThinking(t *testing.T) {
	up := &scripted{kind: "application/json", body: event2, models: `{"models":[{"name":"models/gemini-2.5-flash"}]}`}
	p := start(t, config(t, serve(t, up)))
	const contents = `"contents":[{"parts":[{"text":"x"}]}]`
	for name, tt := range map[string]struct {
		suffix, body string
		want         map[string]any
		status       int
	}{
		"nothing said":       {"-low", `{` + contents + `}`, map[string]any{"thinkingBudget": 1024.0}, 200},
		"an amount said":     {"-high", `{` + contents + `,"generationConfig":{"thinkingConfig":{"thinkingBudget":7,"includeThoughts":true}}}`, map[string]any{"thinkingBudget": 16000.0, "includeThoughts": true}, 200},
		"a level said":       {"-nothinking", `{` + contents + `,"generationConfig":{"thinkingConfig":{"thinkingLevel":"HIGH"}}}`, map[string]any{"thinkingBudget": 0.0}, 200},
		"no suffix, no word": {"", `{` + contents + `}`, nil, 200},
		"bad config":         {"-low", `{"generationConfig":[1]}`, nil, 400},
		"bad thinking":       {"-low", `{"generationConfig":{"thinkingConfig":1}}`, nil, 400},
		"bad tools":          {"-search", `{"tools":{}}`, nil, 400},
	} {
		resp, got := call(t, "POST", p.url+"/v1beta/models/gemini-2.5-flash"+tt.suffix+":generateContent", tt.body)
		if resp.StatusCode != tt.status {
			t.Errorf("%s: %d %s", name, resp.StatusCode, got)
		}
		if tt.status != 200 {
			rpc(t, resp, got)
			continue
		}
		var sent struct {
			GenerationConfig struct{ ThinkingConfig map[string]any }
		}
		if err := json.Unmarshal([]byte(up.last(t).body), &sent); err != nil {
			t.Fatal(err)
		}
		config := sent.GenerationConfig.ThinkingConfig
		if tt.want != nil && tt.want["includeThoughts"] == nil {
			delete(config, "includeThoughts") // false or not there
		}
		if diff := cmp.Diff(tt.want, config); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestNativeModels(t *testing.T) {
	cfg := config(t, serve(t, &lister{models: []string{"m"}}))
	cfg.Aliases = map[string]string{"flash": "m", "m": "m"}
	p := start(t, cfg)
	_, got := call(t, "GET", p.url+"/v1beta/models", "")
	var list struct {
		Models []struct {
			Name, BaseModelID, DisplayName string
			Methods                        []string `json:"supportedGenerationMethods"`
		}
	}
	if err := json.Unmarshal([]byte(got), &list); err != nil || len(list.Models) != 2 || list.Models[0].Name != "models/flash" || list.Models[1].BaseModelID != "m" || len(list.Models[1].Methods) == 0 {
		t.Errorf("%v in %s", err, got)
	}
	if resp, got := call(t, "GET", p.url+"/v1beta/models/m", ""); resp.StatusCode != 200 || !strings.Contains(got, `"name":"models/m"`) {
		t.Errorf("%d %s", resp.StatusCode, got)
	}
	resp, got := call(t, "GET", p.url+"/v1beta/models/none", "")
	if e := rpc(t, resp, got); e.Error.Status != "NOT_FOUND" {
		t.Errorf("%s", got)
	}
	if got := fmt.Sprint(list.Models[0].DisplayName); got == "" {
		t.Errorf("no name for people in %v", list)
	}
}

package fakegemini_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fast is the scenario of the tests, with a changed part.
func fast(t testing.TB, change func(*fakegemini.Scenario)) fakegemini.Scenario {
	t.Helper()
	text, err := os.ReadFile("../../datasets/scenarios/fast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := fakegemini.ParseScenario(text)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&s)
	}
	return s
}

func newServer(t testing.TB, config fakegemini.Config) *fakegemini.Server {
	t.Helper()
	s, err := fakegemini.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	streamPath = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
	wholePath  = "/v1beta/models/gemini-2.5-flash:generateContent"
	countPath  = "/v1beta/models/gemini-2.5-flash:countTokens"
)

// prompt is a body whose first text is tagged.
func prompt(item string, occ int, nonce string) string {
	return fmt.Sprintf(`{"contents":[{"role":"user","parts":[{"text":"[firstbyte item=%s occ=%d nonce=%s] Why measure?"}]}]}`, item, occ, nonce)
}

func newRequest(t testing.TB, ctx context.Context, method, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Goog-Api-Key", "test")
	req.Header.Set("Content-Type", "application/json")
	return req
}

// exchange writes down a request and what came back, the way a golden file
// shows it.
func exchange(t *testing.T, client *http.Client, req *http.Request) string {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "> %s %s\n", req.Method, req.URL.RequestURI())
	if req.Body != nil {
		body, err := req.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(&b, "> ")
		if _, err := io.Copy(&b, body); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b)
	}
	resp, err := client.Do(req)
	if err != nil {
		fmt.Fprintf(&b, "< no answer: %v\n", errors.Unwrap(err))
		return b.String()
	}
	defer resp.Body.Close()
	fmt.Fprintf(&b, "< %d %s\n\n", resp.StatusCode, resp.Header.Get("Content-Type"))
	if _, err := io.Copy(&b, resp.Body); err != nil {
		fmt.Fprintf(&b, "< broken off: %v\n", err)
	}
	return b.String()
}

// golden compares with a file in testdata. A carriage return shows as \r.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, "\r", `\r`)
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got (-update writes it anew):\n%s", path, diff)
	}
}

func TestRoutes(t *testing.T) {
	short := func(s *fakegemini.Scenario) { s.Fallback.Length.Median = 30 }
	with := func(body, config string) string {
		return strings.TrimSuffix(body, "}") + `,"generationConfig":` + config + `}`
	}
	a := prompt("a", 0, "01")
	cases := []struct {
		name, method, path, body string
		change                   func(*fakegemini.Scenario)
	}{
		{"stream", "POST", streamPath, a, nil},
		{"stream-crlf", "POST", streamPath, a, func(s *fakegemini.Scenario) { s.Output.CRLF = true }},
		{"stream-usage-last", "POST", streamPath, a, func(s *fakegemini.Scenario) { s.Output.UsageLast = true }},
		{"stream-array", "POST", strings.TrimSuffix(streamPath, "?alt=sse"), a, nil},
		{"stream-max-tokens", "POST", streamPath, with(a, `{"maxOutputTokens":3}`), nil},
		{"stream-stop", "POST", streamPath, with(a, `{"stopSequences":["answer"]}`), nil},
		{"stream-alt", "POST", strings.ReplaceAll(streamPath, "sse", "proto"), a, nil},
		{"generate", "POST", wholePath, a, nil},
		{"generate-nothing", "POST", wholePath, with(a, `{"stopSequences":["A"]}`), nil},
		{"count", "POST", countPath, a, nil},
		{"count-refused", "POST", countPath, `{}`, nil},
		{"refused", "POST", streamPath, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`, nil},
		{"models", "GET", "/v1beta/models", "", nil},
		{"model", "GET", "/v1beta/models/gemini-2.5-pro", "", nil},
		{"model-unknown", "GET", "/v1beta/models/gpt", "", nil},
		{"generate-unknown-model", "POST", "/v1beta/models/gpt:generateContent", a, nil},
		{"unknown-verb", "POST", "/v1beta/models/gemini-2.5-flash:embedContent", a, nil},
		{"no-verb", "POST", "/v1beta/models/gemini-2.5-flash", a, nil},
		{"unknown-route", "POST", "/v1/messages", a, nil},
		{"fault-capacity", "POST", streamPath, a, func(s *fakegemini.Scenario) { s.Faults.Capacity429 = 1 }},
		{"fault-capacity-retry-info", "POST", streamPath, a, func(s *fakegemini.Scenario) {
			s.Faults.Capacity429RetryInfo, s.Faults.RetryDelay = 1, 1.5e9
		}},
		{"fault-as-array", "POST", streamPath, a, func(s *fakegemini.Scenario) { s.Faults.Error503, s.Faults.AsArray = 1, true }},
		{"fault-500", "POST", wholePath, a, func(s *fakegemini.Scenario) { s.Faults.Error500 = 1 }},
		{"fault-503", "POST", streamPath, a, func(s *fakegemini.Scenario) { s.Faults.Error503 = 1 }},
		{"fault-cut", "POST", streamPath, a, func(s *fakegemini.Scenario) { s.Faults.Cut, s.Faults.CutAfter = 1, 2 }},
		{"fault-cut-at-once", "POST", streamPath, a, func(s *fakegemini.Scenario) { s.Faults.Cut = 1 }},
		{"fault-cut-end", "POST", streamPath, a, func(s *fakegemini.Scenario) {
			s.Faults.Cut, s.Faults.CutAfter, s.Faults.CutHow = 1, 2, "end"
		}},
		{"fault-cut-whole", "POST", wholePath, a, func(s *fakegemini.Scenario) { s.Faults.Cut, s.Faults.CutAfter = 1, 2 }},
	}
	var names []string
	for _, c := range cases {
		names = append(names, c.name+".txt")
		t.Run(c.name, func(t *testing.T) {
			scenario := fast(t, short)
			if c.change != nil {
				c.change(&scenario)
			}
			s := newServer(t, fakegemini.Config{Scenario: scenario})
			server := httptest.NewServer(s.Handler("upstream"))
			defer server.Close()
			req := newRequest(t, t.Context(), c.method, server.URL+c.path, c.body)
			golden(t, c.name, exchange(t, server.Client(), req))
		})
	}
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !file.IsDir() && !slices.Contains(names, file.Name()) {
			t.Errorf("testdata/%s belongs to no case", file.Name())
		}
	}
}

func TestRefusedByHead(t *testing.T) {
	s := newServer(t, fakegemini.Config{Scenario: fast(t, nil)})
	server := httptest.NewServer(s.Handler("upstream"))
	defer server.Close()
	send := func(change func(http.Header)) string {
		req := newRequest(t, t.Context(), "POST", server.URL+wholePath, prompt("a", 0, "01"))
		change(req.Header)
		return exchange(t, server.Client(), req)
	}
	for says, change := range map[string]func(http.Header){
		"< 401": func(h http.Header) { h.Del("X-Goog-Api-Key") },
		"\"UNAUTHENTICATED\"": func(h http.Header) {
			h.Del("X-Goog-Api-Key")
			h.Set("Authorization", "Bearer test")
		},
		"Content-Type must be application/json, is text/plain.": func(h http.Header) { h.Set("Content-Type", "text/plain") },
	} {
		if got := send(change); !strings.Contains(got, says) {
			t.Errorf("want %s, got:\n%s", says, got)
		}
	}
	if stats := s.Stats().Arms["upstream"]; stats.Refused != 3 || stats.Requests != 3 {
		t.Errorf("counted %+v", stats)
	}
	if truth := s.Truth(); len(truth) != 0 {
		t.Errorf("refused requests left records: %+v", truth)
	}
}

func TestAnswerFunctionIsAskedByItem(t *testing.T) {
	s := newServer(t, fakegemini.Config{
		Scenario: fast(t, nil),
		Answer:   func(item string) (string, bool) { return "Known as " + item + ".", item == "known" },
	})
	server := httptest.NewServer(s.Handler("upstream"))
	defer server.Close()
	for item, want := range map[string]string{"known": `"text":"Known as known."`, "other": `"text":"A quick answer`} {
		req := newRequest(t, t.Context(), "POST", server.URL+wholePath, prompt(item, 0, "01"))
		if got := exchange(t, server.Client(), req); !strings.Contains(got, want) {
			t.Errorf("%s: want %s in\n%s", item, want, got)
		}
	}
}

// TestServiceDependsOnNeitherOrderNorArm asks the same items in opposite orders
// of two arms, with and without a tag, and compares what was due.
func TestServiceDependsOnNeitherOrderNorArm(t *testing.T) {
	scenario := fast(t, func(s *fakegemini.Scenario) {
		s.FirstChunk.Sigma, s.FirstChunk.BetweenItems, s.Gap.Sigma = 0.5, 0.5, 0.5
		s.Faults.Error500, s.Faults.Cut, s.Faults.CutAfter = 0.2, 0.2, 1
	})
	s := newServer(t, fakegemini.Config{Scenario: scenario, Arms: []string{"left", "right"}})
	var bodies []string
	for i := range 12 {
		bodies = append(bodies, prompt(fmt.Sprint("item-", i%6), i/6, fmt.Sprintf("%02x", i)))
		bodies = append(bodies, fmt.Sprintf(`{"contents":[{"role":"user","parts":[{"text":"untagged %d"}]}]}`, i))
	}
	ask := func(arm string) {
		server := httptest.NewServer(s.Handler(arm))
		defer server.Close()
		for _, body := range bodies {
			exchange(t, server.Client(), newRequest(t, t.Context(), "POST", server.URL+streamPath, body))
		}
	}
	ask("left")
	slices.Reverse(bodies)
	ask("right")
	served := map[string]map[string]string{"left": {}, "right": {}}
	for _, r := range s.Truth() {
		offsets := make([]int64, len(r.Due))
		for i, due := range r.Due {
			offsets[i] = due - r.Arrival
		}
		served[r.Arm][fmt.Sprint(r.Item, " ", r.Occ)] = fmt.Sprint(r.Outcome, r.Status, len(r.Writes), offsets)
	}
	if len(served["left"]) != 24 {
		t.Errorf("%d of 24 requests on record", len(served["left"]))
	}
	if diff := cmp.Diff(served["left"], served["right"]); diff != "" {
		t.Errorf("-left +right:\n%s", diff)
	}
	outcomes := map[string]bool{}
	for _, what := range slices.Collect(maps.Values(served["left"])) {
		outcomes[strings.TrimRight(strings.Fields(what)[0], "0123456789")] = true
	}
	if len(outcomes) < 3 {
		t.Errorf("faults are not mixed: %v", outcomes)
	}
}

func TestRepeatedNonceIsAnotherAttempt(t *testing.T) {
	s := newServer(t, fakegemini.Config{Scenario: fast(t, nil)})
	server := httptest.NewServer(s.Handler("upstream"))
	defer server.Close()
	for _, nonce := range []string{"01", "01", "02", "01"} {
		exchange(t, server.Client(), newRequest(t, t.Context(), "POST", server.URL+wholePath, prompt("a", 5, nonce)))
	}
	var got []string
	for _, r := range s.Truth() {
		got = append(got, fmt.Sprint(r.Nonce, " ", r.Occ, " ", r.Attempt))
	}
	if want := []string{"01 5 0", "01 5 1", "02 5 0", "01 5 2"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

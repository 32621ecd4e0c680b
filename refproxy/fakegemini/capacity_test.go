package fakegemini_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
)

const limitedScenario = `
name: limited
models: [gemini-2.5-flash, gemini-3-pro-preview]
first_chunk: {median: 2ms}
gap: {median: 1ms}
output: {unit: words, per_chunk: 3}
fallback: {text: Some words., length: {median: 30}}
capacity:
  models:
    gemini-2.5-flash: {slots: 1, refuse_after: 40ms}
  each: {requests_per_minute: 60, burst: 2, retry_info: true}
  preview_models: [gemini-3-pro-preview]
  keys:
    one: {requests_per_minute: 600, burst: 100}
    two: {}
    three: {preview: true, state: verification, dies_after: 1h}
`

func limitedConfig(t *testing.T) fakegemini.Config {
	t.Helper()
	scenario, err := fakegemini.ParseScenario([]byte(limitedScenario))
	if err != nil {
		t.Fatal(err)
	}
	return fakegemini.Config{Scenario: scenario, Seed: 1, Arms: []string{"a", "b"}}
}

// ask posts one prompt with a key and returns status and body.
func ask(t *testing.T, url, key, model string, occ int) (int, string) {
	t.Helper()
	req := newRequest(t, t.Context(), "POST", url+"/v1beta/models/"+model+":generateContent", prompt("a", occ, fmt.Sprintf("%x", occ)))
	req.Header.Set("X-Goog-Api-Key", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestLimitsAreByArm: what one arm uses up, the other has, and a refusal says what
// was reached.
func TestLimitsAreByArm(t *testing.T) {
	s := newServer(t, limitedConfig(t))
	a, b := httptest.NewServer(s.Handler("a")), httptest.NewServer(s.Handler("b"))
	defer a.Close()
	defer b.Close()
	wants := []struct {
		url, key, model string
		code            int
		body            string
	}{
		{a.URL, "two", "gemini-2.5-flash", 200, `"finishReason":"STOP"`},
		{a.URL, "two", "gemini-2.5-flash", 200, `"finishReason":"STOP"`},
		{a.URL, "two", "gemini-2.5-flash", 429, `"retryDelay": "0.`},
		{b.URL, "two", "gemini-2.5-flash", 200, `"finishReason":"STOP"`},
		{a.URL, "one", "gemini-2.5-flash", 200, `"finishReason":"STOP"`},
		{a.URL, "two", "gemini-3-pro-preview", 404, `models/gemini-3-pro-preview is not found`},
		{a.URL, "three", "gemini-3-pro-preview", 200, `"finishReason":"STOP"`},
		{a.URL, "four", "gemini-2.5-flash", 400, `"reason": "API_KEY_INVALID"`},
	}
	for i, want := range wants {
		if code, body := ask(t, want.url, want.key, want.model, i); code != want.code || !strings.Contains(body, want.body) {
			t.Errorf("%d: %s with %s: %d %s", i, want.model, want.key, code, body)
		}
	}
	if limited := s.Stats().Arms["a"].Limited; limited["limit_rate"] != 1 || limited["key_invalid"] != 1 {
		t.Errorf("counted %v", limited)
	}
	if truth := s.Truth(); len(truth) != 6 || truth[2].Outcome != "limit_rate" || truth[2].Status != 429 {
		t.Errorf("recorded %+v", truth)
	}
}

// TestAFullModel: a request that finds every place taken hangs as long as it is
// said, and a stream whose client left gives its place back.
func TestAFullModel(t *testing.T) {
	config := limitedConfig(t)
	config.Scenario.Faults.Stall = 1 // no answer ends by itself
	s := newServer(t, config)
	up := httptest.NewServer(s.Handler("a"))
	defer up.Close()
	client := &http.Client{Timeout: 200 * time.Millisecond}
	holding := make(chan struct{})
	go func() {
		defer close(holding)
		req := newRequest(t, t.Context(), "POST", up.URL+streamPath, prompt("a", 0, "01"))
		req.Header.Set("X-Goog-Api-Key", "one")
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
			t.Error("a stall was answered")
		}
	}()
	waitFor(t, func() bool { return s.Stats().Arms["a"].Capacity.Generating["gemini-2.5-flash"] == 1 })
	begun := clock.Now()
	code, body := ask(t, up.URL, "one", "gemini-2.5-flash", 1)
	if code != 429 || !strings.Contains(body, "MODEL_CAPACITY_EXHAUSTED") || strings.Contains(body, "RetryInfo") {
		t.Errorf("%d %s", code, body)
	}
	if took := clock.Since(begun); took < 40*time.Millisecond {
		t.Errorf("refused after %v", took)
	}
	<-holding
	waitFor(t, func() bool { return s.Stats().Arms["a"].Capacity.Generating["gemini-2.5-flash"] == 0 })
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("waited in vain")
}

// TestControlCalls: an arm is made to forget what was used up, and a credential is
// given another state.
func TestControlCalls(t *testing.T) {
	config := limitedConfig(t)
	config.Protocol = fakegemini.H1
	ready, _ := start(t, config)
	post := func(path string) int {
		resp, err := http.Post(ready.Control+path, "", nil) //nolint:noctx // loopback, in a test
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	expect := func(key string, want int) {
		t.Helper()
		if code, body := ask(t, ready.URLs["a"], key, "gemini-2.5-flash", 0); code != want {
			t.Errorf("%s: %d %s", key, code, body)
		}
	}
	expect("two", 200)
	expect("two", 200)
	expect("two", 429)
	if code := post("/reset?arm=b"); code != 204 {
		t.Errorf("reset: %d", code)
	}
	expect("two", 429)
	post("/reset?arm=a")
	expect("two", 200)
	if code := post("/credential?arm=a&name=two&state=banned"); code != 204 {
		t.Errorf("state: %d", code)
	}
	expect("two", 403)
	post("/credential?arm=a&name=two&state=")
	expect("two", 200)
	for path, want := range map[string]int{"/reset": 404, "/reset?arm=c": 404, "/credential?arm=a&name=two&state=tired": 400} {
		if code := post(path); code != want {
			t.Errorf("%s: %d", path, code)
		}
	}
}

// TestOneClock: every delay is the clock's, and what is recorded is the machine's.
func TestOneClock(t *testing.T) {
	config := limitedConfig(t)
	scaled, err := clock.NewScaled(100, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	config.Clock = scaled
	config.Scenario.FirstChunk.Median, config.Scenario.Gap.Median = 2*time.Second, 500*time.Millisecond
	s := newServer(t, config)
	up := httptest.NewServer(s.Handler("a"))
	defer up.Close()
	ask(t, up.URL, "one", "gemini-2.5-flash", 0)
	truth := s.Truth()
	if len(truth) != 1 || len(truth[0].Due) == 0 || s.Stats().Clock != scaled.String() {
		t.Fatalf("recorded %+v", truth)
	}
	// The scenario draws no noise: a whole answer is due with its last chunk.
	due := time.Duration(truth[0].Due[0] - truth[0].Arrival)
	if gaps := due - 20*time.Millisecond; gaps < 0 || gaps%(5*time.Millisecond) != 0 || due > time.Second {
		t.Errorf("the answer is due %v after it was asked for", due)
	}
	if late := truth[0].Writes[0] - truth[0].Due[0]; late < -int64(time.Millisecond) {
		t.Errorf("written %v before it was due", time.Duration(-late))
	}
}

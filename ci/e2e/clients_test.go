package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The official JavaScript clients, pinned.
const (
	anthropicJS = "@anthropic-ai/sdk@1.14.0"
	openaiJS    = "openai@6.30.1"
	genaiJS     = "@google/genai@2.32.0"
)

// thinker is a model whose calls carry signatures, which must come back.
const thinker = "gemini-3-pro-preview"

// weather has the upstream call a tool twice at once, and answer of what it gave.
const weather = `
scripts:
  - when: How is the weather
    steps:
      - parts:
          - call: {name_like: weather, args: {city: Paris}}
          - call: {name_like: weather, args: {city: Rome}}
      - parts: [{text: "Both are sunny."}]
  - when: Paris as JSON
    steps: [{parts: [{text: '{"city":"Paris","sunny":true}'}]}]
  - when: Say hello
    steps: [{parts: [{text: "Hello there, how do you do?"}]}]
`

// A station is a proxy in front of a simulated upstream that keeps its requests.
type station struct{ url, upstream, control string }

// stand starts a station whose upstream has a script.
func stand(t *testing.T, script string) station {
	t.Helper()
	s := upstream(t, script)
	s.url = launch(t, []string{"GEMINI_API_KEY=up", "FIRSTBYTE_PROXY_KEYS=" + callerKey}, "proxy",
		"--listen", "127.0.0.1:0", "--upstream", s.upstream, "--flags", "all-on").URL
	return s
}

// upstream starts a station's upstream alone.
func upstream(t *testing.T, script string) station {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.yaml")
	write(t, path, `name: script
models: [`+gemini+`, `+thinker+`]
first_chunk: {median: 2ms}
gap: {median: 1ms}
output: {unit: words, per_chunk: 2}
fallback: {text: Some text., length: {median: 40}}
`+script)
	up := launch(t, nil, "fakegemini", "--scenario", path, "--arm", "a", "--protocol", "h1", "--keep-requests", "100")
	return station{upstream: up.URLs["a"], control: up.Control}
}

// A seen request is one that reached the upstream.
type seen struct {
	Model, Verb string
	Body        json.RawMessage
}

// requests are those that reached the upstream, oldest first.
func (s station) requests(t *testing.T) []seen {
	t.Helper()
	resp, err := http.Get(s.control + "/requests")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []seen
	lines := json.NewDecoder(resp.Body)
	for lines.More() {
		var one seen
		if err := lines.Decode(&one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

// parts are those of a request's contents, as they reached the upstream.
func (r seen) parts(t *testing.T) []map[string]any {
	t.Helper()
	type inner struct {
		Contents []struct{ Parts []map[string]any }
	}
	var body struct {
		inner
		Request inner // Code Assist's envelope
	}
	decode(t, r.Body, &body)
	var all []map[string]any
	for _, c := range append(body.Contents, body.Request.Contents...) {
		all = append(all, c.Parts...)
	}
	return all
}

// having are the parts that have a member of a name.
func having(parts []map[string]any, name string) []map[string]any {
	return slices.DeleteFunc(slices.Clone(parts), func(p map[string]any) bool { return p[name] == nil })
}

// scriptJS installs a client, has one of our scripts use it, and returns what the
// script said by step.
func scriptJS(t *testing.T, s station, script string, packages ...string) map[string]map[string]any {
	t.Helper()
	dir := t.TempDir()
	npm(t, dir, packages...)
	for _, name := range []string{"common.mjs", script} {
		text, err := os.ReadFile(filepath.Join("js", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), string(text))
	}
	cmd := exec.CommandContext(within(t), "node", script)
	cmd.Dir = dir
	cmd.Env = append(loopback(dir), "E2E_URL="+s.url, "E2E_KEY="+callerKey, "E2E_MODEL="+thinker)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s\n%s", script, err, out, &stderr)
	}
	steps := map[string]map[string]any{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var step map[string]any
		decode(t, lines.Bytes(), &step)
		steps[step["step"].(string)] = step
		delete(step, "step")
	}
	return steps
}

// npm installs packages into dir.
func npm(t *testing.T, dir string, packages ...string) {
	t.Helper()
	needNode(t, strings.Join(packages, ", "))
	run(t, dir, "npm", append([]string{"install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts"}, packages...)...)
}

// needNode says what is not tested where there is no Node.js.
func needNode(t *testing.T, what string) {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			notTestedHere(t, what, "there is no %s: apt-get install nodejs npm", tool)
		}
	}
}

// loopback is an environment in which a client reaches nothing but this machine.
func loopback(home string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "NO_PROXY=127.0.0.1,localhost",
		"HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1",
	}
}

// want compares what a script said of a step with what it must have; a number of
// "some" is any above zero.
func want(t *testing.T, steps map[string]map[string]any, step string, expected map[string]any) {
	t.Helper()
	got := steps[step]
	for name := range got {
		if n, ok := got[name].(float64); ok && n > 0 && expected[name] == "some" {
			got[name] = "some"
		}
		if expected[name] == nil {
			delete(got, name)
		}
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", step, diff)
	}
}

var (
	both   = []any{"Paris", "Rome"}
	parsed = map[string]any{"city": "Paris", "sunny": true}
)

// looped holds what reached the upstream of a tool loop: both results behind both
// calls, in their order, with the calls' signatures.
func (s station) looped(t *testing.T, loops int) {
	t.Helper()
	found := 0
	for _, r := range s.requests(t) {
		parts := r.parts(t)
		results := having(parts, "functionResponse")
		if len(results) == 0 {
			continue
		}
		found++
		var names, outputs []string
		for _, p := range results {
			text, _ := json.Marshal(p["functionResponse"].(map[string]any)["response"])
			outputs = append(outputs, string(text))
		}
		if diff := cmp.Diff([]string{`{"output":"sunny in Paris"}`, `{"output":"sunny in Rome"}`}, outputs); diff != "" {
			t.Errorf("results at the upstream (-want +got):\n%s", diff)
		}
		calls := having(parts, "functionCall")
		for _, p := range calls {
			names = append(names, p["functionCall"].(map[string]any)["name"].(string))
		}
		if !slices.Equal(names, []string{"weather", "weather"}) || len(having(calls, "thoughtSignature")) == 0 {
			t.Errorf("calls at the upstream: %v", calls)
		}
	}
	if found != loops {
		t.Errorf("%d requests brought results to the upstream, want %d", found, loops)
	}
}

func TestAnthropicJS(t *testing.T) {
	s := stand(t, weather)
	steps := scriptJS(t, s, "anthropic.mjs", anthropicJS)
	want(t, steps, "stream", map[string]any{"text": "Hello there, how do you do?", "deltas": "some", "stop": "end_turn"})
	want(t, steps, "tools", map[string]any{"cities": both, "turns": 2., "text": "Both are sunny."})
	want(t, steps, "structured", map[string]any{"answer": parsed})
	want(t, steps, "count", map[string]any{"counted": true})
	s.looped(t, 1)
}

func TestOpenAIJS(t *testing.T) {
	s := stand(t, weather)
	steps := scriptJS(t, s, "openai.mjs", openaiJS)
	want(t, steps, "chat stream", map[string]any{"text": "Hello there, how do you do?", "deltas": "some", "stop": "stop"})
	want(t, steps, "chat tools", map[string]any{"cities": both, "text": "Both are sunny."})
	want(t, steps, "chat structured", map[string]any{"answer": parsed})
	want(t, steps, "responses stream", map[string]any{"text": "Hello there, how do you do?", "whole": "Hello there, how do you do?", "status": "completed"})
	want(t, steps, "responses tools", map[string]any{"cities": both, "text": "Both are sunny."})
	want(t, steps, "responses structured", map[string]any{"answer": parsed})
	s.looped(t, 2)
}

func TestGoogleJS(t *testing.T) {
	s := stand(t, weather)
	steps := scriptJS(t, s, "genai.mjs", genaiJS)
	want(t, steps, "stream", map[string]any{"text": "Hello there, how do you do?", "chunks": "some"})
	want(t, steps, "tools", map[string]any{"cities": both, "text": "Both are sunny."})
	want(t, steps, "structured", map[string]any{"answer": parsed})
	want(t, steps, "count", map[string]any{"counted": true})
	s.looped(t, 1)
}

package fakegemini_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
)

// scripted starts a server that plays the scripts of testdata.
func scripted(t *testing.T, config fakegemini.Config) (*fakegemini.Server, *client) {
	t.Helper()
	text, err := os.ReadFile("testdata/scripts/loop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if config.Scenario, err = fakegemini.ParseScenario(text); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, config)
	server := httptest.NewServer(s.Handler("upstream"))
	t.Cleanup(server.Close)
	return s, &client{t: t, url: server.URL, http: server.Client(), log: &bytes.Buffer{}}
}

// A client holds a conversation with the upstream, and writes it down.
type client struct {
	t        *testing.T
	url      string
	http     *http.Client
	log      *bytes.Buffer
	contents []any
}

type object = map[string]any

const config3 = `"generationConfig":{"thinkingConfig":{"includeThoughts":true}},"tools":[{"functionDeclarations":[` +
	`{"name":"mcp__w__weather-1"},{"name":"note_it"}]}]`

func (c *client) says(role string, parts ...any) {
	c.contents = append(c.contents, object{"role": role, "parts": parts})
}

// ask sends the conversation and returns status and body.
func (c *client) ask(model, verb, rest string) (int, []byte) {
	c.t.Helper()
	contents, err := json.Marshal(c.contents)
	if err != nil {
		c.t.Fatal(err)
	}
	body := `{"contents":` + string(contents) + `,` + rest + `}`
	req := newRequest(c.t, c.t.Context(), "POST", c.url+"/v1beta/models/"+model+":"+verb, body)
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	last, _ := json.Marshal(c.contents[len(c.contents)-1])
	fmt.Fprintf(c.log, "> %s\n< %d\n%s", last, resp.StatusCode, answer)
	return resp.StatusCode, answer
}

// take adds an answer to the conversation, and returns the functions it calls.
func (c *client) take(answer []byte) (calls []object) {
	c.t.Helper()
	var parts []any
	lines := bufio.NewScanner(bytes.NewReader(answer))
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var chunk struct {
			Candidates []struct{ Content struct{ Parts []object } }
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			c.t.Fatal(err)
		}
		for _, part := range chunk.Candidates[0].Content.Parts {
			parts = append(parts, part)
			if call, ok := part["functionCall"].(object); ok {
				calls = append(calls, call)
			}
		}
	}
	c.says("model", parts...)
	return calls
}

// answer adds the results of calls to the conversation.
func (c *client) answer(calls []object) {
	var results []any
	for _, call := range calls {
		result := object{"name": call["name"], "response": object{"output": "done"}}
		if id, ok := call["id"]; ok {
			result["id"] = id
		}
		results = append(results, object{"functionResponse": result})
	}
	c.says("user", results...)
}

const stream3 = "streamGenerateContent?alt=sse"

// TestAScriptedLoop plays a loop of three steps with parallel calls, thoughts,
// a storm of refusals and a signature that comes alone at the end.
func TestAScriptedLoop(t *testing.T) {
	s, c := scripted(t, fakegemini.Config{Seed: 1, KeepRequests: 3})
	c.says("user", object{"text": "Please compare two weathers for me."})
	for attempt := 0; ; attempt++ {
		status, answer := c.ask("gemini-3-pro-preview", stream3, config3)
		if status != http.StatusOK {
			continue
		}
		calls := c.take(answer)
		if calls == nil {
			break
		}
		if attempt > 5 {
			t.Fatal("the loop has no end")
		}
		c.answer(calls)
	}
	golden(t, "scripts/loop", c.log.String())
	if kept := s.Requests(); len(kept) != 3 || kept[2].Model != "gemini-3-pro-preview" || kept[2].Verb != "streamGenerateContent" {
		t.Errorf("kept %d requests, the last %+v", len(kept), kept)
	}
	var outcomes []string
	for _, record := range s.Truth() {
		outcomes = append(outcomes, fmt.Sprint(record.Outcome, " ", record.Status))
	}
	if got, want := strings.Join(outcomes, ", "), "ok 200, scripted_fault 429, scripted_fault 429, ok 200, ok 200"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestScriptsInOnePiece(t *testing.T) {
	for name, says := range map[string]string{
		"weathers": "two weathers", "code": "run code", "refused": "a forbidden thing",
		"no-such-tool": "nobody has this tool", "no-script": "a weather",
	} {
		t.Run(name, func(t *testing.T) {
			_, c := scripted(t, fakegemini.Config{Seed: 1})
			c.says("user", object{"text": says})
			c.ask("gemini-3-pro-preview", "generateContent", config3)
			golden(t, "scripts/whole-"+name, c.log.String())
		})
	}
}

// TestOnlyWhoAsksSeesThoughts holds that thoughts are counted and not sent, and
// that a model of an older family signs no calls and needs none signed.
func TestOnlyWhoAsksSeesThoughts(t *testing.T) {
	_, c := scripted(t, fakegemini.Config{Seed: 1})
	c.says("user", object{"text": "two weathers"})
	_, answer := c.ask("gemini-2.5-flash", stream3, `"tools":[{"functionDeclarations":[{"name":"weather"}]}]`)
	if text := string(answer); strings.Contains(text, `"thought"`) || strings.Contains(text, "thoughtSignature") || !strings.Contains(text, `"thoughtsTokenCount":9`) {
		t.Errorf("got %s", text)
	}
	c.answer(c.take(answer))
	for range 2 {
		c.ask("gemini-2.5-flash", stream3, config3) // refused by the script
	}
	if status, answer := c.ask("gemini-2.5-flash", stream3, config3); status != http.StatusOK {
		t.Errorf("got %d %s", status, answer)
	}
}

// TestSignaturesAreChecked changes one thing in a conversation that is right.
func TestSignaturesAreChecked(t *testing.T) {
	part := func(c *client, i int) object { return c.contents[1].(object)["parts"].([]any)[i].(object) }
	cases := []struct {
		name   string
		model  string
		change func(c *client, first int)
		says   string // "" if it is right
	}{
		{"as it came", "gemini-3-pro-preview", func(*client, int) {}, ""},
		{"missing", "gemini-3-pro-preview", func(c *client, i int) { delete(part(c, i), "thoughtSignature") }, "missing a thought_signature"},
		{"missing on the second", "gemini-3-pro-preview", func(c *client, i int) { delete(part(c, i+1), "thoughtSignature") }, "missing a thought_signature"},
		{"of another call", "gemini-3-pro-preview", func(c *client, i int) { part(c, i)["thoughtSignature"] = part(c, i+1)["thoughtSignature"] }, "Corrupted thought signature"},
		{"of changed arguments", "gemini-3-pro-preview", func(c *client, i int) { part(c, i)["functionCall"].(object)["args"].(object)["town"] = "Rome" }, "Corrupted thought signature"},
		{"invented", "gemini-3-pro-preview", func(c *client, i int) { part(c, i)["thoughtSignature"] = "aW52ZW50ZWQ=" }, "Corrupted thought signature"},
		{"invented on a thought", "gemini-3-pro-preview", func(c *client, _ int) { part(c, 0)["thoughtSignature"] = "aW52ZW50ZWQ=" }, "Corrupted thought signature"},
		{"the literal on the first", "gemini-3-pro-preview", func(c *client, i int) {
			part(c, i)["thoughtSignature"] = "skip_thought_signature_validator"
			delete(part(c, i+1), "thoughtSignature")
		}, ""},
		{"the literal on the second alone", "gemini-3-pro-preview", func(c *client, i int) {
			delete(part(c, i), "thoughtSignature")
			part(c, i+1)["thoughtSignature"] = "skip_thought_signature_validator"
		}, "missing a thought_signature"},
		{"of another family", "gemini-2.5-flash", func(*client, int) {}, "Corrupted thought signature"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s, c := scripted(t, fakegemini.Config{Seed: 1})
			c.says("user", object{"text": "two weathers"})
			_, answer := c.ask("gemini-3-pro-preview", stream3, config3)
			calls := c.take(answer)
			parts := c.contents[1].(object)["parts"].([]any)
			c.answer(calls)
			tc.change(c, len(parts)-2)
			status, answer := c.ask(tc.model, stream3, config3)
			if tc.says == "" {
				if status == http.StatusBadRequest {
					t.Fatalf("refused: %s", answer)
				}
				return
			}
			if status != http.StatusBadRequest || !strings.Contains(string(answer), tc.says) {
				t.Errorf("got %d %s", status, answer)
			}
			if n := s.Stats().Arms["upstream"].RefusedSignatures; n != 1 {
				t.Errorf("%d refusals counted", n)
			}
		})
	}
}

func TestTheLiteralIsCounted(t *testing.T) {
	s, c := scripted(t, fakegemini.Config{})
	c.says("user", object{"text": "hello"})
	c.says("model", object{"functionCall": object{"name": "f"}, "thoughtSignature": "skip_thought_signature_validator"})
	c.says("user", object{"functionResponse": object{"name": "f", "response": object{}}})
	if status, answer := c.ask("gemini-3-pro-preview", "generateContent", config3); status != http.StatusOK {
		t.Fatalf("got %d %s", status, answer)
	}
	if n := s.Stats().Arms["upstream"].SkippedSignatures; n != 1 {
		t.Errorf("%d counted", n)
	}
}

// TestWhatFollowsResultsIsNoNewText: clients add reminders and files behind
// results, which must not send a script back to its start.
func TestWhatFollowsResultsIsNoNewText(t *testing.T) {
	ask := func(after string) string {
		_, c := scripted(t, fakegemini.Config{})
		c.says("user", object{"text": "two weathers"})
		c.answer(c.take(second(c.ask("gemini-3-pro-preview", stream3, config3))))
		c.says("user", object{"text": after})
		return string(second(c.ask("gemini-3-pro-preview", stream3, config3)))
	}
	if got := ask("<reminder>be brief</reminder>"); !strings.Contains(got, "RATE_LIMIT_EXCEEDED") {
		t.Errorf("a reminder left the script: %s", got)
	}
	if got := ask("now run code"); !strings.Contains(got, "print(6*7)") {
		t.Errorf("a new wish of the user's was not heard: %s", got)
	}
}

func second(_ int, answer []byte) []byte { return answer }

func TestRequestsAreKeptWithoutSecrets(t *testing.T) {
	ready, _ := start(t, fakegemini.Config{Scenario: fast(t, nil), Protocol: fakegemini.H1, KeepRequests: 2})
	for _, body := range []string{prompt("a", 0, "01"), prompt("b", 0, "02"), "no JSON"} {
		req := newRequest(t, t.Context(), "POST", ready.URLs["upstream"]+wholePath+"?key=secret", body)
		req.Header.Set("Authorization", "Bearer secret")
		exchange(t, http.DefaultClient, req)
	}
	read := func(query string) []string {
		resp, err := http.Get(ready.Control + "/requests" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	lines := read("?drain=1")
	if len(lines) != 2 || !strings.Contains(lines[0], `"body":{"contents"`) || !strings.Contains(lines[1], `"body":"no JSON"`) {
		t.Errorf("kept %q", lines)
	}
	if text := strings.Join(lines, ""); strings.Contains(text, "secret") || strings.Contains(text, "Goog-Api-Key") || !strings.Contains(text, `"Content-Type":"application/json"`) {
		t.Errorf("kept %s", text)
	}
	if again := read(""); again[0] != "" {
		t.Errorf("kept after they were drained: %q", again)
	}
}

func TestScriptErrorsNameThePlace(t *testing.T) {
	head := "name: x\nmodels: [m]\nfirst_chunk: {median: 1ms}\ngap: {median: 1ms}\noutput: {unit: words, per_chunk: 3}\n" +
		"fallback: {text: a, length: {median: 5}}\nscripts:\n"
	for script, says := range map[string]string{
		"- when: a":                                                                          "scripts[0].steps must not be empty",
		"- steps: [{}]":                                                                      "scripts[0].steps[0] needs parts",
		"- steps: [{finish: END}]":                                                           `steps[0].finish: "END" is none of STOP`,
		"- steps: [{parts: [{}]}]":                                                           "parts[0] must have one of",
		"- steps: [{parts: [{text: a, code: b}]}]":                                           "parts[0] must have one of",
		"- steps: [{parts: [{call: {}}]}]":                                                   "call must have one of name and name_like",
		"- steps: [{parts: [{call: {name: a, name_like: b}}]}]":                              "call must have one of name and name_like",
		"- steps: [{parts: [{call: {name: a, args: {x: .nan}}}]}]":                           "args: not all of it can stand in JSON",
		"- steps: [{parts: [{text: a, unsigned: true}]}]":                                    "unsigned is for thoughts and calls",
		"- steps: [{parts: [{text: a, output: b}]}]":                                         "output is for code",
		"- steps: [{parts: [{text: a}], usage: {cached: -1}}]":                               "usage must not be negative",
		"- steps: [{parts: [{text: a}], fault: {status: 200, times: 1}}]":                    "fault.status must be 400 to 599",
		"- steps: [{parts: [{text: a}], fault: {status: 500}}]":                              "fault.times must be at least 1",
		"- steps: [{parts: [{call: {name: a}, unsigned: true}]}]":                            "the first call has the signature of all",
		"- steps: [{parts: [{text: a}], fault: {status: 500, times: 1, retry_after: 1.5s}}]": "retry_after must be whole seconds",
		"- steps: [{parts: [{text: a}], fault: {status: 500, times: 1, metadata: {a: b}}}]":  "metadata stands beside reason",
		"- steps: [{parts: [{txt: a}]}]":                                                     `unknown field "txt"`,
		"- steps: [{parts: [{text: a}]}]\n- steps: [{parts: [{text: a}]}]":                   "scripts[0] matches everything",
	} {
		_, err := fakegemini.ParseScenario([]byte(head + script))
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: want %q, got %v", script, says, err)
		}
	}
}

// TestTheNewestTextChooses: an earlier wish of the user's is over.
func TestTheNewestTextChooses(t *testing.T) {
	_, c := scripted(t, fakegemini.Config{})
	c.says("user", object{"text": "run code"})
	c.says("model", object{"text": "It is 42."})
	c.says("user", object{"text": "Thank you."})
	if _, answer := c.ask("gemini-3-pro-preview", stream3, config3); strings.Contains(string(answer), "executableCode") {
		t.Errorf("got %s", answer)
	}
}

// TestTheFirstOfParallelCallsSpeaksForAll: Google signs the first one alone.
func TestTheFirstOfParallelCallsSpeaksForAll(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(parts []any) []any
		status int
	}{
		"as it came":          {func(p []any) []any { return p }, http.StatusOK},
		"without a signature": {func(p []any) []any { delete(p[0].(object), "thoughtSignature"); return p }, http.StatusBadRequest},
		"the other way round": {func(p []any) []any { return []any{p[1], p[0]} }, http.StatusBadRequest},
		"on the second too":   {func(p []any) []any { p[1].(object)["thoughtSignature"] = p[0].(object)["thoughtSignature"]; return p }, http.StatusBadRequest},
		"on a text": {func(p []any) []any {
			return append([]any{object{"text": "a", "thoughtSignature": p[0].(object)["thoughtSignature"]}}, p...)
		}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			_, c := scripted(t, fakegemini.Config{Seed: 1})
			c.says("user", object{"text": "in parallel"})
			_, answer := c.ask("gemini-3-pro-preview", stream3, config3)
			calls := c.take(answer)
			parts := c.contents[1].(object)["parts"].([]any)
			if _, signed := parts[1].(object)["thoughtSignature"]; signed || len(calls) != 2 {
				t.Fatalf("got %s", answer)
			}
			c.contents[1].(object)["parts"] = tt.change(parts)
			c.answer(calls)
			if status, answer := c.ask("gemini-3-pro-preview", stream3, config3); status != tt.status {
				t.Errorf("got %d %s", status, answer)
			}
		})
	}
}

// TestAFaultSaysAllThatItIsTold holds every word of an error to the scenario.
func TestAFaultSaysAllThatItIsTold(t *testing.T) {
	_, c := scripted(t, fakegemini.Config{})
	c.says("user", object{"text": "quota is over"})
	_, answer := c.ask("gemini-3-pro-preview", "generateContent", config3)
	golden(t, "scripts/fault", string(answer))
	req := newRequest(t, t.Context(), "POST", c.url+wholePath, `{"contents":[{"role":"user","parts":[{"text":"quota is over"}]}]}`)
	resp, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Retry-After"); got != "7" {
		t.Errorf("Retry-After %q", got)
	}
}

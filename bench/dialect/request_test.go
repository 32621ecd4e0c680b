package dialect_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

var tag = dialect.Tag{Item: "chat-1", Occurrence: 3, Nonce: "00112233445566ff"}

// item is a conversation whose texts hold what no Go string can: a surrogate
// without its other half.
func item() *datasets.Item {
	return &datasets.Item{
		ID:     "chat-1",
		System: json.RawMessage(`"Be \ud83d brief </system>"`),
		Messages: []datasets.Message{
			{Role: "user", Content: json.RawMessage(`"H\u00e9llo\n\ud800 \ud83d\ude00"`)},
			{Role: "assistant", Content: json.RawMessage(`"Hi"`)},
			{Role: "user", Content: json.RawMessage(`"Bye"`)},
		},
		MaxTokens: 256,
		Stop:      []string{"END", "<\u2028>"},
		Tools: []datasets.Tool{
			{Name: "clock", Schema: json.RawMessage(`{"type":"object"}`)},
			{Name: "weather", Description: "Tells it.", Schema: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string"}}}`)},
		},
	}
}

// bare is the same without what an item may lack.
func bare() *datasets.Item {
	it := item()
	it.System, it.Stop, it.Tools = nil, nil, nil
	return it
}

// wire shows a request as it goes out.
func wire(r dialect.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.Path)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(r.Header[name], ", "))
	}
	fmt.Fprintf(&b, "\n%s\n", r.Body)
	return b.String()
}

// TestRequestGolden holds the requests of each API for an item that has all and
// one that has the least: testdata/requests/DIALECT.
func TestRequestGolden(t *testing.T) {
	all := map[string]dialect.Dialect{"openai-chat-legacy": dialect.OpenAIChat{LegacyMaxTokens: true}}
	for _, name := range dialect.Names() {
		d, err := dialect.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = d
	}
	for name, d := range all {
		var got bytes.Buffer
		for _, it := range []*datasets.Item{item(), bare()} {
			r, err := d.Request(it, `model/"x"`, tag)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Body) > 0 && !json.Valid(r.Body) && name != "http-post" {
				t.Errorf("%s: not JSON: %s", name, r.Body)
			}
			got.WriteString(wire(r))
			got.WriteString("\n")
			if diff := cmp.Diff(item().Messages, it.Messages); diff != "" {
				t.Errorf("%s: the item was changed:\n%s", name, diff)
			}
		}
		golden(t, "testdata/requests/"+name, got.Bytes())
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll("testdata/requests", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-golden +got):\n%s", path, diff)
	}
}

// texts finds the system text and the messages of a request in each API.
var texts = map[string]func(body []byte) (system json.RawMessage, messages []datasets.Message){
	"anthropic": func(body []byte) (json.RawMessage, []datasets.Message) {
		var b struct {
			System   json.RawMessage
			Messages []datasets.Message
		}
		must(json.Unmarshal(body, &b))
		return b.System, b.Messages
	},
	"openai-chat": func(body []byte) (system json.RawMessage, messages []datasets.Message) {
		var b struct{ Messages []datasets.Message }
		must(json.Unmarshal(body, &b))
		if b.Messages[0].Role == "system" {
			return b.Messages[0].Content, b.Messages[1:]
		}
		return nil, b.Messages
	},
	"openai-responses": func(body []byte) (json.RawMessage, []datasets.Message) {
		var b struct {
			Instructions json.RawMessage
			Input        []datasets.Message
		}
		must(json.Unmarshal(body, &b))
		return b.Instructions, b.Input
	},
	"gemini": func(body []byte) (system json.RawMessage, messages []datasets.Message) {
		type content struct {
			Role  string
			Parts []struct{ Text json.RawMessage }
		}
		var b struct {
			System   content `json:"systemInstruction"`
			Contents []content
		}
		must(json.Unmarshal(body, &b))
		if len(b.System.Parts) > 0 {
			system = b.System.Parts[0].Text
		}
		for _, c := range b.Contents {
			role := map[string]string{"user": "user", "model": "assistant"}[c.Role]
			messages = append(messages, datasets.Message{Role: role, Content: c.Parts[0].Text})
		}
		return system, messages
	},
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// TestEveryItemGoesOutVerbatim holds over the whole built-in dataset that only
// the tag is added to the texts.
func TestEveryItemGoesOutVerbatim(t *testing.T) {
	set, err := datasets.Default()
	if err != nil {
		t.Fatal(err)
	}
	for name, find := range texts {
		d, err := dialect.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range set.Items {
			it := &set.Items[i]
			r, err := d.Request(it, "m", dialect.Tag{Item: it.ID, Occurrence: 1, Nonce: "0"})
			if err != nil {
				t.Fatal(err)
			}
			system, messages := find(r.Body)
			text := &system
			if system == nil {
				text = &messages[0].Content
			}
			rest, tagged := strings.CutPrefix(string(*text), "\"[firstbyte item="+it.ID+" occ=1 nonce=0] ")
			if !tagged {
				t.Errorf("%s, %s: no tag at the head of %.60s", name, it.ID, *text)
			}
			*text = json.RawMessage(`"` + rest)
			if diff := cmp.Diff(it.Messages, messages); diff != "" || !bytes.Equal(it.System, system) {
				t.Errorf("%s, %s: system %s, want %s; -want +got:\n%s", name, it.ID, system, it.System, diff)
			}
		}
	}
}

func TestRequestRefusesWhatItCannotTag(t *testing.T) {
	for name := range texts {
		d, err := dialect.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{``, `[]`, `7`, `"`} {
			it := bare()
			it.Messages[0].Content = json.RawMessage(text)
			if _, err := d.Request(it, "m", tag); err == nil {
				t.Errorf("%s accepted %q", name, text)
			}
		}
		if _, err := d.Request(&datasets.Item{ID: "x"}, "m", tag); err == nil {
			t.Errorf("%s accepted an item without messages", name)
		}
	}
	for _, it := range []*datasets.Item{{ID: "x"}, {ID: "y", Messages: []datasets.Message{{Content: json.RawMessage(`7`)}}}} {
		if _, err := (dialect.HTTP{Post: true}).Request(it, "", tag); err == nil {
			t.Errorf("http-post accepted item %s", it.ID)
		}
	}
}

// TestPostSendsTheUsersBody holds that a text that is JSON goes out as JSON.
func TestPostSendsTheUsersBody(t *testing.T) {
	it := bare()
	it.Messages[2].Content = json.RawMessage(`"{\"query\": \"x\"}"`)
	r, err := dialect.HTTP{Post: true}.Request(it, "", tag)
	if err != nil || string(r.Body) != `{"query": "x"}` || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %v, %v", r.Body, r.Header, err)
	}
}

func TestAuthorize(t *testing.T) {
	for name, want := range map[string]http.Header{
		"anthropic":        {"X-Api-Key": {"k"}},
		"openai-chat":      {"Authorization": {"Bearer k"}},
		"openai-responses": {"Authorization": {"Bearer k"}},
		"gemini":           {"X-Goog-Api-Key": {"k"}},
		"http":             {"Authorization": {"Bearer k"}},
		"http-post":        {"Authorization": {"Bearer k"}},
	} {
		d, err := dialect.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		got := http.Header{}
		d.Authorize(got, "k")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestByName(t *testing.T) {
	if names := dialect.Names(); names[0] != "anthropic" || len(names) != 6 {
		t.Errorf("%q", names)
	}
	_, err := dialect.ByName("openai")
	if err == nil || !strings.Contains(err.Error(), `"openai"`) || !strings.Contains(err.Error(), "openai-chat, openai-responses, gemini") {
		t.Errorf("%v", err)
	}
}

// TestRefusal holds the envelopes of answers that are not 200.
func TestRefusal(t *testing.T) {
	quota := `{"error":{"code":429,"message":"You exceeded your current quota.","status":"RESOURCE_EXHAUSTED","details":[]}}`
	for _, tt := range []struct{ dialect, body, code, message string }{
		{"anthropic", `{"type":"error","error":{"type":"rate_limit_error","message":"slow down"},"request_id":"req_1"}`, "rate_limit_error", "slow down"},
		{"anthropic", `{"type":"error"}`, "", ""},
		{"openai-chat", `{"error":{"message":"Incorrect API key provided.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, "invalid_request_error", "Incorrect API key provided."},
		{"openai-chat", `{"error":{"message":"Too fast.","type":null,"param":null,"code":"rate_limit_exceeded"}}`, "rate_limit_exceeded", "Too fast."},
		{"openai-chat", `{"error":"model 'x' not found"}`, "", "model 'x' not found"},
		{"openai-chat", `{"object":"error","message":"No such model.","type":"NotFoundError","param":null,"code":404}`, "NotFoundError", "No such model."},
		{"openai-responses", `{"error":{"message":"Bad input.","type":"invalid_request_error","param":"input","code":null}}`, "invalid_request_error", "Bad input."},
		{"gemini", quota, "RESOURCE_EXHAUSTED", "You exceeded your current quota."},
		{"gemini", "[" + quota + "\n]\n", "RESOURCE_EXHAUSTED", "You exceeded your current quota."},
		{"gemini", "[" + quota + "," + quota + "]", "", ""},
		{"gemini", `{"error":{"code":500,"message":"boom"}}`, "500", "boom"},
		{"gemini", `{"error":null}`, "", ""},
		{"gemini", `{"error":[7]}`, "", ""},
		{"gemini", `{"error":{"message":["x"]}}`, "", ""},
		{"http", `{"error":{"message":"x"}}`, "", ""},
	} {
		d, err := dialect.ByName(tt.dialect)
		if err != nil {
			t.Fatal(err)
		}
		if code, message := d.Refusal([]byte(tt.body)); code != tt.code || message != tt.message {
			t.Errorf("%s %s: %q, %q", tt.dialect, tt.body, code, message)
		}
	}
	for _, name := range dialect.Names() {
		d, err := dialect.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{``, `<html>`, `{"error":{"type":`, `null`, `[]`, `"x"`} {
			if code, message := d.Refusal([]byte(body)); code != "" || message != "" {
				t.Errorf("%s %s: %q, %q", name, body, code, message)
			}
		}
	}
}

// TestContentTypes holds which answers are read at all.
func TestContentTypes(t *testing.T) {
	for _, name := range dialect.Names() {
		d, err := dialect.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		plain, gemini := strings.HasPrefix(name, "http"), name == "gemini"
		for contentType, want := range map[string]bool{
			"text/event-stream":               true,
			"Text/Event-Stream;charset=utf-8": true,
			"application/json; charset=UTF-8": plain || gemini,
			"application/x-ndjson":            plain || gemini,
			"application/jsonl":               plain || gemini,
			"text/html":                       plain,
			"":                                plain,
			"//":                              plain,
		} {
			_, err := d.Open(contentType)
			if (err == nil) != want {
				t.Errorf("%s of %q: %v", contentType, name, err)
			}
			if err != nil && (!strings.Contains(err.Error(), "want text/event-stream") || strings.Contains(err.Error(), "or JSON") != gemini) {
				t.Errorf("%v", err)
			}
		}
	}
}

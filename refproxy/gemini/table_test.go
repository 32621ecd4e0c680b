package gemini_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
)

// table returns the rows of one table of docs/wire.md: field and fate.
func table(t *testing.T, heading string, fates ...string) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n### "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n##")
	rows := map[string]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		field, fate := strings.Trim(cells[1], " `"), strings.TrimSpace(cells[2])
		if rows[field] != "" || !slices.Contains(fates, fate) || strings.TrimSpace(cells[3]) == "" {
			t.Errorf("%s is %q, stands twice, or has no reason", field, fate)
		}
		rows[field] = fate
	}
	if len(rows) == 0 {
		t.Fatalf("docs/wire.md has no table %q", heading)
	}
	return rows
}

// opaque are the values within which the caller's own words stand.
var opaque = []string{"args", "response", "parameters", "parametersJsonSchema", "responseJsonSchema"}

// leaves adds the paths of all fields of v that hold no further ones; lists have
// no place in a path.
func leaves(found map[string]bool, path string, v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			leaves(found, path, item)
		}
		if len(v) > 0 {
			if _, ok := v[0].(map[string]any); ok {
				return
			}
		}
		found[path] = true
	case map[string]any:
		if len(v) == 0 || slices.Contains(opaque, path[strings.LastIndex(path, ".")+1:]) {
			found[path] = true
			return
		}
		for name, sub := range v {
			leaves(found, strings.TrimPrefix(path+"."+name, "."), sub)
		}
	default:
		found[path] = true
	}
}

// TestRequestTable holds the table of requests to the golden files: what they
// send is what is written, and all of it.
func TestRequestTable(t *testing.T) {
	sent := map[string]bool{}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			var body any
			if f.Name != "upstream-request.json" {
				continue
			}
			if err := json.Unmarshal(f.Data, &body); err != nil {
				t.Fatal(err)
			}
			leaves(sent, "", body)
		}
	}
	rows := table(t, "Gemini upstream: request", "written", "left out")
	for field, fate := range rows {
		if sent[field] != (fate == "written") {
			t.Errorf("%s is %s, but the golden files send it: %v", field, fate, sent[field])
		}
	}
	for field := range sent {
		if rows[field] == "" {
			t.Errorf("%s is sent and has no row", field)
		}
	}
}

// answers hold every field of an answer, one of each kind of part.
var answers = []string{
	`{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"QQ=="},{"text":"a","videoMetadata":{}},
		{"functionCall":{"id":"1","name":"f","args":{"x":1}}},{"executableCode":{"language":"PYTHON","code":"1"}},
		{"codeExecutionResult":{"output":"1"}},{"inlineData":{"mimeType":"a/b","data":"aGk="}},{"fileData":{"mimeType":"a/b","fileUri":"u"}}]},
		"finishReason":"MAX_TOKENS","finishMessage":"m","safetyRatings":[{}],"citationMetadata":{},"groundingMetadata":{},
		"urlContextMetadata":{},"avgLogprobs":1,"logprobsResult":{},"tokenCount":9,"continuationToken":"x"}],
		"usageMetadata":{"promptTokenCount":30,"candidatesTokenCount":7,"thoughtsTokenCount":3,"cachedContentTokenCount":2,
		"toolUsePromptTokenCount":1,"totalTokenCount":50,"promptTokensDetails":[{}],"candidatesTokensDetails":[{}],"cacheTokensDetails":[{}],"toolUsePromptTokensDetails":[{}],"trafficType":"X"},
		"modelVersion":"gemini-3-pro","responseId":"r","createTime":"t","modelStatus":{}}`,
	`{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":{"totalTokenCount":5}}`,
	`{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"},{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP","index":1}]}`,
	`{"candidates":[{"index":1,"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}`,
	`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","partialArgs":[{"jsonPath":"$.a","stringValue":"x"}]}}]},"finishReason":"STOP"}]}`,
	`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","willContinue":true}}]},"finishReason":"STOP"}]}`,
	`{"candidates":[{"content":{"parts":[{"functionResponse":{"name":"f"}},{"text":"a"}]},"finishReason":"STOP"}]}`,
	`{"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"m","safetyRatings":[{}]}}`,
	`{"error":{"code":429,"message":"m"},"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}`,
}

// without returns a copy of v without the field at path, and whether there was
// one.
func without(v any, path []string) (any, bool) {
	switch v := v.(type) {
	case []any:
		out, found := slices.Clone(v), false
		for i := range v {
			sub, ok := without(v[i], path)
			out[i], found = sub, found || ok
		}
		return out, found
	case map[string]any:
		sub, ok := v[path[0]]
		out := maps.Clone(v)
		if !ok {
			return v, false
		}
		if len(path) == 1 {
			delete(out, path[0])
			return out, true
		}
		out[path[0]], ok = without(sub, path[1:])
		return out, ok
	}
	return v, false
}

// TestAnswerTable holds the table of answers to the decoder: an answer without a
// field that is read is another one.
func TestAnswerTable(t *testing.T) {
	rows, met := table(t, "Gemini upstream: answer", "read", "ignored"), map[string]bool{}
	var bodies []any
	for _, a := range answers {
		var body any
		if err := json.Unmarshal([]byte(a), &body); err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	for field, fate := range rows {
		changed := false
		for _, body := range bodies {
			less, ok := without(body, strings.Split(field, "."))
			if !ok {
				continue
			}
			met[field] = true
			changed = changed || decoded(t, body) != decoded(t, less)
		}
		if !met[field] || changed != (fate == "read") {
			t.Errorf("%s is %s; an answer has it: %v; without it the answer is another: %v", field, fate, met[field], changed)
		}
	}
	for _, body := range bodies {
		found := map[string]bool{}
		leaves(found, "", body)
		for path := range found {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(rows)), func(row string) bool { return path == row || strings.HasPrefix(path, row+".") }) {
				t.Errorf("%s has no row", path)
			}
		}
	}
}

func decoded(t *testing.T, body any) string {
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := gemini.DecodeResponse(raw)
	return answered(resp, err)
}

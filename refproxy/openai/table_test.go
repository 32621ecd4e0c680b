package openai_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/openai"
)

// table returns the rows of one table of docs/wire.md: field and second column.
func table(t *testing.T, heading string) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n### "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n##")
	rows := map[string]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		field := strings.Trim(cells[1], " `")
		if _, twice := rows[field]; twice {
			t.Errorf("%s stands twice under %s", field, heading)
		}
		rows[field] = strings.TrimSpace(cells[2])
	}
	if !ok || len(rows) == 0 {
		t.Fatalf("docs/wire.md has no table %q", heading)
	}
	return rows
}

// An example is a field's place in a body, if it is another than its name with
// 0 for every index, and a value that the body does not have there.
type example struct{ at, value string }

var chatBase = `{
  "model": "m",
  "messages": [
    {"role": "user", "content": [
      {"type": "text", "text": "a"},
      {"type": "image_url", "image_url": {"url": "data:image/png;base64,aaaa"}},
      {"type": "input_audio", "input_audio": {"data": "aaaa", "format": "wav"}},
      {"type": "file", "file": {"file_data": "data:text/plain;base64,aaaa", "filename": "a"}}]},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "a"}],
     "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "a"}],
  "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}],
  "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}
}`

var chatExamples = map[string]example{
	"model":                              {"", `"n"`},
	"messages":                           {"", `[{"role":"user","content":"b"}]`},
	"stream":                             {"", `true`},
	"stream_options.include_usage":       {"", `true`},
	"stream_options.include_obfuscation": {"", `true`},
	"max_completion_tokens":              {"", `3`},
	"max_tokens":                         {"", `3`},
	"temperature":                        {"", `0.5`},
	"top_p":                              {"", `0.5`},
	"seed":                               {"", `3`},
	"presence_penalty":                   {"", `0.5`},
	"frequency_penalty":                  {"", `0.5`},
	"stop":                               {"", `["a"]`},
	"n":                                  {"", `2`},
	"reasoning_effort":                   {"", `"low"`},
	"response_format.type":               {"", `"json_object"`},
	"response_format.json_schema.name":   {"", `"b"`},
	"response_format.json_schema.description": {"", `"b"`},
	"response_format.json_schema.schema":      {"", `{"type":"object"}`},
	"response_format.json_schema.strict":      {"", `true`},
	"tools[].type":                            {"", `"custom"`},
	"tools[].function.name":                   {"", `"h"`},
	"tools[].function.description":            {"", `"b"`},
	"tools[].function.parameters":             {"", `{"type":"object"}`},
	"tools[].function.strict":                 {"", `true`},
	"tools[].cache_control":                   {"", `{"type":"ephemeral"}`},
	"tool_choice":                             {"", `{"type":"function","function":{"name":"g"}}`},
	"parallel_tool_calls":                     {"", `false`},
	"web_search_options":                      {"", `{}`},
	"user":                                    {"", `"u"`},
	"modalities":                              {"", `["text"]`},
	"logprobs":                                {"", `true`},
	"top_logprobs":                            {"", `2`},
	"logit_bias":                              {"", `{"1":2}`},
	"audio":                                   {"", `{"voice":"a"}`},
	"prediction":                              {"", `{"type":"content","content":"a"}`},
	"functions":                               {"", `[{"name":"f"}]`},
	"function_call":                           {"", `"auto"`},
	"moderation":                              {"", `{"model":"a"}`},
	"metadata":                                {"", `{"a":"b"}`},
	"store":                                   {"", `true`},
	"service_tier":                            {"", `"flex"`},
	"verbosity":                               {"", `"low"`},
	"prompt_cache_key":                        {"", `"a"`},
	"prompt_cache_options":                    {"", `{"ttl":"30m"}`},
	"prompt_cache_retention":                  {"", `"24h"`},
	"safety_identifier":                       {"", `"a"`},

	"messages[].role":                              {"messages[0].role", `"tool"`},
	"messages[].content":                           {"messages[2].content", `"b"`},
	"messages[].refusal":                           {"messages[1].refusal", `"b"`},
	"messages[].tool_calls[].id":                   {"messages[1].tool_calls[0].id", `"c2"`},
	"messages[].tool_calls[].type":                 {"messages[1].tool_calls[0].type", `"custom"`},
	"messages[].tool_calls[].function.name":        {"messages[1].tool_calls[0].function.name", `"g"`},
	"messages[].tool_calls[].function.arguments":   {"messages[1].tool_calls[0].function.arguments", `"{\"a\":1}"`},
	"messages[].tool_call_id":                      {"messages[2].tool_call_id", `"c2"`},
	"messages[].name":                              {"", `"Ann"`},
	"messages[].annotations":                       {"messages[1].annotations", `[{"type":"url_citation"}]`},
	"messages[].reasoning_content":                 {"messages[1].reasoning_content", `"b"`},
	"messages[].reasoning":                         {"messages[1].reasoning", `"b"`},
	"messages[].reasoning_details":                 {"messages[1].reasoning_details", `[{"text":"b"}]`},
	"messages[].cache_control":                     {"", `{"type":"ephemeral"}`},
	"messages[].audio":                             {"messages[1].audio", `{"id":"a"}`},
	"messages[].function_call":                     {"messages[1].function_call", `{"name":"f"}`},
	"messages[].content[].type":                    {"", `"refusal"`},
	"messages[].content[].text":                    {"", `"b"`},
	"messages[].content[].refusal":                 {"messages[1].content[0].refusal", `"b"`},
	"messages[].content[].image_url.url":           {"messages[0].content[1].image_url.url", `"https://a/b"`},
	"messages[].content[].image_url.detail":        {"messages[0].content[1].image_url.detail", `"low"`},
	"messages[].content[].input_audio.data":        {"messages[0].content[2].input_audio.data", `"bbbb"`},
	"messages[].content[].input_audio.format":      {"messages[0].content[2].input_audio.format", `"mp3"`},
	"messages[].content[].file.file_data":          {"messages[0].content[3].file.file_data", `"data:text/plain;base64,bbbb"`},
	"messages[].content[].file.filename":           {"messages[0].content[3].file.filename", `"b"`},
	"messages[].content[].file.file_id":            {"messages[0].content[3].file.file_id", `"b"`},
	"messages[].content[].prompt_cache_breakpoint": {"", `{"mode":"explicit"}`},
	"messages[].content[].cache_control":           {"", `{"type":"ephemeral"}`},
}

var responsesBase = `{
  "model": "m",
  "input": [
    {"type": "message", "role": "user", "content": [
      {"type": "input_text", "text": "a"},
      {"type": "input_image", "image_url": "data:image/png;base64,aaaa"},
      {"type": "input_file", "file_data": "data:text/plain;base64,aaaa", "filename": "a"},
      {"type": "input_file", "file_url": "https://a/a"}]},
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}], "encrypted_content": "SEALED"},
    {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "a"}]},
    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "a"}],
  "tools": [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}, {"type": "web_search"}]
}`

var responsesExamples = map[string]example{
	"model":                           {"", `"n"`},
	"input":                           {"", `"b"`},
	"instructions":                    {"", `"b"`},
	"stream":                          {"", `true`},
	"max_output_tokens":               {"", `3`},
	"temperature":                     {"", `0.5`},
	"top_p":                           {"", `0.5`},
	"text.format":                     {"", `{"type":"json_object"}`},
	"text.verbosity":                  {"", `"low"`},
	"reasoning.effort":                {"", `"low"`},
	"reasoning.summary":               {"", `"auto"`},
	"reasoning.generate_summary":      {"", `"auto"`},
	"reasoning.context":               {"", `"auto"`},
	"reasoning.mode":                  {"", `"a"`},
	"tools[].type":                    {"", `"custom"`},
	"tools[].name":                    {"", `"h"`},
	"tools[].description":             {"", `"b"`},
	"tools[].parameters":              {"", `{"type":"object"}`},
	"tools[].strict":                  {"", `true`},
	"tools[].allowed_callers":         {"", `["direct"]`},
	"tools[].defer_loading":           {"", `true`},
	"tools[].output_schema":           {"", `{"type":"object"}`},
	"tools[].async":                   {"", `true`},
	"tools[].filters.blocked_domains": {"tools[2].filters.blocked_domains", `["a"]`},
	"tools[].filters.allowed_domains": {"tools[2].filters.allowed_domains", `["a"]`},
	"tools[].external_web_access":     {"tools[2].external_web_access", `true`},
	"tools[].search_context_size":     {"tools[2].search_context_size", `"low"`},
	"tools[].user_location":           {"tools[2].user_location", `{"type":"approximate"}`},
	"tool_choice":                     {"", `"none"`},
	"parallel_tool_calls":             {"", `false`},
	"include":                         {"", `["reasoning.encrypted_content"]`},
	"metadata":                        {"", `{"a":"b"}`},
	"prompt_cache_key":                {"", `"a"`},
	"safety_identifier":               {"", `"a"`},
	"user":                            {"", `"a"`},
	"top_logprobs":                    {"", `2`},
	"previous_response_id":            {"", `"resp_1"`},
	"conversation":                    {"", `{"id":"conv_1"}`},
	"background":                      {"", `true`},
	"prompt":                          {"", `{"id":"pmpt_1"}`},
	"context_management":              {"", `[{"type":"compaction"}]`},
	"moderation":                      {"", `{"model":"a"}`},
	"store":                           {"", `true`},
	"truncation":                      {"", `"auto"`},
	"max_tool_calls":                  {"", `2`},
	"service_tier":                    {"", `"flex"`},
	"stream_options":                  {"", `{"include_obfuscation":true}`},
	"prompt_cache_options":            {"", `{"ttl":"30m"}`},
	"prompt_cache_retention":          {"", `"24h"`},
	"prompt_cache_diagnostics":        {"", `{"a":true}`},
	"access_programs":                 {"", `{"cyber":"standard"}`},
	"client_metadata":                 {"", `{"a":"b"}`},

	"input[].type":                              {"input[2].type", `"item_reference"`},
	"input[].role":                              {"input[2].role", `"developer"`},
	"input[].content":                           {"", `"b"`},
	"input[].call_id":                           {"input[4].call_id", `"c2"`},
	"input[].name":                              {"input[3].name", `"g"`},
	"input[].namespace":                         {"input[3].namespace", `"n"`},
	"input[].arguments":                         {"input[3].arguments", `"{\"a\":1}"`},
	"input[].output":                            {"input[4].output", `"b"`},
	"input[].summary":                           {"input[1].summary", `[{"type":"summary_text","text":"b"}]`},
	"input[].encrypted_content":                 {"input[1].encrypted_content", `"gAAA"`},
	"input[].id":                                {"", `"msg_1"`},
	"input[].status":                            {"", `"completed"`},
	"input[].phase":                             {"input[2].phase", `"commentary"`},
	"input[].caller":                            {"input[3].caller", `{"type":"direct"}`},
	"input[].async":                             {"input[3].async", `true`},
	"input[].content[].type":                    {"", `"hologram"`},
	"input[].content[].text":                    {"", `"b"`},
	"input[].content[].refusal":                 {"input[2].content[0].refusal", `"b"`},
	"input[].content[].image_url":               {"input[0].content[1].image_url", `"https://a/b"`},
	"input[].content[].file_data":               {"input[0].content[2].file_data", `"data:text/plain;base64,bbbb"`},
	"input[].content[].file_url":                {"input[0].content[3].file_url", `"https://a/b"`},
	"input[].content[].filename":                {"input[0].content[2].filename", `"b"`},
	"input[].content[].file_id":                 {"input[0].content[1].file_id", `"b"`},
	"input[].content[].detail":                  {"input[0].content[1].detail", `"low"`},
	"input[].content[].annotations":             {"input[2].content[0].annotations", `[{"type":"url_citation"}]`},
	"input[].content[].logprobs":                {"input[2].content[0].logprobs", `[{"token":"a"}]`},
	"input[].content[].prompt_cache_breakpoint": {"", `{"mode":"explicit"}`},
}

// TestTableOfFields feeds each field that docs/wire.md names to the code, and
// sees that what it says becomes of it does.
func TestTableOfFields(t *testing.T) {
	sealed := (chat.Signature{Family: "gemini-3", Value: "c2ln"}).Seal()
	for _, group := range []struct {
		name, base string
		headings   []string
		examples   map[string]example
	}{
		{"chat.json", chatBase, []string{"Chat Completions: request", "Chat Completions: messages"}, chatExamples},
		{"responses.json", strings.Replace(responsesBase, "SEALED", "fb1."+sealed, 1), []string{"Responses: request", "Responses: input"}, responsesExamples},
	} {
		rows := map[string]string{}
		for _, heading := range group.headings {
			maps.Copy(rows, table(t, heading))
		}
		for field := range group.examples {
			if _, ok := rows[field]; !ok {
				t.Errorf("%s: %s has an example and no row", group.name, field)
			}
		}
		for field, fate := range rows {
			ex, ok := group.examples[field]
			if !ok {
				t.Errorf("%s: %s has no example", group.name, field)
				continue
			}
			if ex.at == "" {
				ex.at = strings.ReplaceAll(field, "[]", "[0]")
			}
			if got := fateOf(t, group.name, group.base, ex); !slices.Contains(words[got], fate) {
				t.Errorf("%s: %s is %s, and docs/wire.md says %s", group.name, field, got, fate)
			}
		}
	}
}

// words are what a table may call what fateOf finds. Only a reader can tell what
// is kept from what is mapped.
var words = map[string][]string{"refused": {"refused"}, "ignored": {"ignored"}, "read": {"kept", "mapped"}}

// fateOf tries what becomes of a field: "refused" by its name, "ignored", or
// "read". A value that is refused in place of one that is not shows that the
// field is read. Nested fields of Responses are echoed, whatever their fate.
func fateOf(t *testing.T, name, base string, ex example) string {
	t.Helper()
	body, isNew := with(t, base, ex)
	plain, _ := with(t, base, example{"model", `"m"`}) // in the same order
	before, err := decode(name, plain)
	if err != nil {
		t.Fatal(err)
	}
	after, err := decode(name, body)
	switch {
	case err != nil && isNew && chat.AsError(err).Path == ex.at:
		return "refused"
	case err != nil && isNew:
		t.Errorf("%s: %v", ex.at, err)
		return "in error"
	case err != nil, cmp.Diff(before.req, after.req) != "":
		return "read"
	case name == "responses.json" && strings.ContainsAny(ex.at, ".["), answer(t, before) == answer(t, after):
		return "ignored"
	}
	return "read"
}

// answer is what a request's reply writes, whole and streamed.
func answer(t *testing.T, a api) string {
	t.Helper()
	whole, err := a.reply.Response(head(), chat.Response{Parts: []chat.Part{chat.Text("a")}, Finish: chat.Finish{Stop: chat.StopEndTurn}})
	if err != nil {
		t.Fatal(err)
	}
	return string(whole) + string(a.encode(events([]byte("t"))))
}

var pathStep = regexp.MustCompile(`\.?([^.\[\]]+)|\[(\d+)\]`)

// with returns base with the example's value in its place, and whether there
// was none.
func with(t *testing.T, base string, ex example) (body []byte, isNew bool) {
	t.Helper()
	var root, value any
	if err := json.Unmarshal([]byte(base), &root); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(ex.value), &value); err != nil {
		t.Fatal(err)
	}
	steps := pathStep.FindAllStringSubmatch(ex.at, -1)
	at := root
	for i, step := range steps {
		if index, err := strconv.Atoi(step[2]); err == nil {
			at = at.([]any)[index]
			continue
		}
		parent := at.(object)
		child, ok := parent[step[1]]
		if i == len(steps)-1 {
			parent[step[1]], isNew = value, !ok
			break
		}
		if !ok {
			child = object{}
			parent[step[1]] = child
		}
		at = child
	}
	body, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return body, isNew
}

// TestTableOfAnswers holds the tables of answers to the fields that the whole
// answers of all golden files have.
func TestTableOfAnswers(t *testing.T) {
	for prefix, heading := range map[string]string{"chatcmpl-": "Chat Completions: answer", "resp_": "Responses: answer"} {
		want := map[string]bool{}
		for field := range table(t, heading) {
			want[field] = true
		}
		got := map[string]bool{}
		for _, file := range goldens(t) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range a.Files {
				var v object
				if f.Name != "message.json" || json.Unmarshal(f.Data, &v) != nil || !strings.HasPrefix(v["id"].(string), prefix) {
					continue
				}
				fields(got, want, "", v)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-docs/wire.md +golden files):\n%s", heading, diff)
		}
	}
}

// fields collects the paths in v, down to those that are known.
func fields(into, known map[string]bool, path string, v any) {
	switch v := v.(type) {
	case object:
		if !known[path] {
			for name, inner := range v {
				fields(into, known, strings.TrimPrefix(path+"."+name, "."), inner)
			}
			return
		}
	case []any:
		if !known[path] {
			for _, inner := range v {
				fields(into, known, path+"[]", inner)
			}
			return
		}
	}
	into[path] = true
}

// TestUnknownFieldsAreCarried: top-level fields that nobody knows are neither
// refused nor lost.
func TestUnknownFieldsAreCarried(t *testing.T) {
	want := []chat.Field{{Name: "frobnicate", Raw: []byte(`{"a": 1}`)}}
	req, _, err := openai.DecodeChat([]byte(`{"model":"m","messages":[{"role":"user","content":"a"}],"frobnicate":{"a": 1},"store":true}`))
	if diff := cmp.Diff(want, req.Unknown); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

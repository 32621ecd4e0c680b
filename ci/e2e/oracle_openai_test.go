package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/rogpeppe/go-internal/txtar"
)

// The official client reads what the golden files of the OpenAI codec hold, over
// HTTP as it would from the proxy.

// openaiGoldens calls visit with every golden file that has all of the members.
// Fewer than least are an error.
func openaiGoldens(t *testing.T, least int, visit func(t *testing.T, files map[string][]byte), members ...string) {
	t.Helper()
	names, err := filepath.Glob("../../refproxy/openai/testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{}
		for _, f := range archive.Files {
			files[f.Name] = f.Data
		}
		if slices.ContainsFunc(members, func(m string) bool { return files[m] == nil }) {
			continue
		}
		least--
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { visit(t, files) })
	}
	if least > 0 {
		t.Errorf("%d golden files too few have %v", least, members)
	}
}

// serveOpenAI returns a client of a server that always gives this answer.
func serveOpenAI(t *testing.T, status int, contentType string, body []byte) openai.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	t.Cleanup(srv.Close)
	return openai.NewClient(option.WithBaseURL(srv.URL), option.WithAPIKey(callerKey), option.WithMaxRetries(0))
}

// nullable are required fields of which the API itself says that they may be
// null.
var nullable = []string{
	"content", "refusal", "logprobs", "finish_reason", // of a message or a chunk
	"error", "incomplete_details", "instructions", "code", "param",
}

// absent are required fields that an answer of ours does not have, and why.
var absent = map[string]string{
	"access_programs": "a programme of OpenAI's own, of which nobody here is a member",
}

// understood fails for every field of v that the client does not know, for
// required ones that are missing, and for constants that have another value.
func understood(t *testing.T, v any) {
	t.Helper()
	for _, fault := range faults(reflect.ValueOf(v), reflect.TypeOf(v).Name()) {
		t.Error(fault)
	}
}

func faults(v reflect.Value, path string) []string {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return []string{path + " is of no variant that the client knows"}
		}
		return faults(v.Elem(), path)
	case reflect.Slice:
		var found []string
		for i := range v.Len() {
			found = append(found, faults(v.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
		return found
	case reflect.Struct:
		if as, ok := v.Type().MethodByName("AsAny"); ok { // a union
			return faults(as.Func.Call([]reflect.Value{v})[0], path)
		}
		return memberFaults(v, path)
	}
	return nil
}

func memberFaults(v reflect.Value, path string) []string {
	var found []string
	meta := v.FieldByName("JSON")
	if !meta.IsValid() || meta.Kind() != reflect.Struct {
		return nil
	}
	if extra := meta.FieldByName("ExtraFields"); extra.IsValid() {
		for _, key := range extra.MapKeys() {
			found = append(found, path+"."+key.String()+" is unknown to the client")
		}
	}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		state := meta.FieldByName(field.Name)
		if !field.IsExported() || field.Name == "JSON" || !state.IsValid() {
			continue
		}
		raw := state.Interface().(interface{ Raw() string }).Raw()
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		fixed, required := field.Tag.Get("default"), field.Tag.Get("api") == "required"
		switch {
		case required && raw == "" && absent[name] == "", required && raw == "null" && !slices.Contains(nullable, name):
			found = append(found, path+"."+name+" is missing")
		case fixed != "" && raw != strconv.Quote(fixed):
			found = append(found, fmt.Sprintf("%s.%s is %s, not %s", path, name, raw, fixed))
		case raw != "" && raw != "null":
			found = append(found, faults(v.Field(i), path+"."+name)...)
		}
	}
	return found
}

// wellFormed gives a golden file's stream back the line feed that files lose.
func wellFormed(stream []byte) []byte { return append(bytes.Clone(stream), '\n') }

// TestOracleOpenAIChat: the client understands every chunk, its accumulator
// takes them all, and comes to what the whole answer says; a failure is one.
func TestOracleOpenAIChat(t *testing.T) {
	openaiGoldens(t, 15, func(t *testing.T, files map[string][]byte) {
		c := serveOpenAI(t, http.StatusOK, "text/event-stream; charset=utf-8", wellFormed(files["stream.sse"]))
		s := c.Chat.Completions.NewStreaming(within(t), openai.ChatCompletionNewParams{})
		defer s.Close()
		var acc openai.ChatCompletionAccumulator
		for s.Next() {
			understood(t, s.Current())
			if !acc.AddChunk(s.Current()) {
				t.Errorf("the accumulator refuses %s", s.Current().RawJSON())
			}
		}
		if failed := bytes.HasPrefix(files["message.json"], []byte("HTTP ")); failed != (s.Err() != nil) {
			t.Fatalf("the stream ends in %v, the whole answer is %s", s.Err(), files["message.json"])
		} else if failed {
			return
		}
		var whole openai.ChatCompletion
		if err := json.Unmarshal(files["message.json"], &whole); err != nil {
			t.Fatal(err)
		}
		if want, got := chatAnswer(whole), chatAnswer(acc.ChatCompletion); want != got {
			t.Errorf("whole it is %s\nas a stream %s", want, got)
		}
		if acc.Usage.TotalTokens != 0 && acc.Usage.TotalTokens != whole.Usage.TotalTokens {
			t.Errorf("usage %+v, whole %+v", acc.Usage, whole.Usage)
		}
	}, "chat.json", "stream.sse")
}

// chatAnswer is what a caller gets to see of a completion.
func chatAnswer(c openai.ChatCompletion) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", c.ID, c.Model)
	for _, choice := range c.Choices {
		m := choice.Message
		fmt.Fprintf(&b, "|%d %s %s %q", choice.Index, choice.FinishReason, m.Role, m.Content)
		for _, call := range m.ToolCalls {
			fmt.Fprintf(&b, " %s %s(%s)", call.ID, call.Function.Name, call.Function.Arguments)
		}
	}
	return b.String()
}

// TestOracleOpenAIWhole: the client understands every whole answer, and every
// failure in its place.
func TestOracleOpenAIWhole(t *testing.T) {
	openaiGoldens(t, 40, func(t *testing.T, files map[string][]byte) {
		head, body, failed := bytes.Cut(files["message.json"], []byte("\n{"))
		if failed && bytes.HasPrefix(head, []byte("HTTP ")) {
			understoodError(t, string(head), append([]byte("{"), body...))
			return
		}
		c := serveOpenAI(t, http.StatusOK, "application/json", files["message.json"])
		if files["responses.json"] != nil {
			r, err := c.Responses.New(within(t), responses.ResponseNewParams{})
			if err != nil {
				t.Fatal(err)
			}
			understood(t, *r)
			return
		}
		r, err := c.Chat.Completions.New(within(t), openai.ChatCompletionNewParams{})
		if err != nil {
			t.Fatal(err)
		}
		understood(t, *r)
		if len(r.Choices) == 0 {
			t.Error("there is no choice")
		}
	}, "message.json")
	openaiGoldens(t, 50, func(t *testing.T, files map[string][]byte) {
		head, body, _ := bytes.Cut(files["error.json"], []byte("\n{"))
		understoodError(t, string(head), append([]byte("{"), body...))
	}, "error.json")
}

// understoodError sees that the client reads a failure; head is its status line
// and headers. Details are an extension.
func understoodError(t *testing.T, head string, body []byte) {
	t.Helper()
	line, _, _ := strings.Cut(head, "\n")
	status, err := strconv.Atoi(strings.TrimPrefix(line, "HTTP "))
	if err != nil {
		t.Fatal(err)
	}
	c := serveOpenAI(t, status, "application/json", body)
	_, err = c.Chat.Completions.New(within(t), openai.ChatCompletionNewParams{})
	e, ok := errors.AsType[*openai.Error](err)
	if !ok || e.StatusCode != status || e.Type == "" || e.Message == "" || e.JSON.Param.Raw() == "" || e.JSON.Code.Raw() == "" {
		t.Errorf("the client reads %s as %v", body, err)
		return
	}
	delete(e.JSON.ExtraFields, "details")
	if len(e.JSON.ExtraFields) > 0 {
		t.Errorf("unknown fields in %s", body)
	}
}

// TestOracleOpenAIResponses: the client understands every event, and the last
// one says what the whole answer does.
func TestOracleOpenAIResponses(t *testing.T) {
	openaiGoldens(t, 10, func(t *testing.T, files map[string][]byte) {
		c := serveOpenAI(t, http.StatusOK, "text/event-stream; charset=utf-8", wellFormed(files["stream.sse"]))
		s := c.Responses.NewStreaming(within(t), responses.ResponseNewParams{})
		defer s.Close()
		var last responses.ResponseStreamEventUnion
		var text strings.Builder
		for s.Next() {
			last = s.Current()
			understood(t, last)
			if last.Type == "response.output_text.delta" {
				text.WriteString(last.Delta)
			}
		}
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
		if bytes.HasPrefix(files["message.json"], []byte("HTTP ")) {
			if last.Type != "response.failed" || last.Response.Error.Message == "" {
				t.Errorf("the whole answer is a failure, the stream ends in %s", last.Type)
			}
			return
		}
		var whole responses.Response
		if err := json.Unmarshal(files["message.json"], &whole); err != nil {
			t.Fatal(err)
		}
		if string(whole.Status) != strings.TrimPrefix(last.Type, "response.") || whole.OutputText() != text.String() || whole.OutputText() != last.Response.OutputText() {
			t.Errorf("whole it is %s %q, as a stream %s %q", whole.Status, whole.OutputText(), last.Type, text.String())
		}
	}, "responses.json", "stream.sse")
}

// openaiForeign are the golden files whose request holds what the client does
// not know, and why it is there all the same.
var openaiForeign = map[string]string{
	"chat_merge":         "what other servers add to answers",
	"chat_unknown_field": "a field of a later API",
	"responses_ignored":  "a field of codex's own",
}

// openaiTree is tree without what the client writes and cannot read back: a list
// of input, and a tool_choice that is an object.
func openaiTree(t *testing.T, body []byte) any {
	out := tree(t, body).(map[string]any)
	for _, field := range []string{"input", "tool_choice"} {
		if _, isString := out[field].(string); !isString {
			delete(out, field)
		}
	}
	return out
}

// TestOracleOpenAIRequests holds every request that is accepted to the client's
// parameters: read into them and written again, nothing is lost.
func TestOracleOpenAIRequests(t *testing.T) {
	held := func(params any, member string) func(t *testing.T, files map[string][]byte) {
		return func(t *testing.T, files map[string][]byte) {
			if files["error.json"] != nil {
				return
			}
			into := reflect.New(reflect.TypeOf(params)).Interface()
			if err := json.Unmarshal(files[member], into); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(into)
			var lost []string
			if err == nil {
				lost = differences("", openaiTree(t, files[member]), openaiTree(t, again))
			}
			_, name, _ := strings.Cut(t.Name(), "/")
			switch why := openaiForeign[name]; {
			case why == "" && (err != nil || lost != nil):
				t.Errorf("error %v\n%s", err, strings.Join(lost, "\n"))
			case why != "" && err == nil && lost == nil:
				t.Errorf("the client knows it all, although it is listed for %s", why)
			}
		}
	}
	openaiGoldens(t, 60, held(openai.ChatCompletionNewParams{}, "chat.json"), "chat.json")
	openaiGoldens(t, 20, held(responses.ResponseNewParams{}, "responses.json"), "responses.json")
}

// TestOracleOpenAITable holds that the tables in docs/wire.md leave out none of
// the fields that the client can send.
func TestOracleOpenAITable(t *testing.T) {
	doc, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	_, doc, _ = bytes.Cut(doc, []byte("\n## OpenAI\n"))
	chat, resp, ok := bytes.Cut(doc, []byte("\n### Responses: request\n"))
	if !ok {
		t.Fatal("docs/wire.md has no tables of OpenAI's")
	}
	for _, group := range []struct {
		doc    []byte
		prefix string
		fields []string
	}{
		{chat, "", members(reflect.TypeFor[openai.ChatCompletionNewParams]())},
		{chat, "stream_options.", members(reflect.TypeFor[openai.ChatCompletionStreamOptionsParam]())},
		{chat, "messages[].", members(reflect.TypeFor[openai.ChatCompletionUserMessageParam]())},
		{chat, "messages[].", members(reflect.TypeFor[openai.ChatCompletionAssistantMessageParam]())},
		{chat, "messages[].", members(reflect.TypeFor[openai.ChatCompletionToolMessageParam]())},
		{chat, "messages[].content[].image_url.", members(reflect.TypeFor[openai.ChatCompletionContentPartImageImageURLParam]())},
		{chat, "messages[].content[].file.", members(reflect.TypeFor[openai.ChatCompletionContentPartFileFileParam]())},
		{chat, "messages[].content[].input_audio.", members(reflect.TypeFor[openai.ChatCompletionContentPartInputAudioInputAudioParam]())},
		{chat, "tools[].function.", members(reflect.TypeFor[openai.FunctionDefinitionParam]())},
		{chat, "response_format.json_schema.", members(reflect.TypeFor[openai.ResponseFormatJSONSchemaJSONSchemaParam]())},
		{resp, "", members(reflect.TypeFor[responses.ResponseNewParams]())},
		{resp, "text.", members(reflect.TypeFor[responses.ResponseTextConfigParam]())},
		{resp, "reasoning.", members(reflect.TypeFor[openai.ReasoningParam]())},
		{resp, "tools[].", members(reflect.TypeFor[responses.FunctionToolParam]())},
		{resp, "tools[].", members(reflect.TypeFor[responses.WebSearchToolParam]())},
		{resp, "input[].", members(reflect.TypeFor[responses.EasyInputMessageParam]())},
		{resp, "input[].", members(reflect.TypeFor[responses.ResponseOutputMessageParam]())},
		{resp, "input[].", members(reflect.TypeFor[responses.ResponseFunctionToolCallParam]())},
		{resp, "input[].", members(reflect.TypeFor[responses.ResponseInputItemFunctionCallOutputParam]())},
		{resp, "input[].", members(reflect.TypeFor[responses.ResponseReasoningItemParam]())},
		{resp, "input[].content[].", members(reflect.TypeFor[responses.ResponseInputTextParam]())},
		{resp, "input[].content[].", members(reflect.TypeFor[responses.ResponseInputImageParam]())},
		{resp, "input[].content[].", members(reflect.TypeFor[responses.ResponseInputFileParam]())},
		{resp, "input[].content[].", members(reflect.TypeFor[responses.ResponseOutputTextParam]())},
	} {
		for _, field := range group.fields {
			row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(group.prefix+field) + "[`.\\[]")
			if !row.Match(group.doc) {
				t.Errorf("no row on %s%s", group.prefix, field)
			}
		}
	}
}

package gemini_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
)

func TestWrapCodeAssist(t *testing.T) {
	all := gemini.Envelope{Model: "m", Project: "p", PromptID: "u", SessionID: "s"}
	tests := []struct {
		name, body, want string
		envelope         gemini.Envelope
	}{
		{"all", `{"contents":[ {"x":1e2} ]}`, `{"model":"m","project":"p","user_prompt_id":"u","request":{"contents":[ {"x":1e2} ],"session_id":"s"}}`, all},
		{"nothing within", " { }\n", `{"model":"m","project":"p","user_prompt_id":"u","request":{ "session_id":"s"}}`, all},
		{"bytes stay", `{"a":"\ud83d","a":1}`, `{"model":"m","request":{"a":"\ud83d","a":1}}`, gemini.Envelope{Model: "m"}},
		{"quoted", `{}`, `{"model":"a\"}","request":{}}`, gemini.Envelope{Model: `a"}`}},
	}
	for _, tt := range tests {
		got, err := gemini.WrapCodeAssist(tt.envelope, []byte(tt.body))
		if diff := cmp.Diff(tt.want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
	for _, body := range []string{"", "[]", "null", `{}},"model":"x"`, `{"a":1`, "{} {}"} {
		if _, err := gemini.WrapCodeAssist(all, []byte(body)); chat.AsError(err) == nil || chat.AsError(err).Kind != chat.KindInvalid {
			t.Errorf("%q: error %v, want invalid", body, err)
		}
	}
}

func TestWrapCodeAssistCount(t *testing.T) {
	want := `{"request":{"model":"models/m","contents":[{"parts":[]}]}}`
	for _, body := range []string{
		`{"contents":[{"parts":[]}]}`,
		`{"generateContentRequest":{"model":"models/x","contents":[{"parts":[]}],"tools":[]}}`,
	} {
		got, err := gemini.WrapCodeAssistCount("m", []byte(body))
		if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", body, err, diff)
		}
	}
	for _, body := range []string{"", "{}", "[]", `{"generateContentRequest":{}}`} {
		if _, err := gemini.WrapCodeAssistCount("m", []byte(body)); chat.AsError(err) == nil || chat.AsError(err).Kind != chat.KindInvalid {
			t.Errorf("%q: error %v, want invalid", body, err)
		}
	}
	contents := []chat.Turn{user("a")}
	got, err := gemini.Codec{Variant: gemini.CodeAssist}.EncodeCountTokens(chat.Request{Model: "m", System: []chat.Part{chat.Text("s")}, Turns: contents})
	if want := `{"request":{"model":"models/m","contents":[{"role":"user","parts":[{"text":"a"}]}]}}`; string(got) != want || err != nil {
		t.Errorf("the codec counts by %s, error %v", got, err)
	}
}

func TestUnwrapCodeAssist(t *testing.T) {
	for body, want := range map[string][2]string{
		`{"response":{"a":"\ud83d"},"traceId":"t","remainingCredits":[]}`: {`{"a":"\ud83d"}`, "t"},
		`{"response":{}}`:        {`{}`, ""},
		`{"error":{"code":429}}`: {`{"error":{"code":429}}`, ""},
		`{"response":null}`:      {`{"response":null}`, ""},
		`[{"response":{}}]`:      {`[{"response":{}}]`, ""},
		`<html>`:                 {`<html>`, ""},
	} {
		answer, id := gemini.UnwrapCodeAssist([]byte(body))
		if diff := cmp.Diff(want, [2]string{string(answer), id}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

// wrapped puts every event of a stream into an envelope.
func wrapped(stream string) string {
	var b strings.Builder
	for line := range strings.Lines(stream) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			line = `data: {"response":` + strings.TrimSpace(data) + `,"traceId":"t1"}` + "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// TestUnwrapCodeAssistStream holds that an answer in envelopes decodes as the
// same answer without, in either way and in whatever pieces it comes.
func TestUnwrapCodeAssistStream(t *testing.T) {
	failed := `data: {"error":{"code":429,"message":"x"}}` + "\n\n"
	for name, in := range map[string]string{"plain": first + more + last, "an error": first + failed, "cut": first} {
		for way, decode := range ways {
			want := trace(decode(strings.NewReader(in)))
			for seed := range uint64(20) {
				var ids []string
				src := gemini.UnwrapCodeAssistStream(newPieces([]byte(wrapped(in)), seed), func(id string) { ids = append(ids, id) })
				if diff := cmp.Diff(want, trace(decode(src))); diff != "" {
					t.Errorf("%s, %s (-plain +wrapped):\n%s", name, way, diff)
				}
				if diff := cmp.Diff([]string{"t1"}, ids); diff != "" {
					t.Errorf("%s: trace ids (-want +got):\n%s", name, diff)
				}
			}
		}
	}
}

func TestUnwrapCodeAssistStreamForms(t *testing.T) {
	chunk := `{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}`
	for name, in := range map[string]string{
		"object":      `{"response":` + chunk + `}`,
		"list":        ` [{"response":` + chunk + `},{"response":{}}]`,
		"many lines":  "data: {\"response\":\ndata: " + chunk + "}\r\n\r\n",
		"not wrapped": "data: " + chunk + "\n\n",
	} {
		resp, err := chat.Collect(gemini.DecodeStream(gemini.UnwrapCodeAssistStream(strings.NewReader(in), nil)))
		if err != nil || len(resp.Parts) != 1 || resp.Parts[0].Text != "a" {
			t.Errorf("%s: %+v, error %v", name, resp, err)
		}
	}
}

func TestUnwrapCodeAssistStreamErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, begin := range []string{"", wrapped(first), "["} {
		src := io.MultiReader(strings.NewReader(begin), iotest.ErrReader(broken))
		if _, err := io.ReadAll(gemini.UnwrapCodeAssistStream(src, nil)); !errors.Is(err, broken) {
			t.Errorf("after %q: error %v", begin, err)
		}
	}
}

// FuzzUnwrapCodeAssist holds that what was wrapped is unwrapped again, byte for
// byte, and that nothing else panics or grows.
func FuzzUnwrapCodeAssist(f *testing.F) {
	for _, s := range []string{first, "{}", `{"response":{"a":1},"traceId":"t"}`, `{"contents":[]}`, "[", "\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := io.ReadAll(gemini.UnwrapCodeAssistStream(bytes.NewReader(in), nil))
		if err != nil && len(out) > 2*len(in)+64 {
			t.Errorf("%d bytes became %d", len(in), len(out))
		}
		body, err := gemini.WrapCodeAssist(gemini.Envelope{Model: "m", SessionID: "s"}, in)
		if err != nil {
			return
		}
		var request struct{ Request json.RawMessage }
		if err := json.Unmarshal(body, &request); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		answer, _ := gemini.UnwrapCodeAssist([]byte(`{"response":` + string(in) + `}`))
		if !bytes.Equal(answer, bytes.TrimSpace(in)) {
			t.Errorf("%s came back as %s", in, answer)
		}
	})
}

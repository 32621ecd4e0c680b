package openai_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/openai"
)

func text(s string) chat.Event { return chat.Event{Kind: chat.EventText, Text: s} }

func finish(stop chat.StopReason) chat.Event {
	return chat.Event{Kind: chat.EventFinish, Finish: chat.Finish{Stop: stop}}
}

// writes counts what reaches the sink.
type writes struct {
	bytes.Buffer
	n   int
	err error
}

func (w *writes) Write(b []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	w.n++
	return w.Buffer.Write(b)
}

// TestStreamStates walks both encoders through their tables of states.
func TestStreamStates(t *testing.T) {
	for _, a := range apis(t) {
		t.Run(fmt.Sprintf("%T", a.reply), func(t *testing.T) {
			var w writes
			enc := a.encoder(&w, head())
			step := func(what string, err error, n int, ended bool) {
				t.Helper()
				if err != nil || w.n != n || enc.Ended() != ended {
					t.Errorf("%s: error %v, %d writes, ended %t", what, err, w.n, enc.Ended())
				}
			}
			step("a ping before the start", enc.Ping(), 0, false)
			step("the start", enc.Start(chat.Usage{}), 1, false)
			step("a second start", enc.Start(chat.Usage{}), 1, false)
			step("the upstream's start", enc.Event(chat.Event{Kind: chat.EventStart}), 1, false)
			step("a ping", enc.Ping(), 2, false)
			if !strings.HasSuffix(w.String(), "\n\n: ping\n\n") {
				t.Errorf("the ping is no comment: %q", w.String())
			}
			step("text", enc.Event(text("a")), 3, false)
			step("a signature alone", enc.Event(chat.Event{Kind: chat.EventText, Signature: &chat.Signature{Family: "f", Value: "v"}}), 3, false)
			if err := enc.Event(finish(0)); chat.AsError(err).Kind != chat.KindEmpty || enc.Ended() || w.n != 3 {
				t.Errorf("a finish without a reason: %v", err)
			}
			step("the finish", enc.Event(finish(chat.StopEndTurn)), 4, true)
			step("a ping after the end", enc.Ping(), 4, true)
			step("an error after the end", enc.Error(io.ErrUnexpectedEOF, ""), 4, true)
			step("a start after the end", enc.Event(chat.Event{Kind: chat.EventStart}), 4, true)
			if err := enc.Event(text("b")); !errors.Is(err, openai.ErrStreamEnded) || w.n != 4 {
				t.Errorf("text after the end: %v", err)
			}
		})
	}
}

func TestStreamErrorBeforeTheStart(t *testing.T) {
	for _, a := range apis(t) {
		var w writes
		enc := a.encoder(&w, head())
		if err := enc.Error(errors.New("dial 10.0.0.1"), "req_1"); err != nil || w.n != 1 || !enc.Ended() {
			t.Errorf("%T: %v, %d writes", a.reply, err, w.n)
		}
		if s := w.String(); strings.Contains(s, "10.0.0.1") || !strings.Contains(s, "internal error") {
			t.Errorf("%T: %s", a.reply, s)
		}
	}
}

func TestStreamKeepsTheSinksError(t *testing.T) {
	boom := errors.New("boom")
	for _, a := range apis(t) {
		enc := a.encoder(&writes{err: boom}, head())
		if err := enc.Event(text("a")); !errors.Is(err, boom) {
			t.Errorf("%T: %v", a.reply, err)
		}
		if err := enc.Error(boom, ""); !errors.Is(err, boom) {
			t.Errorf("%T, later: %v", a.reply, err)
		}
	}
}

// TestTextDeltaAllocatesNothing: the relay calls Event for every piece of text.
func TestTextDeltaAllocatesNothing(t *testing.T) {
	for _, a := range apis(t) {
		for name, ev := range map[string]chat.Event{
			"raw":  {Kind: chat.EventText, Raw: []byte(`"The quick brown fox\n"`)},
			"text": text("The quick brown fox\n"),
		} {
			enc := a.encoder(io.Discard, head())
			for range 1000 { // what the buffers grow by is shared by many deltas
				if err := enc.Event(ev); err != nil {
					t.Fatal(err)
				}
			}
			if n := testing.AllocsPerRun(500, func() { _ = enc.Event(ev) }); n > 0 {
				t.Errorf("%T, %s: %g allocations for a delta", a.reply, name, n)
			}
		}
	}
}

func TestUnfinishedAnswerIsRefused(t *testing.T) {
	for _, a := range apis(t) {
		if _, err := a.reply.Response(head(), chat.Response{Parts: []chat.Part{chat.Text("a")}}); chat.AsError(err) == nil || chat.AsError(err).Kind != chat.KindEmpty {
			t.Errorf("%T: %v", a.reply, err)
		}
	}
}

func TestReasoningContent(t *testing.T) {
	resp := chat.Response{Parts: []chat.Part{{Kind: chat.PartThought, Text: "Hmm."}, chat.Text("ok")}, Finish: chat.Finish{Stop: chat.StopEndTurn}}
	_, reply, err := openai.DecodeChat([]byte(`{"model":"m","messages":[{"role":"user","content":"a"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, show := range []bool{false, true} {
		reply.ShowReasoning = show
		whole, err := reply.Response(head(), resp)
		var w bytes.Buffer
		enc := reply.Encoder(&w, head())
		err = errors.Join(err, enc.Event(chat.Event{Kind: chat.EventThought, Text: "Hmm."}), enc.Event(text("ok")), enc.Event(finish(chat.StopEndTurn)))
		if err != nil {
			t.Fatal(err)
		}
		checkSame(t, w.Bytes(), whole)
		if got := strings.Contains(string(whole), `"reasoning_content":"Hmm."`); got != show {
			t.Errorf("show %t: %s", show, whole)
		}
	}
}

func TestMediaByURLIsLeftToTheServer(t *testing.T) {
	want := []chat.Part{
		{Kind: chat.PartMedia, Media: &chat.Media{URL: "https://example.com/a.png"}},
		{Kind: chat.PartMedia, Media: &chat.Media{URL: "https://example.com/b.pdf", Name: "b.pdf"}},
	}
	req, _, err := openai.DecodeResponses([]byte(`{"model":"m","input":[{"role":"user","content":[
		{"type":"input_image","image_url":"https://example.com/a.png"},
		{"type":"input_file","file_url":"https://example.com/b.pdf","filename":"b.pdf"}]}]}`))
	if diff := cmp.Diff(want, req.Turns[0].Parts); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	req, _, err = openai.DecodeChat([]byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]}`))
	if diff := cmp.Diff(want[:1], req.Turns[0].Parts); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

func TestSingleCall(t *testing.T) {
	tools := `"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"f"}}`
	for parallel, want := range map[string]bool{`,"parallel_tool_calls":false`: true, `,"parallel_tool_calls":true`: false, "": false} {
		req, _, err := openai.DecodeChat([]byte(`{"model":"m","messages":[{"role":"user","content":"a"}],` + tools + parallel + `}`))
		if err != nil || req.Choice.Single != want || req.Choice.Mode != chat.ChoiceAny {
			t.Errorf("%q: choice %+v, error %v", parallel, req.Choice, err)
		}
	}
}

func TestDroppedThoughtsAreCounted(t *testing.T) {
	req, _, err := openai.DecodeResponses([]byte(`{"model":"m","input":[{"role":"user","content":"a"},
		{"type":"reasoning","summary":[],"encrypted_content":"fb1.not-ours"},{"type":"reasoning","summary":[{"type":"summary_text","text":"x"}]}]}`))
	if err != nil || req.DroppedThoughts != 2 {
		t.Errorf("%d thoughts dropped, error %v", req.DroppedThoughts, err)
	}
}

func TestModels(t *testing.T) {
	models := []chat.Model{{ID: "a", Created: time.Unix(1_700_000_000, 0)}, {ID: "b"}}
	list, err := openai.EncodeModels(models)
	want := `{"object":"list","data":[{"id":"a","object":"model","created":1700000000,"owned_by":"firstbyte"},{"id":"b","object":"model","created":0,"owned_by":"firstbyte"}]}`
	if string(list) != want || err != nil {
		t.Errorf("error %v, list %s", err, list)
	}
	one, err := openai.EncodeModel(models[1])
	if string(one) != `{"id":"b","object":"model","created":0,"owned_by":"firstbyte"}` || err != nil {
		t.Errorf("error %v, model %s", err, one)
	}
	if empty, _ := openai.EncodeModels(nil); string(empty) != `{"object":"list","data":[]}` {
		t.Errorf("no models: %s", empty)
	}
}

// TestErrors holds every kind to the table of the wire reference, 1.4.
func TestErrors(t *testing.T) {
	tests := []struct {
		err    chat.Error
		status int
		body   string
		header string
	}{
		{chat.Error{Kind: chat.KindInvalid, Path: "a[0].b"}, 400, `"type":"invalid_request_error","param":"a[0].b","code":null`, ""},
		{chat.Error{Kind: chat.KindInvalid, Status: 415}, 415, `"type":"invalid_request_error","param":null,"code":null`, ""},
		{chat.Error{Kind: chat.KindInvalid, Status: 429}, 400, `"type":"invalid_request_error","param":null,"code":null`, ""},
		{chat.Error{Kind: chat.KindAuthentication}, 401, `"type":"invalid_request_error","param":null,"code":"invalid_api_key"`, ""},
		{chat.Error{Kind: chat.KindBilling}, 429, `"type":"insufficient_quota","param":null,"code":"insufficient_quota"`, "1 false"},
		{chat.Error{Kind: chat.KindPermission}, 403, `"type":"permission_error","param":null,"code":null`, ""},
		{chat.Error{Kind: chat.KindNotFound}, 404, `"type":"invalid_request_error","param":null,"code":null`, ""},
		{chat.Error{Kind: chat.KindTooLarge}, 413, `"type":"invalid_request_error","param":null,"code":null`, ""},
		{chat.Error{Kind: chat.KindRateLimit, RetryAfter: 1001 * time.Millisecond}, 429, `"type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"`, "2"},
		{chat.Error{Kind: chat.KindRateLimit, Terminal: true}, 429, `"type":"insufficient_quota","param":null,"code":"insufficient_quota"`, "1 false"},
		{chat.Error{Kind: chat.KindInternal}, 500, `"type":"server_error","param":null,"code":null`, ""},
		{chat.Error{Kind: chat.KindEmpty}, 500, `"type":"server_error","param":null,"code":null`, ""},
		{chat.Error{Kind: chat.KindUpstream}, 502, `"type":"server_error","param":null,"code":null`, ""},
		{chat.Error{Kind: chat.KindNetwork}, 502, `"type":"server_error","param":null,"code":null`, ""},
		{chat.Error{Kind: chat.KindOverloaded}, 503, `"type":"server_error","param":null,"code":null`, "1"},
		{chat.Error{Kind: chat.KindTimeout}, 504, `"type":"server_error","param":null,"code":null`, ""},
		{chat.Error{Details: []byte(`{"a"`)}, 500, `"type":"server_error","param":null,"code":null`, ""},
	}
	for _, tt := range tests {
		tt.err.Message = "m"
		status, header, body := openai.EncodeError(&tt.err, "req_1")
		told := strings.TrimSpace(header.Get("Retry-After") + " " + header.Get("X-Should-Retry"))
		if want := `{"error":{"message":"m",` + tt.body + `}}`; status != tt.status || string(body) != want || told != tt.header || header.Get("X-Request-Id") != "req_1" {
			t.Errorf("%+v: status %d, header %v, body %s", tt.err, status, header, body)
		}
	}
	if status, _, body := openai.EncodeError(nil, ""); status != 500 || !strings.Contains(string(body), "internal error") {
		t.Errorf("no error: %d %s", status, body)
	}
}

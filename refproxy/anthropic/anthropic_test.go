package anthropic_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/anthropic"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// Conversions from end to end are the golden files, see golden_test.go.

func TestDecodeRequestCarries(t *testing.T) {
	got, err := anthropic.DecodeRequest([]byte(`{"z":{"a":[1, 2]},"model":"m","max_tokens":7,"stream":true,
		"metadata":{"user_id":"u"},"context_management":{"edits":[]},"service_tier":"auto","a":null,
		"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"x"},{"type":"text","text":"b"}]}]}`))
	want := chat.Request{
		Model: "m", MaxTokens: 7, Stream: true,
		Turns: []chat.Turn{
			{Role: chat.RoleUser, Parts: []chat.Part{chat.Text("Hi")}},
			{Role: chat.RoleModel, Parts: []chat.Part{chat.Text("b")}},
		},
		Metadata:          chat.Metadata{UserID: "u"},
		ContextManagement: true,
		DroppedThoughts:   1,
		Unknown:           []chat.Field{{Name: "z", Raw: []byte(`{"a":[1, 2]}`)}, {Name: "a", Raw: []byte("null")}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, request (-want +got):\n%s", err, diff)
	}
}

func TestDecodeRequestSharesNoMemory(t *testing.T) {
	body := []byte(`{"model":"m","max_tokens":7,"x":[1],"messages":[{"role":"user","content":"Hi"}]}`)
	got, err := anthropic.DecodeRequest(body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if got.Model != "m" || got.Turns[0].Parts[0].Text != "Hi" || string(got.Unknown[0].Raw) != "[1]" {
		t.Errorf("the request changed with the body: %+v", got)
	}
}

func TestCountTokens(t *testing.T) {
	req, err := anthropic.DecodeCountTokens([]byte(`{"model":"m","messages":[{"role":"user","content":"Hi"}]}`))
	if err != nil || req.Model != "m" || req.MaxTokens != 0 || len(req.Turns) != 1 {
		t.Errorf("without max_tokens: %+v, %v", req, err)
	}
	for _, body := range []string{"", `{"model":"m"}`, `{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"Hi"}]}`} {
		if _, err := anthropic.DecodeCountTokens([]byte(body)); chat.AsError(err) == nil || chat.AsError(err).Kind != chat.KindInvalid {
			t.Errorf("%q: error %v, want invalid", body, err)
		}
	}
	if got := string(anthropic.EncodeCountTokens(1234567)); got != `{"input_tokens":1234567}` {
		t.Errorf("encoded %s", got)
	}
}

func TestCheckVersion(t *testing.T) {
	for header, want := range map[string]string{"": "2023-06-01", "2023-06-01": "2023-06-01", "2026-10-21": "2026-10-21"} {
		if got, err := anthropic.CheckVersion(header); got != want || err != nil {
			t.Errorf("%q: %q, %v", header, got, err)
		}
	}
	_, err := anthropic.CheckVersion("2024-01-01")
	if e := chat.AsError(err); e == nil || e.Kind != chat.KindInvalid ||
		!strings.Contains(e.Message, "2023-06-01") || !strings.Contains(e.Message, "2026-10-21") {
		t.Errorf("error %v, want one that names both versions", err)
	}
}

func TestModels(t *testing.T) {
	models := []chat.Model{
		{ID: "a", DisplayName: "A", Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), InputLimit: 10, OutputLimit: 5},
		{ID: "b"},
	}
	a := `{"type":"model","id":"a","display_name":"A","created_at":"2026-01-02T03:04:05Z","max_input_tokens":10,"max_tokens":5}`
	b := `{"type":"model","id":"b","display_name":"b","created_at":"1970-01-01T00:00:00Z"}`
	got, err := anthropic.EncodeModels(models)
	if want := `{"data":[` + a + `,` + b + `],"has_more":false,"first_id":"a","last_id":"b"}`; string(got) != want || err != nil {
		t.Errorf("list %s, %v", got, err)
	}
	if got, err = anthropic.EncodeModel(models[0]); string(got) != a || err != nil {
		t.Errorf("one %s, %v", got, err)
	}
	if got, err = anthropic.EncodeModels(nil); string(got) != `{"data":[],"has_more":false,"first_id":null,"last_id":null}` || err != nil {
		t.Errorf("none %s, %v", got, err)
	}
}

func TestEncodeError(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		status int
		kind   string
		header map[string]string
	}{
		{"invalid", &chat.Error{Kind: chat.KindInvalid}, 400, "invalid_request_error", nil},
		{"unsupported media", &chat.Error{Kind: chat.KindInvalid, Status: 415}, 415, "invalid_request_error", nil},
		{"unprocessable", &chat.Error{Kind: chat.KindInvalid, Status: 422}, 422, "invalid_request_error", nil},
		{"misleading status", &chat.Error{Kind: chat.KindInvalid, Status: 409}, 400, "invalid_request_error", nil},
		{"upstream status", &chat.Error{Kind: chat.KindInvalid, Status: 503}, 400, "invalid_request_error", nil},
		{"authentication", &chat.Error{Kind: chat.KindAuthentication}, 401, "authentication_error", nil},
		{"billing", &chat.Error{Kind: chat.KindBilling}, 402, "billing_error", nil},
		{"permission", &chat.Error{Kind: chat.KindPermission, Status: 401}, 403, "permission_error", nil},
		{"not found", &chat.Error{Kind: chat.KindNotFound}, 404, "not_found_error", nil},
		{"too large", &chat.Error{Kind: chat.KindTooLarge}, 413, "request_too_large", nil},
		{"rate limit", &chat.Error{Kind: chat.KindRateLimit}, 429, "rate_limit_error", map[string]string{"Retry-After": "1"}},
		{"rate limit with wait", &chat.Error{Kind: chat.KindRateLimit, RetryAfter: 1001 * time.Millisecond}, 429, "rate_limit_error", map[string]string{"Retry-After": "2"}},
		{"terminal", &chat.Error{Kind: chat.KindRateLimit, Terminal: true, RetryAfter: time.Hour}, 429, "rate_limit_error", map[string]string{"Retry-After": "3600", "X-Should-Retry": "false"}},
		{"canceled", &chat.Error{Kind: chat.KindCanceled}, 499, "api_error", nil},
		{"internal", &chat.Error{Kind: chat.KindInternal}, 500, "api_error", nil},
		{"empty", &chat.Error{Kind: chat.KindEmpty}, 500, "api_error", nil},
		{"upstream", &chat.Error{Kind: chat.KindUpstream, Status: 500}, 502, "api_error", nil},
		{"upstream with wait", &chat.Error{Kind: chat.KindUpstream, RetryAfter: time.Second}, 502, "api_error", map[string]string{"Retry-After": "1"}},
		{"network", &chat.Error{Kind: chat.KindNetwork}, 502, "api_error", nil},
		{"overloaded", &chat.Error{Kind: chat.KindOverloaded, Status: 503}, 529, "overloaded_error", map[string]string{"Retry-After": "1"}},
		{"timeout", &chat.Error{Kind: chat.KindTimeout}, 504, "timeout_error", nil},
		{"foreign", errors.New("secret"), 500, "api_error", nil},
		{"none", nil, 500, "api_error", nil},
		{"wrapped", fmt.Errorf("x: %w", &chat.Error{Kind: chat.KindTimeout}), 504, "timeout_error", nil},
	}
	for _, tt := range tests {
		status, header, body := anthropic.EncodeError(tt.err, "req_7")
		if status != tt.status || !strings.HasPrefix(string(body), `{"type":"error","error":{"type":"`+tt.kind+`","message":"`) {
			t.Errorf("%s: %d %s", tt.name, status, body)
		}
		want := http.Header{"Content-Type": {"application/json"}, "Request-Id": {"req_7"}}
		for k, v := range tt.header {
			want.Set(k, v)
		}
		if diff := cmp.Diff(want, header); diff != "" {
			t.Errorf("%s: headers (-want +got):\n%s", tt.name, diff)
		}
		if strings.Contains(string(body), "secret") || !strings.HasSuffix(string(body), `,"request_id":"req_7"}`) {
			t.Errorf("%s: body %s", tt.name, body)
		}
	}
}

func TestEncodeErrorDetails(t *testing.T) {
	const plain = `{"type":"error","error":{"type":"api_error","message":"m"}}`
	_, header, body := anthropic.EncodeError(&chat.Error{Message: "m", Details: []byte("{\n \"a\": 1 }")}, "")
	if want := `{"type":"error","error":{"type":"api_error","message":"m","details":{"a":1}}}`; string(body) != want {
		t.Errorf("body %s, want %s", body, want)
	}
	if header.Get("Request-Id") != "" {
		t.Error("an empty request id was sent")
	}
	if _, _, body = anthropic.EncodeError(&chat.Error{Message: "m", Details: []byte("{")}, ""); string(body) != plain {
		t.Errorf("with bad details: %s, want them left out", body)
	}
}

func TestEncodeResponse(t *testing.T) {
	got, err := anthropic.EncodeResponse(anthropic.Head{ID: "msg_1", Model: "c", ContextManagement: true}, chat.Response{
		Model:  "upstream's own",
		Parts:  []chat.Part{{Kind: chat.PartThought, Text: "hm\xff"}, chat.Text("a"), chat.Text("b\xff"), chat.Text(""), {Kind: chat.PartCall, Call: &chat.Call{Name: "f"}}, chat.Text("c")},
		Finish: chat.Finish{Stop: chat.StopMaxTokens},
		Usage:  chat.Usage{Input: 1, Cached: 2, Output: 4, Thinking: 3},
	})
	want := `{"id":"msg_1","type":"message","role":"assistant","model":"c","content":[{"type":"thinking","thinking":"hm` + "\ufffd" + `","signature":""},{"type":"text","text":"ab` + "\ufffd" + `"},` +
		`{"type":"tool_use","id":"toolu_1_1","name":"f","input":{}},{"type":"text","text":"c"}],` +
		`"stop_reason":"max_tokens","stop_sequence":null,"usage":{"input_tokens":1,"cache_creation_input_tokens":0,"cache_read_input_tokens":2,` +
		`"output_tokens":4,"output_tokens_details":{"thinking_tokens":3}},"context_management":{"applied_edits":[]}}`
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Errorf("error %v, body (-want +got):\n%s", err, diff)
	}
	if _, err = anthropic.EncodeResponse(anthropic.Head{}, chat.Response{}); chat.AsError(err) == nil || chat.AsError(err).Kind != chat.KindEmpty {
		t.Errorf("an unfinished answer: error %v, want empty", err)
	}
}

const (
	messageStart = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-test\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":7,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":0}}}\n\n"
	ping         = "event: ping\ndata: {\"type\":\"ping\"}\n\n"
	blockStart   = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
	deltaA       = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n"
	blockStop    = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
	messageEnd   = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"input_tokens\":7,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":0}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
	failure      = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"timeout_error\",\"message\":\"late\"},\"request_id\":\"req_1\"}\n\n"
)

const (
	thoughtStart = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n"
	deltaHm      = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n"
)

// at returns events of block 0 as those of block i.
func at(i int, events string) string {
	return strings.ReplaceAll(events, `"index":0`, fmt.Sprintf(`"index":%d`, i))
}

func stopOf(i int) string { return at(i, blockStop) }

func callBlock(i int, id string) string {
	return at(i, `event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"`+id+`","name":"f","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"q\":\"\\\\\"}"}}

`) + stopOf(i)
}

// TestStreamEncoder walks through the states; each step is one call. It holds
// the bytes whole: exactly one blank line, one Write a call.
func TestStreamEncoder(t *testing.T) {
	type enc = *anthropic.StreamEncoder
	start := func(e enc) error { return e.Start(chat.Usage{}) }
	startEvent := func(e enc) error { return e.Event(chat.Event{Kind: chat.EventStart}) }
	text := func(e enc) error { return e.Event(chat.Event{Kind: chat.EventText, Text: "a"}) }
	raw := func(e enc) error { return e.Event(chat.Event{Kind: chat.EventText, Raw: []byte(`"a"`)}) }
	thought := func(e enc) error { return e.Event(chat.Event{Kind: chat.EventThought, Text: "hm"}) }
	call := func(e enc) error {
		return e.Event(chat.Event{Kind: chat.EventCall, Call: &chat.Call{Name: "f", Args: []byte(`{"q":"\\"}`)}})
	}
	nothing := func(e enc) error { return e.Event(chat.Event{Kind: chat.EventText, Raw: []byte(`""`)}) }
	noThought := func(e enc) error { return e.Event(chat.Event{Kind: chat.EventThought}) }
	finish := func(e enc) error {
		return e.Event(chat.Event{Kind: chat.EventFinish, Finish: chat.Finish{Stop: chat.StopEndTurn}})
	}
	pinged := func(e enc) error { return e.Ping() }
	fail := func(e enc) error { return e.Error(&chat.Error{Kind: chat.KindTimeout, Message: "late"}, "req_1") }

	tests := []struct {
		name  string
		steps []func(enc) error
		want  []string // one per Write
	}{
		{"whole", []func(enc) error{start, text, raw, finish}, []string{messageStart + ping, blockStart + deltaA, deltaA, blockStop + messageEnd}},
		{"start once", []func(enc) error{start, startEvent, start, text, startEvent, finish}, []string{messageStart + ping, blockStart + deltaA, blockStop + messageEnd}},
		{"text starts", []func(enc) error{text}, []string{messageStart + ping + blockStart + deltaA}},
		{"finish starts", []func(enc) error{finish}, []string{messageStart + ping + messageEnd}},
		{"pings only in between", []func(enc) error{pinged, start, pinged, text, pinged, finish, pinged}, []string{messageStart + ping, ping, blockStart + deltaA, ping, blockStop + messageEnd}},
		{"thought starts", []func(enc) error{thought, finish}, []string{messageStart + ping + thoughtStart + deltaHm, stopOf(0) + messageEnd}},
		{"kinds of block", []func(enc) error{start, thought, thought, text, text, call, call, text, finish}, []string{
			messageStart + ping, thoughtStart + deltaHm, deltaHm, stopOf(0) + at(1, blockStart+deltaA), at(1, deltaA),
			stopOf(1) + callBlock(2, "toolu_1_1"), callBlock(3, "toolu_1_2"), at(4, blockStart+deltaA), stopOf(4) + messageEnd,
		}},
		{"nothing to show", []func(enc) error{start, nothing, noThought, text, nothing, finish}, []string{messageStart + ping, blockStart + deltaA, blockStop + messageEnd}},
		{"error closes reasoning", []func(enc) error{thought, fail}, []string{messageStart + ping + thoughtStart + deltaHm, stopOf(0) + failure}},
		{"error after a call", []func(enc) error{call, fail, fail}, []string{messageStart + ping + callBlock(0, "toolu_1_1"), failure}},
		{"error first", []func(enc) error{fail, fail, pinged}, []string{failure}},
		{"error after start", []func(enc) error{start, fail}, []string{messageStart + ping, failure}},
		{"error closes the block", []func(enc) error{text, fail, fail}, []string{messageStart + ping + blockStart + deltaA, blockStop + failure}},
		{"error after the end", []func(enc) error{finish, fail, start, startEvent}, []string{messageStart + ping + messageEnd}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var writes []string
			e := anthropic.NewStreamEncoder(writerFunc(func(p []byte) (int, error) {
				writes = append(writes, string(p))
				return len(p), nil
			}), head)
			for i, step := range tt.steps {
				if err := step(e); err != nil {
					t.Errorf("step %d: %v", i, err)
				}
			}
			if diff := cmp.Diff(tt.want, writes); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestStreamEncoderRefusesEventsAfterTheEnd(t *testing.T) {
	for _, ev := range []chat.Event{{Kind: chat.EventText, Text: "a"}, {Kind: chat.EventFinish, Finish: chat.Finish{Stop: chat.StopEndTurn}}} {
		var out bytes.Buffer
		e := anthropic.NewStreamEncoder(&out, head)
		if err := e.Error(io.EOF, ""); err != nil {
			t.Fatal(err)
		}
		n := out.Len()
		if err := e.Event(ev); !errors.Is(err, anthropic.ErrStreamEnded) || out.Len() != n {
			t.Errorf("kind %d: error %v, wrote %q", ev.Kind, err, out.String()[n:])
		}
	}
}

func TestStreamEncoderUnfinishedFinishCanStillFail(t *testing.T) {
	var out bytes.Buffer
	e := anthropic.NewStreamEncoder(&out, head)
	err := e.Event(chat.Event{Kind: chat.EventFinish})
	if chat.AsError(err) == nil || chat.AsError(err).Kind != chat.KindEmpty || out.Len() != 0 {
		t.Fatalf("error %v, wrote %q", err, out.String())
	}
	if err = e.Error(err, ""); err != nil || !strings.HasPrefix(out.String(), "event: error\n") {
		t.Errorf("error %v, wrote %q", err, out.String())
	}
}

func TestStreamEncoderStates(t *testing.T) {
	type states struct{ started, committed, ended bool }
	e := anthropic.NewStreamEncoder(io.Discard, head)
	check := func(want states, err error) {
		t.Helper()
		if got := (states{e.Started(), e.Committed(), e.Ended()}); got != want || err != nil {
			t.Errorf("states %+v, error %v, want %+v", got, err, want)
		}
	}
	check(states{}, nil)
	check(states{}, e.Ping())
	check(states{started: true}, e.Event(chat.Event{Kind: chat.EventStart}))
	check(states{started: true}, e.Event(chat.Event{Kind: chat.EventText, Signature: &chat.Signature{Family: "f", Value: "x"}}))
	check(states{started: true, committed: true}, e.Event(chat.Event{Kind: chat.EventThought, Text: "hm"}))
	check(states{started: true, committed: true}, e.Event(chat.Event{Kind: chat.EventText, Text: "a"}))
	check(states{true, true, true}, e.Error(io.EOF, ""))
}

func TestStreamEncoderKeepsTheSinksError(t *testing.T) {
	boom := errors.New("boom")
	writes := 0
	e := anthropic.NewStreamEncoder(writerFunc(func([]byte) (int, error) { writes++; return 0, boom }), head)
	for range 2 {
		if err := e.Event(chat.Event{Kind: chat.EventText, Text: "a"}); !errors.Is(err, boom) {
			t.Errorf("error %v, want boom", err)
		}
	}
	if err := e.Error(io.EOF, ""); !errors.Is(err, boom) || writes != 1 {
		t.Errorf("error %v after %d writes, want boom after 1", err, writes)
	}
}

func TestStreamEncoderUsage(t *testing.T) {
	var out bytes.Buffer
	e := anthropic.NewStreamEncoder(&out, anthropic.Head{InputEstimate: 7, ContextManagement: true})
	for _, ev := range []chat.Event{
		{Kind: chat.EventStart, Usage: chat.Usage{Cached: 5}},
		{Kind: chat.EventFinish, Usage: chat.Usage{Input: 3, Cached: 5, Output: 2}, Finish: chat.Finish{Stop: chat.StopEndTurn}},
	} {
		if err := e.Event(ev); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		`"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":5,"output_tokens":0}`,
		`"usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":5,"output_tokens":2},"context_management":{"applied_edits":[]}`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s\nis not in\n%s", want, out.String())
		}
	}
}

func TestStreamEncoderAllocatesNothingPerDelta(t *testing.T) {
	e := anthropic.NewStreamEncoder(io.Discard, head)
	for name, ev := range map[string]chat.Event{
		"text":    {Kind: chat.EventText, Text: "Hello, \n日本 world"},
		"raw":     {Kind: chat.EventText, Raw: []byte(`"Hello, \n日本 world"`)},
		"thought": {Kind: chat.EventThought, Text: "Hm, \n日本 so"},
	} {
		if n := testing.AllocsPerRun(100, func() {
			if err := e.Event(ev); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations per delta, want 0", name, n)
		}
	}
}

package gemini_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/sse"
)

// Conversions from end to end are golden files, in refproxy/anthropic/testdata.

func user(texts ...string) chat.Turn {
	turn := chat.Turn{Role: chat.RoleUser}
	for _, s := range texts {
		turn.Parts = append(turn.Parts, chat.Text(s))
	}
	return turn
}

func TestEncodeCountTokens(t *testing.T) {
	temperature := 0.5
	tests := []struct {
		name string
		req  chat.Request
		want string
	}{
		{
			"contents alone",
			chat.Request{Model: "m", MaxTokens: 5, Temperature: &temperature, Turns: []chat.Turn{user("a")}},
			`{"contents":[{"role":"user","parts":[{"text":"a"}]}]}`,
		},
		{
			"the system instruction counts",
			chat.Request{Model: "m", System: []chat.Part{chat.Text("s")}, Turns: []chat.Turn{user("a")}},
			`{"generateContentRequest":{"model":"models/m","systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[{"text":"a"}]}]}}`,
		},
	}
	for _, tt := range tests {
		got, err := gemini.EncodeCountTokens(tt.req)
		if diff := cmp.Diff(tt.want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

func TestEncodeRequestRefuses(t *testing.T) {
	tests := map[string]chat.Request{
		"no turns":        {},
		"no parts":        {Turns: []chat.Turn{{Role: chat.RoleUser}}},
		"no role":         {Turns: []chat.Turn{{Parts: []chat.Part{chat.Text("a")}}}},
		"thought in turn": {Turns: []chat.Turn{{Role: chat.RoleModel, Parts: []chat.Part{{Kind: chat.PartThought, Text: "a"}}}}},
		"no kind":         {System: []chat.Part{{Text: "a"}}, Turns: []chat.Turn{user("a")}},
	}
	for name, req := range tests {
		for what, encode := range map[string]func(chat.Request) ([]byte, error){
			"request": gemini.EncodeRequest, "count": gemini.EncodeCountTokens,
		} {
			if _, err := encode(req); chat.AsError(err) == nil || chat.AsError(err).Kind != chat.KindInvalid {
				t.Errorf("%s, %s: error %v, want invalid", name, what, err)
			}
		}
	}
}

func TestEncodeRequestReplacesInvalidUTF8(t *testing.T) {
	got, err := gemini.EncodeRequest(chat.Request{Turns: []chat.Turn{user("a\xffb")}})
	if err != nil || !strings.Contains(string(got), "a\ufffdb") {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestDecodeCountTokens(t *testing.T) {
	if n, err := gemini.DecodeCountTokens([]byte(`{"totalTokens":31,"promptTokensDetails":[]}`)); n != 31 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	for _, body := range []string{"", "{}", "[]", `{"totalTokens":"x"}`, `{"totalTokens":-1}`} {
		if _, err := gemini.DecodeCountTokens([]byte(body)); chat.AsError(err) == nil || chat.AsError(err).Kind != chat.KindUpstream {
			t.Errorf("%q: error %v, want upstream", body, err)
		}
	}
}

func TestDecodeModels(t *testing.T) {
	got, next, err := gemini.DecodeModels([]byte(`{"models":[
		{"name":"models/gemini-x","displayName":"X","description":"d","inputTokenLimit":10,"outputTokenLimit":5,"supportedGenerationMethods":["generateContent","countTokens"]},
		{"name":"models/embed","supportedGenerationMethods":["embedContent"]},
		{"name":"bare"}],"nextPageToken":"n"}`))
	want := []chat.Model{{ID: "gemini-x", DisplayName: "X", Description: "d", InputLimit: 10, OutputLimit: 5}, {ID: "bare"}}
	if diff := cmp.Diff(want, got); diff != "" || next != "n" || err != nil {
		t.Errorf("next %q, error %v (-want +got):\n%s", next, err, diff)
	}
	if _, _, err := gemini.DecodeModels([]byte("<html>")); chat.AsError(err).Kind != chat.KindUpstream {
		t.Errorf("error %v, want upstream", err)
	}
}

// trace is a stream in words, with how it ended.
func trace(events iter.Seq2[chat.Event, error]) []string {
	var out []string
	for ev, err := range events {
		if err != nil {
			return append(out, fmt.Sprintf("error %v usage %v", err, ev.Usage))
		}
		text := ev.Text
		if ev.Raw != nil {
			text = "raw " + string(ev.Raw)
		}
		if ev.Call != nil {
			text = fmt.Sprintf("%s %s %s", ev.Call.ID, ev.Call.Name, ev.Call.Args)
		}
		if ev.Signature != nil {
			text += " signed " + ev.Signature.Family + " " + ev.Signature.Value
		}
		out = append(out, fmt.Sprintf("%d %s%s%s %v %v", ev.Kind, ev.ID, ev.Model, text, ev.Usage, ev.Finish))
	}
	return out
}

const (
	first = `data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":3},"modelVersion":"m","responseId":"r"}` + "\n\n"
	more  = `data: {"candidates":[{"content":{"parts":[{"text":"b"}]}}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2}}` + "\n\n"
	last  = `data: {"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4}}` + "\n\n"
)

func TestStreamEvents(t *testing.T) {
	canonical := []string{
		"1 rm {3 0 0 0} {0  }",
		"2 a {3 0 0 0} {0  }",
		"2 b {3 0 2 0} {0  }",
		"5  {3 0 4 0} {1 STOP }",
	}
	if diff := cmp.Diff(canonical, trace(gemini.DecodeStream(strings.NewReader(first+more+last)))); diff != "" {
		t.Errorf("canonical (-want +got):\n%s", diff)
	}
	fast := append([]string(nil), canonical...)
	fast[2] = `2 raw "b" {3 0 2 0} {0  }`
	if diff := cmp.Diff(fast, trace(gemini.FastStream(strings.NewReader(first+more+last)))); diff != "" {
		t.Errorf("fast (-want +got):\n%s", diff)
	}
}

func TestStreamSourceErrors(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want chat.ErrorKind
	}{
		{"reset", io.ErrUnexpectedEOF, chat.KindNetwork},
		{"canceled", fmt.Errorf("read: %w", context.Canceled), chat.KindCanceled},
		{"deadline", fmt.Errorf("read: %w", context.DeadlineExceeded), chat.KindTimeout},
		{"the relay's own", &chat.Error{Kind: chat.KindTimeout, Message: "idle"}, chat.KindTimeout},
	}
	for _, tt := range tests {
		for _, begin := range []string{"", first, first + last, "[" + `{"candidates":[]}`} {
			src := io.MultiReader(strings.NewReader(begin), iotest.ErrReader(tt.err))
			_, err := chat.Collect(gemini.DecodeStream(src))
			if got := chat.AsError(err); got == nil || got.Kind != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%s after %q: error %v, want %v", tt.name, begin, err, tt.want)
			}
		}
	}
}

func TestStreamErrorTellsUsage(t *testing.T) {
	got := trace(gemini.DecodeStream(strings.NewReader(first + more)))
	if want := "usage {3 0 2 0}"; !strings.HasSuffix(got[len(got)-1], want) {
		t.Errorf("the cut ends with %q, want %q", got[len(got)-1], want)
	}
}

// idle never says anything.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestStreamIdleSource(t *testing.T) {
	if _, err := chat.Collect(gemini.DecodeStream(idle{})); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error %v, want no progress", err)
	}
}

// zeros is a stream without end or line end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestStreamTooLarge(t *testing.T) {
	for _, begin := range []string{"data: ", "["} {
		_, err := chat.Collect(gemini.DecodeStream(io.MultiReader(strings.NewReader(begin), zeros{})))
		if _, ok := errors.AsType[*sse.TooLargeError](err); !ok || chat.AsError(err).Kind != chat.KindUpstream {
			t.Errorf("%q: error %v, want too large", begin, err)
		}
	}
}

func TestStreamLargeEvent(t *testing.T) {
	big := strings.Repeat("x", 8<<20)
	body := strings.Replace(first, `"a"`, `"`+big+`"`, 1) + last
	for name, decode := range ways {
		resp, err := chat.Collect(decode(strings.NewReader(body)))
		if err != nil || len(resp.Parts) != 1 || resp.Parts[0].Text != big {
			t.Errorf("%s: %d parts, error %v", name, len(resp.Parts), err)
		}
	}
}

var ways = map[string]func(io.Reader) iter.Seq2[chat.Event, error]{
	"canonical": gemini.DecodeStream, "fast": gemini.FastStream,
}

func TestStreamStopsWhenAsked(t *testing.T) {
	for name, decode := range ways {
		for stop := range 4 {
			n := 0
			for range decode(strings.NewReader(first + more + last)) {
				if n == stop {
					break
				}
				n++
			}
			if n != stop {
				t.Errorf("%s: %d events before the break, want %d", name, n, stop)
			}
		}
	}
}

// TestFastStreamTakesWhatUpstreamsSend keeps the short way from quietly
// becoming the long one: these chunks must come through raw.
func TestFastStreamTakesWhatUpstreamsSend(t *testing.T) {
	tests := map[string]string{
		"plain":      `{"candidates":[{"content":{"parts":[{"text":"b"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5},"modelVersion":"m","responseId":"r"}`,
		"spaced":     "{ \"candidates\" : [ {\t\"content\": {\"parts\": [ {\"text\": \"b\"} ] } } ] }",
		"details":    `{"candidates":[{"content":{"parts":[{"text":"b"}],"role":"model"},"finishReason":"STOP","avgLogprobs":-0.25e-1,"safetyRatings":[{"category":"C","probability":"LOW","blocked":false}]}],"usageMetadata":{"promptTokenCount":0,"promptTokensDetails":[{"modality":"TEXT","tokenCount":1}],"trafficType":"X"},"createTime":"2026-01-01T00:00:00Z"}`,
		"escapes":    `{"candidates":[{"content":{"parts":[{"text":"\n\t\"\\\b\f\r\u0001\u001f"}]}}]}`,
		"unicode":    `{"candidates":[{"content":{"parts":[{"text":"日本 👩‍👩‍👧 é` + "\u2028\ufffd" + `"}]}}]}`,
		"two parts":  `{"candidates":[{"content":{"parts":[{"text":"b"},{"text":""},{"text":"c"}]}}]}`,
		"usage only": `{"usageMetadata":{"promptTokenCount":3}}`,
	}
	for name, chunk := range tests {
		var seen []string
		for ev, err := range gemini.FastStream(strings.NewReader(first + "data: " + chunk + "\n\n" + last)) {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if ev.Kind == chat.EventText && ev.Raw == nil {
				seen = append(seen, ev.Text)
			}
		}
		if diff := cmp.Diff([]string{"a"}, seen); diff != "" {
			t.Errorf("%s: decoded texts (-want +got):\n%s", name, diff)
		}
	}
}

// TestFastStreamLeavesTheRest shows chunks that must go the long way.
func TestFastStreamLeavesTheRest(t *testing.T) {
	tests := map[string]string{
		"lone surrogate": `{"candidates":[{"content":{"parts":[{"text":"\ud83d"}]}}]}`,
		"pair":           `{"candidates":[{"content":{"parts":[{"text":"\ud83d\ude00"}]}}]}`,
		"html escape":    `{"candidates":[{"content":{"parts":[{"text":"\u003c"}]}}]}`,
		"slash":          `{"candidates":[{"content":{"parts":[{"text":"\/"}]}}]}`,
		"upper case":     `{"candidates":[{"content":{"parts":[{"text":"\u001F"}]}}]}`,
		"long form":      `{"candidates":[{"content":{"parts":[{"text":"\u000a"}]}}]}`,
		"invalid utf-8":  `{"candidates":[{"content":{"parts":[{"text":"` + "\xff" + `"}]}}]}`,
		"signature":      `{"candidates":[{"content":{"parts":[{"text":"b","thoughtSignature":"c2ln"}]}}]}`,
		"message":        `{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishMessage":"x"}]}`,
	}
	for name, chunk := range tests {
		for ev, err := range gemini.FastStream(strings.NewReader(first + "data: " + chunk + "\n\n" + last)) {
			if err != nil || ev.Raw != nil {
				t.Errorf("%s: came as %s, error %v", name, ev.Raw, err)
			}
		}
	}
}

// flow serves a stream of n equal chunks after the first.
func flow(chunk string, n int) io.Reader {
	return io.MultiReader(strings.NewReader(first), strings.NewReader(strings.Repeat(chunk, n)), strings.NewReader(last))
}

// allocsPerChunk is the slope, so that what a stream costs once does not count.
func allocsPerChunk(decode func(io.Reader) iter.Seq2[chat.Event, error]) float64 {
	run := func(n int) float64 {
		return testing.AllocsPerRun(20, func() {
			for range decode(flow(chunk, n)) {
			}
		})
	}
	return (run(1100) - run(100)) / 1000
}

const chunk = `data: {"candidates":[{"content":{"parts":[{"text":"Hello, world."}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5},"modelVersion":"gemini-x","responseId":"r1"}` + "\n\n"

func TestStreamAllocationBudget(t *testing.T) {
	if n := allocsPerChunk(gemini.FastStream); n > 0.05 {
		t.Errorf("fast: %.2f allocations per chunk, want none", n)
	}
	if n := allocsPerChunk(gemini.DecodeStream); n > 8 {
		t.Errorf("canonical: %.2f allocations per chunk, want at most 8", n)
	}
}

// TestUnsigned: what is sent after a signature was refused has the literal where
// a signature must stand, and no signature.
func TestUnsigned(t *testing.T) {
	signed := &chat.Signature{Family: "gemini-3", Value: "c2lnbmF0dXJl"}
	req := chat.Request{Model: "gemini-3-pro-preview", Turns: []chat.Turn{
		{Role: chat.RoleUser, Parts: []chat.Part{chat.Text("go")}},
		{Role: chat.RoleModel, Parts: []chat.Part{
			{Kind: chat.PartThought, Text: "hm", Signature: signed},
			{Kind: chat.PartCall, Call: &chat.Call{ID: "1", Name: "f"}, Signature: signed},
		}},
		{Role: chat.RoleUser, Parts: []chat.Part{{Kind: chat.PartResult, Result: &chat.Result{ID: "1", Name: "f", Parts: []chat.Part{chat.Text("ok")}}}}},
	}}
	for _, c := range []struct {
		req                chat.Request
		signature, literal bool
	}{{req, true, false}, {req.Unsigned(), false, true}, {req, true, false}} {
		body, err := gemini.EncodeRequest(c.req)
		if err != nil || strings.Contains(string(body), signed.Value) != c.signature || strings.Contains(string(body), "skip_thought_signature_validator") != c.literal {
			t.Errorf("want a signature %t, the literal %t: %s, %v", c.signature, c.literal, body, err)
		}
	}
}

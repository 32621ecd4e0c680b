package gemini_test

import (
	"bytes"
	"encoding/json"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
)

// pieces serves data in reads of random sizes.
type pieces struct {
	data []byte
	rng  *rand.Rand
}

func newPieces(data []byte, seed uint64) *pieces {
	return &pieces{data, rand.New(rand.NewPCG(seed, 0))}
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 1+p.rng.IntN(64))], p.data)
	p.data = p.data[n:]
	return n, nil
}

// FuzzDecodeStream holds, for both ways: no panic; the shape that package chat
// promises; usage that is never negative; and splitting the bytes anywhere
// changes neither the events nor the end. That both ways give the same bytes is
// FuzzStreams in refproxy/anthropic.
func FuzzDecodeStream(f *testing.F) {
	for _, s := range []string{
		first + more + last,
		strings.ReplaceAll(first+last, "\n", "\r\n"),
		first + `data: {"usageMetadata":{"totalTokenCount":9223372036854775807,"thoughtsTokenCount":-5}}` + "\n\n" + last,
		first + `data: {"error":{"code":429,"message":"x","details":[{"@type":"x.RetryInfo","retryDelay":"9s"}]}}`,
		"[" + `{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]},{}]`,
		`{"promptFeedback":{"blockReason":"SAFETY"}}`, "[]", "[", "data: null\n\n", "data:\n\n", "",
		`data: {"candidates":[{"content":{"parts":[{"text":"x","thought":true},{"functionCall":{}}]}}]}`,
		`data: {"candidates":[{"content":{"parts":[{"text":"","thought":true,"thoughtSignature":"QQ=="},{"functionCall":{"name":"f","args":{"a":"\ud83d"}},"thoughtSignature":"Qg=="},{"text":"b"}]},"finishReason":"STOP"}],"modelVersion":"gemini-3-pro"}`,
		`data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","partialArgs":[{"jsonPath":"$.a[1].b","stringValue":"x"},{"jsonPath":"$['c']","numberValue":1}],"willContinue":true}},{"functionCall":{"partialArgs":[{"jsonPath":"$.a[1].b","stringValue":"y"}]}}]},"finishReason":"STOP"}]}`,
	} {
		f.Add([]byte(s), uint64(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		for name, decode := range ways {
			whole := trace(checked(t, decode(bytes.NewReader(in))))
			split := trace(checked(t, decode(newPieces(in, seed))))
			if diff := cmp.Diff(whole, split); diff != "" {
				t.Errorf("%s: splitting changes the stream:\n%s", name, diff)
			}
		}
	})
}

// checked passes events on and holds them to the shape of a stream.
func checked(t *testing.T, events iter.Seq2[chat.Event, error]) iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		n, over := 0, false
		for ev, err := range events {
			if over {
				t.Error("something after the end")
			}
			over = err != nil || ev.Kind == chat.EventFinish
			checkEvent(t, n, ev, err)
			n++
			if !yield(ev, err) {
				return
			}
		}
		if !over {
			t.Error("a stream without an end")
		}
	}
}

func checkEvent(t *testing.T, n int, ev chat.Event, err error) {
	if u := ev.Usage; u.Input < 0 || u.Cached < 0 || u.Thinking < 0 || u.Output < u.Thinking {
		t.Errorf("usage %+v", u)
	}
	if err != nil {
		if e, ok := err.(*chat.Error); !ok || e.Message == "" {
			t.Errorf("error %#v", err)
		}
		return
	}
	if (n == 0) != (ev.Kind == chat.EventStart) {
		t.Errorf("event %d is of kind %d", n, ev.Kind)
	}
	switch ev.Kind {
	case chat.EventText, chat.EventThought:
		if ev.Raw == nil && (ev.Text == "" && ev.Signature == nil || !utf8.ValidString(ev.Text)) {
			t.Errorf("text %q", ev.Text)
		}
	case chat.EventCall:
		if args := ev.Call.Args; ev.Call.Name == "" || args != nil && (args[0] != '{' || !json.Valid(args) || !utf8.Valid(args)) {
			t.Errorf("call %s %s", ev.Call.Name, args)
		}
	case chat.EventFinish:
		if ev.Finish.Stop == 0 {
			t.Error("finish without a reason")
		}
	}
}

// FuzzDecodeError holds: no panic; a kind that is a failure; a message fit to
// show; a wait within bounds; details that are JSON.
func FuzzDecodeError(f *testing.F) {
	for _, s := range []string{
		"", "[]", "[{}]", "<html>", `{"error":"x"}`, `{"error":null}`, `[{"error":{"code":429,"message":"retry in 5s."}}]`,
		`{"error":{"message":"` + strings.Repeat("é", 1500) + `"}}`,
		`{"error":{"details":[{"@type":"ErrorInfo"},{"@type":"g.ErrorInfo","reason":"VALIDATION_REQUIRED","metadata":{"validation_url":"u"}}]}}`,
		`{"error":{"message":"\ud83d limit: 0"}}`,
		`{"error":{"details":[{"@type":"g.RetryInfo","retryDelay":"99999h"}]}}`,
	} {
		for _, status := range []int{400, 403, 429, 503} {
			f.Add(status, "1", []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, status int, retryAfter string, body []byte) {
		e := gemini.DecodeError(status, http.Header{"Retry-After": {retryAfter}, "Date": {retryAfter}}, body)
		if e.Kind == chat.KindInternal || e.Kind == chat.KindAuthentication {
			t.Errorf("kind %v blames the proxy or the caller's key", e.Kind)
		}
		if e.Message == "" || !utf8.ValidString(e.Message) || len(e.Message) > 2100 {
			t.Errorf("message %q", e.Message)
		}
		if e.RetryAfter < 0 || e.RetryAfter > 24*time.Hour {
			t.Errorf("wait %v", e.RetryAfter)
		}
		if e.Status != status {
			t.Errorf("status %d became %d", status, e.Status)
		}
	})
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte(`{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}`))
	f.Add([]byte(`{"totalTokens":5,"models":[{"name":"models/x"}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		resp, err := gemini.DecodeResponse(in)
		if (err == nil) != (resp.Finish.Stop != 0) {
			t.Errorf("error %v with finish %v", err, resp.Finish)
		}
		if n, err := gemini.DecodeCountTokens(in); n < 0 || err != nil && n != 0 {
			t.Errorf("count %d, %v", n, err)
		}
		if models, _, err := gemini.DecodeModels(in); err != nil && models != nil {
			t.Errorf("models %v, %v", models, err)
		}
	})
}

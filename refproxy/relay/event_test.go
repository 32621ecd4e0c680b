package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/anthropic"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

// sink is a caller that takes everything.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) FlushError() error           { return nil }

// canned answers every stream with the same bytes.
type canned struct{ body []byte }

func (c canned) Begin(context.Context, chat.Request) relay.Asking { return c }
func (canned) Again(_ context.Context, err error) error           { return err }
func (canned) End(error, time.Duration)                           {}
func (canned) Attempts() []relay.Attempt                          { return nil }

func (c canned) Generate(context.Context) (chat.Response, error) {
	return chat.Response{}, nil
}

func (c canned) Stream(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(c.body)), nil
}

// dripping is canned whose body comes event by event.
type dripping struct{ canned }

func (d dripping) Begin(context.Context, chat.Request) relay.Asking { return d }

func (d dripping) Stream(context.Context) (io.ReadCloser, error) { return &piecemeal{d.body}, nil }

type piecemeal struct{ rest []byte }

func (p *piecemeal) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := len(p.rest)
	if end := bytes.Index(p.rest, []byte("\r\n\r\n")); end >= 0 {
		n = end + 4
	}
	n = copy(b, p.rest[:n])
	p.rest = p.rest[n:]
	return n, nil
}

func (*piecemeal) Close() error { return nil }

// silent is an encoder that costs nothing, to see what the relay itself costs.
type silent struct{ lines }

func (silent) Request(body []byte) (chat.Request, relay.Reply, error) {
	req, _, err := lines{}.Request(body)
	return req, silent{}, err
}

func (silent) Encoder(io.Writer, relay.Head) relay.Encoder { return new(silentEncoder) }

type silentEncoder struct{ ended bool }

func (*silentEncoder) Start(chat.Usage) error { return nil }
func (e *silentEncoder) Event(ev chat.Event) error {
	e.ended = e.ended || ev.Kind == chat.EventFinish
	return nil
}
func (*silentEncoder) Ping() error               { return nil }
func (*silentEncoder) Error(error, string) error { return nil }
func (e *silentEncoder) Ended() bool             { return e.ended }

// TestNoAllocationPerEvent: what the relay allocates does not grow with the
// number of events, but for a trace, whose two lists double a few times.
func TestNoAllocationPerEvent(t *testing.T) {
	allocations := func(events int, traced bool) float64 {
		decode := func(io.Reader) iter.Seq2[chat.Event, error] {
			return func(yield func(chat.Event, error) bool) {
				yield(chat.Event{Kind: chat.EventStart}, nil)
				for range events {
					if !yield(chat.Event{Kind: chat.EventText, Text: "x"}, nil) {
						return
					}
				}
				yield(chat.Event{Kind: chat.EventFinish}, nil)
			}
		}
		r, err := relay.New(relay.Config{
			Upstream: canned{}, Dialect: silent{}, Resolve: resolve,
			Decoder: func(context.Context, chat.Request) relay.Decode { return decode }, Traced: traced,
			Stopwatch: func(context.Context) *relay.Stopwatch { return new(relay.Stopwatch) },
		})
		if err != nil {
			t.Fatal(err)
		}
		hr := httptest.NewRequest("POST", "/", nil)
		return testing.AllocsPerRun(20, func() {
			if o := r.Serve(&sink{http.Header{}}, hr, []byte("stream m"), "req_1"); o.Err != nil || o.Events != events+2 {
				t.Fatalf("%+v", o)
			}
		})
	}
	for traced, most := range map[bool]float64{
		false: 2, // of the runtime's own, such as a timer's bucket
		true:  2 + 2*4,
	} {
		few, many := allocations(10, traced), allocations(1010, traced)
		if many-few > most {
			t.Errorf("traced %t: %v allocations for 10 events, %v for 1010", traced, few, many)
		}
	}
}

// claude is the real caller's dialect.
type claude struct{ lines }

func (claude) Request(body []byte) (chat.Request, relay.Reply, error) {
	req, err := anthropic.DecodeRequest(body)
	return req, claude{}, err
}

func (claude) Encoder(w io.Writer, h relay.Head) relay.Encoder {
	return anthropic.NewStreamEncoder(w, anthropic.Head(h))
}

// BenchmarkStream carries answers of 200 events, each read by itself, through the
// real codecs, by the canonical and by the fast way, the latter also with a trace
// and without a stopwatch, and reports the cost of one event.
func BenchmarkStream(b *testing.B) {
	const events = 200
	var body bytes.Buffer
	for i := range events {
		finish := ""
		if i == events-1 {
			finish = `"finishReason":"STOP",`
		}
		fmt.Fprintf(&body, `data: {"candidates":[{"content":{"parts":[{"text":"some words, as they come %d "}],"role":"model"},%s"index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":%d,"totalTokenCount":%d},"modelVersion":"gemini-2.5-flash","responseId":"r"}`+"\r\n\r\n", i, finish, i, i+9)
	}
	ask := []byte(`{"model":"m","max_tokens":1000,"stream":true,"messages":[{"role":"user","content":"hello"}]}`)
	for _, way := range []struct {
		name   string
		decode relay.Decode
		traced bool
		work   *relay.Stopwatch
	}{
		{"canonical", gemini.DecodeStream, false, new(relay.Stopwatch)},
		{"fast", gemini.FastStream, false, new(relay.Stopwatch)},
		{"fast-traced", gemini.FastStream, true, new(relay.Stopwatch)},
		{"fast-unwatched", gemini.FastStream, false, nil},
	} {
		b.Run(way.name, func(b *testing.B) {
			r, err := relay.New(relay.Config{
				Upstream: dripping{canned{body.Bytes()}}, Dialect: claude{}, Resolve: resolve,
				Decoder: func(context.Context, chat.Request) relay.Decode { return way.decode }, Traced: way.traced,
				Stopwatch: func(context.Context) *relay.Stopwatch { return way.work },
			})
			if err != nil {
				b.Fatal(err)
			}
			hr := httptest.NewRequest("POST", "/", nil)
			b.ReportAllocs()
			b.SetBytes(int64(body.Len()))
			for b.Loop() {
				if o := r.Serve(&sink{http.Header{}}, hr, ask, "req_1"); o.Err != nil {
					b.Fatal(o.Err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
		})
	}
}

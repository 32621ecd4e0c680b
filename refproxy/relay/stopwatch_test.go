package relay_test

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

// What takes time in TestStopwatch: the codecs, which convert, and everybody else,
// who has to be waited for.
const (
	reading  = 1 * time.Second // a request, or an event of the upstream's
	writing  = 3 * time.Second // an event, or an answer, for the caller
	upstream = 10 * time.Second
	caller   = 20 * time.Second
)

// slow is a dialect that takes its time.
type slow struct{ lines }

func (slow) Request(body []byte) (chat.Request, relay.Reply, error) {
	time.Sleep(reading)
	req, _, err := lines{}.Request(body)
	return req, slow{}, err
}

func (slow) Response(h relay.Head, r chat.Response) ([]byte, error) {
	time.Sleep(writing)
	return lines{}.Response(h, r)
}

func (slow) Encoder(w io.Writer, h relay.Head) relay.Encoder {
	return slowEncoder{&encoder{w: w, h: h}}
}

type slowEncoder struct{ *encoder }

func (e slowEncoder) Event(ev chat.Event) error {
	time.Sleep(writing)
	return e.encoder.Event(ev)
}

// lagging is an upstream that lets everybody wait, for each byte of an answer too:
// one is an event.
type lagging struct{ events string }

func (l *lagging) Begin(context.Context, chat.Request) relay.Asking { return l }
func (*lagging) Again(_ context.Context, err error) error           { return err }
func (*lagging) End(error, time.Duration)                           { time.Sleep(upstream) }
func (*lagging) Attempts() []relay.Attempt                          { return nil }
func (*lagging) Close() error                                       { time.Sleep(upstream); return nil }

func (*lagging) Generate(context.Context) (chat.Response, error) {
	time.Sleep(upstream)
	return chat.Response{Parts: []chat.Part{chat.Text("answer")}}, nil
}

func (l *lagging) Stream(context.Context) (io.ReadCloser, error) {
	time.Sleep(upstream)
	return l, nil
}

func (l *lagging) Read(p []byte) (int, error) {
	time.Sleep(upstream)
	if l.events == "" {
		return 0, io.EOF
	}
	n := copy(p[:1], l.events)
	l.events = l.events[n:]
	return n, nil
}

// decodeBytes returns how a stream of lagging's is read, each event for so long.
func decodeBytes(each time.Duration) relay.Decode {
	return func(r io.Reader) iter.Seq2[chat.Event, error] {
		return func(yield func(chat.Event, error) bool) { eachByte(r, each, yield) }
	}
}

func eachByte(r io.Reader, each time.Duration, yield func(chat.Event, error) bool) {
	for one := make([]byte, 1); ; {
		if _, err := r.Read(one); err != nil {
			return
		}
		time.Sleep(each)
		ev := chat.Event{Kind: chat.EventText, Text: string(one)}
		switch one[0] {
		case 's':
			ev = chat.Event{Kind: chat.EventStart}
		case 'f':
			ev = chat.Event{Kind: chat.EventFinish}
		}
		if !yield(ev, nil) {
			return
		}
	}
}

// sluggish is a caller that takes its time over every byte.
type sluggish struct{ *httptest.ResponseRecorder }

func (s sluggish) Write(b []byte) (int, error) {
	time.Sleep(caller)
	return s.ResponseRecorder.Write(b)
}

func (s sluggish) FlushError() error {
	time.Sleep(caller)
	return nil
}

// TestStopwatch: what counts is the time in the codecs alone, to the nanosecond of
// a clock that stands still while nobody sleeps.
func TestStopwatch(t *testing.T) {
	for _, tt := range []struct {
		name, ask, events string
		status            int
		want              time.Duration
	}{
		{"a stream", "stream m", "sabf", 200, reading + 4*reading + 4*writing},
		{"a stream that is cut", "stream m", "sa", 200, reading + 2*reading + 2*writing},
		{"a whole answer", "whole m", "", 200, reading + writing},
		{"no model of ours", "whole none", "", 404, reading},
		{"no request", "nonsense", "", 400, reading},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var work relay.Stopwatch
				r, err := relay.New(relay.Config{
					Upstream: &lagging{tt.events}, Dialect: slow{},
					Decoder: func(context.Context, chat.Request) relay.Decode { return decodeBytes(reading) },
					Resolve: func(ctx context.Context, req chat.Request) (chat.Request, error) {
						time.Sleep(upstream)
						return resolve(ctx, req)
					},
					Stopwatch: func(context.Context) *relay.Stopwatch { return &work },
					Hold:      time.Hour, // a ping would hold a lock, which stops a bubble's clock
				})
				if err != nil {
					t.Fatal(err)
				}
				w := sluggish{httptest.NewRecorder()}
				o := r.Serve(w, httptest.NewRequest(http.MethodPost, "/", nil), []byte(tt.ask), "req_1")
				if o.Status != tt.status || work.Total() != tt.want || work.Stop() {
					t.Errorf("status %d, %v, want %v, and the stopwatch to stand: %v\n%s", o.Status, work.Total(), tt.want, o.Err, w.Body)
				}
			})
		})
	}
}

// stuck is a caller who takes a ping only after a while, and tells when it comes.
type stuck struct {
	*httptest.ResponseRecorder
	once   *sync.Once
	pinged chan struct{}
	takes  time.Duration
}

func (s stuck) Write(b []byte) (int, error) {
	if string(b) == "ping\n" {
		s.once.Do(func() { close(s.pinged) })
		time.Sleep(s.takes)
	}
	return s.ResponseRecorder.Write(b)
}

// awaited is an upstream whose second event comes while a ping is being written.
type awaited struct {
	lagging
	pinged chan struct{}
}

func (a *awaited) Begin(context.Context, chat.Request) relay.Asking { return a }
func (a *awaited) Stream(context.Context) (io.ReadCloser, error)    { return a, nil }
func (*awaited) End(error, time.Duration)                           {}
func (*awaited) Close() error                                       { return nil }

func (a *awaited) Read(p []byte) (int, error) {
	if a.events == "bf" {
		<-a.pinged
	}
	if a.events == "" {
		return 0, io.EOF
	}
	n := copy(p[:1], a.events)
	a.events = a.events[n:]
	return n, nil
}

// TestStopwatchStandsForALock: an event that has to wait until a ping is written
// is not being converted. A bubble's clock stands while a lock is awaited, so the
// time here is real; what it is compared with is a hundred times what it takes.
func TestStopwatchStandsForALock(t *testing.T) {
	const takes = 500 * time.Millisecond
	var work relay.Stopwatch
	pinged := make(chan struct{})
	r, err := relay.New(relay.Config{
		Upstream: &awaited{lagging{"sabf"}, pinged}, Dialect: lines{}, Resolve: resolve,
		Decoder:   func(context.Context, chat.Request) relay.Decode { return decodeBytes(0) },
		Stopwatch: func(context.Context) *relay.Stopwatch { return &work },
		Hold:      time.Millisecond,
		Ping:      50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	w := stuck{httptest.NewRecorder(), new(sync.Once), pinged, takes}
	o := r.Serve(w, httptest.NewRequest(http.MethodPost, "/", nil), []byte("stream m"), "req_1")
	if o.Err != nil || work.Total() <= 0 || work.Total() >= takes/2 {
		t.Errorf("%v: converted for %v while a lock was awaited for %v\n%s", o.Err, work.Total(), takes, w.Body)
	}
}

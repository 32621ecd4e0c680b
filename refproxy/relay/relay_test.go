package relay_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

// The tests speak a dialect of plain lines, one per event, so that they show
// when the relay writes what, and nothing of any codec.

// lines is the caller's dialect.
type lines struct{}

func (lines) Request(body []byte) (chat.Request, relay.Reply, error) {
	how, model, _ := strings.Cut(string(body), " ")
	var req chat.Request
	how, req.Choice.Single = strings.CutSuffix(how, "-single")
	if how != "stream" && how != "whole" {
		return req, nil, chat.Invalid("model", "say stream or whole")
	}
	req.Model, req.Stream = model, how == "stream"
	return req, lines{}, nil
}

func (lines) Response(h relay.Head, r chat.Response) ([]byte, error) {
	out := []string{r.Parts[0].Text}
	for _, p := range r.Parts[1:] {
		out = append(out, "call "+p.Call.Name)
	}
	return []byte(h.Model + ": " + strings.Join(out, ", ")), nil
}

func (lines) Error(err error, id string) (int, http.Header, []byte) {
	e := chat.AsError(err)
	return e.Kind.Status(), http.Header{"Request-Id": {id}}, []byte(e.Kind.String() + ": " + e.Message)
}

func (lines) Encoder(w io.Writer, h relay.Head) relay.Encoder { return &encoder{w: w, h: h} }

type encoder struct {
	w              io.Writer
	h              relay.Head
	started, ended bool
}

func (e *encoder) put(format string, args ...any) error {
	_, err := fmt.Fprintf(e.w, format+"\n", args...)
	return err
}

func (e *encoder) Start(u chat.Usage) error {
	if e.started {
		return nil
	}
	e.started = true
	return e.put("start %s %d", e.h.Model, u.Input)
}

func (e *encoder) Event(ev chat.Event) error {
	switch ev.Kind {
	case chat.EventStart:
		return e.Start(ev.Usage)
	case chat.EventFinish:
		e.ended = true
		return e.put("finish")
	}
	if ev.Call != nil {
		return e.put("call %s", ev.Call.Name)
	}
	if ev.Kind == chat.EventThought {
		return e.put("thought %s", ev.Text)
	}
	if ev.Text == "panic" {
		panic("encoder")
	}
	return e.put("text %s", ev.Text)
}

func (e *encoder) Ping() error { return e.put("ping") }

func (e *encoder) Error(err error, id string) error {
	e.ended = true
	return e.put("error %s", chat.AsError(err).Kind)
}

func (e *encoder) Ended() bool { return e.ended }

// decode is the upstream's dialect: lines again.
func decode(r io.Reader) iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		s := bufio.NewScanner(r)
		for s.Scan() {
			ev := chat.Event{Kind: chat.EventText, Text: s.Text()}
			if name, ok := strings.CutPrefix(ev.Text, "call "); ok {
				ev = chat.Event{Kind: chat.EventCall, Call: &chat.Call{Name: name}}
			}
			if thought, ok := strings.CutPrefix(ev.Text, "think "); ok {
				ev = chat.Event{Kind: chat.EventThought, Text: thought}
			}
			switch ev.Text {
			case "start":
				ev = chat.Event{Kind: chat.EventStart, Usage: chat.Usage{Input: 7}}
			case "finish":
				ev = chat.Event{Kind: chat.EventFinish}
			case "bad":
				yield(chat.Event{}, &chat.Error{Kind: chat.KindUpstream, Message: "bad event"})
				return
			}
			if !yield(ev, nil) {
				return
			}
		}
		if err := s.Err(); err != nil {
			yield(chat.Event{}, &chat.Error{Kind: chat.KindNetwork, Message: "cut", Cause: err})
		}
	}
}

// script is an upstream that plays steps: a duration is a pause, a string is
// written, an error fails the request.
type script struct {
	steps []any
	calls bool // a whole answer has three
	mu    sync.Mutex
	ended error // why the upstream stream's context ended
	model string
}

func (s *script) Begin(_ context.Context, req chat.Request) relay.Asking {
	s.model = req.Model
	return s
}

func (*script) Again(_ context.Context, err error) error { return err }
func (*script) End(error, time.Duration)                 {}
func (*script) Attempts() []relay.Attempt                { return nil }

func (s *script) Generate(ctx context.Context) (chat.Response, error) {
	for _, step := range s.steps {
		switch step := step.(type) {
		case time.Duration:
			if err := pause(ctx, step); err != nil {
				return chat.Response{}, err
			}
		case error:
			return chat.Response{}, step
		}
	}
	parts := []chat.Part{chat.Text("answer")}
	for _, name := range []string{"f", "g", "h"} {
		parts = append(parts, chat.Part{Kind: chat.PartCall, Call: &chat.Call{Name: name}})
	}
	if !s.calls {
		parts = parts[:1]
	}
	return chat.Response{Parts: parts, Others: []chat.Candidate{{Parts: slices.Clone(parts)}}}, nil
}

func (s *script) Stream(ctx context.Context) (io.ReadCloser, error) {
	steps := s.steps
	for len(steps) > 0 { // what comes before the first line delays the head
		d, isPause := steps[0].(time.Duration)
		if err, ok := steps[0].(error); ok {
			return nil, err
		}
		if !isPause {
			break
		}
		if err := pause(ctx, d); err != nil {
			s.note(ctx)
			return nil, err
		}
		steps = steps[1:]
	}
	r, w := io.Pipe()
	go s.play(ctx, w, steps)
	return r, nil
}

func (s *script) play(ctx context.Context, w *io.PipeWriter, steps []any) {
	defer s.note(ctx)
	for _, step := range steps {
		switch step := step.(type) {
		case time.Duration:
			if err := pause(ctx, step); err != nil {
				w.CloseWithError(err)
				return
			}
		case string:
			_, _ = io.WriteString(w, step+"\n")
		case error:
			w.CloseWithError(step)
			return
		}
	}
	_ = w.Close()
}

func (s *script) note(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = context.Cause(ctx)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pipes is a listener whose connections are net.Pipes, which a bubble's clock
// understands.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	p.conns <- far
	return near, nil
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

// resolve is the relay's view of models: one is unknown.
func resolve(_ context.Context, req chat.Request) (chat.Request, error) {
	if req.Model == "none" {
		return req, &chat.Error{Kind: chat.KindNotFound, Message: "no such model"}
	}
	req.Model = "up-" + req.Model
	return req, nil
}

// A house is a relay behind an HTTP server, inside a bubble.
type house struct {
	client   *http.Client
	outcomes chan relay.Outcome
	shutdown context.CancelCauseFunc // ends all requests with a cause
}

func build(t *testing.T, up relay.Upstream, cfg relay.Config) *house {
	t.Helper()
	cfg.Upstream, cfg.Dialect = up, lines{}
	cfg.Decoder = func(context.Context, chat.Request) relay.Decode { return decode }
	cfg.Resolve = resolve
	r, err := relay.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	base, shutdown := context.WithCancelCause(context.Background())
	h := &house{outcomes: make(chan relay.Outcome, 10), shutdown: shutdown}
	l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	s := &http.Server{
		BaseContext: func(net.Listener) context.Context { return base },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
			defer func() { _ = recover() }()
			body, _ := io.ReadAll(hr.Body)
			h.outcomes <- r.Serve(w, hr, body, "req_1")
		}),
	}
	go func() { _ = s.Serve(l) }()
	transport := &http.Transport{DialContext: l.dial}
	h.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		shutdown(nil)
		transport.CloseIdleConnections()
		_ = s.Close()
	})
	return h
}

// timeline asks for a stream and returns every line with the second it came
// in, the first one being the status.
func (h *house) timeline(t *testing.T) []string {
	t.Helper()
	return h.ask(t, "stream m")
}

func (h *house) ask(t *testing.T, ask string) []string {
	t.Helper()
	begun := time.Now()
	resp, err := h.client.Post("http://relay.test", "", strings.NewReader(ask))
	if err != nil {
		return []string{fmt.Sprintf("%v %v", time.Since(begun), err)}
	}
	defer resp.Body.Close()
	got := []string{fmt.Sprintf("%v %d", time.Since(begun), resp.StatusCode)}
	s := bufio.NewScanner(resp.Body)
	for s.Scan() {
		got = append(got, fmt.Sprintf("%v %s", time.Since(begun), s.Text()))
	}
	if resp.Header.Get("request-id") != "req_1" {
		t.Errorf("no request-id in %v", resp.Header)
	}
	return got
}

// TestStreamTimeline shows what a caller sees, and when.
func TestStreamTimeline(t *testing.T) {
	const s = time.Second
	capacity := &chat.Error{Kind: chat.KindOverloaded, Message: "no capacity"}
	for _, tt := range []struct {
		name  string
		steps []any
		want  []string
	}{
		{
			"each event as it comes",
			[]any{1 * s, "start", "a", 2 * s, "b", 3 * s, "c", "finish"},
			[]string{"1s 200", "1s start m 7", "1s text a", "3s text b", "6s text c", "6s finish"},
		},
		{
			"an error before the head is a real status",
			[]any{9 * s, capacity},
			[]string{"9s 503", "9s overloaded: no capacity"},
		},
		{
			"an error after a start without content still is",
			[]any{"start", 1 * s, "bad"},
			[]string{"1s 502", "1s upstream: bad event"},
		},
		{
			"after the hold the answer opens and an error is an event",
			[]any{11 * s, capacity},
			[]string{"10s 200", "10s start m 0", "11s error overloaded"},
		},
		{
			"a start that waits for content is told after the hold",
			[]any{"start", 12 * s, "a", "finish"},
			[]string{"10s 200", "10s start m 7", "12s text a", "12s finish"},
		},
		{
			"pings from the hold on, every 15 s of silence",
			[]any{50 * s, "start", "a", "finish"},
			[]string{"10s 200", "10s start m 0", "25s ping", "40s ping", "50s text a", "50s finish"},
		},
		{
			"pings between events count from the last write",
			[]any{"start", "a", 10 * s, "b", 31 * s, "finish"},
			[]string{"0s 200", "0s start m 7", "0s text a", "10s text b", "25s ping", "40s ping", "41s finish"},
		},
		{
			"an end without finish is an error",
			[]any{"start", "a"},
			[]string{"0s 200", "0s start m 7", "0s text a", "0s error empty"},
		},
		{
			"an empty answer is a real status",
			[]any{"start"},
			[]string{"0s 500", "0s empty: the upstream's answer ended without a finish"},
		},
		{
			"a cut stream is an error event",
			[]any{"start", "a", 1 * s, errors.New("reset")},
			[]string{"0s 200", "0s start m 7", "0s text a", "1s error network"},
		},
		{
			"silence mid-stream: pings, then a timeout at 120 s",
			[]any{"start", "a", time.Hour},
			append([]string{"0s 200", "0s start m 7", "0s text a"},
				"15s ping", "30s ping", "45s ping", "1m0s ping", "1m15s ping", "1m30s ping", "1m45s ping", "2m0s error timeout"),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := &script{steps: tt.steps}
				got := build(t, up, relay.Config{}).timeline(t)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if up.model != "up-m" {
					t.Errorf("upstream was asked for %q", up.model)
				}
			})
		})
	}
}

// TestFirstEventTimeout: 300 s before the first event, and a real status where
// nothing was sent by then.
func TestFirstEventTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &script{steps: []any{time.Hour}}
		got := build(t, up, relay.Config{Hold: time.Hour}).timeline(t)
		want := []string{"5m0s 504", "5m0s timeout: the upstream sent nothing within 5m0s"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestDisconnectEndsTheUpstream before the head, while waiting, and mid-stream.
func TestDisconnectEndsTheUpstream(t *testing.T) {
	for name, steps := range map[string][]any{
		"before the head": {time.Hour},
		"mid-stream":      {"start", "a", time.Hour},
	} {
		for _, leave := range []time.Duration{5 * time.Second, 12 * time.Second} {
			t.Run(fmt.Sprint(name, leave), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					up := &script{steps: steps}
					h := build(t, up, relay.Config{})
					ctx, cancel := context.WithTimeout(t.Context(), leave)
					defer cancel()
					req, _ := http.NewRequestWithContext(ctx, "POST", "http://relay.test", strings.NewReader("stream m"))
					begun := time.Now()
					if resp, err := h.client.Do(req); err == nil {
						_, _ = io.Copy(io.Discard, resp.Body)
						_ = resp.Body.Close()
					}
					o := <-h.outcomes
					if o.Err == nil || o.Err.Kind != chat.KindCanceled {
						t.Errorf("outcome %+v, want canceled", o)
					}
					synctest.Wait()
					up.mu.Lock()
					defer up.mu.Unlock()
					if up.ended == nil || time.Since(begun) != leave {
						t.Errorf("upstream ended by %v at %v, want at %v", up.ended, time.Since(begun), leave)
					}
				})
			})
		}
	}
}

// TestShutdownIsTold: a request cut by our own shutdown ends with an error the
// caller can act on, not with silence.
func TestShutdownIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, &script{steps: []any{"start", "a", time.Hour}}, relay.Config{})
		time.AfterFunc(3*time.Second, func() {
			h.shutdown(&chat.Error{Kind: chat.KindOverloaded, Message: "shutting down"})
		})
		want := []string{"0s 200", "0s start m 7", "0s text a", "3s error overloaded"}
		if diff := cmp.Diff(want, h.timeline(t)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestCallerThatDoesNotRead is cut after the write timeout, and the upstream
// with it.
func TestCallerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := []any{"start"}
		for range 1000 {
			steps = append(steps, strings.Repeat("x", 1000))
		}
		up := &script{steps: append(steps, time.Hour)}
		h := build(t, up, relay.Config{})
		begun := time.Now()
		resp, err := h.client.Post("http://relay.test", "", strings.NewReader("stream m"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		o := <-h.outcomes
		if o.Err == nil || o.Err.Kind != chat.KindCanceled || time.Since(begun) != time.Minute {
			t.Errorf("outcome %+v after %v, want canceled after a minute", o, time.Since(begun))
		}
	})
}

// TestPanicLeavesNoTimer: a panicking codec must not leave a timer that writes
// to a dead answer; the bubble would report what is left.
func TestPanicLeavesNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, &script{steps: []any{"start", "a", "panic"}}, relay.Config{})
		h.timeline(t)
		time.Sleep(time.Minute)
	})
}

func TestWholeAnswer(t *testing.T) {
	for _, tt := range []struct {
		name, body, want string
		steps            []any
		status           int
	}{
		{"answer", "whole m", "m: answer", []any{40 * time.Second}, 200},
		{"failure", "whole m", "rate_limit: slow", []any{&chat.Error{Kind: chat.KindRateLimit, Message: "slow"}}, 429},
		{"foreign error gives nothing away", "whole m", "internal: internal error", []any{errors.New("secret")}, 500},
		{"bad request", "nonsense", "invalid: model: say stream or whole", nil, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, &script{steps: tt.steps}, relay.Config{})
				resp, err := h.client.Post("http://relay.test", "", strings.NewReader(tt.body))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				got, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != tt.status || string(got) != tt.want {
					t.Errorf("%d %q %v, want %d %q", resp.StatusCode, got, err, tt.status, tt.want)
				}
				if o := <-h.outcomes; o.Status != tt.status || (o.Err == nil) != (tt.status == 200) {
					t.Errorf("outcome %+v", o)
				}
			})
		})
	}
}

// TestSingle: a caller who asked for one call at most gets one, and the others
// are counted and no silence.
func TestSingle(t *testing.T) {
	const s = time.Second
	synctest.Test(t, func(t *testing.T) {
		up := &script{steps: []any{"start", "call f", 100 * s, "call g", 100 * s, "call h", "finish"}}
		h := build(t, up, relay.Config{Ping: 500 * s})
		want := []string{"0s 200", "0s start m 7", "0s call f", "3m20s finish"}
		if diff := cmp.Diff(want, h.ask(t, "stream-single m")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if o := <-h.outcomes; o.DroppedCalls != 2 || o.Events != 5 || o.Err != nil || o.Times.Token.IsZero() || !o.Times.Text.IsZero() {
			t.Errorf("outcome %+v", o)
		}
		if got := h.ask(t, "stream m"); len(got) != 6 {
			t.Errorf("without the wish: %q", got)
		}
		if o := <-h.outcomes; o.DroppedCalls != 0 {
			t.Errorf("outcome %+v", o)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		for ask, want := range map[string]string{"whole-single m": "m: answer, call f", "whole m": "m: answer, call f, call g, call h"} {
			h := build(t, &script{calls: true}, relay.Config{})
			if got := h.ask(t, ask); got[1] != "0s "+want {
				t.Errorf("%s: %q", ask, got)
			}
			if o := <-h.outcomes; o.DroppedCalls != map[bool]int{true: 4}[strings.HasPrefix(ask, "whole-single")] {
				t.Errorf("%s: %d dropped", ask, o.DroppedCalls)
			}
		}
	})
}

// TestUnresolved: a model that cannot be resolved is refused before the upstream
// is asked.
func TestUnresolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &script{}
		h := build(t, up, relay.Config{})
		for _, ask := range []string{"stream none", "whole none"} {
			if diff := cmp.Diff([]string{"0s 404", "0s not_found: no such model"}, h.ask(t, ask)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", ask, diff)
			}
			if o := <-h.outcomes; o.Model != "none" || o.UpstreamModel != "" || up.model != "" || !o.Times.Asked.IsZero() {
				t.Errorf("outcome %+v, the upstream saw %q", o, up.model)
			}
		}
	})
}

func TestNewRefusesWhatIsMissing(t *testing.T) {
	if _, err := relay.New(relay.Config{}); err == nil {
		t.Error("an empty configuration was accepted")
	}
	full := relay.Config{Upstream: &script{}, Dialect: lines{}, Decoder: func(context.Context, chat.Request) relay.Decode { return decode }, Resolve: resolve}
	if _, err := relay.New(full); err != nil {
		t.Error(err)
	}
	full.Hold = -1
	if _, err := relay.New(full); err == nil {
		t.Error("a negative duration was accepted")
	}
}

package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/sse"
)

// writeTime bounds each write to a caller that does not read.
const writeTime = time.Minute

// nativeStream passes a streamed answer on, event by event: as server-sent events
// with alt=sse, else as one JSON array that grows. Until the first event has come
// whole, a failure has its real status; after it, it is the last event.
func (s *Server) nativeStream(x *exchange, model string, body []byte) error {
	x.out.Times.Asked = time.Now()
	p := &passage{x: x, rc: http.NewResponseController(x.w), array: x.r.URL.Query().Get("alt") != "sse"}
	defer p.release()
	t := s.tries(x.plan, model)
	t.committed = func() bool { return x.w.wrote }
	err := t.run(x.r.Context(), func(ctx context.Context, v via) error {
		resp, err := s.backend.stream(ctx, v, model, body)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }() // all we wanted of it has been read
		t.accepted()
		p.header, p.held, p.complete = resp.Header, nil, false
		v.work.Start()
		defer v.work.Stop()
		err = p.pass(eventsOf(resp))
		if err == nil && !p.complete {
			err = &chat.Error{Kind: chat.KindEmpty, Class: chat.ClassEmpty, Message: "the upstream's answer ended without a finish"}
		}
		return err
	})
	if err != nil {
		return p.fail(err)
	}
	return p.end()
}

// A passage is one streamed answer on its way through.
type passage struct {
	x        *exchange
	rc       *http.ResponseController
	header   http.Header // the upstream's
	array    bool
	complete bool // an end has been seen
	held     [][]byte
	deadline time.Time
}

// pass writes every event of the upstream's.
func (p *passage) pass(next func() ([]byte, error)) error {
	for {
		data, err := next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		arrived := time.Now()
		g, err := glance(data)
		if err != nil {
			return err
		}
		g.note(&p.x.out)
		p.complete = p.complete || g.complete()
		p.x.out.Events++
		if !p.x.w.wrote && !p.complete && len(g.Candidates) == 0 && len(p.held) < most {
			p.held = append(p.held, slices.Clone(data))
			continue
		}
		if err := p.writeHeld(data); err != nil {
			return err
		}
		p.time(g.content(), arrived)
	}
}

// most bounds the events without content that are held back.
const most = 16

// writeHeld writes an event, after those before it that say nothing by
// themselves and have waited, so that a failure after them has its status.
func (p *passage) writeHeld(data []byte) error {
	for _, held := range p.held {
		if err := p.write(held); err != nil {
			return err
		}
	}
	p.held = nil
	return p.write(data)
}

// write writes one event; the first one opens the answer.
func (p *passage) write(data []byte) error {
	if now := time.Now(); p.deadline.Sub(now) < writeTime/2 {
		p.deadline = now.Add(writeTime)
		_ = p.rc.SetWriteDeadline(p.deadline) // a writer without deadlines has none to miss
	}
	var out []byte
	switch first := p.open(); {
	case !p.array:
		out = sse.Append(nil, "", data)
	case first:
		out = append([]byte("["), data...)
	default:
		out = append([]byte(",\r\n"), data...)
	}
	if p.x.plan.work.Stop() { // the caller may let it wait
		defer p.x.plan.work.Start()
	}
	_, err := p.x.w.Write(out)
	if err = errors.Join(err, p.rc.Flush()); err != nil {
		return &chat.Error{Kind: chat.KindCanceled, Message: "the caller went away", Cause: err}
	}
	return nil
}

// open sends the head of the answer, once, and reports whether it did.
func (p *passage) open() bool {
	if p.x.w.wrote {
		return false
	}
	p.x.trace(p.header)
	h := p.x.w.Header()
	h.Set("Content-Type", "text/event-stream")
	if p.array {
		h.Set("Content-Type", "application/json; charset=UTF-8")
	}
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	p.x.out.Status = http.StatusOK
	p.x.w.WriteHeader(http.StatusOK)
	return true
}

// time notes when an event reached the caller.
func (p *passage) time(kind chat.EventKind, arrived time.Time) {
	now, t := time.Now(), &p.x.out.Times
	if t.Head.IsZero() {
		t.Head, t.Event = now, now
	}
	if kind == 0 {
		return
	}
	if t.Token.IsZero() {
		t.Answered, t.Token = arrived, now
	}
	if kind == chat.EventText && t.Text.IsZero() {
		t.Text = now
	}
	t.Last = now
}

// fail ends the answer with a failure: with its status while nothing was sent.
func (p *passage) fail(err error) error {
	e := chat.AsError(err)
	if !p.x.w.wrote && e.Kind != chat.KindCanceled {
		return err
	}
	p.x.out.Err = e
	if e.Kind == chat.KindCanceled {
		return nil
	}
	_, _, body := google{}.Error(err, p.x.id)
	if p.write(body) == nil {
		_ = p.end() // a caller who has gone cannot be told
	}
	return nil
}

// end closes the array.
func (p *passage) end() error {
	if p.array {
		_, err := p.x.w.Write([]byte("]"))
		_ = errors.Join(err, p.rc.Flush()) // a caller who has gone cannot be told
	}
	return nil
}

// release keeps the deadline of this answer off the next one on the connection.
func (p *passage) release() {
	if !p.deadline.IsZero() {
		_ = p.rc.SetWriteDeadline(time.Time{})
	}
}

// eventsOf returns the data of one event of an answer after another, and io.EOF
// after the last. An answer that is JSON all the same is one event, or a list.
func eventsOf(resp *http.Response) func() ([]byte, error) {
	if isJSON(resp) {
		return jsonEvents(resp)
	}
	r := sse.NewReader(resp.Body, sse.DefaultMaxEvent)
	return func() ([]byte, error) {
		ev, err := r.Next()
		if _, ok := errors.AsType[*sse.TooLargeError](err); ok {
			err = &chat.Error{Kind: chat.KindUpstream, Message: "an event of the upstream's is too large", Cause: err}
		}
		return ev.Data, err
	}
}

func isJSON(resp *http.Response) bool {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

func jsonEvents(resp *http.Response) func() ([]byte, error) {
	var list []json.RawMessage
	a, err := readAnswer(resp, nil)
	if err == nil && json.Unmarshal(a.body, &list) != nil {
		list = []json.RawMessage{a.body}
	}
	return func() ([]byte, error) {
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, io.EOF
		}
		data := list[0]
		list = list[1:]
		return data, nil
	}
}

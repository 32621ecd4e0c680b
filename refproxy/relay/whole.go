package relay

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// An answerer encodes the answer to one request.
type answerer struct {
	reply Reply
	head  Head
	work  *Stopwatch
}

// whole serves an answer in one piece.
func (r *Relay) whole(w http.ResponseWriter, ctx context.Context, req chat.Request, a answerer, o Outcome, requestID string) Outcome {
	o.Times.Asked = time.Now()
	asking := r.cfg.Upstream.Begin(ctx, req)
	body, err := r.answer(ctx, asking, req, a, &o)
	o.Attempts = asking.Attempts()
	if err != nil {
		return r.refuse(w, o, err, requestID)
	}
	return r.send(w, body, o, requestID)
}

// answer asks until there is an answer that can be written, or no hope of one.
func (r *Relay) answer(ctx context.Context, asking Asking, req chat.Request, a answerer, o *Outcome) (body []byte, err error) {
	var first time.Duration
	defer func() { asking.End(err, first) }()
	for {
		err = errUnfinished // for a panic, which must not count as a success
		asked := time.Now()
		body, err = r.attempt(ctx, asking, req, a, o)
		if err == nil {
			first = r.cfg.since(asked, o.Times.Answered)
			return body, nil
		}
		if ctx.Err() != nil {
			return nil, because(ctx, err)
		}
		if err = asking.Again(ctx, err); err != nil {
			return nil, because(ctx, err)
		}
	}
}

// attempt asks once. An answer that the dialect finds empty is a failed attempt.
func (r *Relay) attempt(ctx context.Context, asking Asking, req chat.Request, a answerer, o *Outcome) ([]byte, error) {
	o.Trace.asked()
	resp, err := asking.Generate(ctx)
	if err != nil {
		return nil, err
	}
	o.Times.Answered, o.Usage, o.Finish = time.Now(), resp.Usage, resp.Finish
	o.Trace.arrived()
	a.work.Start()
	defer a.work.Stop()
	if req.Choice.Single {
		o.DroppedCalls = keepFirstCall(&resp)
	}
	return a.reply.Response(a.head, resp)
}

// keepFirstCall leaves one call in each answer, and returns how many it took out.
func keepFirstCall(resp *chat.Response) (dropped int) {
	first := func(parts []chat.Part) []chat.Part {
		called := false
		return slices.DeleteFunc(parts, func(p chat.Part) bool {
			again := called && p.Kind == chat.PartCall
			called = called || p.Kind == chat.PartCall
			if again {
				dropped++
			}
			return again
		})
	}
	resp.Parts = first(resp.Parts)
	for i := range resp.Others {
		resp.Others[i].Parts = first(resp.Others[i].Parts)
	}
	return dropped
}

// send writes an answer in one piece.
func (r *Relay) send(w http.ResponseWriter, body []byte, o Outcome, requestID string) Outcome {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Request-Id", requestID)
	o.Status = http.StatusOK
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(r.cfg.WriteTimeout)) // a writer without deadlines has none to miss
	w.WriteHeader(o.Status)
	if _, err := w.Write(body); err != nil {
		o.Err = gone(err)
	} else {
		now := time.Now() // all at once
		o.Trace.content(now)
		o.Times.Head, o.Times.Event, o.Times.Token, o.Times.Text, o.Times.Last = now, now, now, now, now
	}
	_ = rc.SetWriteDeadline(time.Time{})
	return o
}

package relay

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// A session is one streamed answer under way.
type session struct {
	cfg       *Config
	w         http.ResponseWriter
	rc        *http.ResponseController
	enc       Encoder
	requestID string
	cancel    context.CancelCauseFunc // ends the upstream's stream
	trace     *Trace                  // the request's goroutine's own; nil: nobody asks
	dropped   int                     // calls; the request's goroutine's own, too

	mu       sync.Mutex // guards what follows, and the encoder and the writer
	timer    *time.Timer
	begun    time.Time
	heard    time.Time // the upstream's last event; begun before the first
	spoke    time.Time // our last write
	deadline time.Time // of writes, as last set
	start    chat.Event
	events   int
	usage    chat.Usage
	finish   chat.Finish
	times    Times
	opened   bool // the head was sent
	done     bool // nothing more may be written
}

// stream serves an answer as events.
func (r *Relay) stream(w http.ResponseWriter, parent context.Context, req chat.Request, enc Encoder, o Outcome, requestID string) Outcome {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	s := &session{
		cfg: &r.cfg, w: w, rc: http.NewResponseController(w), enc: enc,
		requestID: requestID, cancel: cancel, begun: time.Now(), start: chat.Event{Kind: chat.EventStart},
		trace: o.Trace,
	}
	s.heard = s.begun
	s.watch()
	defer s.stop() // also when the codec panics: the timer must not outlive us
	err := s.run(ctx, r.cfg.Upstream, req, r.cfg.Decoder(req))
	return s.end(ctx, r, o, err)
}

// run moves every event of the upstream to the caller. Its error is the
// upstream's failure or, as KindCanceled, the caller's.
func (s *session) run(ctx context.Context, up Upstream, req chat.Request, decode Decode) error {
	s.mu.Lock()
	s.times.Asked = time.Now()
	s.mu.Unlock()
	s.trace.asked()
	body, err := up.Stream(ctx, req)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // all we wanted of it has been read
	events := decode(s.trace.watch(body))
	if req.Choice.Single {
		events = chat.FirstCall(events, s.drop)
	}
	for ev, err := range events {
		if err != nil {
			return err
		}
		if err := s.event(ev); err != nil {
			return gone(err)
		}
	}
	return nil
}

// drop notes a call that the caller is not to get. It is a sign of life all the
// same.
func (s *session) drop(chat.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped++
	s.events++
	s.heard = time.Now()
}

// event writes one event. The start is kept until something follows it, so
// that a failure in between still gets its real status.
func (s *session) event(ev chat.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.heard = now
	s.events++
	s.usage, s.finish = ev.Usage, ev.Finish
	if ev.Kind == chat.EventStart && !s.opened {
		s.start = ev
		return nil
	}
	if !s.opened {
		s.sendHead()
		if err := s.enc.Event(s.start); err != nil {
			return err
		}
	}
	s.extend(now)
	if err := s.enc.Event(ev); err != nil {
		return err
	}
	s.spoke = now
	if err := s.rc.Flush(); err != nil {
		return err
	}
	s.sent(ev, now)
	return nil
}

// sent notes when an event that had arrived reached the caller.
func (s *session) sent(ev chat.Event, arrived time.Time) {
	now := time.Now()
	if s.times.Head.IsZero() {
		s.times.Head = now
	}
	if s.times.Event.IsZero() {
		s.times.Event = now
	}
	if content(ev) {
		s.times.content(ev.Kind, arrived, now)
		s.trace.content(now)
	}
}

// sendHead commits to status 200. It reaches the caller with the next flush.
func (s *session) sendHead() {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	h.Set("Request-Id", s.requestID)
	s.w.WriteHeader(http.StatusOK)
	s.opened = true
}

// extend moves the deadline of writes when half of it is used up, so that most
// events need not touch it. A writer that knows no deadlines is as good.
func (s *session) extend(now time.Time) {
	if s.deadline.Sub(now) > s.cfg.WriteTimeout/2 {
		return
	}
	s.deadline = now.Add(s.cfg.WriteTimeout)
	_ = s.rc.SetWriteDeadline(s.deadline)
}

// watch starts the timer that looks after silence.
func (s *session) watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(s.next(s.begun), s.tick)
}

// tick does what is due: give up, open the answer, or ping. Events only note
// their time; tick works out from it when it has to come again.
func (s *session) tick() {
	if !s.mu.TryLock() {
		// A write is under way, so there is no silence; it may also be stuck
		// until its deadline, and need not hold us up as well.
		time.AfterFunc(time.Second, s.tick)
		return
	}
	defer s.mu.Unlock()
	if s.done {
		return
	}
	now := time.Now()
	if now.Sub(s.heard) >= s.patience() {
		s.cancel(s.timeout())
		return
	}
	if err := s.reassure(now); err != nil {
		s.cancel(gone(err))
		return
	}
	s.timer.Reset(s.next(now))
}

// reassure opens the answer once Hold is over and pings once Ping is.
func (s *session) reassure(now time.Time) error {
	var err error
	switch {
	case !s.opened && now.Sub(s.begun) >= s.cfg.Hold:
		s.extend(now)
		s.sendHead()
		err = s.enc.Start(s.start.Usage)
	case s.opened && now.Sub(s.spoke) >= s.cfg.Ping:
		s.extend(now)
		err = s.enc.Ping()
	default:
		return nil
	}
	s.spoke = now
	err = errors.Join(err, s.rc.Flush())
	if err == nil && s.times.Head.IsZero() {
		s.times.Head, s.times.Event = now, now // message_start went with it
	}
	return err
}

// next returns the time from now until tick may have something to do.
func (s *session) next(now time.Time) time.Duration {
	wait := s.heard.Add(s.patience()).Sub(now)
	if s.opened {
		return min(wait, s.spoke.Add(s.cfg.Ping).Sub(now))
	}
	return min(wait, s.begun.Add(s.cfg.Hold).Sub(now))
}

// patience is the silence that the upstream may keep.
func (s *session) patience() time.Duration {
	if s.events == 0 {
		return s.cfg.FirstEvent
	}
	return s.cfg.Idle
}

func (s *session) timeout() *chat.Error {
	msg := "the upstream sent nothing within " + s.patience().String()
	if s.events > 0 {
		msg = "the upstream fell silent for " + s.patience().String()
	}
	return &chat.Error{Kind: chat.KindTimeout, Message: msg}
}

// end tells the caller of a failure in the way that is
// still open.
func (s *session) end(ctx context.Context, r *Relay, o Outcome, err error) Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	defer s.releaseDeadline()
	o.Events, o.DroppedCalls, o.Usage, o.Finish, o.Times = s.events, s.dropped, s.usage, s.finish, s.times
	if err == nil && !s.enc.Ended() {
		err = &chat.Error{Kind: chat.KindEmpty, Message: "the upstream's answer ended without a finish"}
	}
	if err != nil && !s.enc.Ended() {
		err = because(ctx, err)
	}
	if !s.opened {
		return r.refuse(s.w, o, err, s.requestID)
	}
	o.Status = http.StatusOK
	if err == nil {
		return o
	}
	o.Err = chat.AsError(err)
	if o.Err.Kind != chat.KindCanceled {
		s.extend(time.Now())
		if werr := errors.Join(s.enc.Error(err, s.requestID), s.rc.Flush()); werr != nil {
			o.Err = gone(errors.Join(werr, err))
		}
	}
	return o
}

// stop ends the watch.
func (s *session) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	s.timer.Stop()
}

// releaseDeadline keeps the deadline of this answer off the next one on the
// same connection.
func (s *session) releaseDeadline() {
	if !s.deadline.IsZero() {
		_ = s.rc.SetWriteDeadline(time.Time{})
	}
}

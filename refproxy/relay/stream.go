package relay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// A session is one streamed answer under way.
type session struct {
	cfg       *Config
	w         http.ResponseWriter
	rc        *http.ResponseController
	enc       Encoder
	requestID string
	cancel    context.CancelCauseFunc // ends everything: the caller does not listen
	trace     *Trace                  // the request's goroutine's own; nil: nobody asks
	work      *Stopwatch              // likewise
	seen      int64                   // likewise: when it last looked at the clock, by clock.Now
	begunAt   int64                   // begun, by clock.Now
	dropped   int                     // calls; the request's goroutine's own, too

	mu       sync.Mutex // guards what follows, and the encoder and the writer
	timer    *time.Timer
	begun    time.Time
	spoke    time.Time // our last write
	deadline time.Time // of writes, as last set
	try      try
	start    chat.Event
	events   int
	usage    chat.Usage
	finish   chat.Finish
	times    Times
	opened   bool // the head was sent
	content  bool // something after the start was given to the encoder: committed
	encoding bool // the request's goroutine is in the encoder
	done     bool // nothing more may be written
}

// A try is one attempt at the upstream.
type try struct {
	giveUp context.CancelCauseFunc // ends it alone; nil between attempts
	asked  time.Time
	heard  time.Time // the upstream's last event; asked before the first
	events int
}

// stream serves an answer as events.
func (r *Relay) stream(w http.ResponseWriter, parent context.Context, req chat.Request, a answerer, o Outcome, requestID string) Outcome {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	s := &session{
		cfg: &r.cfg, w: w, rc: http.NewResponseController(w),
		requestID: requestID, cancel: cancel, begun: time.Now(), start: chat.Event{Kind: chat.EventStart},
		trace: o.Trace, work: a.work, begunAt: clock.Now(),
	}
	s.enc = a.reply.Encoder(s, a.head)
	s.times.Asked = s.begun
	s.watch()
	defer s.stop() // also when the codec panics: the timer must not outlive us
	decode := r.cfg.Decoder(ctx, req)
	asking := r.cfg.Upstream.Begin(ctx, req)
	err := s.run(ctx, asking, req, decode)
	o.Attempts = asking.Attempts()
	return s.end(r, o, err)
}

// run asks until an answer has begun, and then to its end, or until there is no
// hope of one. Its error is what the caller is to be told or, as KindCanceled,
// that there is no caller any more.
func (s *session) run(ctx context.Context, asking Asking, req chat.Request, decode Decode) (err error) {
	defer func() { asking.End(err, s.firstToken()) }()
	for {
		err = errUnfinished // for a panic, which must not count as a success
		err = s.attempt(ctx, asking, req, decode)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || s.committed() {
			return err
		}
		s.rest()
		if err = asking.Again(ctx, err); err != nil {
			return because(ctx, err)
		}
	}
}

// attempt asks once, and moves every event of the upstream to the caller.
func (s *session) attempt(parent context.Context, asking Asking, req chat.Request, decode Decode) error {
	ctx, giveUp := context.WithCancelCause(parent)
	defer giveUp(nil)
	s.begin(giveUp)
	body, err := asking.Stream(ctx)
	if err != nil {
		return because(ctx, err)
	}
	defer func() { _ = body.Close() }() // all we wanted of it has been read
	s.work.start(s.look())
	defer s.work.Stop()
	events := decode(source{s.trace.watch(body), s})
	if req.Choice.Single {
		events = chat.FirstCall(events, s.drop)
	}
	for ev, err := range events {
		if err == nil {
			err = s.event(ev)
		}
		if err != nil {
			return s.failed(ctx, err)
		}
	}
	if !s.ended() {
		return because(ctx, &chat.Error{Kind: chat.KindEmpty, Class: chat.ClassEmpty, Message: "the upstream's answer ended without a finish"})
	}
	return nil
}

// begin notes that the upstream is asked. Its time to answer begins anew; the
// caller's Hold does not.
func (s *session) begin(giveUp context.CancelCauseFunc) {
	s.trace.asked()
	s.lock()
	defer s.mu.Unlock()
	s.look()
	now := s.now()
	s.try = try{giveUp: giveUp, asked: now, heard: now}
	s.timer.Reset(s.next(now))
}

// rest notes that an attempt has failed: until the next one nothing is expected
// of the upstream, but the caller still wants to hear something.
func (s *session) rest() {
	s.lock()
	defer s.mu.Unlock()
	s.try.giveUp = nil
	s.timer.Reset(s.next(time.Now()))
}

// failed returns why an attempt failed that had an answer. What comes after the
// answer's end is told as it is.
func (s *session) failed(ctx context.Context, err error) error {
	if s.ended() {
		return err
	}
	return because(ctx, err)
}

func (s *session) ended() bool {
	s.lock()
	defer s.mu.Unlock()
	return s.enc.Ended()
}

func (s *session) committed() bool {
	s.lock()
	defer s.mu.Unlock()
	return s.content
}

// firstToken is the time from the last attempt to its first content.
func (s *session) firstToken() time.Duration {
	s.lock()
	defer s.mu.Unlock()
	if s.times.Answered.IsZero() {
		return 0
	}
	return s.cfg.since(s.try.asked, s.times.Answered)
}

// drop notes a call that the caller is not to get. It is a sign of life all the
// same.
func (s *session) drop(chat.Call) {
	s.lock()
	defer s.mu.Unlock()
	s.dropped++
	s.heard(time.Now())
}

// heard notes an event of the upstream's.
func (s *session) heard(now time.Time) {
	s.try.heard = now
	s.try.events++
	s.events++
}

// event writes one event. The start is kept until something follows it, so
// that a failure in between still gets its real status. Its error is the
// caller's.
func (s *session) event(ev chat.Event) error {
	s.lock()
	defer s.mu.Unlock()
	now := s.now()
	s.heard(now)
	s.usage, s.finish = ev.Usage, ev.Finish
	if ev.Kind == chat.EventStart {
		s.start = ev
		return nil
	}
	if err := s.write(ev, now); err != nil {
		return gone(err)
	}
	s.look()
	s.sent(ev, now)
	s.work.start(s.seen)
	return nil
}

// lock takes the lock for the request's goroutine. A ping may hold it, as long as
// its caller does not read.
func (s *session) lock() {
	if s.mu.TryLock() {
		return
	}
	ran := s.work.Stop()
	s.mu.Lock()
	if s.look(); ran {
		s.work.start(s.seen)
	}
}

// look looks at the clock, for the request's goroutine. It costs about 40 ns, where
// a short event costs less than a microsecond of conversion, so it is taken where
// the goroutine has waited, and serves until it waits again.
func (s *session) look() int64 {
	s.seen = clock.Now()
	return s.seen
}

// now is the time of the last look.
func (s *session) now() time.Time { return s.begun.Add(time.Duration(s.seen - s.begunAt)) }

// A source is the upstream's body. Nothing is converted while its bytes are
// awaited.
type source struct {
	io.ReadCloser
	session *session
}

func (r source) Read(p []byte) (int, error) {
	r.session.work.Stop()
	n, err := r.ReadCloser.Read(p)
	r.session.work.start(r.session.look())
	return n, err
}

// write commits to this attempt's answer.
func (s *session) write(ev chat.Event, now time.Time) error {
	s.content = true
	if !s.opened {
		s.sendHead()
		if err := s.encode(s.start); err != nil {
			return err
		}
	}
	s.extend(now)
	if err := s.encode(ev); err != nil {
		return err
	}
	s.spoke = now
	return s.rc.Flush()
}

// encode puts an event into the caller's dialect. The stopwatch stands from its
// write on: that may wait for the caller.
func (s *session) encode(ev chat.Event) error {
	s.work.Start()
	s.encoding = true
	err := s.enc.Event(ev)
	s.encoding = false
	s.work.Stop()
	return err
}

// Write is the encoder's way to the caller. It serves pings too, which are none of
// the stopwatch's business.
func (s *session) Write(p []byte) (int, error) {
	if s.encoding {
		s.work.Stop()
	}
	return s.w.Write(p)
}

// sent notes when an event that had arrived reached the caller.
func (s *session) sent(ev chat.Event, arrived time.Time) {
	now := s.now()
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
		time.AfterFunc(s.cfg.machine(time.Second), s.tick)
		return
	}
	defer s.mu.Unlock()
	if s.done {
		return
	}
	now := time.Now()
	if s.try.giveUp != nil && now.Sub(s.try.heard) >= s.cfg.machine(s.patience()) {
		s.try.giveUp(s.timeout())
		return // what comes now, an error or the next attempt, is not a matter of time
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
	case !s.opened && now.Sub(s.begun) >= s.cfg.machine(s.cfg.Hold):
		s.extend(now)
		s.sendHead()
		err = s.enc.Start(s.start.Usage)
	case s.opened && now.Sub(s.spoke) >= s.cfg.machine(s.cfg.Ping):
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
	wait := s.begun.Add(s.cfg.machine(s.cfg.Hold)).Sub(now)
	if s.opened {
		wait = s.spoke.Add(s.cfg.machine(s.cfg.Ping)).Sub(now)
	}
	if s.try.giveUp == nil {
		return wait
	}
	return min(wait, s.try.heard.Add(s.cfg.machine(s.patience())).Sub(now))
}

// patience is the silence that the upstream may keep.
func (s *session) patience() time.Duration {
	if s.try.events == 0 {
		return s.cfg.FirstEvent
	}
	return s.cfg.Idle
}

func (s *session) timeout() *chat.Error {
	msg := "the upstream sent nothing within " + s.patience().String()
	if s.try.events > 0 {
		msg = "the upstream fell silent for " + s.patience().String()
	}
	return &chat.Error{Kind: chat.KindTimeout, Class: chat.ClassNetwork, Message: msg}
}

// end tells the caller of a failure in the way that is still open.
func (s *session) end(r *Relay, o Outcome, err error) Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	defer s.releaseDeadline()
	o.Events, o.DroppedCalls, o.Usage, o.Finish, o.Times = s.events, s.dropped, s.usage, s.finish, s.times
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

package load

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/clock"
)

// A trace notes the phases of a request. The transport calls it from several
// goroutines, even after the request has ended (a dial that another connection
// made needless), hence the lock and the copy.
type trace struct {
	mu sync.Mutex
	at instants

	conns []net.Conn // obtained and not left
}

// instants are clock.Now; 0 was not reached.
type instants struct {
	dnsStart, dnsDone         int64
	connectStart, connectDone int64
	tlsStart, tlsDone         int64
	written, firstByte        int64
	conns                     int // connections obtained
	reused                    bool
}

// note runs fill under the lock with the current instant.
func (t *trace) note(fill func(at *instants, now int64)) {
	now := clock.Now()
	t.mu.Lock()
	fill(&t.at, now)
	t.mu.Unlock()
}

func (t *trace) copy() instants {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at
}

// release returns the connections that the request was on, once.
func (t *trace) release() []net.Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	conns := t.conns
	t.conns = nil
	return conns
}

// attach returns ctx with the hooks in it, which tell l of connections too.
func (t *trace) attach(ctx context.Context, l *lanes) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { t.note(func(at *instants, now int64) { at.dnsStart = now }) },
		DNSDone:  func(httptrace.DNSDoneInfo) { t.note(func(at *instants, now int64) { at.dnsDone = now }) },
		ConnectStart: func(string, string) {
			t.note(func(at *instants, now int64) {
				if at.connectStart == 0 { // several addresses may be tried at once
					at.connectStart = now
				}
			})
		},
		ConnectDone: func(_, _ string, err error) {
			t.note(func(at *instants, now int64) {
				if err == nil {
					at.connectDone = now
				}
			})
		},
		TLSHandshakeStart: func() { t.note(func(at *instants, now int64) { at.tlsStart = now }) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			t.note(func(at *instants, now int64) {
				if err == nil {
					at.tlsDone = now
				}
			})
		},
		GotConn: func(info httptrace.GotConnInfo) {
			t.note(func(at *instants, _ int64) { at.conns++; at.reused = info.Reused; t.conns = append(t.conns, info.Conn) })
			l.enter(info.Conn, t)
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			t.note(func(at *instants, now int64) {
				if info.Err == nil {
					at.written = now
				}
			})
		},
		GotFirstResponseByte: func() { t.note(func(at *instants, now int64) { at.firstByte = now }) },
	})
}

// phase is how far the request had come when no headers were there yet.
func (at *instants) phase() sample.Phase {
	switch {
	case at.written != 0:
		return sample.PhaseHeaders
	case at.conns > 0:
		return sample.PhaseWrite
	case at.tlsStart != 0:
		return sample.PhaseTLS
	case at.dnsStart != 0 && at.dnsDone == 0:
		return sample.PhaseDNS
	case at.dnsStart != 0 && at.connectStart == 0:
		return sample.PhaseDNS
	}
	return sample.PhaseConnect
}

// conn tells what the connection cost; a reused one cost nothing, whatever a
// dial beside it did.
func (at *instants) conn(protocol string) sample.Conn {
	c := sample.Conn{Reused: at.reused, Protocol: protocol, Attempts: at.conns}
	if at.reused {
		return c
	}
	c.DNSNS = span(at.dnsStart, at.dnsDone)
	c.ConnectNS = span(at.connectStart, at.connectDone)
	c.TLSNS = span(at.tlsStart, at.tlsDone)
	return c
}

func span(from, to int64) int64 {
	if from == 0 || to == 0 {
		return 0
	}
	return to - from
}

// A watchdog ends a request that misses a deadline. The reader only stores when
// the last token came; the timer looks at that when it fires and sleeps on if
// there is time left, so that a token costs one atomic store and no timer call.
// It never sleeps longer than the gap allowed: a token may come right after a
// look and begin a gap that ends before the deadline seen then.
type watchdog struct {
	limits Timeouts
	sent   int64
	last   atomic.Int64 // the last token; 0: none yet
	ended  atomic.Bool  // the terminator came: only the total deadline stands
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

func newWatchdog(limits Timeouts, sent int64, cancel context.CancelCauseFunc) *watchdog {
	w := &watchdog{limits: limits, sent: sent, cancel: cancel}
	w.mu.Lock() // the timer may fire before the field is set
	w.timer = time.AfterFunc(min(limits.FirstToken, limits.Gap, limits.Total), w.look)
	w.mu.Unlock()
	return w
}

// due is the earliest deadline and what missing it means.
func (w *watchdog) due() (int64, halt) {
	total := w.sent + int64(w.limits.Total)
	if w.ended.Load() {
		return total, errSlowTotal
	}
	at, why := w.sent+int64(w.limits.FirstToken), errSlowToken
	if last := w.last.Load(); last != 0 {
		at, why = last+int64(w.limits.Gap), errSlowGap
	}
	if total <= at {
		return total, errSlowTotal
	}
	return at, why
}

func (w *watchdog) look() {
	due, why := w.due()
	rest := time.Duration(due - clock.Now())
	if rest <= 0 {
		w.cancel(why)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		w.timer.Reset(min(rest, w.limits.Gap))
	}
}

func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
}

package fakegemini

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// An aim is how much before an instant to ask for the wake-up: the running
// median of one's own lateness. It moves by a fixed step towards each sample,
// which settles where as many samples lie above as below. Safe for concurrent
// use; a lost update costs one step.
type aim struct{ early atomic.Int64 }

const (
	aimStep = int64(time.Microsecond)
	maxAim  = int64(200 * time.Microsecond)
)

func (a *aim) lead() int64 { return a.early.Load() }

// learn takes how late a wake-up was after the instant that was asked for.
func (a *aim) learn(late int64) {
	early := a.early.Load()
	if late > early {
		early += aimStep
	} else {
		early -= aimStep
	}
	a.early.Store(min(max(early, 0), maxAim))
}

// A pacer waits for instants on pooled timers. Safe for concurrent use.
type pacer struct {
	aim aim

	mu     sync.Mutex
	idle   []*clock.Timer
	closed bool
}

func (p *pacer) timer() (*clock.Timer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.idle) - 1; last >= 0 {
		timer := p.idle[last]
		p.idle = p.idle[:last]
		return timer, nil
	}
	return clock.NewTimer()
}

// release takes back a timer that no goroutine waits on.
func (p *pacer) release(timer *clock.Timer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = timer.Close() // nothing was written to it
		return
	}
	p.idle = append(p.idle, timer)
}

func (p *pacer) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, timer := range p.idle {
		_ = timer.Close() // as above
	}
	p.idle = nil
}

// wait returns at the instant due, half of the time a little before and half a
// little after, with the instant at which it returned.
func (p *pacer) wait(ctx context.Context, timer *clock.Timer, due int64) (int64, error) {
	target := due - p.aim.lead()
	slept := clock.Now() < target
	if err := timer.Until(ctx, target); err != nil {
		return 0, err
	}
	now := clock.Now()
	if slept {
		p.aim.learn(now - target)
	}
	return now, nil
}

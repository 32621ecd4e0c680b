package calibrate

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// A metronome calls many streams at their instants from one timer and one
// goroutine: a timer for every stream costs the server two system calls and a
// wake-up more per event than the write itself, so that it would be slower than
// the client that it measures.
//
// It sleeps half a millisecond at most, since streams may come whose instant is
// earlier than all it knows: a wait ends late by no more than that. The server
// tells the instants at which it wrote, not those that were planned.
type metronome struct {
	mu    sync.Mutex
	waits waits
	came  chan struct{} // a wait came where there was none
}

const (
	longestNap  = int64(500 * time.Microsecond)
	shortestNap = int64(50 * time.Microsecond) // so that many streams cost few wake-ups
)

func newMetronome() *metronome { return &metronome{came: make(chan struct{}, 1)} }

// run calls streams until ctx ends.
func (m *metronome) run(ctx context.Context) error {
	timer, err := clock.NewTimer()
	if err != nil {
		return err
	}
	defer func() { _ = timer.Close() }() // nothing was written to it
	for {
		next, any := m.call(ctx)
		if !any {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-m.came:
			}
			continue
		}
		now := clock.Now()
		if err := timer.Until(ctx, max(now+shortestNap, min(next, now+longestNap))); err != nil {
			return err
		}
	}
}

// call makes all calls that are due, and returns the instant of the next if there
// is any.
func (m *metronome) call(ctx context.Context) (next int64, any bool) {
	for ctx.Err() == nil {
		m.mu.Lock()
		if len(m.waits) == 0 {
			m.mu.Unlock()
			return 0, false
		}
		if at := m.waits[0].at; at > clock.Now() {
			m.mu.Unlock()
			return at, true
		}
		due := heap.Pop(&m.waits).(wait)
		m.mu.Unlock()
		due.call()
	}
	return 0, false
}

// at has the metronome make a call at an instant, or soon if that has passed. The
// call must not block.
func (m *metronome) at(instant int64, call func()) {
	m.mu.Lock()
	heap.Push(&m.waits, wait{instant, call})
	m.mu.Unlock()
	select {
	case m.came <- struct{}{}:
	default: // it knows already
	}
}

// until returns at the instant, or with the context's error.
func (m *metronome) until(ctx context.Context, at int64) error {
	if at <= clock.Now() {
		return ctx.Err()
	}
	done := make(chan struct{})
	m.at(at, func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err() // the wait ends by itself, unheard
	}
}

// A wait ends at its instant with a call.
type wait struct {
	at   int64
	call func()
}

// waits are a heap, the earliest first.
type waits []wait

func (w waits) Len() int           { return len(w) }
func (w waits) Less(i, j int) bool { return w[i].at < w[j].at }
func (w waits) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *waits) Push(x any)        { *w = append(*w, x.(wait)) }

func (w *waits) Pop() any {
	last := len(*w) - 1
	x := (*w)[last]
	*w = (*w)[:last]
	return x
}

package load

import (
	"runtime"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// Live is what is seen of the measured turn that runs, before anything is
// decoded: enough to watch a run, not for results. Latencies are from the
// intended start, over the last few hundred requests.
type Live struct {
	InFlight   int
	PerSecond  float64 // starts over the last seconds
	Late       Dist    // sent minus intended
	FirstByte  Dist    // of what an answer of status 200 brings
	FirstToken Dist
	Failed     int     // of those that ended, as far as the transport tells
	CPUShare   float64 // of the processors that this process may use, since it was last told; or Unknown
}

const (
	liveLast  = 512 // requests that live latencies are of
	liveSpell = 3 * time.Second
)

// A tally is told of requests by the goroutines that send them, and asked by the
// one that tells progress. A nil one is told in vain, for who shows nothing.
type tally struct {
	mu         sync.Mutex // guards the rest, for as long as a few additions take
	inFlight   int
	failed     int
	starts     ring // instants
	late       ring
	firstByte  ring
	firstToken ring

	cpu time.Duration // when it was last asked
	at  int64
}

// A ring keeps the last values that it was given, in no order that matters.
type ring struct {
	values []int64
	next   int
}

func (r *ring) add(v int64) {
	if len(r.values) < liveLast {
		r.values = append(r.values, v)
		return
	}
	r.values[r.next] = v
	r.next = (r.next + 1) % liveLast
}

func (t *tally) started(r *request) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight++
	t.starts.add(r.sent)
	t.late.add(r.sent - r.intended)
}

func (t *tally) byteCame(r *request, at int64) {
	if t != nil {
		t.came(&t.firstByte, at-r.intended)
	}
}

func (t *tally) tokenCame(r *request, at int64) {
	if t != nil {
		t.came(&t.firstToken, at-r.intended)
	}
}

func (t *tally) came(in *ring, ns int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	in.add(ns)
}

func (t *tally) ended(r *request) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight--
	if r.failed != "" {
		t.failed++
	}
}

// seen is what the tally holds at the instant now.
func (t *tally) seen(now int64) Live {
	if t == nil {
		return Live{CPUShare: Unknown}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return Live{
		InFlight: t.inFlight, Failed: t.failed, PerSecond: t.starts.rate(now), CPUShare: t.busy(now),
		Late: t.late.distribution(), FirstByte: t.firstByte.distribution(), FirstToken: t.firstToken.distribution(),
	}
}

// busy is the share of our processors that this process used since it was last
// asked.
func (t *tally) busy(now int64) float64 {
	cpu := ownCPU()
	used, span := cpu-t.cpu, now-t.at
	first := t.at == 0
	t.cpu, t.at = cpu, now
	if first || span <= 0 || cpu <= 0 {
		return Unknown
	}
	return float64(used) / (float64(span) * float64(runtime.GOMAXPROCS(0)))
}

func (r *ring) distribution() Dist { return distribution(append([]int64(nil), r.values...)) }

// rate counts the instants of the last seconds, by the time since the first of
// them.
func (r *ring) rate(now int64) float64 {
	n, first := 0, now
	for _, at := range r.values {
		if at >= now-int64(liveSpell) {
			n, first = n+1, min(first, at)
		}
	}
	return perSecond(n, first, now)
}

// tally makes the turn's tally, where anybody watches.
func (a *attack) tally() *tally {
	if !a.measured || a.runner.cfg.Progress == nil {
		return nil
	}
	t := &tally{cpu: ownCPU(), at: clock.Now()}
	a.runner.mu.Lock()
	a.runner.watched = t
	a.runner.mu.Unlock()
	return t
}

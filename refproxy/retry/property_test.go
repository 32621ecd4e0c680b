package retry_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/retry"
)

// journey is one request through a pool and an upstream whose every answer is
// drawn: what it must hold whatever comes is checked at each step.
type journey struct {
	t       *testing.T
	p       retry.Policy
	r       *rand.Rand
	d       retry.Decider
	now     time.Time
	slept   time.Duration
	retries int // attempts after the first
	since   int // sleeps since the last attempt
}

// draw makes a failure of any class.
func (j *journey) draw() *chat.Error {
	e := &chat.Error{
		Class: chat.Class(j.r.IntN(int(chat.ClassEmpty) + 1)), Kind: chat.ErrorKind(j.r.IntN(int(chat.KindTimeout) + 1)),
		Status: []int{0, 200, 400, 401, 403, 404, 429, 503}[j.r.IntN(8)], Terminal: j.r.IntN(4) == 0,
	}
	switch j.r.IntN(5) {
	case 0:
		e.RetryAfter = time.Duration(j.r.Int64N(int64(2 * time.Minute)))
	case 1:
		e.ResetAt = j.now.Add(time.Duration(j.r.Int64N(int64(2*time.Minute))) - time.Minute)
	case 2:
		e.Window = time.Minute
	case 3:
		e.Reason = "RATE_LIMIT_EXCEEDED"
	}
	return e
}

// shortage makes a pool that has nothing, or has something soon.
func (j *journey) shortage() retry.Shortage {
	s := retry.Shortage{Capacity: j.r.IntN(2) == 0}
	if j.r.IntN(2) == 0 {
		s.Soonest = j.now.Add(time.Duration(j.r.Int64N(int64(time.Minute))) - 10*time.Second)
	}
	return s
}

// holds checks one decision; hinted is the least wait that somebody asked for.
func (j *journey) holds(d retry.Decision, hinted time.Duration) {
	left := j.p.Total - j.now.Sub(begun)
	switch {
	case d.Again == (d.Final != nil):
		j.t.Errorf("again %t and told %v", d.Again, d.Final)
	case d.Sleeps < 0 || d.Sleeps > 1 || d.Sleeps == 0 && d.Wait != 0:
		j.t.Errorf("waits %d times %v", d.Sleeps, d.Wait)
	case d.Wait < 0 || d.Wait > left && d.Sleeps > 0:
		j.t.Errorf("waits %v of %v", d.Wait, left)
	case d.Wait > j.p.Cap && d.Wait > hinted+j.p.Interval:
		j.t.Errorf("waits %v, over the cap, for a hint of %v", d.Wait, hinted)
	case !d.Rotate && d.Sleeps > 0 && d.Wait < hinted:
		j.t.Errorf("waits %v, less than the hint %v", d.Wait, hinted)
	case d.Cool < 0 || d.Cool > j.p.MaxCool:
		j.t.Errorf("cools for %v", d.Cool)
	case d.Again && left <= 0:
		j.t.Errorf("again, with %v left", left)
	case d.Final != nil && (d.Final.RetryAfter < 0 || d.Rotate || d.Refresh || d.Repair):
		j.t.Errorf("told, and yet %+v", d)
	}
	j.since += d.Sleeps
	if j.since > 1 {
		j.t.Errorf("%d sleeps before one attempt", j.since)
	}
	j.slept += d.Wait
	j.now = j.now.Add(d.Wait)
}

// run goes on until the caller is told something. It reports whether it ended.
func (j *journey) run() bool {
	if j.r.IntN(4) == 0 && !j.without(0) { // a pool that is short from the start
		return true
	}
	for range 200 {
		j.now = j.now.Add(time.Duration(j.r.Int64N(int64(2 * time.Second))))
		j.since = 0
		e := j.draw()
		least := e.RetryAfter
		if least == 0 {
			least = max(0, e.ResetAt.Sub(j.now))
		}
		d := j.d.Next(e, j.now)
		if d.Class == chat.ClassRate && d.Cool > 0 {
			least = d.Cool
		}
		j.holds(d, least)
		if !d.Again {
			return true
		}
		if d.Rotate && j.r.IntN(2) == 0 && !j.without(least) {
			return true
		}
		j.retries++
	}
	return false
}

// without has the pool fail until the decider gives up or it has something; it
// reports whether there is another attempt.
func (j *journey) without(least time.Duration) bool {
	for range 3 {
		s := j.shortage()
		d := j.d.Without(s, j.now)
		hinted := least
		if d.Rotate {
			hinted = max(0, s.Soonest.Sub(j.now))
		}
		j.holds(d, hinted)
		if !d.Again {
			return false
		}
		if !d.Rotate || j.r.IntN(2) == 0 {
			return true
		}
	}
	j.t.Error("the pool is asked without end")
	return false
}

// FuzzV2: whatever comes in whatever order, a wait is never negative, never over
// the cap but for a hint, never below a hint, once per attempt, and all of them
// end in time; and a request ends.
func FuzzV2(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, preview bool) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := policy()
		j := &journey{t: t, p: p, r: r, now: begun, d: retry.V2(p, nil, r.Float64, retry.Request{Begun: begun, Preview: preview})}
		if !j.run() || j.slept > p.Total {
			t.Errorf("slept %v of %v in %d retries", j.slept, p.Total, j.retries)
		}
	})
}

// TestBudget: retries are held to their share from the first request on, whatever
// comes when, and nothing is lost for good.
func TestBudget(t *testing.T) {
	down := &chat.Error{Kind: chat.KindUpstream, Class: chat.ClassUpstream, Status: 500}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 2))
		p := policy()
		p.Share, p.Burst = r.Float64(), r.IntN(20)
		b := retry.NewBudget(p)
		requests, retries := 0, 0
		for range 2000 {
			d := retry.V2(p, b, r.Float64, retry.Request{Begun: begun})
			requests++
			for r.IntN(3) == 0 && d.Next(down, begun).Again {
				retries++
			}
			if most := p.Share*float64(requests) + float64(p.Burst); float64(retries) > most {
				t.Fatalf("seed %d: %d retries of %d requests, at most %v", seed, retries, requests, most)
			}
		}
	}
}

// TestBudgetIsGiven: a share that is asked for is also given, to the last retry
// but for roundings.
func TestBudgetIsGiven(t *testing.T) {
	down := &chat.Error{Kind: chat.KindUpstream, Class: chat.ClassUpstream, Status: 500}
	for _, share := range []float64{0, 0.01, 0.1, 0.333, 0.9, 1.5} {
		p := policy()
		p.Share, p.Burst = share, 2
		b := retry.NewBudget(p)
		retries := 0
		for range 1000 {
			for d := retry.V2(p, b, half, retry.Request{Begun: begun}); d.Next(down, begun).Again; {
				retries++
			}
		}
		if want := int(share*1000) + 2; retries < want-2 || retries > want {
			t.Errorf("%d retries of 1000 requests with a share of %v, want %d", retries, share, want)
		}
	}
}

// TestBudgetInAnyStretch: what was saved up is never more than the burst.
func TestBudgetInAnyStretch(t *testing.T) {
	p := policy()
	b := retry.NewBudget(p)
	for range 100_000 { // all is well for long
		retry.V2(p, b, half, retry.Request{Begun: begun})
	}
	down := &chat.Error{Kind: chat.KindUpstream, Class: chat.ClassUpstream, Status: 500}
	retries := 0
	for range 100 {
		if retry.V2(p, b, half, retry.Request{Begun: begun}).Next(down, begun).Again {
			retries++
		}
	}
	if retries < 19 || retries > 20 { // the burst of 10, and one of ten requests
		t.Errorf("%d retries of 100 requests after a quiet time", retries)
	}
}

// TestBudgetIsSpent: what is told when the budget is empty, that a retry which does
// not take place costs nothing, and that going on with another credential, because
// of the one that failed, never does.
func TestBudgetIsSpent(t *testing.T) {
	p := policy()
	p.Burst, p.Share = 2, 0
	b := retry.NewBudget(p)
	auth := &chat.Error{Kind: chat.KindPermission, Class: chat.ClassAuth, Status: 400}
	rate := &chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Status: 429}
	busy := &chat.Error{Kind: chat.KindOverloaded, Class: chat.ClassCapacity, Status: 429}
	down := &chat.Error{Kind: chat.KindUpstream, Class: chat.ClassUpstream, Status: 500}
	next := func(e *chat.Error) (retry.Decider, string) {
		d := retry.V2(p, b, half, retry.Request{Begun: begun})
		return d, said(d.Next(e, begun))
	}
	d, _ := next(busy)
	next(busy)
	if b.Left() != 0 {
		t.Fatalf("%d left", b.Left())
	}
	for e, want := range map[*chat.Error]string{
		auth: "disable credential, rotate, again", rate: "rotate, again", busy: "tell overloaded, after 1s", down: "tell upstream",
	} {
		if _, got := next(e); got != want {
			t.Errorf("%v with an empty budget: %s, want %s", e.Class, got, want)
		}
	}
	limited, _ := next(rate)
	if got := limited.Without(retry.Shortage{}, begun); got.Again {
		t.Errorf("a wait for a rate limit with an empty budget: %s", said(got))
	}
	if d.Without(retry.Shortage{}, begun.Add(p.Total)); b.Left() != 1 {
		t.Error("a rotation that found nobody has cost a retry")
	}
	if d.Without(retry.Shortage{}, begun.Add(p.Total)); b.Left() != 1 {
		t.Error("it was given back twice")
	}
	if (*retry.Budget)(nil).Left() != -1 {
		t.Error("a budget without limit has one")
	}
}

// TestBudgetOfThoseWhoLeave: a caller who leaves while it is waited has cost no
// retry, however it came to the wait.
func TestBudgetOfThoseWhoLeave(t *testing.T) {
	p := policy()
	p.Burst, p.Share = 3, 0
	b := retry.NewBudget(p)
	down := &chat.Error{Kind: chat.KindUpstream, Class: chat.ClassUpstream, Status: 500}
	rate := &chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Status: 429}
	for range 20 {
		for _, decide := range []func(retry.Decider) retry.Decision{
			func(d retry.Decider) retry.Decision { return d.Next(down, begun) },
			func(d retry.Decider) retry.Decision { d.Next(rate, begun); return d.Without(retry.Shortage{}, begun) },
			func(d retry.Decider) retry.Decision { return d.Without(retry.Shortage{Soonest: begun.Add(1)}, begun) },
		} {
			d := retry.V2(p, b, half, retry.Request{Begun: begun})
			if next := decide(d); next.Sleeps != 1 || b.Left() != 2 {
				t.Fatalf("%s, %d left", said(next), b.Left())
			}
			d.Left()
			d.Left()
		}
	}
	if b.Left() != 3 {
		t.Errorf("%d left of 3", b.Left())
	}
}

// TestBudgetConcurrently: many requests at once keep to the share too.
func TestBudgetConcurrently(t *testing.T) {
	p := policy()
	b := retry.NewBudget(p)
	down := &chat.Error{Kind: chat.KindUpstream, Class: chat.ClassUpstream, Status: 500}
	const workers, each = 16, 500
	var retries atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				d := retry.V2(p, b, half, retry.Request{Begun: begun})
				for d.Next(down, begun).Again {
					retries.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if got, most := retries.Load(), int64(p.Share*workers*each)+int64(p.Burst); got > most || got < most/2 {
		t.Errorf("%d retries of %d requests, at most %d", got, workers*each, most)
	}
}

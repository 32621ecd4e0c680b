package credential_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
)

// TestReleasedOnce: in flight until Done and not earlier, and Done counts once
// (wire.md 6, defects 7 and 8).
func TestReleasedOnce(t *testing.T) {
	p := pool(1)
	l := acquire(t, p, v2)
	l.Answered() // content has begun; the stream goes on
	if n := inFlight(p); n != 1 {
		t.Fatalf("%d in flight while a stream runs", n)
	}
	for range 3 {
		l.Done(limited)
		l.Answered()
	}
	if s := status(t, p, "c0"); s.InFlight != 0 || s.Counters.RateLimited != 1 || s.Counters.Requests != 1 {
		t.Errorf("%+v", s)
	}
}

// TestNoEvidence: a caller who left, and a deferred Done that knows nothing, give
// back and count against nobody.
func TestNoEvidence(t *testing.T) {
	p := pool(1)
	acquire(t, p, v2).Done(credential.Result{})
	acquire(t, p, v2).Done(credential.Result{Neutral: true, Failed: true, Output: 7})
	s := status(t, p, "c0")
	if len(s.Models) != 0 || s.InFlight != 0 {
		t.Errorf("%+v", s)
	}
	if s.Counters != (credential.Counters{Requests: 2, Output: 7}) {
		t.Errorf("%+v", s.Counters) // regression case 19: what it used counts all the same
	}
}

// TestUnused: a credential that was looked at and not used has served no request,
// and has probed nothing.
func TestUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(1)
		p.Cool("c0", model, in(time.Second), "quota")
		time.Sleep(time.Second)
		l := acquire(t, p, v2)
		l.Unused()
		l.Unused()
		l.Done(good)
		if s := status(t, p, "c0"); s.InFlight != 0 || s.Counters.Requests != 0 || s.Models[0].Cooldown.Until.IsZero() || s.Models[0].Cooldown.Probing {
			t.Errorf("%+v", s)
		}
		held := acquire(t, p, v2)
		p.Set(nil)
		held.Unused()
		p.Set(some(1))
		if n := inFlight(p); n != 0 {
			t.Errorf("%d are left in flight", n)
		}
	})
}

// TestStress has 10,000 leases, of which many are given up, on a pool that is
// changed meanwhile: none is left in flight (wire.md 6, defect 8).
func TestStress(t *testing.T) {
	p := pool(20, inPreview("p0"))
	var all sync.WaitGroup
	for w := range 100 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for range 100 {
				once(p, r)
			}
		})
	}
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		for i := range 200 {
			p.Set(append(some(10+i%11), inPreview("p0")))
			p.Disable("c0", "banned", "")
			p.Cool("c1", model, in(time.Millisecond), "quota")
			p.Status()
			p.Enable("c0")
		}
	}()
	all.Wait()
	<-changed
	if n := inFlight(p); n != 0 {
		t.Errorf("%d are left in flight", n)
	}
	// The sums by side are right as well: a session may use its fair part.
	for _, s := range p.Status() {
		p.Clear(s.ID)
	}
	a := credential.Ask{Model: model, Affinity: "session", V2: true}
	home := id(t, p, a)
	if id(t, p, a) != home {
		t.Error("affinity is lost for good")
	}
}

// once is one request that may be cancelled, and tells its end up to three times.
func once(p *credential.Pool, r *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(200))*time.Microsecond)
	defer cancel()
	l, err := p.Acquire(credential.Ask{Model: fmt.Sprintf("m%d", r.IntN(3)), Preview: r.IntN(4) == 0, Affinity: []string{"", "a"}[r.IntN(2)], V2: r.IntN(3) > 0})
	if err != nil {
		return
	}
	defer l.Done(credential.Result{}) // every path has it, most have been before
	select {
	case <-ctx.Done():
		l.Done(credential.Result{Neutral: true})
	case <-time.After(time.Duration(r.IntN(200)) * time.Microsecond):
		l.Answered()
		l.Done([]credential.Result{good, limited, bad}[r.IntN(3)])
	}
}

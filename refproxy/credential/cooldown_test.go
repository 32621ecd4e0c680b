package credential_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
)

// TestForgiven: a 429 is forgiven by time alone, with a half-life of 60 s, so that
// nobody starves for want of a success (wire.md 6, defects 4, 5 and 6).
func TestForgiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(2)
		for range 7 {
			acquire(t, p, credential.Ask{Model: model, Tried: []string{"c1"}}).Done(limited)
		}
		rate := func() float64 { return status(t, p, "c0").Models[0].Rate429 }
		if r := rate(); r != 7./8 {
			t.Errorf("at once: %v", r)
		}
		for range 50 {
			if id(t, p, v2) != "c1" {
				t.Fatal("the refused one serves")
			}
		}
		time.Sleep(time.Minute)
		if r := rate(); r < 3.5/4.5-1e-9 || r > 3.5/4.5+1e-9 {
			t.Errorf("after a half-life: %v", r)
		}
		time.Sleep(9 * time.Minute)
		seen := map[string]int{}
		for range 100 {
			seen[id(t, p, v2)]++
		}
		if seen["c0"] < 20 {
			t.Errorf("after ten minutes: %v", seen)
		}
	})
}

// TestHalfOpen: after a cooldown exactly one probe; a failure doubles the cooldown,
// a success closes it (wire.md 6).
func TestHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, began := pool(1), time.Now()
		p.Cool("c0", model, in(10*time.Second), "quota")
		u := unavailable(t, p, v2)
		if !u.Soonest.Equal(began.Add(10*time.Second)) || u.Capacity || u.None || !strings.HasSuffix(u.Reason, ": quota") {
			t.Errorf("%+v", u)
		}
		if id(t, p, credential.Ask{Model: "other", V2: true}) != "c0" {
			t.Error("another model cools as well")
		}
		for _, cool := range []time.Duration{20 * time.Second, 40 * time.Second} {
			time.Sleep(until(t, p))
			probe := acquire(t, p, v2)
			if u := unavailable(t, p, v2); !u.Soonest.Equal(in(time.Second)) {
				t.Errorf("while it is probed: %+v", u)
			}
			probe.Done(limited)
			if got := until(t, p); got != cool {
				t.Errorf("a failed probe cools %v, want %v", got, cool)
			}
		}
		time.Sleep(until(t, p))
		acquire(t, p, v2).Done(credential.Result{Neutral: true}) // shows nothing: the next one probes
		acquire(t, p, v2).Done(good)
		acquire(t, p, v2)
		acquire(t, p, v2)
		if s := status(t, p, "c0").Models[0]; !s.Cooldown.Until.IsZero() {
			t.Errorf("%+v", s)
		}
	})
}

// until is how long the first credential cools yet, for its first model or as a
// whole.
func until(t *testing.T, p *credential.Pool) time.Duration {
	t.Helper()
	s := p.Status()[0]
	at := s.Cooldown.Until
	if len(s.Models) > 0 && s.Models[0].Cooldown.Until.After(at) {
		at = s.Models[0].Cooldown.Until
	}
	return time.Until(at)
}

// TestProbeWithHint: a failed probe whose upstream names a time waits at least so
// long, whichever is told first, and doubles what was before.
func TestProbeWithHint(t *testing.T) {
	for _, doneFirst := range []bool{false, true} {
		for hint, want := range map[time.Duration]time.Duration{5 * time.Second: 20 * time.Second, time.Minute: time.Minute} {
			synctest.Test(t, func(t *testing.T) {
				p := pool(1)
				p.Cool("c0", "", in(10*time.Second), "quota")
				time.Sleep(10 * time.Second)
				probe := acquire(t, p, v2)
				if doneFirst {
					probe.Done(limited)
				}
				p.Cool("c0", "", in(hint), "quota")
				probe.Done(limited)
				if got := until(t, p); got != want {
					t.Errorf("hint %v, done first %v: cools %v, want %v", hint, doneFirst, got, want)
				}
			})
		}
	}
}

// TestAnswered: a probe has succeeded with the first token, not only when its
// stream has ended.
func TestAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(1)
		p.Cool("c0", "", in(time.Second), "quota")
		time.Sleep(time.Second)
		probe := acquire(t, p, v2)
		unavailable(t, p, v2)
		probe.Answered()
		acquire(t, p, v2)
		probe.Done(bad) // later, in its midst: evidence, but no probe any more
		if s := status(t, p, "c0"); !s.Cooldown.Until.IsZero() || s.InFlight != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestModelProbesNoWhole: a probe of a whole credential that fails for its model
// alone, as with a 404, marks that model and nothing else (issue 6).
func TestModelProbesNoWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(1)
		p.Cool("c0", "", in(10*time.Second), "billing")
		time.Sleep(10 * time.Second)
		acquire(t, p, v2).Done(credential.Result{Failed: true, OfModel: true})
		if s := status(t, p, "c0"); s.Cooldown.Until.After(time.Now()) || s.Models[0].ErrorRate == 0 {
			t.Errorf("%+v", s)
		}
		probe := acquire(t, p, credential.Ask{Model: "other", V2: true}) // it is still to be probed
		unavailable(t, p, v2)
		probe.Done(bad)
		if got := until(t, p); got != 20*time.Second {
			t.Errorf("a failure of the credential cools %v", got)
		}
		p.Clear("c0")
		p.Cool("c0", model, in(10*time.Second), "404")
		time.Sleep(10 * time.Second)
		acquire(t, p, v2).Done(credential.Result{Failed: true, OfModel: true})
		if got := until(t, p); got != 20*time.Second {
			t.Errorf("a failed probe of the model cools %v", got)
		}
	})
}

// TestStragglers: requests that began before a cooldown neither close it by their
// success nor double it by their failure.
func TestStragglers(t *testing.T) {
	p := pool(1)
	one, two := acquire(t, p, v2), acquire(t, p, v2)
	p.Cool("c0", model, in(time.Hour), "quota")
	end := status(t, p, "c0").Models[0].Cooldown.Until
	one.Done(good)
	two.Done(limited)
	if s := status(t, p, "c0").Models[0]; !s.Cooldown.Until.Equal(end) {
		t.Errorf("%+v", s)
	}
}

// TestEarlyProbe: a long cooldown is probed every 15 minutes. A failure leaves its
// end as it is; a success ends it (CLIProxyAPI #5277).
func TestEarlyProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(1)
		p.Cool("c0", model, in(10*time.Hour), "quota of the day")
		end := in(10 * time.Hour)
		for range 3 {
			time.Sleep(15*time.Minute - time.Second)
			if u := unavailable(t, p, v2); !u.Soonest.Equal(end) {
				t.Errorf("%+v", u)
			}
			time.Sleep(time.Second)
			probe := acquire(t, p, v2)
			unavailable(t, p, v2)
			probe.Done(limited)
			unavailable(t, p, v2)
		}
		time.Sleep(15 * time.Minute)
		acquire(t, p, v2).Done(good)
		acquire(t, p, v2)
		acquire(t, p, v2)
	})
}

// TestNoLongerThanADay: neither by what the upstream says nor by doubling; and one
// of 15 minutes or less has no early probe.
func TestNoLongerThanADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(1)
		p.Cool("c0", "", in(137*time.Hour), "quota")
		if got := until(t, p); got != 24*time.Hour {
			t.Errorf("cools %v", got)
		}
		time.Sleep(24 * time.Hour)
		acquire(t, p, v2).Done(bad)
		if got := until(t, p); got != 24*time.Hour {
			t.Errorf("doubled: %v", got)
		}
		p.Clear("c0")
		p.Cool("c0", "", in(15*time.Minute), "quota")
		time.Sleep(15*time.Minute - 1)
		unavailable(t, p, v2)
	})
}

// TestStaleEarlyProbe: a cooldown that begins anew after a long one has no early
// probe left of it.
func TestStaleEarlyProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(1)
		p.Cool("c0", "", in(time.Hour), "quota")
		time.Sleep(2 * time.Hour)
		p.Cool("c0", "", in(time.Hour), "quota") // by one who asked with the scheduler off
		unavailable(t, p, v2)
		time.Sleep(15 * time.Minute)
		acquire(t, p, v2)
	})
}

// TestCapacity: a model without capacity holds new requests back and cools nobody;
// one that has tried a credential goes on to another, and it lapses for all.
func TestCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(2)
		p.CoolModel(model, in(5*time.Second), "overloaded")
		p.CoolModel(model, in(3*time.Second), "overloaded") // ends earlier: nothing new
		u := unavailable(t, p, v2)
		if !u.Capacity || u.None || !u.Soonest.Equal(in(5*time.Second)) || u.Error() != "no credential for model gemini-3-pro: the model has no capacity: overloaded" {
			t.Errorf("%+v", u)
		}
		if got := id(t, p, credential.Ask{Model: model, Tried: []string{"c0"}, V2: true}); got != "c1" {
			t.Errorf("%s serves the next try", got)
		}
		for _, s := range p.Status() {
			if !s.Cooldown.Until.IsZero() || len(s.Models) > 0 {
				t.Errorf("%+v", s)
			}
		}
		id(t, p, credential.Ask{Model: "other", V2: true})
		time.Sleep(5 * time.Second)
		acquire(t, p, v2)
		acquire(t, p, v2)
	})
}

// TestSoonest (regression case 28): where all cool, the error has the earliest end,
// and capacity counts only as long as it is longer.
func TestSoonest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(3)
		for i, id := range []string{"c0", "c1", "c2"} {
			p.Cool(id, "", in(time.Duration(3-i)*time.Minute), "quota "+id)
		}
		p.Cool("c2", model, in(150*time.Second), "quota of the model")
		u := unavailable(t, p, v2)
		if !u.Soonest.Equal(in(2*time.Minute)) || u.Reason != "all 3 are cooling or have been tried: quota c1" {
			t.Errorf("%+v", u)
		}
		p.CoolModel(model, in(time.Second), "overloaded")
		if u := unavailable(t, p, v2); !u.Capacity || !u.Soonest.Equal(in(2*time.Minute)) {
			t.Errorf("%+v", u)
		}
	})
}

// TestClear (regression case 20): an operator's clear acts at once and keeps the
// credential.
func TestClear(t *testing.T) {
	p := pool(1)
	acquire(t, p, v2).Done(credential.Result{Failed: true, Reason: "503"})
	p.Cool("c0", model, in(time.Hour), "quota")
	p.Cool("c0", "", in(time.Hour), "banned")
	if s := status(t, p, "c0"); len(s.Failures) != 3 || s.Failures[2].Reason != "banned" {
		t.Errorf("%+v", s.Failures)
	}
	p.Clear("c0")
	acquire(t, p, v2)
	if s := status(t, p, "c0"); len(s.Failures) != 0 || s.Models[0].ErrorRate != 0 || s.Counters.Failed != 1 {
		t.Errorf("%+v", s)
	}
}

// TestFailuresAreFew: the panel has the last five.
func TestFailuresAreFew(t *testing.T) {
	p := pool(1)
	for _, r := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		acquire(t, p, v2).Done(credential.Result{Failed: true, Reason: r})
	}
	p.Cool("c0", "", in(time.Hour), "7") // the same once more
	s := status(t, p, "c0")
	if len(s.Failures) != 5 || s.Failures[4].Model != model || s.Failures[0].Reason != "3" || s.Failures[4].Reason != "7" {
		t.Errorf("%+v", s.Failures)
	}
}

// TestNoTTL: a request that takes an hour is in flight for an hour (wire.md 6,
// defect 9).
func TestNoTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(2)
		l := acquire(t, p, v2)
		time.Sleep(time.Hour)
		if inFlight(p) != 1 || id(t, p, v2) == l.Credential().ID {
			t.Error("a long request is forgotten")
		}
		l.Done(good)
	})
}

// TestScaledClock: half-lives and cooldowns are the pool's clock's.
func TestScaledClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := clock.NewScaled(60, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		p := credential.New(credential.Config{Seed: 1, Clock: c})
		p.Set(some(1))
		acquire(t, p, v2).Done(limited)
		p.Cool("c0", model, c.Now().Add(time.Minute), "quota")
		time.Sleep(time.Second - 1)
		_, err = p.Acquire(v2)
		if _, cools := errors.AsType[*credential.Unavailable](err); !cools {
			t.Error("the cooldown is over too soon")
		}
		time.Sleep(time.Nanosecond)
		acquire(t, p, v2).Done(good)
		if r := status(t, p, "c0").Models[0].Rate429; r < .19 || r > .21 { // .5 of .5+1+1
			t.Errorf("a minute's decay is %v", r)
		}
	})
}

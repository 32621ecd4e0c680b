package credential_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
)

// chi2 is Pearson's statistic of counts against equal shares.
func chi2(counts map[string]int, among, n int) float64 {
	want, sum := float64(n)/float64(among), float64(among-len(counts))*float64(n)/float64(among)
	for _, c := range counts {
		sum += (float64(c) - want) * (float64(c) - want) / want
	}
	return sum
}

// TestOffIsUniform: with the scheduler off every enabled credential that was not
// tried is as likely, whatever happened to it (wire.md 6, defect 3).
func TestOffIsUniform(t *testing.T) {
	p := pool(10, credential.Credential{ID: "drained"}, credential.Credential{ID: "off", Weight: 1, Disabled: "banned"}, inPreview("p"))
	for range 50 { // evidence, load and cooldowns are for the scheduler
		acquire(t, p, credential.Ask{Model: model, Tried: []string{"c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"}})
	}
	p.Cool("c1", "", in(time.Hour), "quota")
	p.CoolModel(model, in(time.Hour), "capacity")
	for _, tried := range [][]string{nil, {"c3"}, {"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"}} {
		counts := map[string]int{}
		const n = 10_000
		for range n {
			counts[id(t, p, credential.Ask{Model: model, Tried: tried})]++
		}
		among := 10 - len(tried)
		// 27.9 is exceeded once in a thousand seeds with nine degrees of freedom,
		// more seldom with fewer.
		if x := chi2(counts, among, n); len(counts) != among || x > 27.9 {
			t.Errorf("tried %v: %d credentials, chi-square %.1f: %v", tried, len(counts), x, counts)
		}
	}
}

// TestEqualShares (regression case 13): under equal load every credential is used,
// and by the scheduler more evenly than at random: in two thousand requests, ten in
// flight, the busiest of eight has at most 1.15 times its part.
func TestEqualShares(t *testing.T) {
	p := pool(8)
	const n, bound = 2000, 1.15
	counts := map[string]int{}
	var open []*credential.Lease
	for range n {
		l := acquire(t, p, v2)
		counts[l.Credential().ID]++
		if open = append(open, l); len(open) == 10 {
			open[0].Done(good)
			open = open[1:]
		}
	}
	for c, k := range counts {
		if part := float64(k) * 8 / n; len(counts) != 8 || part > bound || part < 2-bound {
			t.Errorf("%s has %.2f times its part", c, part)
		}
	}
}

// TestLoadGoesByWeight: in flight weighs by the weight, so that a credential of
// weight 3 holds three times as much.
func TestLoadGoesByWeight(t *testing.T) {
	p := credential.New(credential.Config{Seed: 1})
	p.Set([]credential.Credential{{ID: "light", Weight: 1}, {ID: "heavy", Weight: 3}})
	for range 80 {
		acquire(t, p, v2)
	}
	if n := status(t, p, "heavy").InFlight; n < 58 || n > 62 {
		t.Errorf("of 80 the one with three quarters of the weight holds %d", n)
	}
}

// TestBoundary is the preview boundary: preview models on preview credentials
// alone, others there only where no other can serve (issue 6).
func TestBoundary(t *testing.T) {
	for _, on := range []bool{false, true} {
		p := pool(2, inPreview("p0"), inPreview("p1"))
		general := credential.Ask{Model: model, V2: on}
		early := credential.Ask{Model: "gemini-4-preview", Preview: true, V2: on}
		for range 200 {
			if got := id(t, p, general); got[0] != 'c' {
				t.Fatalf("v2 %v: %s serves a model that is not in preview", on, got)
			}
			if got := id(t, p, early); got[0] != 'p' {
				t.Fatalf("v2 %v: %s serves a model in preview", on, got)
			}
		}
		p.Disable("c0", "banned", "")
		p.Disable("c1", "banned", "")
		if got := id(t, p, general); got[0] != 'p' {
			t.Errorf("v2 %v: %s", on, got)
		}
		p.Enable("c0")
		p.Disable("p0", "banned", "")
		p.Disable("p1", "banned", "")
		if u := unavailable(t, p, early); !u.None || u.Reason != "it is in preview, and no preview credential is enabled" {
			t.Errorf("v2 %v: %+v", on, u)
		}
	}
}

// TestSpill: while all others cool, preview credentials serve other models, too.
func TestSpill(t *testing.T) {
	p := pool(1, inPreview("p0"))
	p.Cool("c0", model, in(time.Minute), "quota")
	if got := id(t, p, v2); got != "p0" {
		t.Errorf("%s serves", got)
	}
	if got := id(t, p, credential.Ask{Model: "other", V2: true}); got != "c0" {
		t.Errorf("%s serves another model", got)
	}
}

// TestNotFoundOnPreview (regression case 6): a 404 cools one model on one
// credential; no preview mark changes.
func TestNotFoundOnPreview(t *testing.T) {
	p := pool(0, inPreview("p0"), inPreview("p1"))
	early := credential.Ask{Model: "gemini-4-preview", Preview: true, V2: true}
	p.Cool("p0", early.Model, in(10*time.Minute), "404: no such model")
	for range 50 {
		if got := id(t, p, early); got != "p1" {
			t.Fatalf("%s serves the model that it does not have", got)
		}
	}
	seen := map[string]int{}
	for range 50 {
		seen[id(t, p, credential.Ask{Model: "gemini-3-preview", Preview: true, V2: true})]++
	}
	if len(seen) != 2 {
		t.Errorf("another preview model is served by %v", seen)
	}
	for _, s := range p.Status() {
		if !s.Preview || s.Disabled != "" {
			t.Errorf("%s is %+v", s.ID, s.Credential)
		}
	}
}

// TestScore holds the status's score to the formula.
func TestScore(t *testing.T) {
	p := pool(1)
	for _, r := range []credential.Result{limited, limited, bad, good} {
		acquire(t, p, v2).Done(r)
	}
	acquire(t, p, v2)
	want := 3.0*1 + 4*2.0/5 + 1.2*1.0/5
	if s := status(t, p, "c0"); math.Abs(s.Score-want) > .01 || s.Models[0].Score != s.Score {
		t.Errorf("score %v, want %v", s.Score, want)
	}
}

// TestLatencyBreaksTies: of two alike the faster serves more, but a request in
// flight outweighs any latency.
func TestLatencyBreaksTies(t *testing.T) {
	p := pool(2)
	others := map[string][]string{"c0": {"c1"}, "c1": {"c0"}}
	for range 20 {
		for c, took := range map[string]time.Duration{"c0": time.Second, "c1": 9 * time.Second} {
			acquire(t, p, credential.Ask{Model: model, Tried: others[c], V2: true}).Done(credential.Result{OK: true, FirstToken: took})
		}
	}
	slow := status(t, p, "c1").Models[0]
	if slow.Score < .3 || slow.Score > .5 || slow.Latency.Round(time.Second) != 9*time.Second {
		t.Errorf("%+v", slow)
	}
	l := acquire(t, p, credential.Ask{Model: model, Tried: []string{"c1"}, V2: true})
	for range 100 {
		if got := id(t, p, v2); got != "c1" {
			t.Fatal("latency outweighs a request in flight")
		}
	}
	l.Done(good)
}

// TestAffinity: one key stays with one credential, keys spread evenly, and a
// credential that comes moves about its part of them alone.
func TestAffinity(t *testing.T) {
	for _, n := range []int{8, 200} { // fewer and more than are looked at for one key
		testAffinity(t, n)
	}
}

func testAffinity(t *testing.T, n int) {
	t.Helper()
	const keys = 8000
	p := pool(n)
	where := func() map[string]string {
		all := map[string]string{}
		for k := range keys {
			key := fmt.Sprintf("session-%d", k)
			all[key] = id(t, p, credential.Ask{Model: model, Affinity: key, V2: true})
		}
		return all
	}
	before, counts := where(), map[string]int{}
	for _, c := range before {
		counts[c]++
	}
	if x := chi2(counts, n, keys); n == 8 && x > 24.3 { // once in a thousand pools
		t.Errorf("chi-square %.1f: %v", x, counts)
	}
	for c, k := range counts {
		if part := float64(k*n) / keys; part < .3 || part > 2 {
			t.Errorf("of %d credentials %s has %.2f times its part", n, c, part)
		}
	}
	p.Set(some(n + 1))
	moved := 0
	for key, c := range where() {
		if c != before[key] {
			moved++
		}
	}
	// Of a large pool one more falls out of the sight of some keys.
	if part := float64(moved*(n+1)) / keys; part < .3 || part > 3 || n == 8 && part > 1.5 {
		t.Errorf("one more than %d credentials moves %d of %d keys", n, moved, keys)
	}
}

// TestNewcomer: one that is added to a pool that has served for long gets its part
// and no more (wire.md 6, defect 6).
func TestNewcomer(t *testing.T) {
	p := pool(4)
	for range 5000 {
		acquire(t, p, v2).Done(good)
	}
	p.Set(some(5))
	n := 0
	for range 2000 {
		l := acquire(t, p, v2)
		l.Done(good)
		if l.Credential().ID == "c4" {
			n++
		}
	}
	if n < 340 || n > 460 { // three standard deviations of a fifth
		t.Errorf("a newcomer gets %d of 2000", n)
	}
}

// TestAffinityYields: to cooldowns, to overload, and comes back.
func TestAffinityYields(t *testing.T) {
	p := pool(4)
	a := credential.Ask{Model: model, Affinity: "session", V2: true}
	home := id(t, p, a)
	var open []*credential.Lease
	for range 40 {
		open = append(open, acquire(t, p, a))
	}
	if s := status(t, p, home); s.InFlight > 13 { // 1.25 of a fourth, rounded up
		t.Errorf("one session puts %d of 40 on one credential", s.InFlight)
	}
	for _, l := range open {
		l.Done(good)
	}
	p.Cool(home, model, in(time.Minute), "quota")
	second := id(t, p, a)
	if second == home || id(t, p, a) != second {
		t.Error("a session wanders while its credential cools")
	}
	p.Clear(home)
	if id(t, p, a) != home {
		t.Error("it does not come back")
	}
}

// TestAffinityLeavesTheSick: a session does not stay with a credential that fails it
// and names no time, and comes back when that is forgiven.
func TestAffinityLeavesTheSick(t *testing.T) {
	for name, r := range map[string]credential.Result{"429": limited, "failure": bad} {
		synctest.Test(t, func(t *testing.T) {
			p := pool(4)
			a := credential.Ask{Model: model, Affinity: "session", V2: true}
			home := acquire(t, p, a)
			home.Done(r)
			if id(t, p, a) != home.Credential().ID {
				t.Errorf("one %s drives a session away", name)
			}
			acquire(t, p, a).Done(r)
			second := id(t, p, a)
			if second == home.Credential().ID || id(t, p, a) != second {
				t.Errorf("after two of %s it is at %s", name, second)
			}
			time.Sleep(time.Minute)
			if id(t, p, a) != home.Credential().ID {
				t.Errorf("%s: it does not come back", name)
			}
		})
	}
}

// TestFadedScore: what is nearly nothing after most of a day is a number yet.
func TestFadedScore(t *testing.T) {
	for _, took := range []time.Duration{50 * time.Millisecond, 40 * time.Second} {
		for half := range 200 { // around the smallest number that there is
			synctest.Test(t, func(t *testing.T) {
				p := pool(1)
				acquire(t, p, v2).Done(credential.Result{OK: true, FirstToken: took})
				time.Sleep(1000*time.Minute + time.Duration(half)*30*time.Second)
				if s := status(t, p, "c0"); !(s.Score >= 0 && s.Score <= 0.5) {
					t.Errorf("%v, after %v minutes: score %v", took, 1000+float64(half)/2, s.Score)
				}
			})
		}
	}
}

// TestSetActsAtOnce (regression case 12): credentials that are added, removed or
// changed act on the next request; those that stay keep their state.
func TestSetActsAtOnce(t *testing.T) {
	p := pool(1)
	p.Cool("c0", "", in(time.Hour), "quota")
	held := acquire(t, p, credential.Ask{Model: model})
	p.Set(some(2))
	if got := id(t, p, v2); got != "c1" {
		t.Errorf("%s serves", got)
	}
	if s := status(t, p, "c0"); s.InFlight != 1 || s.Cooldown.Reason != "quota" {
		t.Errorf("the state is lost: %+v", s)
	}
	p.Set(some(0))
	if u := unavailable(t, p, v2); !u.None {
		t.Errorf("%+v", u)
	}
	held.Done(bad) // after its credential has gone
	p.Set([]credential.Credential{{ID: "c0"}})
	if u := unavailable(t, p, v2); !u.None {
		t.Error("one of weight 0 serves")
	}
	p.Set(some(1))
	if l := acquire(t, p, v2); l.Credential().ID != "c0" || inFlight(p) != 1 {
		t.Error("one that came back is not as new")
	}
}

// TestDisabled (regression cases 5 and 20): a dead credential is out of use with
// the reason shown, stays in the list, and comes back when it is enabled. A Set
// that says the same as before does not enable it.
func TestDisabled(t *testing.T) {
	p := pool(2)
	p.Disable("c0", "invalid_grant", "https://accounts.example/verify?x=1")
	renamed := some(2)
	renamed[0].Label = "another label"
	p.Set(renamed)
	for range 50 {
		if id(t, p, v2) != "c1" || id(t, p, credential.Ask{Model: model}) != "c1" {
			t.Fatal("a disabled credential serves")
		}
	}
	if s := status(t, p, "c0"); s.Disabled != "invalid_grant" || s.DisabledURL != "https://accounts.example/verify?x=1" {
		t.Errorf("%+v", s)
	}
	p.Enable("c0")
	if s := status(t, p, "c0"); s.Disabled != "" || s.DisabledURL != "" {
		t.Errorf("%+v", s)
	}
	list := some(2)
	list[0].Disabled = "by the operator"
	p.Set(list)
	if id(t, p, v2) != "c1" {
		t.Error("the operator's word does not count")
	}
	p.Set(some(2))
	if status(t, p, "c0").Disabled != "" {
		t.Error("nor does it the second time")
	}
}

// TestTried: a request gets another credential each time, and hears when it has
// had all.
func TestTried(t *testing.T) {
	for _, on := range []bool{false, true} {
		p := pool(5)
		a := credential.Ask{Model: model, V2: on}
		for range 5 {
			got := id(t, p, a)
			if slices.Contains(a.Tried, got) {
				t.Fatalf("v2 %v: %s a second time", on, got)
			}
			a.Tried = append(a.Tried, got)
		}
		if u := unavailable(t, p, a); !u.Tried || u.None || u.Capacity || !u.Soonest.IsZero() {
			t.Errorf("v2 %v: %+v", on, u)
		}
	}
}

// TestSelectEvent: each choice of the scheduler is told, with what it saw.
func TestSelectEvent(t *testing.T) {
	var seen []credential.Selection
	p := credential.New(credential.Config{Seed: 1, OnSelect: func(s credential.Selection) { seen = append(seen, s) }})
	p.Set(append(some(3), inPreview("p0")))
	id(t, p, credential.Ask{Model: model}) // off: no event
	p.Cool("c0", model, in(time.Minute), "quota")
	p.Cool("c0", "", in(time.Minute), "quota")
	p.Cool("c1", "", in(time.Minute), "quota")
	p.Cool("p0", "", in(time.Minute), "quota")
	acquire(t, p, v2).Done(limited)
	acquire(t, p, v2)
	p.Cool("c2", "", in(time.Minute), "quota")
	unavailable(t, p, v2)
	if len(seen) != 3 {
		t.Fatalf("%d events", len(seen))
	}
	if s := seen[0]; s.Model != model || s.Available != 1 || s.Cooling != 3 || s.Selected != "c2" || s.InFlight != 0 || s.Ratio429 != 0 {
		t.Errorf("%+v", s)
	}
	if s := seen[1]; math.Abs(s.Ratio429-.5) > .01 || s.Score < 2-.01 || s.Score > 2.5 {
		t.Errorf("%+v", s)
	}
	if s := seen[2]; s.Available != 0 || s.Cooling != 4 || s.Selected != "" {
		t.Errorf("%+v", s)
	}
	if a := seen[0].LogAttrs(); len(a) != 7 || a[4].Key != "selected" {
		t.Errorf("%v", a)
	}
}

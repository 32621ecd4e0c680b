package credential_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
)

// A world is a pool under random events, and the leases that are out.
type world struct {
	p      *credential.Pool
	r      *rand.Rand
	open   []*credential.Lease
	seen   credential.Selection
	models []string
}

// TestProperties holds, after every one of many random events, what the pool
// chooses and counts against what its status says by a plain look at all.
func TestProperties(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(30) {
			w := &world{r: rand.New(rand.NewPCG(seed, 1)), models: []string{"a", "b"}}
			w.p = credential.New(credential.Config{Seed: seed + 1, OnSelect: func(s credential.Selection) { w.seen = s }})
			w.p.Set(w.list())
			for range 300 {
				w.event()
				w.check(t)
			}
			for _, l := range w.open {
				l.Done(credential.Result{})
			}
			if n := inFlight(w.p); n != 0 {
				t.Fatalf("seed %d: %d left in flight", seed, n)
			}
		}
	})
}

func (w *world) list() []credential.Credential {
	var list []credential.Credential
	for i := range 4 {
		if w.r.IntN(4) > 0 {
			list = append(list, credential.Credential{ID: w.id(i), Preview: i < 2, Weight: float64(w.r.IntN(3))})
		}
	}
	return list
}

func (w *world) id(i int) string { return fmt.Sprintf("c%d", i) }

// event does one thing of all that can happen. No cooldown is long enough for an
// early probe, which a status does not tell of.
func (w *world) event() {
	id, model := w.id(w.r.IntN(4)), w.models[w.r.IntN(2)]
	switch w.r.IntN(12) {
	case 0, 1, 2:
		w.p.Cool(id, []string{"", model, model}[w.r.IntN(3)], in(time.Duration(1+w.r.IntN(20))*time.Second), "quota")
	case 3:
		w.p.Clear(id)
	case 4:
		w.p.Disable(id, "banned", "")
	case 5, 6:
		w.p.Enable(id)
	case 7:
		if w.r.IntN(5) == 0 {
			w.p.Set(w.list())
		}
	case 8, 9:
		time.Sleep(time.Duration(w.r.IntN(10)) * time.Second)
	default:
		if n := len(w.open); n > 0 {
			i := w.r.IntN(n)
			w.open[i].Done([]credential.Result{good, bad, limited, {}}[w.r.IntN(4)])
			w.open = slices.Delete(w.open, i, i+1)
		}
	}
}

// check asks for something, and knows from the status who may and who must serve.
func (w *world) check(t *testing.T) {
	t.Helper()
	a := credential.Ask{
		Model: w.models[w.r.IntN(2)], Preview: w.r.IntN(2) == 0, V2: true,
		Affinity: []string{"", "x"}[w.r.IntN(2)], Tried: [][]string{nil, nil, {"c0"}, {"c1", "c3"}}[w.r.IntN(4)],
	}
	all := w.p.Status()
	var available, cooling int
	var may, before []string // who can serve; and of those on the side that goes first
	for _, s := range all {
		if s.Disabled != "" || s.Weight == 0 || a.Preview && !s.Preview {
			continue
		}
		cool, blocked := state(s, a.Model)
		if cool {
			cooling++
		} else {
			available++
		}
		if !blocked && !slices.Contains(a.Tried, s.ID) {
			may = append(may, s.ID)
			if s.Preview == a.Preview {
				before = append(before, s.ID)
			}
		}
	}
	if len(before) > 0 {
		may = before
	}
	l, err := w.p.Acquire(a)
	if w.seen.Available != available || w.seen.Cooling != cooling {
		t.Fatalf("%+v of %+v: want %d available, %d cooling", w.seen, all, available, cooling)
	}
	if u, none := errors.AsType[*credential.Unavailable](err); none {
		if len(may) > 0 || u.None != (available+cooling == 0) || w.seen.Selected != "" {
			t.Fatalf("%+v: %+v although %v can serve; %+v", a, u, may, all)
		}
		if !u.None && !u.Tried && !u.Soonest.After(time.Now()) {
			t.Fatalf("nobody can serve until %v, which is past", u.Soonest)
		}
		return
	}
	if id := l.Credential().ID; !slices.Contains(may, id) || w.seen.Selected != id {
		t.Fatalf("%+v: %s serves, of %v; %+v", a, id, may, all)
	}
	w.open = append(w.open, l)
}

// state tells whether a credential cools for a model, and whether that keeps it
// from serving, if only as a probe.
func state(s credential.Status, model string) (cool, blocked bool) {
	list := []credential.Cooldown{s.Cooldown}
	for _, m := range s.Models {
		if m.Model == model {
			list = append(list, m.Cooldown)
		}
	}
	for _, c := range list {
		cool = cool || !c.Until.IsZero()
		blocked = blocked || !c.Until.IsZero() && (c.Probing || c.Until.After(time.Now()))
	}
	return cool, blocked
}

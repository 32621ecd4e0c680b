package control_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/control"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/store"
)

// A held journal has every Save wait until it is let go.
type held struct {
	control.Journal
	begun chan struct{} // a Save has
	free  chan struct{} // closed: they may go on
}

func (h held) Save(ctx context.Context, states []credential.State) error {
	select {
	case h.begun <- struct{}{}:
	default:
	}
	<-h.free
	return h.Journal.Save(ctx, states)
}

// TestThousandsOfCredentials (regression case 36): 4,000 credentials are used, and
// cool, while their states cannot be written: no request waits for the disk. Then
// all of it is written to a real store, and is there after a restart.
func TestThousandsOfCredentials(t *testing.T) {
	const model = "gemini-3-pro"
	path := filepath.Join(t.TempDir(), "p.db")
	open := func() *store.Store {
		key, err := store.ParseKey(sealKey)
		if err != nil {
			t.Fatal(err)
		}
		st, err := store.Open(t.Context(), "sqlite:"+path, key)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	list := make([]credential.Credential, many)
	for i := range list {
		list[i] = credential.Credential{ID: fmt.Sprintf("c%04d", i), Weight: 1}
	}
	st := open()
	journal := held{control.Journal{Store: st}, make(chan struct{}, 1), make(chan struct{})}
	p := credential.New(credential.Config{Seed: 1, Journal: journal, Interval: time.Millisecond})
	p.Set(list)
	if err := p.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	use := func() *credential.Lease {
		l, err := p.Acquire(credential.Ask{Model: model, V2: true})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	use().Done(credential.Result{OK: true, Output: 1})
	<-journal.begun
	for range many - 1 { // each cools, so that the next request has another one
		l := use()
		p.Cool(l.Credential().ID, model, time.Now().Add(time.Hour), "rate: slow down")
		l.Done(credential.Result{RateLimited: true, Output: 1})
	}
	p.Disable("c0007", "banned", "https://example.test/verify")
	close(journal.free)
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}

	st = open()
	defer func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}()
	p = credential.New(credential.Config{Seed: 1, Journal: control.Journal{Store: st}})
	p.Set(list)
	if err := p.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	cooling, requests, output := 0, int64(0), int64(0)
	for _, s := range p.Status() {
		requests, output = requests+s.Counters.Requests, output+s.Counters.Output
		if len(s.Models) == 1 && s.Models[0].Cooldown.Reason == "rate: slow down" {
			cooling++
		}
		if (s.Disabled != "") != (s.ID == "c0007") {
			t.Errorf("%s: disabled %q", s.ID, s.Disabled)
		}
	}
	if cooling != many-1 || requests != many || output != many {
		t.Errorf("of %d there are %d cooling after a restart, with %d requests and %d tokens", many, cooling, requests, output)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

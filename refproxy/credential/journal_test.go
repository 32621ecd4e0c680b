package credential_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
)

// A memory is a journal that adds counters up as it is told to.
type memory struct {
	mu     sync.Mutex
	rows   map[[2]string]credential.State
	saves  int
	failed int
	fails  bool
	takes  time.Duration
}

func (m *memory) Save(_ context.Context, states []credential.State) error {
	time.Sleep(m.takes)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails {
		m.failed++
		return errors.New("disk full")
	}
	m.saves++
	if m.rows == nil {
		m.rows = map[[2]string]credential.State{}
	}
	for _, s := range states {
		key := [2]string{s.ID, s.Model}
		old := m.rows[key].Counters
		s.Counters.Requests += old.Requests
		s.Counters.Output += old.Output
		s.Counters.Failed += old.Failed
		m.rows[key] = s
	}
	return nil
}

func (m *memory) Load(context.Context) ([]credential.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails {
		return nil, errors.New("disk full")
	}
	var list []credential.State
	for _, s := range m.rows {
		list = append(list, s)
	}
	return list, nil
}

func (m *memory) set(fails bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fails = fails
}

func (m *memory) row(id, model string) credential.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rows[[2]string{id, model}]
}

func (m *memory) counts() (saves, failed int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.saves, m.failed
}

func kept(t *testing.T, m *memory, n int) *credential.Pool {
	t.Helper()
	p := credential.New(credential.Config{Seed: 1, Journal: m})
	p.Set(some(n))
	if err := p.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func shut(t *testing.T, p *credential.Pool) {
	t.Helper()
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestOutlivesTheProcess: cooldowns, the reason of a disabled credential and
// counters do; what has passed meanwhile does not.
func TestOutlivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		p := kept(t, m, 4)
		acquire(t, p, credential.Ask{Model: model, Tried: []string{"c1", "c2", "c3"}}).Done(credential.Result{OK: true, Output: 5})
		p.Cool("c0", model, in(time.Hour), "quota of the day")
		p.Cool("c1", "", in(2*time.Hour), "quota")
		p.Cool("c3", model, in(time.Second), "rate")
		p.Disable("c2", "banned", "https://example")
		shut(t, p)
		time.Sleep(time.Minute)

		p = kept(t, m, 4)
		if s := status(t, p, "c0"); len(s.Models) != 1 || s.Models[0].Cooldown.Reason != "quota of the day" || s.Counters.Requests != 1 || s.Counters.Output != 5 {
			t.Errorf("%+v", s)
		}
		if s := status(t, p, "c1"); !s.Cooldown.Until.Equal(in(119 * time.Minute)) {
			t.Errorf("%+v", s)
		}
		if s := status(t, p, "c2"); s.Disabled != "banned" || s.DisabledURL != "https://example" {
			t.Errorf("%+v", s)
		}
		if id(t, p, v2) != "c3" {
			t.Error("another one serves")
		}
		// The length is kept as well: a failed probe doubles it.
		time.Sleep(time.Hour)
		acquire(t, p, credential.Ask{Model: model, Tried: []string{"c1", "c2", "c3"}, V2: true}).Done(limited)
		if s := status(t, p, "c0"); !s.Models[0].Cooldown.Until.Equal(in(2 * time.Hour)) {
			t.Errorf("%+v", s)
		}
		shut(t, p)
	})
}

// TestBehindTheRequests: however long a save takes, a choice takes no time, and
// what happens meanwhile goes into the next one.
func TestBehindTheRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{takes: 5 * time.Second}
		p, began := kept(t, m, 3), time.Now()
		for range 1000 {
			acquire(t, p, v2).Done(good)
		}
		time.Sleep(time.Second) // the save has begun
		for range 1000 {
			acquire(t, p, v2).Done(good)
		}
		if passed := time.Since(began); passed != time.Second {
			t.Errorf("2000 requests took %v", passed-time.Second)
		}
		time.Sleep(20 * time.Second)
		if saves, _ := m.counts(); saves != 2 {
			t.Errorf("%d saves", saves)
		}
		var n int64
		for _, id := range []string{"c0", "c1", "c2"} {
			n += m.row(id, "").Counters.Requests
		}
		if n != 2000 {
			t.Errorf("%d requests are counted", n)
		}
		time.Sleep(time.Hour)
		if saves, _ := m.counts(); saves != 2 {
			t.Error("it saves although nothing changes")
		}
		shut(t, p)
	})
}

// TestNewsWhileSaving: sums that may or may not hold what is being saved count for
// nothing.
func TestNewsWhileSaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := kept(t, &memory{takes: 5 * time.Second}, 1)
		acquire(t, p, v2).Done(good)
		time.Sleep(time.Second)
		p.Merge([]credential.State{{ID: "c0"}})
		if n := status(t, p, "c0").Counters.Requests; n != 1 {
			t.Errorf("%d requests", n)
		}
		time.Sleep(time.Minute)
		shut(t, p)
	})
}

// TestJournalFails: nothing is lost, it is asked less and less often, and Close
// says what happened.
func TestJournalFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		p := kept(t, m, 1)
		m.set(true)
		acquire(t, p, v2).Done(good)
		p.Cool("c0", model, in(time.Hour), "quota")
		time.Sleep(10 * time.Minute)
		if _, failed := m.counts(); failed < 15 || failed > 30 {
			t.Errorf("tried %d times in ten minutes", failed)
		}
		if err := p.Load(t.Context()); err == nil {
			t.Error("a load that failed says nothing")
		}
		m.set(false)
		time.Sleep(time.Minute)
		if s := m.row("c0", model); s.Reason != "quota" {
			t.Errorf("%+v", s)
		}
		if s := m.row("c0", ""); s.Counters.Requests != 1 {
			t.Errorf("%+v", s)
		}
		m.set(true)
		p.Disable("c0", "banned", "")
		if err := p.Close(t.Context()); err == nil {
			t.Error("Close lost a state without a word")
		}
	})
}

// TestCloseIsPatient: as long as its context lasts.
func TestCloseIsPatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := kept(t, &memory{takes: time.Minute}, 1)
		p.Disable("c0", "banned", "")
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		time.Sleep(time.Hour) // the save that is under way has its own limit
	})
}

// TestReplicas: of two pools over one journal the later cooldown counts, and a
// clear that is newer than a cooldown.
func TestReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		a, b := kept(t, m, 1), kept(t, m, 1)
		tell := func(to *credential.Pool) {
			t.Helper()
			time.Sleep(time.Second)
			states, err := m.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			to.Merge(states)
		}
		end := in(time.Hour)
		a.Cool("c0", model, end, "quota")
		tell(b)
		if u := unavailable(t, b, v2); !u.Soonest.Equal(end) || u.None {
			t.Errorf("%+v", u)
		}
		end = in(2 * time.Hour)
		b.Cool("c0", model, end, "quota of the day")
		tell(a)
		if u := unavailable(t, a, v2); !u.Soonest.Equal(end) {
			t.Errorf("%+v", u)
		}
		b.Clear("c0")
		tell(a)
		acquire(t, a, v2).Done(good)
		tell(b)
		if n := status(t, b, "c0").Counters.Requests; n != 1 {
			t.Errorf("%d requests of the other replica", n)
		}
		old, err := m.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a.Disable("c0", "banned", "")
		a.Merge(old) // what was before changes nothing
		tell(b)
		if s := status(t, b, "c0"); s.Disabled != "banned" {
			t.Errorf("%+v", s)
		}
		b.Enable("c0")
		tell(a)
		acquire(t, a, v2).Done(good)
		shut(t, a)
		shut(t, b)
	})
}

// TestStaleNews: a cooldown that someone had before it was cleared here does not
// come back; a newer one does.
func TestStaleNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(1)
		news := credential.State{ID: "c0", Model: model, Until: in(time.Hour), Stamp: time.Now(), Reason: "quota"}
		p.Merge([]credential.State{{ID: "unknown"}, {ID: "c0", Model: "other"}, news})
		unavailable(t, p, v2)
		time.Sleep(time.Minute)
		p.Clear("c0")
		p.Merge([]credential.State{news})
		acquire(t, p, v2).Done(good)
		news.Stamp = in(time.Second)
		p.Merge([]credential.State{news})
		unavailable(t, p, v2)
	})
}

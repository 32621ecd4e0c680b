package live_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

// ended tells of n requests that began and ended.
func ended(t *live.Traffic, n int, r live.Request) {
	for range n {
		t.Began()
		t.Ended(r)
	}
}

func ok(first time.Duration) live.Request {
	return live.Request{Outcome: live.OK, FirstByte: first, FirstToken: 2 * first}
}

func near(got, want time.Duration) bool {
	return math.Abs(float64(got)/float64(want)-1) <= .05
}

func TestFiguresCoverTheWindowAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		traffic := live.NewTraffic(live.Config{})
		time.Sleep(2 * time.Second)
		ended(traffic, 40, ok(100*time.Millisecond))
		time.Sleep(2 * time.Second)
		f := traffic.Figures()
		if f.All.Requests != 40 || f.All.PerSecond != 10 || f.Window != 4*time.Second {
			t.Errorf("after 4 s: %+v over %v, want 40 requests, 10/s over 4 s", f.All, f.Window)
		}
		if l := f.All.FirstByte; l.N != 40 || !near(l.P50, 100*time.Millisecond) || !near(l.P95, 100*time.Millisecond) {
			t.Errorf("first byte %+v, want 100 ms", l)
		}
		if l := f.All.FirstToken; !near(l.P50, 200*time.Millisecond) {
			t.Errorf("first token %+v, want 200 ms", l)
		}
		time.Sleep(56 * time.Second)
		if f := traffic.Figures(); f.All.Requests != 0 || f.Window != 55*time.Second || f.All.FirstByte != (live.Latency{}) {
			t.Errorf("after 60 s: %+v over %v, want none over the 55 s that 12 slots cover", f.All, f.Window)
		}
		if h := traffic.Figures().History; len(h) != 13 || h[0].Requests != 40 {
			t.Errorf("history of %d points, %+v: want the 40 in the first of 13", len(h), h[0])
		}
		time.Sleep(5 * time.Minute)
		for _, p := range traffic.Figures().History {
			if p.Requests != 0 {
				t.Errorf("after 6 min the history still has %d requests at %v", p.Requests, p.At)
			}
		}
	})
}

// TestFailuresAreInfinitelySlow holds that failing fast never looks good, and
// that callers that went away say nothing of speed.
func TestFailuresAreInfinitelySlow(t *testing.T) {
	traffic := live.NewTraffic(live.Config{})
	ended(traffic, 90, ok(10*time.Millisecond))
	ended(traffic, 10, live.Request{Outcome: "upstream", FirstByte: time.Millisecond, FirstToken: time.Millisecond})
	ended(traffic, 50, live.Request{Outcome: live.Left, FirstByte: time.Hour})
	f := traffic.Figures()
	if l := f.All.FirstByte; l.N != 100 || l.Failed != 10 || !near(l.P50, 10*time.Millisecond) || l.P95 != live.Never {
		t.Errorf("first byte %+v, want P50 10 ms and P95 never", l)
	}
	if a := f.All; a.Requests != 150 || a.Failed != 10 || a.Left != 50 {
		t.Errorf("%+v", a)
	}
	want := []live.Count{{Outcome: live.Left, N: 50}, {Outcome: "upstream", N: 10}}
	if fmt.Sprint(f.Errors) != fmt.Sprint(want) {
		t.Errorf("errors %v, want %v", f.Errors, want)
	}
}

func TestQuantiles(t *testing.T) {
	for _, d := range []time.Duration{
		time.Nanosecond, 150 * time.Microsecond, 3 * time.Millisecond, 47 * time.Millisecond, 999 * time.Millisecond, 41 * time.Second, 9 * time.Minute,
	} {
		traffic := live.NewTraffic(live.Config{})
		ended(traffic, 1, ok(d))
		got := traffic.Figures().All.FirstByte.P50
		if want := max(d, 100*time.Microsecond); !near(got, want) {
			t.Errorf("the median of %v alone is %v", d, got)
		}
	}
	traffic := live.NewTraffic(live.Config{})
	for i := range 100 {
		ended(traffic, 1, ok(time.Duration(i+1)*10*time.Millisecond))
	}
	if l := traffic.Figures().All.FirstByte; !near(l.P50, 500*time.Millisecond) || !near(l.P95, 950*time.Millisecond) {
		t.Errorf("of 10 ms to 1 s: %+v", l)
	}
}

func TestSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		traffic := live.NewTraffic(live.Config{})
		in := func(on bool, first time.Duration) live.Request {
			r := ok(first)
			r.Assigned = map[string]live.Assignment{"ff_x": {On: on, Unit: "request", Share: .2}}
			return r
		}
		ended(traffic, 80, in(false, 20*time.Millisecond))
		ended(traffic, 20, in(true, 10*time.Millisecond))
		f := traffic.Figures().Flags[0]
		if share, ok := f.Split.Share(); !ok || share != .2 {
			t.Errorf("split %+v, want 20 of 100", f.Split)
		}
		if !near(f.Off.FirstByte.P50, 20*time.Millisecond) || !near(f.On.FirstByte.P50, 10*time.Millisecond) {
			t.Errorf("arms %+v and %+v, want 20 and 10 ms", f.Off.FirstByte, f.On.FirstByte)
		}
		time.Sleep(16 * time.Second)
		ended(traffic, 10, in(true, 10*time.Millisecond))
		f = traffic.Figures().Flags[0]
		if share, _ := f.Split.Share(); share != 1 || f.Off.Requests != 80 || f.On.Requests != 30 {
			t.Errorf("after a change: split %+v, arms of %d and %d: want all on, and 80 and 30", f.Split, f.Off.Requests, f.On.Requests)
		}
		if _, ok := (live.Split{}).Share(); ok {
			t.Error("a split of nothing has a share")
		}
	})
}

func TestAScaledClockScalesTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fast, err := clock.NewScaled(10, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		traffic := live.NewTraffic(live.Config{Clock: fast})
		ended(traffic, 40, ok(time.Second))
		time.Sleep(400 * time.Millisecond)
		if f := traffic.Figures(); f.Window != 4*time.Second || f.All.PerSecond != 10 {
			t.Errorf("%v and %v/s, want 4 s and 10/s of the proxy's time", f.Window, f.All.PerSecond)
		}
	})
}

func TestRecentRequestsAreBounded(t *testing.T) {
	traffic := live.NewTraffic(live.Config{Recent: 3})
	if got := traffic.Recent(5); len(got) != 0 {
		t.Errorf("before any: %v", got)
	}
	for i := range 5 {
		ended(traffic, 1, live.Request{ID: fmt.Sprint(i), Attempts: make([]live.Attempt, 1000)})
		if got := traffic.Recent(1); len(got) != 1 || got[0].ID != fmt.Sprint(i) {
			t.Errorf("the newest after %d is %v", i, got)
		}
	}
	var ids []string
	for _, r := range traffic.Recent(5) {
		ids = append(ids, r.ID)
	}
	if fmt.Sprint(ids) != "[4 3 2]" {
		t.Errorf("kept %v, want the last three, the newest first", ids)
	}
	if _, found := traffic.Request("1"); found {
		t.Error("an old request is still there")
	}
	if r, found := traffic.Request("3"); !found || len(r.Attempts) != 64 {
		t.Errorf("request 3: %v, %d attempts", found, len(r.Attempts))
	}
}

// TestInventedNamesAreBounded holds that no one fills the memory with names of
// flags and outcomes.
func TestInventedNamesAreBounded(t *testing.T) {
	traffic := live.NewTraffic(live.Config{})
	for i := range 1000 {
		ended(traffic, 1, live.Request{
			Outcome: fmt.Sprint("invented", i), Assigned: map[string]live.Assignment{fmt.Sprint("flag", i): {}},
		})
	}
	if f := traffic.Figures(); len(f.Flags) > 32 || len(f.Errors) > 32 || f.All.Requests != 1000 {
		t.Errorf("%d flags, %d outcomes, %d requests", len(f.Flags), len(f.Errors), f.All.Requests)
	}
}

func TestTrafficFromManySides(t *testing.T) {
	traffic := live.NewTraffic(live.Config{Recent: 7})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				ended(traffic, 1, ok(time.Millisecond))
				traffic.Figures()
				traffic.Recent(3)
			}
		})
	}
	traffic.Began()
	wg.Wait()
	if f := traffic.Figures(); f.All.Requests != 1600 || f.InFlight != 1 {
		t.Errorf("%d requests, %d in flight: want 1600 and 1", f.All.Requests, f.InFlight)
	}
}

package load_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/load"
)

// TestLiveShowsTheTurnThatRuns: when a turn has ended, and before it is decoded,
// the progress has the latencies and failures of its measured requests, and
// nothing in flight.
func TestLiveShowsTheTurnThatRuns(t *testing.T) {
	var n atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if i := n.Add(1); i > 2 && i%4 == 0 { // the first two are warm-up
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		open(w)
		time.Sleep(3 * time.Millisecond)
		say(w, "one")
		finish(w)
	})
	cfg := config(t, s.URL, 20)
	cfg.Warmup = 2
	var last load.Progress
	most := 0
	cfg.Progress = func(p load.Progress) {
		most = max(most, p.Live.InFlight)
		if p.Stage == load.Loading {
			last = p
		}
	}
	run(t, context.Background(), cfg)
	live := last.Live
	if last.Done != 20 || live.InFlight != 0 || live.Late.N != 20 || live.Failed != 5 {
		t.Errorf("at the end of the turn: %+v", last)
	}
	if live.FirstByte.N != 15 || live.FirstToken.N != 15 || live.FirstToken.P50 < int64(3*time.Millisecond) || live.FirstByte.P50 >= live.FirstToken.P50 {
		t.Errorf("first byte %+v, first token %+v", live.FirstByte, live.FirstToken)
	}
	if live.PerSecond <= 0 {
		t.Errorf("%v starts per second", live.PerSecond)
	}
}

// TestLiveBetweenTurns: nothing of a turn that is over stands in the progress of
// the next one, and no failure is counted twice or lost in between.
func TestLiveBetweenTurns(t *testing.T) {
	cfg := config(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }).URL, 3)
	cfg.Blocks = 2
	failed := 0
	cfg.Progress = func(p load.Progress) {
		if p.Stage == load.Starting && (p.Live.Late.N != 0 || p.Live.CPUShare != load.Unknown) {
			t.Errorf("%s: %+v", p.Stage, p.Live)
		}
		now := p.Failed + p.Live.Failed
		if now < failed {
			t.Errorf("%d failed after %d (%s)", now, failed, p.Stage)
		}
		failed = now
	}
	defer func() {
		if failed != 6 {
			t.Errorf("%d failed of 6", failed)
		}
	}()
	run(t, context.Background(), cfg)
}

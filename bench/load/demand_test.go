package load_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// TestDemandIsWhatIsSent holds the estimate to the requests that arrive and to the
// bytes of their bodies.
func TestDemandIsWhatIsSent(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 7)
	cfg.Arms = append(cfg.Arms, load.Standing{ArmName: "candidate", At: load.Target{URL: s.URL}})
	cfg.Blocks, cfg.Warmup = 2, 3
	d, err := cfg.Demand()
	if err != nil {
		t.Fatal(err)
	}
	run(t, t.Context(), cfg)
	got, bytes := s.received(), 0
	for _, r := range got {
		bytes += len(r.body)
	}
	if d.Requests != 40 || len(got) != 40 || d.Output != 40*64 {
		t.Errorf("demand %+v, %d arrived", d, len(got))
	}
	if most := bytes/load.BytesPerToken + len(got); d.Input < bytes/load.BytesPerToken-len(got) || d.Input > most {
		t.Errorf("%d tokens estimated for %d bytes", d.Input, bytes)
	}
	cfg.Shard = load.Shard{Index: 1, Of: 3, Start: time.Now().Add(time.Hour)}
	if d, err := cfg.Demand(); err != nil || d.Requests != 4*(1+2) {
		t.Errorf("shard: %+v %v", d, err)
	}
	talk := config(t, s.URL, 2)
	one, err := talk.Demand()
	if err != nil {
		t.Fatal(err)
	}
	talk.Sessions = &load.Sessions{Turns: 3}
	three, err := talk.Demand()
	// Turn 2 carries turn 1 and its answer, turn 3 both before it.
	if err != nil || three.Requests != 6 || three.Input < 3*one.Input+2*3*64 {
		t.Errorf("sessions of three turns ask for %+v, of one for %+v (%v)", three, one, err)
	}
}

// TestEndedIsToldOfEveryRequest has a server that answers, refuses and breaks off.
func TestEndedIsToldOfEveryRequest(t *testing.T) {
	var n atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) % 3 {
		case 0:
			answer(w, r)
		case 1:
			http.Error(w, `{}`, http.StatusTooManyRequests)
		default:
			panic(http.ErrAbortHandler)
		}
	})
	s.Config.ErrorLog = nil
	cfg := config(t, s.URL, 9)
	var told, refused, untold atomic.Int32
	cfg.Ended = func(e load.Ended) error {
		switch {
		case e.Usage == (dialect.Usage{Input: 12, Output: 7, Cached: 3, Reported: true}) || e.Usage.Reported:
			told.Add(1)
		case e.Asked == load.Demand{}:
			refused.Add(1)
		case e.Asked.Output == 64 && e.Asked.Input > 0:
			untold.Add(1)
		}
		return nil
	}
	run(t, t.Context(), cfg)
	if told.Load() != 3 || refused.Load() != 3 || untold.Load() != 3 {
		t.Errorf("%d told, %d refused, %d untold", told.Load(), refused.Load(), untold.Load())
	}
}

// TestALimitStopsTheRun ends a run of two blocks within its first.
func TestALimitStopsTheRun(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 200)
	cfg.Blocks, cfg.Schedule.PerSecond = 2, 200
	var n atomic.Int32
	cfg.Ended = func(load.Ended) error {
		if n.Add(1) >= 5 {
			return errors.New("that is enough")
		}
		return nil
	}
	r := run(t, t.Context(), cfg)
	if !strings.HasPrefix(r.Stopped, "that is enough in block 1 of 2") || len(r.Samples) != 200 {
		t.Errorf("stopped %q, %d samples", r.Stopped, len(r.Samples))
	}
	if got := outcomes(r.Samples); got[sample.OK] < 5 || got[sample.Aborted] < 100 || got[sample.OK]+got[sample.Aborted] != 200 {
		t.Errorf("%s", fmt.Sprint(got))
	}
}

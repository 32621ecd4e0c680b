package load_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
)

// asked is what a request of the Messages API holds.
type asked struct {
	System   string
	Messages []struct{ Role, Content string }
}

func read(t *testing.T, body string) asked {
	t.Helper()
	var a asked
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// talk is a run of sessions.
func talk(t *testing.T, url string, sessions, turns int) load.Config {
	t.Helper()
	cfg := config(t, url, sessions)
	cfg.Sessions = &load.Sessions{Turns: turns, Think: load.Think{Mean: 5 * time.Millisecond}}
	return cfg
}

func TestATurnCarriesTheAnswerBeforeIt(t *testing.T) {
	s := serve(t, answer)
	cfg := talk(t, s.URL, 4, 3)
	cfg.Sessions.Prefix = []byte(`"You are brief."`)
	r := run(t, t.Context(), cfg)
	if len(r.Samples) != 12 || r.Header.Schedule.PerSlot != 12 || outcomes(r.Samples)[sample.OK] != 12 {
		t.Fatalf("%d samples, %+v, %v", len(r.Samples), r.Header.Schedule, outcomes(r.Samples))
	}
	byNonce := map[string]asked{}
	for _, got := range s.received() {
		a := read(t, got.body)
		_, nonce, _ := strings.Cut(a.Messages[len(a.Messages)-1].Content, "nonce=")
		byNonce[strings.TrimSuffix(nonce, "]")] = a
	}
	closed, said := map[string]int64{}, map[string]asked{}
	last := int64(0)
	for i, sm := range r.Samples {
		a, ok := byNonce[sm.Nonce]
		if !ok || len(a.Messages) != 2*sm.Turn-1 || sm.Seq != i || sm.IntendedNS < last {
			t.Fatalf("turn %d of %s: %d messages, seq %d at place %d, intended %d after %d", sm.Turn, sm.Session, len(a.Messages), sm.Seq, i, sm.IntendedNS, last)
		}
		last = sm.IntendedNS
		if sm.Turn > 1 {
			if sm.IntendedNS != closed[sm.Session]+5e6 {
				t.Errorf("turn %d is intended %d ns after the answer, want 5 ms", sm.Turn, sm.IntendedNS-closed[sm.Session])
			}
			before := said[sm.Session]
			for k, m := range before.Messages {
				if a.Messages[k] != m {
					t.Errorf("turn %d: message %d is %q, was %q", sm.Turn, k, a.Messages[k].Content, m.Content)
				}
			}
			if m := a.Messages[len(before.Messages)]; m.Role != "assistant" || m.Content != "one two three" {
				t.Errorf("turn %d comes behind %+v, not behind the answer", sm.Turn, m)
			}
		}
		if !strings.HasPrefix(a.System, "[firstbyte item=shared occ=0 nonce=") || !strings.HasSuffix(a.System, "] You are brief.") {
			t.Errorf("system text %q", a.System)
		}
		closed[sm.Session], said[sm.Session] = sm.CloseNS, a
	}
}

func TestAFailedTurnEndsItsSessionAlone(t *testing.T) {
	var n atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 2 {
			envelope(w, 500, "api_error", "oops")
			return
		}
		answer(w, r)
	})
	cfg := talk(t, s.URL, 3, 3)
	r := run(t, t.Context(), cfg)
	count := outcomes(r.Samples)
	if len(r.Samples) != 9 || count[sample.HTTP5xx] != 1 || count[sample.DroppedStart] != 0 || r.Health.Dropped != 0 {
		t.Errorf("%d samples, %v, dropped %d", len(r.Samples), count, r.Health.Dropped)
	}
	var failed sample.Sample
	for _, sm := range r.Samples {
		if sm.Outcome == sample.HTTP5xx {
			failed = sm
		}
	}
	if count[sample.Cancelled] != 3-failed.Turn || count[sample.OK] != 9-1-(3-failed.Turn) {
		t.Errorf("turn %d failed: %v", failed.Turn, count)
	}
	for _, sm := range r.Samples {
		if sm.Outcome == sample.Cancelled && (sm.Session != failed.Session || sm.SentNS != 0 || sm.Phase != sample.PhaseSchedule || !strings.Contains(sm.Message, "failed (http_5xx)") || sm.IntendedNS < failed.CloseNS) {
			t.Errorf("%+v", sm)
		}
	}
}

func TestSessionsInAClosedLoop(t *testing.T) {
	var now, peak atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
		}
		time.Sleep(2 * time.Millisecond)
		now.Add(-1)
		answer(w, r)
	})
	cfg := talk(t, s.URL, 6, 2)
	cfg.Schedule = schedule.Spec{Kind: schedule.Closed, Workers: 2, N: 6}
	r := run(t, t.Context(), cfg)
	if outcomes(r.Samples)[sample.OK] != 12 || peak.Load() > 2 {
		t.Errorf("%v, %d at once", outcomes(r.Samples), peak.Load())
	}
	for _, sm := range r.Samples {
		if sm.Turn == 1 && sm.IntendedNS != sm.SentNS || sm.Turn == 2 && sm.IntendedNS > sm.SentNS {
			t.Errorf("turn %d: intended %d, sent %d", sm.Turn, sm.IntendedNS, sm.SentNS)
		}
	}
}

// Sessions that think when the run ends are cut short, and every turn has its
// record.
func TestStoppedSessions(t *testing.T) {
	s := serve(t, answer)
	cfg := talk(t, s.URL, 5, 2)
	cfg.Sessions.Think.Mean = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for len(s.received()) < 5 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	r := run(t, ctx, cfg)
	count := outcomes(r.Samples)
	if len(r.Samples) != 10 || count[sample.Aborted] < 5 || count[sample.OK]+count[sample.Aborted] != 10 || r.Stopped == "" {
		t.Errorf("%d samples, %v, stopped %q", len(r.Samples), count, r.Stopped)
	}
	for _, sm := range r.Samples {
		if sm.IntendedNS <= 0 {
			t.Errorf("turn %d is intended at %d", sm.Turn, sm.IntendedNS)
		}
	}
}

// Both arms get the same sessions, whose turns have the same think times.
func TestTwoArmsHoldTheSameSessions(t *testing.T) {
	s := serve(t, answer)
	cfg := talk(t, s.URL, 3, 2)
	cfg.Blocks, cfg.Sessions.Think.Exponential = 2, true
	cfg.Arms = append(cfg.Arms, load.Standing{ArmName: "candidate", At: load.Target{URL: s.URL}})
	r := run(t, t.Context(), cfg)
	type turn struct {
		block   int
		session string
		turn    int
	}
	type work struct {
		item       string
		occurrence int
		think      int64
	}
	got, closed := map[string]map[turn]work{"baseline": {}, "candidate": {}}, map[string]int64{}
	for _, sm := range r.Samples {
		w := work{item: sm.Item, occurrence: sm.Occurrence}
		if sm.Turn > 1 {
			w.think = sm.IntendedNS - closed[sm.Arm+sm.Session]
		}
		closed[sm.Arm+sm.Session] = sm.CloseNS
		got[sm.Arm][turn{sm.Block, sm.Session, sm.Turn}] = w
	}
	if len(got["baseline"]) != 12 || !maps.Equal(got["baseline"], got["candidate"]) {
		t.Errorf("baseline %v\ncandidate %v", got["baseline"], got["candidate"])
	}
}

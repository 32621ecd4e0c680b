package load

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// TestTurnsFollowAnswersOnAVirtualClock holds that a turn is intended its think
// time after the end of the answer before it, exactly, however long that took; and
// that a session ends with a turn that fails.
func TestTurnsFollowAnswersOnAVirtualClock(t *testing.T) {
	const ms = int64(time.Millisecond)
	for _, row := range []struct {
		name     string
		takes    []int64 // milliseconds of each answer
		fails    int     // turn, from 1; 0: none
		silent   int     // turn that is answered without a text
		until    error   // of every wait
		sent     []int64 // milliseconds
		intended []int64
		skipped  string
	}{
		{"all answered", []int64{30, 5, 100}, 0, 0, nil, []int64{0, 1030, 1037}, []int64{0, 1030, 1037}, ""},
		{"the second fails", []int64{30, 5, 100}, 2, 0, nil, []int64{0, 1030, 0}, []int64{0, 1030, 1037}, "turn 2 failed (http_5xx): the session ended before this turn"},
		{"the first says nothing", []int64{30, 5, 100}, 0, 1, nil, []int64{0, 0, 0}, []int64{0, 1030, 1032}, "turn 1 was answered without a text: the session ended before this turn"},
		{"the run ends", []int64{30, 5, 100}, 0, 0, context.Canceled, []int64{0, 0, 0}, []int64{0, 1030, 1032}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			now := func() int64 { return int64(time.Since(begin)) }
			turns := []*request{{}, {think: 1000 * ms}, {think: 2 * ms}}
			var asked []string
			d := dialogue{
				until: func(at int64) error { time.Sleep(time.Duration(at - now())); return row.until },
				ask: func(r *request) {
					i := slices.Index(turns, r)
					r.sent = now()
					asked = append(asked, fmt.Sprint(len(r.history)))
					r.said = append(r.history, datasets.Message{Role: "user"})
					time.Sleep(time.Duration(row.takes[i] * ms))
					r.closed = now()
					r.sample.Outcome, r.answer = sample.OK, dialect.Answer{Text: "well"}
					if row.fails == i+1 {
						r.sample.Outcome = sample.HTTP5xx
					}
					if row.silent == i+1 {
						r.answer.Text = " "
					}
				},
			}
			d.hold(turns)
			var sent, intended []int64
			for _, r := range turns {
				sent, intended = append(sent, r.sent/ms), append(intended, r.intended/ms)
			}
			if !slices.Equal(sent, row.sent) || !slices.Equal(intended, row.intended) || turns[2].skipped != row.skipped {
				t.Errorf("%s: sent %v, intended %v, %q; want %v, %v, %q", row.name, sent, intended, turns[2].skipped, row.sent, row.intended, row.skipped)
			}
			if want := []string{"0", "2", "4"}[:len(asked)]; !slices.Equal(asked, want) {
				t.Errorf("%s: turns came behind %v messages, want %v", row.name, asked, want)
			}
		})
	}
}

func talkative(seed uint64) Config {
	cfg := whole(seed, 2, 4)
	cfg.Sessions = &Sessions{Turns: 3, Think: Think{Mean: time.Second, Exponential: true}}
	return cfg
}

func TestAPlanOfSessions(t *testing.T) {
	cfg := talkative(1)
	entries, err := Plan(cfg)
	if err != nil || len(entries) != 24 {
		t.Fatalf("%v, %d requests", err, len(entries))
	}
	thinks := map[int64]bool{}
	for i, e := range entries {
		if want := fmt.Sprintf("%d-%d", i/12, i%12/3); e.Session != want || e.Turn != i%3+1 {
			t.Errorf("request %d is turn %d of %s, want %d of %s", i, e.Turn, e.Session, i%3+1, want)
		}
		if first := entries[i-i%3]; e.IntendedNS != first.IntendedNS || (e.ThinkNS == 0) != (e.Turn == 1) {
			t.Errorf("request %d: starts at %d, its session at %d; thinks %d", i, e.IntendedNS, first.IntendedNS, e.ThinkNS)
		}
		thinks[e.ThinkNS] = true
	}
	if len(thinks) != 17 {
		t.Errorf("%d think times of 16 later turns", len(thinks)-1)
	}
	again := talkative(9)
	again.Sessions, again.Listed, again.Schedule = nil, entries, schedule.Spec{Kind: schedule.Listed, N: 12}
	if err := again.Validate(); err != nil {
		t.Fatal(err)
	}
	if newPlan(&cfg).hash != newPlan(&again).hash {
		t.Error("listed sessions are another plan")
	}
	if back, _ := Plan(again); cmp.Diff(entries, back) != "" {
		t.Error("listed sessions are written down otherwise")
	}
	other := talkative(1)
	other.Sessions.Think.Exponential = false
	if newPlan(&cfg).hash == newPlan(&other).hash {
		t.Error("think times are not in the hash of the plan")
	}
	if got := cfg.profile(); got != "sessions of 3 turns, 1s (exponential, in the mean) after each answer" {
		t.Error(got)
	}
}

func TestBadSessions(t *testing.T) {
	cfg := talkative(1)
	cfg.Shard.Of, cfg.Sessions, cfg.Draw = 2, &Sessions{Think: Think{Mean: -1}}, enriched(1).Draw
	err := cfg.validateSessions()
	for _, want := range []string{"sessions of 0 turns", "think time of -1ns", "no Draw", "not shared between machines"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

package watch_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/watch"
)

// a request of a flag "f" at a second of the traffic.
func flagged(second int, on bool, share float64, session string) sample.Sample {
	at := int64(second) * 1e9
	return sample.Sample{
		Seq: second, Arm: "proxy", IntendedNS: at, SentNS: at, TokenNS: at + 1e6, CloseNS: at + 2e6, Status: 200, Outcome: sample.OK, Session: session,
		Proxy: &sample.ProxySaid{RequestID: fmt.Sprint(second), Flags: map[string]bool{"f": on}, Shares: map[string]float64{"f": share}},
	}
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func traffic(samples ...sample.Sample) watch.Traffic {
	return watch.Traffic{Flag: "f", Zero: epoch, Header: sample.Header{Source: "proxy"}, Samples: samples, Validity: sample.Validity{Grade: sample.Unknown}}
}

func at(second int) time.Time { return epoch.Add(time.Duration(second) * time.Second) }

// TestSplitTakesTheRecordsWord: the arm, the share and the unit are each record's own.
func TestSplitTakesTheRecordsWord(t *testing.T) {
	refused := flagged(9, false, .2, "")
	refused.Proxy = nil // it never came to an assignment
	untold := flagged(9, true, .2, "")
	untold.Proxy.Shares = nil
	all := traffic(
		flagged(1, true, .2, "a"), // before the stage
		flagged(4, true, .05, "a"), flagged(5, false, .2, "a"), flagged(6, true, .2, "a"), flagged(7, false, .2, "b"), refused, untold, flagged(8, false, .2, "b"))
	set, err := all.Split(.2, at(3))
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Units) != 4 || set.Mixed != 0 || set.Header.Design != sample.Split {
		t.Errorf("%d units, %d mixed", len(set.Units), set.Mixed)
	}
	on := 0
	for _, u := range set.Units {
		if u.Share != .2 {
			t.Errorf("share %v", u.Share)
		}
		if u.Candidate {
			on++
		}
	}
	if on != 1 {
		t.Errorf("%d units have the flag", on)
	}
	all.BySession = true
	if set, err = all.Split(.2, at(3)); err != nil || len(set.Units) != 1 || set.Mixed != 1 {
		t.Errorf("by session: %d units, %d mixed, %v", len(set.Units), set.Mixed, err)
	}
}

// TestSwitchbackJoinsTurns by the clock, leaves out the wash-out, and compares those
// with the flag, or all of the turn.
func TestSwitchbackJoinsTurns(t *testing.T) {
	turns := []watch.Turns{
		{Off: watch.Span{From: at(10), Until: at(20)}, On: watch.Span{From: at(25), Until: at(35)}},
		{Off: watch.Span{From: at(55), Until: at(65)}, On: watch.Span{From: at(40), Until: at(50)}},
	}
	all := traffic(
		flagged(9, false, 0, ""), flagged(10, false, 0, ""), flagged(19, false, 0, ""), flagged(20, false, 0, ""),
		flagged(24, true, .5, ""), flagged(25, true, .5, ""), flagged(26, false, .5, ""), flagged(34, true, .5, ""),
		flagged(41, true, .5, ""), flagged(42, false, .5, ""), flagged(52, true, .5, ""), flagged(56, false, 0, ""), flagged(99, false, 0, ""))
	for part, want := range map[watch.Part][2]int{watch.Direct: {3, 3}, watch.Whole: {3, 5}} {
		set, err := all.Switchback(.5, turns, part)
		if err != nil {
			t.Fatal(err)
		}
		var got [2]int
		for _, block := range set.Requests {
			got[0], got[1] = got[0]+len(block.Baseline), got[1]+len(block.Candidate)
		}
		if got != want || set.Blocks != 2 || set.BaselineFirst != 1 || set.Header.Design != sample.Switchback {
			t.Errorf("%s: %v requests in %d blocks, the baseline first in %d; want %v", part, got, set.Blocks, set.BaselineFirst, want)
		}
	}
}

// TestSwitchbackRefusesStrays: in the original, before and after could differ in
// anything; here a turn whose requests were routed by another share is no turn.
func TestSwitchbackRefusesStrays(t *testing.T) {
	turns := []watch.Turns{{Off: watch.Span{From: at(0), Until: at(50)}, On: watch.Span{From: at(50), Until: at(100)}}}
	var samples []sample.Sample
	for i := range 100 {
		samples = append(samples, flagged(i, i >= 45, map[bool]float64{true: .5}[i >= 45], ""))
	}
	_, err := traffic(samples...).Switchback(.5, turns, watch.Whole)
	if err == nil || !strings.Contains(err.Error(), "5 of 100 requests say another share") {
		t.Errorf("error %v", err)
	}
}

// TestFlagLogs follows several gateways, and those that appear later.
func TestFlagLogs(t *testing.T) {
	dir := t.TempDir()
	pattern := filepath.Join(dir, "*.run.jsonl")
	if _, err := watch.OpenFlagLogs("f", false, pattern); err == nil {
		t.Error("no log is a log")
	}
	logOf(t, filepath.Join(dir, "b.run.jsonl"), epoch.Add(time.Minute), flagged(1, true, .5, ""), flagged(2, false, .5, ""))
	logs, err := watch.OpenFlagLogs("f", false, pattern)
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	count := func(since time.Time, want int) {
		t.Helper()
		got, err := logs.Traffic(t.Context(), since)
		if err != nil {
			t.Fatal(err)
		}
		set, err := got.Split(.5, since)
		if err != nil || len(set.Units) != want {
			t.Errorf("%d units, %v; want %d", len(set.Units), err, want)
		}
	}
	count(epoch, 2)
	logOf(t, filepath.Join(dir, "a.run.jsonl"), epoch, flagged(10, true, .5, ""), flagged(61, false, .5, ""), flagged(62, true, .5, ""))
	count(epoch, 5)
	count(epoch.Add(61*time.Second), 4)
	count(epoch, 4) // what was older is forgotten
}

func logOf(t *testing.T, path string, began time.Time, samples ...sample.Sample) {
	t.Helper()
	w, err := sample.CreateLive(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Discard)
	err = w.Header(sample.Header{StartedAt: began.Format(time.RFC3339Nano), Source: "proxy", Design: sample.Single, Arms: []sample.Arm{{Name: "proxy"}}, ClockScale: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range samples {
		s.Seq = i
		if err := w.Sample(&s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

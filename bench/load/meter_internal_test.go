package load

import (
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// TestMostInFlight: requests that touch are not in flight together, and neither
// warm-up nor what was never sent counts.
func TestMostInFlight(t *testing.T) {
	of := func(spans ...[2]int64) []sample.Sample {
		list := []sample.Sample{{Warmup: true, SentNS: 1, CloseNS: 100}, {IntendedNS: 5}}
		for _, s := range spans {
			list = append(list, sample.Sample{SentNS: s[0], CloseNS: s[1]})
		}
		return list
	}
	for _, c := range []struct {
		samples []sample.Sample
		want    int
	}{
		{nil, 0},
		{of([2]int64{10, 20}), 1},
		{of([2]int64{10, 10}), 1},
		{of([2]int64{10, 20}, [2]int64{20, 30}), 1},
		{of([2]int64{30, 90}, [2]int64{10, 50}, [2]int64{20, 40}), 3},
		{of([2]int64{10, 20}, [2]int64{12, 14}, [2]int64{15, 30}, [2]int64{21, 40}), 2},
	} {
		if got := mostInFlight(c.samples); got != c.want {
			t.Errorf("%d in flight, want %d", got, c.want)
		}
	}
}

// TestStepper: a slew is none, a jump either way is, and the first look compares
// with nothing.
func TestStepper(t *testing.T) {
	var s stepper
	for i, look := range []struct {
		wall, monotonic int64
		want            time.Duration
	}{
		{1e18, 5e9, 0},
		{1e18 + 5e8 + 100, 5e9 + 5e8, 100},
		{1e18 + 9e8, 6e9, 100_000_100},
		{1e18 + 7.4e9, 6.5e9, 6e9},
	} {
		if got := s.look(look.wall, look.monotonic); got != look.want {
			t.Errorf("look %d: %v, want %v", i, got, look.want)
		}
	}
}

// TestSteady: from the end of a usual answer to the last start, slot by slot.
func TestSteady(t *testing.T) {
	var list []sample.Sample
	for i := range 20 {
		list = append(list,
			sample.Sample{Arm: "a", SentNS: int64(i+1) * 1e9, CloseNS: int64(i+1)*1e9 + 3e9},
			sample.Sample{Arm: "a", Block: 1, SentNS: int64(i+1) * 1e8, CloseNS: int64(i+1)*1e8 + 1e9})
	}
	list[0].CloseNS = 100e9 // one slow answer is not the usual one
	list = append(list, sample.Sample{Arm: "a", Warmup: true, SentNS: 1, CloseNS: 2}, sample.Sample{Arm: "b"})
	if got, want := steady(list), 16*time.Second+900*time.Millisecond; got != want {
		t.Errorf("steady for %v, want %v", got, want)
	}
	if got := steady(list[:2]); got != 0 {
		t.Errorf("one request a slot is steady for %v", got)
	}
}

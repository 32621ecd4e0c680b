package load

import (
	"testing"

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

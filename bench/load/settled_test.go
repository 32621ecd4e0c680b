package load_test

import (
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

func TestSettlingIsNotMeasured(t *testing.T) {
	s := serve(t, answer)
	cfg := config(t, s.URL, 30) // one every millisecond
	cfg.Warmup = 2
	r := run(t, t.Context(), cfg)
	whole := r.Slots[0]
	r.Settle(10)
	warm, end := 0, int64(0)
	for i, sm := range r.Samples {
		if sm.Warmup {
			warm++
		} else {
			end = max(end, sm.CloseNS)
		}
		if sm.Warmup != (i < 12) {
			t.Errorf("request %d: warm-up %v", i, sm.Warmup)
		}
	}
	tr := r.Trailer(sample.Validity{})
	if warm != 12 || tr.Measured["baseline"] != 20 || r.Header.Schedule.Warmup != 12 || r.Header.Schedule.PerSlot != 20 {
		t.Errorf("%d of warm-up, %d measured, header %+v", warm, tr.Measured["baseline"], r.Header.Schedule)
	}
	if got := r.Slots[0]; got.Requests != 20 || got.Events != 60 || got.StartNS != whole.StartNS+10e6 || got.EndNS != end || got.AchievedHz == 0 || got.CPUNS != 0 {
		t.Errorf("slot %+v, was %+v", got, whole)
	}
	r.Settle(1000)
	if got := r.Slots[0]; got.Requests != 1 {
		t.Errorf("a slot of nothing: %+v", got)
	}
}

package calibrate_test

import (
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// TestLight goes by the bounds of the table: 0.5 and 5 ms of lateness, 70 and
// 90 % of the processors.
func TestLight(t *testing.T) {
	for _, c := range []struct {
		name   string
		lateUS int64
		cpu    float64
		closed bool
		want   sample.Grade
	}{
		{"in time", 400, .5, false, sample.Valid},
		{"late", 600, .5, false, sample.Degraded},
		{"too late", 6000, .5, false, sample.Invalid},
		{"busy", 400, .8, false, sample.Degraded},
		{"spent", 400, .95, false, sample.Invalid},
		{"processor time not told", 400, load.Unknown, false, sample.Valid},
		{"a closed loop is never late", 6000, .5, true, sample.Valid},
	} {
		live := load.Live{Late: load.Dist{P99: c.lateUS * 1000, N: 100}, CPUShare: c.cpu}
		if got := calibrate.Light(live, c.closed); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if got := calibrate.Light(load.Live{CPUShare: load.Unknown}, false); got != sample.Unknown {
		t.Errorf("before the first start: %s", got)
	}
}

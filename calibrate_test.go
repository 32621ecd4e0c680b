package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// TestCeilingIsSaid: the bracket in words; and where no rate was honest that is no
// success.
func TestCeilingIsSaid(t *testing.T) {
	probe := calibrate.Calibration{Protocol: "h2c", PerSecond: 400, Validity: sample.Validity{Grade: sample.Valid}}
	for _, c := range []struct {
		ceiling calibrate.Ceiling
		says    string
		code    int
	}{
		{calibrate.Ceiling{Highest: 400, Lowest: 450, Probes: []calibrate.Calibration{probe}}, "measures 400 starts/s honestly, and not 450.", 0},
		{calibrate.Ceiling{Highest: 10_000}, "measures 10000 starts/s honestly, and no higher rate was tried.", 0},
		{calibrate.Ceiling{Lowest: .5}, "measured no rate honestly, down to 0.5 starts/s.", 4},
	} {
		var out strings.Builder
		if err := printCeiling(&out, c.ceiling); err != nil || !strings.Contains(out.String(), c.says) {
			t.Errorf("%v: %q does not say %q", err, out.String(), c.says)
		}
		code := 0
		if exit, ok := errors.AsType[*exitError](ceilingExit(c.ceiling)); ok {
			code = exit.code
		}
		if code != c.code {
			t.Errorf("%+v: exit %d, want %d", c.ceiling, code, c.code)
		}
	}
}

package calibrate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// TestCalibrateMeasuresEveryMeasure runs a short real calibration: what it must
// show is that every answer joins its truth and that an error is an error, not
// a latency; how large it is, is the machine's affair.
func TestCalibrateMeasuresEveryMeasure(t *testing.T) {
	c, err := calibrate.Calibrate(t.Context(), calibrate.Options{For: 400 * time.Millisecond, PerSecond: 100, Events: 5, Gap: 20 * time.Millisecond, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	if c.Requests != 40 || c.Failed != 0 || c.Events != 200 {
		t.Errorf("%d requests joined, %d not, %d events; want 40, 0 and 200", c.Requests, c.Failed, c.Events)
	}
	if c.Machine.Cores == 0 || c.Seed != 7 || c.EventsPerSecond <= 0 {
		t.Errorf("where and how is missing: %+v", c)
	}
	for _, m := range []sample.Measure{sample.TTFB, sample.FirstToken, sample.Gap, sample.Full} {
		e := c.Error[m]
		if e.N != 40 || e.P50 < 0 || e.P50 > e.P99 || e.P99 > e.Max {
			t.Errorf("%s: %+v", m, e)
		}
		// An answer takes 120 ms. Were the two clocks not the same, or an answer
		// joined with another's truth, the median would be out by tens of
		// milliseconds; a busy machine alone does not do that to a median.
		if median := time.Duration(e.P50); median > 15*time.Millisecond {
			t.Errorf("%s: median error %v", m, median)
		}
		t.Logf("%-12s P50 %v, P99 %v, max %v", m, time.Duration(e.P50), time.Duration(e.P99), time.Duration(e.Max))
	}
}

func TestCalibrateStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := calibrate.Calibrate(ctx, calibrate.Options{}); err == nil {
		t.Error("a calibration that was stopped gave numbers")
	}
}

func TestOptionsNameEveryProblem(t *testing.T) {
	err := calibrate.Options{For: -1, PerSecond: -1, Events: 1, Gap: -1}.Validate()
	for _, want := range []string{"duration", "rate", "events", "gap"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in %v", want, err)
		}
	}
	if _, err := calibrate.Calibrate(t.Context(), calibrate.Options{Events: 1}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

package rollout_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

const (
	fastPath = "ff_converter_fast_path"
	retry    = "ff_retry_policy_v2"
)

// TestHonestFlagReachesTheTop and TestHarmfulFlagIsRolledBack go the whole way in
// both designs.
func TestHonestFlagReachesTheTop(t *testing.T) {
	for flag, design := range map[string]sample.Design{fastPath: sample.Split, retry: sample.Switchback} {
		t.Run(string(design), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(1, flag, 1)
				out, _, err := w.run(t, w.config(design))
				if err != nil || out.Decision != judge.Promote || out.Percent != 100 || w.Percent != 100 {
					t.Fatalf("%+v, %v; the server has %v %%", out, err, w.Percent)
				}
				if got := w.stages(); !slices.Equal(got, []int{5, 20, 50, 100}) {
					t.Errorf("stages %v", got)
				}
				t.Logf("after %v and %d requests; looks %v", time.Since(w.zero), len(w.samples), w.decisions())
			})
		})
	}
}

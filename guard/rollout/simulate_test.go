package rollout_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// TestSimulatedRollouts runs seeded rollouts of flags that do nothing and of flags
// that do harm, and tells how they end; FIRSTBYTE_ROLLOUTS says of how many seeds,
// of one without it.
func TestSimulatedRollouts(t *testing.T) {
	seeds := 1
	if n, err := strconv.Atoi(os.Getenv("FIRSTBYTE_ROLLOUTS")); err == nil {
		seeds = n
	}
	for _, c := range []struct {
		name   string
		flag   string
		harm   func(*world)
		want   judge.Decision
		errors int // of ten seeds, at most
	}{
		{"nothing, split", fastPath, func(*world) {}, judge.Promote, 1},
		{"30 % slower, split", fastPath, func(w *world) { w.slower = 1.3 }, judge.Rollback, 0},
		{"5 points of errors, split", fastPath, func(w *world) { w.fails = .05 }, judge.Rollback, 0},
		{"30 % slower, switchback", retry, func(w *world) { w.slower = 1.3 }, judge.Rollback, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			ends := map[string]int{}
			wrong := 0
			var took time.Duration
			for seed := range seeds {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(uint64(seed)+100, c.flag, 1)
					w.lean = true
					c.harm(w)
					cfg := w.config(designs[c.flag])
					cfg.Every, cfg.Seed, cfg.StageMax = 10*time.Minute, uint64(seed)+1, 24*time.Hour
					out, _, err := w.run(t, cfg)
					if err != nil {
						t.Fatal(err)
					}
					if out.Decision != c.want {
						wrong++
					}
					took += time.Since(w.zero)
					ends[fmt.Sprintf("%s from %v", out.Decision, highest(w))]++
				})
			}
			t.Logf("%d seeds: %v, mean time %v", seeds, ends, took/time.Duration(seeds))
			if 10*wrong > c.errors*max(10, seeds) {
				t.Errorf("%d of %d ended otherwise than by %s", wrong, seeds, c.want)
			}
		})
	}
}

// highest is the highest stage that was ever in force.
func highest(w *world) string {
	top := 0
	for _, p := range w.asked {
		top = max(top, p)
	}
	return fmt.Sprintf("%d %%", top)
}

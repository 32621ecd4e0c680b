package rollout_test

import (
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/rollout"
)

const (
	fastPath = "ff_converter_fast_path"
	retry    = "ff_retry_policy_v2"
)

// designs are the two of them with a flag that each is for.
var designs = map[string]sample.Design{fastPath: sample.Split, retry: sample.Switchback}

// inBoth runs a test in both designs, each on a clock of its own.
func inBoth(t *testing.T, test func(t *testing.T, w *world, cfg rollout.Config)) {
	for flag, design := range designs {
		t.Run(string(design), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(1, flag, 1)
				w.lean = true
				test(t, w, w.config(design))
			})
		})
	}
}

func TestHonestFlagReachesTheTop(t *testing.T) {
	inBoth(t, func(t *testing.T, w *world, cfg rollout.Config) {
		if w.flag == retry {
			cfg.Plan = rollout.Plan{0, 20, 100}
		}
		out, _, err := w.run(t, cfg)
		if err != nil || out.Decision != judge.Promote || out.Percent != 100 || w.Percent != 100 {
			t.Fatalf("%+v, %v; the server has %v %%", out, err, w.Percent)
		}
		if got := w.stages(); !slices.Equal(got, cfg.Plan[1:]) {
			t.Errorf("stages %v", got)
		}
		t.Logf("after %v and %d requests; looks %v", time.Since(w.zero), len(w.samples), w.decisions())
	})
}

// TestHarmfulFlagIsRolledBack: within the one evaluation that says so, to 0, and the
// audit log has the verdict's hash.
func TestHarmfulFlagIsRolledBack(t *testing.T) {
	harms := map[string]func(*world){
		"30 % slower":        func(w *world) { w.slower = 1.3 },
		"5 points of errors": func(w *world) { w.fails = .05 },
		"nothing but errors": func(w *world) { w.fails = 1 }, // in the original it passed, as no latency was bad
	}
	for name, harm := range harms {
		t.Run(name, func(t *testing.T) {
			inBoth(t, func(t *testing.T, w *world, cfg rollout.Config) {
				harm(w)
				cfg.Plan = rollout.Plan{0, 50, 100}
				out, _, err := w.run(t, cfg)
				if err != nil || out.Decision != judge.Rollback || out.Percent != 0 || w.Percent != 0 {
					t.Fatalf("%+v, %v; the server has %v %%", out, err, w.Percent)
				}
				if n := w.decisions()[judge.Rollback]; n != 1 {
					t.Errorf("%d looks said ROLLBACK", n)
				}
				if !strings.Contains(w.Last.Evidence, "sha256:") || !strings.HasPrefix(w.Last.Who, "firstbyte rollout ") {
					t.Errorf("the audit log has %+v", w.Last)
				}
				t.Logf("after %v and %d requests at %v %%; looks %v", time.Since(w.zero), len(w.samples), w.stages(), w.decisions())
			})
		})
	}
}

// A small rollout comes to its end after few requests: one metric with a wide
// margin, two stages.
func (w *world) small(design sample.Design) rollout.Config {
	cfg := w.config(design)
	cfg.Plan = rollout.Plan{0, 50, 100}
	cfg.Every = 8 * time.Minute
	cfg.Policy.Alpha, cfg.Policy.MinPairs, cfg.Policy.MinBlocks = .4, 20, 2
	cfg.Policy.Metrics = []policy.Metric{{Measure: policy.FirstToken, Statistic: policy.P50, Gating: true, Required: true, Tau: .5, Margin: 3}}
	return cfg
}

// TestKilledAtAnyInstant kills the rollout at every call of the server, the source
// and the journal, before and after each took effect, then again a little later, and
// has it go on.
func TestKilledAtAnyInstant(t *testing.T) {
	for flag, design := range designs {
		for slower, want := range map[float64]rollout.Outcome{
			1: {Decision: judge.Promote, Percent: 100},
			8: {Decision: judge.Rollback},
		} {
			points, died := 0, 0
			for at := 0; at == 0 || at <= points; at++ {
				if !telling(at, points) {
					continue
				}
				died++
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(3, flag, .2)
					w.slower, w.lean = slower, true
					out := survive(t, w, w.small(design), at)
					if at == 0 {
						points = w.points
					}
					if out.Decision != want.Decision || out.Percent != want.Percent || w.Percent != float64(want.Percent) {
						t.Errorf("%s, %v times slower, killed at %d of %d: %+v, the server has %v %%", design, slower, at, points, out, w.Percent)
					}
					if got := w.stages(); want.Percent == 100 && !slices.Equal(got, []int{50, 100}) || !slices.IsSorted(got) {
						t.Errorf("%s killed at %d: stages %v", design, at, got)
					}
				})
			}
			if points < 15 {
				t.Errorf("only %d instants", points)
			}
			t.Logf("%s, %v times slower: killed at %d of %d instants", design, slower, died-1, points)
		}
	}
}

// telling leaves out most of the middle of a long rollout, where one turn is as the
// next; FIRSTBYTE_ALL_INSTANTS=1 leaves out none.
func telling(at, points int) bool {
	const begin, end, stride = 25, 12, 13
	return at < begin || at > points-end || at%stride == 0 || os.Getenv("FIRSTBYTE_ALL_INSTANTS") != ""
}

// survive runs the rollout until it ends, killed at one point and once more soon
// after it went on.
func survive(t *testing.T, w *world, cfg rollout.Config, at int) rollout.Outcome {
	w.killAt = at
	for lives := 1; ; lives++ {
		out, dead, err := w.run(t, cfg)
		if !dead {
			if err != nil {
				t.Fatalf("killed at %d, life %d: %v", at, lives, err)
			}
			return out
		}
		if w.Percent != 0 && w.Percent != 50 && w.Percent != 100 {
			t.Fatalf("killed at %d the server has %v %%", at, w.Percent)
		}
		w.killAt = 0
		if lives == 1 {
			w.killAt = w.points + 1 + at%11
		}
		time.Sleep(7 * time.Minute)
	}
}

// TestSomebodyElse: what an operator set stays, whatever the rollout was about.
func TestSomebodyElse(t *testing.T) {
	for _, percent := range []float64{0, 12.5, 100} {
		inBoth(t, func(t *testing.T, w *world, cfg rollout.Config) {
			cfg.Policy.MinPairs = math.MaxInt // never promotes
			w.later(47*time.Minute, func() { w.arrive(); w.operator(percent) })
			out, _, err := w.run(t, cfg)
			if !errors.Is(err, rollout.ErrChanged) || w.Percent != percent {
				t.Errorf("%v %%: %+v, %v; the server has %v %%", percent, out, err, w.Percent)
			}
			if err != nil && (strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "by ops")) {
				t.Errorf("not one clear line: %v", err)
			}
			if since := time.Since(w.zero); since > 56*time.Minute {
				t.Errorf("noticed after %v", since)
			}
			if _, _, err := w.run(t, cfg); !errors.Is(err, rollout.ErrChanged) {
				t.Errorf("started again: %v", err)
			}
		})
	}
}

// TestAnotherFlag: changes of other flags move the generation on, and no more.
func TestAnotherFlag(t *testing.T) {
	inBoth(t, func(t *testing.T, w *world, _ rollout.Config) {
		cfg := w.small(designs[w.flag])
		w.others = 1000
		for i := range 3 {
			w.later(time.Duration(i+1)*7*time.Minute, func() { w.Generation++ })
		}
		w.others = 2
		if out, _, err := w.run(t, cfg); err != nil || out.Decision != judge.Promote {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

// TestLongLog: so many turns of other rollouts that the flag's own change is in no
// log any more are nobody's change of the flag; one by hand is.
func TestLongLog(t *testing.T) {
	inBoth(t, func(t *testing.T, w *world, _ rollout.Config) {
		cfg := w.small(designs[w.flag])
		w.window, cfg.StageMin = 1000, 40*time.Minute
		for i := range 60 { // the stage's own change is out of sight after ten minutes
			w.later(time.Duration(i+1)*time.Minute, func() { w.Generation += 100 })
		}
		if out, _, err := w.run(t, cfg); err != nil || out.Decision != judge.Promote {
			t.Errorf("%+v, %v", out, err)
		}
	})
	inBoth(t, func(t *testing.T, w *world, _ rollout.Config) {
		cfg := w.small(designs[w.flag])
		w.window = 1000
		w.later(7*time.Minute, func() { w.operator(w.Percent); w.Generation += 5000 })
		if out, _, err := w.run(t, cfg); !errors.Is(err, rollout.ErrChanged) {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

// TestUndecided: what is not known never promotes. The stage stays in force, the
// exit code says so, and the same command goes on.
func TestUndecided(t *testing.T) {
	inBoth(t, func(t *testing.T, w *world, _ rollout.Config) {
		cfg := w.small(designs[w.flag])
		cfg.Policy.MinPairs, cfg.StageMax = math.MaxInt, 30*time.Minute
		for range 2 {
			before := time.Now()
			out, _, err := w.run(t, cfg)
			if err != nil || out.Decision != judge.Hold || out.Percent != 50 || w.Percent != 50 {
				t.Fatalf("%+v, %v; the server has %v %%", out, err, w.Percent)
			}
			if took := time.Since(before); took < cfg.StageMax || took > cfg.StageMax+2*cfg.Every {
				t.Errorf("it ended after %v", took)
			}
		}
		cfg.Policy.MinPairs, cfg.StageMax = 20, 12*time.Hour
		if out, _, err := w.run(t, cfg); err != nil || out.Decision != judge.Promote {
			t.Errorf("with evidence enough: %+v, %v", out, err)
		}
	})
}

// TestNoData: a proxy without traffic, and one that answers nothing, are no success.
func TestNoData(t *testing.T) {
	inBoth(t, func(t *testing.T, w *world, cfg rollout.Config) {
		w.next, cfg.StageMax = time.Now().Add(1000*time.Hour), time.Hour
		out, _, err := w.run(t, cfg)
		if err != nil || out.Decision != judge.NoData || out.Decision.ExitCode() != 4 || out.Percent != 5 {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

// TestStageLastsAtLeast: a promotion waits for the shortest duration, a rollback for
// nothing.
func TestStageLastsAtLeast(t *testing.T) {
	inBoth(t, func(t *testing.T, w *world, _ rollout.Config) {
		cfg := w.small(designs[w.flag])
		cfg.StageMin = 40 * time.Minute
		if out, _, err := w.run(t, cfg); err != nil || out.Decision != judge.Promote {
			t.Fatalf("%+v, %v", out, err)
		}
		for _, e := range w.events {
			if e.Kind == rollout.Moved && e.Stage > 50 && e.At.Sub(w.zero) < cfg.StageMin {
				t.Errorf("at %d %% after %v", e.Stage, e.At.Sub(w.zero))
			}
		}
	})
}

// TestServerAway: a server that is away for a while is waited for, and a rollback is
// tried until it is there.
func TestServerAway(t *testing.T) {
	inBoth(t, func(t *testing.T, w *world, _ rollout.Config) {
		cfg := w.small(designs[w.flag])
		cfg.Every, w.slower = time.Minute, 8
		away := errors.New("away")
		cfg.Tell = func(e rollout.Event) {
			w.events = append(w.events, e)
			if e.Decision == judge.Rollback && e.Kind == rollout.Looked {
				w.setting = away
				w.later(time.Hour, func() { w.setting = nil })
			}
		}
		if out, _, err := w.run(t, cfg); err != nil || out.Decision != judge.Rollback || w.Percent != 0 {
			t.Errorf("%+v, %v; the server has %v %%", out, err, w.Percent)
		}
	})
	inBoth(t, func(t *testing.T, w *world, cfg rollout.Config) {
		w.setting = errors.New("away")
		if out, _, err := w.run(t, cfg); !errors.Is(err, w.setting) || out.Decision != "" || w.Percent != 0 {
			t.Errorf("for good: %+v, %v", out, err)
		}
	})
}

// TestBeginRefuses what is no beginning.
func TestBeginRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		state rollout.State
		want  string
	}{
		"locked":       {rollout.State{Locked: true}, "locked by the server's environment"},
		"at the top":   {rollout.State{Percent: 100}, "nothing to roll out"},
		"no stage":     {rollout.State{Percent: 7}, "no stage of"},
		"half a stage": {rollout.State{Percent: 5.5, Unit: "request"}, "no stage of"},
		"another unit": {rollout.State{Percent: 5, Unit: "session"}, "--unit session"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(1, fastPath, 1)
			w.State = c.state
			_, _, err := w.run(t, w.config(sample.Split))
			if err == nil || !strings.Contains(err.Error(), c.want) || len(w.asked) > 0 {
				t.Errorf("%s: %v, asked %v", name, err, w.asked)
			}
		})
	}
}

// TestResumeRefuses the journal of another rollout, and damage.
func TestResumeRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1, fastPath, 1)
		cfg := w.config(sample.Split)
		cfg.StageMax, cfg.Policy.MinPairs = time.Hour, math.MaxInt
		if _, _, err := w.run(t, cfg); err != nil {
			t.Fatal(err)
		}
		other := cfg
		other.Plan = rollout.Plan{0, 5, 100}
		if _, _, err := w.run(t, other); err == nil || !strings.Contains(err.Error(), "another rollout") {
			t.Errorf("another plan: %v", err)
		}
		w.journal.lines = w.journal.lines[1:]
		if _, _, err := w.run(t, cfg); err == nil || !strings.Contains(err.Error(), "journal") {
			t.Errorf("a journal without its beginning: %v", err)
		}
	})
}

// TestEndsOnce: a rollout that is over says so again and does nothing.
func TestEndsOnce(t *testing.T) {
	inBoth(t, func(t *testing.T, w *world, _ rollout.Config) {
		cfg := w.small(designs[w.flag])
		w.slower = 8
		first, _, err := w.run(t, cfg)
		if err != nil {
			t.Fatal(err)
		}
		asked := len(w.asked)
		again, _, err := w.run(t, cfg)
		if err != nil || again.Decision != judge.Rollback || first.Decision != again.Decision || len(w.asked) != asked {
			t.Errorf("%+v, then %+v, %v", first, again, err)
		}
	})
}

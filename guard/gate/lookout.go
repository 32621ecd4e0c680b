package gate

import (
	"fmt"
	"runtime"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// A lookout says after each block whether the run goes on. In the mode
// [policy.GroupSequential] it asks the judge at the planned looks, about the
// very run file that would stand there if the run ended now.
type lookout struct {
	policy policy.Policy
	blocks int
	finish func(*load.Result) *sample.Run
	judge  func(policy.Policy, evidence.Set) judge.Verdict
	screen *Screen
}

func newLookout(cfg Config, cal calibrate.Calibration) *lookout {
	return &lookout{
		policy: cfg.Policy, blocks: cfg.Load.Blocks, judge: judge.Judge, screen: cfg.Screen,
		finish: func(r *load.Result) *sample.Run { return finish(cfg, r, cal) },
	}
}

// stop ends the run where a look decides, or where none ever could.
func (l *lookout) stop(blocks int, soFar *load.Result) load.Ending {
	if end := deadArm(blocks, soFar); end != (load.Ending{}) {
		return end
	}
	look, due := judge.LookAt(l.policy, l.blocks, blocks)
	if !due {
		return load.Ending{}
	}
	v, err := l.verdict(look, *soFar)
	if err != nil { // what cannot be judged here is told at the end
		return load.Ending{}
	}
	l.screen.look(v)
	if v.Decision == judge.Promote || v.Decision == judge.Rollback {
		return load.Ending{Look: look}
	}
	return load.Ending{}
}

// verdict is what "firstbyte guard" would say of the run if it ended at the look.
func (l *lookout) verdict(look int, result load.Result) (judge.Verdict, error) {
	// The next turn must not pay for what the judge leaves to be collected.
	defer runtime.GC()
	result.Look = look
	set, err := evidence.New(evidence.Source{Run: *l.finish(&result)})
	if err != nil {
		return judge.Verdict{}, err
	}
	return l.judge(l.policy, set), nil
}

// deadBlocks is after how many blocks without a single answer an arm counts as
// dead. Every further block would only wait for the same time-outs.
const deadBlocks = 3

// deadArm names the reason to end a run in which an arm never answers: more of
// the same would decide nothing else.
func deadArm(blocks int, soFar *load.Result) load.Ending {
	if blocks < deadBlocks {
		return load.Ending{}
	}
	answered := map[string]int{}
	for i := range soFar.Samples {
		if s := &soFar.Samples[i]; s.Outcome == sample.OK {
			answered[s.Arm]++
		}
	}
	for _, arm := range soFar.Header.Arms {
		if answered[arm.Name] == 0 {
			return load.Ending{Why: fmt.Sprintf("%s answered nothing in %d blocks", arm.Name, blocks)}
		}
	}
	return load.Ending{}
}

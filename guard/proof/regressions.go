package proof

import (
	"fmt"
	"strings"
)

// A Regression is a failure of a judge that must not come back.
type Regression struct {
	What  string
	Tests []Test
}

// Regressions lists how gates of this kind failed before, with what holds each.
func Regressions() []Regression {
	return []Regression{
		{What: "a candidate that answered every request with a 500 passed", Tests: in("guard/judge/judge_test.go", "TestWorlds")},
		{What: "the command ended with 0 although it had rolled back", Tests: in("guard_test.go", "TestGuardSaysWhatTheJudgeSays", "TestGuardChoosesArms")},
		{What: "synthetic data was taken for a measurement", Tests: in("guard/judge/judge_test.go", "TestSimulatedRecordsAreNamed")},
		{What: "a rollback stayed at the same stage", Tests: in("guard/rollout/rollout_test.go", "TestNext")},
		{What: "what was applied did not reach the server", Tests: append(in("guard/rollout/rollout_test.go", "TestApplyReadsBack"), in("rolloutkill_test.go", "TestRolloutKilledForReal")...)},
	}
}

func writeRegressions(b *strings.Builder) {
	b.WriteString("\n## Failures that must not come back\n\n| failure | held by |\n|---|---|\n")
	for _, r := range Regressions() {
		var names []string
		for _, t := range r.Tests {
			names = append(names, fmt.Sprintf("`%s` in [%s](../%s)", t.Func, t.File, t.File))
		}
		fmt.Fprintf(b, "| %s | %s |\n", r.What, strings.Join(names, ", "))
	}
}

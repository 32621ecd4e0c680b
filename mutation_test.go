package main_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var mutate = flag.Bool("mutate", false, "break every rule of the judge in turn and see that a test notices (minutes)")

// A mutation breaks one rule of the judge's by one edit of its source.
type mutation struct {
	rule string // what is broken, in words
	file string
	old  string // stands in file just once
	new  string
	pkg  string // whose tests must notice
}

// TestMutations holds that every rule is tested: each mutation makes at least
// one test fail. Without -mutate it only sees that the list still fits the
// source, so that no rule drops out of it unnoticed.
func TestMutations(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range mutations {
		t.Run(strings.ReplaceAll(m.rule, " ", "-"), func(t *testing.T) {
			if seen[m.rule] {
				t.Fatalf("%q stands twice", m.rule)
			}
			seen[m.rule] = true
			mutated := m.apply(t)
			if *mutate {
				m.mustFail(t, mutated)
			}
		})
	}
}

// apply returns the mutated source.
func (m mutation) apply(t *testing.T) string {
	source, err := os.ReadFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 || m.old == m.new {
		t.Fatalf("%q stands %d times in %s, want once: keep the rule and mend the list", m.old, n, m.file)
	}
	return strings.Replace(string(source), m.old, m.new, 1)
}

// mustFail runs the tests of m's package over the mutated source. A source that
// does not compile proves nothing.
func (m mutation) mustFail(t *testing.T, mutated string) {
	dir := t.TempDir()
	replacement := filepath.Join(dir, "mutated.go")
	if err := os.WriteFile(replacement, []byte(mutated), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: replacement}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "test", "-overlay", list, "-failfast", "-timeout", "120s", "./"+m.pkg).CombinedOutput()
	switch text := string(out); {
	case err == nil:
		t.Errorf("no test of %s notices: %s", m.pkg, m.rule)
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]"):
		t.Errorf("the mutation does not compile:\n%s", text)
	case !strings.Contains(text, "--- FAIL") && !strings.Contains(text, "panic:"):
		t.Errorf("the tests ended otherwise than by failing:\n%s", text)
	}
}

// mutations are the rules of the judge, by room.
var mutations = []mutation{
	{"a rollback exits with 2", "guard/judge/verdict.go", "case Rollback:\n\t\treturn 2", "case Rollback:\n\t\treturn 0", "guard/judge"},
	{"a hold exits with 3", "guard/judge/verdict.go", "case Hold:\n\t\treturn 3", "case Hold:\n\t\treturn 0", "guard/judge"},
	{"no data exits with 4", "guard/judge/verdict.go", "case NoData:\n\t\treturn 4", "case NoData:\n\t\treturn 0", "guard/judge"},
	{"an arm without requests is no data", "guard/judge/decide.go", "case sum.Attempts <= 0:", "case sum.Attempts < 0:", "guard/judge"},
	{"an arm that never answers is no data", "guard/judge/decide.go", "case sum.OK <= 0:", "case sum.OK < 0:", "guard/judge"},
	{"failures over 5 % stop latencies", "guard/judge/refuse.go", "failedShare   = .05", "failedShare   = .5", "guard/judge"},
	{"pairs lost to one arm hold", "guard/judge/refuse.go", "lostAlpha     = .01", "lostAlpha     = 0", "guard/judge"},
	{"more than 1 % of pairs lost hold", "guard/judge/refuse.go", "lostShare     = .01", "lostShare     = .9", "guard/judge"},
	{"few pairs of autocorrelated arms hold", "guard/judge/refuse.go", "lagSigmas     = 3", "lagSigmas     = 300", "guard/proof"},
	{"a failure alone counts as ten times slower", "guard/stats/statistic.go", "const FailedRatio = 10", "const FailedRatio = 1", "guard/stats"},
	{"both failing cancels", "guard/stats/statistic.go", "case math.IsInf(a, 1) && math.IsInf(b, 1):\n\t\treturn 0, false", "case math.IsInf(a, 1) && math.IsInf(b, 1):\n\t\treturn 1, true", "guard/stats"},
	{"a failed request is infinitely slow", "guard/evidence/measure.go", "return reading{ns: math.Inf(1)}", "return reading{ns: 1}", "guard/evidence"},

	{"a control gets the first requests of a block", "bench/load/plan.go", "b.picks = b.picks[:n]", "b.picks = b.picks[len(b.picks)-n:]", "bench/load"},
	{"a control starts when the others do", "bench/load/plan.go", "b.offsets = b.offsets[:n]", "b.offsets = b.offsets[len(b.offsets)-n:]", "bench/load"},
	{"no arm always runs behind the same one", "bench/load/plan.go", "if row[i] = (i + 1) / 2; i%2 == 0 {", "if row[i] = i; i < 0 {", "bench/load"},
	{"a look ends a run by its plan", "bench/load/run.go", "r.result.Stopped, r.result.Look = end.Why, end.Look", "r.result.Stopped = fmt.Sprint(end)", "bench/load"},
	{"injuries of one path add up", "refproxy/fakegemini/plan.go", "range injuries {", "range injuries[:min(1, len(injuries))] {", "refproxy/fakegemini"},
	{"a plant lies beyond every tau", "guard/gate/size.go", "tau, any = max(tau, m.Tau), true", "tau, any = m.Tau, true", "guard/gate"},
	{"controls have the least number of pairs", "guard/gate/size.go", "with >= least; with--", "with > 0; with--", "guard/gate"},
	{"a hold at a look goes on", "guard/gate/lookout.go", "if v.Decision == judge.Promote || v.Decision == judge.Rollback {", "if v.Decision != judge.NoData {", "guard/gate"},
	{"a look is taken where it is planned", "guard/gate/lookout.go", "if !due {", "if !due && blocks%2 == 1 {", "guard/gate"},
	{"a look leaves nothing to collect", "guard/gate/lookout.go", "defer runtime.GC()", "defer runtime.NumGoroutine()", "guard/gate"},
	{"a verdict says why there are no controls", "guard/judge/controls.go", "cmp.Or(c.set.Header.NoControls, ", "cmp.Or(", "guard/judge"},
}

package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

// simulated is a run that is quick to judge.
func simulated() proof.World {
	return proof.World{Seed: proof.Seed("command line"), Blocks: 20, PerBlock: 60, Items: 100, Sigma: .5, Between: .97}
}

// typed runs one command line and returns its exit code and streams.
func typed(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func record(t *testing.T, run sample.Run) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.run.jsonl.gz")
	if err := sample.Write(path, &run); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestGuardSaysWhatTheJudgeSays: the exit code of each decision, the verdict file
// and the words.
func TestGuardSaysWhatTheJudgeSays(t *testing.T) {
	for _, c := range []struct {
		decision judge.Decision
		world    func(*proof.World)
	}{
		{judge.Promote, func(*proof.World) {}},
		{judge.Rollback, func(w *proof.World) { w.Gap = 1.3 }},
		{judge.Rollback, func(w *proof.World) { w.CandidateErrors = 1 }},
		{judge.Hold, func(w *proof.World) { w.Blocks = 5 }},
		{judge.NoData, func(w *proof.World) { w.PerBlock = 0 }},
	} {
		w := simulated()
		c.world(&w)
		path := record(t, w.Run())
		out := filepath.Join(t.TempDir(), "verdict.json")
		code, stdout, stderr := typed("guard", path, "--json", out)
		if code != c.decision.ExitCode() || stderr != "" {
			t.Errorf("%s: exit code %d, %q", c.decision, code, stderr)
		}
		if !strings.Contains(stdout, string(c.decision)) {
			t.Errorf("the terminal does not say %s:\n%s", c.decision, stdout)
		}
		if v, err := readVerdict(out); err != nil || v.Decision != c.decision || v.RunDigest == "" {
			t.Errorf("%s: the verdict file says %s, %v", c.decision, v.Decision, err)
		}
	}
}

func TestGuardChoosesArms(t *testing.T) {
	w := simulated()
	w.Gap = 1 / 1.3
	path := record(t, w.Run())
	if code, _, _ := typed("guard", path); code != 0 {
		t.Errorf("a faster candidate: exit code %d", code)
	}
	if code, _, _ := typed("guard", path, "--candidate", "baseline"); code != 2 {
		t.Errorf("the slower one as the candidate: exit code %d", code)
	}
	code, stdout, stderr := typed("guard", path, "--baseline", "nobody")
	if code != 1 || stdout != "" || !strings.Contains(stderr, `no arm "nobody": it has baseline, candidate`) {
		t.Errorf("an arm that is not there: %d, %q, %q", code, stdout, stderr)
	}
}

func TestSelftest(t *testing.T) {
	path := record(t, simulated().Run())
	code, stdout, stderr := typed("proof", "selftest", path, "--flips", "200", "--shifted", "50", "--seed", "7")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %q", code, stderr)
	}
	for _, want := range []string{"rolled back ", " of 200 (", "expected 5 %,", "seed 7", "first_token", "lies between items", "P90-P99 tail", "+5 %  found in ", "+20 %  found in 50 of 50"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("it does not say %q:\n%s", want, stdout)
		}
	}
	// The same under the name of its other home.
	if code, again, _ := typed("guard", "selftest", "--data", path, "--flips", "200", "--shifted", "50", "--seed", "7"); code != 0 || again != stdout {
		t.Errorf("guard selftest --data: exit code %d, and it says other things", code)
	}
	if code, _, stderr := typed("guard", "selftest", path, "--twin"); code != 1 || !strings.Contains(stderr, "has no twin") {
		t.Errorf("a run without a twin: exit code %d, %q", code, stderr)
	}
	// With a margin nothing is rolled back: such a selftest shows no test at work.
	if code, _, _ := typed("proof", "selftest", path, "--flips", "50", "--tau", "0.2"); code != 2 {
		t.Errorf("a selftest that never rolls back: exit code %d, want 2", code)
	}
}

func TestExplain(t *testing.T) {
	code, stdout, _ := typed("guard", "explain")
	for _, want := range []string{
		`Policy "default"`, "rolled back in at most 5 %",
		"success.rate         the share of requests that succeed; rolls back beyond 1 point less, promotes within 1 point; the candidate itself at least 90 %; named first",
		"first_token.p95      the ranks from P90 to P99, failures infinitely slow; rolls back beyond 5 % more, promotes within 10 %",
		"Shown only:",
	} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit code %d; it does not say %q:\n%s", code, want, stdout)
		}
	}
	code, yaml, _ := typed("guard", "explain", "--yaml")
	if code != 0 || !strings.HasPrefix(yaml, "# The default policy") {
		t.Errorf("exit code %d: %q…", code, yaml[:min(len(yaml), 40)])
	}
}

// TestSelftestOfTooLittle: a run too short for any replay holds, and says what to
// record.
func TestSelftestOfTooLittle(t *testing.T) {
	w := simulated()
	w.Blocks = 5
	code, _, stderr := typed("proof", "selftest", record(t, w.Run()), "--flips", "10", "--shifted", "1")
	if code != 3 || !strings.Contains(stderr, "proves nothing") || !strings.Contains(stderr, "gate --aa --mode fixed") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
	run := simulated().Run()
	run.Samples = nil
	if code, _, stderr := typed("proof", "selftest", record(t, run)); code != 4 {
		t.Errorf("a run without requests: exit code %d, %q", code, stderr)
	}
}

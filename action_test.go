package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// An action is what this test reads of ci/action.yml; actionlint reads only
// workflows.
type action struct {
	Inputs  map[string]struct{ Description, Default string }
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []struct {
			Name, ID, Uses, Run, Shell, If string
			Env, With                      map[string]string
		}
	}
}

// expression is what GitHub puts in place before any shell sees the text.
var expression = regexp.MustCompile(`\$\{\{.*?\}\}`)

// pinned is an action at a full commit, which nobody can move.
var pinned = regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40}$`)

func TestActionTakesInputsThroughTheEnvironment(t *testing.T) {
	text, err := os.ReadFile("ci/action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var a action
	if err := yaml.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	if a.Runs.Using != "composite" || len(a.Runs.Steps) == 0 {
		t.Fatalf("runs: using %q with %d steps, want a composite of some", a.Runs.Using, len(a.Runs.Steps))
	}
	var reached []string // by an input
	for i, step := range a.Runs.Steps {
		if found := expression.FindString(step.Run); found != "" {
			t.Errorf("step %d puts %s into its script: pass it through env", i, found)
		}
		if step.Run != "" && step.Shell != "bash" {
			t.Errorf("step %d runs a script in shell %q, want bash", i, step.Shell)
		}
		if strings.Contains(step.Run, "go run") {
			t.Errorf("step %d uses `go run`, which flattens exit codes", i)
		}
		if step.Uses != "" && !pinned.MatchString(step.Uses) {
			t.Errorf("step %d uses %s, want a full commit", i, step.Uses)
		}
		for _, m := range []map[string]string{step.Env, step.With} {
			for _, value := range m {
				if name, ok := strings.CutPrefix(value, "${{ inputs."); ok {
					reached = append(reached, strings.TrimSuffix(name, " }}"))
				}
			}
		}
	}
	for name, in := range a.Inputs {
		if in.Description == "" || !slices.Contains(reached, name) {
			t.Errorf("input %s wants a description and a step that it reaches", name)
		}
	}
	if len(reached) != len(a.Inputs) {
		t.Errorf("steps read inputs %q, but %d are declared", reached, len(a.Inputs))
	}
	for _, name := range []string{"decision", "exit-code"} {
		if want := "${{ steps.gate.outputs." + name + " }}"; a.Outputs[name].Value != want {
			t.Errorf("output %s = %q, want %q", name, a.Outputs[name].Value, want)
		}
	}
}

// TestActionStep runs the action's main step over a command that only exits.
func TestActionStep(t *testing.T) {
	for _, tt := range []struct {
		name     string
		failOn   string
		code     int  // of the command
		verdict  bool // whether it leaves one
		want     int
		decision string // empty: the command is not even run
	}{
		{name: "promote", failOn: "rollback,no-data", verdict: true, want: 0, decision: "promote"},
		{name: "promote without a verdict", failOn: "never", want: 1, decision: "error"},
		{name: "rollback", failOn: "rollback,no-data", code: 2, verdict: true, want: 2, decision: "rollback"},
		{name: "rollback allowed", failOn: "never", code: 2, verdict: true, want: 0, decision: "rollback"},
		{name: "hold allowed", failOn: "rollback,no-data", code: 3, verdict: true, want: 0, decision: "hold"},
		{name: "hold", failOn: "rollback, hold", code: 3, verdict: true, want: 3, decision: "hold"},
		{name: "no data", failOn: "rollback,no-data", code: 4, verdict: true, want: 4, decision: "no-data"},
		{name: "internal error", failOn: "never", code: 1, verdict: true, want: 1, decision: "error"},
		{name: "killed", failOn: "never", code: 137, verdict: true, want: 1, decision: "error"},
		{name: "unknown word", failOn: "rollbacks", want: 1},
		{name: "never and more", failOn: "never,hold", want: 1},
		{name: "the default", code: 4, verdict: true, want: 4, decision: "no-data"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := runStep(t, fakeGate(tt.code, tt.verdict), "FAIL_ON="+tt.failOn)
			if got.code != tt.want {
				t.Errorf("exit %d, want %d\n%s", got.code, tt.want, got.log)
			}
			want := ""
			if tt.decision != "" {
				want = fmt.Sprintf("decision=%s\nexit-code=%d\n", tt.decision, tt.code)
			}
			if got.outputs != want {
				t.Errorf("outputs %q, want %q", got.outputs, want)
			}
			if tt.verdict && got.summary != "# the report\n" {
				t.Errorf("summary %q, want the report", got.summary)
			}
		})
	}
}

// TestActionArguments holds that inputs reach the command as they were given,
// and that no shell reads them.
func TestActionArguments(t *testing.T) {
	got := runStep(t, fakeGate(0, true),
		"POLICY=a policy.yaml", "DATASET=$(touch owned)", "DURATION=", "REQUESTS=3000",
		"ARGS=--inject tail=+50%\n  --seed 7 ;touch owned")
	want := "gate|--policy|a policy.yaml|--dataset|$(touch owned)|--requests|3000|--inject|tail=+50%|--seed|7|;touch|owned|\n"
	if got.log != want {
		t.Errorf("the command was given %q, want %q", got.log, want)
	}
	if _, err := os.Stat(filepath.Join(got.dir, "owned")); err == nil {
		t.Error("an input was run as a command")
	}
}

// TestActionAnnotates holds that on GitHub the verdict is annotated, once it stands,
// and that a report which cannot be rendered alters no decision.
func TestActionAnnotates(t *testing.T) {
	for code, outputs := range map[int]string{0: "promote", 2: "rollback"} {
		got := runStep(t, fakeGate(code, true), "GITHUB_ACTIONS=true")
		if !strings.Contains(got.log, "report|out/verdict.json|--annotations|\n") || got.code != code || !strings.Contains(got.outputs, "decision="+outputs+"\n") {
			t.Errorf("exit %d, outputs %q, log %q: want exit %d and annotations", got.code, got.outputs, got.log, code)
		}
	}
	if got := runStep(t, fakeGate(1, false), "GITHUB_ACTIONS=true"); got.code != 1 || strings.Contains(got.log, "--annotations") {
		t.Errorf("exit %d without a verdict, log %q: want 1 and no annotations", got.code, got.log)
	}
}

// TestActionIgnoresAnOldVerdict holds that what an earlier step left behind does
// not pass for this one's.
func TestActionIgnoresAnOldVerdict(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "out/verdict.json"), "{}")
	if got := runStepIn(t, dir, fakeGate(0, false)); got.code != 1 {
		t.Errorf("exit %d with an old verdict lying about, want 1\n%s", got.code, got.log)
	}
}

// fakeGate is a command that prints its arguments, leaves a verdict and a report
// or nothing, and exits with code.
func fakeGate(code int, verdict bool) string {
	script := "#!/bin/sh\nprintf '%s|' \"$@\"\necho\n"
	if verdict {
		script += "mkdir -p out\necho '{}' >out/verdict.json\necho '# the report' >out/report.md\n"
	}
	return script + fmt.Sprintf("exit %d\n", code)
}

// A stepResult is what one run of ci/gate.sh did.
type stepResult struct {
	dir, log, outputs, summary string
	code                       int
}

func runStep(t *testing.T, command string, env ...string) stepResult {
	t.Helper()
	return runStepIn(t, t.TempDir(), command, env...)
}

func runStepIn(t *testing.T, dir, command string, env ...string) stepResult {
	t.Helper()
	script, err := filepath.Abs("ci/gate.sh")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "firstbyte")
	writeFile(t, bin, command)
	if err := os.Chmod(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	outputs, summary := filepath.Join(dir, "outputs"), filepath.Join(dir, "summary")
	writeFile(t, outputs, "")
	writeFile(t, summary, "")
	cmd := exec.CommandContext(t.Context(), "bash", script, bin)
	cmd.Dir = dir
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "GITHUB_OUTPUT=" + outputs, "GITHUB_STEP_SUMMARY=" + summary,
	}, env...)
	log, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return stepResult{
		dir: dir, log: string(log), code: cmd.ProcessState.ExitCode(),
		outputs: readFile(t, outputs), summary: readFile(t, summary),
	}
}

// TestHeldBusy holds the script that lets .ci/run repeat a gate to the verdict
// file as it is written.
func TestHeldBusy(t *testing.T) {
	held := func(d judge.Decision, r judge.Reason) judge.Verdict {
		return judge.Verdict{Schema: judge.Schema, Decision: d, ExitCode: d.ExitCode(), Reason: r}
	}
	quoting := held(judge.Hold, judge.ReasonUndecided)
	quoting.Summary = []string{`"reason": "machine too busy"`}
	for _, tt := range []struct {
		name    string
		verdict judge.Verdict
		want    bool
	}{
		{"busy", held(judge.Hold, judge.ReasonMachineBusy), true},
		{"undecided", held(judge.Hold, judge.ReasonUndecided), false},
		{"undecided, speaking of it", quoting, false},
		{"invalid", held(judge.Hold, judge.ReasonInvalid), true},
		{"blind", held(judge.Hold, judge.ReasonBlind), true},
		{"hallucinating", held(judge.Hold, judge.ReasonHallucinates), false},
		{"rollback", held(judge.Rollback, judge.ReasonMachineBusy), false},
		{"promote", held(judge.Promote, judge.ReasonAllNotWorse), false},
	} {
		for _, indent := range []string{"", "  ", "\t"} {
			t.Run(fmt.Sprintf("%s/%q", tt.name, indent), func(t *testing.T) {
				text, err := json.MarshalIndent(tt.verdict, "", indent)
				if indent == "" {
					text, err = json.Marshal(tt.verdict)
				}
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(t.TempDir(), "verdict.json")
				writeFile(t, path, string(text)+"\n")
				out, err := exec.CommandContext(t.Context(), "sh", "ci/held-busy.sh", path).CombinedOutput()
				if got := err == nil; got != tt.want {
					t.Errorf("held-busy says %t, want %t: %s", got, tt.want, out)
				}
			})
		}
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

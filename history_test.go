package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// TestHistoryOfRunsAndVerdicts: a run file and a verdict of it are the same entry,
// but for the decision.
func TestHistoryOfRunsAndVerdicts(t *testing.T) {
	run := simulated().Run()
	run.Header.StartedAt = "2026-01-02T03:04:05Z"
	path, store, verdict := record(t, run), filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "verdict.json")
	if code, _, _ := typed("guard", path, "--json", verdict); code != 0 {
		t.Fatalf("guard: exit code %d", code)
	}
	for _, args := range [][]string{{path}, {path, "--arm", "baseline"}, {verdict, "--commit", "abc", "--subject", "mend"}} {
		code, stdout, stderr := typed(append([]string{"history", "append", "--store", store}, args...)...)
		if code != 0 || stderr != "" {
			t.Fatalf("%v: exit code %d, %q", args, code, stderr)
		}
		if again := args[0] == verdict; !strings.Contains(stdout, "to "+store) || strings.Contains(stdout, "not counted twice") != again {
			t.Errorf("%v: %q", args, stdout)
		}
	}
	if code, stdout, _ := typed("history", "list", "--store", store); code != 0 || strings.Contains(stdout, `"`) || strings.Count(stdout, "\n") != 3 {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	if code, stdout, stderr := typed("guard", path, "--history", filepath.Join(t.TempDir(), "nothere")); code != 4 || stdout != "" || !strings.Contains(stderr, "append a run first") {
		t.Errorf("a store that is not there: exit code %d, %q, %q", code, stdout, stderr)
	}
	text, err := os.ReadFile(filepath.Join(store, "history.jsonl"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if err != nil || len(lines) != 3 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	plain := strings.NewReplacer(`"commit":"abc",`, "", `"subject":"mend",`, "", `,"decision":"PROMOTE"`, "").Replace(lines[2])
	if plain != lines[0] {
		t.Errorf("of the run:\n%s\nof its verdict:\n%s", lines[0], plain)
	}
	page := filepath.Join(t.TempDir(), "page.html")
	code, stdout, _ := typed("history", "trend", "--store", store, "--metric", "full.p50", "--html", page)
	if code != 0 || !strings.Contains(stdout, "No change in one run (") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	if _, err := os.Stat(page); err != nil {
		t.Error(err)
	}
}

// TestGuardByHistory: a run is judged against runs like it, from the fifth on; a
// rolled back one joins them only when it is accepted.
func TestGuardByHistory(t *testing.T) {
	store, dir := filepath.Join(t.TempDir(), "store"), t.TempDir()
	judged := func(name string, seed uint64, slower float64) (code int, verdict string) {
		w := simulated()
		w.Blocks, w.Seed, w.FirstToken = 8, seed, slower
		run := w.Run()
		run.Header.StartedAt = "2026-01-02T03:04:" + name + "Z"
		path := filepath.Join(dir, name+".run.jsonl")
		if err := sample.Write(path, &run); err != nil {
			t.Fatal(err)
		}
		verdict = filepath.Join(dir, name+".json")
		code, _, stderr := typed("guard", path, "--history", store, "--json", verdict)
		if stderr != "" && code != 4 {
			t.Error(stderr)
		}
		return code, verdict
	}
	keep := func(verdict string, flags ...string) {
		if code, _, stderr := typed(append([]string{"history", "append", verdict, "--store", store}, flags...)...); code != 0 {
			t.Fatal(stderr)
		}
	}
	for i, name := range []string{"01", "02", "03", "04", "05", "06"} {
		code, verdict := judged(name, uint64(i), 1)
		if i == 0 { // there is no history yet: the first run begins it
			if code != 4 {
				t.Errorf("no history: exit code %d", code)
			}
			keep(filepath.Join(dir, name+".run.jsonl"))
			continue
		}
		if code == 2 || code == 0 && i < 5 || code == 1 {
			t.Errorf("run %s: exit code %d", name, code)
		}
		keep(verdict)
	}
	code, slow := judged("11", 11, 3)
	if code != 2 {
		t.Errorf("three times slower: exit code %d", code)
	}
	if v, err := readVerdict(slow); err != nil || v.Mode != "history" || !strings.Contains(v.Unit, "no causal claim") {
		t.Errorf("%s %q, %v", v.Mode, v.Unit, err)
	}
	keep(slow)
	if code, _ := judged("12", 12, 3); code != 2 {
		t.Errorf("the same again, not accepted: exit code %d", code)
	}
	keep(slow, "--accept")
	if code, _ := judged("13", 13, 3); code == 2 {
		t.Error("an accepted run changed nothing")
	}
}

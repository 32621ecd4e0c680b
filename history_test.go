package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		if code, _, stderr := typed(append([]string{"history", "append", "--store", store}, args...)...); code != 0 || stderr != "" {
			t.Fatalf("%v: exit code %d, %q", args, code, stderr)
		}
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
	if code != 0 || !strings.Contains(stdout, "No change in 1 runs") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	if _, err := os.Stat(page); err != nil {
		t.Error(err)
	}
}

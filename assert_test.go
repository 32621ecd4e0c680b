package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/assert"
)

// TestAssert: exit code, words and file of the command, on a recorded run.
func TestAssert(t *testing.T) {
	w := simulated()
	w.FirstToken = .7
	path := record(t, w.Run())
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"latency --allow simulated --full-p95 <=1s", 0, "PASS"},
		{"latency --full-p95 <=1s", 3, "nothing was measured"}, // synthetic data is not taken for real
		{"latency --allow simulated --full-p95=<=1ms", 2, "FAIL"},
		{"latency --allow simulated --first-token-p95-improve 20%", 0, "over baseline"},
		{"latency --allow simulated --first-token-p95-improve 40%", 2, "pair by pair"},
		{"latency --allow simulated --arm baseline --baseline-arm candidate --first-token-p95-improve 20%", 2, "baseline of"},
		{"latency --allow simulated --that ttfb.p50<1s --added-event-p50 <1s", 4, "NO DATA"},
		{"quality --allow simulated --quality >=90%", 4, "scored"},
		{"converter-cpu --allow simulated --cpu-per-event <=1ms", 0, "cpu_per_event"},
		{"retry --allow simulated", 4, "double_waits == 0"},
		{"preview-pool --allow simulated --preview-label a --preview-model", 4, "wrong_credential == 0"},
		{"transport --allow simulated --reuse >=1%", 4, "no record"},
	} {
		out := filepath.Join(t.TempDir(), "assert.json")
		args := append([]string{"assert"}, strings.Fields(c.args)...)
		code, stdout, stderr := typed(append(args, path, "--json", out)...)
		if code != c.code || stderr != "" || !strings.Contains(stdout, c.says) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s%s", c.args, code, c.code, c.says, stdout, stderr)
		}
		data, err := os.ReadFile(out)
		var report assert.Report
		if err != nil || json.Unmarshal(data, &report) != nil || report.Schema != assert.Schema || report.ExitCode != c.code {
			t.Errorf("%s: the file says %+v, %v", c.args, report, err)
		}
	}
}

// TestAssertOverAnotherRun: runs that cannot be compared hold.
func TestAssertOverAnotherRun(t *testing.T) {
	w := simulated()
	other := record(t, w.Run())
	w.FirstToken, w.Seed = .5, w.Seed+1
	path := record(t, w.Run())
	code, stdout, _ := typed("assert", "latency", path, "--baseline", other, "--first-token-p95-improve", "20%", "--point", "--allow", "simulated")
	for _, want := range []string{"not comparable", "machine", "not recorded", "no causal claim"} {
		if code != 3 || !strings.Contains(stdout, want) {
			t.Errorf("exit code %d; it does not say %q:\n%s", code, want, stdout)
		}
	}
	code, stdout, _ = typed("assert", "latency", path, "--baseline", other, "--first-token-p95-improve", "20%", "--point",
		"--allow", "simulated,model,dataset,schedule,machine,dialect")
	if code != 0 || !strings.Contains(stdout, "(allowed)") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
}

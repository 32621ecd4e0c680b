package report_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// A run at a faster clock shows its latencies at the machine's too, and how much of
// them is processor time, which is not scaled.
func TestScaledBack(t *testing.T) {
	v := promote()
	v.Run.ClockScale = 20
	for i := range v.Arms {
		v.Arms[i].CPUPerRequestNS = 2e6
		v.Arms[i].Measures[sample.FirstToken] = summary.Distribution{N: 100, P50: 400e6, P95: 2_060e6}
	}
	v.Arms[1].Measures[sample.FirstToken] = summary.Distribution{N: 100, Failed: 10, P50: 400e6, P95: summary.Infinite}
	for _, form := range []string{"txt", "md", "html"} {
		got := render(t, form, v)
		for _, want := range []string{"clock 20 times as fast", `(?s)time to first token.{1,40}baseline.*8\.00 s.*41\.2 s.*400 ms.*2\.06 s.*0\.5 % of P50`, `(?s)candidate.*8\.00 s.*∞ \(10 failed\)`} {
			if !regexp.MustCompile(want).MatchString(got) {
				t.Errorf("%s: no %s in\n%s", form, want, got[:min(len(got), 6000)])
			}
		}
	}
	v.Run.ClockScale = 1
	if strings.Contains(render(t, "md", v), "Scaled back") {
		t.Error("a run at the machine's clock is scaled back")
	}
}

package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// TestExplainHasNoEmptyList: a policy that gates everything shows nothing else.
func TestExplainHasNoEmptyList(t *testing.T) {
	p := policy.Default()
	p.Metrics = slices.DeleteFunc(p.Metrics, func(m policy.Metric) bool { return !m.Gating })
	var out strings.Builder
	if err := policy.Explain(&out, p); err != nil || strings.Contains(out.String(), "Shown only") {
		t.Errorf("%v:\n%s", err, out.String())
	}
}

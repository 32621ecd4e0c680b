package history_test

import (
	"math"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/history"
)

// few are n entries that differ by a percent or two.
func few(n int) []history.Entry {
	var all []history.Entry
	for i := range n {
		all = append(all, entry(i, 100e6*(1+.01*float64(i%3))))
	}
	return all
}

func TestRulesFewRunsPredictNothing(t *testing.T) {
	for n, predicted := range map[int]bool{4: false, 5: true} {
		if p := history.Predict(few(n), entry(20, 101e6), "first_token.p95", .05); (p.Why == "") != predicted || p.Runs != n {
			t.Errorf("%d runs: %+v", n, p)
		}
	}
}

// TestRulesBoundIsWhereAlphaIs: bound and p-value are of one and the same
// prediction.
func TestRulesBoundIsWhereAlphaIs(t *testing.T) {
	upper := history.Predict(few(8), entry(20, 101e6), "first_token.p95", .05).Upper
	if p := history.Predict(few(8), entry(20, upper), "first_token.p95", .05).P; math.Abs(p-.05) > 1e-6 {
		t.Errorf("at the upper bound p is %v, want .05", p)
	}
}

// TestRulesTwoRunsAreNoChange: a change needs three runs on either side.
func TestRulesTwoRunsAreNoChange(t *testing.T) {
	for slow, want := range map[int]int{2: 0, 3: 1} {
		all := few(24)
		for i := range slow {
			all = append(all, entry(24+i, 900e6*(1+.01*float64(i))))
		}
		if c := history.Trends(all, "first_token.p95")[0].Changes; len(c) != want {
			t.Errorf("%d slow runs at the end: %d changes, want %d", slow, len(c), want)
		}
	}
}

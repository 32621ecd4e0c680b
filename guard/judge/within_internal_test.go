package judge

import (
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// TestNothingIsWithinAMissingBound: no evidence is known that leaves a bound open
// and refuses no claim. If there is some, it does not promote.
func TestNothingIsWithinAMissingBound(t *testing.T) {
	for _, m := range []policy.Measure{policy.FirstToken, policy.Throughput, policy.Success} {
		f := finding{Metric: policy.Metric{Measure: m, Margin: .5}, out: blank(policy.Metric{Measure: m})}
		f.out.Lower, f.out.Upper = NaN(), NaN()
		if f.within() {
			t.Errorf("%s is within a bound that is not known", m)
		}
		if f.out.Lower, f.out.Upper = 1, 1; !f.within() {
			t.Errorf("%s is not within its margin", m)
		}
	}
}

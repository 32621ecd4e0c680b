package policy_test

import (
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

func TestRulesDirections(t *testing.T) {
	for _, m := range []policy.Measure{policy.Throughput, policy.Success, policy.Goodput, policy.Quality} {
		if !(policy.Metric{Measure: m}).HigherIsBetter() {
			t.Errorf("of %s less is better", m)
		}
	}
	for _, m := range []policy.Measure{policy.Full, policy.Tokens, policy.Cost, policy.CPUPerEvent, policy.CPUPerRequest, policy.AddedEvent} {
		if (policy.Metric{Measure: m}).HigherIsBetter() {
			t.Errorf("of %s more is better", m)
		}
	}
}

func TestRulesGoodputNeedsObjectives(t *testing.T) {
	p := policy.Default()
	p.SLO = nil
	p.Metrics = append(p.Metrics[:len(p.Metrics):len(p.Metrics)], policy.Metric{Measure: policy.Goodput, Statistic: policy.Rate, Tau: .01, Margin: .02})
	if err := p.Validate(); err == nil || !strings.Contains(err.Error(), "say it under slo") {
		t.Errorf("%v", err)
	}
	p.SLO = []policy.Objective{{Measure: policy.FirstToken, AtMost: policy.Limit{Value: 8e8, Duration: true}}}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
}

package judge_test

import (
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// TestRulesSplitShare: of two equal arms one has four fifths of the slow and of
// the failed requests, if it has four fifths of all. That is no evidence.
func TestRulesSplitShare(t *testing.T) {
	v := judge.Judge(splitPolicy(.05, "p90"), stream{n: 6000, share: .8, errors: [2]float64{.03, .03}}.draw(random("share")))
	for _, m := range v.Metrics {
		if m.LogE >= bar || m.LogEWithin < -bar {
			t.Errorf("%s: evidence %.2f that it is worse and %.2f that it is within the margin", m.Key, m.LogE, m.LogEWithin)
		}
	}
	if v.Decision == judge.Rollback {
		t.Errorf("%q", v.Summary)
	}
}

// TestRulesSplitFailures: a request that failed was infinitely slow.
func TestRulesSplitFailures(t *testing.T) {
	v := judge.Judge(splitPolicy(.05, "p90"), stream{n: 8000, share: .5, errors: [2]float64{0, .08}}.draw(random("failures")))
	if m := metric(t, v, "first_token.p90"); m.LogE < bar {
		t.Errorf("evidence %.2f: %s", m.LogE, m.Why)
	}
	// Where every tenth request fails P90 lies among failures.
	v = judge.Judge(splitPolicy(.05, "p90"), stream{n: 8000, share: .5, errors: [2]float64{.13, .13}}.draw(random("many failures")))
	expect(t, v, judge.Hold, judge.ReasonFailures)
}

// TestRulesSplitTail: a candidate that is alike in the middle and slower by half in
// its slowest tenth is not within the margin.
func TestRulesSplitTail(t *testing.T) {
	set := stream{n: 10_000, share: .5}.draw(random("tail"))
	for _, u := range set.Units {
		if s := u.Requests[0]; u.Candidate && s.TokenNS-s.IntendedNS > 1_900_000_000 { // P90 of sigma .5
			s.TokenNS += (s.TokenNS - s.IntendedNS) / 2
		}
	}
	v := judge.Judge(splitPolicy(.05, policy.Mean), set)
	if m := metric(t, v, "first_token.mean"); m.LogEWithin >= bar || v.Decision == judge.Promote {
		t.Errorf("%s: evidence %.2f", v.Decision, m.LogEWithin)
	}
}

// TestRulesSplitLimit: two arms that fail alike may both be under a limit.
func TestRulesSplitLimit(t *testing.T) {
	set := stream{n: 4000, share: .5, errors: [2]float64{.06, .06}}.draw(random("limit"))
	expect(t, judge.Judge(withLimit(splitPolicy(.05), "success.rate", .99), set), judge.Rollback, judge.ReasonLimit)
}

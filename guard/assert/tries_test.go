package assert_test

import (
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/assert"
)

const ms = int64(time.Millisecond)

// tries is a retried request: the first attempt took 10 ms and failed, the second
// began when the wait was over.
func tries(planned, slept int64) *sample.ProxySaid {
	return &sample.ProxySaid{
		Attempts: 2, WaitNS: slept, Credential: "a", Pool: sample.PoolGeneral,
		Tries: []sample.Try{
			{AtNS: ms, EndNS: 11 * ms, Credential: "b", Pool: sample.PoolGeneral, Class: "rate", Status: 429, PlannedNS: planned, SleptNS: slept},
			{AtNS: 11*ms + slept, Credential: "a", Pool: sample.PoolGeneral, Status: 200},
		},
	}
}

// TestEachWaitOnce: where the record tells of each attempt, nothing has to be said
// of waits, and it shows a wait that was done twice, wherever it was done.
func TestEachWaitOnce(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*sample.ProxySaid)
		scale float64
		want  assert.Verdict
	}{
		"once":                     {func(*sample.ProxySaid) {}, 1, assert.Pass},
		"a little late":            {func(s *sample.ProxySaid) { *s = *tries(1000*ms, 1200*ms) }, 1, assert.Pass},
		"twice":                    {func(s *sample.ProxySaid) { *s = *tries(1000*ms, 2000*ms) }, 1, assert.Fail},
		"twice, but short":         {func(s *sample.ProxySaid) { *s = *tries(5*ms, 10*ms) }, 1, assert.Pass},
		"unplanned":                {func(s *sample.ProxySaid) { *s = *tries(0, 100*ms) }, 1, assert.Fail},
		"told once, lasted twice":  {func(s *sample.ProxySaid) { s.Tries[1].AtNS += 1000 * ms }, 1, assert.Fail},
		"after the last attempt":   {func(s *sample.ProxySaid) { s.Tries[1].SleptNS, s.Tries[1].PlannedNS = 100*ms, 100*ms }, 1, assert.Fail},
		"beside the attempts":      {func(s *sample.ProxySaid) { s.WaitNS += 100 * ms }, 1, assert.Fail},
		"once, on a fast clock":    {func(s *sample.ProxySaid) { s.Tries[1].AtNS = 11*ms + 50*ms }, 20, assert.Pass},
		"twice, on a fast clock":   {func(s *sample.ProxySaid) { s.Tries[1].AtNS = 11*ms + 100*ms }, 20, assert.Fail},
		"attempts of other number": {func(s *sample.ProxySaid) { s.Attempts = 3 }, 1, assert.NoData},
	} {
		run := recorded(world())
		run.Header.ClockScale = c.scale
		candidates(run, func(_ int, s *sample.Sample) {
			s.Proxy = tries(1000*ms, 1000*ms)
			s.Proxy.Tries[1].AtNS = 11*ms + 1000*ms/int64(c.scale)
			c.spoil(s.Proxy)
		})
		r := request(t, run)
		r.Topic, r.Allow = assert.Retry, []string{"simulated"} // a fast clock is
		if got := last(t, r); got.Verdict != c.want || got.Assertion != "double_waits == 0" {
			t.Errorf("%s: %s is %s (%v), want %s; %s", name, got.Assertion, got.Verdict, got.Observed, c.want, got.Why)
		}
	}
}

// TestWaitCutByTheCaller: a caller who left during a wait has not waited twice,
// unless the wait was already over once.
func TestWaitCutByTheCaller(t *testing.T) {
	for slept, want := range map[int64]assert.Verdict{400 * ms: assert.Pass, 1600 * ms: assert.Fail} {
		for code, want := range map[string]assert.Verdict{"caller_left": want, "overloaded": assert.Fail} {
			run := recorded(world())
			candidates(run, func(i int, s *sample.Sample) {
				s.Proxy = tries(1000*ms, 1000*ms)
				if i == 4 {
					s.Outcome, s.Code = sample.ResetBefore, code
					s.Proxy.Tries, s.Proxy.Attempts, s.Proxy.WaitNS = s.Proxy.Tries[:1], 1, slept
					s.Proxy.Tries[0].SleptNS = slept
				}
			})
			r := request(t, run)
			r.Topic = assert.Retry
			if got := last(t, r); got.Verdict != want || got.Assertion != "double_waits == 0" {
				t.Errorf("%v, %s: %s is %s (%v), want %s; %s", time.Duration(slept), code, got.Assertion, got.Verdict, got.Observed, want, got.Why)
			}
		}
	}
}

// TestPoolsOfRecords: boundary and fairness where records tell which pool model and
// credentials belong to.
func TestPoolsOfRecords(t *testing.T) {
	pools := []string{sample.PoolPreview, sample.PoolGeneral}
	for name, c := range map[string]struct {
		demand string
		spoil  func(i int, s *sample.ProxySaid)
		in     int // credentials, as the caller says
		want   assert.Verdict
		why    string
	}{
		"kept":                   {"wrong_credential == 0", nil, 0, assert.Pass, ""},
		"crossed once":           {"wrong_credential == 0", func(i int, s *sample.ProxySaid) { crossed(i == 4, s) }, 0, assert.Fail, ""},
		"crossed in a first try": {"wrong_credential == 0", func(i int, s *sample.ProxySaid) { crossed(i == 4, s); s.Tries[1].Pool = s.Pool }, 0, assert.Fail, ""},
		"a spill is allowed":     {"wrong_credential == 0", func(i int, s *sample.ProxySaid) { crossed(i == 5, s) }, 0, assert.Pass, ""},
		"and counted":            {"spilled <= 0.5%", func(i int, s *sample.ProxySaid) { crossed(i%100 == 5, s) }, 0, assert.Fail, ""},
		"no spill":               {"spilled <= 0%", nil, 0, assert.Pass, ""},
		"nothing in preview":     {"wrong_credential == 0", func(_ int, s *sample.ProxySaid) { s.Pool = sample.PoolGeneral }, 0, assert.NoData, "nothing could cross"},
		"nothing else":           {"spilled <= 1%", func(_ int, s *sample.ProxySaid) { s.Pool = sample.PoolPreview }, 0, assert.NoData, "all requests"},
		"one model untold":       {"wrong_credential == 0", func(i int, s *sample.ProxySaid) { s.Pool = []string{"", s.Pool}[min(1, i)] }, 0, assert.NoData, "1 requests do not tell"},
		"one credential untold":  {"wrong_credential == 0", func(i int, s *sample.ProxySaid) { s.Tries[1].Pool = []string{"", s.Pool}[min(1, i)] }, 0, assert.NoData, "1 requests do not tell"},
		"even in each pool":      {"fairness >= 99%", nil, 0, assert.Pass, "--credentials"},
		"uneven in one pool":     {"fairness >= 95%", func(_ int, s *sample.ProxySaid) { s.Credential = strings.Replace(s.Credential, "p2", "p0", 1) }, 0, assert.Fail, ""},
		"within bounds":          {"overuse <= 1.3", nil, 0, assert.Pass, ""},
		"not provably":           {"overuse <= 1.01", nil, 0, assert.Hold, ""},
		"above": {"overuse <= 1.3", func(i int, s *sample.ProxySaid) {
			s.Credential = []string{"p0", "g0"}[i%2] + map[bool]string{true: "x"}[i%8 < 2]
		}, 0, assert.Fail, ""},
		"of two pools":             {"overuse <= 1.3", nil, 6, assert.NoData, "2 pools"},
		"one never served":         {"overuse <= 1.3", func(_ int, s *sample.ProxySaid) { s.Pool = sample.PoolGeneral }, 12, assert.Fail, ""},
		"more than there are":      {"overuse <= 1.3", func(_ int, s *sample.ProxySaid) { s.Pool = sample.PoolGeneral }, 2, assert.NoData, "of 2 that there are said to be"},
		"all of those that are":    {"busiest <= 17%", func(_ int, s *sample.ProxySaid) { s.Pool = sample.PoolGeneral }, 6, assert.Pass, ""},
		"nobody was ever asked":    {"wrong_credential == 0", func(_ int, s *sample.ProxySaid) { s.Credential = "" }, 0, assert.NoData, "0 of 1200"},
		"most were asked, not all": {"wrong_credential == 0", func(i int, s *sample.ProxySaid) { s.Credential = []string{"", s.Credential}[min(1, i)] }, 0, assert.Pass, ""},
	} {
		run := recorded(world())
		candidates(run, func(i int, s *sample.Sample) {
			pool := pools[i%2]
			who := string(pool[0]) + string(rune('0'+i/2%3)) // p0, p1, p2 and g0, g1, g2
			s.Proxy = &sample.ProxySaid{
				Attempts: 2, Credential: who, Pool: pool,
				Tries: []sample.Try{{Credential: who, Pool: pool}, {Credential: who, Pool: pool}},
			}
			if c.spoil != nil {
				c.spoil(i, s.Proxy)
			}
		})
		r := request(t, run, c.demand)
		r.Topic, r.Credentials = assert.PreviewPool, c.in
		if got := last(t, r); got.Verdict != c.want || !strings.Contains(got.Why, c.why) {
			t.Errorf("%s: %s is %s (%v in [%v, %v]) %q, want %s %q", name, c.demand, got.Verdict, got.Observed, got.Lower, got.Upper, got.Why, c.want, c.why)
		}
	}
}

// crossed has a request served from the other pool.
func crossed(so bool, s *sample.ProxySaid) {
	if !so {
		return
	}
	other := map[string]string{sample.PoolPreview: sample.PoolGeneral, sample.PoolGeneral: sample.PoolPreview}[s.Pool]
	for i := range s.Tries {
		s.Tries[i].Pool = other
	}
}

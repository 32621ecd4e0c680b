package judge_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// A stream of requests to one process, each assigned to an arm at random.
type stream struct {
	n       int
	share   float64
	auto    float64 // autocorrelation of the noise that both arms share
	bimodal bool
	slower  float64 // factor on the candidate, 0: none
	errors  [2]float64
}

const sigma = .5

func (w stream) draw(r *rand.Rand) evidence.Set {
	set := evidence.Set{
		Header:   sample.Header{Design: sample.Split, Arms: []sample.Arm{{Name: "baseline"}, {Name: "candidate"}}},
		Baseline: "baseline", Candidate: "candidate", Blocks: 1, Restarts: 1,
		Validity: sample.Validity{Grade: sample.Valid},
		Outcomes: evidence.Outcomes{Baseline: make([]evidence.Tally, 1), Candidate: make([]evidence.Tally, 1)},
	}
	noise := 0.0
	for i := range w.n {
		noise = w.auto*noise + math.Sqrt(1-w.auto*w.auto)*r.NormFloat64()
		log := sigma * noise
		if w.bimodal {
			log = math.Log(.4) + .25*noise
			if r.Float64() < .1 {
				log = math.Log(2.5) + .25*noise
			}
		}
		candidate := r.Float64() < w.share
		side, tally := 0, &set.Outcomes.Baseline[0]
		if candidate {
			side, tally = 1, &set.Outcomes.Candidate[0]
			if w.slower > 0 {
				log += math.Log(w.slower)
			}
		}
		start := int64(i+1) * 1e12
		s := &sample.Sample{
			Outcome: sample.OK, IntendedNS: start, TokenNS: start + int64(1e9*math.Exp(log)), Share: w.share, Events: 21,
			Usage: sample.Usage{Output: 21},
		}
		tally.Attempts++
		if r.Float64() < w.errors[side] {
			s.Outcome = sample.HTTP5xx
		} else {
			tally.OK++
		}
		set.Units = append(set.Units, evidence.Unit{Candidate: candidate, Share: w.share, Requests: []*sample.Sample{s}})
	}
	return set
}

// splitPolicy gates the first token and failures.
func splitPolicy(tau policy.Share, statistics ...policy.Statistic) policy.Policy {
	p := policy.Default()
	p.Mode, p.Looks = policy.Anytime, 0
	p.Metrics = []policy.Metric{{Measure: policy.Success, Statistic: policy.Rate, Gating: true, Tau: .01, Margin: .02}}
	for _, s := range statistics {
		p.Metrics = append(p.Metrics, policy.Metric{Measure: policy.FirstToken, Statistic: s, Gating: true, Tau: tau, Margin: .1})
	}
	return p
}

func random(name string) *rand.Rand { return rand.New(rand.NewPCG(proof.Seed(name), 0)) }

func TestSplit(t *testing.T) {
	five := splitPolicy(.05, policy.Mean)
	fixed := five
	fixed.Mode = policy.Fixed
	for _, c := range []struct {
		name   string
		stream stream
		policy policy.Policy
		want   judge.Decision
		reason judge.Reason
	}{
		{"identical arms", stream{n: 10_000, share: .5}, five, judge.Promote, judge.ReasonAllNotWorse},
		{"at one look", stream{n: 10_000, share: .5}, fixed, judge.Promote, judge.ReasonAllNotWorse},
		{"slow spells that both share", stream{n: 10_000, share: .5, auto: .95}, five, judge.Promote, judge.ReasonAllNotWorse},
		{"median and tail", stream{n: 20_000, share: .5}, splitPolicy(.05, policy.P50, policy.P95), judge.Promote, judge.ReasonAllNotWorse},
		{"30 % slower", stream{n: 4000, share: .3, slower: 1.3}, five, judge.Rollback, judge.ReasonWorse},
		{"30 % slower tail", stream{n: 8000, share: .5, slower: 1.3}, splitPolicy(.05, policy.P95), judge.Rollback, judge.ReasonWorse},
		{"failures", stream{n: 4000, share: .2, errors: [2]float64{.01, .06}}, five, judge.Rollback, judge.ReasonWorse},
		{"few", stream{n: 300, share: .3}, five, judge.Hold, judge.ReasonFewPairs},
		{"undecided", stream{n: 1000, share: .5, slower: 1.07}, five, judge.Hold, judge.ReasonUndecided},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := judge.Judge(c.policy, c.stream.draw(random(c.name)))
			expect(t, v, c.want, c.reason)
			for _, m := range v.Metrics {
				t.Logf("%-18s %s %-10s %.4f [%.4f, %.4f] e %.2f within %.2f adjusted %.3g detectable %.3f more %d %s", m.Key, m.Name, m.Standing, m.Effect, m.Lower, m.Upper, m.LogE, m.LogEWithin, m.PHolm, m.Detectable, m.More, m.Why)
			}
			t.Log(v.Summary, v.Guarantee, v.Unit)
		})
	}
}

// TestSplitRefuses what is no split of one process.
func TestSplitRefuses(t *testing.T) {
	if v := judge.Judge(splitPolicy(.05, policy.Mean), stream{n: 4000, share: .5}.draw(random("refuse"))); v.Decision != judge.Promote {
		t.Fatalf("unspoilt: %s, %q", v.Decision, v.Summary)
	}
	for name, spoil := range map[string]func(*evidence.Set, *policy.Policy){
		"share of all":     func(e *evidence.Set, _ *policy.Policy) { share(e, 1) }, // and yet the baseline has units
		"more than all":    func(e *evidence.Set, _ *policy.Policy) { e.Units[500].Share = 1.5 },
		"no share":         func(e *evidence.Set, _ *policy.Policy) { e.Units[500].Share = 0 },
		"share NaN":        func(e *evidence.Set, _ *policy.Policy) { e.Units[500].Share = math.NaN() },
		"two processes":    func(e *evidence.Set, _ *policy.Policy) { e.Restarts = 2 },
		"two targets":      func(e *evidence.Set, _ *policy.Policy) { e.Header.Arms[1].Target = "http://127.0.0.1:2" },
		"not kept":         func(e *evidence.Set, _ *policy.Policy) { e.Mixed = 100 },
		"planned looks":    func(_ *evidence.Set, p *policy.Policy) { p.Mode = policy.GroupSequential },
		"no units":         func(e *evidence.Set, _ *policy.Policy) { e.Units = nil },
		"no requests":      func(e *evidence.Set, _ *policy.Policy) { e.Units[7].Requests = nil },
		"not as it says":   func(e *evidence.Set, _ *policy.Policy) { share(e, .3) },
		"an arm is absent": func(e *evidence.Set, _ *policy.Policy) { alone(e) },
		"throughput": func(_ *evidence.Set, p *policy.Policy) {
			p.Metrics = append(p.Metrics, policy.Metric{Measure: policy.Throughput, Statistic: policy.Mean, Gating: true, Tau: .05, Margin: .1})
		},
		"negative latency": func(e *evidence.Set, _ *policy.Policy) { e.Units[9].Requests[0].TokenNS = 1 },
		"invalid":          func(e *evidence.Set, _ *policy.Policy) { e.Validity.Grade = sample.Invalid },
		"many tell no arm": func(e *evidence.Set, _ *policy.Policy) { e.Unassigned = 5 },
		"other work": func(e *evidence.Set, _ *policy.Policy) {
			for _, u := range e.Units {
				if u.Candidate {
					u.Requests[0].Usage.Output = 5
				}
			}
		},
		"work unknown": func(e *evidence.Set, _ *policy.Policy) {
			for _, u := range e.Units {
				u.Requests[0].Usage.Output = 0
			}
		},
	} {
		p, set := splitPolicy(.05, policy.Mean), stream{n: 4000, share: .5}.draw(random("refuse"))
		spoil(&set, &p)
		v := judge.Judge(p, set)
		if v.Decision != judge.Hold && v.Decision != judge.NoData {
			t.Errorf("%s: %s, %q", name, v.Decision, v.Summary)
		}
		if name == "more than all" && !strings.Contains(v.Summary[0], "there is nothing to compare") {
			t.Errorf("%s: %q does not say that there is nothing to compare", name, v.Summary[0])
		}
		t.Logf("%s: %s %q", name, v.Decision, v.Summary)
	}
}

// TestSplitOfARun goes from a run's requests to the decision.
func TestSplitOfARun(t *testing.T) {
	run := sample.Run{
		Header: sample.Header{
			Schema: sample.Schema, Design: sample.Split, Arms: []sample.Arm{{Name: "baseline"}, {Name: "candidate"}},
		},
		Trailer: sample.Trailer{Trailer: true, Validity: sample.Validity{Grade: sample.Valid}},
	}
	for i, u := range (stream{n: 5000, share: .3, slower: 1.3}).draw(random("run")).Units {
		s := *u.Requests[0]
		s.Seq, s.Item, s.Occurrence, s.Arm = i, "one", i, "baseline"
		s.CloseNS = s.TokenNS + 1e9
		if u.Candidate {
			s.Arm = "candidate"
		}
		run.Samples = append(run.Samples, s)
	}
	v := judge.Judge(splitPolicy(.05, policy.Mean), setOf(t, run))
	expect(t, v, judge.Rollback, judge.ReasonWorse)
	if m := metric(t, v, "first_token.mean"); m.Lower > 1.3 || m.Upper < 1.3 {
		t.Errorf("bounds %v and %v", m.Lower, m.Upper)
	}
}

func share(e *evidence.Set, share float64) {
	for i := range e.Units {
		e.Units[i].Share = share
	}
}

func alone(e *evidence.Set) {
	for i := range e.Units {
		e.Units[i].Candidate = true
	}
}

// TestSplitVectors goes through the judge: failures and no margin. The baseline's
// come first, so that the evidence is highest at the end.
func TestSplitVectors(t *testing.T) {
	for _, c := range []struct {
		share             float64
		candidate, events int
		want              float64
	}{
		{.5, 40, 60, 2.3436462527},
		{.1, 30, 150, 5.1418309211},
	} {
		set := stream{n: 3000, share: c.share}.draw(random("vectors"))
		left := [2]int{c.events - c.candidate, c.candidate}
		for i, u := range set.Units {
			side := 0
			if u.Candidate {
				side = 1
			}
			if left[side] > 0 && (side == 0 || i > 500) {
				u.Requests[0].Outcome = sample.HTTP5xx
				left[side]--
			}
		}
		p := splitPolicy(.05, policy.Mean)
		p.Metrics[0].Tau = 0
		if m := metric(t, judge.Judge(p, set), "success.rate"); math.Abs(float64(m.LogE)-c.want) > 1e-9 {
			t.Errorf("%d of %d at %g: log e %.10f, want %.10f", c.candidate, c.events, c.share, m.LogE, c.want)
		}
	}
}

// TestSplitSessions: a session is one unit, whatever it did.
func TestSplitSessions(t *testing.T) {
	set := stream{n: 4000, share: .5}.draw(random("sessions"))
	for i := range set.Units {
		u := &set.Units[i]
		if u.Candidate { // later requests of a session are not looked at
			slow := *u.Requests[0]
			slow.TokenNS += 1e12
			u.Requests = append(u.Requests, &slow, &slow)
		}
	}
	p := splitPolicy(.05, policy.Mean)
	expect(t, judge.Judge(p, set), judge.Promote, judge.ReasonAllNotWorse)
	for i := range set.Units {
		if u := &set.Units[i]; u.Candidate && i%10 == 0 {
			failed := *u.Requests[0]
			failed.Outcome = sample.HTTP5xx
			u.Requests = append(u.Requests, &failed)
		}
	}
	v := judge.Judge(p, set)
	expect(t, v, judge.Rollback, judge.ReasonWorse)
	if firstWorse(v) != "success" {
		t.Errorf("%q", firstWorse(v))
	}
}

// TestSplitErrs holds the rates of judging.md 3 (i), watched at every look.
func TestSplitErrs(t *testing.T) {
	const runs = 40
	p := splitPolicy(0, policy.Mean)
	p.Metrics = p.Metrics[1:]
	for name, w := range map[string]stream{
		"lognormal":      {share: .5},
		"autocorrelated": {share: .5, auto: .95},
		"bimodal":        {share: .3, bimodal: true},
	} {
		w.n = 3000
		r, wrong := random("split A/A "+name), 0
		for range runs {
			if judge.RollsBack(p, w.draw(r)) {
				wrong++
			}
		}
		if most := stats.BinomialQuantile(.9995, runs, .05); wrong > most {
			t.Errorf("%s: rolled back %d of %d, at most %d", name, wrong, runs, most)
		}
	}
	found, r := 0, random("split +20 %")
	for range runs {
		if judge.RollsBack(p, stream{n: 2500, share: .5, slower: 1.2}.draw(r)) {
			found++
		}
	}
	if found < runs*9/10 {
		t.Errorf("+20 %% in 2,500 requests: found %d of %d", found, runs)
	}
}

func TestSplitSays(t *testing.T) {
	v := judge.Judge(splitPolicy(.05, policy.P95), stream{n: 4000, share: .5}.draw(random("says")))
	if m := metric(t, v, "first_token.p95"); m.Name != "first token, P95" || !strings.Contains(m.Why, "alarm over five quantiles") {
		t.Errorf("%q: %q", m.Name, m.Why)
	}
	if !strings.Contains(v.Guarantee, "randomised units") || !strings.Contains(v.Unit, "one process") {
		t.Errorf("%q, %q", v.Guarantee, v.Unit)
	}
}

// TestEnteringAllTraffic: a log that goes on into the stage at 100 % is judged by
// the stages before, and what fails at 100 % breaks an absolute limit alone.
func TestEnteringAllTraffic(t *testing.T) {
	p := splitPolicy(.05, policy.P50)
	p.Metrics[0].Limit = &policy.Limit{Value: .9}
	before := stream{n: 20_000, share: .5, slower: 1}
	after := func(errors float64) stream {
		return stream{n: 4000, share: 1, slower: 3, errors: [2]float64{0, errors}}
	}
	for _, c := range []struct {
		name   string
		stages []stream
		want   judge.Decision
		reason judge.Reason
	}{
		{"equal before, whatever came after", []stream{before, after(0)}, judge.Promote, judge.ReasonAllNotWorse},
		{"slower before", []stream{{n: 20_000, share: .5, slower: 1.3}, after(0)}, judge.Rollback, judge.ReasonWorse},
		{"failures at 100 %", []stream{before, after(.9)}, judge.Rollback, judge.ReasonLimit},
	} {
		r := rand.New(rand.NewPCG(proof.Seed(c.name), 0))
		var set evidence.Set
		for i, s := range c.stages {
			next := s.draw(r)
			if i == 0 {
				set = next
				continue
			}
			set.Units = append(set.Units, next.Units...)
			set.Outcomes.Candidate[0].Attempts += next.Outcomes.Candidate[0].Attempts
			set.Outcomes.Candidate[0].OK += next.Outcomes.Candidate[0].OK
		}
		v := judge.Judge(p, set)
		expect(t, v, c.want, c.reason)
		if !strings.Contains(strings.Join(v.Warnings, " "), "4000 units came when the candidate had all of the traffic") {
			t.Errorf("%s: %q", c.name, v.Warnings)
		}
	}
}

package judge_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// watching is the default policy in the mode anytime.
func watching() policy.Policy {
	p := policy.Default()
	p.Mode, p.Looks = policy.Anytime, 0
	return p
}

func TestAnytimeWorlds(t *testing.T) {
	for _, c := range []struct {
		name   string
		world  func(*proof.World)
		want   judge.Decision
		reason judge.Reason
		first  string
	}{
		{"identical arms", func(*proof.World) {}, judge.Promote, judge.ReasonAllNotWorse, ""},
		{"faster", func(w *proof.World) { w.FirstToken, w.Gap = .8, .8 }, judge.Promote, judge.ReasonAllNotWorse, ""},
		{"first token +30 %", func(w *proof.World) { w.FirstToken = 1.3 }, judge.Rollback, judge.ReasonWorse, "first_token"},
		{"gap +30 %", func(w *proof.World) { w.Gap = 1.3 }, judge.Rollback, judge.ReasonWorse, "gap"},
		{"slowest tenth +50 %", func(w *proof.World) { w.Tail = 1.5 }, judge.Rollback, judge.ReasonWorse, "first_token"},
		{"one in twenty fails", func(w *proof.World) { w.CandidateErrors = .05 }, judge.Rollback, judge.ReasonWorse, "success"},
		{"all fail", func(w *proof.World) { w.CandidateErrors = 1 }, judge.Rollback, judge.ReasonLimit, "success"},
		{"too few blocks", func(w *proof.World) { w.Blocks = 6 }, judge.Hold, judge.ReasonFewBlocks, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := usual(c.name)
			c.world(&w)
			v := judge.Judge(watching(), setOf(t, w.Run()))
			expect(t, v, c.want, c.reason)
			if first := firstWorse(v); first != c.first {
				t.Errorf("the first that is worse is %q, want %q", first, c.first)
			}
			if v.Mode != "anytime" {
				t.Errorf("mode %q", v.Mode)
			}
			for _, m := range v.Metrics {
				t.Logf("%-18s %-10s %.4f [%.4f, %.4f] e %.2f within %.2f adjusted %.3g detectable %.3f more %d %s", m.Key, m.Standing, m.Effect, m.Lower, m.Upper, m.LogE, m.LogEWithin, m.PHolm, m.Detectable, m.More, m.Why)
			}
			t.Log(v.Summary, v.Guarantee)
		})
	}
}

// TestAnytimeRollsBackEarly: fewer blocks than a promotion needs are enough.
func TestAnytimeRollsBackEarly(t *testing.T) {
	w := usual("early")
	w.Blocks, w.FirstToken, w.Gap = 7, 1.5, 1.5
	expect(t, judge.Judge(watching(), setOf(t, w.Run())), judge.Rollback, judge.ReasonWorse)
}

// TestAnytimeNeverForgets: what once crossed has crossed, whatever came later.
func TestAnytimeNeverForgets(t *testing.T) {
	bad := usual("first bad")
	bad.FirstToken, bad.Blocks = 1.4, 20
	set := setOf(t, bad.Run())
	p := set.Latencies[sample.FirstToken]
	for i, k := range p.Block {
		if k >= 12 {
			p.Candidate[i] = p.Baseline[i] * .5
		}
	}
	set.Latencies[sample.FirstToken] = p
	v := judge.Judge(watching(), set)
	expect(t, v, judge.Rollback, judge.ReasonWorse)
	if m := metric(t, v, "first_token.mean"); m.LogE < judge.Float(math.Log(20)) {
		t.Errorf("the height of the evidence is %.2f", m.LogE)
	}
}

// TestAnytimePromotionIsOfNow: evidence for a promotion that has gone again is
// none.
func TestAnytimePromotionIsOfNow(t *testing.T) {
	w := usual("first good")
	w.Blocks = 30
	set := setOf(t, w.Run())
	p := set.Latencies[sample.FirstToken]
	for i, k := range p.Block {
		if k >= 14 {
			p.Candidate[i] = p.Baseline[i] * 1.3
		}
	}
	set.Latencies[sample.FirstToken] = p
	if v := judge.Judge(watching(), set); v.Decision == judge.Promote {
		t.Errorf("promoted: %q", v.Summary)
	}
}

// TestAnytimeWeights: a metric that has nearly all of alpha needs little more than
// its own evidence, the others nearly infinite.
func TestAnytimeWeights(t *testing.T) {
	w := usual("weights")
	w.Blocks, w.FirstToken = 14, 1.12
	set := setOf(t, w.Run())
	p := watching()
	plain := metric(t, judge.Judge(p, set), "first_token.mean")
	for i := range p.Metrics {
		if p.Metrics[i].Key() == "first_token.mean" {
			p.Metrics[i].Weight = 991
		}
	}
	weighed := metric(t, judge.Judge(p, set), "first_token.mean")
	if want := float64(weighed.P) * 1000 / 991; math.Abs(float64(weighed.PHolm)-math.Min(1, want)) > 1e-12 || weighed.P != plain.P {
		t.Errorf("p %v, with the weight %v, want %v", weighed.P, weighed.PHolm, want)
	}
	if other := metric(t, judge.Judge(p, set), "first_token.p95"); float64(other.P) < .9 && float64(other.PHolm) < 900*float64(other.P) && other.PHolm < 1 {
		t.Errorf("p %v, adjusted %v", other.P, other.PHolm)
	}
}

func TestAnytimeQualityAndGoodput(t *testing.T) {
	p := watching()
	p.SLO = []policy.Objective{{Measure: policy.Full, AtMost: policy.Limit{Value: 200e6, Duration: true}}}
	p.SameWork.Quality = 1
	p.Metrics = []policy.Metric{
		{Measure: policy.Quality, Statistic: policy.Mean, Gating: true, Tau: .02, Margin: .06},
		{Measure: policy.Goodput, Statistic: policy.Rate, Gating: true, Tau: .02, Margin: .05},
	}
	for _, c := range []struct {
		name         string
		drop, slower float64
		want         judge.Decision
		first        string
	}{
		{"alike", 0, 1, judge.Promote, ""},
		{"worse answers", .2, 1, judge.Rollback, "quality"},
		{"slower than the objective", 0, 3, judge.Rollback, "goodput"},
	} {
		w := usual(c.name)
		w.Gap, w.FirstToken = c.slower, c.slower
		set := setOf(t, w.Run())
		set.Paired = nil
		run := w.Run()
		pairUp(&set, &run, c.drop)
		v := judge.Judge(p, set)
		if v.Decision != c.want || firstWorse(v) != c.first {
			expect(t, v, c.want, v.Reason)
			t.Errorf("%s: %s, first %q", c.name, v.Decision, firstWorse(v))
		}
	}
}

// pairUp fills in the pairs of a simulated run, every fifth answer of the
// baseline at 0.
func pairUp(set *evidence.Set, run *sample.Run, drop float64) {
	type use struct {
		block int
		item  string
		of    int
	}
	baseline := map[use]*sample.Sample{}
	for pass := range 2 {
		for i := range run.Samples {
			s := &run.Samples[i]
			at := use{s.Block, s.Item, s.Occurrence}
			right := 1.
			if i%5 == 0 {
				right = 0
			}
			switch {
			case pass == 0 && s.Arm == "baseline":
				s.Quality = &right
				baseline[at] = s
			case pass == 1 && s.Arm == "candidate" && baseline[at] != nil:
				right = math.Max(0, *baseline[at].Quality-drop)
				s.Quality = &right
				set.Paired = append(set.Paired, evidence.Pair{Block: s.Block, Baseline: baseline[at], Candidate: s})
			}
		}
	}
}

func TestAnytimeSays(t *testing.T) {
	v := judge.Judge(watching(), setOf(t, usual("identical arms").Run()))
	for _, want := range []string{"However often the evidence is looked at", "ever rolled back in at most 5 %", "10 metrics"} {
		if !strings.Contains(v.Guarantee, want) {
			t.Errorf("the guarantee lacks %q: %q", want, v.Guarantee)
		}
	}
}

// TestAnytimeErrs watches identical arms after every block: one judgement of the
// whole run looks back at every block, so it tells whether any would have rolled
// back.
func TestAnytimeErrs(t *testing.T) {
	const runs = 40
	p := watching()
	for i := range p.Metrics {
		p.Metrics[i].Tau = 0
	}
	for name, w := range map[string]proof.World{
		"lognormal": {Sigma: .5, Between: .5},
		"restarts":  {Sigma: .5, Between: .8, Restart: .05},
		"failures":  {Sigma: .5, Between: .8, BaselineErrors: .02, CandidateErrors: .02},
	} {
		w.Blocks, w.PerBlock = 20, 15
		wrong := 0
		for i := range runs {
			w.Seed = proof.Seed("anytime A/A "+name) + uint64(i)
			if judge.RollsBack(p, setOf(t, w.Run())) {
				wrong++
			}
		}
		if most := stats.BinomialQuantile(.9995, runs, .05); wrong > most {
			t.Errorf("%s: rolled back %d of %d, at most %d", name, wrong, runs, most)
		}
	}
}

// TestAnytimeBoundsCover holds that the bounds contain the truth, after every
// block.
func TestAnytimeBoundsCover(t *testing.T) {
	const runs = 40
	p := watching()
	p.Metrics = []policy.Metric{
		{Measure: policy.FirstToken, Statistic: policy.Mean, Gating: true, Tau: .05, Margin: .1},
		{Measure: policy.FirstToken, Statistic: policy.P95, Gating: true, Tau: .05, Margin: .1},
	}
	missed := map[string]int{}
	for i := range runs {
		w := proof.World{Seed: proof.Seed("cover") + uint64(i), Blocks: 16, PerBlock: 20, Sigma: .5, Between: .8, FirstToken: 1.2}
		for _, m := range judge.Judge(p, setOf(t, w.Run())).Metrics {
			if float64(m.Lower) > 1.2 || float64(m.Upper) < 1.2 {
				missed[m.Key]++
			}
		}
	}
	for key, n := range missed { // two sides at 5 % each
		if most := stats.BinomialQuantile(.9995, runs, .1); n > most {
			t.Errorf("%s: %d of %d bounds miss the truth, at most %d", key, n, runs, most)
		}
	}
}

// TestAnytimeDamage: no damage promotes in this mode either.
func TestAnytimeDamage(t *testing.T) {
	for i, spoil := range damages {
		run := small(1.3)
		spoil(rand.New(rand.NewPCG(uint64(i), 0)), &run)
		if v := judge.Judge(watching(), setOf(t, run)); v.Decision == judge.Promote {
			t.Errorf("damage %d: promoted, %q", i, v.Summary)
		}
	}
	for name, spoil := range map[string]func(*evidence.Pairs){
		"NaN":       func(p *evidence.Pairs) { p.Candidate[17] = math.NaN() },
		"zero":      func(p *evidence.Pairs) { p.Candidate[17] = 0 },
		"gone":      func(p *evidence.Pairs) { *p = evidence.Pairs{} },
		"all fail":  func(p *evidence.Pairs) { fail(p.Candidate) },
		"both fail": func(p *evidence.Pairs) { fail(p.Candidate); fail(p.Baseline) },
	} {
		set := setOf(t, small(1))
		p := set.Latencies[sample.Gap]
		p.Candidate, p.Baseline = slices.Clone(p.Candidate), slices.Clone(p.Baseline)
		spoil(&p)
		set.Latencies[sample.Gap] = p
		if v := judge.Judge(watching(), set); v.Decision == judge.Promote {
			t.Errorf("%s: promoted, %q", name, v.Summary)
		}
	}
	for name, spoil := range map[string]func(*evidence.Set){
		"no blocks":    func(e *evidence.Set) { e.Blocks = 0 },
		"no latencies": func(e *evidence.Set) { e.Latencies = nil },
		"no candidate": func(e *evidence.Set) { e.Outcomes.Candidate = nil },
		"no outcomes":  func(e *evidence.Set) { e.Outcomes = evidence.Outcomes{} },
		"nothing":      func(e *evidence.Set) { *e = evidence.Set{} },
		"lost":         func(e *evidence.Set) { e.LostCandidate = e.Pairs / 10 },
	} {
		set := setOf(t, small(1))
		spoil(&set)
		if v := judge.Judge(watching(), set); v.Decision == judge.Promote {
			t.Errorf("%s: promoted, %q", name, v.Summary)
		}
	}
}

func fail(values []float64) {
	for i := range values {
		values[i] = math.Inf(1)
	}
}

// TestAnytimeMergesBlocks: slow spells of one arm over four blocks each look like
// evidence block by block, and are none once blocks are joined.
func TestAnytimeMergesBlocks(t *testing.T) {
	w := usual("correlated")
	w.Blocks = 24
	for name, c := range map[string]struct {
		length int
		want   judge.Decision
	}{"spells": {4, judge.Hold}, "every other block": {1, judge.Rollback}} {
		set := setOf(t, w.Run())
		p := set.Latencies[sample.FirstToken]
		p.Candidate = slices.Clone(p.Candidate)
		for i, k := range p.Block {
			if k/c.length%2 == 0 {
				p.Candidate[i] *= 1.5
			}
		}
		set.Latencies[sample.FirstToken] = p
		if v := judge.Judge(watching(), set); v.Decision != c.want {
			t.Errorf("%s: %s, want %s: %q", name, v.Decision, c.want, v.Summary)
		}
	}
}

// TestAnytimeBinned: a canary of which a source only counts requests.
func TestAnytimeBinned(t *testing.T) {
	limit := tailPolicy(.05, .10)
	limit.Metrics[0].Limit = &policy.Limit{Value: 1e9, Duration: true}
	for _, c := range []struct {
		name   string
		edges  []float64
		policy policy.Policy
		spoil  func(*service)
		want   judge.Decision
		reason judge.Reason
	}{
		{"identical", native, tailPolicy(.05, .15), nil, judge.Promote, judge.ReasonAllNotWorse},
		{"+25 %", native, tailPolicy(.05, .15), func(s *service) { s.ratio = 1.25 }, judge.Rollback, judge.ReasonWorse},
		{"+40 % in seven blocks", native, tailPolicy(.05, .15), func(s *service) { s.ratio, s.blocks = 1.4, 7 }, judge.Rollback, judge.ReasonWorse},
		{"identical in seven blocks", native, tailPolicy(.05, .15), func(s *service) { s.blocks = 7 }, judge.Hold, judge.ReasonFewBlocks},
		{"wide buckets", classic, tailPolicy(.05, .15), nil, judge.Hold, judge.ReasonResolution},
		{"margin narrower than the bucket", native, tailPolicy(.03, .05), nil, judge.Hold, judge.ReasonResolution},
		{"beyond its limit", native, limit, nil, judge.Rollback, judge.ReasonLimit},
		{"all above the last edge", []float64{0, .0001}, tailPolicy(.05, .15), nil, judge.NoData, judge.ReasonNoData},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := usualService(c.name, c.edges)
			if c.spoil != nil {
				c.spoil(&s)
			}
			p := c.policy
			p.Mode, p.Looks = policy.Anytime, 0
			expect(t, judge.Judge(p, s.set()), c.want, c.reason)
		})
	}
}

package judge_test

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

// usual is a run as a gate makes it: 20 blocks, 105 requests per arm and block.
func usual(name string) proof.World {
	return proof.World{Seed: proof.Seed(name), Blocks: 20, PerBlock: 105, Items: 200, Sigma: .5, Between: .9}
}

func setOf(t testing.TB, run sample.Run) evidence.Set {
	t.Helper()
	set, err := evidence.New(evidence.Source{Run: run, Arms: []summary.Arm{}}) // nothing is judged by them
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// fixed is the default policy with one look.
func fixed() policy.Policy {
	p := policy.Default()
	p.Mode, p.Looks = policy.Fixed, 0
	return p
}

// expect checks the decision and shows the whole verdict if it is another.
func expect(t *testing.T, v judge.Verdict, decision judge.Decision, reason judge.Reason) {
	t.Helper()
	if v.ExitCode != v.Decision.ExitCode() {
		t.Errorf("exit code %d of %s", v.ExitCode, v.Decision)
	}
	if v.Decision == decision && v.Reason == reason {
		return
	}
	t.Errorf("%s (%s), want %s (%s): %q", v.Decision, v.Reason, decision, reason, v.Summary)
	for _, m := range v.Metrics {
		t.Logf("%-16s %-10s %.4f [%.4f, %.4f] t %.2f p %.3g adjusted %.3g n %d K %d %s", m.Key, m.Standing, m.Effect, m.Lower, m.Upper, m.T, m.P, m.PHolm, m.N, m.Blocks, m.Why)
	}
}

func metric(t testing.TB, v judge.Verdict, key string) judge.Metric {
	t.Helper()
	i := slices.IndexFunc(v.Metrics, func(m judge.Metric) bool { return m.Key == key })
	if i < 0 {
		t.Fatalf("no metric %q", key)
	}
	return v.Metrics[i]
}

// firstWorse is the measure that the reports name first.
func firstWorse(v judge.Verdict) string {
	for _, m := range v.Metrics {
		if m.Standing == judge.Worse {
			return string(m.Measure)
		}
	}
	return ""
}

func TestWorlds(t *testing.T) {
	for _, c := range []struct {
		name   string
		world  func(*proof.World)
		want   judge.Decision
		reason judge.Reason
		first  string // of the measures that are worse
	}{
		{"identical arms", func(*proof.World) {}, judge.Promote, judge.ReasonAllNotWorse, ""},
		{"faster", func(w *proof.World) { w.FirstToken, w.Gap = .8, .8 }, judge.Promote, judge.ReasonAllNotWorse, ""},
		{"first token +30 %", func(w *proof.World) { w.FirstToken = 1.3 }, judge.Rollback, judge.ReasonWorse, "first_token"},
		{"gap +30 %", func(w *proof.World) { w.Gap = 1.3 }, judge.Rollback, judge.ReasonWorse, "gap"},
		{"slowest tenth +50 %", func(w *proof.World) { w.Tail = 1.5 }, judge.Rollback, judge.ReasonWorse, "first_token"},
		{"5 % errors", func(w *proof.World) { w.CandidateErrors = .05 }, judge.Rollback, judge.ReasonWorse, "success"},
		{"both fail alike", func(w *proof.World) { w.BaselineErrors, w.CandidateErrors = .07, .07 }, judge.Hold, judge.ReasonFailures, ""},
		{"every answer a 500", func(w *proof.World) { w.CandidateErrors = 1 }, judge.Rollback, judge.ReasonLimit, "success"},
		{"every answer a 500, two blocks", func(w *proof.World) { w.Blocks, w.CandidateErrors = 2, 1 }, judge.Rollback, judge.ReasonLimit, "success"},
		{"both arms dead", func(w *proof.World) { w.BaselineErrors, w.CandidateErrors = 1, 1 }, judge.NoData, judge.ReasonNoData, ""},
		{"baseline dead", func(w *proof.World) { w.BaselineErrors = 1 }, judge.NoData, judge.ReasonNoData, ""},
		{"between tau and margin", func(w *proof.World) { w.FirstToken, w.Gap = 1.08, 1.08 }, judge.Rollback, judge.ReasonWorse, "first_token"},
		{"too noisy to tell", func(w *proof.World) { w.PerBlock, w.Between, w.Sigma = 50, 0, 1 }, judge.Hold, judge.ReasonUndecided, ""},
		{"too few blocks", func(w *proof.World) { w.Blocks = 7 }, judge.Hold, judge.ReasonFewBlocks, ""},
		{"too few pairs", func(w *proof.World) { w.PerBlock = 9 }, judge.Hold, judge.ReasonFewPairs, ""},
		{"no requests", func(w *proof.World) { w.PerBlock = 0 }, judge.NoData, judge.ReasonNoData, ""},
		{"eight blocks, identical", func(w *proof.World) { w.Blocks, w.PerBlock = 8, 250 }, judge.Promote, judge.ReasonAllNotWorse, ""},
		{"eight blocks, gap +30 %", func(w *proof.World) { w.Blocks, w.PerBlock, w.Gap = 8, 250, 1.3 }, judge.Rollback, judge.ReasonWorse, "gap"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := usual(c.name)
			c.world(&w)
			set := setOf(t, w.Run())
			v := judge.Judge(policy.Default(), set)
			expect(t, v, c.want, c.reason)
			if first := firstWorse(v); first != c.first {
				t.Errorf("first worse measure %q, want %q", first, c.first)
			}
			if got := judge.RollsBack(policy.Default(), set); got != (c.want == judge.Rollback) {
				t.Errorf("RollsBack says %v", got)
			}
		})
	}
}

// A metric that few of the requests have must not be judged on these few,
// however sound the rest of the run is.
func TestFewPairsOfOneMetricHold(t *testing.T) {
	w := usual(t.Name())
	run := w.Run()
	for i := range run.Samples {
		s := &run.Samples[i]
		if pair := crc32.ChecksumIEEE(fmt.Append(nil, s.Item, s.Occurrence)); pair%20 > 0 {
			s.Events = 1 // one chunk: no gap
		}
	}
	v := judge.Judge(policy.Default(), setOf(t, run))
	expect(t, v, judge.Hold, judge.ReasonFewPairs)
	for _, m := range v.Metrics {
		if m.Measure == sample.Gap && m.Standing == judge.NotWorse {
			t.Errorf("%s is not worse on %d pairs", m.Key, m.N)
		}
	}
}

// TestRefusals: what a run must not lack. Each case spoils a run that promotes,
// and one that would roll back; neither is decided then.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(*sample.Run)
		reason judge.Reason
	}{
		{"invalid", func(r *sample.Run) {
			r.Trailer.Validity = sample.Validity{Grade: sample.Invalid, Signals: []sample.Signal{{Name: "lost events", Grade: sample.Invalid}}}
		}, judge.ReasonInvalid},
		{"too busy", func(r *sample.Run) {
			r.Trailer.Validity = sample.Validity{Grade: sample.Invalid, Signals: []sample.Signal{{Name: "canary", Grade: sample.Invalid, Busy: true}}}
		}, judge.ReasonMachineBusy},
		{"busy, and broken besides", func(r *sample.Run) {
			r.Trailer.Validity = sample.Validity{Grade: sample.Invalid, Signals: []sample.Signal{{Grade: sample.Invalid}, {Grade: sample.Invalid, Busy: true}}}
		}, judge.ReasonMachineBusy},
		{"bench's own run of unknown worth", func(r *sample.Run) { r.Trailer.Validity = sample.Validity{Grade: sample.Unknown} }, judge.ReasonInvalid},
		{"a log with a broken signal", func(r *sample.Run) {
			r.Header.Source = "proxy"
			r.Trailer.Validity = sample.Validity{Grade: sample.Unknown, Signals: []sample.Signal{{Name: "dropped", Grade: sample.Invalid}}}
		}, judge.ReasonInvalid},
		{"no grade at all", func(r *sample.Run) { r.Trailer.Validity = sample.Validity{} }, judge.ReasonInvalid},
		{"an invalid signal under a valid grade", func(r *sample.Run) {
			r.Trailer.Validity.Signals = []sample.Signal{{Grade: sample.Invalid}}
		}, judge.ReasonInvalid},
		{"degraded by an unknown error", func(r *sample.Run) { r.Trailer.Validity.Grade = sample.Degraded }, judge.ReasonInvalid},
		{"fewer output tokens", each("candidate", func(s *sample.Sample) { s.Usage.Output -= 2 }), judge.ReasonDifferentWork},
		{"other finish reasons", each("candidate", func(s *sample.Sample) { s.Finish = "max_tokens" }), judge.ReasonDifferentWork},
		{"more cached", each("candidate", func(s *sample.Sample) { s.Usage.Cached = 50 }), judge.ReasonDifferentWork},
		{"tokens not counted", each("", func(s *sample.Sample) { s.Usage = sample.Usage{} }), judge.ReasonDifferentWork},
		{"one run per side", func(r *sample.Run) { r.Header.Design = sample.Single }, judge.ReasonDesign},
		{"split", func(r *sample.Run) { r.Header.Design = sample.Split }, judge.ReasonDesign},
		{"no design", func(r *sample.Run) { r.Header.Design = "" }, judge.ReasonDesign},
		{"order not random", func(r *sample.Run) {
			for i := range r.Samples {
				r.Samples[i].IntendedNS += shiftOf(r.Samples[i])
			}
		}, judge.ReasonDesign},
		{"blocks shorter than restarts", each("", func(s *sample.Sample) { s.Restart /= 2 }), judge.ReasonDesign},
		{"lost pairs", func(r *sample.Run) { r.Samples = r.Samples[:len(r.Samples)-30] }, judge.ReasonUnpaired},
		{"lost in one arm", func(r *sample.Run) { r.Samples = r.Samples[:len(r.Samples)-9] }, judge.ReasonUnpaired},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, gap := range []float64{1, 1.3} {
				w := usual("refusal")
				w.PerBlock, w.Items, w.Between, w.Gap = 50, 0, .98, gap
				run := w.Run()
				c.spoil(&run)
				expect(t, judge.Judge(policy.Default(), setOf(t, run)), judge.Hold, c.reason)
			}
		})
	}
}

// each spoils all samples of an arm; "" of both.
func each(arm string, spoil func(*sample.Sample)) func(*sample.Run) {
	return func(r *sample.Run) {
		for i := range r.Samples {
			if arm == "" || r.Samples[i].Arm == arm {
				spoil(&r.Samples[i])
			}
		}
	}
}

// shiftOf moves the baseline before the candidate of its block, in intent only.
func shiftOf(s sample.Sample) int64 {
	if s.Arm == "baseline" {
		return -1e13
	}
	return 0
}

// TestAnInvalidRunStillRollsBackErrors: of rollbacks those by an absolute limit
// or by the success rate stand.
func TestAnInvalidRunStillRollsBackErrors(t *testing.T) {
	for _, c := range []struct {
		errors float64
		reason judge.Reason
	}{{.06, judge.ReasonWorse}, {.5, judge.ReasonLimit}} {
		w := usual("invalid with errors")
		w.CandidateErrors = c.errors
		run := w.Run()
		run.Trailer.Validity = sample.Validity{Grade: sample.Invalid}
		v := judge.Judge(policy.Default(), setOf(t, run))
		expect(t, v, judge.Rollback, c.reason)
		for _, m := range v.Metrics {
			if m.Standing == judge.Worse && m.Measure != "success" {
				t.Errorf("%s rolls back on an invalid run", m.Key)
			}
		}
	}
}

// TestALogOfOthers may be judged although nobody measured the measurer.
func TestALogOfOthers(t *testing.T) {
	run := usual("recorded by others").Run()
	run.Header.Source = "envoy"
	run.Trailer.Validity = sample.Validity{Grade: sample.Unknown, Warnings: []string{"nobody measured the measurer"}}
	v := judge.Judge(policy.Default(), setOf(t, run))
	expect(t, v, judge.Promote, judge.ReasonAllNotWorse)
	if !slices.Contains(v.Warnings, "nobody measured the measurer") {
		t.Errorf("warnings: %q", v.Warnings)
	}
}

// TestAStoppedRun never promotes; what it shows may roll back.
func TestAStoppedRun(t *testing.T) {
	run := usual("stopped").Run()
	run.Trailer.Stopped = "interrupted"
	expect(t, judge.Judge(policy.Default(), setOf(t, run)), judge.Hold, judge.ReasonInvalid)
	w := usual("stopped")
	w.Gap = 1.3
	run = w.Run()
	run.Trailer.Stopped = "interrupted"
	expect(t, judge.Judge(policy.Default(), setOf(t, run)), judge.Rollback, judge.ReasonWorse)
}

// TestDegradedWidens: the measurer's own error is added on either side, and a
// regression must be larger by it.
func TestDegradedWidens(t *testing.T) {
	degrade := func(run sample.Run, ns int64) sample.Run {
		run.Trailer.Validity = sample.Validity{Grade: sample.Degraded, Error: map[sample.Measure]sample.ErrorNS{sample.FirstToken: {P99: ns}, sample.Gap: {P99: ns / 100}}}
		return run
	}
	run := usual("degraded").Run()
	plain := judge.Judge(policy.Default(), setOf(t, run))
	v := judge.Judge(policy.Default(), setOf(t, degrade(run, 2e5))) // 1 % of 20 ms
	expect(t, v, judge.Promote, judge.ReasonAllNotWorse)
	a, b := metric(t, plain, "first_token.p50"), metric(t, v, "first_token.p50")
	for name, ratio := range map[string]float64{"upper": float64(b.Upper / a.Upper), "lower": float64(a.Lower / b.Lower)} {
		if math.Abs(ratio-1.01) > .001 {
			t.Errorf("%s bound moved by a factor %v, want 1.01", name, ratio)
		}
	}
	if !(b.T < a.T) {
		t.Errorf("t is %v, without the error %v: the tested shift must grow", b.T, a.T)
	}
	// The full answer has no error of its own here: it takes the worst known.
	full, wide := metric(t, plain, "full.p50"), metric(t, v, "full.p50")
	if ratio := float64(wide.Upper / full.Upper); math.Abs(ratio-(1+2e5/62e6)) > .001 {
		t.Errorf("the full answer's upper bound moved by a factor %v", ratio)
	}
	if !strings.Contains(strings.Join(v.Warnings, "\n"), "widened") {
		t.Errorf("no warning of it: %q", v.Warnings)
	}
	// With an error of 40 % a regression of 30 % is no claim.
	w := usual("degraded")
	w.FirstToken = 1.3
	v = judge.Judge(policy.Default(), setOf(t, degrade(w.Run(), 8e6)))
	expect(t, v, judge.Hold, judge.ReasonUndecided)
}

func withLimit(p policy.Policy, key string, value float64) policy.Policy {
	p.Metrics = slices.Clone(p.Metrics)
	for i := range p.Metrics {
		if p.Metrics[i].Key() == key {
			p.Metrics[i].Limit = &policy.Limit{Value: value, Duration: p.Metrics[i].Measure.Latency()}
		}
	}
	return p
}

func TestLimits(t *testing.T) {
	w := usual("absolute limits")
	w.PerBlock = 60
	run := w.Run()
	p95 := float64(metric(t, judge.Judge(withLimit(policy.Default(), "first_token.p95", 1e9), setOf(t, run)), "first_token.p95").Value)
	for _, c := range []struct {
		limit  float64
		want   judge.Decision
		reason judge.Reason
	}{
		{p95 * 1.001, judge.Promote, judge.ReasonAllNotWorse},
		{p95 * .999, judge.Hold, judge.ReasonUndecided}, // over it, within what sampling explains
		{p95 * .7, judge.Rollback, judge.ReasonLimit},
	} {
		v := judge.Judge(withLimit(policy.Default(), "first_token.p95", c.limit), setOf(t, run))
		expect(t, v, c.want, c.reason)
	}
	// A limit holds whatever the design.
	run.Header.Design = sample.Single
	v := judge.Judge(withLimit(policy.Default(), "first_token.p95", p95*.7), setOf(t, run))
	expect(t, v, judge.Rollback, judge.ReasonLimit)
	if want := "Rolled back: the first token, P90-P99 tail, of the candidate is"; !strings.HasPrefix(v.Summary[0], want) {
		t.Errorf("%q, want %q…", v.Summary[0], want)
	}
}

// TestAnInvalidRunBlamesNobodyAlone: where the machine was too busy, a success
// rate that the baseline does not reach either is no fault of the candidate's. One
// that the candidate alone misses is.
func TestAnInvalidRunBlamesNobodyAlone(t *testing.T) {
	for _, c := range []struct {
		name                string
		baseline, candidate float64 // shares of errors
		grade               sample.Grade
		want                judge.Decision
		reason              judge.Reason
	}{
		{"both, invalid", .5, .3, sample.Invalid, judge.Hold, judge.ReasonMachineBusy},
		{"both, valid", .5, .3, sample.Valid, judge.Rollback, judge.ReasonLimit},
		{"the candidate alone, invalid", 0, .3, sample.Invalid, judge.Rollback, judge.ReasonLimit},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := usual("blame")
			w.BaselineErrors, w.CandidateErrors = c.baseline, c.candidate
			run := w.Run()
			run.Trailer.Validity = sample.Validity{Grade: c.grade}
			if c.grade == sample.Invalid {
				run.Trailer.Validity.Signals = []sample.Signal{{Name: "canary", Grade: c.grade, Busy: true}}
			}
			expect(t, judge.Judge(fixed(), setOf(t, run)), c.want, c.reason)
		})
	}
}

// TestADeadArmWithoutLimit is no data: nothing says what is wrong with it.
func TestADeadArmWithoutLimit(t *testing.T) {
	p := policy.Default()
	p.Metrics = slices.DeleteFunc(slices.Clone(p.Metrics), func(m policy.Metric) bool { return m.Measure == policy.Success })
	w := usual("dead")
	w.CandidateErrors = 1
	expect(t, judge.Judge(p, setOf(t, w.Run())), judge.NoData, judge.ReasonNoData)
}

// TestIdleMetricsCostNothing: a success rate without a failure could not reject
// and does not weaken the others (Tarone 1990).
func TestIdleMetricsCostNothing(t *testing.T) {
	w := usual("idle")
	w.FirstToken = 1.08
	set := setOf(t, w.Run())
	p := fixed()
	with := metric(t, judge.Judge(p, set), "first_token.mean")
	p.Metrics = p.Metrics[1:]
	without := metric(t, judge.Judge(p, set), "first_token.mean")
	if with.PHolm != without.PHolm {
		t.Errorf("adjusted p %v with the success rate, %v without", with.PHolm, without.PHolm)
	}
	if m := metric(t, judge.Judge(fixed(), set), "success.rate"); !strings.Contains(m.Why, "too few failures") {
		t.Errorf("it does not say so: %q", m.Why)
	}
}

func TestZeroFailuresHaveAWidth(t *testing.T) {
	v := judge.Judge(fixed(), setOf(t, usual("width").Run()))
	m := metric(t, v, "success.rate")
	// One-sided 95 % Wilson bound of 0 of 2,100: z^2 / (n + z^2).
	if want := -2.705543 / (2100 + 2.705543); math.Abs(float64(m.Lower)-want) > 1e-6 {
		t.Errorf("lower bound %v, want %v", m.Lower, want)
	}
}

func TestUnit(t *testing.T) {
	run := usual("unit").Run()
	run.Header.Tool = "firstbyte v1" // and no simulation
	if v := judge.Judge(policy.Default(), setOf(t, run)); !strings.HasPrefix(v.Unit, "the builds") || v.Restarts != 20 {
		t.Errorf("%d restarts: %q", v.Restarts, v.Unit)
	}
	each("", func(s *sample.Sample) { s.Restart = 0 })(&run)
	v := judge.Judge(policy.Default(), setOf(t, run))
	if !strings.HasPrefix(v.Unit, "these two processes") || v.Restarts != 1 {
		t.Errorf("%d restarts: %q", v.Restarts, v.Unit)
	}
	expect(t, v, judge.Promote, judge.ReasonAllNotWorse)
}

func TestOrder(t *testing.T) {
	w := usual("order")
	w.CandidateErrors, w.FirstToken, w.Gap = .03, 1.2, 1.4
	v := judge.Judge(policy.Default(), setOf(t, w.Run()))
	rank := map[sample.Phase]int{sample.PhaseHeaders: 1, sample.PhaseFirstToken: 2, sample.PhaseStream: 3, sample.PhaseClose: 4}
	last := -1
	for _, m := range v.Metrics {
		at := 100*rank[m.Phase] + 10*btoi(m.Standing != judge.Worse)
		if !m.Gating {
			at += 1000
		}
		if at < last && m.Gating {
			t.Errorf("%s (%s, gating %v) stands after what should follow it", m.Key, m.Standing, m.Gating)
		}
		last = at
	}
	if !strings.HasPrefix(v.Summary[0], "Rolled back: the success rate is") {
		t.Errorf("%q", v.Summary)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestSentences fixes how the decisions read.
func TestSentences(t *testing.T) {
	for _, c := range []struct {
		name  string
		world func(*proof.World)
		want  [2]string // beginnings
	}{
		{"gap", func(w *proof.World) { w.Gap = 1.3 }, [2]string{
			"Rolled back: the gap between tokens, P90-P99 tail, is 32.4 % slower (95 % bounds over all looks +29.3 % and +35.8 %), more than the 5 % allowed.",
			"Also worse: gap between tokens, mean ratio of pairs, 30.3 % slower; gap between tokens, P25-P75 body, 30.0 % slower; ",
		}},
		{"same", func(*proof.World) {}, [2]string{
			"Promoted: all 10 gating metrics are within their margins.",
			"The nearest to its margin is the ",
		}},
		{"noisy", func(w *proof.World) { w.PerBlock, w.Between, w.Sigma = 50, 0, 1 }, [2]string{
			"Held: the ",
			"About ",
		}},
		{"few", func(w *proof.World) { w.Blocks = 5 }, [2]string{
			"Held: 5 blocks, at least 8 are needed.",
			"Nothing was decided: record more blocks ",
		}},
		{"dead", func(w *proof.World) { w.BaselineErrors, w.CandidateErrors = 1, 1 }, [2]string{
			`No data: "baseline" never answered (2100 requests).`,
			"Nothing was decided: ",
		}},
		{"broken", func(w *proof.World) { w.CandidateErrors = 1 }, [2]string{
			"Rolled back: the success rate of the candidate is 0.0 %, the limit is 90.0 %.",
			"No other gating metric is worse beyond doubt.",
		}},
	} {
		w := usual("sentences " + c.name)
		c.world(&w)
		v := judge.Judge(policy.Default(), setOf(t, w.Run()))
		for i, want := range c.want {
			if len(v.Summary) != 2 || !strings.HasPrefix(v.Summary[i], want) {
				t.Errorf("%s:\n got %q\nwant %q…", c.name, v.Summary, want)
			}
		}
	}
}

func TestMore(t *testing.T) {
	w := usual("how many more")
	w.PerBlock, w.Between, w.Sigma = 50, 0, 1
	v := judge.Judge(policy.Default(), setOf(t, w.Run()))
	expect(t, v, judge.Hold, judge.ReasonUndecided)
	if v.More < 100 || v.More > 60_000 {
		t.Fatalf("%d more requests", v.More)
	}
	// With that many more it decides.
	w.PerBlock += v.More/w.Blocks + 1
	v = judge.Judge(policy.Default(), setOf(t, w.Run()))
	expect(t, v, judge.Promote, judge.ReasonAllNotWorse)
}

// TestItChangesNothing: the judge is pure.
func TestItChangesNothing(t *testing.T) {
	w := usual("pure")
	w.CandidateErrors = .01
	run := w.Run()
	set, again := setOf(t, run), setOf(t, run)
	p := policy.Default()
	first, second := judge.Judge(p, set), judge.Judge(p, set)
	if !reflect.DeepEqual(set, again) {
		t.Error("the evidence was changed")
	}
	a, b := toJSON(t, first), toJSON(t, second)
	if a != b {
		t.Error("the same evidence gave two verdicts")
	}
	var back judge.Verdict
	if err := json.Unmarshal([]byte(a), &back); err != nil || toJSON(t, back) != a {
		t.Errorf("the verdict does not survive JSON: %v", err)
	}
}

func toJSON(t *testing.T, v judge.Verdict) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestItemsThatRepeat(t *testing.T) {
	// Fifty items in every block, half of them half as slow again in the
	// candidate, half of them faster by as much: no worse on the whole.
	w := usual("uneven")
	w.PerBlock, w.Items = 100, 50
	run := w.Run()
	uneven := func(s *sample.Sample) {
		factor := 1.2
		var n int
		if _, err := fmt.Sscanf(s.Item, "item-%d", &n); err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 {
			factor = 1 / 1.2
		}
		s.TokenNS = s.IntendedNS + int64(factor*float64(s.TokenNS-s.IntendedNS))
	}
	plain := metric(t, judge.Judge(policy.Default(), setOf(t, run)), "first_token.mean")
	each("candidate", uneven)(&run)
	m := metric(t, judge.Judge(policy.Default(), setOf(t, run)), "first_token.mean")
	if width, before := m.Upper-m.Lower, plain.Upper-plain.Lower; width < 2*before {
		t.Errorf("interval %v wide, without the difference between items %v: it does not show", width, before)
	}
}

func BenchmarkJudge(b *testing.B) {
	set := setOf(b, usual("benchmark").Run())
	p := policy.Default()
	b.ReportAllocs()
	for b.Loop() {
		judge.Judge(p, set)
	}
}

func BenchmarkRollsBack(b *testing.B) {
	set := setOf(b, usual("benchmark").Run())
	p := policy.Default()
	b.ReportAllocs()
	for b.Loop() {
		judge.RollsBack(p, set)
	}
}

// TestSimulatedRecordsAreNamed: synthetic data was once taken for a measurement.
func TestSimulatedRecordsAreNamed(t *testing.T) {
	run := usual(t.Name()).Run()
	if v := judge.Judge(policy.Default(), setOf(t, run)); !strings.Contains(v.Unit, "simulated") {
		t.Errorf("the verdict speaks of %q", v.Unit)
	}
	run.Header.Tool = "firstbyte v1"
	if v := judge.Judge(policy.Default(), setOf(t, run)); strings.Contains(v.Unit, "simulated") {
		t.Errorf("a measured run: the verdict speaks of %q", v.Unit)
	}
}

package report_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// The verdicts of these tests are made up, but shaped like real ones.

var nan = judge.NaN()

// verdicts are one of each kind that a reader may meet.
func verdicts() map[string]judge.Verdict {
	return map[string]judge.Verdict{
		"promote":    promote(),
		"rollback":   rollback(),
		"hold":       hold(),
		"no-data":    noData(),
		"busy":       busy(),
		"all-failed": allFailed(),
		"hostile":    hostile(),
	}
}

const pairs = 2000

// distribution draws n latencies around median milliseconds, of which failed
// never came.
func distribution(seed uint64, median, spread float64, failed int) summary.Distribution {
	r := rand.New(rand.NewPCG(seed, 1))
	var h summary.Histogram
	for range pairs - failed {
		h.Record(int64(median * 1e6 * math.Exp(spread*r.NormFloat64())))
	}
	for range failed {
		h.Fail()
	}
	return h.Distribution()
}

// arm is an arm whose latencies are those of the default scenario times slower.
func arm(name string, seed uint64, slower float64, failed int) summary.Arm {
	gaps := distribution(seed+3, 10*slower, .7, 0)
	gaps.N = 18 * (pairs - failed)
	a := summary.Arm{
		Name: name, Requests: pairs, OK: pairs - failed, Events: 19 * (pairs - failed),
		Measures: map[sample.Measure]summary.Distribution{
			sample.TTFB:       distribution(seed, 21, .3, failed),
			sample.FirstToken: distribution(seed+1, 48, .5, failed),
			sample.Gap:        distribution(seed+2, 10*slower, .2, failed),
			sample.Full:       distribution(seed+4, 240*slower, .6, failed),
		},
		IntendedHz: 100, AchievedHz: 99.9,
		CPUPerEventNS: 21_400, CPUPerRequestNS: 402_000,
	}
	if failed < pairs {
		a.Measures[summary.EventGap] = gaps
	}
	if failed > 0 {
		a.Failures = map[sample.Outcome]int{sample.Overloaded: failed / 2, sample.SlowToken: failed - failed/2}
	}
	return a
}

// ratio is a gating metric whose effect has the standard error se on the log
// scale.
func ratio(key, name string, m sample.Measure, statistic string, effect, se float64, standing judge.Standing) judge.Metric {
	out := judge.Metric{
		Key: key, Name: name, Measure: m, Statistic: statistic, Gating: true, Standing: standing,
		Scale: "ratio", Effect: judge.Float(effect), Point: judge.Float(effect * 1.004),
		Lower: judge.Float(effect * math.Exp(-1.73*se)), Upper: judge.Float(effect * math.Exp(1.73*se)),
		Tau: .05, Margin: .10, P: .5, PHolm: 1, T: 0, Limit: nan, Value: nan,
		LogE: nan, LogEWithin: nan, Resolution: nan,
		Detectable: judge.Float(math.Exp(2.59*se) - 1), N: pairs, Blocks: 20,
	}
	r := rand.New(rand.NewPCG(uint64(len(name)), 9))
	for range 20 {
		out.BlockEffects = append(out.BlockEffects, judge.Float(effect*math.Exp(4.4*se*r.NormFloat64())))
	}
	return out
}

func shownOnly(m judge.Metric) judge.Metric {
	m.Gating, m.Standing = false, judge.Shown
	return m
}

func success(difference float64, standing judge.Standing) judge.Metric {
	return judge.Metric{
		Key: "success.rate", Name: "success", Measure: "success", Statistic: "rate", Gating: true, Critical: true,
		Standing: standing, Scale: "difference", Effect: judge.Float(difference),
		Lower: judge.Float(difference - .004), Upper: judge.Float(difference + .004),
		Point: nan, Tau: .01, Margin: .02, P: .5, PHolm: 1, T: nan, LogE: nan, LogEWithin: nan, Resolution: nan,
		Limit: .99, Value: judge.Float(1 + difference), Detectable: .006, N: pairs, Blocks: 20,
	}
}

// base is what all verdicts share: a sound run.
func base() judge.Verdict {
	return judge.Verdict{
		Schema:    judge.Schema,
		Guarantee: "An equal candidate is rolled back in at most 5 % of gates, over all gating metrics together; one exactly at a promote margin is promoted in at most 5 %.",
		Unit:      "the two builds, each restarted 20 times",
		Baseline:  "baseline", Candidate: "candidate", Design: sample.Interleaved, Mode: "fixed",
		Alpha: .05, Blocks: 20, Restarts: 20, Pairs: pairs, Controls: judge.Controls{Mode: "off", Why: "--controls off", Planted: nan},
		SameWork: judge.SameWork{Same: true, Pairs: pairs, Tokens: 1, PerItem: 1, Finish: 0, Cached: 0, Answers: 0},
		Validity: sample.Validity{
			Grade: sample.Valid,
			Signals: []sample.Signal{
				{Name: "achieved rate", Value: 99.9, Unit: "%", Grade: sample.Valid, Valid: 99, Degraded: 95, Busy: true},
				{Name: "dropped starts", Value: 0, Unit: "%", Grade: sample.Valid, Valid: 0, Degraded: .1},
				{Name: "start lateness P99", Value: .31, Unit: "ms", Grade: sample.Valid, Valid: .5, Degraded: 5, Busy: true},
				{Name: "canary P99", Value: .42, Unit: "ms", Grade: sample.Valid, Valid: 1, Degraded: 5, Busy: true},
				{Name: "CPU of the machine", Value: 58, Unit: "%", Grade: sample.Valid, Valid: 70, Degraded: 90, Busy: true},
				{Name: "coalesced above calibration", Value: 1.2, Unit: "points", Grade: sample.Valid, Valid: 5, Degraded: 30},
			},
			Error: map[sample.Measure]sample.ErrorNS{
				sample.TTFB:       {P50: 26_000, P99: 91_000, Max: 240_000, N: 300},
				sample.FirstToken: {P50: 17_000, P99: 83_000, Max: 190_000, N: 300},
				sample.Gap:        {P50: 620, P99: 7_800, Max: 21_000, N: 300},
				sample.Full:       {P50: 58_000, P99: 130_000, Max: 410_000, N: 300},
			},
			Warnings: []string{"steady state is a rule of whole runs: not applied to interleaved blocks"},
		},
		Arms: []summary.Arm{arm("baseline", 10, 1, 0), arm("candidate", 20, 1, 0)},
		Run: sample.Header{
			Schema: sample.Schema, Tool: "firstbyte 0.1.0", StartedAt: "2026-03-01T12:00:00Z", Seed: 7,
			Dataset:  sample.Dataset{Name: "default", Hash: "5c1a7e0f9d3b42860000000000000000000000000000000000000000deadbeef", Items: 210},
			Schedule: sample.Schedule{Kind: "poisson", PerSecond: 100, PerSlot: 100, Warmup: 10, Hash: "9f86d081884c7d65"},
			Design:   sample.Interleaved, Blocks: 20,
			Arms: []sample.Arm{
				{Name: "baseline", Restarted: true, Flags: map[string]bool{"ff_converter_fast_path": false, "ff_http2_pool_tuning": false}},
				{Name: "candidate", Restarted: true, Flags: map[string]bool{"ff_converter_fast_path": true, "ff_http2_pool_tuning": true}},
			},
			Dialect: "anthropic", Model: "claude-test", Scenario: "default",
			Machine:    sample.Machine{OS: "linux", Arch: "amd64", CPU: "Example CPU 2.5 GHz", Cores: 2, GOMAXPROCS: 2, Kernel: "6.1.0", Go: "go1.26.8"},
			ClockScale: 1,
		},
		RunDigest: "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9", PolicyName: "default", PolicyHash: "77aa88bb99cc00dd",
	}
}

func decided(v judge.Verdict, d judge.Decision, why judge.Reason, sentences ...string) judge.Verdict {
	v.Decision, v.ExitCode, v.Reason, v.Summary = d, d.ExitCode(), why, sentences
	return v
}

func calm() []judge.Metric {
	throughput := shownOnly(ratio("throughput.mean", "throughput", "throughput", "mean", 1.0002, .0005, judge.Shown))
	return []judge.Metric{
		success(0, judge.NotWorse),
		ratio("first_token.p50", "first token, P25-P75 body", sample.FirstToken, "p50", .982, .006, judge.NotWorse),
		ratio("first_token.p95", "first token, P90-P99 tail", sample.FirstToken, "p95", .991, .017, judge.NotWorse),
		ratio("first_token.mean", "first token, mean", sample.FirstToken, "mean", .984, .005, judge.NotWorse),
		ratio("gap.p50", "gap, P25-P75 body", sample.Gap, "p50", 1.001, .003, judge.NotWorse),
		ratio("gap.p95", "gap, P90-P99 tail", sample.Gap, "p95", 1.012, .012, judge.NotWorse),
		ratio("full.p95", "full latency, P90-P99 tail", sample.Full, "p95", 1.004, .011, judge.NotWorse),
		shownOnly(ratio("full.p99", "full latency, P98-P99.9 tail", sample.Full, "p99", 1.03, .06, judge.Shown)),
		throughput,
		shownOnly(ratio("cpu_per_event.mean", "CPU per event", "cpu_per_event", "mean", .871, .014, judge.Shown)),
	}
}

// controlled is a run with controls that did as they should.
func controlled(v judge.Verdict) judge.Verdict {
	gating := func(effect float64, standing judge.Standing) (all []judge.Metric) {
		for _, m := range v.Metrics {
			if m.Gating && m.Scale == "ratio" {
				all = append(all, ratio(m.Key, m.Name, m.Measure, m.Statistic, effect, .008, standing))
			}
		}
		return all
	}
	v.Controls = judge.Controls{
		Mode: "on", Planted: .1,
		Twin:  &judge.Control{OK: true, Detail: "not called worse in any gating metric", Pairs: 200, Blocks: 8, Metrics: gating(1.002, judge.NotWorse)},
		Plant: &judge.Control{OK: true, Detail: "called worse in every measure with a gating latency", Pairs: 200, Blocks: 8, Metrics: gating(1.098, judge.Worse)},
	}
	return v
}

func promote() judge.Verdict {
	v := base()
	v.Metrics = calm()
	v = controlled(v)
	v.Mode, v.Look, v.Looks = "group-sequential", 2, 5
	return decided(v, judge.Promote, judge.ReasonAllNotWorse,
		"candidate may go out: none of 7 gating metrics is worse than its promote margin allows.",
		"The closest to its margin is the gap's P90-P99 tail: +1.2 %, at most +3.3 %, against a margin of 10 %.")
}

func rollback() judge.Verdict {
	v := base()
	v.Arms[1] = arm("candidate", 20, 1.3, 0)
	v.Metrics = calm()
	for i, m := range v.Metrics {
		if m.Measure == sample.Gap {
			worse := ratio(m.Key, m.Name, m.Measure, m.Statistic, 1.302, .008, judge.Worse)
			worse.P, worse.PHolm, worse.T = 1e-15, 6e-15, 24.1
			worse.Why = "worse by more than 5 % in all 20 blocks, p = 6e-15 after Holm"
			v.Metrics[i] = worse
		}
	}
	return decided(v, judge.Rollback, judge.ReasonWorse,
		"candidate must not go out: the gap between tokens is 30.2 % longer (at least 28.4 %), where 5 % is tolerated.",
		"It shows first in the stream phase: first token and success are as before.")
}

func hold() judge.Verdict {
	v := base()
	v.Metrics = calm()
	v.Metrics[2] = ratio("first_token.p95", "first token, P90-P99 tail", sample.FirstToken, "p95", 1.061, .034, judge.Undecided)
	v.Metrics[2].Why = "the interval reaches beyond the promote margin of 10 %"
	v.Metrics[2].More = 2600
	v.More = 2600
	return decided(v, judge.Hold, judge.ReasonUndecided,
		"Neither can be said: the first token's P90-P99 tail is 6.1 % slower, and anything from 0 % to 12.5 % fits what was seen.",
		"No gating metric is shown to be worse than tolerated.")
}

func noData() judge.Verdict {
	v := base()
	v.Arms = []summary.Arm{{Name: "baseline"}, {Name: "candidate"}}
	v.Metrics, v.Pairs, v.Blocks, v.SameWork = nil, 0, 0, judge.SameWork{Tokens: nan, Finish: nan, Cached: nan, Answers: nan}
	v.Validity = sample.Validity{Grade: sample.Invalid, Signals: []sample.Signal{{Name: "requests sent", Value: 0, Grade: sample.Invalid, Valid: 1, Degraded: 1}}}
	v.Guarantee, v.Unit = "None: nothing was measured.", ""
	return decided(v, judge.NoData, judge.ReasonNoData,
		"There is nothing to judge: no measured request ended in either arm.",
		"Look at the arms' logs, then run the gate again.")
}

func busy() judge.Verdict {
	v := base()
	v.Metrics = calm()
	v.Validity.Grade = sample.Invalid
	v.Validity.Signals[2] = sample.Signal{Name: "start lateness P99", Value: 7.83, Unit: "ms", Grade: sample.Degraded, Valid: .5, Degraded: 5, Busy: true}
	v.Validity.Signals[4] = sample.Signal{Name: "CPU of the machine", Value: 96.4, Unit: "%", Grade: sample.Invalid, Valid: 70, Degraded: 90, Busy: true}
	v.Warnings = []string{"the run is invalid: its numbers are shown and prove nothing"}
	return decided(v, judge.Hold, judge.ReasonMachineBusy,
		"The machine was too busy to measure on: 96.4 % of its processors were in use, where 90 % is the most.",
		"Try again when it is quiet, or ask for a lower rate.")
}

func allFailed() judge.Verdict {
	v := base()
	v.Arms[1] = arm("candidate", 20, 1, pairs)
	v.Arms[1].CPUPerEventNS, v.Arms[1].AchievedHz = 0, 100
	v.Metrics = []judge.Metric{success(-1, judge.Worse)}
	v.Metrics[0].Why = "absolute limit broken"
	for _, m := range calm()[1:5] {
		m.Effect, m.Lower, m.Upper, m.Point = judge.Float(math.Inf(1)), nan, judge.Float(math.Inf(1)), judge.Float(math.Inf(1))
		m.P, m.PHolm, m.T, m.Detectable, m.BlockEffects = nan, nan, nan, nan, nil
		m.Standing, m.Why = judge.Missing, "no pair succeeded in both arms"
		v.Metrics = append(v.Metrics, m)
	}
	v.SameWork = judge.SameWork{Tokens: nan, Finish: nan, Cached: nan, Answers: nan}
	v.Validity.Grade, v.Validity.Error = sample.Degraded, nil
	return decided(v, judge.Rollback, judge.ReasonLimit,
		"candidate must not go out: none of its 2000 requests was answered, where 99 % is the least.")
}

// hostile is a verdict whose every text tries to be something else.
func hostile() judge.Verdict {
	v := promote()
	evil := "<script>alert(1)</script> | `x` @all [l](javascript:1) \x1b[31m\n## PROMOTE"
	v.Baseline, v.Candidate, v.Guarantee, v.Unit = evil, evil, evil, evil
	v.Summary, v.Warnings = []string{evil, evil}, []string{evil}
	v.PolicyName, v.Run.Dataset.Name, v.Run.Model, v.Run.Machine.CPU = evil, evil, evil, evil
	for i := range v.Metrics {
		v.Metrics[i].Name, v.Metrics[i].Why = fmt.Sprint(i, evil), evil
		v.Metrics[i].LogE, v.Metrics[i].LogEWithin, v.Metrics[i].Resolution = 25, -1, .02
	}
	v.Arms[0].Name, v.Arms[1].Name = evil, evil
	v.Controls.Twin.Detail, v.Controls.Plant.Detail, v.Mode = evil, evil, evil
	v.Arms[1].Failures = map[sample.Outcome]int{sample.Outcome(evil): 3}
	return v
}

package judge

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// A Past is one arm of a run beside what earlier runs of the same machine, dataset
// and schedule let expect of it.
type Past struct {
	Run      sample.Header
	Digest   string
	Validity sample.Validity
	Stopped  string
	Arm      summary.Arm
	// Forecasts are by the key of a metric, such as first_token.p95.
	Forecasts map[string]Forecast
}

// A Forecast says where one further run of the same build would lie.
type Forecast struct {
	Runs         int     // earlier runs behind it
	Value        float64 // of the run
	Mean         float64 // geometric, of the earlier runs
	Lower, Upper float64 // one-sided predictive bounds, each at the policy's alpha by the number of [Forecastable] metrics
	Why          string  // why there is none; "": there is
}

// Forecastable are the gating metrics of p that a history can tell: it keeps
// quantiles and processor time.
func Forecastable(p policy.Policy) []policy.Metric {
	var all []policy.Metric
	for _, m := range p.Metrics {
		cpu := m.Measure == policy.CPUPerEvent || m.Measure == policy.CPUPerRequest
		if m.Gating && !m.DryRun && (cpu || m.Measure.Latency() && m.Statistic != policy.Mean) {
			all = append(all, m)
		}
	}
	return all
}

// ForecastKey is the key under which a history keeps m.
func ForecastKey(m policy.Metric) string {
	if m.Measure.Latency() {
		return m.Key()
	}
	return string(m.Measure)
}

// History decides by the mode [policy.History]: it is pure. No causal claim is
// possible: whatever changed between the runs counts in. A metric rolls back if the
// run lies beyond the predictive bound by more than tau; it is within its margin if
// the bound of its ratio to the earlier runs is.
func History(p policy.Policy, past Past) Verdict {
	v := Verdict{
		Schema: Schema, Baseline: "earlier runs", Candidate: past.Arm.Name, Design: sample.Single, Mode: string(policy.History),
		Unit: "one run against earlier ones: no causal claim is possible", Alpha: float64(p.Alpha),
		Controls: Controls{Mode: "off", Why: "a history has none", Planted: NaN()}, Validity: past.Validity,
		SameWork: SameWork{Tokens: NaN(), Finish: NaN(), Cached: NaN(), Quality: NaN(), Answers: NaN(), Detail: "not compared: a history keeps no answers"},
		Arms:     []summary.Arm{{Name: "earlier runs"}, past.Arm}, Run: past.Run, RunDigest: past.Digest, PolicyName: p.Name, PolicyHash: p.Hash,
	}
	deciding := Forecastable(p)
	v.Guarantee = fmt.Sprintf("If runs of one build are independent and their logarithms normal, an equal one is rolled back in at most %s %% of runs, over %d metrics together.",
		percent(float64(p.Alpha)), len(deciding))
	for _, m := range deciding {
		v.Metrics = append(v.Metrics, forecast(m, past.Forecasts[ForecastKey(m)], float64(p.Alpha)/float64(len(deciding))))
	}
	for _, m := range p.Metrics {
		if meant(p, m) {
			v.Warnings = append(v.Warnings, m.Key()+" is not judged: a history keeps quantiles and no means")
		}
	}
	v.decideByHistory(p, past)
	if len(v.Summary) == 1 {
		v.Summary = append(v.Summary, "Nothing was compared with another build: a history tells only where runs of one arm lie.")
	}
	v.ExitCode = v.Decision.ExitCode()
	return v
}

// forecast judges one metric whose bounds are each at alpha.
func forecast(m policy.Metric, f Forecast, alpha float64) Metric {
	out := blank(m)
	out.Name = fmt.Sprintf("%s %s against %d earlier runs", measureName(m.Measure), strings.ToUpper(string(m.Statistic)), f.Runs)
	out.Standing, out.Why = Undecided, f.Why
	if f.Why != "" || !(f.Value > 0 && f.Mean > 0 && f.Lower > 0 && f.Upper >= f.Mean) || math.IsInf(f.Upper, 1) {
		if !(f.Value > 0) {
			out.Standing = Missing
		}
		return out
	}
	out.N = f.Runs
	if df := float64(f.Runs - 1); df > 0 {
		powered := 1 + stats.QuantileT(.2, df)/stats.QuantileT(alpha, df) // bounds, in their own distance from the mean
		out.Detectable = Float(math.Pow(f.Upper/f.Mean, powered)*(1+float64(m.Tau)) - 1)
	}
	out.Effect, out.Point = Float(f.Value/f.Mean), Float(f.Value/f.Mean)
	out.Lower, out.Upper = out.Effect*Float(f.Lower/f.Mean), out.Effect*Float(f.Upper/f.Mean)
	switch {
	case f.Value > f.Upper*(1+float64(m.Tau)):
		out.Standing = Worse
	case float64(out.Upper) < 1+float64(m.Margin):
		out.Standing = NotWorse
	}
	return out
}

// decideByHistory keeps the order of precedence of the package.
func (v *Verdict) decideByHistory(p policy.Policy, past Past) {
	say := func(d Decision, r Reason, sentences ...string) { v.Decision, v.Reason, v.Summary = d, r, sentences }
	c := stats.Count{OK: past.Arm.OK, N: past.Arm.Requests}
	valid := refuseValidity(past.Validity, past.Run.Source)
	at := func(s Standing) *Metric {
		for i := range v.Metrics {
			if v.Metrics[i].Standing == s {
				return &v.Metrics[i]
			}
		}
		return nil
	}
	untold := untold(p, past, c)
	switch worse, missing, open := at(Worse), at(Missing), at(Undecided); {
	case c.N == 0 || c.OK == 0:
		say(NoData, ReasonNoData, "No data: the run has no request that succeeded.")
	case successBroken(p, c):
		say(Rollback, ReasonLimit, fmt.Sprintf("Rolled back: %d of %d requests succeeded, which breaks the policy's limit.", c.OK, c.N))
	case valid.text != "":
		say(Hold, valid.reason, "Held: "+valid.text+".")
	case past.Stopped != "":
		say(Hold, ReasonInvalid, "Held: the run ended before its plan did: "+past.Stopped+".")
	case 1-c.Rate() > failedShare:
		say(Hold, ReasonFailures, fmt.Sprintf("Held: %s %% of the requests failed: over 5 %% latencies are not compared.", percent(1-c.Rate())))
	case worse != nil:
		say(Rollback, ReasonWorse, fmt.Sprintf("Rolled back: %s is %s %% of their mean, beyond what another run of the same build would show.", worse.Name, percent(float64(worse.Effect))),
			"This is no causal claim: whatever else changed since counts in.")
	case missing != nil:
		say(NoData, ReasonNoData, "No data: "+missing.Name+": "+missing.Why+".")
	case len(v.Metrics) == 0:
		say(Hold, ReasonMode, "Held: the policy gates on nothing that a history tells: quantiles of latencies, or processor time.")
	case open != nil && open.Why != "":
		say(Hold, ReasonMode, "Held: "+open.Name+": "+open.Why+".")
	case open != nil:
		say(Hold, ReasonUndecided, "Held: "+open.Name+" is neither beyond another run of the same build nor surely within its margin.")
	case untold != "":
		say(Hold, ReasonMode, "Held: "+untold+".")
	default:
		say(Promote, ReasonAllNotWorse, fmt.Sprintf("Promoted: all %d metrics lie where earlier runs let expect, within their margins.", len(v.Metrics)),
			"This is no causal claim: a change that something else hid would look the same.")
	}
}

// meant tells whether m is a gating mean of a latency of which a quantile gates
// too, so that the measure is judged after all.
func meant(p policy.Policy, m policy.Metric) bool {
	return m.Gating && !m.DryRun && m.Statistic == policy.Mean && m.Measure.Latency() &&
		slices.ContainsFunc(Forecastable(p), func(f policy.Metric) bool { return f.Measure == m.Measure })
}

// untold says which gating metric a history does not judge, so that nothing is
// promoted; "" if it judges all. A success rate is within its margin where the
// run's own lies no further below 1, which no earlier run can have passed.
func untold(p policy.Policy, past Past, c stats.Count) string {
	judged := Forecastable(p)
	for _, m := range p.Metrics {
		if !m.Gating || m.DryRun || meant(p, m) || m.WhereScored && past.Arm.Scored == 0 {
			continue
		}
		if m.Measure == policy.Success {
			if lower, _ := c.Exact(2 * float64(p.Alpha)); !(lower > 1-float64(m.Margin)) || m.Limit != nil && !(c.Rate() >= m.Limit.Value) {
				return fmt.Sprintf("%s: %d of %d requests succeeded, which is not surely within its margin of all", nameOf(m), c.OK, c.N)
			}
			continue
		}
		if !slices.ContainsFunc(judged, func(f policy.Metric) bool { return f.Key() == m.Key() }) {
			return m.Key() + " is gating and a history does not tell it: gate on quantiles of latencies, processor time and the success rate"
		}
		if value := past.Forecasts[ForecastKey(m)].Value; m.Limit != nil && !(value <= m.Limit.Value) {
			return nameOf(m) + " is beyond its absolute limit, and one run says too little to call that broken"
		}
	}
	return ""
}

// successBroken tells whether surely fewer requests succeed than the policy's
// limit allows.
func successBroken(p policy.Policy, c stats.Count) bool {
	for _, m := range p.Metrics {
		if m.Measure == policy.Success && m.Gating && m.Limit != nil {
			_, upper := c.Exact(2 * float64(p.Alpha))
			return upper < m.Limit.Value
		}
	}
	return false
}

package policy_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

func TestDefaultIsWhatTheIssueAsksFor(t *testing.T) {
	p := policy.Default()
	gating := map[string]bool{}
	for _, m := range p.Metrics {
		gating[m.Key()] = m.Gating
		if m.Gating && m.Measure.Latency() && (m.Tau != .05 || m.Margin != .10) {
			t.Errorf("%s: tau %v, margin %v", m.Key(), m.Tau, m.Margin)
		}
	}
	for _, measure := range []string{"first_token", "gap", "full"} {
		for _, statistic := range []string{"p50", "p95", "mean"} {
			if !gating[measure+"."+statistic] {
				t.Errorf("%s.%s is not gating", measure, statistic)
			}
		}
		if on, there := gating[measure+".p99"]; on || !there {
			t.Errorf("%s.p99: there %v, gating %v; want shown", measure, there, on)
		}
	}
	if !gating["success.rate"] {
		t.Error("the success rate is not gating")
	}
	if p.Alpha != .05 || p.MinBlocks != 8 || p.MinPairs != 200 || len(p.Hash) != 64 {
		t.Errorf("%+v", p)
	}
}

const one = "metrics:\n  - {measure: gap, statistic: p50, gating: true, tau: 5%, margin: 10%}\n"

func TestParseRefusesWithPlace(t *testing.T) {
	for _, c := range []struct{ name, yaml, want string }{
		{"misspelt key", "alpah: 5%\n" + one, `1:1: unknown key "alpah", did you mean "alpha"?`},
		{"misspelt key in a metric", "metrics:\n  - measure: gap\n    statistik: p50\n", `3:5: unknown key "statistik", did you mean "statistic"?`},
		{"far from any key", "zzzzzz: 1\n" + one, `1:1: unknown key "zzzzzz"`},
		{"twice", "alpha: 5%\nalpha: 1%\n" + one, `2:1: mapping key "alpha" already defined at [1:1]`},
		{"no share", "alpha: five\n" + one, `1:8: "five" is no share: write 0.05 or 5%`},
		{"a share that is not finite", "alpha: NaN\n" + one, `1:8: "NaN" is no share: write 0.05 or 5%`},
		{"no limit", "metrics:\n  - measure: gap\n    limit: soon\n", `3:12: "soon" is no limit: write a duration (800ms), a share (90%) or a number`},
		{"misspelt measure", "metrics:\n  - measure: frist_token\n    statistic: p50\n    gating: true\n", `2:14: metric 1 (frist_token.p50): unknown measure "frist_token", did you mean "first_token"?: known are`},
		{"misspelt mode", "mode: any time\n" + one, `1:7: unknown mode "any time", did you mean "anytime"?`},
		{"a value out of range", "metrics:\n  - measure: gap\n    statistic: p50\n    gating: true\n    tau: 5%\n    margin: 3%\n", `6:13: metric 1 (gap.p50): margin 0.03 lies under tau 0.05`},
		{"a key that was left out", "metrics:\n  - measure: gap\n    statistic: p50\n    gating: true\n", `2:12: metric 1 (gap.p50): margin is 0`},
		{"wrong type", "min_blocks: many\n" + one, "1:13: "},
		{"not YAML", "metrics: [", "1:10: "},
		{"a list that is a tag", "metrics:\n  !- {measure: gap}\n", "not readable as YAML"},
		{"two documents", one + "---\n" + one, "more than one YAML document"},
		{"nothing", "", "the policy is empty"},
		{"only a comment", "# later\n", "the policy is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := policy.Parse([]byte(c.yaml))
			if err == nil {
				t.Fatal("it was taken")
			}
			if got := err.Error(); !strings.HasPrefix(got, c.want) || strings.Contains(got, "\n") {
				t.Errorf("got  %q\nwant %q…, on one line", got, c.want)
			}
		})
	}
}

func TestValidateJoinsEveryProblem(t *testing.T) {
	_, err := policy.Parse([]byte(`
alpha: 80%
min_blocks: 3
min_pairs: 10
same_work: {tokens: 200%}
metrics:
  - {measure: gap, statistic: rate, gating: false, tau: 5%, margin: 3%}
  - {measure: success, statistic: rate, direction: lower_is_better, gating: true, tau: 1%, margin: 1%, limit: 800ms}
  - {measure: full, statistic: mean, gating: true, margin: 10%, limit: 1s, band: {from: 90%, to: 80%}}
  - {measure: full, statistic: mean, margin: 10%}
  - {measure: speed, statistic: mean}
`))
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, want := range []string{
		"alpha is 0.8", "min_blocks is 3", "min_pairs is 10", "same_work.tokens is 2",
		`metric 1 (gap.rate): gap has no statistic "rate"`, "metric 1 (gap.rate): margin 0.03 lies under tau 0.05",
		"metric 2 (success.rate): direction", "metric 2 (success.rate): limit: success is limited by a share",
		"metric 3 (full.mean): limit: a mean log-ratio", "metric 3 (full.mean): band: only", "metric 3 (full.mean): band from 0.9 to 0.8",
		"metric 4 (full.mean): stands twice", `metric 5 (speed.mean): unknown measure "speed"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q:\n%v", want, err)
		}
	}
}

func TestQuantiles(t *testing.T) {
	for text, want := range map[policy.Statistic]float64{
		"p50": .5, "p95": .95, "p99.9": .999, "p0.1": .001, "p99.99": .9999,
		"p0": 0, "p100": 0, "p-5": 0, "p": 0, "95": 0, "p95.0": 0, "p095": 0, "p1e1": 0, "pNaN": 0, "P95": 0, "mean": 0, "p+5": 0, "p5_0": 0,
	} {
		if q, ok := text.Quantile(); math.Abs(q-want) > 1e-15 || ok != (want > 0) {
			t.Errorf("%s: %v, %v", text, q, ok)
		}
		yaml := "metrics:\n  - {measure: gap, statistic: " + string(text) + ", gating: true, tau: 5%, margin: 10%}\n"
		if _, err := policy.Parse([]byte(yaml)); (err == nil) != (want > 0 || text == policy.Mean) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestWeights(t *testing.T) {
	for _, c := range []struct{ head, metric, want string }{
		{"mode: anytime\n", "gating: true, weight: 2", ""},
		{"mode: fixed\n", "gating: true, weight: 2", "weight: only mode anytime parts alpha by weights"},
		{"mode: anytime\n", "gating: true, weight: -1", "weight is -1: it is a number above 0"},
		{"mode: anytime\n", "gating: true, weight: .inf", "weight is +Inf"},
		{"mode: anytime\n", "gating: false, weight: 1", "weight: a metric that decides nothing"},
		{"mode: anytime\n", "gating: true, dry_run: true, weight: 1", "weight: a metric that decides nothing"},
	} {
		_, err := policy.Parse([]byte(c.head + one + "  - {measure: full, statistic: p50, tau: 5%, margin: 10%, " + c.metric + "}\n"))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.metric, err, c.want)
		}
	}
}

func TestModes(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"mode: group-sequential", ""},
		{"mode: group-sequential\nlooks: 20", ""},
		{"mode: fixed\ncontrols: required", ""},
		{"mode: sometimes", `unknown mode "sometimes": known are [fixed group-sequential anytime history threshold]`},
		{"looks: 5", "looks is 5: only mode group-sequential has planned looks"},
		{"mode: group-sequential\nlooks: 1", "looks is 1: between 2 and 20"},
		{"mode: group-sequential\nlooks: 21", "looks is 21: between 2 and 20"},
		{"mode: group-sequential\nlooks: -2", "looks is -2: between 2 and 20"},
		{"controls: perhaps", `controls is "perhaps": it is optional or required`},
	} {
		_, err := policy.Parse([]byte(c.yaml + "\n" + one))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v, want %q", c.yaml, err, c.want)
		}
	}
}

func TestDryRun(t *testing.T) {
	const dry = "  - {measure: full, statistic: p50, gating: true, dry_run: true, tau: 5%, margin: 10%}\n"
	if _, err := policy.Parse([]byte(one + dry)); err != nil {
		t.Error(err)
	}
	for yaml, want := range map[string]string{
		"metrics:\n" + dry: "no metric is gating, dry runs apart",
		one + strings.Replace(dry, "gating: true", "gating: false", 1): "dry_run: a metric that is only shown decides nothing anyway",
	} {
		if _, err := policy.Parse([]byte(yaml)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestExplainNamesTheMode(t *testing.T) {
	for mode, want := range map[policy.Mode]string{
		policy.GroupSequential: "at any of 5 equally spaced, planned looks; both rates hold over all of them",
		policy.Fixed:           "looked at once", policy.Anytime: "as often as anyone likes",
		policy.Threshold: "not kept", policy.History: "predictive interval",
	} {
		p := policy.Default()
		p.Mode, p.Looks, p.Controls = mode, 0, policy.ControlsRequired
		p.Metrics[1].DryRun = true
		var out strings.Builder
		if err := policy.Explain(&out, p); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{want, "saw its own plant", "a dry run: told, and decides nothing"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: it does not say %q:\n%s", mode, want, out.String())
			}
		}
	}
}

func TestWindow(t *testing.T) {
	own := policy.Band{From: .93, To: .97}
	for _, c := range []struct {
		metric policy.Metric
		want   policy.Band
		ok     bool
	}{
		{policy.Metric{Statistic: policy.P50}, policy.Band{From: .25, To: .75}, true},
		{policy.Metric{Statistic: policy.P95}, policy.Band{From: .90, To: .99}, true},
		{policy.Metric{Statistic: policy.P99}, policy.Band{From: .98, To: .999}, true},
		{policy.Metric{Statistic: policy.P95, Band: &own}, own, true},
		{policy.Metric{Statistic: "p90"}, policy.Band{From: .80, To: .98}, true},
		{policy.Metric{Statistic: "p99.9"}, policy.Band{From: .998, To: .9998}, true},
		{policy.Metric{Statistic: "p75"}, policy.Band{From: .5, To: .95}, true},
		{policy.Metric{Statistic: "p10"}, policy.Band{From: .02, To: .20}, true},
		{policy.Metric{Statistic: "p5"}, policy.Band{From: .01, To: .10}, true},
		{policy.Metric{Statistic: "p100"}, policy.Band{}, false},
		{policy.Metric{Statistic: policy.Rate}, policy.Band{}, false},
		{policy.Metric{Statistic: policy.Mean}, policy.Band{}, false},
	} {
		if got, ok := c.metric.Window(); got != c.want || ok != c.ok {
			t.Errorf("%+v: got %v, %v", c.metric, got, ok)
		}
	}
}

func TestAPolicyThatCannotSayNo(t *testing.T) {
	_, err := policy.Parse([]byte("metrics:\n  - {measure: success, statistic: rate, tau: 1%, margin: 1%, limit: 90%}\n"))
	for _, want := range []string{"no metric is gating, dry runs apart", "limit: a metric that is only shown"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q: %v", want, err)
		}
	}
}

// FuzzParse holds that whatever is accepted is valid, hashed and can say no.
func FuzzParse(f *testing.F) {
	f.Add(policy.DefaultYAML())
	f.Add([]byte(one))
	f.Add([]byte("alpha: &a 5%\nmetrics: [{measure: gap, statistic: p50, gating: true, tau: *a, margin: 10%}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse(data)
		if err != nil {
			return
		}
		if err := p.Validate(); err != nil || len(p.Hash) != 64 {
			t.Errorf("accepted, but %v, hash %q", err, p.Hash)
		}
	})
}

// TestFlagsDemandTheDefault: a run for a flag is judged no more mildly than any
// other gate.
func TestFlagsDemandTheDefault(t *testing.T) {
	gating := func(p policy.Policy) (all []policy.Metric) {
		for _, m := range p.Metrics {
			if m.Direction = ""; m.Gating {
				all = append(all, m)
			}
		}
		return all
	}
	flags, usual := policy.Flags(), policy.Default()
	if want, got := gating(usual), gating(flags); !reflect.DeepEqual(want, got) {
		t.Errorf("default %+v\nflags %+v", want, got)
	}
	if flags.SameWork != usual.SameWork || flags.Alpha != usual.Alpha || flags.MinBlocks != usual.MinBlocks || flags.MinPairs != usual.MinPairs || flags.Mode != policy.Fixed {
		t.Errorf("%+v", flags)
	}
}

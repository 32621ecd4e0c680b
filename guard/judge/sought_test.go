package judge_test

import (
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

// What a run was made to show is said of every metric, whatever was decided, and
// never where the evidence supports no claim.
func TestSought(t *testing.T) {
	for _, test := range []struct {
		name  string
		world func(*proof.World)
		spoil func(*sample.Run)
		want  []string
	}{
		{"nothing changed", func(*proof.World) {}, nil, []string{
			"No effect found in the first token, P25-P75 body, (", "; the smallest that would have shown, four times in five, is ",
			"No effect found in the success rate (0.0 points ",
		}},
		{"a fifth faster", func(w *proof.World) { w.FirstToken = .8 }, nil, []string{
			"Effect found: the first token, P25-P75 body, is ", " % faster (95 % bounds -", "No effect found in the success rate",
		}},
		{"slower is an effect as well", func(w *proof.World) { w.FirstToken = 1.3 }, nil, []string{
			"Effect found: the first token, P25-P75 body, is ", " % slower (95 % bounds +",
		}},
		{"errors", func(w *proof.World) { w.CandidateErrors = .05 }, nil, []string{
			"Effect found: the success rate is ", " points lower (95 % bounds -",
		}},
		{"an invalid run shows nothing", func(w *proof.World) { w.FirstToken = .8 }, func(r *sample.Run) {
			r.Trailer.Validity.Grade = sample.Invalid
		}, []string{"Whether the first token, P25-P75 body, changed is not told: "}},
		{"too few blocks", func(w *proof.World) { w.Blocks, w.FirstToken = 7, .8 }, nil, []string{
			"Whether the first token, P25-P75 body, changed is not told: ",
		}},
		{"no answer", func(w *proof.World) { w.CandidateErrors = 1 }, nil, []string{
			"Whether the first token, P25-P75 body, changed is not told: ",
		}},
	} {
		w := usual(test.name)
		test.world(&w)
		run := w.Run()
		run.Header.Seeks = []string{"first_token.p50", "success.rate", "first_token.p12"}
		if test.spoil != nil {
			test.spoil(&run)
		}
		v := judge.Judge(fixed(), setOf(t, run))
		text := strings.Join(v.Summary, "\n")
		for _, want := range append(test.want, "Whether first_token.p12 changed is not told: the policy does not have it.") {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", test.name, want, text)
			}
		}
	}
}

// On a faster clock it is said how much of an effect can be processor time, which no
// clock scales.
func TestSoughtOnAFasterClock(t *testing.T) {
	w := usual("clock")
	run := w.Run()
	run.Header.Seeks, run.Header.ClockScale = []string{"first_token.p50"}, 20
	set := setOf(t, run)
	median := map[sample.Measure]summary.Distribution{sample.FirstToken: {P50: 400_000_000}}
	set.Arms = []summary.Arm{{Name: "baseline", CPUPerRequestNS: 4e6, Measures: median}, {Name: "candidate", CPUPerRequestNS: 1e6, Measures: median}}
	const want = "20 times as fast and does not scale processor time, which is up to 1.0 % of the median first token"
	for _, scale := range []float64{20, 1} {
		set.Header.ClockScale = scale
		text := strings.Join(judge.Judge(fixed(), set).Summary, "\n")
		if strings.Contains(text, want) != (scale > 1) {
			t.Errorf("at %g: want %q only on a faster clock:\n%s", scale, want, text)
		}
	}
}

package gate_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/gate"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// seen is a verdict at a clock 20 times as fast; seconds are by that clock.
func seen(off, on float64, lower, upper float64) judge.Verdict {
	arm := func(name string, p95 float64) summary.Arm {
		return summary.Arm{
			Name: name, Requests: 100, OK: 100, AchievedHz: 40,
			Measures: map[sample.Measure]summary.Distribution{sample.FirstToken: {N: 100, P95: summary.Latency(p95 * float64(time.Second) / 20)}},
		}
	}
	metric := func(key string, lower, upper float64) judge.Metric {
		return judge.Metric{Key: key, Scale: "ratio", Lower: judge.Float(lower), Upper: judge.Float(upper), Effect: judge.Float((lower + upper) / 2), Standing: judge.Shown}
	}
	return judge.Verdict{
		Baseline: "baseline", Candidate: "candidate", Arms: []summary.Arm{arm("baseline", off), arm("candidate", on)},
		Metrics: []judge.Metric{
			metric("first_token.p95", lower, upper), metric("throughput.mean", 1.9, 2.1),
			{Key: "quality.mean", Scale: "difference", Effect: 0},
		},
		Run: sample.Header{ClockScale: 20, Seeks: []string{"first_token.p95"}}, SameWork: judge.SameWork{Same: true}, Blocks: 8, Pairs: 200,
	}
}

func TestSigns(t *testing.T) {
	few, invalid := seen(41, 18, .4, .6), seen(41, 18, .4, .6)
	few.Blocks, invalid.Validity.Grade = 7, sample.Invalid
	faster, slower, none, unknown := seen(41, 18, .4, .6), seen(41, 60, 1.2, 1.6), seen(41, 40, .9, 1.1), seen(41, 40, math.NaN(), 1)
	for _, row := range []struct {
		base, varied judge.Verdict
		want         gate.Sign
	}{
		{faster, faster, gate.Kept},
		{faster, slower, gate.Flipped},
		{faster, none, gate.Open},
		{none, faster, gate.Appeared},
		{none, none, gate.Open},
		{faster, few, gate.Untold},
		{invalid, faster, gate.Untold},
		{faster, unknown, gate.Untold},
		{unknown, faster, gate.Untold},
		{faster, judge.Verdict{}, gate.Untold},
	} {
		if got := gate.SignOf(row.base, row.varied, "first_token.p95"); got != row.want {
			t.Errorf("%v, want %v", got, row.want)
		}
	}
	trials := []gate.Trial{
		{Variation: gate.Variation{Parameter: "gap.median", Factor: 2}, Verdict: faster},
		{Variation: gate.Variation{Parameter: "slots", Factor: .5}, Err: errors.New("more | than there are")},
	}
	table, worst := gate.Sensitivity(faster, trials)
	for _, want := range []string{"| as it is |  | 41.0 s | 18.0 s | -50 % [-60 %, -40 %] | +100 % [+90 %, +110 %] | 100 of 100, 100 of 100 |", "| gap.median | 2 |", "first_token.p95 kept |", "| slots | 0.5 | cannot be: more / than there are |"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
	if worst != gate.Kept {
		t.Errorf("worst %s", worst)
	}
	trials[0].Verdict = slower
	if _, worst = gate.Sensitivity(faster, trials); worst != gate.Flipped {
		t.Errorf("worst %s", worst)
	}
}

func TestVariations(t *testing.T) {
	play, _ := gate.PlayOn(gate.Headline)
	all := play.Variations()
	if len(all) != 2*(len(play.Parameters)+1) || all[0].String() != play.Parameters[0]+"=0.5" || all[len(all)-1] != (gate.Variation{Parameter: gate.Workers, Factor: 2}) {
		t.Errorf("%v", all)
	}
	for _, bad := range []string{"", "a", "a=", "=2", "a=0", "a=-1", "a=NaN", "a=Inf"} {
		if _, _, err := gate.ParseVariation(bad); err == nil {
			t.Errorf("%q is taken for a variation", bad)
		}
	}
}

// The claim is met in every part or in those that are named.
func TestClaim(t *testing.T) {
	unmet := func(v judge.Verdict) (names []string) {
		for _, d := range gate.Claim(&v) {
			if !d.Met {
				names = append(names, d.What)
			}
		}
		return names
	}
	met := seen(41, 18.1, .4, .5)
	if got := unmet(met); got != nil {
		t.Errorf("not met: %v", got)
	}
	if table := gate.ClaimTable(gate.Claim(&met)); !strings.Contains(table, "| first token P95, all flags on | at most 18.1 s | 18.1 s | yes |") {
		t.Error(table)
	}
	for name, spoil := range map[string]func(*judge.Verdict){
		"first token P95, all flags off":                          func(v *judge.Verdict) { *v = seen(30, 12, .4, .5) },
		"first token P95, all flags on":                           func(v *judge.Verdict) { *v = seen(44, 19, .4, .5) },
		"first token P95 better by":                               func(v *judge.Verdict) { *v = seen(38, 18, .4, .5) },
		"throughput more by":                                      func(v *judge.Verdict) { v.Metrics[1].Effect = 1.97 },
		"requests answered":                                       func(v *judge.Verdict) { v.Arms[1].OK-- },
		"quality of answers":                                      func(v *judge.Verdict) { v.SameWork.Same = false },
		"throughput more by,quality of answers":                   func(v *judge.Verdict) { v.Metrics = nil },
		"first token P95, all flags on,first token P95 better by": func(v *judge.Verdict) { v.Arms[1].Measures = nil },
	} {
		v := seen(41, 18.1, .4, .5)
		spoil(&v)
		if got := strings.Join(unmet(v), ","); got != name {
			t.Errorf("%s: not met: %s", name, got)
		}
	}
}

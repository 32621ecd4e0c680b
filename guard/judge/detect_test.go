package judge_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// TestHistorySaysWhatItDetects: a run that is slower by what a verdict against
// earlier ones says it detects is rolled back about four times in five.
func TestHistorySaysWhatItDetects(t *testing.T) {
	p := policy.Default()
	p.Metrics = []policy.Metric{{Measure: policy.FirstToken, Statistic: policy.P95, Gating: true, Tau: .03, Margin: .10}}
	random := rand.New(rand.NewPCG(proof.Seed(t.Name()), 0))
	run := func() float64 { return 100 * math.Exp(.02*random.NormFloat64()) }
	const runs = 400
	found := 0
	for range runs {
		var logs []float64
		for range 10 {
			logs = append(logs, math.Log(run()))
		}
		lower, upper := stats.Predict(logs, float64(p.Alpha))
		f := judge.Forecast{Runs: 10, Mean: math.Exp(stats.MeanT(logs).Value), Lower: math.Exp(lower), Upper: math.Exp(upper), Value: run()}
		judged := func(f judge.Forecast) judge.Verdict {
			past := past()
			past.Forecasts = map[string]judge.Forecast{judge.ForecastKey(p.Metrics[0]): f}
			past.Validity = sample.Validity{Grade: sample.Valid}
			return judge.History(p, past)
		}
		detects := float64(judged(f).Metrics[0].Detectable)
		f.Value = run() * (1 + detects)
		if judged(f).Decision == judge.Rollback {
			found++
		}
	}
	if share := float64(found) / runs; share < .74 || share > .90 {
		t.Errorf("found in %.1f %% of runs, want about 80", 100*share)
	}
}

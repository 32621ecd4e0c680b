package history

import (
	"fmt"
	"math"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// Least is how many earlier runs a prediction needs.
const Least = 5

// A Prediction says where a further run of the same build would lie, and where
// the run does. Values are in nanoseconds.
type Prediction struct {
	Metric string
	Runs   int // earlier runs that it rests on
	Value  float64
	Mean   float64 // geometric, of the earlier runs
	// Lower and Upper are the one-sided bounds at 1-alpha each, for one further
	// run of the same build.
	Lower, Upper float64
	// P is the one-sided p-value of "the run lies no higher than another run of
	// the same build would".
	P float64
	// Why says why nothing is predicted; "": something is.
	Why string
}

// Baseline returns the earlier runs that e may be held against: of its series,
// measured well, and not rolled back unless accepted. It is so frozen after a
// regression, and never learns what it was to find.
func Baseline(entries []Entry, e Entry) []Entry {
	var base []Entry
	series := e.Series()
	for _, old := range entries {
		same := old.Digest == e.Digest || old.at().After(e.at())
		bad := old.Decision == "ROLLBACK" || old.Decision == "NO DATA"
		if !same && usable(&old) && old.Series() == series && (!bad || old.Accepted) {
			base = append(base, old)
		}
	}
	return base
}

// Predict holds one metric of e against the earlier runs by the predictive
// interval on logarithms: mean + t s sqrt(1+1/H) with H-1 degrees of freedom.
// Without the root it would forget that the mean is only known from H runs.
func Predict(entries []Entry, e Entry, metric string, alpha float64) Prediction {
	nan := math.NaN()
	p := Prediction{Metric: metric, Value: nan, Mean: nan, Lower: nan, Upper: nan, P: nan}
	m, has := e.Metrics[metric]
	if !has {
		p.Why = "the run does not tell it, or it falls among failures"
		return p
	}
	p.Value = m.Value
	var logs []float64
	for _, old := range Baseline(entries, e) {
		if m := old.Metrics[metric]; m.Value > 0 {
			logs = append(logs, math.Log(m.Value))
		}
	}
	p.Runs = len(logs)
	if p.Runs < Least {
		p.Why = fmt.Sprintf("%d earlier runs of the same machine, dataset and schedule, at least %d are needed", p.Runs, Least)
		return p
	}
	mean := stats.MeanT(logs)
	lower, upper := stats.Predict(logs, alpha)
	p.Mean, p.Lower, p.Upper = math.Exp(mean.Value), math.Exp(lower), math.Exp(upper)
	h := float64(p.Runs)
	p.P = stats.TailT((math.Log(p.Value)-mean.Value)/(mean.SE*math.Sqrt(h+1)), h-1)
	if !(mean.SE > 0) {
		p.Why = "the earlier runs do not differ at all, so nothing is known of how they would"
	}
	return p
}

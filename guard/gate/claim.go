package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// The claim that the flags were first made with, of gemini-3-pro-preview at high
// thinking.
const (
	claimedBefore     = 41.0 // seconds to the first token at P95, all flags off: near this
	claimedNear       = .10  // how near
	claimedAfter      = 18.1 // all on: at most
	claimedBetter     = .558 // by how much better at least
	claimedThroughput = .98  // by how much more at least
)

// A Demand is one part of a claim.
type Demand struct {
	What, Claimed, Seen string
	Met                 bool
}

// Claim holds a verdict against every part of the claim. What was not measured is
// not met.
func Claim(v *judge.Verdict) []Demand {
	off, okOff := firstTokenP95(v, 0)
	on, okOn := firstTokenP95(v, 1)
	better := 0.0
	if okOff && okOn && off > 0 {
		better = 1 - on.Seconds()/off.Seconds()
	}
	more, quality, work := effect(v, "throughput.mean")-1, effect(v, "quality.mean"), v.SameWork.Same
	return []Demand{
		{
			"first token P95, all flags off", fmt.Sprintf("near %.1f s", claimedBefore), tail(v, 0),
			okOff && off.Seconds() >= claimedBefore*(1-claimedNear) && off.Seconds() <= claimedBefore*(1+claimedNear),
		},
		{"first token P95, all flags on", fmt.Sprintf("at most %.1f s", claimedAfter), tail(v, 1), okOn && on.Seconds() <= claimedAfter},
		{"first token P95 better by", fmt.Sprintf("%.1f %%", 100*claimedBetter), percent(better), okOff && okOn && better >= claimedBetter},
		{"throughput more by", fmt.Sprintf("%.0f %%", 100*claimedThroughput), percent(more), more >= claimedThroughput},
		{"requests answered", "all", answered(v, 0) + ", " + answered(v, 1), whole(v, 0) && whole(v, 1)},
		{"quality of answers", "equal", fmt.Sprintf("%+.2f points", 100*quality), work && quality > -.02 && quality < .02},
	}
}

// effect is a metric's effect; NaN, which meets nothing, where there is none.
func effect(v *judge.Verdict, key string) float64 {
	i := slices.IndexFunc(v.Metrics, func(m judge.Metric) bool { return m.Key == key })
	if i < 0 {
		return float64(judge.NaN())
	}
	return float64(v.Metrics[i].Effect)
}

func whole(v *judge.Verdict, i int) bool {
	a := arm(v, i)
	return a.Requests > 0 && a.OK == a.Requests
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// ClaimTable is the claim's demands in Markdown.
func ClaimTable(demands []Demand) string {
	var b strings.Builder
	b.WriteString("| what | claimed | seen | met |\n|---|--:|--:|---|\n")
	for _, d := range demands {
		met := "no"
		if d.Met {
			met = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.What, d.Claimed, d.Seen, met)
	}
	return b.String()
}

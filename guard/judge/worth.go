package judge

import (
	"cmp"
	"fmt"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// worthTester tests the tokens or the cost of requests without partners, as logs of
// two deployments have them, by the log-ratios of the means of blocks.
type worthTester struct{ slotTester }

func (w *worthTester) p(c *docket, f *finding) {
	f.out.Name = measureName(f.Measure) + ", mean ratio of blocks"
	of := c.worthOf(f.Measure)
	for k, block := range c.set.Requests {
		a, lostA := meanWorth(block.Baseline, of)
		b, lostB := meanWorth(block.Candidate, of)
		f.refuse(refuseUntold(lostA, len(block.Baseline), "baseline"))
		f.refuse(refuseUntold(lostB, len(block.Candidate), "candidate"))
		w.add(k, a, b)
	}
	w.test(c, f)
}

// worthOf returns what one request of a measure came to.
func (c *docket) worthOf(m policy.Measure) func(*sample.Sample) float64 {
	if m == policy.Tokens {
		return func(s *sample.Sample) float64 { return float64(s.Usage.Output) }
	}
	return func(s *sample.Sample) float64 {
		return cmp.Or(s.Cost, c.policy.Prices.Of(s.Usage.Input, s.Usage.Cached, s.Usage.Output))
	}
}

// meanWorth is the mean over the requests that succeeded and tell it, and how many
// that succeeded do not.
func meanWorth(requests []*sample.Sample, of func(*sample.Sample) float64) (mean float64, lost int) {
	sum, n := 0.0, 0
	for _, s := range requests {
		switch x := of(s); {
		case s.Outcome != sample.OK:
		case x > 0:
			sum, n = sum+x, n+1
		default:
			lost++
		}
	}
	if n == 0 {
		return 0, lost
	}
	return sum / float64(n), lost
}

// refuseUntold refuses a measure that more than a few answers of a block do not
// tell: what is left out may be the dear ones.
func refuseUntold(lost, n int, arm string) refusal {
	if float64(lost) <= lostShare*float64(n) {
		return refusal{}
	}
	return refusal{ReasonUnpaired, fmt.Sprintf("%d of %d answers of the %s in one block do not tell it", lost, n, arm), latencies}
}

package judge

import (
	"fmt"
	"math"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// sought says of each metric whose change the run was made to show whether there is
// one. It decides nothing: a candidate may go out though nothing changed.
func (c *docket) sought() (said []string) {
	for _, key := range c.set.Header.Seeks {
		i := slices.IndexFunc(c.findings, func(f *finding) bool { return f.Key() == key })
		if i < 0 {
			said = append(said, fmt.Sprintf("Whether %s changed is not told: the policy does not have it.", key))
			continue
		}
		said = append(said, c.soughtIn(c.findings[i]))
	}
	if part := c.unscaled(); len(said) > 0 && part > 0 {
		said = append(said, fmt.Sprintf("The clock ran %g times as fast and does not scale processor time, which is up to %.1f %% of the median first token: an effect no larger than that may be processor time alone.",
			c.set.Header.ClockScale, 100*part))
	}
	return said
}

// unscaled is the part of the median time to the first token that can be processor
// time of the gateway, on a clock that runs faster than the machine's; 0 where it
// does not, or nothing is known.
func (c *docket) unscaled() (part float64) {
	if c.set.Header.ClockScale <= 1 {
		return 0
	}
	for i := range c.set.Arms {
		arm := &c.set.Arms[i]
		if took, finite := arm.Measures[sample.FirstToken].P50.Duration(); finite && took > 0 {
			part = max(part, arm.CPUPerRequestNS/float64(took))
		}
	}
	return part
}

// soughtIn is the sentence of one metric: an effect is found where the bounds, each
// of which holds alone, leave out that nothing changed.
func (c *docket) soughtIn(f *finding) string {
	equal, lower, upper := f.equal(), float64(f.out.Lower), float64(f.out.Upper)
	switch why := c.untold(f); {
	case why != "":
		return fmt.Sprintf("Whether %s changed is not told: %s.", f.subject(), why)
	case lower > equal || upper < equal:
		return fmt.Sprintf("Effect found: %s is %s (%s).", f.subject(), f.change(), c.boundsText(f))
	}
	return fmt.Sprintf("No effect found in %s (%s, %s); the smallest that would have shown, four times in five, is %s.",
		f.subject(), f.change(), c.boundsText(f), f.smallest())
}

// untold is why nothing can be said of a metric's change; "" if something can.
func (c *docket) untold(f *finding) string {
	switch {
	case len(c.refused) > 0:
		return c.refused[0].text
	case c.hallucinates():
		return "the run sees a change in its own twin"
	case f.refused.text != "":
		return f.refused.text
	case f.out.Standing == Missing:
		return f.out.Why
	case math.IsNaN(float64(f.out.Lower)) || math.IsNaN(float64(f.out.Upper)):
		return "there are no bounds"
	}
	return ""
}

// smallest is the change that the run would have found four times in five.
func (f *finding) smallest() string {
	x := float64(f.out.Detectable)
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "not known"
	case f.out.Scale == scaleDifference:
		return digits(100*x) + " points"
	}
	return digits(100*x) + " %"
}

// digits gives two digits, and all that stand before the point.
func digits(x float64) string {
	if x >= 10 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2g", x)
}

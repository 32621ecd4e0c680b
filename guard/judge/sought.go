package judge

import (
	"fmt"
	"math"
	"slices"
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
	return said
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
		return fmt.Sprintf("%.2g points", 100*x)
	}
	return fmt.Sprintf("%.2g %%", 100*x)
}

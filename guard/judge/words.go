package judge

import (
	"fmt"
	"math"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// names are what people call the measures.
var names = map[policy.Measure]string{
	policy.Queue:         "wait for the start",
	policy.DNS:           "name look-up",
	policy.Connect:       "connecting",
	policy.TLS:           "TLS handshake",
	policy.TTFB:          "first byte",
	policy.FirstEvent:    "first event",
	policy.FirstToken:    "first token",
	policy.FirstText:     "first visible text",
	policy.Gap:           "gap between tokens",
	policy.TPOT:          "time per output token",
	policy.LastContent:   "last content",
	policy.Full:          "full answer",
	policy.AddedToken:    "added to the first token",
	policy.AddedEvent:    "added to each event",
	policy.Success:       "success rate",
	policy.Goodput:       "goodput",
	policy.Quality:       "quality of answers",
	policy.Tokens:        "output tokens",
	policy.Cost:          "cost",
	policy.Throughput:    "throughput",
	policy.CPUPerEvent:   "processor time per event",
	policy.CPUPerRequest: "processor time per request",
}

// measureName is what people call m.
func measureName(m policy.Measure) string {
	if name, known := names[m]; known {
		return name
	}
	return string(m)
}

// nameOf says what a metric is: a band is called a band.
func nameOf(m policy.Metric) string {
	name := measureName(m.Measure)
	band, ok := m.Window()
	switch {
	case ok && band.From >= .5:
		return fmt.Sprintf("%s, P%s-P%s tail", name, rank(band.From), rank(band.To))
	case ok && band.To <= .5:
		return fmt.Sprintf("%s, P%s-P%s head", name, rank(band.From), rank(band.To))
	case ok:
		return fmt.Sprintf("%s, P%s-P%s body", name, rank(band.From), rank(band.To))
	case m.Measure.Latency():
		return name + ", mean ratio of pairs"
	}
	return name
}

// subject is the name at the head of a sentence; a name of two parts is set off
// by a second comma.
func (f *finding) subject() string {
	if strings.Contains(f.out.Name, ",") {
		return "the " + f.out.Name + ","
	}
	return "the " + f.out.Name
}

func rank(q policy.Share) string { return fmt.Sprintf("%.6g", 100*float64(q)) }

// change says how the effect reads: "30.2 % slower".
func (f *finding) change() string {
	x := float64(f.out.Effect)
	switch {
	case math.IsNaN(x):
		return "not measured"
	case f.out.Scale == scaleDifference:
		return fmt.Sprintf("%s points %s", percent(math.Abs(x)), word(x < 0, "lower", "higher"))
	case math.IsInf(x, 1):
		return "infinitely slow"
	}
	more, less := "higher", "lower"
	if f.Measure.Latency() {
		more, less = "slower", "faster"
	}
	return fmt.Sprintf("%s %% %s", percent(math.Abs(x-1)), word(x >= 1, more, less))
}

func word(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// boundsText says what the interval is: two one-sided bounds.
func (c *docket) boundsText(f *finding) string {
	if f.pointed {
		return "a point estimate"
	}
	if math.IsNaN(float64(f.out.Lower)) || math.IsNaN(float64(f.out.Upper)) {
		return "no interval"
	}
	over := word(c.horizon.plan != nil, " over all looks", "")
	return fmt.Sprintf("%.4g %% bounds%s %s and %s", 100*(1-float64(c.policy.Alpha)), over, f.signed(f.out.Lower), f.signed(f.out.Upper))
}

// signed writes a bound as the change that it stands for.
func (f *finding) signed(x Float) string {
	v := float64(x)
	switch {
	case math.IsInf(v, 0):
		return "infinite"
	case f.out.Scale == scaleDifference:
		return fmt.Sprintf("%+.1f points", 100*v)
	}
	return fmt.Sprintf("%+.1f %%", 100*(v-1))
}

func (f *finding) allowed(share policy.Share) string {
	if f.out.Scale == scaleDifference {
		return share.Points()
	}
	return fmt.Sprintf("%.4g %%", 100*float64(share))
}

func (c *docket) sayRollback(f *finding) []string {
	head := fmt.Sprintf("Rolled back: %s is %s (%s), more than the %s allowed.", f.subject(), f.change(), c.boundsText(f), f.allowed(f.Tau))
	if f.limitBroken {
		head = fmt.Sprintf("Rolled back: %s of the candidate is %s, the limit is %s.", f.subject(), f.value(float64(f.out.Value)), f.value(f.Limit.Value))
	}
	var others []string
	for _, other := range c.worse() {
		if other != f {
			others = append(others, other.out.Name+", "+other.change())
		}
	}
	if others == nil {
		return []string{head, "No other gating metric is worse beyond doubt."}
	}
	return []string{head, "Also worse: " + strings.Join(others, "; ") + "."}
}

// value writes a value that an absolute limit is compared with.
func (f *finding) value(x float64) string {
	switch {
	case math.IsInf(x, 1):
		return "infinite (failed)"
	case f.Measure.Points():
		return percent(x) + " %"
	case f.Limit.Duration:
		return fmt.Sprintf("%.4g ms", x/1e6)
	}
	return fmt.Sprintf("%.4g", x)
}

func (c *docket) sayRefusal(r refusal) []string {
	next, ok := nextSteps[r.reason]
	if !ok {
		next = "Nothing was decided: the evidence supports no claim either way."
	}
	return []string{"Held: " + r.text + ".", next}
}

// nextSteps says by reason what to do about a hold.
var nextSteps = map[Reason]string{
	ReasonMachineBusy:    "Nothing was decided: repeat the run when the machine is quieter.",
	ReasonBlind:          "Nothing was promoted: a run that does not see its own plant would not see the same in the candidate.",
	ReasonHallucinates:   "Nothing was decided: what a run sees in two equal arms it may as well see in the candidate.",
	ReasonInvalid:        "Nothing was promoted: mend what is named and record the run again.",
	ReasonFewBlocks:      "Nothing was decided: record more blocks (--blocks of gate and bench, shorter or more blocks of a log).",
	ReasonFewPairs:       "Nothing was decided: record more requests (--requests or --duration of gate and bench, a longer log).",
	ReasonLacks:          "Nothing was promoted: take the metric out of the policy or set gating: false, or record it where it is known.",
	ReasonZero:           "Nothing was promoted: the source's clock is too coarse for this measure; take the metric out of the policy, or record it finer.",
	ReasonResolution:     "Nothing was promoted: count in finer buckets (native histograms), or allow a wider margin.",
	ReasonUnpaired:       "Nothing was decided: see why requests were not sent or not recorded, and repeat the run.",
	ReasonAutocorrelated: "Nothing was decided: make blocks longer than what their noise shares, or record more of them.",
	ReasonFailures:       "Nothing was decided on latencies: mend the failures first.",
	ReasonDifferentWork:  "Nothing was decided on latencies: send both arms the same requests to the same model, or say in the policy's same_work what may differ.",
	ReasonNoControls:     "Nothing was promoted: record the run with controls, or set controls: off in the policy, which the verdict then says.",
	ReasonDeadControl:    "Nothing was promoted: a control that says nothing proves nothing of the run.",
	ReasonDesign:         "Nothing was compared: two arms are compared side by side (gate, bench with two targets, two deployments), and one run alone by absolute limits or firstbyte history.",
	ReasonLoad:           "Nothing was promoted: record more blocks, of which one in five is at natural weight (--blocks), or go without --enrich.",
	ReasonMode:           "Nothing was decided: judge by a mode that this evidence supports (--mode, see firstbyte guard explain).",
}

func (c *docket) sayUndecided(f *finding) []string {
	head := fmt.Sprintf("Held: %s is %s (%s), neither beyond %s nor within %s.", f.subject(), f.change(), c.boundsText(f), f.allowed(f.Tau), f.allowed(f.Margin))
	if f.limitUnmet {
		head = fmt.Sprintf("Held: %s of the candidate is %s, beyond its limit of %s but within what sampling explains.", f.subject(), f.value(float64(f.out.Value)), f.value(f.Limit.Value))
	}
	if c.horizon.look < c.horizon.looks {
		next := nextLook(c.set.Blocks, planned(c.set), c.horizon.looks)
		return []string{head, fmt.Sprintf("The next planned look is after block %d of %d.", next, planned(c.set))}
	}
	if n := c.more(); n > 0 {
		return []string{head, fmt.Sprintf("About %d more requests per arm would decide it four times in five.", n)}
	}
	return []string{head, "How many more requests would decide it is not known."}
}

func (c *docket) sayPromote() []string {
	gating := 0
	var nearest *finding
	for _, f := range c.findings {
		if !f.decides() {
			continue
		}
		gating++
		if nearest == nil || f.room() < nearest.room() {
			nearest = f
		}
	}
	if c.byThreshold() {
		return []string{
			fmt.Sprintf("Promoted by thresholds: the point estimates of all %d gating metrics are within tau.", gating),
			fmt.Sprintf("The nearest to it is the %s: %s, of %s allowed.", nearest.out.Name, nearest.change(), nearest.allowed(nearest.Tau)),
		}
	}
	return []string{
		fmt.Sprintf("Promoted: all %d gating metrics are within their margins.", gating),
		fmt.Sprintf("The nearest to its margin is the %s: %s (%s), of %s allowed.", nearest.out.Name, nearest.change(), c.boundsText(nearest), nearest.allowed(nearest.Margin)),
	}
}

// room is the share of the margin that the interval leaves.
func (f *finding) room() float64 {
	worst := float64(f.out.Upper) - 1
	switch {
	case f.pointed:
		return 1 - f.worsenedBy(float64(f.out.Effect))/math.Max(float64(f.Tau), 1e-9)
	case f.out.Scale == scaleDifference:
		worst = -float64(f.out.Lower)
	case f.HigherIsBetter():
		worst = 1 - float64(f.out.Lower)
	}
	return 1 - worst/float64(f.Margin)
}

func (c *docket) guarantee() string { return c.statistical() + " " + c.controlsText() }

// statistical says what error rate stands behind the decision.
func (c *docket) statistical() string {
	counted, claimed := 0, 0
	if c.byThreshold() {
		return c.thresholdText()
	}
	for _, f := range c.findings {
		if !f.decides() || !f.claims() {
			continue
		}
		claimed++
		if c.counts(f) {
			counted++
		}
	}
	if counted == 0 && claimed > 0 {
		return fmt.Sprintf("So little went wrong that no gating metric could have rolled back on this evidence; a candidate that is worse by its "+
			"whole margin in any of them is promoted in at most %.4g %% of such runs.", 100*float64(c.policy.Alpha))
	}
	if counted == 0 {
		return "None: the evidence supports no statistical claim; only absolute limits were judged."
	}
	if c.watchedEvidence() {
		return c.watchedGuarantee(counted)
	}
	alpha, correction := 100*float64(c.policy.Alpha), "Holm's correction"
	if c.joint {
		correction = "Holm's step-down on the joint sign flips of the blocks,"
	}
	return fmt.Sprintf("A candidate that is within tau in every gating metric is rolled back in at most %.4g %% of such runs "+
		"(%s, %d %s as the unit, %s over %d metrics); one that is worse by its whole margin in any gating metric "+
		"is promoted in at most %.4g %%%s. Absolute limits are each judged at %.4g %%, uncorrected.", alpha, c.looksText(),
		c.set.Blocks, word(c.set.Header.Design == sample.Switchback, "pairs of randomised time blocks", "blocks"), correction, counted, alpha, word(c.horizon.plan != nil, ", both over all looks together", ""), alpha)
}

func (c *docket) looksText() string {
	if c.horizon.plan == nil {
		return "one look"
	}
	return fmt.Sprintf("look %d of %d planned ones, O'Brien-Fleming boundaries", c.horizon.look, c.horizon.looks)
}

func (c *docket) unit() string {
	if strings.Contains(c.set.Header.Tool, "simulation") {
		return "no build at all: the records were simulated, nothing was measured"
	}
	switch {
	case c.set.Header.Design == sample.Split:
		return "this one process, on this workload"
	case c.set.Concurrent: // blocks of time say nothing of what a restart brings
		return fmt.Sprintf("these processes, on this traffic (%d per arm, side by side all the time: they say nothing of the builds)", c.set.Restarts)
	}
	if c.set.Header.Design == sample.Switchback {
		return "this one process, by time blocks that were randomised"
	}
	if c.set.Restarts < leastRestarts {
		return fmt.Sprintf("these two processes (%d per arm: fewer than eight say nothing of the builds)", c.set.Restarts)
	}
	return "the builds, on this machine and workload"
}

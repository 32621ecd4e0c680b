package judge

import (
	"fmt"
	"math"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// Evidence that is watched: e-values instead of p-values, for the mode anytime
// and for splits. The rules of it:
//
//   - A rollback needs, at some look up to now, that every mean of e-values of
//     gating metrics that one of them is in reaches 1/alpha. What once crossed
//     has crossed: evidence is shown at its height.
//   - A promotion needs that of each gating metric by itself the evidence against
//     "worse by the margin" stands at 1/alpha now. What once stood may have been
//     before the candidate grew worse.
//   - Where the sums of neighbouring blocks correlate the smaller evidence counts:
//     that of the blocks, or that of blocks joined two by two. The one is right if
//     they correlated by chance, the other if they do, and the smaller in both
//     cases. Too few blocks to join are no look.

// watchedEvidence tells whether the docket is judged by e-values.
func (c *docket) watchedEvidence() bool {
	return c.policy.Mode == policy.Anytime || c.set.Header.Design == sample.Split
}

// A stream is the evidence of one metric in the order in which it came. The scale
// is that of its worsening: a log-ratio, or a difference in points.
type stream interface {
	// watch returns the evidence after each step that the candidate is worse by
	// more than shift ([stats.Above]) or by less ([stats.Below]).
	watch(shift float64, side stats.Side) []stats.Step
	// estimate returns by how much it seems to be worse.
	estimate() float64
	// merged returns the stream with neighbouring steps joined two by two, a
	// step that is left over left out.
	merged() stream
}

// A watched is what a stream says of a metric.
type watched struct {
	stream stream
	trail  []float64 // log-evidence against "at most tau worse" by look; -Inf where no look counts
	within bool      // the evidence against "worse by the margin" stands
}

// A record is a stream and where it stands among the looks.
type record struct {
	stream stream
	looks  []int // the look of each step, ascending
	blocks bool  // steps are blocks, whose sums must not correlate
	// widen is the measurer's own error on the stream's scale.
	widen float64
}

// evidenceTester tests one metric by e-values.
type evidenceTester struct {
	// open makes the metric's record, or says of f why there is none, and sees to
	// its absolute limit.
	open func(c *docket, f *finding) record
	// show fills in what a report shows beside the evidence.
	show   func(c *docket, f *finding)
	record record
}

func (t *evidenceTester) p(c *docket, f *finding) {
	if t.record = t.open(c, f); c.looks() == 0 && f.out.Standing != Missing {
		f.out.Standing, f.out.Why = Missing, "there is nothing to look at"
	}
	if t.record.stream == nil || f.out.Standing == Missing || f.refused.text != "" {
		return
	}
	f.watched = &watched{stream: t.record.stream}
	shift := f.worsening(f.Tau) + t.record.widen
	f.watched.trail = t.record.evidence(shift, stats.Above, c.looks())
	if math.IsInf(lastOf(f.watched.trail), -1) {
		f.object(refusal{ReasonAutocorrelated, "neighbouring blocks correlate: longer blocks are needed", promotions})
	}
	height := slices.Max(f.watched.trail)
	f.out.LogE, f.out.P = Float(height), Float(stats.AnytimeP(height))
}

// worsening puts a share of the policy on the scale of f's stream.
func (f *finding) worsening(share policy.Share) float64 {
	switch x := float64(share); {
	case f.out.Scale == scaleDifference:
		return x
	case f.HigherIsBetter():
		return -math.Log1p(-x)
	default:
		return math.Log1p(x)
	}
}

// evidence returns the log-evidence at each of the looks that all metrics have
// in common. Before a metric's first step it has none, which is 0.
func (r record) evidence(shift float64, side stats.Side, looks int) []float64 {
	trail, joined := make([]float64, looks), []float64(nil)
	steps := r.stream.watch(shift, side)
	log, correlated, next := 0.0, false, 0
	var sums []float64
	for look := range trail {
		for ; next < len(steps) && r.looks[next] <= look; next++ {
			sums = append(sums, steps[next].Sum)
			log = steps[next].Log
			correlated = r.blocks && correlate(sums)
		}
		if trail[look] = log; math.IsNaN(log) {
			trail[look] = math.Inf(-1)
		}
		if correlated {
			if joined == nil {
				joined = r.merged().evidence(shift, side, looks)
			}
			trail[look] = math.Min(trail[look], joined[look])
			if len(sums) < mergeFrom {
				trail[look] = math.Inf(-1)
			}
		}
	}
	return trail
}

// merged joins neighbouring steps two by two; a joined step is known at the look
// of its second.
func (r record) merged() record {
	m := record{stream: r.stream.merged(), blocks: true}
	for i := 1; i < len(r.looks); i += 2 {
		m.looks = append(m.looks, r.looks[i])
	}
	return m
}

// correlate tells whether neighbouring sums do. What rounding left of a constant
// does not.
func correlate(sums []float64) bool {
	low, high := slices.Min(sums), slices.Max(sums)
	if high-low <= 1e-9*math.Max(math.Abs(low), math.Abs(high)) {
		return false
	}
	return stats.Lag1(sums) > 1.645/math.Sqrt(float64(len(sums)))
}

func lastOf(trail []float64) float64 {
	if len(trail) == 0 {
		return 0
	}
	return trail[len(trail)-1]
}

// looks is at how many points the evidence of all metrics is compared.
func (c *docket) looks() int {
	if c.set.Header.Design == sample.Split {
		return min(len(c.set.Units), splitLooks)
	}
	return max(0, c.set.Blocks)
}

// correctEvidence adjusts the evidence of the gating metrics for their number:
// by closed testing with means at each look, or where the policy weighs metrics
// by their share of alpha. A metric of which nothing is claimed counts with the
// evidence 1, because which ones those are depends on the outcome.
func (c *docket) correctEvidence() {
	var family []*finding
	total, weighed := 0.0, false
	for _, f := range c.findings {
		if f.decides() {
			family, total = append(family, f), total+weightOf(f)
			weighed = weighed || f.Weight > 0
		} else if f.claims() {
			f.out.PHolm = f.out.P
		}
	}
	adjusted := c.closed(family)
	for j, f := range family {
		if !f.claims() {
			continue
		}
		f.out.PHolm = Float(stats.AnytimeP(adjusted[j]))
		if weighed {
			f.out.PHolm = Float(math.Min(1, float64(f.out.P)*total/weightOf(f)))
		}
	}
}

func weightOf(f *finding) float64 {
	if f.Weight > 0 {
		return f.Weight
	}
	return 1
}

// closed returns each metric's highest adjusted log-evidence over the looks.
func (c *docket) closed(family []*finding) []float64 {
	highest, logs := make([]float64, len(family)), make([]float64, len(family))
	for look := range c.looks() {
		for j, f := range family {
			logs[j] = 0
			if f.watched != nil && f.claims() {
				logs[j] = f.watched.trail[look]
			}
		}
		for j, log := range stats.ClosedMeans(logs) {
			highest[j] = math.Max(highest[j], log)
		}
	}
	return highest
}

func (t *evidenceTester) bounds(c *docket, f *finding) {
	if t.show != nil {
		t.show(c, f)
	}
	if f.watched == nil {
		return
	}
	bar := -math.Log(float64(c.policy.Alpha))
	margin := f.worsening(f.Margin) - t.record.widen
	against := lastOf(t.record.evidence(margin, stats.Below, c.looks()))
	f.out.LogEWithin = Float(against)
	f.watched.within = against >= bar
	estimate := t.record.stream.estimate()
	s := search{record: t.record, looks: c.looks(), bar: bar, points: f.out.Scale == scaleDifference}
	lower, upper := s.lower(estimate), s.upper(estimate)
	if float64(f.out.LogE) >= bar {
		lower = math.Max(lower, f.worsening(f.Tau)+t.record.widen)
	}
	if against >= bar {
		upper = math.Min(upper, margin)
	}
	f.tell(estimate, lower-t.record.widen, upper+t.record.widen)
	f.out.Detectable = Float(detectable(estimate-lower, t.record.widen, float64(c.policy.Alpha), s.points))
	f.out.More = moreEvidence(f.out.N, bar, math.Max(float64(f.out.LogE), against))
}

// tell writes a worsening and its bounds as the effect that reports show.
func (f *finding) tell(estimate, lower, upper float64) {
	effect := func(x float64) Float { return Float(math.Exp(x)) }
	if f.out.Scale == scaleDifference {
		effect = func(x float64) Float { return Float(x) }
	}
	if f.HigherIsBetter() {
		estimate, lower, upper = -estimate, -upper, -lower
	}
	f.out.Effect, f.out.Lower, f.out.Upper = effect(estimate), effect(lower), effect(upper)
}

// detectable is the worsening that the evidence would have found four times in
// five, from the width that its lower bound has: the evidence reaches the bar
// on half of the runs when the worsening is that wide.
func detectable(width, widen, alpha float64, points bool) float64 {
	twice := -2 * math.Log(alpha)
	inErrors := math.Sqrt(twice + math.Log1p(twice)) // the width in standard errors, at best
	x := width*(1+stats.QuantileNormal(.2)/inErrors) + widen
	if points {
		return x
	}
	return math.Expm1(x)
}

// moreEvidence returns about how many further requests per arm would carry the
// evidence log to the bar at the rate at which it grew; 0 if it hardly grew.
func moreEvidence(n int, bar, log float64) int {
	const told = .5 // less is noise
	if !(log > told) || log >= bar {
		return 0
	}
	return int(math.Ceil(float64(n)*(bar/log-1)/10)) * 10
}

// A search inverts a record: the shifts that it does not rule out.
type search struct {
	record record
	looks  int
	bar    float64
	points bool
}

// lower returns the worsening up to which all was ruled out at some look.
func (s search) lower(from float64) float64 {
	return s.outward(from, -1, func(x float64) bool { return slices.Max(s.record.evidence(x, stats.Above, s.looks)) >= s.bar })
}

// upper returns the worsening from which on all is ruled out now.
func (s search) upper(from float64) float64 {
	return s.outward(from, 1, func(x float64) bool { return lastOf(s.record.evidence(x, stats.Below, s.looks)) >= s.bar })
}

// outward walks from the estimate in growing steps to the first shift that is
// ruled out, and narrows the last step down.
func (s search) outward(from, direction float64, ruledOut func(float64) bool) float64 {
	const growth = 1.5
	step, most, precision := .01, implausible, 5e-4
	if s.points {
		step, most, precision = .002, .999, 1e-4
	}
	in := math.Min(math.Max(from, -most), most)
	if math.IsNaN(from) {
		return math.Inf(int(direction))
	}
	for {
		out := in + direction*step
		if math.Abs(out) > most {
			return math.Inf(int(direction))
		}
		if ruledOut(out) {
			return narrow(in, out, precision, ruledOut)
		}
		in, step = out, step*growth
	}
}

// implausible is a log-ratio that no two builds have: a factor of a thousand.
const implausible = 3 * math.Ln10

// narrow bisects to the side that is ruled out, so that the bound is no tighter
// than the evidence.
func narrow(in, out, precision float64, ruledOut func(float64) bool) float64 {
	for math.Abs(out-in) > precision {
		if mid := in + (out-in)/2; ruledOut(mid) {
			out = mid
		} else {
			in = mid
		}
	}
	return in
}

// watchedGuarantee is what stands behind a decision by e-values.
func (c *docket) watchedGuarantee(counted int) string {
	alpha := 100 * float64(c.policy.Alpha)
	looks := "However often the evidence is looked at"
	if c.policy.Mode != policy.Anytime {
		looks = "By evidence that holds at one look as it does at any"
	}
	return looks + fmt.Sprintf(": a candidate that is within tau in every gating metric is ever rolled back "+
		"in at most %.4g %% of such runs (e-values, %s as the unit, closed testing over %d metrics); one that is worse by its whole margin "+
		"in any gating metric is ever promoted in at most %.4g %%. Absolute limits are each judged at %.4g %% over all looks, for requests "+
		"that are independent, uncorrected.", alpha, c.watchedUnit(), counted, alpha, alpha)
}

func (c *docket) watchedUnit() string {
	if c.set.Header.Design == sample.Split {
		return fmt.Sprintf("%d randomised units", len(c.set.Units))
	}
	return fmt.Sprintf("%d blocks", c.set.Blocks)
}

// loosen turns what a fixed sample needs at least into what only a promotion
// does: e-values cannot cross too soon.
func (r refusal) loosen() refusal {
	if r.reason == ReasonFewBlocks || r.reason == ReasonFewPairs {
		r.scope = promotions
	}
	return r
}

// object notes the first refusal of its kind: of a promotion alone, or of every
// claim.
func (f *finding) object(r refusal) {
	switch {
	case r.scope != promotions:
		f.refuse(r)
	case f.held.text == "":
		f.held = r
	}
}

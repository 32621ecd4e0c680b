package judge

import (
	"fmt"
	"math"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// splitLooks is at how many points of a split the metrics' evidence is compared:
// every one of some thousand would say no more.
const splitLooks = 200

// everyQuantile is what a mean is asked of in a split, where it has no pairs;
// toPromote are those of them that must be within the margin each.
var (
	everyQuantile = [...]float64{.5, .75, .9, .95, .99}
	toPromote     = [...]int{0, 3}
)

// refusalsOfSplit lists what a split cannot support. The label test is for one
// process that assigned each unit at random: in two processes, each with slow
// spells of its own, it is wrong almost surely.
func (c *docket) refusalsOfSplit() []refusal {
	var out []refusal
	for _, r := range [...]refusal{
		refuseFull(c.set), refuseValidity(c.set.Validity, c.set.Header.Source), refuseStopped(c.set), refuseSplit(c.set), refuseUnassigned(c.set), refuseSplitMode(c.policy.Mode),
		refuseFewUnits(c.policy, c.set.Units), refuseSplitWork(c.policy.SameWork, c.set.Units),
	} {
		if r.text != "" {
			out = append(out, r)
		}
	}
	return out
}

// stages tells the units of a split that can be compared from those that came when
// the candidate had all of the traffic; of a split that was never anything else
// none is set apart. Which units these are was decided before any of their outcomes,
// so leaving them out biases nothing.
func stages(e evidence.Set) (compared, whole []evidence.Unit) {
	if e.Header.Design != sample.Split || full(e) {
		return e.Units, nil
	}
	for _, u := range e.Units {
		if u.Candidate && u.Share == 1 {
			whole = append(whole, u)
		} else {
			compared = append(compared, u)
		}
	}
	return compared, whole
}

func refuseSplitMode(m policy.Mode) refusal {
	if m == "" || m == policy.Fixed || m == policy.Anytime {
		return refusal{}
	}
	return refusal{ReasonMode, fmt.Sprintf("design: a split is judged in the mode anytime, or fixed, which is its claim at one look; not %q", m), allClaims}
}

func refuseSplit(e evidence.Set) refusal {
	no := func(text string) refusal { return refusal{ReasonDesign, "design: " + text, allClaims} }
	if len(e.Units) == 0 {
		return no("a split without units that were assigned at random cannot be judged")
	}
	if e.Restarts > 1 {
		return no(fmt.Sprintf("the arms of a split share one process, these had %d: compare two by paired blocks", e.Restarts))
	}
	if all := e.Mixed + len(e.Units); float64(e.Mixed) > lostShare*float64(all) {
		return no(fmt.Sprintf("%d of %d units had requests of both arms: an assignment is kept for the whole unit", e.Mixed, all))
	}
	if a := e.Header.Arms; len(a) > 1 && a[0].Target != a[1].Target {
		return no("the arms of a split share one process, these have a target each: compare two by paired blocks")
	}
	for i, u := range e.Units {
		switch {
		case len(u.Requests) == 0:
			return no(fmt.Sprintf("unit %d has no request", i))
		case u.Share == 0:
			return no(fmt.Sprintf("unit %d does not say which share the candidate had: the share in force belongs to each request", i))
		case !(u.Share > 0 && u.Share < 1):
			return no(fmt.Sprintf("at unit %d the candidate had a share of %g: with none or all there is nothing to compare", i, u.Share))
		}
	}
	return refuseUneven(e.Units)
}

// unassignedShare is how many requests of a split may end without telling their arm.
const unassignedShare = .001

// refuseUnassigned refuses to promote where too many requests failed before anyone
// could say whose they were: they may all be the candidate's.
func refuseUnassigned(e evidence.Set) refusal {
	n := e.Unassigned
	for _, u := range e.Units {
		n += len(u.Requests)
	}
	if float64(e.Unassigned) <= unassignedShare*float64(n) {
		return refusal{}
	}
	return refusal{ReasonDesign, fmt.Sprintf("design: %d of %d requests ended without telling their arm, at most 0.1 %% may: they may all be the candidate's", e.Unassigned, n), promotions}
}

// refuseUneven refuses an assignment that was not the one that the shares say.
// The evidence against it is an e-process as well, so that it can be looked at as
// often as the rest.
func refuseUneven(units []evidence.Unit) refusal {
	const doubt = 1000
	more, fewer := stats.NewLabel(stats.Above), stats.NewLabel(stats.Below)
	candidate, expected := 0, 0.0
	for _, u := range units {
		expected += u.Share
		for _, l := range [...]*stats.Label{more, fewer} {
			if u.Candidate {
				l.Candidate(u.Share)
			} else {
				l.Baseline(u.Share)
			}
		}
		if u.Candidate {
			candidate++
		}
	}
	if (stats.Average{more, fewer}).Log() < math.Log(doubt) {
		return refusal{}
	}
	return refusal{ReasonDesign, fmt.Sprintf("design: the candidate got %d of %d units, its shares say %.0f: they were not assigned as they say",
		candidate, len(units), expected), allClaims}
}

func refuseFewUnits(p policy.Policy, units []evidence.Unit) refusal {
	n := leastOfArms(units)
	if n >= p.MinPairs {
		return refusal{}
	}
	return refusal{ReasonFewPairs, fmt.Sprintf("%d units in the smaller arm, at least %d are needed", n, p.MinPairs), promotions}
}

func leastOfArms(units []evidence.Unit) int {
	candidate := 0
	for _, u := range units {
		if u.Candidate {
			candidate++
		}
	}
	return min(candidate, len(units)-candidate)
}

// refuseSplitWork holds arms whose answers differ in length by more than chance
// explains: there are no pairs to compare them by.
func refuseSplitWork(p policy.SameWork, units []evidence.Unit) refusal {
	var tokens [2][]float64
	for _, u := range units {
		for _, s := range u.Requests {
			if s.Outcome == sample.OK {
				tokens[side(u)] = append(tokens[side(u)], float64(s.Usage.Output))
			}
		}
	}
	if len(tokens[0]) < 2 || len(tokens[1]) < 2 {
		return refusal{}
	}
	a, b := stats.MeanT(tokens[0]), stats.MeanT(tokens[1])
	const slack = 3 // standard errors
	switch {
	case !(a.Value > 0) || !(b.Value > 0):
		return refusal{ReasonDifferentWork, "output tokens were not counted in both arms, so it is not known whether they did the same work", promotions}
	case math.Abs(b.Value-a.Value) > float64(p.Tokens)*a.Value+slack*math.Hypot(a.SE, b.SE):
		return refusal{ReasonDifferentWork, fmt.Sprintf("the arms did different work: the candidate wrote %s %% of the baseline's output tokens per answer", percent(b.Value/a.Value)), latencies}
	}
	return refusal{}
}

func side(u evidence.Unit) int {
	if u.Candidate {
		return 1
	}
	return 0
}

// splitTester returns how m is tested on the units of a split.
func splitTester(m policy.Metric) tester {
	switch {
	case m.Measure.Latency():
		return &evidenceTester{open: openSplitLatency}
	case m.Measure == policy.Success || m.Measure == policy.Goodput || m.Measure == policy.Quality:
		return &evidenceTester{open: openSplitOutcome}
	}
	return &evidenceTester{open: func(_ *docket, f *finding) record {
		f.refuse(refusal{ReasonDesign, "design: the units of a split are judged by latencies and outcomes, and the process that its arms share by neither", allClaims})
		return record{}
	}}
}

// An event is what one unit brought: seconds, or how bad it went.
type event struct {
	candidate bool
	share     float64
	value     float64
}

// A splitLatency is the label test on the latencies of units.
type splitLatency struct {
	events    []event
	steps     []int // after how many events each step is
	quantiles []float64
	needed    []int // of quantiles, for evidence that the candidate is less slow
}

func (s splitLatency) watch(shift float64, direction stats.Side) []stats.Step {
	split := stats.NewSplit(math.Expm1(shift), s.quantiles...)
	out, next := make([]stats.Step, 0, len(s.steps)), 0
	for _, end := range s.steps {
		for ; next < end; next++ {
			s.feed(split, s.events[next])
		}
		log := split.Worse().Log()
		if direction == stats.Below {
			log = math.Inf(1)
			for _, i := range s.needed {
				log = math.Min(log, split.BetterAt(i).Log())
			}
		}
		out = append(out, stats.Step{Log: log})
	}
	return out
}

func (s splitLatency) feed(split *stats.Split, e event) {
	add := split.Baseline
	if e.candidate {
		add = split.Candidate
	}
	if err := add(e.value, e.share); err != nil {
		panic("judge: latencies were checked before: " + err.Error())
	}
}

// estimate is the log-ratio of the arms' quantiles: of the one that is judged,
// else the mean over all of them.
func (s splitLatency) estimate() float64 {
	a, b := armsOf(s.events)
	slices.Sort(a)
	slices.Sort(b)
	sum := 0.0
	for _, q := range s.quantiles {
		sum += math.Log(stats.Quantile(b, q) / stats.Quantile(a, q))
	}
	return sum / float64(len(s.quantiles))
}

// merged is never asked for: units of one process may correlate as they like.
func (s splitLatency) merged() stream { return s }

func armsOf(events []event) (baseline, candidate []float64) {
	for _, e := range events {
		if e.candidate {
			candidate = append(candidate, e.value)
		} else {
			baseline = append(baseline, e.value)
		}
	}
	return baseline, candidate
}

// openSplitLatency opens the record of one latency: of each unit that of its
// first request, because a session's later ones are no draws of their own.
func openSplitLatency(c *docket, f *finding) record {
	l := &latencyTester{}
	l.limitAnytime(c, f)
	s := splitLatency{quantiles: everyQuantile[:], needed: toPromote[:]}
	f.out.Name = measureName(f.Measure) + ", five quantiles"
	if f.Statistic != policy.Mean {
		s.quantiles, s.needed = []float64{quantileOf(f.Statistic)}, []int{0}
		f.out.Name = fmt.Sprintf("%s, P%g", measureName(f.Measure), 100*s.quantiles[0])
	}
	var at []int // units
	for i, u := range c.set.Units {
		if len(u.Requests) == 0 {
			continue
		}
		ns, ok, none := u.Requests[0].Value(sample.Measure(f.Measure))
		if ok && !none && ns <= 0 {
			f.out.Standing, f.out.Why = Missing, fmt.Sprintf("the evidence is damaged: unit %d took %d ns", i, ns)
			return record{}
		}
		seconds := float64(ns) / 1e9
		if !ok {
			seconds = math.Inf(1)
		}
		if !none {
			s.events, at = append(s.events, event{u.Candidate, u.Share, seconds}), append(at, i)
		}
	}
	r := record{stream: &s}
	s.steps, r.looks = c.steps(at)
	failed := c.countUnits(f, s.events, math.Inf(1))
	if f.out.Standing != Missing && failed >= 1-slices.Max(s.quantiles) {
		c.fewerQuantiles(f, &s, failed)
	}
	c.alarm(f, s)
	return r
}

// fewerQuantiles refuses a quantile that lies among failures: nothing is slower
// than those. Of several that are looked at nothing is lost.
func (c *docket) fewerQuantiles(f *finding, s *splitLatency, failed float64) {
	for _, i := range s.needed {
		if q := s.quantiles[i]; failed >= 1-q {
			f.refuse(refusal{ReasonFailures, fmt.Sprintf("%s %% failed: P%g is infinite", percent(failed), 100*q), latencies})
		}
	}
}

// countUnits fills in how many units f has, says if there are none to compare,
// and returns the share of them with the value bad.
func (c *docket) countUnits(f *finding, events []event, bad float64) float64 {
	a, b := armsOf(events)
	f.out.N = min(len(a), len(b))
	n := 0
	for _, e := range events {
		if e.value == bad {
			n++
		}
	}
	switch share := float64(n) / float64(len(events)); {
	case f.out.N == 0:
		f.out.Standing, f.out.Why = Missing, "an arm has no unit with this measure"
	case share >= 1:
		f.out.Standing, f.out.Why = Missing, "no request of either arm succeeded"
	default:
		f.object(refuseFewOf(c.policy, f.out.N))
		return share
	}
	return 0
}

func refuseFewOf(p policy.Policy, n int) refusal {
	if n >= p.MinPairs {
		return refusal{}
	}
	return refusal{ReasonFewPairs, fmt.Sprintf("%d units of the smaller arm have this measure, at least %d are needed", n, p.MinPairs), promotions}
}

// steps returns after how many events each look is, and which looks those are.
func (c *docket) steps(at []int) (steps, looks []int) {
	events := 0
	for look := range c.looks() {
		end := (look + 1) * len(c.set.Units) / c.looks()
		for events < len(at) && at[events] < end {
			events++
		}
		steps, looks = append(steps, events), append(looks, look)
	}
	return steps, looks
}

// alarm notes what the five quantiles say together: that the candidate is slower
// somewhere.
func (c *docket) alarm(f *finding, s splitLatency) {
	if f.out.Standing == Missing || f.Statistic == policy.Mean || f.refused.text != "" {
		return
	}
	s.quantiles = everyQuantile[:]
	steps := s.watch(f.worsening(f.Tau), stats.Above)
	log := steps[len(steps)-1].Log
	f.note(fmt.Sprintf("alarm over five quantiles: e = %.3g (%s at %.3g)", math.Exp(log),
		word(log >= -math.Log(float64(c.policy.Alpha)), "slower somewhere", "nothing"), 1/float64(c.policy.Alpha)))
}

// A splitOutcome is how bad units went, between 0 and 1.
type splitOutcome struct {
	events []event
	steps  []int
}

func (s splitOutcome) watch(shift float64, direction stats.Side) []stats.Step {
	var label stats.EProcess
	var w stats.Wager
	label = &w
	// Without a margin the label test asks the same and sees rare events sooner.
	coin := stats.NewLabel(direction)
	if shift == 0 && s.whole() {
		label = coin
	}
	out, next := make([]stats.Step, 0, len(s.steps)), 0
	for _, end := range s.steps {
		for ; next < end; next++ {
			e := s.events[next]
			w.Add(stats.SplitGain(e.value, e.candidate, e.share, shift, direction))
			switch {
			case e.value == 0:
			case e.candidate:
				coin.Candidate(e.share)
			default:
				coin.Baseline(e.share)
			}
		}
		out = append(out, stats.Step{Log: label.Log()})
	}
	return out
}

// whole tells whether every unit went well or badly, and none in part.
func (s splitOutcome) whole() bool {
	return !slices.ContainsFunc(s.events, func(e event) bool { return e.value != 0 && e.value != 1 })
}

func (s splitOutcome) estimate() float64 {
	a, b := armsOf(s.events)
	return mean(b) - mean(a)
}

func (s splitOutcome) merged() stream { return s }

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// openSplitOutcome opens the record of failures, of requests outside their
// objectives, or of what answers lack. A session failed if any of its requests
// did.
func openSplitOutcome(c *docket, f *finding) record {
	var s splitOutcome
	var at []int
	for i, u := range c.set.Units {
		bad, ok := c.badness(f.Measure, u)
		if !ok {
			continue
		}
		if !(bad >= 0 && bad <= 1) {
			f.out.Standing, f.out.Why = Missing, "the evidence is damaged: a score is not between 0 and 1"
			return record{}
		}
		s.events, at = append(s.events, event{u.Candidate, u.Share, bad}), append(at, i)
	}
	r := record{stream: &s}
	s.steps, r.looks = c.steps(at)
	c.countUnits(f, s.events, math.NaN())
	c.limitSplit(f, s)
	return r
}

// badness returns how bad u went by m; ok is false where it does not tell.
func (c *docket) badness(m policy.Measure, u evidence.Unit) (bad float64, ok bool) {
	scored := 0
	for _, s := range u.Requests {
		switch {
		case m == policy.Quality && s.Quality != nil:
			bad, scored = bad+1-*s.Quality, scored+1
		case m == policy.Success && s.Outcome != sample.OK, m == policy.Goodput && !meets(c.policy.SLO, s):
			return 1, true
		}
	}
	if m != policy.Quality {
		return 0, len(u.Requests) > 0
	}
	return bad / float64(scored), scored > 0
}

// limitSplit compares the candidate's units with the absolute limit.
func (c *docket) limitSplit(f *finding, s splitOutcome) {
	if f.Limit == nil {
		return
	}
	f.out.Limit, f.limitUnmet = Float(f.Limit.Value), true
	_, candidate := armsOf(s.events)
	for _, u := range c.whole {
		if bad, ok := c.badness(f.Measure, u); ok {
			candidate = append(candidate, bad)
		}
	}
	if len(candidate) == 0 {
		return
	}
	rate := 1 - mean(candidate)
	f.out.Value, f.limitUnmet = Float(rate), !(rate >= f.Limit.Value)
	if !slices.ContainsFunc(candidate, func(bad float64) bool { return bad != 0 && bad != 1 }) {
		good := int(math.Round(rate * float64(len(candidate))))
		_, upper := stats.AnytimeRate(stats.Count{OK: good, N: len(candidate)}, c.anytimeTuning())
		f.limitBroken = f.Gating && upper < f.Limit.Value
	}
}

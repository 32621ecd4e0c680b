package judge

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// A refusal is why no claim is made.
type refusal struct {
	reason Reason
	text   string
	scope  scope
}

// A scope says which claims a refusal forbids.
type scope int

const (
	allClaims  scope = iota // also of the success rate
	latencies               // and of processor time and throughput, not of the success rate
	promotions              // a rollback stands
)

// Bounds of what evidence may lack (pairing.md, "When it must refuse").
const (
	lostShare     = .01  // pairs without a partner
	lostAlpha     = .01  // one arm lost more than the other
	failedShare   = .05  // of the pool: beyond it latencies are not compared
	leastScores   = 6    // blocks with a score other than 0
	mergeFrom     = 16   // blocks, to merge neighbours that correlate
	flipBelow     = 12   // blocks, to take the exact sign-flip p
	leastPaired   = 1000 // pairs, where successive requests correlate
	lagSigmas     = 3
	leastRestarts = 8 // per arm, to speak of builds and not of processes
)

// refusals lists what the run as a whole cannot support, the most telling
// first.
func (c *docket) refusals() []refusal {
	if c.set.Header.Design == sample.Split {
		return c.refusalsOfSplit()
	}
	var out []refusal
	for _, r := range [...]refusal{
		refuseSimulated(c.set), refuseValidity(c.set.Validity, c.set.Header.Source), refuseStopped(c.set), refuseWeights(c.policy, c.set), refuseDesign(c.set), refuseWork(c.work),
		refuseBlocks(c.policy, c.set.Blocks), refusePairs(c.policy, size(c.set)), refuseMode(c.policy, c.set),
		refuseLost(c.set.Pairs, c.set.LostBaseline, c.set.LostCandidate),
	} {
		if c.watchedEvidence() {
			r = r.loosen()
		}
		if r.text != "" {
			out = append(out, r)
		}
	}
	return out
}

// refuseMetric says what the source or the schedule of a run does not let it say of
// m.
func (c *docket) refuseMetric(m policy.Metric) refusal {
	switch {
	case slices.Contains(c.set.Header.Lacks, sample.Measure(m.Measure)):
		return refusal{ReasonLacks, fmt.Sprintf("the source (%s) does not tell it", cmp.Or(c.set.Header.Source, "unknown")), allClaims}
	case m.Measure == policy.Throughput && c.set.Header.Schedule.Kind != closedLoop:
		return refusal{ReasonDesign, "only a closed loop has a throughput of its own: in an open loop it is the schedule's" + achieved(c.set), latencies}
	}
	return refusal{}
}

// closedLoop is the kind of schedule in which workers start a request when the
// one before has ended.
const closedLoop = "closed"

// achieved tells how many of the intended starts per second each arm was given.
func achieved(e evidence.Set) string {
	var hz [2][2]float64 // by arm: achieved, intended
	for _, pair := range e.Slots {
		for arm, slot := range [...]*sample.Slot{pair.Baseline, pair.Candidate} {
			if slot != nil && slot.IntendedHz > 0 && slot.AchievedHz > 0 {
				hz[arm][0], hz[arm][1] = hz[arm][0]+slot.AchievedHz, hz[arm][1]+slot.IntendedHz
			}
		}
	}
	if hz[0][1] == 0 || hz[1][1] == 0 {
		return ""
	}
	return fmt.Sprintf(" (achieved of offered: %s %% by the baseline, %s %% by the candidate)", percent(hz[0][0]/hz[0][1]), percent(hz[1][0]/hz[1][1]))
}

// full tells that the candidate has all of the traffic, so that no baseline is
// left to compare it with.
func full(e evidence.Set) bool {
	whole := func(u evidence.Unit) bool { return u.Candidate && u.Share == 1 }
	if e.Header.Design != sample.Split || len(e.Units) == 0 || evidence.Sum(e.Outcomes.Baseline).Attempts > 0 {
		return false
	}
	return !slices.ContainsFunc(e.Units, func(u evidence.Unit) bool { return !whole(u) })
}

func refuseFull(e evidence.Set) refusal {
	if !full(e) {
		return refusal{}
	}
	return refusal{ReasonDesign, "the candidate has all of the traffic, so nothing is left to compare it with: only absolute limits are judged, " +
		"and none is broken; the step to 100 % is judged at the stage before", allClaims}
}

// refusalFor returns the first refusal that forbids claims of m.
func (c *docket) refusalFor(m policy.Metric) refusal {
	for _, r := range c.refused {
		if r.reason == ReasonDifferentWork && ofWork(m.Measure) {
			continue
		}
		if r.scope == allClaims || r.scope == latencies && m.Measure != policy.Success {
			return r
		}
	}
	return refusal{}
}

// ofWork tells whether m is a measure of what was done: to refuse it because the
// arms did different work would keep it from saying so.
func ofWork(m policy.Measure) bool {
	return m == policy.Quality || m == policy.Tokens || m == policy.Cost
}

// refuseValidity holds what was measured badly. A log that others recorded in
// production was never calibrated and cannot be: its own warnings say that how
// wrong its numbers may be is not known. A run that bench made gets no such leave.
func refuseValidity(v sample.Validity, source string) refusal {
	switch grade(v) {
	case sample.Unknown:
		if source != "" {
			return refusal{}
		}
	case sample.Valid:
		return refusal{}
	case sample.Degraded:
		if len(v.Error) > 0 {
			return refusal{}
		}
		return refusal{ReasonInvalid, "the measurement is degraded and its error is not known: calibrate first", latencies}
	}
	broken := slices.DeleteFunc(slices.Clone(v.Signals), func(s sample.Signal) bool { return s.Grade != sample.Invalid })
	if len(broken) == 0 {
		return refusal{ReasonInvalid, "the run does not say that its measurement is valid", latencies}
	}
	// A busy machine comes first: it brings most of the other signals about.
	if i := slices.IndexFunc(broken, func(s sample.Signal) bool { return s.Busy }); i >= 0 {
		return refusal{ReasonMachineBusy, "the machine was too busy to measure: " + outOfBounds(broken[i]), latencies}
	}
	return refusal{ReasonInvalid, "the measurement is invalid: " + outOfBounds(broken[0]), latencies}
}

func outOfBounds(s sample.Signal) string {
	return fmt.Sprintf("%s is %.4g %s, allowed is %.4g", s.Name, s.Value, s.Unit, s.Degraded)
}

// grade is the worse of what a run says of itself and of what its signals say.
func grade(v sample.Validity) sample.Grade {
	worst := v.Grade
	for _, s := range v.Signals {
		if s.Grade == sample.Invalid || s.Grade == sample.Degraded && (worst == sample.Valid || worst == sample.Unknown) {
			worst = s.Grade
		}
	}
	return worst
}

// refuseSimulated holds records that were made up: the scripts before this tool made
// some where there were no real ones, and took them for real. The simulator judges
// its own without a file.
func refuseSimulated(e evidence.Set) refusal {
	if !e.Simulated {
		return refusal{}
	}
	return refusal{ReasonInvalid, "the records were simulated, nothing was measured", promotions}
}

func refuseStopped(e evidence.Set) refusal {
	if e.Stopped == "" {
		return refusal{}
	}
	return refusal{ReasonInvalid, "the run ended before its plan did: " + e.Stopped, promotions}
}

func refuseWork(w SameWork) refusal {
	if w.Same {
		return refusal{}
	}
	return refusal{ReasonDifferentWork, "the arms did different work: " + w.Detail, latencies}
}

func refuseDesign(e evidence.Set) refusal {
	no := func(text string) refusal { return refusal{ReasonDesign, text, allClaims} }
	switch d := e.Header.Design; d {
	case sample.Interleaved, sample.Switchback:
	case sample.Single:
		return no("design: one run per side supports absolute limits only")
	default:
		return no(fmt.Sprintf("design: %q cannot be judged by pairs", d))
	}
	if e.Concurrent {
		return refusal{}
	}
	if e.Restarts > 1 && e.Restarts < e.Blocks {
		return no(fmt.Sprintf("design: %d restarts for %d blocks, a block must not be shorter than a restart", e.Restarts, e.Blocks))
	}
	if e.Blocks > 1 && (e.BaselineFirst <= 0 || e.BaselineFirst >= e.Blocks) {
		return no("design: the same arm went first in every block, the order must be random")
	}
	return refusal{}
}

func refuseBlocks(p policy.Policy, blocks int) refusal {
	if blocks >= p.MinBlocks {
		return refusal{}
	}
	return refusal{ReasonFewBlocks, fmt.Sprintf("%d blocks, at least %d are needed", blocks, p.MinBlocks), allClaims}
}

func refusePairs(p policy.Policy, pairs int) refusal {
	if pairs >= p.MinPairs {
		return refusal{}
	}
	return refusal{ReasonFewPairs, fmt.Sprintf("%d pairs of requests, at least %d are needed", pairs, p.MinPairs), allClaims}
}

// refuseLag refuses few pairs of arms whose noise outlasts a request: short blocks
// then share it with their neighbours, which the sums of some twenty blocks hardly
// show (the correlation of blocks found half of such runs, and held one sound run
// in fifty), but the pairs do. Where every block began with fresh processes nothing
// of them outlasts it: within a block requests correlate under any load that
// queues, and the block is what is counted.
func (c *docket) refuseLag(s stats.Sample) refusal {
	n := len(s.Block)
	if n >= leastPaired || c.set.Restarts >= c.set.Blocks {
		return refusal{}
	}
	if r := stats.PairLag(s); r > lagSigmas/math.Sqrt(float64(n)) {
		return refusal{ReasonAutocorrelated, fmt.Sprintf("successive requests of an arm correlate (%.2f): at least %d pairs are needed", r, leastPaired), latencies}
	}
	return refusal{}
}

// refuseLost refuses pairs that lost their partners: too many, or more of one
// arm than chance explains. Failures are no losses.
func refuseLost(pairs, baseline, candidate int) refusal {
	lost := baseline + candidate
	switch {
	case float64(lost) > lostShare*float64(pairs+lost):
		return refusal{ReasonUnpaired, fmt.Sprintf("%d of %d pairs lack a half (%d of the baseline's, %d of the candidate's), at most 1 %% may",
			lost, pairs+lost, baseline, candidate), latencies}
	case stats.FairCoin(baseline, lost) < lostAlpha:
		return refusal{ReasonUnpaired, fmt.Sprintf("one arm lost more requests than the other: %d and %d", baseline, candidate), latencies}
	}
	return refusal{}
}

func percent(share float64) string { return fmt.Sprintf("%.1f", 100*share) }

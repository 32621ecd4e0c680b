package fakegemini

import (
	"math"
	"slices"
	"time"
)

// A Fault is what goes wrong with an answer; NoFault is the zero value.
type Fault int

// The faults of a scenario, and the one that an injury adds.
const (
	NoFault Fault = iota
	FaultCapacity
	FaultCapacityRetryInfo
	Fault500
	Fault503
	FaultStall
	FaultCut
	FaultDaily
	FaultExpired
	FaultErrorArray
	FaultResetBefore
	FaultResetMid
	FaultMalformed
	FaultErrorEvent
	FaultEmpty
	FaultNoFinish
	FaultDoubleUsage
	FaultGoaway
	FaultGoawayDrop
	FaultKill
	FaultInjured500
)

var faultNames = [...]string{
	"none", "capacity_429", "capacity_429_retry_info", "error_500", "error_503", "stall", "cut",
	"daily_429", "expired_401", "error_array", "reset_before", "reset_mid", "malformed", "error_event", "empty",
	"no_finish", "double_usage", "goaway", "goaway_drop", "kill", "injured_500",
}

// String returns the fault's key in a scenario.
func (f Fault) String() string { return faultNames[f] }

type faultShare struct {
	fault Fault
	p     float64
}

// shares lists the faults in the fixed order in which one uniform number is
// dealt among them.
func (f Faults) shares() []faultShare {
	return []faultShare{
		{FaultCapacity, f.Capacity429},
		{FaultCapacityRetryInfo, f.Capacity429RetryInfo},
		{Fault500, f.Error500},
		{Fault503, f.Error503},
		{FaultStall, f.Stall},
		{FaultCut, f.Cut},
		{FaultDaily, f.Daily429},
		{FaultExpired, f.Expired401},
		{FaultErrorArray, f.ErrorArray},
		{FaultResetBefore, f.ResetBefore},
		{FaultResetMid, f.ResetMid},
		{FaultMalformed, f.Malformed},
		{FaultErrorEvent, f.ErrorEvent},
		{FaultEmpty, f.Empty},
		{FaultNoFinish, f.NoFinish},
		{FaultDoubleUsage, f.DoubleUsage},
		{FaultGoaway, f.Goaway},
		{FaultGoawayDrop, f.GoawayDrop},
		{FaultKill, f.Kill},
	}
}

// whole reports whether an answer with the fault is written to its end.
func (f Fault) whole() bool {
	return slices.Contains([]Fault{NoFault, FaultNoFinish, FaultDoubleUsage, FaultGoaway}, f)
}

func (f Faults) pick(u float64) Fault {
	for _, share := range f.shares() {
		if u < share.p {
			return share.fault
		}
		u -= share.p
	}
	return NoFault
}

// A key is all that may choose what a request gets, beside the seed.
type key struct {
	item    string
	occ     int
	attempt int // repeats of one request; moves nothing but the scenario's fault
}

// A plan is what one request gets.
type plan struct {
	first      time.Duration // arrival to first chunk
	gaps       []time.Duration
	fault      Fault
	faultAfter int  // chunks written before a stall or cut
	cutByReset bool // a cut resets instead of ending the body
	garbled    bool // the text is
}

// slowestTenth is the standard normal quantile at 0.9.
const slowestTenth = 1.2815515655446004

// planOf is the whole of what the upstream decides about an answer of so many
// chunks: a pure function. A longer answer has the same gaps and more.
func planOf(s *Scenario, seed uint64, k key, chunks int, injuries ...Injury) plan {
	z := firstNormal(s, seed, k)
	p := plan{
		first: lognormal(s.FirstChunk.Median, s.FirstChunk.Sigma*z),
		gaps:  gapsOf(s, seed, k, max(chunks-1, 0)),
		fault: s.Faults.pick(newDraws(seed, "fault", k.item, k.occ, k.attempt).uniform()),
	}
	p.locateFault(s.Faults, newDraws(seed, "fault place", k.item, k.occ, k.attempt).uniform())
	u := newDraws(seed, "injury", k.item, k.occ).uniform()
	for _, injury := range injuries {
		p.injure(injury, z, u)
	}
	return p
}

// locateFault says after how many chunks an answer breaks off; u in (0, 1) draws it
// for the faults whose place the scenario leaves open, behind the first chunk.
func (p *plan) locateFault(f Faults, u float64) {
	switch p.fault {
	case FaultStall:
		p.faultAfter = f.StallAfter
	case FaultCut:
		p.faultAfter, p.cutByReset = f.CutAfter, f.CutHow != "end"
	case FaultResetMid, FaultMalformed, FaultErrorEvent, FaultGoawayDrop, FaultKill:
		p.faultAfter = 1 + int(u*float64(len(p.gaps)))
	}
	// The last chunk holds the finishReason and never comes with a fault.
	p.faultAfter = min(p.faultAfter, len(p.gaps))
}

// injure applies an injury: z is the normal draw of the time to first chunk, u
// the uniform number that chooses the injured requests.
func (p *plan) injure(injury Injury, z, u float64) {
	switch injury.Kind {
	case InjureTTFT:
		p.first = scale(p.first, injury.factor())
	case InjureTail:
		if z > slowestTenth {
			p.first = scale(p.first, injury.factor())
		}
	case InjureGap:
		for i, gap := range p.gaps {
			p.gaps[i] = scale(gap, injury.factor())
		}
	case InjureError:
		if u < injury.Percent/100 {
			p.fault, p.faultAfter, p.cutByReset = FaultInjured500, 0, false
		}
	case InjureQuality: // from the other end: errors take no answer from it
		p.garbled = p.garbled || u >= 1-injury.Percent/100
	case InjureStall:
		p.fault, p.faultAfter, p.cutByReset = FaultStall, 0, false
	}
}

// firstNormal mixes the item's own number and the occurrence's so that the sum
// is standard normal and the item has its share of the variance.
func firstNormal(s *Scenario, seed uint64, k key) float64 {
	share := s.FirstChunk.BetweenItems
	item := newDraws(seed, "first item", k.item).normal()
	occurrence := newDraws(seed, "first occurrence", k.item, k.occ).normal()
	return math.Sqrt(share)*item + math.Sqrt(1-share)*occurrence
}

// gapsOf draws a stationary AR(1) series of log gaps.
func gapsOf(s *Scenario, seed uint64, k key, n int) []time.Duration {
	d := newDraws(seed, "gap", k.item, k.occ)
	gaps := make([]time.Duration, n)
	z := d.normal()
	fresh := math.Sqrt(1 - s.Gap.AR1*s.Gap.AR1)
	for i := range gaps {
		gaps[i] = lognormal(s.Gap.Median, s.Gap.Sigma*z)
		z = s.Gap.AR1*z + fresh*d.normal()
	}
	return gaps
}

func lognormal(median time.Duration, logOffset float64) time.Duration {
	return scale(median, math.Exp(logOffset))
}

func scale(d time.Duration, factor float64) time.Duration {
	return time.Duration(math.Round(float64(d) * factor))
}

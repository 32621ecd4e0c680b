package judge

import (
	"fmt"

	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

func looksOf(p policy.Policy) int {
	if p.Looks > 0 {
		return p.Looks
	}
	return policy.DefaultLooks
}

// LookAt tells which planned look of p, counted from 1, is due when done of
// planned blocks are measured; ok is false where none is. Looks are equally
// spaced: look k of K comes after ceil(k planned / K) blocks. Where a plan has
// fewer blocks than looks the last look of a block counts.
func LookAt(p policy.Policy, planned, done int) (look int, ok bool) {
	if p.Mode != policy.GroupSequential {
		return 0, false
	}
	for k := looksOf(p); k > 0; k-- {
		if after(k, planned, looksOf(p)) == done {
			return k, done > 0
		}
	}
	return 0, false
}

// after returns after how many of the planned blocks look k of looks comes.
func after(k, planned, looks int) int { return (k*planned + looks - 1) / looks }

// Decides tells whether a run may end here: the evidence so far stands at a
// planned look of p and promotes or rolls back. A gate asks it after each block
// for which [LookAt] is ok, with evidence whose validity speaks of what was
// measured so far, and notes the look in the run's trailer when it ends the run
// for it. In other modes no run ends early.
func Decides(p policy.Policy, soFar evidence.Set) (Decision, bool) {
	if _, ok := LookAt(p, planned(soFar), soFar.Blocks); !ok {
		return "", false
	}
	v := Judge(p, soFar)
	return v.Decision, v.Decision == Promote || v.Decision == Rollback
}

// planned returns how many blocks the run was to have; 0 if it does not say, or
// says what no run has.
func planned(e evidence.Set) int {
	blocks := e.Planned
	if blocks <= 0 {
		blocks = e.Header.Blocks
	}
	if blocks < 0 || blocks > 1e6 {
		return 0
	}
	return blocks
}

// A horizon is how often the evidence is looked at, and what that costs. The
// zero value is one look.
type horizon struct {
	plan        *stats.Plan
	look, looks int     // look is the last one passed, at least 1
	tail        float64 // the level of one-sided bounds at this look
	last        float64 // that of the last look
}

func horizonOf(p policy.Policy, e evidence.Set) horizon {
	alpha := float64(p.Alpha)
	if p.Mode != policy.GroupSequential || !(alpha > 0 && alpha < 1) || looksOf(p) > policy.MostLooks {
		return horizon{tail: alpha, last: alpha}
	}
	h := horizon{looks: looksOf(p), look: 1}
	blocks := planned(e)
	times := stats.EqualLooks(h.looks)
	for k := 1; k <= h.looks && blocks >= h.looks; k++ { // the shares as they are in whole blocks
		times[k-1] = float64(after(k, blocks, h.looks)) / float64(blocks)
		if after(k, blocks, h.looks) <= e.Blocks {
			h.look = k
		}
	}
	h.plan = stats.NewPlan(times)
	h.tail, h.last = h.plan.Tail(alpha, h.look), h.plan.Tail(alpha, h.looks)
	return h
}

// repeated returns what the p-value of one look is worth over all of them.
func (h horizon) repeated(p float64) float64 {
	if h.plan == nil {
		return p
	}
	return h.plan.Repeated(p, h.look)
}

// refuseMode refuses modes that are not built, because to judge in another one
// would claim what was not asked for, and evidence that was not collected as the
// mode has it.
func refuseMode(p policy.Policy, e evidence.Set) refusal {
	no := func(format string, args ...any) refusal {
		return refusal{ReasonMode, fmt.Sprintf(format, args...), allClaims}
	}
	switch p.Mode {
	case "", policy.Fixed:
		if e.Look > 0 {
			return no("the run was ended at a look: judge it in the mode group-sequential (--mode group-sequential)")
		}
		return refusal{}
	case policy.Anytime: // it may have been ended whenever, by whatever was seen
		return refusal{}
	case policy.Threshold:
		return refusal{}
	case policy.GroupSequential:
	default:
		return no("mode %q is not supported", p.Mode)
	}
	blocks, looks := planned(e), looksOf(p)
	look, ok := LookAt(p, blocks, e.Blocks)
	switch {
	case blocks <= 0:
		return no("the run does not say how many blocks it was to have, so no look is a planned one")
	case looks > policy.MostLooks:
		return no("%d looks: at most %d are possible", looks, policy.MostLooks)
	case blocks < looks:
		return no("%d blocks were planned for %d looks: a look needs a block of its own", blocks, looks)
	case e.Blocks > blocks:
		return no("the run has %d blocks and was planned with %d", e.Blocks, blocks)
	case !ok:
		return no("block %d is no planned look, the next is after block %d of %d", e.Blocks, nextLook(e.Blocks, blocks, looks), blocks)
	case e.Look > 0 && e.Look != look:
		return no("the run was ended at look %d of other looks than the policy's: block %d is its look %d", e.Look, e.Blocks, look)
	}
	return refusal{}
}

func nextLook(done, planned, looks int) int {
	k := 1
	for after(k, planned, looks) <= done {
		k++
	}
	return after(k, planned, looks)
}

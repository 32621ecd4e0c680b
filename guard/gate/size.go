package gate

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// Size says how much a gate measures.
type Size struct {
	Blocks    int
	Requests  int           // per side; used when Duration is 0
	Duration  time.Duration // of the load as a whole
	PerSecond float64       // starts per second
	Workers   int           // of a closed loop, in place of a rate; 0: an open one
	Controls  Choice
}

// A Choice says whether a gate has controls; "" means [Auto].
type Choice string

// The choices. Auto is on where the controls can tell something in the time
// there is.
const (
	Auto Choice = "auto"
	On   Choice = "on"
	Off  Choice = "off"
)

// A Turn is how many measured requests an arm gets in one block.
type Turn struct {
	Side    int    // the baseline or the candidate
	Control int    // the twin or the plant; 0: the gate has none
	Why     string // why it has none
}

// turnover is what a slot takes beside its measured starts: starting, warming
// up, draining and stopping a proxy (measured on two cores, rounded up).
const turnover = 450 * time.Millisecond

// controlPart is which part of a side's requests a control gets: enough for it
// to be sure of a delay much larger than what is in doubt.
const controlPart = 4

// Turn shares out the requests. A control gets a fourth of what a side gets, and
// no less than p's least number of pairs needs; where time is not counted, that
// number after half of the blocks, so that an early look finds its controls ready.
func (s Size) Turn(p policy.Policy) (Turn, error) {
	side, err := s.alone()
	if err != nil {
		return Turn{}, err
	}
	switch s.Controls {
	case Off:
		return Turn{Side: side, Why: "not asked for"}, nil
	case "", Auto, On:
	default:
		return Turn{}, fmt.Errorf("--controls %s: write auto, on or off", s.Controls)
	}
	with, why := s.beside(side, p)
	switch {
	case why == "":
		return Turn{Side: with, Control: s.control(with, p)}, nil
	case s.Controls == On:
		return Turn{}, fmt.Errorf("--controls on: %s", why)
	}
	return Turn{Side: side, Why: why}, nil
}

// alone is a side's turn without controls.
func (s Size) alone() (int, error) {
	switch {
	case s.Blocks < 1 || s.Workers == 0 && s.PerSecond <= 0:
		return 0, errors.New("--blocks and --rate must be above 0")
	case s.Workers < 0:
		return 0, errors.New("--workers must not be negative")
	case s.Workers > 0 && s.Duration != 0:
		return 0, errors.New("--duration: a closed loop takes as long as its answers: say how many with --requests")
	}
	if s.Duration == 0 {
		if s.Requests < s.Blocks {
			return 0, fmt.Errorf("--requests %d is less than one for each of %d blocks", s.Requests, s.Blocks)
		}
		return ceil(s.Requests, s.Blocks), nil
	}
	slot := s.Duration/time.Duration(2*s.Blocks) - turnover
	n := int(slot.Seconds() * s.PerSecond)
	if n < 1 {
		return 0, fmt.Errorf("--duration %v is too short for %d blocks: give at least %v",
			s.Duration, s.Blocks, time.Duration(2*s.Blocks)*(turnover+100*time.Millisecond))
	}
	return n, nil
}

// beside is a side's turn with controls beside it, or why there can be none.
func (s Size) beside(side int, p policy.Policy) (with int, why string) {
	least := ceil(p.MinPairs, s.Blocks)
	switch {
	case Planted(p) == 0:
		return 0, "the policy gates on no latency that a delay of the upstream shows in, and that is what a plant is"
	case s.Duration == 0 && side < least:
		return 0, fmt.Sprintf("each control needs %d pairs, and %d blocks of %d requests have %d", p.MinPairs, s.Blocks, side, s.Blocks*side)
	case s.Duration == 0:
		return side, ""
	}
	for with = side; with >= least; with-- {
		if s.takes(with, s.control(with, p)) <= s.Duration {
			return with, ""
		}
	}
	return 0, fmt.Sprintf("each control needs %d pairs, which takes %v in all, and the gate may take %v",
		p.MinPairs, s.takes(least, least).Round(time.Second), s.Duration)
}

// control is a control's turn where a side gets so many.
func (s Size) control(side int, p policy.Policy) int {
	least := ceil(p.MinPairs, s.Blocks)
	if s.Duration == 0 {
		least = ceil(2*p.MinPairs, s.Blocks)
	}
	return min(side, max(side/controlPart, least))
}

// takes is how long the load lasts.
func (s Size) takes(side, control int) time.Duration {
	starts := time.Duration(float64(2*(side+control)) / s.PerSecond * float64(time.Second))
	return time.Duration(s.Blocks) * (starts + 4*turnover)
}

func ceil(a, b int) int { return (a + b - 1) / b }

// beyond is how far above a policy's largest tau its plant lies.
const beyond = .05

// Planted is by how much the path of a plant is slowed, as a share: by more than
// any gating latency may be worse, so that each of them has to see it. It is 0
// where no latency gates that the delay shows in.
func Planted(p policy.Policy) float64 {
	tau, any := policy.Share(0), false
	for _, m := range p.Metrics {
		if m.Gating && !m.DryRun && judge.PlantShows(m.Measure) {
			tau, any = max(tau, m.Tau), true
		}
	}
	if !any {
		return 0
	}
	return math.Round(1e6*(float64(tau)+beyond)) / 1e6
}

package gate

import (
	"errors"
	"fmt"
	"time"
)

// Size says how much a gate measures.
type Size struct {
	Blocks    int
	Requests  int           // per arm; used when Duration is 0
	Duration  time.Duration // of the load as a whole
	PerSecond float64       // starts per second
}

// turnover is what a slot takes beside its measured starts: starting, warming
// up, draining and stopping a proxy (measured on two cores, rounded up).
const turnover = 450 * time.Millisecond

// PerSlot returns how many measured requests one arm gets in one block.
func PerSlot(s Size) (int, error) {
	if s.Blocks < 1 || s.PerSecond <= 0 {
		return 0, errors.New("--blocks and --rate must be above 0")
	}
	if s.Duration == 0 {
		if s.Requests < s.Blocks {
			return 0, fmt.Errorf("--requests %d is less than one for each of %d blocks", s.Requests, s.Blocks)
		}
		return (s.Requests + s.Blocks - 1) / s.Blocks, nil
	}
	slot := s.Duration/time.Duration(2*s.Blocks) - turnover
	n := int(slot.Seconds() * s.PerSecond)
	if n < 1 {
		return 0, fmt.Errorf("--duration %v is too short for %d blocks: give at least %v",
			s.Duration, s.Blocks, time.Duration(2*s.Blocks)*(turnover+100*time.Millisecond))
	}
	return n, nil
}

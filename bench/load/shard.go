package load

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/clock"
)

// A Shard is the part of a plan that this process sends, while others send the
// rest. The plan is that of the whole run, of which the shard takes every Of-th
// request of a turn from the Index-th on, and of the warm-up before it. Every
// warm-up and every turn has its planned instant, the same for all shards, counted
// from Start: what keeps the turns of several machines together is the plan and
// their clocks alone. The zero value is a whole run that begins at once.
type Shard struct {
	Index, Of int       // Of 0 means 1
	Start     time.Time // by the wall clock; zero: at once, for a whole run alone
	// Gap is how long the last answers of a warm-up or a turn have before the
	// next begins. Who is not ready then starts late, and the run's health says so.
	Gap time.Duration
	// Clock is what is known of this machine's wall clock, for the header.
	Clock sample.Offset
}

// ErrStartPassed says that a run was to begin before it could.
var ErrStartPassed = errors.New("the start has passed")

// lead is how long before Start the epoch of such a run lies, so that no instant
// of it is zero.
const lead = int64(time.Second)

func (s Shard) validate(c *Config) error {
	var errs []error
	must := func(ok bool, problem string) {
		if !ok {
			errs = append(errs, errors.New("load: "+problem))
		}
	}
	of := max(1, s.Of)
	must(s.Index >= 0 && s.Index < of, fmt.Sprintf("shard %d of %d: count from 0 to %d", s.Index, of, of-1))
	must(of == 1 || !s.Start.IsZero(), "shards need a common start")
	must(s.Gap >= 0, "the gap between turns is negative")
	if s.Start.IsZero() {
		return errors.Join(errs...)
	}
	must(c.Schedule.Kind != schedule.Closed, "a closed loop has no planned starts that shards could share")
	if c.About != nil && len(c.About) != len(c.Arms) {
		return errors.Join(errs...) // which is another problem's
	}
	for arm := range c.Arms {
		n := c.perSlot(arm)
		must(n >= of, fmt.Sprintf("%d shards share turns of %d requests: each shard needs at least one", of, n))
	}
	return errors.Join(errs...)
}

// fits makes sure that every block has a request for every shard.
func (s Shard) fits(p *plan) error {
	for i, b := range p.blocks {
		if len(b.picks) < s.Of {
			return fmt.Errorf("load: %d shards share the %d requests of block %d: each shard needs at least one", s.Of, len(b.picks), i+1)
		}
	}
	return nil
}

// share is how many of n requests the shard sends.
func (s Shard) share(n int) int {
	if s.Of <= 1 {
		return n
	}
	return (n - s.Index + s.Of - 1) / s.Of
}

// part keeps of a turn what the shard sends.
func (s Shard) part(list []*request, offsets []int64) ([]*request, []int64) {
	if s.Of <= 1 {
		return list, offsets
	}
	var mine []*request
	var starts []int64
	for i := s.Index; i < len(list); i += s.Of {
		mine, starts = append(mine, list[i]), append(starts, offsets[i])
	}
	return mine, starts
}

// salt is what the nonces of all shards are made of: it is the same for all of
// them, and another for a run that begins at another time.
func (s Shard) salt(seed uint64) uint64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "firstbyte shards %d %d", seed, s.Start.UnixNano()))
	return binary.LittleEndian.Uint64(sum[:])
}

// told is what the header says of the shard; nil for a run that began at once.
func (s Shard) told() *sample.Shard {
	if s.Start.IsZero() {
		return nil
	}
	known := s.Clock
	if known == (sample.Offset{}) {
		known.Unknown = "it was not asked for"
	}
	return &sample.Shard{Index: s.Index, Of: max(1, s.Of), StartAt: s.Start.UTC().Format(time.RFC3339Nano), Clock: known}
}

// describeStart puts the shard and the common epoch into the header. A whole run
// that waits for its start is no part of anything.
func (s Shard) describeStart(h *sample.Header) {
	told := s.told()
	if told == nil {
		return
	}
	h.StartedAt = s.Start.Add(-time.Duration(lead)).UTC().Format(time.RFC3339Nano)
	if told.Of > 1 {
		h.Shard = told
	} else {
		h.Shards = []sample.Shard{*told}
	}
}

// await waits until shortly before the start and sets the epoch by it: late, so
// that what the clock was corrected by meanwhile counts. A run without a start
// begins at once.
func (r *runner) await(ctx context.Context) {
	start := r.cfg.Shard.Start
	if start.IsZero() {
		return
	}
	timer, err := clock.NewTimer()
	if err != nil {
		r.warn(err)
	} else {
		defer timer.Close()
		for rest := time.Until(start) - settleStart; rest > 0; rest = time.Until(start) - settleStart {
			if timer.Until(ctx, clock.Now()+int64(min(rest, time.Second))) != nil {
				break // the turns see that the run has ended
			}
		}
	}
	r.appointed = clock.Now() + int64(time.Until(start))
	r.epoch = r.appointed - lead
	r.result.Header.EpochNS = r.epoch
}

// settleStart is how long before the start a run stops waiting and gets ready.
const settleStart = 200 * time.Millisecond

// appoint returns when the warm-up and the measured requests of the next turn
// begin, for all shards alike, and moves on to the turn after it. 0 means at once.
func (r *runner) appoint(b *block) (warm, load int64) {
	if r.appointed == 0 {
		return 0, 0
	}
	next := func(offsets []int64) (at int64) {
		at = r.appointed
		if len(offsets) > 0 {
			r.appointed += offsets[len(offsets)-1] + int64(r.cfg.Shard.Gap)
		}
		return at
	}
	warm = next(b.warmOffsets)
	return warm, next(b.offsets)
}

// noteStep notes by how much the wall clock moved against the monotonic one since
// the epoch was set by it.
func (r *runner) noteStep() {
	start := r.cfg.Shard.Start
	if start.IsZero() {
		return
	}
	step := int64(time.Since(start)) - (clock.Now() - r.epoch - lead)
	if h := &r.result.Header; h.Shard != nil {
		h.Shard.StepNS = step
	} else {
		h.Shards[0].StepNS = step
	}
}

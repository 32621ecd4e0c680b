package load

import (
	"errors"
	"fmt"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A Split is a run against one target that assigns each request, or each session,
// to one of two arms itself, at random. Its blocks have one turn, of requests to
// the first arm's target; whose they were is read from the answers.
type Split struct {
	// Header of the response has the name of the arm that served the request.
	Header string
	// Share is the part that the target gives to the second arm.
	Share float64
	// UnitHeader, if set, is a header of the request with the name of what is
	// assigned: of the session, for a target that keeps it on one arm, or of the
	// request. Without it each request is assigned by itself.
	UnitHeader string
}

func (c *Config) validateDesign() error {
	var errs []error
	must := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("load: "+format, args...))
		}
	}
	must(c.Design == "" || c.Design == sample.Switchback && c.Split == nil, "a design of %q: a run is interleaved or single by its arms, a switchback, or a split", c.Design)
	must(c.Design == "" || len(c.Arms) == 2, "a switchback of %d arms: it goes to and fro between two", len(c.Arms))
	s := c.Split
	if s == nil {
		return errors.Join(errs...)
	}
	must(len(c.Arms) == 2, "a split of %d arms: two are needed", len(c.Arms))
	must(s.Header != "", "a split needs the header of the answers that names the arm")
	must(s.Share > 0 && s.Share < 1, "a split with a share of %v: it lies between 0 and 1", s.Share)
	must(c.Shard.Of <= 1, "a split is not shared between machines")
	for i, arm := range c.Arms {
		must(arm.Name() != sample.Unassigned, "an arm of a split cannot be called %q", sample.Unassigned)
		must(c.About == nil || i >= len(c.About) || c.About[i].PerSlot == 0, "an arm of a split gets what the target gives it: it takes no number of requests")
	}
	return errors.Join(errs...)
}

// design is what the header says.
func (c *Config) design() sample.Design {
	switch {
	case c.Split != nil:
		return sample.Split
	case c.Design != "":
		return c.Design
	case len(c.Arms) == 1:
		return sample.Single
	}
	return sample.Interleaved
}

// turns are the arms that get one in block b, in order.
func (r *runner) turns(b int) []int {
	if r.cfg.Split != nil {
		return []int{0}
	}
	return r.plan.blocks[b].order
}

// unit names what is assigned with the request.
func (s *Split) unit(r *request) string {
	if s.UnitHeader != "" && r.sample.Session != "" {
		return r.sample.Session
	}
	return r.sample.Nonce
}

// assign writes down whose the requests of a split were.
func (r *runner) assign(list []*request) {
	s := r.cfg.Split
	if s == nil {
		return
	}
	for _, req := range list {
		req.sample.Unit, req.sample.Share, req.sample.Arm = s.unit(req), s.Share, sample.Unassigned
		if slices.ContainsFunc(r.cfg.Arms, func(arm Arm) bool { return arm.Name() == req.assigned }) {
			req.sample.Arm = req.assigned
			continue
		}
		if !req.sample.Warmup {
			r.unassigned++
		}
		if req.assigned != "" {
			r.warn(fmt.Errorf("split: an answer names the arm %q, which is none of this run", req.assigned))
		}
	}
}

// tellUnassigned warns of requests whose arm nobody knows.
func (r *runner) tellUnassigned() {
	if r.unassigned > 0 {
		r.warn(fmt.Errorf("split: %d requests ended without their answer naming an arm of this run in the header %s", r.unassigned, r.cfg.Split.Header))
	}
}

// perArm divides a turn's samples among the arms that served them: of a split, a
// slot for each that has any; else the turn's own.
func (r *runner) perArm(s sample.Slot, samples []sample.Sample) []sample.Slot {
	open := !r.closed()
	if r.cfg.Split == nil {
		describe(&s, samples, open)
		return []sample.Slot{s}
	}
	var slots []sample.Slot
	for _, arm := range r.cfg.Arms {
		own := slices.DeleteFunc(slices.Clone(samples), func(one sample.Sample) bool { return one.Arm != arm.Name() })
		if len(own) == 0 {
			continue
		}
		slot := sample.Slot{Block: s.Block, Arm: arm.Name(), Requests: len(own)}
		describe(&slot, own, open)
		slots = append(slots, slot)
	}
	return slots
}

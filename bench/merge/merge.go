// Package merge puts the shards of one run together into the run file that one
// machine would have written.
//
// A schedule is a pure function of its seed, so n processes that know seed, start
// and their own number need no coordinator: each sends its part of the plan and
// writes its own file. What remains is to see that the files belong together, that
// none is missing, and to say of the whole what is true of all:
//
//	samples    by their place in the plan, each exactly once
//	slots      the same turn of all shards is one turn, its rates counted anew
//	validity   every signal as the worst shard had it; the error of each measure
//	           as the worst shard's
//	clocks     how far the shards' clocks are apart, at worst
//
// Latencies need no common clock: each is the difference of two instants of one
// machine. What clocks that differ move is when the shards start, and with it the
// load that they make together.
package merge

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A Part is the run file of one shard and what to call it in an error.
type Part struct {
	Name string
	Run  *sample.Run
}

// Merge returns the whole run. The error is one line about the first part that
// does not fit, which part is missing, or what of the plan. It refers to the
// samples of the parts and changes none of them.
func Merge(parts []Part) (*sample.Run, error) {
	if len(parts) == 0 {
		return nil, errors.New("no run file: name those of all shards")
	}
	if err := belong(parts); err != nil {
		return nil, err
	}
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Compare(a.shard().Index, b.shard().Index) })
	if err := complete(parts); err != nil {
		return nil, err
	}
	samples, err := gather(parts)
	if err != nil {
		return nil, err
	}
	run := &sample.Run{Header: header(parts), Samples: samples}
	run.Trailer = sample.Trailer{Slots: slots(parts, samples), Stopped: stopped(parts)}
	run.Trailer.Validity = validity(parts, run.Trailer.Slots)
	if slices.ContainsFunc(samples, func(s sample.Sample) bool { return s.Early }) {
		v := &run.Trailer.Validity
		v.Warnings = append(v.Warnings, "answers were scored by their likeness to the first of their own shard, not of the whole run")
	}
	return run, nil
}

func (p Part) shard() *sample.Shard { return p.Run.Header.Shard }

// belong makes sure that all parts are shards of one run.
func belong(parts []Part) error {
	for _, p := range parts {
		if p.shard() == nil {
			return fmt.Errorf("%s is no shard of a run: only files of bench --shard can be merged", p.Name)
		}
	}
	first := parts[0]
	for _, p := range parts[1:] {
		if what := differs(&first.Run.Header, &p.Run.Header); what != "" {
			return fmt.Errorf("%s is of another run than %s: %s", p.Name, first.Name, what)
		}
	}
	return nil
}

// differs says what keeps two shards from being of one run; "" if nothing does.
func differs(a, b *sample.Header) string {
	for _, field := range []struct {
		name string
		a, b any
	}{
		{"seed", a.Seed, b.Seed},
		{"number of shards", a.Shard.Of, b.Shard.Of},
		{"start", a.Shard.StartAt, b.Shard.StartAt},
		{"dataset", a.Dataset.Name + " " + a.Dataset.Hash, b.Dataset.Name + " " + b.Dataset.Hash},
		{"schedule", a.Schedule, b.Schedule},
		{"number of blocks", a.Blocks, b.Blocks},
		{"design", a.Design, b.Design},
		{"arms", a.Arms, b.Arms},
		{"dialect", a.Dialect, b.Dialect},
		{"model", a.Model, b.Model},
		{"scenario", a.Scenario, b.Scenario},
		{"way of drawing items", a.Draw, b.Draw},
		{"version", a.Tool, b.Tool},
	} {
		if !reflect.DeepEqual(field.a, field.b) {
			return "the " + field.name + " differs"
		}
	}
	if !reflect.DeepEqual(common(*a), common(*b)) {
		return "what their headers say of the run differs"
	}
	return ""
}

// common is what the headers of all shards of a run have alike.
func common(h sample.Header) sample.Header {
	h.EpochNS, h.Machine, h.Shard = 0, sample.Machine{}, nil
	return h
}

// complete makes sure that each shard is there once. The parts are in order.
func complete(parts []Part) error {
	of := parts[0].shard().Of
	var missing []string
	at := 0
	for i := range of {
		n := 0
		for ; at < len(parts) && parts[at].shard().Index == i; at++ {
			n++
		}
		switch {
		case n == 0:
			missing = append(missing, fmt.Sprint(i))
		case n > 1:
			return fmt.Errorf("%s and %s are both shard %d of %d: name each shard once", parts[at-2].Name, parts[at-1].Name, i, of)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("shard %s of %d is missing: name the run files of all shards", strings.Join(missing, ", "), of)
	}
	return nil
}

// gather lays the samples out in intended order: the plan numbers them, and has
// no holes.
func gather(parts []Part) ([]sample.Sample, error) {
	total := 0
	for _, p := range parts {
		total += len(p.Run.Samples)
	}
	all := make([]sample.Sample, total)
	from := make([]string, total)
	for _, p := range parts {
		for i := range p.Run.Samples {
			s := &p.Run.Samples[i]
			switch {
			case s.Seq < 0 || s.Seq >= total:
				return nil, hole(parts, total)
			case from[s.Seq] != "":
				return nil, fmt.Errorf("request %d of the plan stands in %s and in %s: they are not of one run", s.Seq, from[s.Seq], p.Name)
			}
			all[s.Seq], from[s.Seq] = *s, p.Name
		}
	}
	return all, nil
}

// hole says why requests of the plan are in no shard.
func hole(parts []Part, total int) error {
	for _, p := range parts {
		if why := p.Run.Trailer.Stopped; why != "" {
			return fmt.Errorf("%s ended before its plan did (%s), so that the run has holes: run all shards again", p.Name, why)
		}
	}
	return fmt.Errorf("the shards have %d requests, but not those that a plan of so many has: they are not of one run", total)
}

func header(parts []Part) sample.Header {
	h := parts[0].Run.Header
	h.Shard, h.EpochNS = nil, 0 // whose monotonic clock would it be of
	for _, p := range parts {
		s, machine := *p.shard(), p.Run.Header.Machine
		s.Machine = &machine
		h.Shards = append(h.Shards, s)
	}
	return h
}

func stopped(parts []Part) string {
	var all []string
	for _, p := range parts {
		if why := p.Run.Trailer.Stopped; why != "" {
			all = append(all, fmt.Sprintf("shard %d: %s", p.shard().Index, why))
		}
	}
	return strings.Join(all, "; ")
}

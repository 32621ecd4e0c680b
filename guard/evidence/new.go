package evidence

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// A Source is a whole run file as read, and which of its arms to compare.
type Source struct {
	sample.Run
	// Arms is the fold of Samples by arm (package summary), in any order; nil:
	// it is made here.
	Arms []summary.Arm
	// Baseline and Candidate choose two arms by name; "" means the first and
	// the second of the header that are no controls.
	Baseline, Candidate string
}

// Open reads the run file at path and builds the evidence of its first two arms.
// The error is that of [sample.Read] or of New, and names the file.
func Open(path string) (Set, error) {
	run, err := sample.Read(path)
	if err != nil {
		return Set{}, err
	}
	set, err := New(Source{Run: *run})
	if err != nil {
		return Set{}, fmt.Errorf("run file %s: %w", path, err)
	}
	set.Simulated = strings.Contains(run.Header.Tool, "simulation")
	return set, nil
}

// New builds the evidence of one comparison. The error says what is wrong with
// the choice of arms; a run that is merely poor gives a Set that says so. A run
// of one arm, which design single has, is evidence of a candidate without a
// baseline. One shard of a run is no evidence.
//
// Requests are paired by item, but for those of a split and those whose item is
// not known. The time blocks of a switchback have pairs if both were given the
// same items.
//
// The samples are referred to, not copied: they must not change afterwards.
func New(src Source) (Set, error) {
	if s := src.Header.Shard; s != nil {
		return Set{}, fmt.Errorf("shard %d of %d: %w", s.Index, s.Of, sample.ErrPart)
	}
	baseline, candidate, err := choose(src)
	if err != nil {
		return Set{}, err
	}
	src.Arms = folded(src)
	made := byArm(src.Samples)
	set := src.compare(made, baseline, candidate, 0)
	if src.Header.Design == sample.Split {
		set.Units, set.Mixed = units(set.Requests)
		set.Unassigned = len(made[sample.Unassigned])
	}
	set.Controls = src.controls(made, baseline)
	return set, nil
}

// compare builds the Set of two arms over the first picks of each block; 0: over
// all.
func (src Source) compare(made map[string][]*sample.Sample, baseline, candidate string, picks int) Set {
	h := src.Header
	c := collect(picked(made[baseline], picks), picked(made[candidate], picks), h.Design != sample.Split)
	set := c.set(h.Lacks)
	set.Header, set.Digest, set.Baseline, set.Candidate = h, src.Trailer.Digest, baseline, candidate
	set.Planned, set.Look, set.Stopped = h.Blocks, src.Trailer.Look, src.Trailer.Stopped
	set.Validity = src.Trailer.Validity
	set.Concurrent = h.Design == sample.Interleaved && h.Schedule.Kind == observed
	set.Arms = []summary.Arm{armOf(src.Arms, baseline), armOf(src.Arms, candidate)}
	set.Slots = pairUp(c.turns(src.Trailer.Slots, baseline), c.turns(src.Trailer.Slots, candidate))
	if picks > 0 {
		set.Slots = c.cut(set.Slots)
	}
	return set
}

// observed is the kind of schedule of requests that others sent: an arm served
// whenever they came.
const observed = "observed"

// choose names the two arms to compare; baseline is "" where the run has one arm.
func choose(src Source) (baseline, candidate string, err error) {
	var sides, names []string
	for _, a := range src.Header.Arms {
		names = append(names, a.Name)
		if a.Role == "" {
			sides = append(sides, a.Name)
		}
	}
	baseline, candidate = src.Baseline, src.Candidate
	alone := len(sides) == 1 && src.Header.Design == sample.Single && baseline == ""
	if alone && candidate == "" {
		candidate = sides[0]
	}
	if !alone {
		baseline, candidate = defaults(sides, baseline, candidate)
	}
	chosen := []string{baseline, candidate}
	if alone {
		chosen = chosen[1:]
	}
	for _, name := range chosen {
		if name == "" {
			return "", "", fmt.Errorf("the run has %d arm(s), a comparison needs two", len(sides))
		}
		if !slices.Contains(names, name) {
			return "", "", fmt.Errorf("the run has no arm %q: it has %s", name, strings.Join(names, ", "))
		}
	}
	if baseline == candidate {
		return "", "", fmt.Errorf("baseline and candidate are both %q", baseline)
	}
	return baseline, candidate, nil
}

// defaults fills in the names that were left out; "" where no arm is left.
func defaults(sides []string, baseline, candidate string) (string, string) {
	if baseline == "" {
		baseline = firstOther(sides, candidate)
	}
	if candidate == "" {
		candidate = firstOther(sides, baseline)
	}
	return baseline, candidate
}

func firstOther(names []string, than string) string {
	for _, name := range names {
		if name != than {
			return name
		}
	}
	return ""
}

func folded(src Source) []summary.Arm {
	if src.Arms != nil {
		return src.Arms
	}
	return summary.Fold(src.Header.Arms, src.Samples, src.Trailer.Slots)
}

func armOf(all []summary.Arm, name string) summary.Arm {
	for _, a := range all {
		if a.Name == name {
			return a
		}
	}
	return summary.Arm{Name: name}
}

// byArm sorts out the requests that were to be measured. Run files are in
// intended order, and so is each list.
func byArm(samples []sample.Sample) map[string][]*sample.Sample {
	made := map[string][]*sample.Sample{}
	for i := range samples {
		if s := &samples[i]; !s.Warmup {
			made[s.Arm] = append(made[s.Arm], s)
		}
	}
	return made
}

// picked lists those of an arm's requests that count, of each block the first
// picks alone; 0: all. A pick that was never sent still takes its place.
func picked(made []*sample.Sample, picks int) []*sample.Sample {
	list := make([]*sample.Sample, 0, len(made))
	place := map[int]int{}
	for _, s := range made {
		if picks > 0 {
			if place[s.Block]++; place[s.Block] > picks {
				continue
			}
		}
		if counts(s) {
			list = append(list, s)
		}
	}
	return list
}

// counts tells whether s says something of its arm: not what was cancelled or
// aborted, nor what the client's own limits kept from being sent.
func counts(s *sample.Sample) bool {
	switch s.Outcome {
	case sample.Cancelled, sample.Aborted, sample.DroppedStart, sample.NoDescriptor, sample.NoPort:
		return false
	}
	return true
}

// turns returns the arm's turn in each block; nil where the run has none.
func (c *collection) turns(slots []sample.Slot, arm string) []*sample.Slot {
	out := make([]*sample.Slot, len(c.blocks))
	for i := range slots {
		if k, known := c.index[slots[i].Block]; known && slots[i].Arm == arm {
			out[k] = &slots[i]
		}
	}
	return out
}

func pairUp(baseline, candidate []*sample.Slot) []SlotPair {
	out := make([]SlotPair, len(baseline))
	for k := range out {
		out[k] = SlotPair{baseline[k], candidate[k]}
	}
	return out
}

package evidence

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// Two builds the evidence of two runs, one of each side: design single, which
// supports no statistical claim. Baseline of the one source and Candidate of the
// other name the arms; "" means the only one that is no control.
//
// Nothing says that the runs can be compared: the Set has both headers, the
// candidate's as Header and the baseline's as Other, for those who check model,
// dataset, schedule and machine. The worse validity of the two counts.
func Two(baseline, candidate Source) (Set, error) {
	a, err := baseline.only(baseline.Baseline)
	if err != nil {
		return Set{}, fmt.Errorf("baseline's run: %w", err)
	}
	b, err := candidate.only(candidate.Candidate)
	if err != nil {
		return Set{}, fmt.Errorf("candidate's run: %w", err)
	}
	c := collect(picked(byArm(baseline.Samples)[a.Name], 0), picked(byArm(candidate.Samples)[b.Name], 0), false)
	set := c.set(slices.Concat(baseline.Header.Lacks, candidate.Header.Lacks))
	set.Header, set.Other = candidate.Header, &baseline.Header
	set.Header.Design, set.Header.Arms = sample.Single, []sample.Arm{a, b}
	set.Digest, set.OtherDigest = candidate.Trailer.Digest, baseline.Trailer.Digest
	set.Baseline, set.Candidate, set.Planned = a.Name, b.Name, candidate.Header.Blocks
	set.Arms = []summary.Arm{armOf(folded(baseline), a.Name), armOf(folded(candidate), b.Name)}
	set.Slots = pairUp(c.turns(baseline.Trailer.Slots, a.Name), c.turns(candidate.Trailer.Slots, b.Name))
	set.Validity = worse(baseline.Trailer.Validity, candidate.Trailer.Validity)
	set.Stopped = stopped(baseline.Trailer.Stopped, candidate.Trailer.Stopped)
	return set, nil
}

// only returns the arm of that name, or the only side of the run.
func (src Source) only(name string) (sample.Arm, error) {
	var sides []string
	var found sample.Arm
	for _, a := range src.Header.Arms {
		if a.Name == name {
			return a, nil
		}
		if a.Role == "" {
			sides, found = append(sides, a.Name), a
		}
	}
	switch {
	case name != "":
		return found, fmt.Errorf("it has no arm %q: it has %s", name, strings.Join(sides, ", "))
	case len(sides) != 1:
		return found, fmt.Errorf("it has %d arms (%s): name one", len(sides), strings.Join(sides, ", "))
	}
	return found, nil
}

// worse is the validity of the worse grade; what is not known to be valid is
// worst. Warnings and facts of both stay.
func worse(a, b sample.Validity) sample.Validity {
	out := a
	if rank(b.Grade) > rank(a.Grade) {
		out = b
	}
	out.Warnings = slices.Concat(a.Warnings, b.Warnings)
	out.Facts = slices.Concat(a.Facts, b.Facts)
	return out
}

func rank(g sample.Grade) int {
	switch g {
	case sample.Valid:
		return 0
	case sample.Degraded:
		return 1
	}
	return 2
}

func stopped(baseline, candidate string) string {
	switch {
	case baseline != "":
		return "the baseline's run: " + baseline
	case candidate != "":
		return "the candidate's run: " + candidate
	}
	return ""
}

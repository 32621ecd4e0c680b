package evidence

import (
	"fmt"
	"math"
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
	// the second of the header.
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
	return set, nil
}

// New builds the evidence of one comparison. The error says what is wrong with
// the choice of arms; a run that is merely poor gives a Set that says so.
func New(src Source) (Set, error) {
	baseline, candidate, err := choose(src)
	if err != nil {
		return Set{}, err
	}
	runs := collect(src.Samples, baseline, candidate)
	set := Set{
		Header: src.Header, Digest: src.Trailer.Digest, Baseline: baseline, Candidate: candidate,
		Blocks: len(runs.blocks), Restarts: runs.restarts(), BaselineFirst: runs.baselineFirst(),
		Stopped: src.Trailer.Stopped, Validity: src.Trailer.Validity,
		Arms:      arms(src, baseline, candidate),
		Latencies: map[sample.Measure]Pairs{}, Alone: map[sample.Measure][]float64{},
		Outcomes: runs.outcomes(), Work: runs.work(),
		Slots: slots(src.Trailer.Slots, runs, baseline, candidate),
	}
	for _, m := range [...]sample.Measure{sample.TTFB, sample.FirstToken, sample.Gap, sample.Full} {
		set.Latencies[m] = runs.latencies(m)
		set.Alone[m] = runs.alone(m)
	}
	set.Pairs, set.LostBaseline, set.LostCandidate = runs.complete()
	return set, nil
}

func choose(src Source) (baseline, candidate string, err error) {
	var names []string
	for _, a := range src.Header.Arms {
		names = append(names, a.Name)
	}
	if len(names) < 2 {
		return "", "", fmt.Errorf("the run has %d arm(s), a comparison needs two", len(names))
	}
	baseline, candidate = src.Baseline, src.Candidate
	if baseline == "" {
		baseline = firstOther(names, candidate)
	}
	if candidate == "" {
		candidate = firstOther(names, baseline)
	}
	for _, name := range [...]string{baseline, candidate} {
		if !slices.Contains(names, name) {
			return "", "", fmt.Errorf("the run has no arm %q: it has %s", name, strings.Join(names, ", "))
		}
	}
	if baseline == candidate {
		return "", "", fmt.Errorf("baseline and candidate are both %q", baseline)
	}
	return baseline, candidate, nil
}

func firstOther(names []string, than string) string {
	if names[0] == than {
		return names[1]
	}
	return names[0]
}

func arms(src Source, baseline, candidate string) []summary.Arm {
	all := src.Arms
	if all == nil {
		all = summary.Fold(src.Header.Arms, src.Samples, src.Trailer.Slots)
	}
	var two []summary.Arm
	for _, name := range [...]string{baseline, candidate} {
		i := slices.IndexFunc(all, func(a summary.Arm) bool { return a.Name == name })
		if i < 0 {
			two = append(two, summary.Arm{Name: name})
			continue
		}
		two = append(two, all[i])
	}
	return two
}

// A pair is the two requests of one item in one block; a half that was never
// sent is nil.
type pair struct {
	block, item int
	halves      [2]*sample.Sample // baseline, candidate
}

// A collection is the measured requests of both arms.
type collection struct {
	blocks []int // block numbers of the run, ascending: the index is ours
	pairs  []pair
	all    [2][]*sample.Sample
}

// A use is what makes two requests partners.
type use struct {
	block, occurrence int
	item              string
}

// collect sorts the measured samples of the two arms into pairs. What was
// cancelled or aborted, and what the client's own limits kept from being sent,
// says nothing of an arm and is treated as never sent. The second of two
// samples that claim the same place is left unpaired.
func collect(samples []sample.Sample, baseline, candidate string) *collection {
	c := &collection{}
	var measured []*sample.Sample
	for i := range samples {
		if s := &samples[i]; counts(s) && (s.Arm == baseline || s.Arm == candidate) {
			measured = append(measured, s)
			c.blocks = append(c.blocks, s.Block)
		}
	}
	slices.Sort(c.blocks)
	c.blocks = slices.Compact(c.blocks)
	at, items := map[use]int{}, map[string]int{}
	for _, s := range measured {
		side := 0
		if s.Arm == candidate {
			side = 1
		}
		c.all[side] = append(c.all[side], s)
		c.place(s, side, at, items)
	}
	slices.SortStableFunc(c.pairs, func(x, y pair) int { return x.block - y.block })
	return c
}

func counts(s *sample.Sample) bool {
	switch s.Outcome {
	case sample.Cancelled, sample.Aborted, sample.DroppedStart, sample.NoDescriptor, sample.NoPort:
		return false
	}
	return !s.Warmup
}

func (c *collection) place(s *sample.Sample, side int, at map[use]int, items map[string]int) {
	item, known := items[s.Item]
	if !known {
		item = len(items)
		items[s.Item] = item
	}
	key := use{block: s.Block, item: s.Item, occurrence: s.Occurrence}
	i, known := at[key]
	if known && c.pairs[i].halves[side] == nil {
		c.pairs[i].halves[side] = s
		return
	}
	p := pair{block: c.index(s.Block), item: item}
	p.halves[side] = s
	if !known {
		at[key] = len(c.pairs)
	}
	c.pairs = append(c.pairs, p)
}

// index returns our number for a block of the run; -1 if it has no samples.
func (c *collection) index(block int) int {
	i, found := slices.BinarySearch(c.blocks, block)
	if !found {
		return -1
	}
	return i
}

func (c *collection) restarts() int {
	var n [2]int
	for side, all := range c.all {
		seen := map[int]bool{}
		for _, s := range all {
			seen[s.Restart] = true
		}
		n[side] = len(seen)
	}
	return min(n[0], n[1])
}

func (c *collection) baselineFirst() (n int) {
	var first [2][]int64
	for side, all := range c.all {
		first[side] = make([]int64, len(c.blocks))
		for k := range first[side] {
			first[side][k] = math.MaxInt64
		}
		for _, s := range all {
			k := c.index(s.Block)
			first[side][k] = min(first[side][k], s.IntendedNS)
		}
	}
	for k := range c.blocks {
		if first[0][k] < first[1][k] {
			n++
		}
	}
	return n
}

func (c *collection) outcomes() Outcomes {
	var tallies [2][]Tally
	for side, all := range c.all {
		tallies[side] = make([]Tally, len(c.blocks))
		for _, s := range all {
			t := &tallies[side][c.index(s.Block)]
			t.Attempts++
			if s.Outcome == sample.OK {
				t.OK++
			}
		}
	}
	o := Outcomes{Baseline: tallies[0], Candidate: tallies[1]}
	for _, p := range c.pairs {
		a, b := p.halves[0], p.halves[1]
		if a == nil || b == nil {
			continue
		}
		switch aOK, bOK := a.Outcome == sample.OK, b.Outcome == sample.OK; {
		case aOK && !bOK:
			o.OnlyBaseline++
		case bOK && !aOK:
			o.OnlyCandidate++
		}
	}
	return o
}

// A reading is what one request says of one measure.
type reading struct {
	ns     float64
	absent bool // never sent, or broken
	none   bool // the measure does not exist for it, which is no fault
}

func read(s *sample.Sample, m sample.Measure) reading {
	if s == nil {
		return reading{absent: true}
	}
	ns, ok, none := s.Value(m)
	switch {
	case !ok:
		return reading{ns: math.Inf(1)}
	case none:
		return reading{none: true}
	case ns <= 0: // an instant that was not reached, in a request that says it succeeded
		return reading{absent: true}
	}
	return reading{ns: float64(ns)}
}

func (c *collection) latencies(m sample.Measure) Pairs {
	var out Pairs
	for _, p := range c.pairs {
		a, b := read(p.halves[0], m), read(p.halves[1], m)
		if a.none && b.none || a.none && math.IsInf(b.ns, 1) || b.none && math.IsInf(a.ns, 1) {
			continue
		}
		if a.absent || a.none {
			out.LostBaseline++
		}
		if b.absent || b.none {
			out.LostCandidate++
		}
		if a.absent || a.none || b.absent || b.none {
			continue
		}
		out.Baseline = append(out.Baseline, a.ns)
		out.Candidate = append(out.Candidate, b.ns)
		out.Block = append(out.Block, p.block)
		out.Item = append(out.Item, p.item)
	}
	return out
}

func (c *collection) alone(m sample.Measure) []float64 {
	var out []float64
	for _, s := range c.all[1] {
		if r := read(s, m); !r.absent && !r.none {
			out = append(out, r.ns)
		}
	}
	slices.Sort(out)
	return out
}

func (c *collection) complete() (pairs, lostBaseline, lostCandidate int) {
	for _, p := range c.pairs {
		switch {
		case p.halves[0] == nil:
			lostBaseline++
		case p.halves[1] == nil:
			lostCandidate++
		default:
			pairs++
		}
	}
	return pairs, lostBaseline, lostCandidate
}

func (c *collection) work() Work {
	var w Work
	var input, cached [2]int
	var quality [2]float64
	for _, p := range c.pairs {
		a, b := p.halves[0], p.halves[1]
		if a == nil || b == nil || a.Outcome != sample.OK || b.Outcome != sample.OK {
			continue
		}
		w.Pairs++
		w.BaselineTokens += a.Usage.Output
		w.CandidateTokens += b.Usage.Output
		if a.Finish != b.Finish {
			w.FinishDiffers++
		}
		if a.AnswerHash != b.AnswerHash {
			w.AnswersDiffer++
		}
		for side, s := range p.halves {
			input[side] += s.Usage.Input
			cached[side] += s.Usage.Cached
		}
		if a.Quality == nil && b.Quality == nil {
			continue
		}
		w.Scored++
		for side, s := range p.halves {
			if s.Quality != nil {
				quality[side] += *s.Quality
			}
		}
	}
	if w.Scored > 0 {
		w.BaselineQuality, w.CandidateQuality = quality[0]/float64(w.Scored), quality[1]/float64(w.Scored)
	}
	w.BaselineCached, w.CandidateCached = share(cached[0], input[0]), share(cached[1], input[1])
	return w
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func slots(all []sample.Slot, c *collection, baseline, candidate string) []SlotPair {
	out := make([]SlotPair, len(c.blocks))
	for i := range all {
		k := c.index(all[i].Block)
		if k < 0 {
			continue
		}
		switch all[i].Arm {
		case baseline:
			out[k].Baseline = &all[i]
		case candidate:
			out[k].Candidate = &all[i]
		}
	}
	return out
}

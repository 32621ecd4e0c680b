package summary

import "github.com/firstbyte-dev/firstbyte/bench/sample"

// Measures lists every measure that Fold fills, in the order of a request's
// life.
func Measures() []sample.Measure {
	return []sample.Measure{sample.TTFB, sample.FirstToken, sample.Gap, EventGap, sample.Full}
}

// A Cell names one histogram of a run.
type Cell struct {
	Arm     string
	Block   int
	Measure sample.Measure
}

// Cells folds the measured samples, warm-up excluded, into one Histogram per
// arm, block and measure. A cell that nothing fell into is absent.
func Cells(samples []sample.Sample) map[Cell]*Histogram {
	cells := make(map[Cell]*Histogram)
	for i := range samples {
		if s := &samples[i]; !s.Warmup {
			record(cells, s)
		}
	}
	return cells
}

func record(cells map[Cell]*Histogram, s *sample.Sample) {
	for _, m := range Measures() {
		if m == EventGap {
			recordGaps(cells, s)
			continue
		}
		ns, ok, none := s.Value(m)
		switch {
		case none, ns < 0: // not told: its instants are not all in the log
		case ok:
			cell(cells, s, m).Record(ns)
		default:
			cell(cells, s, m).Fail()
		}
	}
}

func recordGaps(cells map[Cell]*Histogram, s *sample.Sample) {
	if s.Outcome != sample.OK || len(s.GapsNS) == 0 {
		return
	}
	h := cell(cells, s, EventGap)
	for _, gap := range s.GapsNS {
		h.Record(gap)
	}
}

func cell(cells map[Cell]*Histogram, s *sample.Sample, m sample.Measure) *Histogram {
	at := Cell{Arm: s.Arm, Block: s.Block, Measure: m}
	h := cells[at]
	if h == nil {
		h = new(Histogram)
		cells[at] = h
	}
	return h
}

// Fold summarises a run: one Arm for each of arms in their order (the baseline
// first), from its measured samples and slots. Warm-up is left out, and so is
// what belongs to no arm listed. An arm without samples has no measures.
func Fold(arms []sample.Arm, samples []sample.Sample, slots []sample.Slot) []Arm {
	folded := make([]Arm, len(arms))
	at := make(map[string]*Arm, len(arms))
	for i, arm := range arms {
		folded[i] = Arm{Name: arm.Name, Flags: arm.Flags, Measures: map[sample.Measure]Distribution{}}
		at[arm.Name] = &folded[i]
	}
	count(at, samples)
	for name, measures := range whole(samples) {
		if arm := at[name]; arm != nil {
			for m, h := range measures {
				arm.Measures[m] = h.Distribution()
			}
		}
	}
	for i := range folded {
		addSlots(&folded[i], slots)
	}
	return folded
}

// whole folds samples into one Histogram per arm and measure, block by block: a
// histogram takes some 200 kB, and a run may have thousands of blocks.
func whole(samples []sample.Sample) map[string]map[sample.Measure]*Histogram {
	joined := make(map[string]map[sample.Measure]*Histogram)
	for len(samples) > 0 {
		n := 1
		for n < len(samples) && samples[n].Block == samples[0].Block {
			n++
		}
		merge(joined, Cells(samples[:n]))
		samples = samples[n:]
	}
	return joined
}

// merge adds the cells of some blocks to those of each arm and measure.
func merge(joined map[string]map[sample.Measure]*Histogram, cells map[Cell]*Histogram) {
	for at, h := range cells {
		measures := joined[at.Arm]
		if measures == nil {
			measures = make(map[sample.Measure]*Histogram)
			joined[at.Arm] = measures
		}
		if measures[at.Measure] == nil {
			measures[at.Measure] = new(Histogram)
		}
		measures[at.Measure].Merge(h)
	}
}

// count adds what is counted and not timed.
func count(arms map[string]*Arm, samples []sample.Sample) {
	for i := range samples {
		s := &samples[i]
		arm := arms[s.Arm]
		if arm == nil || s.Warmup {
			continue
		}
		arm.Requests++
		arm.Events += s.Events
		if s.Outcome == sample.OK {
			arm.OK++
		} else {
			if arm.Failures == nil {
				arm.Failures = make(map[sample.Outcome]int)
			}
			arm.Failures[s.Outcome]++
		}
		if s.Quality != nil {
			arm.Scored++
			arm.Quality += (*s.Quality - arm.Quality) / float64(arm.Scored)
		}
	}
}

// addSlots adds rates and processor time. A rate over several slots is all
// their starts by all their time; slots whose processor time is not known give
// neither time nor work.
func addSlots(arm *Arm, slots []sample.Slot) {
	var intended, achieved, cpu ratio
	var events float64
	for i := range slots {
		s := &slots[i]
		if s.Arm != arm.Name {
			continue
		}
		intended.addRate(s.Requests, s.IntendedHz)
		achieved.addRate(s.Requests, s.AchievedHz)
		if s.CPUNS > 0 {
			cpu.over += float64(s.CPUNS)
			cpu.under += float64(s.Requests)
			events += float64(s.Events)
		}
	}
	arm.IntendedHz, arm.AchievedHz = intended.value(), achieved.value()
	arm.CPUPerRequestNS = cpu.value()
	arm.CPUPerEventNS = ratio{cpu.over, events}.value()
}

// A ratio of two sums; 0 when there is nothing to divide by.
type ratio struct{ over, under float64 }

func (r *ratio) addRate(n int, hz float64) {
	if hz > 0 && n > 0 {
		r.over += float64(n)
		r.under += float64(n) / hz
	}
}

func (r ratio) value() float64 {
	if r.under == 0 {
		return 0
	}
	return r.over / r.under
}

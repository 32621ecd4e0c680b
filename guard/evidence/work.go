package evidence

import (
	"math"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// work sums up what the pairs that succeeded in both arms did, or, where there
// are no pairs, all requests that succeeded.
func (c *collection) work() Work {
	w := Work{Blocks: make([]BlockWork, len(c.blocks))}
	if len(c.pairs) == 0 {
		w.unpaired(c.requests)
		return w
	}
	var quality [2]float64
	for _, p := range c.pairs {
		a, b := p.halves[0], p.halves[1]
		if a == nil || b == nil || a.Outcome != sample.OK || b.Outcome != sample.OK {
			continue
		}
		w.Pairs++
		if a.Finish != b.Finish {
			w.FinishDiffers++
		}
		if a.AnswerHash != b.AnswerHash {
			w.AnswersDiffer++
		}
		block := &w.Blocks[p.block]
		block.Baseline.add(a)
		block.Candidate.add(b)
		if a.Usage.Output > 0 && b.Usage.Output > 0 {
			block.Counted++
			block.LogTokens += math.Log(float64(b.Usage.Output) / float64(a.Usage.Output))
		}
		if a.Quality == nil && b.Quality == nil {
			continue
		}
		w.Scored++
		block.Scored++
		quality[0] += score(a)
		quality[1] += score(b)
		block.Quality += score(b) - score(a)
	}
	if w.Scored > 0 {
		w.BaselineQuality, w.CandidateQuality = quality[0]/float64(w.Scored), quality[1]/float64(w.Scored)
	}
	w.sum()
	return w
}

func (w *Work) unpaired(requests []BlockRequests) {
	var ok [2]int
	for k, r := range requests {
		for side, arm := range [...]*ArmWork{&w.Blocks[k].Baseline, &w.Blocks[k].Candidate} {
			for _, s := range [...][]*sample.Sample{r.Baseline, r.Candidate}[side] {
				if s.Outcome == sample.OK {
					arm.add(s)
					ok[side]++
				}
			}
		}
	}
	w.Pairs = min(ok[0], ok[1])
	w.sum()
}

// sum adds the blocks up.
func (w *Work) sum() {
	var a, b ArmWork
	for _, block := range w.Blocks {
		a.Input, a.Cached, a.Output = a.Input+block.Baseline.Input, a.Cached+block.Baseline.Cached, a.Output+block.Baseline.Output
		b.Input, b.Cached, b.Output = b.Input+block.Candidate.Input, b.Cached+block.Candidate.Cached, b.Output+block.Candidate.Output
	}
	w.BaselineTokens, w.CandidateTokens = a.Output, b.Output
	w.BaselineCached, w.CandidateCached = share(a.Cached, a.Input), share(b.Cached, b.Input)
}

func (a *ArmWork) add(s *sample.Sample) {
	a.OK++
	a.Output += s.Usage.Output
	a.Input += s.Usage.Input
	a.Cached += s.Usage.Cached
	if a.Finish == nil {
		a.Finish = map[string]int{}
	}
	a.Finish[s.Finish]++
}

// score is what an answer is worth beside one that was scored.
func score(s *sample.Sample) float64 {
	if s.Quality == nil {
		return 0
	}
	return *s.Quality
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

package evidence

import "github.com/firstbyte-dev/firstbyte/bench/sample"

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

package judge

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// compareWork says whether the arms did the same work: whether their answers are
// equivalent, not whether they are equal, for models that sample seldom say the
// same twice. Compared are output tokens per item (the mean log-ratio of pairs)
// and in all, the share of answers that ended for each reason, the share of input
// tokens that were cached, and the mean score of answers where they are scored.
// Single pairs may differ as they like.
//
// Equivalent means that the whole interval, one-sided at 95 % on either side with
// blocks as the unit, lies within the policy's bounds, so that too little
// evidence is a difference too. Where only totals are known they are compared as
// they are.
func compareWork(p policy.SameWork, w evidence.Work) SameWork {
	s := SameWork{Pairs: w.Pairs, Tokens: NaN(), PerItem: NaN(), Finish: NaN(), Cached: NaN(), Quality: NaN(), Answers: NaN()}
	if w.Pairs <= 0 {
		s.Detail = "no pair succeeded in both arms"
		return s
	}
	n := float64(w.Pairs)
	s.Tokens = Float(float64(w.CandidateTokens) / float64(w.BaselineTokens))
	s.Finish, s.Answers = Float(float64(w.FinishDiffers)/n), Float(float64(w.AnswersDiffer)/n)
	s.Cached = Float(w.CandidateCached - w.BaselineCached)
	if w.Scored > 0 {
		s.Quality = Float(w.CandidateQuality - w.BaselineQuality)
	}
	if w.BaselineTokens <= 0 || w.CandidateTokens <= 0 {
		s.Detail = "output tokens were not counted in both arms"
		return s
	}
	all := comparisons(p, w)
	for _, c := range all {
		if c.what == tokensPerItem {
			s.PerItem = Float(math.Exp(c.effect))
		}
	}
	if len(w.Blocks) == 0 {
		all = totals(p, w, s)
	}
	for _, c := range all {
		if s.Detail = c.differs(workAlpha); s.Detail != "" {
			return s
		}
	}
	s.Same = true
	return s
}

// workAlpha is the level of each bound of a comparison of work. It is no option:
// the policy says how far the arms may differ.
const workAlpha = .05

const tokensPerItem = "output tokens per item"

// A comparison is one respect in which the arms must be equivalent.
type comparison struct {
	what   string
	effect float64   // of the candidate against the baseline; on the log scale for a ratio
	parts  []float64 // what each block adds to the effect beyond its share; nil: the effect is exact
	least  float64   // the bounds of the effect
	most   float64
	ratio  bool
}

// differs says how the arms differ; "" if they are equivalent.
func (c comparison) differs(alpha float64) string {
	if math.IsNaN(c.effect) {
		return c.what + " were not counted in both arms"
	}
	lower, upper := c.interval(alpha)
	if lower >= c.least && upper <= c.most {
		return ""
	}
	show := func(x float64) string {
		if c.ratio {
			return fmt.Sprintf("%+.1f %%", 100*math.Expm1(x))
		}
		return fmt.Sprintf("%+.1f points", 100*x)
	}
	text := fmt.Sprintf("%s: the candidate's are %s", c.what, show(c.effect))
	if c.parts != nil {
		text += fmt.Sprintf(" (%.4g %% bounds %s and %s)", 100*(1-alpha), show(lower), show(upper))
	}
	switch {
	case math.IsInf(c.most, 1):
		return text + ", allowed is a drop to " + show(c.least)
	case lower > c.most || upper < c.least || c.parts == nil:
		return text + ", allowed is " + show(c.least) + " to " + show(c.most)
	}
	return text + ", not shown to lie within " + show(c.least) + " and " + show(c.most)
}

// interval is that of a linear statistic whose blocks are independent.
func (c comparison) interval(alpha float64) (lower, upper float64) {
	if c.parts == nil {
		return c.effect, c.effect
	}
	k := float64(len(c.parts))
	if k < 2 {
		return math.Inf(-1), math.Inf(1)
	}
	squares := 0.0
	for _, x := range c.parts {
		squares += x * x
	}
	half := 0.0
	if squares > 1e-24 { // what summing left over is no spread
		half = stats.QuantileT(alpha, k-1) * math.Sqrt(squares*k/(k-1))
	}
	return c.effect - half, c.effect + half
}

// totals are the comparisons of evidence of which nothing is known by block.
func totals(p policy.SameWork, w evidence.Work, s SameWork) []comparison {
	tokens, finish, cached := math.Log1p(float64(p.Tokens)), float64(p.Finish), float64(p.Cached)
	out := []comparison{
		{what: "output tokens", effect: math.Log(float64(s.Tokens)), least: -tokens, most: tokens, ratio: true},
		{what: "finish reasons of pairs", effect: float64(s.Finish), least: -finish, most: finish},
		{what: "cached input tokens", effect: float64(s.Cached), least: -cached, most: cached},
	}
	if w.Scored > 0 {
		out = append(out, comparison{what: "scores of answers", effect: float64(s.Quality), least: -float64(p.Quality), most: math.Inf(1)})
	}
	return out
}

func comparisons(p policy.SameWork, w evidence.Work) []comparison {
	tokens := math.Log1p(float64(p.Tokens))
	var out []comparison
	if effect, parts := averaged(w.Blocks, func(b evidence.BlockWork) part { return part{b.LogTokens, float64(b.Counted)} }); len(parts) > 0 {
		out = append(out, comparison{tokensPerItem, effect, parts, -tokens, tokens, true})
	}
	effect, parts := contrast(w.Blocks, func(a evidence.ArmWork) part { return part{float64(a.Output), float64(a.OK)} }, logRatio)
	out = append(out, comparison{"output tokens in all", effect, parts, -tokens, tokens, true})
	for _, reason := range reasons(w.Blocks) {
		effect, parts := contrast(w.Blocks, func(a evidence.ArmWork) part { return part{float64(a.Finish[reason]), float64(a.OK)} }, difference)
		out = append(out, comparison{fmt.Sprintf("answers that ended by %q", reason), effect, parts, -float64(p.Finish), float64(p.Finish), false})
	}
	counted := func(b evidence.BlockWork) bool { return b.Baseline.Input+b.Candidate.Input > 0 }
	if slices.ContainsFunc(w.Blocks, counted) {
		effect, parts := contrast(w.Blocks, func(a evidence.ArmWork) part { return part{float64(a.Cached), float64(a.Input)} }, difference)
		out = append(out, comparison{"cached input tokens", effect, parts, -float64(p.Cached), float64(p.Cached), false})
	}
	if effect, parts := averaged(w.Blocks, func(b evidence.BlockWork) part { return part{b.Quality, float64(b.Scored)} }); len(parts) > 0 {
		out = append(out, comparison{"scores of answers", effect, parts, -float64(p.Quality), math.Inf(1), false})
	}
	return out
}

// reasons lists why answers ended, in either arm.
func reasons(blocks []evidence.BlockWork) []string {
	seen := map[string]bool{}
	for _, b := range blocks {
		for reason := range b.Baseline.Finish {
			seen[reason] = true
		}
		for reason := range b.Candidate.Finish {
			seen[reason] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// A part is what one block adds to a quotient of sums.
type part struct{ over, under float64 }

// quotient returns the quotient of the sums and how far each block's part moves
// it (the linearisation of a ratio estimator); nil where nothing is counted.
func quotient(parts []part) (q float64, moves []float64) {
	var sum part
	for _, p := range parts {
		sum.over, sum.under = sum.over+p.over, sum.under+p.under
	}
	if !(sum.under > 0) {
		return math.NaN(), nil
	}
	q = sum.over / sum.under
	for _, p := range parts {
		moves = append(moves, (p.over-q*p.under)/sum.under)
	}
	return q, moves
}

func averaged(blocks []evidence.BlockWork, of func(evidence.BlockWork) part) (effect float64, moves []float64) {
	var parts []part
	for _, b := range blocks {
		if p := of(b); p.under > 0 {
			parts = append(parts, p)
		}
	}
	return quotient(parts)
}

// contrast compares the arms' quotients by how: its value and its slopes in the
// baseline's and the candidate's.
func contrast(blocks []evidence.BlockWork, of func(evidence.ArmWork) part, how func(a, b float64) (value, ofA, ofB float64)) (effect float64, moves []float64) {
	var a, b []part
	for _, block := range blocks {
		a, b = append(a, of(block.Baseline)), append(b, of(block.Candidate))
	}
	qa, byA := quotient(a)
	qb, byB := quotient(b)
	if byA == nil || byB == nil {
		return math.NaN(), nil
	}
	effect, slopeA, slopeB := how(qa, qb)
	for k := range byA {
		moves = append(moves, slopeA*byA[k]+slopeB*byB[k])
	}
	return effect, moves
}

func difference(a, b float64) (value, ofA, ofB float64) { return b - a, -1, 1 }

func logRatio(a, b float64) (value, ofA, ofB float64) { return math.Log(b / a), -1 / a, 1 / b }

package stats

import "math"

// A Coin is an e-process on tosses whose chance is known under the hypothesis
// whenever each is made. Two integers are its state.
type Coin struct {
	mixture      BetaMixture
	hits, tosses int
}

// NewCoin watches a coin with mixture.
func NewCoin(mixture BetaMixture) *Coin { return &Coin{mixture: mixture} }

// NewMcNemar watches the pairs of which just one failed: a hit is one in which
// it was the candidate. Its evidence is that the candidate fails more often,
// however much the two of a pair have in common. The tuning counts such pairs.
func NewMcNemar(tuning Tuning) *Coin { return NewCoin(NewBetaMixture(.5, Above, tuning)) }

// NewEventShare watches events of two arms that happen at any, even changing,
// common rate (Lindon & Malek 2022): a hit is an event of the candidate, whose
// share of them under the hypothesis is share; see [EventShare]. Its evidence is
// that the share is another.
func NewEventShare(share float64, tuning Tuning) *Coin {
	return NewCoin(NewBetaMixture(share, TwoSided, tuning))
}

// Add takes tosses and how many of them were hits.
func (c *Coin) Add(hits, tosses int) {
	c.hits += hits
	c.tosses += tosses
}

// Log implements [EProcess].
func (c *Coin) Log() float64 { return c.mixture.Log(c.hits, c.tosses) }

// AnytimeRate returns the confidence sequence at 1-alpha, the tuning's, for the
// chance of success behind c: the chances against which a [BetaMixture] of their
// own has too little evidence.
func AnytimeRate(c Count, tuning Tuning) (lower, upper float64) {
	if c.N == 0 {
		return 0, 1
	}
	inside := func(p float64) bool {
		return NewBetaMixture(p, TwoSided, tuning).Log(c.OK, c.N) < tuning.bar()
	}
	lower, upper = 0, 1
	if c.OK > 0 {
		lower = bisect(c.Rate(), 0, inside)
	}
	if c.OK < c.N {
		upper = bisect(c.Rate(), 1, inside)
	}
	return lower, upper
}

// LogRateDrop returns the log-evidence that the candidate succeeds less often
// than the baseline, in unpaired, independent attempts: for every rate that both
// could have, that the baseline's is larger plus that the candidate's is
// smaller; the rate that explains both best counts.
func LogRateDrop(baseline, candidate Count, tuning Tuning) float64 {
	evidence := func(logit float64) float64 {
		p := 1 / (1 + math.Exp(-logit))
		return NewBetaMixture(p, Above, tuning).Log(baseline.OK, baseline.N) +
			NewBetaMixture(p, Below, tuning).Log(candidate.OK, candidate.N)
	}
	a, b := baseline.logit(), candidate.logit()
	// The best rate lies between the two, unless there is no evidence to speak
	// of: look well beyond them.
	const beyond = 5
	return evidence(minimise(math.Min(a, b)-beyond, math.Max(a, b)+beyond, evidence))
}

// logit returns the log-odds of success, kept finite by half a success and half
// a failure more.
func (c Count) logit() float64 {
	return math.Log((float64(c.OK) + .5) / (float64(c.N-c.OK) + .5))
}

var _ EProcess = (*Coin)(nil)

package stats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/stats"
)

// labelled returns a label after so many bad outcomes of each arm.
func labelled(side stats.Side, share float64, candidate, baseline int) float64 {
	l := stats.NewLabel(side)
	for range candidate {
		l.Candidate(share)
	}
	for range baseline {
		l.Baseline(share)
	}
	return l.Log()
}

func TestVectorLabel(t *testing.T) {
	near(t, "40 of 60 up", labelled(stats.Above, .5, 40, 20), 2.3436462527)
	near(t, "40 of 60 down", labelled(stats.Below, .5, 40, 20), -2.2563151445)
	near(t, "25 of 60 up", labelled(stats.Above, .5, 25, 35), -1.7141310016)
	near(t, "30 of 150 up", labelled(stats.Above, .1, 30, 120), 5.1418309211)
}

// Under the hypothesis the next outcome leaves the evidence as it is on average,
// with whatever share is in force.
func TestLabelIsAMartingale(t *testing.T) {
	for _, side := range []stats.Side{stats.Above, stats.Below} {
		l := stats.NewLabel(side)
		for i, share := range []float64{.01, .05, .2, .5, .9} {
			candidate, baseline := *l, *l
			candidate.Candidate(share)
			baseline.Baseline(share)
			mean := share*math.Exp(candidate.Log()) + (1-share)*math.Exp(baseline.Log())
			near(t, "mean of the next", mean/math.Exp(l.Log()), 1)
			if i%2 == 0 {
				l = &candidate
			} else {
				l = &baseline
			}
		}
	}
}

func TestLabelsOfOppositeArms(t *testing.T) {
	near(t, "swapped arms", labelled(stats.Above, .3, 17, 9), labelled(stats.Below, .7, 9, 17))
}

// If bad outcomes are 1+tau times as frequent, so is the candidate's share.
func TestLabelShare(t *testing.T) {
	near(t, "no margin", stats.LabelShare(.3, 0), .3)
	const share, tau, rate = .3, .25, .02
	candidate, baseline := share*rate*(1+tau), (1-share)*rate
	near(t, "share of bad outcomes", stats.LabelShare(share, tau), candidate/(candidate+baseline))
}

// slowSplit follows the reference to the letter for one quantile: it sorts the
// past, and scores with what it finds there.
type slowSplit struct {
	tau, q    float64
	past      []int
	threshold int
	worse     *stats.Label
}

func (s *slowSplit) add(candidate bool, seconds, share float64) {
	if candidate {
		seconds /= 1 + s.tau
	}
	bucket := math.MaxInt32
	if !math.IsInf(seconds, 1) {
		bucket = int(math.Log(seconds/1e-6) / math.Log(1.004))
	}
	if len(s.past) >= 50 && bucket > s.threshold {
		if candidate {
			s.worse.Candidate(share)
		} else {
			s.worse.Baseline(share)
		}
	}
	at, _ := slices.BinarySearch(s.past, bucket)
	s.past = slices.Insert(s.past, at, bucket)
	if n := len(s.past); n >= 50 && (n-50)%20 == 0 {
		s.threshold = s.past[int(math.Ceil(s.q*float64(n)))-1]
	}
}

func TestSplitAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 1))
	const tau = .1
	quantiles := []float64{.5, .95}
	split := stats.NewSplit(tau, quantiles...)
	slow := make([]slowSplit, len(quantiles))
	for i, q := range quantiles {
		slow[i] = slowSplit{tau: tau, q: q, worse: stats.NewLabel(stats.Above)}
	}
	for n := range 1500 {
		share := .3
		if n > 700 {
			share = .5
		}
		seconds := math.Exp(.5 * r.NormFloat64())
		if r.IntN(50) == 0 {
			seconds = math.Inf(1)
		}
		candidate := r.Float64() < share
		feed(t, split, candidate, seconds, share)
		for i := range slow {
			slow[i].add(candidate, seconds, share)
			near(t, "worse", split.WorseAt(i).Log(), slow[i].worse.Log())
		}
	}
	want := math.Log((math.Exp(split.WorseAt(0).Log()) + math.Exp(split.WorseAt(1).Log())) / 2)
	near(t, "mean over quantiles", split.Worse().Log(), want)
}

func feed(t testing.TB, s *stats.Split, candidate bool, seconds, share float64) {
	t.Helper()
	take := s.Baseline
	if candidate {
		take = s.Candidate
	}
	if err := take(seconds, share); err != nil {
		t.Fatal(err)
	}
}

func TestSplitRefuses(t *testing.T) {
	s := stats.NewSplit(0, .5)
	for _, seconds := range []float64{-1, math.NaN(), math.Inf(-1)} {
		if s.Candidate(seconds, .5) == nil || s.Baseline(seconds, .5) == nil {
			t.Errorf("took %v", seconds)
		}
	}
	for _, seconds := range []float64{0, 1e-12, 1e12, math.Inf(1)} {
		feed(t, s, true, seconds, .5)
	}
}

// A candidate that fails where the baseline answers is found out fast.
func TestSplitSeesFailures(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 2))
	s := stats.NewSplit(0, .95)
	for range 1000 {
		candidate, seconds := r.Float64() < .5, 1.0
		if candidate && r.IntN(25) == 0 {
			seconds = math.Inf(1)
		}
		feed(t, s, candidate, seconds, .5)
	}
	if s.Worse().Log() < math.Log(20) {
		t.Errorf("log E %v", s.Worse().Log())
	}
}

// verdicts counts what a split says within n requests, looked at every ten from
// the hundredth on. The latencies' noise is shared by the arms and correlated.
func verdicts(t *testing.T, goal string, factor, tau float64, n, runs int) (worse, better int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed(goal), 0))
	const phi = .95
	for range runs {
		s := stats.NewSplit(tau, .5, .75, .9, .95, .99)
		noise, up, down := r.NormFloat64(), false, false
		for i := range n {
			noise = phi*noise + math.Sqrt(1-phi*phi)*r.NormFloat64()
			candidate, seconds := r.Float64() < .5, math.Exp(sigma*noise)
			if candidate {
				seconds *= factor
			}
			feed(t, s, candidate, seconds, .5)
			if i >= 99 && i%10 == 9 {
				up = up || s.Worse().Log() >= math.Log(20)
				down = down || s.Better().Log() >= math.Log(20)
			}
		}
		if up {
			worse++
		}
		if down {
			better++
		}
	}
	return worse, better
}

func TestSplitErrorRate(t *testing.T) {
	const runs = 200
	worse, better := verdicts(t, "split of identical arms", 1, 0, 2000, runs)
	between(t, "rolled back of identical arms", worse, runs, 0, .05)
	between(t, "called better of identical arms", better, runs, 0, .05)
}

func TestSplitPower(t *testing.T) {
	const runs = 100
	worse, better := verdicts(t, "split, 20 % slower", 1.2, 0, 2000, runs)
	between(t, "rolled back of arms 20 % apart", worse, runs, .9, 1)
	between(t, "called better of a slower arm", better, runs, 0, .01)
	worse, better = verdicts(t, "split, margin", 1, .2, 2000, runs)
	between(t, "rolled back within the margin", worse, runs, 0, .01)
	between(t, "called better than the margin", better, runs, .9, 1)
}

func TestSplitPromotesByQuantile(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 3))
	s := stats.NewSplit(.2, .5, .95)
	for range 6000 {
		candidate := r.Float64() < .5
		seconds := math.Exp(sigma * r.NormFloat64())
		if candidate && seconds > 1.5 { // the slower part is slower by just the margin
			seconds *= 1.2
		}
		feed(t, s, candidate, seconds, .5)
	}
	if s.BetterAt(0).Log() < math.Log(20) || s.BetterAt(1).Log() >= math.Log(20) {
		t.Errorf("log E %v at the median, %v at P95", s.BetterAt(0).Log(), s.BetterAt(1).Log())
	}
}

func TestSplitDoesNotAllocate(t *testing.T) {
	s := stats.NewSplit(.05, .5, .95, .99)
	if got := testing.AllocsPerRun(500, func() { feed(t, s, true, 1, .5) }); got != 0 {
		t.Errorf("%v allocations per request", got)
	}
}

func BenchmarkSplit(b *testing.B) {
	s := stats.NewSplit(0, .5, .75, .9, .95, .99)
	r := rand.New(rand.NewPCG(17, 4))
	b.ReportAllocs()
	for b.Loop() {
		feed(b, s, r.Float64() < .5, math.Exp(sigma*r.NormFloat64()), .5)
	}
}

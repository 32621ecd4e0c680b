package proof

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// The cut of the proof that every test run makes: cells of up to cutPairs pairs,
// with a number of repetitions that draws cutWork pairs in each, or as many as are
// told. A goal's cells are pooled, and what they come to may lie band standard
// deviations of the binomial beyond what cells exactly at their bounds would: a
// goal that is just met fails in one of some 2,000 such tests.
const (
	cutPairs = 1000
	cutWork  = 20_000
	band     = 3.3
)

// A pool is how far the outcomes of cells lie from their bounds, in standard
// deviations: positive beyond the upper, negative below the lower bound.
type pool struct {
	over, under         float64 // outcomes less what the bounds allow
	variance, variance2 float64
}

func (p *pool) add(c Cell, outcomes []float64) {
	most, least, sum := c.Most/100, c.Least/100, 0.0
	if c.Kind == Median { // half of the repetitions stop by then
		most, least = math.Inf(1), .5
	}
	for _, x := range outcomes {
		if c.Kind == Median {
			x = one(x <= c.Most)
		}
		sum += x
	}
	n := float64(len(outcomes))
	if most < 1 {
		p.over += sum - n*most
		p.variance += n * math.Max(most*(1-most), 1e-9)
	}
	if least > 0 {
		least = math.Min(least, .995)
		p.under += sum - n*least
		p.variance2 += n * least * (1 - least)
	}
}

func (p *pool) tooOften() bool { return p.over > band*math.Sqrt(p.variance) }
func (p *pool) tooRare() bool  { return p.under < -band*math.Sqrt(p.variance2) }

// inCut tells how often the cut repeats a cell.
func inCut(c Cell) int {
	if c.World.Pairs > cutPairs || c.Bound == unbounded {
		return 0
	}
	return cutWork / c.World.Pairs
}

func TestGoals(t *testing.T) {
	for _, g := range Goals() {
		t.Run(g.Name, func(t *testing.T) {
			var all pool
			for _, c := range g.Cells {
				if c.Kind == Points || c.Kind == Mean || inCut(c) == 0 {
					continue
				}
				all.add(c, outcomes(t, g, c, inCut(c)))
			}
			t.Logf("%.1f beyond the upper bounds, allowed %.1f; %.1f beyond the lower, allowed %.1f",
				all.over, band*math.Sqrt(all.variance), all.under, -band*math.Sqrt(all.variance2))
			if all.tooOften() || all.tooRare() {
				t.Error("the goal is missed")
			}
		})
	}
}

func outcomes(t *testing.T, g Goal, c Cell, n int) []float64 {
	t.Helper()
	out, err := c.repeat(t.Context(), Seed(g.Name+" "+c.Name), n, 1)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTheCutSeesADoubledErrorRate: a judge that errs twice as often as it says
// does not pass the cut.
func TestTheCutSeesADoubledErrorRate(t *testing.T) {
	for _, g := range Goals() {
		switch g.Name {
		case "P1", "G1":
		default:
			continue
		}
		var all pool
		p := p95(0)
		p.Alpha *= 2
		for _, c := range g.Cells {
			if inCut(c) > 0 {
				c.Try = rollsBack(p)
				all.add(c, outcomes(t, g, c, inCut(c)))
			}
		}
		if !all.tooOften() {
			t.Errorf("%s: %.1f beyond the bounds passes, allowed %.1f", g.Name, all.over, band*math.Sqrt(all.variance))
		}
	}
}

// TestSequentialCut is the cut of cells that are watched up to more pairs: those
// with an effect, which end early.
func TestSequentialCut(t *testing.T) {
	for _, g := range Goals() {
		if g.Name != "P9" && g.Name != "P10" {
			continue
		}
		var all pool
		for _, c := range g.Cells {
			if c.Most <= 800 {
				all.add(c, outcomes(t, g, c, 15))
			}
		}
		if all.tooRare() {
			t.Errorf("%s: the medians are missed: %.1f fewer in time than half, allowed %.1f", g.Name, -all.under, band*math.Sqrt(all.variance2))
		}
	}
}

// TestWorkersDoNotMatter: the same figures whoever shares the work.
func TestWorkersDoNotMatter(t *testing.T) {
	c := Cell{World: Model{}.sized(200, 20), Try: rollsBack(p95(0))}
	alone, err := c.repeat(t.Context(), 1, 200, 1)
	if err != nil {
		t.Fatal(err)
	}
	together, err := c.repeat(t.Context(), 1, 200, 7)
	if err != nil {
		t.Fatal(err)
	}
	for i := range alone {
		if alone[i] != together[i] {
			t.Fatalf("repetition %d: %v alone, %v together", i, alone[i], together[i])
		}
	}
}

// TestElsewhere: what the document points at exists.
func TestElsewhere(t *testing.T) {
	for _, g := range Goals() {
		if len(g.Cells) == 0 && g.Elsewhere == "" {
			t.Errorf("%s is neither simulated nor held elsewhere", g.Name)
		}
		exist(t, g.Name, g.Tests)
	}
	for _, r := range Regressions() {
		if len(r.Tests) == 0 {
			t.Errorf("nothing holds %q, and nothing says why", r.What)
		}
		exist(t, r.What, r.Tests)
	}
}

func exist(t *testing.T, what string, tests []Test) {
	t.Helper()
	for _, test := range tests {
		data, err := os.ReadFile(filepath.Join("../..", test.File))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(data), "func "+test.Func+"(") {
			t.Errorf("%s: %s has no %s", what, test.File, test.Func)
		}
	}
}

// TestModelIsWhatItSays measures what was drawn.
func TestModelIsWhatItSays(t *testing.T) {
	r := rand.New(rand.NewPCG(Seed("model"), 0))
	for name, c := range map[string]struct {
		Model
		correlation, lag float64
	}{
		"lognormal":      {Model{}, 0, 0},
		"rho .8":         {Model{Rho: .8}, .8, 0},
		"autocorrelated": {Model{Auto: .9, Rho: .5}, .5, .45},
		"shared drift":   {Model{Drift: SharedDrift}, .2, .2 * .99},
		"own drift":      {Model{Drift: SeparateDrift}, 0, .2 * .99},
		"restart":        {Model{Restart: .5}, 0, .5},
	} {
		var s table
		c.sized(100_000, 1000).draw(r, &s)
		n := float64(len(s.baseline))
		var mean [2]float64
		for i := range s.baseline {
			mean[0] += s.baseline[i] / n
			mean[1] += s.candidate[i] / n
		}
		var square [2]float64
		var product, lagged float64
		for i := range s.baseline {
			x, y := s.baseline[i]-mean[0], s.candidate[i]-mean[1]
			square[0] += x * x
			square[1] += y * y
			product += x * y
			if i > 0 {
				lagged += x * (s.baseline[i-1] - mean[0])
			}
		}
		want := sigma * math.Sqrt(1+c.Restart*c.Restart/sigma/sigma)
		if sd := math.Sqrt(square[0] / n); math.Abs(sd-want) > .03*want {
			t.Errorf("%s: s.d. %.3f, want %.3f", name, sd, want)
		}
		if got := product / math.Sqrt(square[0]*square[1]); math.Abs(got-c.correlation) > .03 {
			t.Errorf("%s: the arms correlate by %.3f, want %.3f", name, got, c.correlation)
		}
		if got := lagged / square[0]; math.Abs(got-c.lag) > .03 {
			t.Errorf("%s: neighbours correlate by %.3f, want %.3f", name, got, c.lag)
		}
	}
}

// TestModelEffects: what an effect leaves alone.
func TestModelEffects(t *testing.T) {
	equal := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	m := Model{Tail: .2}
	equal("tail, a fast one", m.candidate(1), m.baseline(1))
	equal("tail, a slow one", m.candidate(1.3), m.baseline(1.3)+math.Log(1.2))
	m = Model{Narrower: .17}
	equal("narrower, at P95", m.candidate(z95), m.baseline(z95))
	equal("narrower, spread", m.candidate(2)-m.candidate(1), .83*sigma)
	if u := bimodal(1.03); u > math.Log(700e6) {
		t.Errorf("under the slowest tenth: %v", math.Exp(u))
	}
	if u := bimodal(z95); math.Abs(u-math.Log(2500e6)) > 1e-9 {
		t.Errorf("in the middle of the slowest tenth: %v", math.Exp(u))
	}
}

// TestFigures: means, medians and their errors.
func TestFigures(t *testing.T) {
	outcomes := make([]float64, 400)
	for i := range outcomes {
		outcomes[i] = float64(i % 2)
	}
	if f := Percent.figure(outcomes); f.Value != 50 || math.Abs(f.Error-2.5) > 1e-9 || f.Repetitions != 400 {
		t.Errorf("%+v", f)
	}
	for i := range outcomes {
		outcomes[i] = float64(399 - i)
		if i < 100 {
			outcomes[i] = math.Inf(1)
		}
	}
	if f := Median.figure(outcomes); f.Value != 199 || f.Error != 10 {
		t.Errorf("%+v", f)
	}
	for i := range outcomes {
		outcomes[i] = math.Inf(1)
	}
	if f := Median.figure(outcomes); !math.IsInf(f.Value, 1) || f.Error != 0 {
		t.Errorf("%+v", f)
	}
}

// TestAutocorrelatedArmsHold: below 1,000 pairs arms whose noise outlasts a request
// err twice as often as they may, so they are held, and sound ones are not.
func TestAutocorrelatedArmsHold(t *testing.T) {
	for name, c := range map[string]struct {
		Model
		held bool
	}{
		"autocorrelated, rho 0":    {Model{Auto: .9}, true},
		"autocorrelated, rho 0.95": {Model{Auto: .9, Rho: .95}, true},
		"sound":                    {Model{Rho: .8}, false},
		"sound, shared drift":      {Model{Drift: SharedDrift}, false},
		"sound, restarts":          {Model{Restart: .05}, false},
	} {
		var s Scratch
		for i := range 30 {
			m := c.sized(200, 20)
			m.draw(rand.New(rand.NewPCG(Seed(name), uint64(i))), &s.table)
			v := judge.Judge(p95(0), s.evidenceOf(m))
			if held := v.Reason == judge.ReasonAutocorrelated; held != c.held {
				t.Errorf("%s: %s (%s)", name, v.Decision, v.Summary[0])
				break
			}
		}
	}
}

// TestFreshBlocksMayCorrelateWithin: requests correlate under any load that
// queues. Where both processes are new in every block nothing of that reaches the
// next one, and few pairs are judged.
func TestFreshBlocksMayCorrelateWithin(t *testing.T) {
	var s Scratch
	m := Model{Auto: .5, Rho: .5}.sized(200, 20)
	m.draw(rand.New(rand.NewPCG(Seed("fresh blocks"), 0)), &s.table)
	e := s.evidenceOf(m)
	if v := judge.Judge(p95(0), e); v.Reason != judge.ReasonAutocorrelated {
		t.Errorf("processes that stand: %s (%s)", v.Decision, v.Summary[0])
	}
	e.Restarts = e.Blocks
	if v := judge.Judge(p95(0), e); v.Reason == judge.ReasonAutocorrelated {
		t.Errorf("processes that are new in every block: %s (%s)", v.Decision, v.Summary[0])
	}
}

// TestLooksAreTheJudges: what is simulated of the group-sequential mode is what the
// judge does in it.
func TestLooksAreTheJudges(t *testing.T) {
	p := p95(0)
	p.Mode, p.Looks = policy.GroupSequential, looks
	m := Model{Rho: .8, Slower: .05}.sized(1000, 20)
	levels, stops := levels(), 0
	for i := range uint64(10) {
		var s Scratch
		want := m.looked(&s, rand.New(rand.NewPCG(1, i)), levels).stopped
		got := math.Inf(1)
		for look := 1; look <= looks && math.IsInf(got, 1); look++ {
			m.draw(rand.New(rand.NewPCG(1, i)), &s.table)
			blocks := look * m.Blocks / looks
			e := s.evidenceOf(m)
			e.Blocks, e.Restarts, e.BaselineFirst, e.Look = blocks, blocks, blocks/2, look
			e.Pairs = blocks * m.Pairs / m.Blocks
			e.Work = evidence.Work{Pairs: e.Pairs, BaselineTokens: 1, CandidateTokens: 1}
			e.Outcomes = evidence.Outcomes{Baseline: s.tally[:blocks], Candidate: s.tally[:blocks]}
			first := e.Latencies[sample.FirstToken]
			first.Baseline, first.Candidate = first.Baseline[:e.Pairs], first.Candidate[:e.Pairs]
			first.Block, first.Item = first.Block[:e.Pairs], first.Item[:e.Pairs]
			e.Latencies[sample.FirstToken] = first
			if judge.RollsBack(p, e) {
				got = float64(e.Pairs)
			}
		}
		if got != want {
			t.Errorf("repetition %d: the judge stops after %v pairs, the simulation after %v", i, got, want)
		}
		stops += int(one(!math.IsInf(want, 1)))
	}
	if stops < 3 || stops == 10 {
		t.Errorf("%d of 10 stop: the comparison shows nothing", stops)
	}
}

// TestWatchedIsTheJudges: what is simulated of the anytime mode is what the judge
// does in it with all blocks at hand.
func TestWatchedIsTheJudges(t *testing.T) {
	p := p95(0)
	p.Mode = policy.Anytime
	m := Model{Rho: .8, Slower: .08}.sized(1000, 20)
	found := 0
	for i := range uint64(12) {
		var s Scratch
		want := everRolledBack(m, &s, rand.New(rand.NewPCG(1, i))) == 1
		got := rollsBack(p)(m, &s, rand.New(rand.NewPCG(1, i))) == 1
		if got != want {
			t.Errorf("repetition %d: the judge says %v, the simulation %v", i, got, want)
		}
		if want {
			found++
		}
	}
	if found < 3 || found > 9 {
		t.Errorf("%d of 12 found: the comparison shows nothing", found)
	}
}

package judge_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

// small is a run that is quick to judge and clearly worse.
func small(slower float64) sample.Run {
	return proof.World{Seed: proof.Seed("damage"), Blocks: 12, PerBlock: 30, Sigma: .5, Between: .98, FirstToken: slower, Gap: slower}.Run()
}

// A damage spoils the samples of a run at random.
type damage func(*rand.Rand, *sample.Run)

// some applies spoil to a random share of the samples.
func some(spoil func(*sample.Sample)) damage {
	return func(r *rand.Rand, run *sample.Run) {
		share := r.Float64()
		for i := range run.Samples {
			if r.Float64() < share {
				spoil(&run.Samples[i])
			}
		}
	}
}

var damages = []damage{
	some(func(s *sample.Sample) { s.Outcome = sample.Aborted }),
	some(func(s *sample.Sample) { s.Outcome = sample.HTTP5xx }),
	some(func(s *sample.Sample) { s.TokenNS = 0 }),
	some(func(s *sample.Sample) { s.LastNS, s.CloseNS = 0, 0 }),
	some(func(s *sample.Sample) { s.IntendedNS = s.CloseNS }),
	some(func(s *sample.Sample) { s.Events = 1 }),
	some(func(s *sample.Sample) { s.Usage = sample.Usage{} }),
	some(func(s *sample.Sample) { s.Block = -s.Block }),
	some(func(s *sample.Sample) { s.Block = 0 }),
	some(func(s *sample.Sample) { s.Restart = 0 }),
	some(func(s *sample.Sample) { s.Item, s.Occurrence = "", 0 }),
	some(func(s *sample.Sample) { s.Arm = "nobody" }),
	some(func(s *sample.Sample) { s.Warmup = true }),
	func(r *rand.Rand, run *sample.Run) { run.Samples = run.Samples[:r.IntN(len(run.Samples)+1)] },
	func(_ *rand.Rand, run *sample.Run) {
		run.Samples = slices.DeleteFunc(run.Samples, func(s sample.Sample) bool { return s.Arm == "candidate" })
	},
	func(_ *rand.Rand, run *sample.Run) { // the slowest answers of the candidate go missing
		run.Samples = slices.DeleteFunc(run.Samples, func(s sample.Sample) bool {
			return s.Arm == "candidate" && s.TokenNS-s.IntendedNS > 25e6
		})
	},
	func(_ *rand.Rand, run *sample.Run) { run.Trailer = sample.Trailer{} },
	func(_ *rand.Rand, run *sample.Run) { run.Header.Design = "" },
}

// FuzzDamage holds that no damage turns a candidate that is 30 % slower into one
// that is promoted.
func FuzzDamage(f *testing.F) {
	for i := range len(damages) {
		f.Add(uint64(i), byte(i), byte(i))
		f.Add(uint64(i), byte(i), byte(3*i))
		f.Add(uint64(i+1), byte(i), byte(i))
		f.Add(uint64(i+2), byte(i), byte(i))
	}
	policies := []policy.Policy{policy.Default(), fixed(), byThreshold()}
	f.Fuzz(func(t *testing.T, seed uint64, first, second byte) {
		p := policies[seed%uint64(len(policies))]
		run := small(1.3)
		r := rand.New(rand.NewPCG(seed, 0))
		damages[int(first)%len(damages)](r, &run)
		damages[int(second)%len(damages)](r, &run)
		if v := judge.Judge(p, setOf(t, run)); v.Decision == judge.Promote {
			t.Errorf("promoted: %q", v.Summary)
		}
	})
}

// TestBrokenEvidenceNeverPromotes spoils, in one place each, the evidence of
// identical arms that does promote.
func TestBrokenEvidenceNeverPromotes(t *testing.T) {
	good := func() evidence.Set { return setOf(t, small(1)) }
	if v := judge.Judge(policy.Default(), good()); v.Decision != judge.Promote {
		t.Fatalf("the unspoilt evidence: %s, %q", v.Decision, v.Summary)
	}
	spoils := map[string]func(*evidence.Set){
		"no latencies":       func(e *evidence.Set) { e.Latencies = nil },
		"no outcomes":        func(e *evidence.Set) { e.Outcomes = evidence.Outcomes{} },
		"no candidate":       func(e *evidence.Set) { e.Outcomes.Candidate = nil },
		"negative count":     func(e *evidence.Set) { e.Outcomes.Candidate[3].OK = -1 },
		"more than attempts": func(e *evidence.Set) { e.Outcomes.Candidate[3].OK = 1000 },
		"all failed": func(e *evidence.Set) {
			for k := range e.Outcomes.Candidate {
				e.Outcomes.Candidate[k].OK = 0
			}
		},
		"no work":        func(e *evidence.Set) { e.Work = evidence.Work{} },
		"no blocks":      func(e *evidence.Set) { e.Blocks = 0 },
		"blocks under 0": func(e *evidence.Set) { e.Blocks = -1 },
		"too few blocks": func(e *evidence.Set) { e.Blocks = 5 },
		"nothing":        func(e *evidence.Set) { *e = evidence.Set{} },
		"not validated":  func(e *evidence.Set) { e.Validity = sample.Validity{} },
		"no order":       func(e *evidence.Set) { e.BaselineFirst = 0 },
		"lost":           func(e *evidence.Set) { e.LostCandidate = e.Pairs / 10 },
	}
	for _, m := range []sample.Measure{sample.FirstToken, sample.Gap, sample.Full} {
		change := func(do func(*evidence.Pairs)) func(*evidence.Set) {
			return func(e *evidence.Set) {
				p := e.Latencies[m]
				do(&p)
				e.Latencies[m] = p
			}
		}
		name := string(m) + ": "
		spoils[name+"NaN"] = change(func(p *evidence.Pairs) { p.Candidate[17] = math.NaN() })
		spoils[name+"zero"] = change(func(p *evidence.Pairs) { p.Candidate[17] = 0 })
		spoils[name+"negative"] = change(func(p *evidence.Pairs) { p.Baseline[17] = -5 })
		spoils[name+"minus infinite"] = change(func(p *evidence.Pairs) { p.Candidate[17] = math.Inf(-1) })
		spoils[name+"wrong block"] = change(func(p *evidence.Pairs) { p.Block[17] = 99 })
		spoils[name+"short"] = change(func(p *evidence.Pairs) { p.Candidate = p.Candidate[:9] })
		spoils[name+"gone"] = change(func(p *evidence.Pairs) { *p = evidence.Pairs{} })
		spoils[name+"one block left"] = change(func(p *evidence.Pairs) {
			n := 30
			*p = evidence.Pairs{Baseline: p.Baseline[:n], Candidate: p.Candidate[:n], Block: p.Block[:n], Item: p.Item[:n]}
		})
		spoils[name+"all failed"] = change(func(p *evidence.Pairs) {
			for i := range p.Candidate {
				p.Candidate[i] = math.Inf(1)
			}
		})
		spoils[name+"both failed"] = change(func(p *evidence.Pairs) {
			for i := range p.Candidate {
				p.Candidate[i], p.Baseline[i] = math.Inf(1), math.Inf(1)
			}
		})
		spoils[name+"lost"] = change(func(p *evidence.Pairs) { p.LostCandidate = 30 })
	}
	for name, spoil := range spoils {
		e := good()
		spoil(&e)
		for _, mode := range []policy.Mode{policy.GroupSequential, policy.Fixed, policy.Anytime, policy.Threshold} {
			p := fixed()
			p.Mode = mode
			if v := judge.Judge(p, e); v.Decision == judge.Promote {
				t.Errorf("%s, %s: promoted, %q", name, mode, v.Summary)
			}
		}
	}
}

// TestAPolicyWithoutGatingMetrics cannot be parsed; if one is built it does not
// promote.
func TestAPolicyWithoutGatingMetrics(t *testing.T) {
	for _, p := range []policy.Policy{{}, {Alpha: .05, MinBlocks: 8, MinPairs: 200}} {
		if v := judge.Judge(p, setOf(t, small(1))); v.Decision == judge.Promote {
			t.Errorf("promoted by %+v", p)
		}
	}
}

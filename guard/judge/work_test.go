package judge_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// TestSameWork has arms whose answers differ one by one and are equivalent all
// the same, and arms that differ where it cannot be seen in the totals.
func TestSameWork(t *testing.T) {
	for _, c := range []struct {
		name   string
		blocks int
		change func(*sample.Sample, *rand.Rand, bool) // of either arm; true: the candidate's
		says   string                                 // "": the same work
	}{
		{"equal", 20, func(*sample.Sample, *rand.Rand, bool) {}, ""},
		{"a model that samples", 20, func(s *sample.Sample, r *rand.Rand, _ bool) {
			s.Usage.Output = int(200 * math.Exp(.2*r.NormFloat64()))
			s.AnswerHash = string(rune('a' + r.IntN(26)))
			if r.IntN(100) == 0 {
				s.Finish = "max_tokens"
			}
		}, ""},
		{"longer by 5 %", 20, func(s *sample.Sample, _ *rand.Rand, candidate bool) {
			if s.Usage.Output = 200; candidate {
				s.Usage.Output = 210
			}
		}, "output tokens per item: the candidate's are +5.0 %"},
		{"short ones longer, long ones shorter, the same in all", 20, func(s *sample.Sample, _ *rand.Rand, candidate bool) {
			long := chance(s, "long") < .5
			switch {
			case long && candidate:
				s.Usage.Output = 990
			case long:
				s.Usage.Output = 1000
			case candidate:
				s.Usage.Output = 20
			default:
				s.Usage.Output = 10
			}
		}, "output tokens per item"},
		{"a few very long ones", 20, func(s *sample.Sample, _ *rand.Rand, candidate bool) {
			if s.Usage.Output = 200; candidate && chance(s, "long") < .006 {
				s.Usage.Output = 1200
			}
		}, "output tokens in all"},
		{"too little evidence", 8, func(s *sample.Sample, r *rand.Rand, _ bool) {
			s.Usage.Output = int(200 * math.Exp(.8*r.NormFloat64()))
		}, "not shown to lie within -2.0 % and +2.0 %"},
		{"three in a hundred cut short", 20, func(s *sample.Sample, _ *rand.Rand, candidate bool) {
			if candidate && chance(s, "cut") < .03 {
				s.Finish = "max_tokens"
			}
		}, `answers that ended by "`},
		{"another share cached", 20, func(s *sample.Sample, _ *rand.Rand, candidate bool) {
			if s.Usage.Input, s.Usage.Cached = 1000, 500; candidate {
				s.Usage.Cached = 400
			}
		}, "cached input tokens: the candidate's are -10.0 points"},
		{"input counted in one arm", 20, func(s *sample.Sample, _ *rand.Rand, candidate bool) {
			if s.Usage.Input, s.Usage.Cached = 0, 0; candidate {
				s.Usage.Input = 1000
			}
		}, "cached input tokens were not counted in both arms"},
		{"worse answers", 20, func(s *sample.Sample, r *rand.Rand, candidate bool) {
			s.Quality = new(1.0)
			if candidate && chance(s, "worse") < .05 {
				s.Quality = new(0.0)
			}
		}, "scores of answers"},
		{"better answers", 20, func(s *sample.Sample, r *rand.Rand, candidate bool) {
			s.Quality = new(.5)
			if candidate {
				s.Quality = new(1.0)
			}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := usual(c.name)
			w.Blocks = c.blocks
			run := w.Run()
			r := rand.New(rand.NewPCG(w.Seed, 1))
			for i := range run.Samples {
				if s := &run.Samples[i]; s.Outcome == sample.OK {
					c.change(s, r, s.Arm == run.Header.Arms[1].Name)
				}
			}
			v := judge.Judge(policy.Default(), setOf(t, run))
			if v.SameWork.Same != (c.says == "") || !strings.Contains(v.SameWork.Detail, c.says) {
				t.Errorf("same %v: %q, want %q", v.SameWork.Same, v.SameWork.Detail, c.says)
			}
			if c.says != "" && v.Decision == judge.Promote {
				t.Errorf("%s: %q", v.Decision, v.Summary)
			}
		})
	}
}

package watch_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/watch"
)

// anytime is a policy that can be watched.
func anytime(t *testing.T) policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(`
name: canary
mode: anytime
metrics:
  - {measure: success, statistic: rate, gating: true, tau: 1%, margin: 2%}
  - {measure: first_token, statistic: mean, gating: true, tau: 5%, margin: 10%}
`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// arriving is a source to which one block comes at each look, of pairs that
// differ by a few per cent at random, by ratio on the whole, and by swing more or
// less from block to block.
type arriving struct {
	t      *testing.T
	ratio  float64
	swing  float64
	blocks int
	fails  func(look int) error
	looks  int
}

func (a *arriving) Evidence(context.Context) (evidence.Set, error) {
	a.looks++
	if a.fails != nil {
		if err := a.fails(a.looks); err != nil {
			return evidence.Set{}, err
		}
	}
	a.blocks++
	run := sample.Run{
		Header: sample.Header{
			Schema: sample.Schema, Design: sample.Interleaved, Blocks: 1000, Source: "proxy",
			Arms: []sample.Arm{{Name: "baseline", Restarted: true}, {Name: "candidate", Restarted: true}},
		},
		Trailer: sample.Trailer{Trailer: true, Validity: sample.Validity{Grade: sample.Valid}},
	}
	for k := range a.blocks {
		ratio := a.ratio * (1 + a.swing*float64(1-k%2*2))
		for i := range 50 {
			noise := 1 + .04*float64((k*7+i*13)%11-5)/5
			base := float64(20e6 + 1e6*((k*31+i*17)%29))
			for side, ns := range []float64{base, base * noise * ratio} {
				run.Samples = append(run.Samples, answered(run.Header.Arms[side].Name, k, side, i, int64(ns)))
			}
		}
	}
	set, err := evidence.New(evidence.Source{Run: run})
	if err != nil {
		a.t.Error(err)
	}
	return set, nil
}

// answered is a request that was answered ns after its intended start. Which arm
// goes first changes from block to block.
func answered(arm string, block, side, item int, ns int64) sample.Sample {
	start := int64(block+1)*1e12 + int64((side+block)%2)*1e11 + int64(item)*1e8
	return sample.Sample{
		Arm: arm, Block: block, Restart: block, Item: "item-" + string(rune('A'+item)), Occurrence: block, Outcome: sample.OK, Status: 200,
		IntendedNS: start, FirstByteNS: start + ns/2, TokenNS: start + ns, LastNS: start + 3*ns, CloseNS: start + 3*ns + 1,
		Events: 3, Usage: sample.Usage{Input: 10, Output: 3, Source: "usage"}, Finish: "end_turn", AnswerHash: "same",
	}
}

func TestRunEndsWhenItIsDecided(t *testing.T) {
	for name, c := range map[string]struct {
		ratio, swing float64
		limit        time.Duration
		want         judge.Decision
	}{
		"a candidate that is a third slower": {1.33, 0, 0, judge.Rollback},
		"one that is equal":                  {1, 0, 0, judge.Promote},
		"one that lies between":              {1.075, .06, 5 * time.Minute, judge.Hold},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, told := time.Now(), 0
				source := &arriving{t: t, ratio: c.ratio, swing: c.swing}
				v, err := watch.Run(t.Context(), watch.Config{
					Source: source, Policy: anytime(t), Every: 30 * time.Second, For: c.limit,
					Tell: func(l watch.Look) { told = l.N },
				})
				if err != nil {
					t.Fatal(err)
				}
				if v.Decision != c.want || v.Mode != "anytime" {
					t.Errorf("%s in mode %s after %d looks: %v", v.Decision, v.Mode, told, v.Summary)
				}
				if told != source.looks {
					t.Errorf("told of %d looks of %d", told, source.looks)
				}
				if took := time.Since(began); c.limit == 0 && took != time.Duration(told)*30*time.Second || c.limit > 0 && took != c.limit {
					t.Errorf("it took %v for %d looks", took, told)
				}
			})
		})
	}
}

func TestRunBearsWithASourceForAWhile(t *testing.T) {
	broken := errors.New("connection refused")
	synctest.Test(t, func(t *testing.T) {
		flaky := &arriving{t: t, ratio: 1.33, fails: func(look int) error {
			if look%3 != 0 {
				return broken
			}
			return nil
		}}
		v, err := watch.Run(t.Context(), watch.Config{Source: flaky, Policy: anytime(t), Every: time.Second, Patience: 2})
		if err != nil || v.Decision != judge.Rollback {
			t.Errorf("two failures in a row of which two are borne: %s, %v", v.Decision, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		dead := &arriving{t: t, ratio: 1, fails: func(look int) error {
			if look > 1 {
				return broken
			}
			return nil
		}}
		v, err := watch.Run(t.Context(), watch.Config{Source: dead, Policy: anytime(t), Every: time.Second, Patience: 2})
		if !errors.Is(err, broken) || v.Decision != "" || dead.looks != 4 {
			t.Errorf("a source that stays away: %q, %v after %d looks", v.Decision, err, dead.looks)
		}
	})
}

// TestRunDoesNotEndInAnErrorAsAVerdict: the last look may not be passed over.
func TestRunDoesNotEndInAnErrorAsAVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := &arriving{t: t, ratio: 1.075, swing: .06, fails: func(look int) error {
			if look > 3 {
				return errors.New("gone")
			}
			return nil
		}}
		_, err := watch.Run(t.Context(), watch.Config{Source: dead, Policy: anytime(t), Every: time.Minute, For: 4*time.Minute + time.Second, Patience: 9})
		if err == nil || !strings.Contains(err.Error(), "gone") {
			t.Errorf("%v", err)
		}
	})
}

func TestRunInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		v, err := watch.Run(ctx, watch.Config{Source: &arriving{t: t, ratio: 1.075}, Policy: anytime(t), Every: time.Minute})
		if !errors.Is(err, watch.ErrInterrupted) || v.Decision != "" {
			t.Errorf("%q, %v", v.Decision, err)
		}
	})
}

func TestConfigRefuses(t *testing.T) {
	fixed := anytime(t)
	fixed.Mode = policy.GroupSequential
	_, err := watch.Run(t.Context(), watch.Config{Policy: fixed, For: -1})
	for _, want := range []string{"no source", "not negative", `mode "group-sequential"`, "the interval is 0s"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q: %v", want, err)
		}
	}
}

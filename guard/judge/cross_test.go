package judge_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

// This file judges the same few candidates in every mode, from every design and
// kind of evidence, with and without controls, whole and damaged, and holds what
// must be true of any verdict whatever the combination.

// crossed is a kind of evidence of a candidate that is so much slower.
type crossed func(t *testing.T, slower float64) evidence.Set

func crossWorld(slower float64) proof.World {
	return proof.World{Seed: proof.Seed("cross"), Blocks: 20, PerBlock: 30, Items: 30, Sigma: .2, Between: .9, FirstToken: slower, Gap: slower}
}

func ofDesign(d sample.Design, change func(*sample.Run)) crossed {
	return func(t *testing.T, slower float64) evidence.Set {
		run := crossWorld(slower).Run()
		run.Header.Design, run.Header.Tool = d, "firstbyte v1"
		change(&run)
		return setOf(t, run)
	}
}

func withoutPartners(run *sample.Run) {
	each("", func(s *sample.Sample) { s.Item, s.Restart = "", 0 })(run)
}

// crossSplit is one process that assigns its requests at random.
func crossSplit(share float64) crossed {
	return func(t *testing.T, slower float64) evidence.Set {
		run, r := crossWorld(1).Run(), rand.New(rand.NewPCG(proof.Seed("cross split"), 0))
		run.Header.Design, run.Header.Tool = sample.Split, "firstbyte v1"
		for i := range run.Samples {
			s := &run.Samples[i]
			s.Item, s.Restart, s.Share, s.Unit, s.Arm = "", 0, share, fmt.Sprint("unit ", i), "baseline"
			if r.Float64() >= share {
				continue
			}
			s.Arm = "candidate"
			for _, at := range []*int64{&s.FirstByteNS, &s.HeadersNS, &s.EventNS, &s.TokenNS, &s.TextNS, &s.LastNS, &s.CloseNS} {
				if *at > 0 {
					*at = s.IntendedNS + int64(float64(*at-s.IntendedNS)*slower)
				}
			}
		}
		return setOf(t, run)
	}
}

func crossBinned(t *testing.T, slower float64) evidence.Set {
	set := ofDesign(sample.Interleaved, withoutPartners)(t, slower)
	set.Binned, set.Concurrent, set.Restarts = map[sample.Measure]evidence.Binned{}, true, 3
	var edges []float64
	for x := 1e6; x < 1e11; x *= 1.03 {
		edges = append(edges, x)
	}
	histogram := func(values []float64) evidence.Histogram {
		h := evidence.Histogram{Edges: edges, Counts: make([]float64, len(edges)-1)}
		for _, v := range values {
			if at, _ := slices.BinarySearch(edges, v); at > 0 && at < len(edges) {
				h.Counts[at-1]++
			} else {
				h.Over++
			}
		}
		return h
	}
	for m := range set.Latencies {
		var b evidence.Binned
		for _, v := range set.PerBlock(m) {
			b.Baseline, b.Candidate = append(b.Baseline, histogram(v.Baseline)), append(b.Candidate, histogram(v.Candidate))
		}
		set.Binned[m] = b
	}
	set.Latencies, set.Paired = nil, nil
	set.Pairs = set.Blocks * 30
	return set
}

var crossKinds = map[string]crossed{
	"paired":      ofDesign(sample.Interleaved, func(*sample.Run) {}),
	"unpaired":    ofDesign(sample.Interleaved, func(r *sample.Run) { withoutPartners(r); r.Header.Schedule.Kind = "observed" }),
	"switchback":  ofDesign(sample.Switchback, func(r *sample.Run) { each("", func(s *sample.Sample) { s.Restart = 0 })(r) }),
	"switched":    ofDesign(sample.Switchback, withoutPartners),
	"binned":      crossBinned,
	"split":       crossSplit(.5),
	"split of 1":  crossSplit(1),
	"single":      ofDesign(sample.Single, func(*sample.Run) {}),
	"no design":   ofDesign("", func(*sample.Run) {}),
	"no blocks":   ofDesign(sample.Interleaved, func(r *sample.Run) { each("", func(s *sample.Sample) { s.Block = 0 })(r) }),
	"other items": ofDesign(sample.Interleaved, func(r *sample.Run) { each("candidate", func(s *sample.Sample) { s.Item += "?" })(r) }),
}

// promotes are the kinds and modes in which equal arms are promoted: a gate that
// never goes green would hold every other invariant.
var promotes = map[policy.Mode][]string{
	policy.Fixed:           {"paired", "unpaired", "switchback", "switched", "binned", "split"},
	policy.GroupSequential: {"paired", "unpaired", "switchback", "switched", "binned"},
	policy.Threshold:       {"paired", "unpaired", "switchback", "switched", "binned"},
	policy.Anytime:         {"paired", "unpaired", "switchback", "switched", "binned", "split"},
	policy.History:         nil,
}

func crossPolicy(mode policy.Mode) policy.Policy {
	p := fixed()
	p.Mode = mode
	p.Metrics = []policy.Metric{
		{Measure: policy.Success, Statistic: policy.Rate, Gating: true, Tau: .01, Margin: .03},
		{Measure: policy.FirstToken, Statistic: policy.P50, Gating: true, Tau: .05, Margin: .15},
		{Measure: policy.Full, Statistic: policy.P50, Gating: true, Tau: .05, Margin: .15},
	}
	return p
}

// spoilt are what evidence may suffer; none of it may be promoted, whatever the
// arms were like.
var spoilt = map[string]func(*evidence.Set){
	"candidate missing": func(e *evidence.Set) {
		e.Outcomes.Candidate, e.Alone, e.Latencies, e.Binned = make([]evidence.Tally, e.Blocks), nil, nil, nil
		e.Paired, e.Pairs, e.LostCandidate = nil, 0, e.Pairs
		e.Requests = slices.Clone(e.Requests)
		for k := range e.Requests {
			e.Requests[k].Candidate = nil
		}
		e.Units = slices.DeleteFunc(slices.Clone(e.Units), func(u evidence.Unit) bool { return u.Candidate })
	},
	"NaN": func(e *evidence.Set) {
		e.Latencies, e.Binned = maps.Clone(e.Latencies), maps.Clone(e.Binned)
		for m, p := range e.Latencies {
			p.Candidate = append([]float64{math.NaN()}, p.Candidate[min(1, len(p.Candidate)):]...)
			e.Latencies[m] = p
		}
		for m, b := range e.Binned {
			b.Candidate = slices.Clone(b.Candidate)
			b.Candidate[0].Over = math.NaN()
			e.Binned[m] = b
		}
		if len(e.Latencies)+len(e.Binned) == 0 || e.Pairs == 0 {
			e.Outcomes.Candidate = slices.Clone(e.Outcomes.Candidate)
			e.Outcomes.Candidate[0].OK = -1
		}
		if len(e.Units) > 0 { // which have nanoseconds, of which none is less than 0
			first := *e.Units[0].Requests[0]
			first.TokenNS = first.IntendedNS - 5
			e.Units = slices.Clone(e.Units)
			e.Units[0].Requests = []*sample.Sample{&first}
		}
	},
	"lacks a gating metric": func(e *evidence.Set) { e.Header.Lacks = []sample.Measure{sample.FirstToken} },
	"invalid":               func(e *evidence.Set) { e.Validity.Grade = sample.Invalid },
	"degraded, no error":    func(e *evidence.Set) { e.Validity = sample.Validity{Grade: sample.Degraded} },
	"not graded":            func(e *evidence.Set) { e.Validity = sample.Validity{} },
	"unknown, our own":      func(e *evidence.Set) { e.Validity.Grade, e.Header.Source = sample.Unknown, "" },
	"stopped":               func(e *evidence.Set) { e.Stopped = "interrupted" },
	"twin dead":             func(e *evidence.Set) { e.Controls = &evidence.Controls{Planted: .1} },
	"plant not slowed": func(e *evidence.Set) {
		own := *e
		e.Controls = &evidence.Controls{Twin: &own, Plant: &own, Planted: .1}
	},
	"different work": func(e *evidence.Set) {
		e.Work.CandidateTokens, e.Work.Blocks = e.Work.CandidateTokens/2, nil
		half := func(requests []*sample.Sample) (out []*sample.Sample) {
			for _, s := range requests {
				other := *s
				other.Usage.Output /= 2
				out = append(out, &other)
			}
			return out
		}
		e.Requests, e.Units = slices.Clone(e.Requests), slices.Clone(e.Units)
		for k := range e.Requests {
			e.Requests[k].Candidate = half(e.Requests[k].Candidate)
		}
		for i := range e.Units {
			if e.Units[i].Candidate {
				e.Units[i].Requests = half(e.Units[i].Requests)
			}
		}
	},
}

// holdsAlways is what must be true of every verdict.
func holdsAlways(t *testing.T, v judge.Verdict, p policy.Policy, e evidence.Set) {
	t.Helper()
	if v.ExitCode != v.Decision.ExitCode() || v.ExitCode == 1 {
		t.Errorf("exit code %d of %q", v.ExitCode, v.Decision)
	}
	if len(v.Summary) != 2 || slices.Contains(v.Summary, "") {
		t.Errorf("not two sentences: %q", v.Summary)
	}
	if v.Guarantee == "" || v.Unit == "" || v.Mode != string(p.Mode) {
		t.Errorf("guarantee %q, unit %q, mode %q", v.Guarantee, v.Unit, v.Mode)
	}
	none := strings.HasPrefix(v.Guarantee, "None") || strings.HasPrefix(v.Guarantee, "No error rate")
	for _, m := range v.Metrics {
		if m.Standing == judge.NotWorse && p.Mode != policy.Threshold && (none || math.IsNaN(float64(m.Upper)) && math.IsNaN(float64(m.Lower))) {
			t.Errorf("%s is not worse, without a bound or a guarantee: %q", m.Key, v.Guarantee)
		}
	}
	if v.Decision == judge.Promote && (strings.HasPrefix(v.Guarantee, "None") || slices.ContainsFunc(v.Metrics, func(m judge.Metric) bool { return m.Gating && m.Standing != judge.NotWorse })) {
		t.Errorf("promoted, with %q and %+v", v.Guarantee, v.Metrics)
	}
	if rolled := judge.RollsBack(p, e); rolled != (v.Decision == judge.Rollback) {
		t.Errorf("rolls back: %v, %s", rolled, v.Decision)
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back judge.Verdict
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(back); err != nil || string(again) != string(data) {
		t.Errorf("JSON there and back: %v\n%s\n%s", err, data, again)
	}
}

func TestEveryCombination(t *testing.T) {
	for kind, build := range crossKinds {
		fine, slow := build(t, 1), build(t, 1.3)
		for mode, green := range promotes {
			p := crossPolicy(mode)
			t.Run(fmt.Sprintf("%s/%s", kind, mode), func(t *testing.T) {
				crossOf(t, p, fine, slow, slices.Contains(green, kind))
			})
		}
	}
}

func crossOf(t *testing.T, p policy.Policy, fine, slow evidence.Set, green bool) {
	judged := func(name string, e evidence.Set) judge.Verdict {
		v := judge.Judge(p, e)
		holdsAlways(t, v, p, e)
		if t.Failed() {
			t.Fatalf("%s: %s %q", name, v.Decision, v.Summary)
		}
		return v
	}
	if v := judged("fine", fine); v.Decision == judge.Rollback || green != (v.Decision == judge.Promote) {
		t.Errorf("equal arms: %s %q", v.Decision, v.Summary)
	}
	if v := judged("slow", slow); v.Decision == judge.Promote || green && v.Decision != judge.Rollback {
		t.Errorf("30 %% slower: %s %q", v.Decision, v.Summary)
	}
	if !green || p.Mode == policy.Anytime && fine.Units != nil { // the same as fixed, and slow
		return
	}
	for name, spoil := range spoilt {
		e := fine
		spoil(&e)
		if v := judged(name, e); v.Decision == judge.Promote {
			t.Errorf("%s: promoted: %q", name, v.Summary)
		}
	}
}

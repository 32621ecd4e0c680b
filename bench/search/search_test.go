package search_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/search"
)

// limit probes a target that keeps its goals up to just that rate.
func limit(most float64) func(float64, int) (search.Probe, error) {
	return func(rate float64, _ int) (search.Probe, error) {
		p := search.Probe{PerSecond: rate, Verdict: search.Met}
		if rate > most {
			p.Verdict = search.Broken
		}
		return p, nil
	}
}

func rates(probes []search.Probe) string {
	var text []string
	for _, p := range probes {
		text = append(text, fmt.Sprintf("%.4g", p.PerSecond))
	}
	return strings.Join(text, " ")
}

func TestTheWayOfASearch(t *testing.T) {
	o := search.Options{From: 10, Most: 1000, Precision: .1}
	for _, row := range []struct {
		most    float64
		way     string
		met, no float64 // 0: none
	}{
		{50, "10 20 40 80 56.57 47.57 51.87", 47.57, 51.87},
		{3, "10 5 2.5 3.536 2.973 3.242", 2.973, 3.242},
		{1e9, "10 20 40 80 160 320 640 1000", 1000, 0},
		{0, "10 5 2.5 1.25 0.625 0.3125 0.1562 0.07812 0.03906 0.01953 0.009766", 0, .009766},
	} {
		probes, err := o.Find(limit(row.most))
		b := search.Show(probes)
		met, no := 0.0, 0.0
		if b.Met != nil {
			met = b.Met.PerSecond
		}
		if b.NotMet != nil {
			no = b.NotMet.PerSecond
		}
		if err != nil || rates(probes) != row.way || math.Abs(met-row.met) > .01 || math.Abs(no-row.no) > .01 {
			t.Errorf("up to %v: %s, met %v, not met %v; want %s, %v, %v", row.most, rates(probes), met, no, row.way, row.met, row.no)
		}
	}
}

// Whatever the limit, the bracket holds it, as close as was asked.
func TestTheBracketHoldsTheLimit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		o := search.Options{From: 1 + 100*r.Float64(), Most: 5000, Precision: .02 + .2*r.Float64()}
		most := math.Exp(r.Float64()*7) + .5
		probes, err := o.Find(limit(most))
		b := search.Show(probes)
		if err != nil || b.Met == nil || b.NotMet == nil || b.Met.PerSecond > most || b.NotMet.PerSecond <= most || b.NotMet.PerSecond/b.Met.PerSecond > 1+o.Precision || len(probes) > 40 {
			t.Fatalf("%+v, limit %v: %+v after %s", o, most, b, rates(probes))
		}
	}
}

// TestAnInvalidProbeIsNeverAPass holds that one is tried again, and stands for a
// rate that was not met if it stays invalid.
func TestAnInvalidProbeIsNeverAPass(t *testing.T) {
	o := search.Options{From: 10, Most: 100, Precision: .5}
	busy := map[int]bool{1: true, 3: true, 4: true}
	probes, err := o.Find(func(rate float64, nth int) (search.Probe, error) {
		p := search.Probe{PerSecond: rate, Verdict: search.Met}
		if busy[nth] {
			p.Verdict = search.Invalid
		}
		return p, nil
	})
	if err != nil || rates(probes) != "10 20 20 40 40 28.28" {
		t.Errorf("%s, %v", rates(probes), err)
	}
	if b := search.Show(probes); math.Abs(b.Met.PerSecond-28.28) > .01 || b.NotMet.PerSecond != 40 || b.NotMet.Verdict != search.Invalid {
		t.Errorf("met %+v, not met %+v", b.Met, b.NotMet)
	}
	// One that is never valid ends with nothing.
	probes, err = o.Find(func(rate float64, _ int) (search.Probe, error) {
		return search.Probe{PerSecond: rate, Verdict: search.Invalid}, nil
	})
	if b := search.Show(probes); err != nil || b.Met != nil || rates(probes) != "10 10 5 5 2.5 2.5" {
		t.Errorf("%s: %+v, %v", rates(probes), b.Met, err)
	}
}

// A rate that passed above one that did not proves nothing.
func TestLuckIsNoPass(t *testing.T) {
	b := search.Show([]search.Probe{{10, search.Met, ""}, {40, search.Met, ""}, {20, search.Broken, ""}})
	if b.Met.PerSecond != 10 || b.NotMet.PerSecond != 20 {
		t.Errorf("%+v, %+v", b.Met, b.NotMet)
	}
}

func TestAProbeThatFailsEndsTheSearch(t *testing.T) {
	gone := errors.New("gone")
	probes, err := search.Options{From: 1, Most: 9, Precision: .1}.Find(func(rate float64, nth int) (search.Probe, error) {
		if nth == 2 {
			return search.Probe{}, gone
		}
		return search.Probe{PerSecond: rate, Verdict: search.Met}, nil
	})
	if !errors.Is(err, gone) || len(probes) != 2 {
		t.Errorf("%v, %v", probes, err)
	}
}

func TestBadOptions(t *testing.T) {
	err := search.Options{From: 0, Most: -1, Precision: 2}.Validate()
	for _, want := range []string{"from 0", "up to -1", "precision of 2"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestParseGoals(t *testing.T) {
	goals, err := search.ParseGoals("first_token_p95<=500ms, ttft_service_p99.9<=2s,success>=99.5%")
	if err != nil || fmt.Sprint(goals) != "[first_token_p95<=500ms first_token_service_p99.9<=2s success>=99.5%]" {
		t.Errorf("%v, %v", goals, err)
	}
	if n := search.Needs(goals); n != 2000 {
		t.Errorf("needs %d requests, want 2000 for a P99.9", n)
	}
	for bad, want := range map[string]string{
		"":                      "write MEASURE",
		"first_token<=5ms":      "write MEASURE",
		"first_token_p95=5ms":   "write MEASURE",
		"nothing_p95<=5ms":      `no measure "nothing"`,
		"event_gap_p95<=5ms":    "no measure",
		"first_token_p100<=5ms": "between p0 and p100",
		"first_token_p95<=5":    "no time above 0",
		"success>=0":            "write a share",
		"success>=101%":         "write a share",
	} {
		if _, err := search.ParseGoals(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", bad, err, want)
		}
	}
}

// answered is n requests, one every ten milliseconds, which take as long as took
// says; a time below 0 is a failure.
func answered(n int, took func(i int) time.Duration) []sample.Sample {
	var all []sample.Sample
	for i := range n {
		at := int64(i+1) * 10e6
		d := took(i)
		s := sample.Sample{IntendedNS: at, SentNS: at, TokenNS: at + int64(d), CloseNS: at + int64(d), Outcome: sample.OK}
		if d < 0 {
			s.TokenNS, s.CloseNS, s.Outcome = 0, at+1, sample.HTTP5xx
		}
		all = append(all, s)
	}
	return all
}

func TestJudge(t *testing.T) {
	const ms = time.Millisecond
	steady := func(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }
	failing := func(every int) func(int) time.Duration {
		return func(i int) time.Duration {
			if i%every == 0 {
				return -1
			}
			return 20 * ms
		}
	}
	for _, row := range []struct {
		name    string
		goals   string
		samples []sample.Sample
		grade   sample.Grade
		want    search.Verdict
		why     string
	}{
		{"kept", "first_token_p95<=50ms", answered(100, steady(50*ms)), sample.Valid, search.Met, "first_token_p95 50ms"},
		{"a degraded measurement can be trusted as far as it says", "first_token_p95<=50ms", answered(100, steady(50*ms)), sample.Degraded, search.Met, ""},
		{"not kept", "first_token_p95<=50ms", answered(100, steady(51*ms)), sample.Valid, search.Broken, "first_token_p95 51ms"},
		{"one of two", "first_token_p95<=50ms,full_p95<=10ms", answered(100, steady(20*ms)), sample.Valid, search.Broken, "full_p95 20ms"},
		{"a tenth fails: the P95 is infinite", "first_token_p95<=50ms", answered(100, failing(10)), sample.Valid, search.Broken, "first_token_p95 ∞"},
		{"a fiftieth fails: the P95 is not", "first_token_p95<=50ms", answered(100, failing(50)), sample.Valid, search.Met, ""},
		{"and the share is told", "success>=99%", answered(100, failing(50)), sample.Valid, search.Broken, "success 98%"},
		{"too few", "first_token_p95<=50ms", answered(39, steady(ms)), sample.Valid, search.Broken, "39 requests, at least 40"},
		{"none", "success>=99%", nil, sample.Valid, search.Broken, "0 requests"},
		{"not told", "connect_p50<=1s", answered(100, steady(ms)), sample.Valid, search.Broken, "known of 0 requests"},
		{"invalid", "first_token_p95<=50ms", answered(100, steady(ms)), sample.Invalid, search.Invalid, "measurement is invalid (canary P99 7 ms)"},
		{"of unknown worth", "first_token_p95<=50ms", answered(100, steady(ms)), sample.Unknown, search.Invalid, ""},
		{"slow, but steady", "first_token_p95<=1s", answered(400, steady(900*ms)), sample.Valid, search.Met, ""},
		{"slower and slower", "first_token_p95<=1m", answered(400, func(i int) time.Duration { return time.Duration(i) * 20 * ms }), sample.Valid, search.Saturated, "more in flight"},
	} {
		goals, err := search.ParseGoals(row.goals)
		if err != nil {
			t.Fatal(err)
		}
		v := sample.Validity{Grade: row.grade, Signals: []sample.Signal{{Name: "canary P99", Value: 7, Unit: "ms", Grade: row.grade}}}
		verdict, why := search.Judge(goals, row.samples, v)
		if verdict != row.want || !strings.Contains(why, row.why) {
			t.Errorf("%s: %s (%s), want %s (%s)", row.name, verdict, why, row.want, row.why)
		}
	}
	// What settled counts for the requests in flight, and for nothing else.
	samples := answered(200, steady(30*ms))
	for i := range 100 {
		samples[i].Warmup, samples[i].Outcome = true, sample.HTTP5xx
	}
	goals, _ := search.ParseGoals("success>=100%")
	if verdict, why := search.Judge(goals, samples, sample.Validity{Grade: sample.Valid}); verdict != search.Met {
		t.Errorf("failures while settling: %s (%s)", verdict, why)
	}
}

// TestASearchFindsTheCapacityOfAQueue probes a simulated server: one that answers
// in 10 ms, ten at a time, to Poisson starts. Its capacity is 1000/s.
func TestASearchFindsTheCapacityOfAQueue(t *testing.T) {
	goals, err := search.ParseGoals("first_token_p95<=50ms")
	if err != nil {
		t.Fatal(err)
	}
	o := search.Options{From: 50, Most: 10_000, Precision: .05}
	probes, err := o.Find(func(rate float64, nth int) (search.Probe, error) {
		verdict, why := search.Judge(goals, queue(rate, uint64(nth)), sample.Validity{Grade: sample.Valid})
		return search.Probe{PerSecond: rate, Verdict: verdict, Why: why}, nil
	})
	b := search.Show(probes)
	if err != nil || b.Met == nil || b.NotMet == nil || b.Met.PerSecond < 850 || b.NotMet.PerSecond > 1050 {
		t.Errorf("%+v, %+v, %v after %+v", b.Met, b.NotMet, err, probes)
	}
}

// queue is ten seconds of starts at ten servers.
func queue(rate float64, seed uint64) []sample.Sample {
	r := rand.New(rand.NewPCG(seed, 3))
	var free [10]float64
	var all []sample.Sample
	for at := r.ExpFloat64() / rate; at < 10; at += r.ExpFloat64() / rate {
		first := 0
		for i := range free {
			if free[i] < free[first] {
				first = i
			}
		}
		end := max(at, free[first]) + .01
		free[first] = end
		all = append(all, sample.Sample{IntendedNS: int64(at*1e9) + 1, SentNS: int64(at*1e9) + 1, TokenNS: int64(end * 1e9), CloseNS: int64(end * 1e9), Outcome: sample.OK})
	}
	return all
}

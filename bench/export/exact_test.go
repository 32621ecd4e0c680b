package export_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/export"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// drawn is a run of one arm whose latencies spread over several decades, of which
// some requests failed and some lack an instant.
func drawn(r *rand.Rand, n int) *sample.Run {
	took := func(median float64) int64 { return int64(median * math.Exp(1.5*r.NormFloat64())) }
	run := &sample.Run{Header: sample.Header{Arms: []sample.Arm{{Name: "a"}}}}
	failing := r.Float64() * r.Float64()
	for i := range n {
		s := sample.Sample{Seq: i, Arm: "a", Outcome: sample.OK, Status: 200, Warmup: r.IntN(50) == 0, IntendedNS: 1e9 + int64(i)*1e6}
		s.SentNS = s.IntendedNS + took(2e4)
		s.WrittenNS = s.SentNS + took(1e5)
		s.FirstByteNS = s.WrittenNS + took(4e8)
		s.HeadersNS = s.FirstByteNS + took(1e4)
		s.EventNS = s.HeadersNS
		s.TokenNS = s.EventNS + took(1e6)
		s.LastNS, s.Events = s.TokenNS, 1+r.IntN(6)
		for range s.Events - 1 {
			gap := took(1e7)
			s.GapsNS = append(s.GapsNS, gap)
			s.LastNS += gap
		}
		if r.IntN(3) > 0 {
			s.TextNS = s.TokenNS + took(1e5)
		}
		s.CloseNS = s.LastNS + took(1e5)
		s.Usage = sample.Usage{Output: r.IntN(20), Source: "usage"}
		if r.IntN(2) == 0 {
			s.Conn.ConnectNS = took(3e5)
		}
		if r.Float64() < failing {
			s.Outcome, s.Phase = sample.ResetStream, sample.PhaseStream
		}
		run.Samples = append(run.Samples, s)
	}
	return run
}

// exactly computes a quantile the slow way: every value kept, failures at the end.
func exactly(run *sample.Run, m sample.Measure, p float64, all bool) (want float64, n int) {
	var values []float64
	for i := range run.Samples {
		s := &run.Samples[i]
		switch {
		case s.Warmup:
		case m == sample.EventGap && s.Outcome == sample.OK:
			for _, gap := range s.GapsNS {
				values = append(values, float64(gap))
			}
		case m == sample.EventGap:
		case s.Outcome != sample.OK && m == sample.Connect: // it failed in its stream
		case s.Outcome != sample.OK && all:
			values = append(values, math.Inf(1))
		case s.Outcome == sample.OK:
			if ns, _, none := s.Value(m); !none {
				values = append(values, float64(ns))
			}
		}
	}
	slices.Sort(values)
	if len(values) == 0 {
		return 0, 0
	}
	return values[max(int(math.Ceil(p*float64(len(values))-1e-9)), 1)-1], len(values)
}

// TestQuantilesAgainstEveryValue: over drawn runs every quantile of every measure,
// in both families, is the exact one, or above it by no more than the histogram's
// stated precision; the extremes are exact.
func TestQuantilesAgainstEveryValue(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	compared := 0
	for range 12 {
		run := drawn(r, 1+r.IntN(700))
		arm := export.Summarise([]export.Input{{Name: "drawn", Run: run}}, export.Options{}).Runs[0].Arms[0]
		for _, m := range arm.Measures {
			for _, family := range []struct {
				name string
				q    export.Quantiles
			}{{"all", m.All}, {"ok", m.OK}} {
				for p, got := range map[float64]summary.Latency{
					0: family.q.Min, .5: family.q.P50, .9: family.q.P90, .95: family.q.P95, .99: family.q.P99, .999: family.q.P999, 1: family.q.Max,
				} {
					want, n := exactly(run, m.Measure, p, family.name == "all")
					if family.name == "all" && n != m.N {
						t.Fatalf("%s of %d values, exactly %d", m.Measure, m.N, n)
					}
					if !close(got, want, p) {
						t.Errorf("%s, %s, P%v of %d: %d, exactly %.0f", m.Measure, family.name, 100*p, n, got, want)
					}
					compared++
				}
			}
		}
	}
	if compared < 2000 {
		t.Errorf("only %d quantiles compared", compared)
	}
}

// close holds a quantile to what package summary states of it.
func close(got summary.Latency, want, p float64) bool {
	if got == summary.Infinite || math.IsInf(want, 1) {
		return got == summary.Infinite && math.IsInf(want, 1)
	}
	above := float64(got) - want
	if p == 0 || p == 1 {
		return above == 0
	}
	return above >= 0 && above <= max(512, summary.Precision*want)
}

package summary_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// A reference is the slow and exact way: every value kept.
type reference struct {
	values []int64
	failed int
}

func (r *reference) quantile(p float64) summary.Latency {
	n := len(r.values) + r.failed
	if n == 0 {
		return 0
	}
	rank := min(max(int(math.Ceil(p*float64(n)-1e-9)), 1), n)
	if rank > len(r.values) {
		return summary.Infinite
	}
	slices.Sort(r.values)
	return summary.Latency(r.values[rank-1])
}

// within says whether got is what Quantile promises for the true value want.
func within(got, want summary.Latency) bool {
	if got == summary.Infinite || want == summary.Infinite {
		return got == want
	}
	above := float64(got - want)
	return above >= 0 && above <= max(512, summary.Precision*float64(want))
}

var probes = []float64{0, .001, .01, .05, .1, .25, .5, .75, .9, .95, .99, .999, 1}

func lognormal(r *rand.Rand, median float64) int64 {
	return int64(median * math.Exp(.5*r.NormFloat64()))
}

func TestQuantileAgainstEveryValue(t *testing.T) {
	for _, failed := range []int{0, 1, 50, 2000} {
		for _, median := range []float64{2e3, 5e5, 4e8, 6e10} {
			t.Run(fmt.Sprintf("median %v, %d failed", median, failed), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, uint64(failed)))
				var h summary.Histogram
				ref := reference{failed: failed}
				for range 1000 {
					v := lognormal(r, median)
					h.Record(v)
					ref.values = append(ref.values, v)
				}
				for range failed {
					h.Fail()
				}
				for _, p := range probes {
					if got, want := h.Quantile(p), ref.quantile(p); !within(got, want) {
						t.Errorf("P%v: got %d, exactly %d", 100*p, got, want)
					}
				}
				if got := h.Min(); got != ref.quantile(0) {
					t.Errorf("min %d, exactly %d", got, ref.quantile(0))
				}
				if got := h.Max(); got != ref.quantile(1) {
					t.Errorf("max %d, exactly %d", got, ref.quantile(1))
				}
			})
		}
	}
}

func TestFailuresStandAtTheTop(t *testing.T) {
	var h summary.Histogram
	for range 95 {
		h.Record(1e6)
	}
	for range 5 {
		h.Fail()
	}
	if got := h.Quantile(.95); got != 1e6 {
		t.Errorf("P95 of 95 successes and 5 failures: %d, want the last success", got)
	}
	if got := h.Quantile(.951); got != summary.Infinite {
		t.Errorf("the rank after it: %d, want infinite", got)
	}
	if h.N() != 100 || h.Failed() != 5 || h.Max() != summary.Infinite || h.Min() != 1e6 {
		t.Errorf("n %d, failed %d, min %d, max %d", h.N(), h.Failed(), h.Min(), h.Max())
	}
}

func TestEmptyAndAllFailed(t *testing.T) {
	var h summary.Histogram
	if d := h.Distribution(); d.N != 0 || d.P50 != 0 || d.Max != 0 || d.Curve != nil {
		t.Errorf("empty: %+v", d)
	}
	h.Fail()
	if d := h.Distribution(); d.N != 1 || d.Min != summary.Infinite || d.P50 != summary.Infinite {
		t.Errorf("all failed: %+v", d)
	}
}

func TestOutOfRangeIsClampedAndCounted(t *testing.T) {
	const hours = 5 * 3_600_000_000_000
	var h summary.Histogram
	for _, v := range []int64{-7, 1e6, hours} {
		h.Record(v)
	}
	if h.N() != 3 || h.Clamped() != 2 {
		t.Errorf("n %d, clamped %d, want 3 and 2", h.N(), h.Clamped())
	}
	if h.Min() != -7 || h.Max() != hours {
		t.Errorf("extremes %d and %d are not exact", h.Min(), h.Max())
	}
	if got := h.Quantile(1); got < 3_600_000_000_000 || got > hours {
		t.Errorf("largest quantile %d", got)
	}
}

func TestMergeOfPartsIsTheWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	var whole, merged summary.Histogram
	parts := make([]summary.Histogram, 7)
	for range 5000 {
		part := &parts[r.IntN(len(parts))]
		if r.IntN(100) == 0 {
			whole.Fail()
			part.Fail()
			continue
		}
		v := lognormal(r, 1e7)
		whole.Record(v)
		part.Record(v)
	}
	r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	for i := range parts {
		before := parts[i].N()
		merged.Merge(&parts[i])
		if parts[i].N() != before {
			t.Fatalf("merging changed part %d", i)
		}
	}
	same(t, &merged, &whole)
}

// same fails unless two histograms answer every question alike.
func same(t *testing.T, got, want *summary.Histogram) {
	t.Helper()
	if got.N() != want.N() || got.Failed() != want.Failed() || got.Clamped() != want.Clamped() {
		t.Errorf("counts %d %d %d, want %d %d %d", got.N(), got.Failed(), got.Clamped(), want.N(), want.Failed(), want.Clamped())
	}
	if got.Min() != want.Min() || got.Max() != want.Max() {
		t.Errorf("extremes %d %d, want %d %d", got.Min(), got.Max(), want.Min(), want.Max())
	}
	for _, p := range probes {
		if g, w := got.Quantile(p), want.Quantile(p); g != w {
			t.Errorf("P%v: %d, want %d", 100*p, g, w)
		}
	}
}

func TestCurveEndsWhereTheSampleCanTell(t *testing.T) {
	tests := []struct {
		n        int
		last     float64
		atLeast  int
		lastName string
	}{
		{10_000, .999, 61, "P99.9"},
		{100, .99, 41, "P99"},
		{1, 0, 1, "the one value"},
	}
	for _, test := range tests {
		var h summary.Histogram
		for i := range test.n {
			h.Record(int64(i+1) * 1e6)
		}
		curve := h.Distribution().Curve
		if len(curve) < test.atLeast {
			t.Errorf("%d values: %d points, want %d", test.n, len(curve), test.atLeast)
		}
		if got := curve[len(curve)-1].Q; got != test.last {
			t.Errorf("%d values: the curve ends at %v, want %s", test.n, got, test.lastName)
		}
		rising := func(a, b summary.Point) int {
			if a.Q >= b.Q || a.At > b.At {
				return 1
			}
			return -1
		}
		if !slices.IsSortedFunc(curve, rising) {
			t.Errorf("%d values: the curve falls", test.n)
		}
	}
}

// FuzzHistogram reads values from bytes, eight a value: any input must keep the
// counts, the order of quantiles, the extremes and the merge law.
func FuzzHistogram(f *testing.F) {
	f.Add([]byte("12345678abcdefgh\x00\x00\x00\x00\x00\x00\x00\x01"), uint8(1))
	f.Add([]byte{}, uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, failed uint8) {
		var whole, left, right summary.Histogram
		n := 0
		for ; len(data) >= 8; data = data[8:] {
			var v int64
			for _, b := range data[:8] {
				v = v<<8 | int64(b)
			}
			part := &left
			if v&1 == 0 {
				part = &right
			}
			whole.Record(v)
			part.Record(v)
			n++
		}
		for range failed {
			whole.Fail()
			right.Fail()
		}
		if whole.N() != n+int(failed) {
			t.Fatalf("%d records counted as %d", n+int(failed), whole.N())
		}
		last := whole.Quantile(0)
		for _, p := range probes {
			q := whole.Quantile(p)
			if q < last || q < whole.Min() && whole.N() > 0 || q > whole.Max() {
				t.Fatalf("P%v = %d outside %d to %d", 100*p, q, last, whole.Max())
			}
			last = q
		}
		left.Merge(&right)
		same(t, &left, &whole)
	})
}

func TestRecordDoesNotAllocate(t *testing.T) {
	var h summary.Histogram
	h.Record(1)
	if n := testing.AllocsPerRun(100, func() { h.Record(12_345_678) }); n != 0 {
		t.Errorf("%v allocations for a record", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	var h summary.Histogram
	b.ReportAllocs()
	for b.Loop() {
		h.Record(12_345_678)
	}
}

package summary

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The geometry of every histogram: nanoseconds, three significant digits from
// a microsecond to an hour. All share it, so that any two merge exactly.
const (
	lowest  = 1_000
	highest = 3_600_000_000_000
	digits  = 3
)

// Precision is the largest relative error of a quantile read from a Histogram,
// for values of a millisecond or more; under that the error is at most 512 ns.
const Precision = 1.0 / 1024

// A Histogram holds one measure of many requests: an HdrHistogram of the
// successes with their exact extremes beside it, since a bucket's edge is not
// an observed value, and a count of the failures, which are infinitely slow.
// The zero value is empty and ready for use. It is not safe for concurrent use;
// give each goroutine its own and Merge them.
type Histogram struct {
	hdr      *hdrhistogram.Histogram // nil while empty: most cells of a short run are
	min, max int64                   // exact, of the successes
	failed   int
	clamped  int
}

// Record adds the latency ns of a success. What lies outside 0 to one hour is
// counted at the nearest end and by Clamped; Min and Max stay exact.
func (h *Histogram) Record(ns int64) {
	if h.hdr == nil {
		h.hdr = hdrhistogram.New(lowest, highest, digits)
		h.min, h.max = ns, ns
	}
	h.min, h.max = min(h.min, ns), max(h.max, ns)
	within := min(max(ns, 0), highest)
	if within != ns {
		h.clamped++
	}
	// Within the geometry RecordValue fails only past 2^63 records.
	_ = h.hdr.RecordValue(within)
}

// Fail adds a request that failed.
func (h *Histogram) Fail() { h.failed++ }

// Merge adds what other holds; other is left as it was. Merging the parts of a
// whole in any order gives the histogram of the whole.
func (h *Histogram) Merge(other *Histogram) {
	h.failed += other.failed
	h.clamped += other.clamped
	if other.hdr == nil {
		return
	}
	if h.hdr == nil {
		h.hdr, h.min, h.max = other.hdr.Clone(), other.min, other.max
		return
	}
	h.hdr.Merge(other.hdr) // drops nothing: the geometries are the same
	h.min, h.max = min(h.min, other.min), max(h.max, other.max)
}

// N returns the number of attempts, failures included.
func (h *Histogram) N() int { return h.succeeded() + h.failed }

// Failed returns how many of N failed.
func (h *Histogram) Failed() int { return h.failed }

// Clamped returns how many values lay outside the histogram's range.
func (h *Histogram) Clamped() int { return h.clamped }

func (h *Histogram) succeeded() int {
	if h.hdr == nil {
		return 0
	}
	return int(h.hdr.TotalCount())
}

// Successes returns the family "ok" of h: what succeeded, without the failures.
// It shares its content with h, which may not grow any more.
func (h *Histogram) Successes() *Histogram {
	return &Histogram{hdr: h.hdr, min: h.min, max: h.max, clamped: h.clamped}
}

// HDR returns a copy of the successes as an HdrHistogram of nanoseconds, for logs
// that other implementations read; nil if there are none.
func (h *Histogram) HDR() *hdrhistogram.Histogram {
	if h.hdr == nil {
		return nil
	}
	return h.hdr.Clone()
}

// Min returns the smallest latency, exactly; Infinite if no request succeeded
// and 0 if there was none at all.
func (h *Histogram) Min() Latency {
	switch {
	case h.hdr != nil:
		return Latency(h.min)
	case h.failed > 0:
		return Infinite
	}
	return 0
}

// Max returns the largest latency, exactly: Infinite if any request failed, 0
// if there was none at all.
func (h *Histogram) Max() Latency {
	switch {
	case h.failed > 0:
		return Infinite
	case h.hdr != nil:
		return Latency(h.max)
	}
	return 0
}

// Quantile returns the latency of the attempt whose rank is ⌈p·N⌉ (at least 1,
// at most N) when failures stand behind all successes: Infinite if that attempt
// failed, 0 if there was none at all. It is the upper edge of the bucket that
// holds the attempt, at most the exact maximum: never below the true value, and
// above it by no more than Precision says.
func (h *Histogram) Quantile(p float64) Latency {
	n := h.N()
	if n == 0 {
		return 0
	}
	rank := rankOf(p, n)
	ok := h.succeeded()
	if rank > ok {
		return Infinite
	}
	if rank == 1 {
		return Latency(h.min)
	}
	edge := h.hdr.ValueAtPercentile(100 * float64(rank) / float64(ok))
	return Latency(min(max(edge, h.min), h.max))
}

// rankOf returns ⌈p·n⌉ within 1 to n. The epsilon keeps a product such as
// .95·200 = 190.00000000000003 from becoming the next rank.
func rankOf(p float64, n int) int {
	const epsilon = 1e-9
	return min(max(int(math.Ceil(p*float64(n)-epsilon)), 1), n)
}

// Distribution reads the table's row and the percentile curve off h.
func (h *Histogram) Distribution() Distribution {
	return Distribution{
		N: h.N(), Failed: h.failed,
		Min: h.Min(), Max: h.Max(),
		P50: h.Quantile(.50), P95: h.Quantile(.95), P99: h.Quantile(.99),
		Curve: h.curve(),
	}
}

// The curve has curveSteps points per decade of the tail 1-q, so that it is
// even on the log-tail axis it is drawn on: 20 up to P90, 20 to P99, 20 to
// P99.9.
const (
	curveSteps   = 20
	curveDecades = 3
)

// curve returns the points of the percentile curve, rising in both coordinates,
// up to P99.9 or the last percentile that N attempts can tell from the maximum.
func (h *Histogram) curve() []Point {
	n := h.N()
	if n == 0 {
		return nil
	}
	points := make([]Point, 0, curveSteps*curveDecades+1)
	for i := range curveSteps*curveDecades + 1 {
		q := 1 - math.Pow(10, -float64(i)/curveSteps)
		if (1-q)*float64(n) < 1-1e-9 {
			break
		}
		q = math.Round(q*1e6) / 1e6
		points = append(points, Point{Q: q, At: h.Quantile(q)})
	}
	return points
}

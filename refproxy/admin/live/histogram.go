package live

import (
	"encoding/json"
	"math"
	"time"
)

// Edges of the histogram: 8 buckets per doubling (9 % wide), from 0.1 ms to over
// 10 minutes; what is outside goes to the first or the last.
const (
	least       = 100 * time.Microsecond
	perDoubling = 8
	finite      = 184
)

// Never is the latency of a request that failed: a failure is infinitely slow,
// so that failing fast never looks good.
const Never = time.Duration(math.MaxInt64)

// A histogram counts latencies. The last bucket holds those that never came.
type histogram [finite + 1]uint32

func (h *histogram) add(d time.Duration) {
	h[bucket(d)]++
}

func bucket(d time.Duration) int {
	switch {
	case d == Never:
		return finite
	case d <= least:
		return 0
	}
	return min(int(math.Log2(float64(d)/float64(least))*perDoubling), finite-1)
}

// merge adds what o holds.
func (h *histogram) merge(o *histogram) {
	for i, n := range o {
		h[i] += n
	}
}

func (h *histogram) latency() Latency {
	l := Latency{Failed: int(h[finite])}
	for _, n := range h {
		l.N += int(n)
	}
	l.P50, l.P95 = h.quantile(.5, l.N), h.quantile(.95, l.N)
	return l
}

// quantile returns the middle, by ratio, of the bucket that holds the q-quantile
// of n values.
func (h *histogram) quantile(q float64, n int) time.Duration {
	rank := int(math.Ceil(q * float64(n)))
	for i, c := range h[:finite] {
		if rank -= int(c); rank <= 0 && n > 0 {
			return time.Duration(float64(least) * math.Exp2((float64(i)+.5)/perDoubling))
		}
	}
	if n == 0 {
		return 0
	}
	return Never
}

// A Latency sums up how long something took. Quantiles are within 5 %; 0 means
// that there is nothing to tell, and Never that it lies among the failures.
type Latency struct {
	N        int // values, failures among them
	Failed   int
	P50, P95 time.Duration
}

// MarshalJSON writes quantiles in nanoseconds, null where there is none: with
// values, it lies among the failures.
func (l Latency) MarshalJSON() ([]byte, error) {
	quantile := func(d time.Duration) *time.Duration {
		if d == 0 || d == Never {
			return nil
		}
		return &d
	}
	return json.Marshal(struct {
		N      int            `json:"n"`
		Failed int            `json:"failed"`
		P50    *time.Duration `json:"p50_ns"`
		P95    *time.Duration `json:"p95_ns"`
	}{l.N, l.Failed, quantile(l.P50), quantile(l.P95)})
}

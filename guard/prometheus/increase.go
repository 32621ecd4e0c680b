package prometheus

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/firstbyte-dev/firstbyte/guard/evidence"
)

// A span is a range of instants, step apart, cut into blocks: the k-th block
// holds what was counted between instants k*per and (k+1)*per.
type span struct {
	start  model.Time
	step   time.Duration
	per    int // steps of a block
	blocks int
}

// at returns the number of the step that ends at t; ok is false outside.
func (s span) at(t model.Time) (i int, ok bool) {
	d := t.Sub(s.start)
	i = int(d / s.step)
	return i, d >= 0 && d%s.step == 0 && i <= s.per*s.blocks
}

// block returns the block of the step that ends at the i-th instant.
func (s span) block(i int) int { return (i - 1) / s.per }

// A point is what a series showed at one instant: a number for each of its
// buckets, and the sum that tells a reset. A counter has one bucket.
type point struct {
	step    int
	total   float64
	buckets map[bucket]float64
}

// A bucket is an interval of values, open below; a counter's is zero.
type bucket struct{ lower, upper float64 }

// errDamaged says that a series holds what no histogram can.
var errDamaged = errors.New("a damaged histogram")

// increases adds up by block how much each bucket of one series grew between
// neighbouring instants, and tells how many steps it could not know. After a
// reset the counter began at 0, so all that it shows is new. The first value of a
// series says nothing: what it counted before may be old. A histogram that
// changed its buckets is not comparable with the one before.
func increases(points []point, s span, into []map[bucket]float64) (unknown int) {
	slices.SortFunc(points, func(a, b point) int { return cmp.Compare(a.step, b.step) })
	for i := 1; i < len(points); i++ {
		before, now := points[i-1], points[i]
		if now.step != before.step+1 {
			unknown += now.step - before.step
			continue
		}
		reset := now.total < before.total
		if !reset && shrank(before, now) {
			unknown++
			continue
		}
		sum := into[s.block(now.step)]
		for b, n := range now.buckets {
			if !reset {
				n -= before.buckets[b]
			}
			sum[b] += max(n, 0) // also 0: an empty bucket has edges
		}
	}
	return unknown
}

// shrank tells whether a bucket holds less than before although the whole does
// not: the buckets are others.
func shrank(before, now point) bool {
	for b, n := range before.buckets {
		if now.buckets[b] < n {
			return true
		}
	}
	return false
}

// counterPoints are the points of a counter.
func counterPoints(values []model.SamplePair, s span) []point {
	var out []point
	for _, v := range values {
		x := float64(v.Value)
		if i, ok := s.at(v.Timestamp); ok && x >= 0 && !math.IsInf(x, 1) {
			out = append(out, point{step: i, total: x, buckets: map[bucket]float64{{}: x}})
		}
	}
	return out
}

// nativePoints are the points of a native histogram; scale turns its unit into
// nanoseconds.
func nativePoints(values []model.SampleHistogramPair, s span, scale float64) ([]point, error) {
	var out []point
	for _, v := range values {
		i, ok := s.at(v.Timestamp)
		if !ok || v.Histogram == nil {
			continue
		}
		p := point{step: i, total: float64(v.Histogram.Count), buckets: map[bucket]float64{}}
		for _, b := range v.Histogram.Buckets {
			if b == nil {
				return nil, fmt.Errorf("%w: a bucket is missing", errDamaged)
			}
			// The zero bucket reaches below 0, where no duration is.
			lower, upper, n := math.Max(0, float64(b.Lower)*scale), float64(b.Upper)*scale, float64(b.Count)
			if math.IsNaN(lower) || !(upper > lower) || !(n >= 0) || math.IsInf(n, 1) {
				return nil, fmt.Errorf("%w: %v in (%v, %v]", errDamaged, b.Count, b.Lower, b.Upper)
			}
			p.buckets[bucket{lower, upper}] += n
		}
		if !(p.total >= 0) || math.IsInf(p.total, 1) {
			return nil, fmt.Errorf("%w: %v values", errDamaged, p.total)
		}
		out = append(out, p)
	}
	return out, nil
}

// classicPoints joins the series of the buckets of one classic histogram, which
// count everything up to their edge le.
func classicPoints(series []*model.SampleStream, s span, scale float64) ([]point, error) {
	type column = map[int]float64 // by step
	columns := map[float64]column{}
	for _, stream := range series {
		le, err := strconv.ParseFloat(string(stream.Metric[model.BucketLabel]), 64)
		if err != nil || math.IsNaN(le) || le < 0 {
			return nil, fmt.Errorf("%w: a bucket up to %q", errDamaged, stream.Metric[model.BucketLabel])
		}
		c := columns[le*scale]
		if c == nil {
			c = column{}
			columns[le*scale] = c
		}
		for _, v := range stream.Values {
			if i, ok := s.at(v.Timestamp); ok {
				c[i] += float64(v.Value)
			}
		}
	}
	edges := slices.Sorted(maps.Keys(columns))
	if len(edges) == 0 || !math.IsInf(edges[len(edges)-1], 1) {
		return nil, fmt.Errorf("%w: no bucket up to +Inf", errDamaged)
	}
	var out []point
	for _, step := range slices.Sorted(maps.Keys(columns[edges[len(edges)-1]])) {
		p := point{step: step, buckets: map[bucket]float64{}}
		lower := 0.0
		for _, le := range edges {
			upTo, ok := columns[le][step]
			if !ok || !(upTo >= p.total) || math.IsInf(upTo, 1) {
				return nil, fmt.Errorf("%w: %v values up to %v, %v below it", errDamaged, upTo, le, p.total)
			}
			if le > 0 {
				p.buckets[bucket{lower, le}] = upTo - p.total
				lower = le
			}
			p.total = upTo
		}
		out = append(out, p)
	}
	return out, nil
}

// histogram makes what was counted in one block into evidence. Buckets of
// instances that overlap are joined, so that no count is split.
func histogram(counts map[bucket]float64) evidence.Histogram {
	var edges []float64
	over := 0.0
	for b, n := range counts {
		edges = append(edges, b.lower)
		if math.IsInf(b.upper, 1) {
			over += n
			continue
		}
		edges = append(edges, b.upper)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	edges = slices.DeleteFunc(edges, func(e float64) bool {
		for b, n := range counts {
			if n > 0 && b.lower < e && e < b.upper {
				return true
			}
		}
		return false
	})
	if len(edges) < 2 { // nothing was timed: above a nanosecond lies all there is
		return evidence.Histogram{Edges: []float64{0, 1}, Counts: []float64{0}, Over: over}
	}
	h := evidence.Histogram{Edges: edges, Counts: make([]float64, len(edges)-1), Over: over}
	for b, n := range counts {
		if math.IsInf(b.upper, 1) {
			continue
		}
		i, found := slices.BinarySearch(edges, b.lower)
		if !found {
			i--
		}
		if i < len(h.Counts) {
			h.Counts[i] += n
		} else { // it lies where another instance counts no more
			h.Over += n
		}
	}
	return h
}

package compat

import (
	"math"
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// records are the measured requests of one arm.
type records struct {
	all, ok []*sample.Sample
	slos    []summary.SLO
	window  float64 // seconds
}

// each takes one value of each success that has it.
func (r *records) each(value func(*sample.Sample) (float64, bool)) []float64 {
	var values []float64
	for _, s := range r.ok {
		if v, ok := value(s); ok {
			values = append(values, v)
		}
	}
	return values
}

// sum adds up a count over the successes.
func (r *records) sum(count func(*sample.Sample) int) float64 {
	total := 0
	for _, s := range r.ok {
		total += count(s)
	}
	return float64(total)
}

func input(s *sample.Sample) int  { return s.Usage.Input }
func output(s *sample.Sample) int { n, _ := s.Tokens(); return n }

func seconds(ns int64) float64 { return float64(ns) / 1e9 }

// ms is a latency that needs both of its instants.
func ms(from, to int64) (float64, bool) { return float64(to-from) / 1e6, from != 0 && to != 0 }

func ttft(s *sample.Sample) (float64, bool) { return ms(s.SentNS, s.TokenNS) }
func ttfo(s *sample.Sample) (float64, bool) { return ms(s.SentNS, s.TextNS) }
func last(s *sample.Sample) (float64, bool) { return ms(s.SentNS, s.LastNS) }

func closed(s *sample.Sample) (float64, bool) { return ms(s.SentNS, s.CloseNS) }

// perToken is the time between first and last content by the tokens after the
// first; none of an answer of one token.
func perToken(s *sample.Sample) (float64, bool) {
	span, ok := ms(s.TokenNS, s.LastNS)
	n := output(s)
	return span / float64(n-1), ok && n > 1
}

// gaps pools the times between successive chunks, in ms.
func (r *records) gaps() []float64 {
	var all []float64
	for _, s := range r.ok {
		for _, gap := range s.GapsNS {
			all = append(all, float64(gap)/1e6)
		}
	}
	return all
}

// arrivals are the instants of an answer's chunks.
func arrivals(s *sample.Sample) []int64 {
	if s.TokenNS == 0 {
		return nil
	}
	at := s.TokenNS
	all := []int64{at}
	for _, gap := range s.GapsNS {
		at += gap
		all = append(all, at)
	}
	return all
}

// span is the time that the turns of the arm took, from the earliest start to
// the latest end in each, in seconds.
func span(samples []*sample.Sample, start, end func(*sample.Sample) int64) float64 {
	type turn struct{ from, to int64 }
	turns := map[int]turn{}
	for _, s := range samples {
		from, to := start(s), end(s)
		if from == 0 || to == 0 {
			continue
		}
		if t, known := turns[s.Block]; known {
			from, to = min(from, t.from), max(to, t.to)
		}
		turns[s.Block] = turn{from, to}
	}
	var total int64
	for _, t := range turns {
		total += t.to - t.from
	}
	return seconds(total)
}

// per divides; NaN where there is nothing to divide by.
func per(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return per(sum, float64(len(v)))
}

// deviation is the standard deviation of the values themselves, as numpy has it.
func deviation(v []float64) float64 {
	m, sum := mean(v), 0.
	for _, x := range v {
		sum += (x - m) * (x - m)
	}
	return math.Sqrt(per(sum, float64(len(v))))
}

// percentile interpolates linearly between ranks, as numpy does by default.
func percentile(v []float64, p float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(v))
	at := p / 100 * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

func least(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	return slices.Min(v)
}

func most(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	return slices.Max(v)
}

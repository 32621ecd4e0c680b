package stats

import (
	"fmt"
	"math"
)

// thetas are the log odds-ratios over which a [Label] averages.
var thetas = [...]float64{.05, .1, .15, .2, .3, .4, .55, .7, .9, 1.2, 1.6, 2.2}

// A Label is an e-process on the arms of bad outcomes, for requests of one
// process that are assigned to an arm at random each: if the arms are alike, a
// bad outcome is the candidate's with just the share that requests had then,
// however the outcomes depend on each other. It is wrong for two processes, each
// of which has slow spells of its own.
//
// Outcomes must be fed in the order in which they arrive, once each, and the
// share must not depend on them. The zero value is not ready: see [NewLabel].
type Label struct {
	direction float64
	logs      [len(thetas)]float64
}

// NewLabel gathers evidence that bad outcomes of the candidate are more
// frequent than its share ([Above], for a rollback) or less ([Below], for a
// promotion).
func NewLabel(side Side) *Label {
	return &Label{direction: side.direction()}
}

// Candidate takes a bad outcome of the candidate at a time when it had the
// given share of requests, 0 < share < 1.
func (l *Label) Candidate(share float64) {
	for i, theta := range thetas {
		l.logs[i] += l.direction*theta - l.odds(share, theta)
	}
}

// Baseline takes a bad outcome of the baseline.
func (l *Label) Baseline(share float64) {
	for i, theta := range thetas {
		l.logs[i] -= l.odds(share, theta)
	}
}

// odds is log(1 - share + share exp(theta)), theta in the label's direction.
func (l *Label) odds(share, theta float64) float64 {
	return math.Log1p(share * math.Expm1(l.direction*theta))
}

// Log implements [EProcess].
func (l *Label) Log() float64 { return logMean(l.logs[:]) }

// LabelShare returns the share to use in place of share for the hypothesis that
// the candidate's bad outcomes are at most 1+tau times as frequent.
func LabelShare(share, tau float64) float64 {
	return share * (1 + tau) / (1 - share + share*(1+tau))
}

// A Split watches the latencies of a split within one process: whether the
// candidate is more than 1+tau times slower, by a [Label] for each of several
// quantiles of which the bad outcomes are the latencies beyond it. The
// quantiles are those of both arms together, the candidate's divided by 1+tau,
// and only of the past, so that no outcome has a part in its own threshold.
// Where more than 1-q of all requests fail, nothing lies beyond the quantile q:
// failures want a Label of their own.
//
// Assignment by user makes the user the unit: feed one latency of each. Five
// quantiles say "different somewhere"; for a claim about P95 take .95 alone.
type Split struct {
	shift     float64 // log(1+tau)
	quantiles []float64
	threshold []int // buckets
	upTo      []int // how many of the past lie at or under the threshold
	worse     []*Label
	better    []*Label
	past      []int32 // by bucket
	n         int
}

const (
	fill    = 50 // latencies that only make the first thresholds
	refresh = 20 // latencies between thresholds

	// Buckets are .4 % wide, from a microsecond to a million seconds.
	bucketWidth = .004
	fastest     = 1e-6
	slowest     = 1e6
)

// NewSplit returns a watch for the margin tau on quantiles.
func NewSplit(tau float64, quantiles ...float64) *Split {
	s := &Split{
		shift:     math.Log1p(tau),
		quantiles: quantiles,
		threshold: make([]int, len(quantiles)),
		upTo:      make([]int, len(quantiles)),
		past:      make([]int32, bucketOf(math.Log(slowest))+2),
	}
	for range quantiles {
		s.worse, s.better = append(s.worse, NewLabel(Above)), append(s.better, NewLabel(Below))
	}
	return s
}

// bucketOf returns the bucket of a latency's logarithm.
func bucketOf(log float64) int {
	least, most := math.Log(fastest), math.Log(slowest)
	return int((math.Min(math.Max(log, least), most) - least) / math.Log1p(bucketWidth))
}

// bucket is that of seconds, divided by exp(shift); a failure has the last one.
func (s *Split) bucket(seconds, shift float64) (int, error) {
	switch {
	case math.IsInf(seconds, 1):
		return len(s.past) - 1, nil
	case !(seconds >= 0):
		return 0, fmt.Errorf("latency %v", seconds)
	}
	return bucketOf(math.Log(seconds) - shift), nil
}

// Candidate takes the seconds that a request of the candidate took, +Inf for a
// failure, at a time when the candidate had the given share of requests.
func (s *Split) Candidate(seconds, share float64) error {
	bucket, err := s.bucket(seconds, s.shift)
	if err != nil {
		return err
	}
	for i := range s.quantiles {
		if s.bad(i, bucket) {
			s.worse[i].Candidate(share)
			s.better[i].Candidate(share)
		}
	}
	s.record(bucket)
	return nil
}

// Baseline takes the seconds that a request of the baseline took.
func (s *Split) Baseline(seconds, share float64) error {
	bucket, err := s.bucket(seconds, 0)
	if err != nil {
		return err
	}
	for i := range s.quantiles {
		if s.bad(i, bucket) {
			s.worse[i].Baseline(share)
			s.better[i].Baseline(share)
		}
	}
	s.record(bucket)
	return nil
}

// bad tells whether bucket lies beyond the threshold of quantile i.
func (s *Split) bad(i, bucket int) bool { return s.n >= fill && bucket > s.threshold[i] }

// record makes the latency a part of the past.
func (s *Split) record(bucket int) {
	s.past[bucket]++
	s.n++
	for i, threshold := range s.threshold {
		if bucket <= threshold {
			s.upTo[i]++
		}
	}
	if s.n >= fill && (s.n-fill)%refresh == 0 {
		for i, q := range s.quantiles {
			s.seek(i, int(math.Ceil(q*float64(s.n))))
		}
	}
}

// seek moves threshold i to the bucket of the k-th fastest latency, counted from
// 1. It starts where the threshold was, which is seldom far.
func (s *Split) seek(i, k int) {
	at, upTo := s.threshold[i], s.upTo[i]
	for upTo < k {
		at++
		upTo += int(s.past[at])
	}
	for at > 0 && upTo-int(s.past[at]) >= k {
		upTo -= int(s.past[at])
		at--
	}
	s.threshold[i], s.upTo[i] = at, upTo
}

// Worse is the evidence that the candidate is more than 1+tau times slower at
// some of the quantiles: the mean over them.
func (s *Split) Worse() EProcess { return average(s.worse) }

// Better is the evidence that the candidate is less than 1+tau times slower at
// some of the quantiles: the mean over them. To promote, see [Split.BetterAt].
func (s *Split) Better() EProcess { return average(s.better) }

func average(labels []*Label) Average {
	out := make(Average, len(labels))
	for i, l := range labels {
		out[i] = l
	}
	return out
}

// WorseAt is the evidence of [Split.Worse] at the quantile of number i alone,
// BetterAt that the candidate is less than 1+tau times slower there. A
// promotion wants the latter at several, each by itself.
func (s *Split) WorseAt(i int) EProcess { return s.worse[i] }

// BetterAt is the counterpart of WorseAt.
func (s *Split) BetterAt(i int) EProcess { return s.better[i] }

var _ EProcess = (*Label)(nil)

// Package summary folds samples into mergeable histograms per arm and block and
// reads tables off them.
//
// Two families exist for every measure (measuring.md 1.3): "ok" over the
// successes and "adj" over all attempts, where a failure is infinitely slow.
// Everything here is adj unless it says otherwise, because an error must never
// count as a fast answer.
package summary

import (
	"encoding/json"
	"math"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A Latency is a duration in nanoseconds, or Infinite where the rank falls
// among failures. In JSON it is a number, or the string "inf".
type Latency int64

// Infinite is the latency of a request that failed.
const Infinite Latency = math.MaxInt64

// MarshalJSON implements [json.Marshaler].
func (l Latency) MarshalJSON() ([]byte, error) {
	if l == Infinite {
		return []byte(`"inf"`), nil
	}
	return json.Marshal(int64(l))
}

// UnmarshalJSON implements [json.Unmarshaler].
func (l *Latency) UnmarshalJSON(data []byte) error {
	if string(data) == `"inf"` {
		*l = Infinite
		return nil
	}
	return json.Unmarshal(data, (*int64)(l))
}

// Duration returns l for printing; ok is false when it is Infinite.
func (l Latency) Duration() (d time.Duration, ok bool) { return time.Duration(l), l != Infinite }

// A Point is one point of a percentile curve: the share Q in [0,1] of attempts
// took at most At.
type Point struct {
	Q  float64 `json:"q"`
	At Latency `json:"at_ns"`
}

// A Distribution describes one measure of one arm.
type Distribution struct {
	N      int     `json:"n"`      // attempts, failures included
	Failed int     `json:"failed"` // of them infinitely slow
	Min    Latency `json:"min_ns"` // exact
	Max    Latency `json:"max_ns"` // exact; Infinite if any failed
	P50    Latency `json:"p50_ns"`
	P95    Latency `json:"p95_ns"`
	P99    Latency `json:"p99_ns"`
	Curve  []Point `json:"curve,omitempty"`
}

// EventGap names the pooled gaps between content events ("icl"), beside the
// per-request measures of package sample. It covers successful requests.
const EventGap = sample.EventGap

// An Arm is what one side of a run did, warm-up excluded.
type Arm struct {
	Name     string                          `json:"name"`
	Flags    map[string]bool                 `json:"flags,omitempty"`
	Requests int                             `json:"requests"`
	OK       int                             `json:"ok"`
	Failures map[sample.Outcome]int          `json:"failures,omitempty"`
	Events   int                             `json:"events"`
	Measures map[sample.Measure]Distribution `json:"measures"`
	// IntendedHz and AchievedHz are starts per second while load was sent.
	IntendedHz float64 `json:"intended_hz,omitzero"`
	AchievedHz float64 `json:"achieved_hz,omitzero"`
	// CPUPerEventNS and CPUPerRequestNS are processor time of the arm's
	// process divided by content events and by requests; 0: not known.
	CPUPerEventNS   float64 `json:"cpu_per_event_ns,omitzero"`
	CPUPerRequestNS float64 `json:"cpu_per_request_ns,omitzero"`
	// Quality is the mean score of scored answers; Scored counts them.
	Quality float64 `json:"quality,omitzero"`
	Scored  int     `json:"scored,omitzero"`
}

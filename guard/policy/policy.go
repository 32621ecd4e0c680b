// Package policy is the gate's YAML: what is demanded of a candidate, parsed,
// validated and explained.
package policy

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// A Policy is what a gate demands. Its zero value demands nothing and does not
// validate; start from [Default] or [Parse].
type Policy struct {
	// Name is what reports call the policy.
	Name string `yaml:"name"`
	// Alpha is the chance that an equal candidate is rolled back, over all
	// gating metrics together, and for each metric the chance that a
	// candidate exactly at its margin is promoted.
	Alpha Share `yaml:"alpha"`
	// Mode is how evidence becomes a decision; "" means [Fixed].
	Mode Mode `yaml:"mode,omitempty"`
	// Looks is at how many equally spaced, planned looks the mode
	// [GroupSequential] may end a run; 0 means 5.
	Looks int `yaml:"looks,omitempty"`
	// Controls says whether a promotion needs the run's own controls; "" means
	// [ControlsOptional].
	Controls Controls `yaml:"controls,omitempty"`
	// SLO is what a request must meet to count for goodput; all of it.
	SLO []Objective `yaml:"slo,omitempty"`
	// Prices turn tokens into cost, for runs that do not tell it.
	Prices *Prices `yaml:"prices,omitempty"`
	// MinBlocks and MinPairs are what a statistical claim needs at least.
	MinBlocks int      `yaml:"min_blocks"`
	MinPairs  int      `yaml:"min_pairs"`
	SameWork  SameWork `yaml:"same_work"`
	Metrics   []Metric `yaml:"metrics"`

	// Hash is the SHA-256 of the bytes that the policy was read from.
	Hash string `yaml:"-"`
}

// A Mode is how evidence becomes a decision.
type Mode string

// The modes.
const (
	Fixed           Mode = "fixed"            // one look, when the planned sample is there
	GroupSequential Mode = "group-sequential" // planned looks, O'Brien-Fleming boundaries
	Anytime         Mode = "anytime"          // e-values, as often looked at as anyone likes
	History         Mode = "history"          // a predictive interval over earlier runs of one arm
	Threshold       Mode = "threshold"        // point estimates against tau and limits, for those who migrate
)

// Controls says what the run's own controls are worth to a policy.
type Controls string

// ControlsRequired holds a run without controls; with ControlsOptional the
// verdict says "controls: off".
const (
	ControlsOptional Controls = "optional"
	ControlsRequired Controls = "required"
)

// An Objective is a bound on one latency of one request.
type Objective struct {
	Measure Measure `yaml:"measure"`
	AtMost  Limit   `yaml:"at_most"`
}

// Prices are US dollars per million tokens. Cached input tokens are a part of the
// input and cost Cached instead of Input.
type Prices struct {
	Input  float64 `yaml:"input"`
	Output float64 `yaml:"output"`
	Cached float64 `yaml:"cached"`
}

// SameWork bounds how far the work of the two arms may differ before their
// latencies are not compared at all.
type SameWork struct {
	// Tokens is the largest relative difference of output tokens in all.
	Tokens Share `yaml:"tokens"`
	// Finish is the largest share of pairs whose finish reasons differ.
	Finish Share `yaml:"finish"`
	// Cached is the largest difference, in points, of the share of input
	// tokens that were cached.
	Cached Share `yaml:"cached"`
	// Quality is the largest drop, in points, of the mean score of answers, for
	// runs that score them.
	Quality Share `yaml:"quality"`
}

// A Measure names a quantity that a policy may judge.
type Measure string

// The measures. The first four are latencies of one request, see package
// sample; the others belong to an arm.
const (
	FirstToken    Measure = "first_token"
	Gap           Measure = "gap"
	Full          Measure = "full"
	TTFB          Measure = "ttfb"
	Success       Measure = "success"
	Throughput    Measure = "throughput"      // requests answered per second of load
	CPUPerEvent   Measure = "cpu_per_event"   // processor time of the arm's process
	CPUPerRequest Measure = "cpu_per_request" // by content event and by request

	Queue       Measure = "queue" // more latencies, see package sample
	DNS         Measure = "dns"
	Connect     Measure = "connect"
	TLS         Measure = "tls"
	FirstEvent  Measure = "first_event"
	FirstText   Measure = "first_text"
	LastContent Measure = "last_content"
	TPOT        Measure = "tpot"
	AddedToken  Measure = "added_first_token" // what the gateway added, by the upstream's write times
	AddedEvent  Measure = "added_event"

	Goodput Measure = "goodput"       // share of requests that succeed within Policy.SLO
	Quality Measure = "quality"       // mean score of answers in [0,1], paired by item
	Tokens  Measure = "output_tokens" // of pairs that succeeded in both arms
	Cost    Measure = "cost"          // US dollars, likewise
)

// Latency tells whether m is a latency of one request, so that it is judged
// by pairs; the rest is judged by blocks.
func (m Measure) Latency() bool { return slices.Contains(latencies[:], m) }

// Points tells whether m lies between 0 and 1, so that arms are compared by the
// difference, in points, and not by the ratio.
func (m Measure) Points() bool { return m.Share() || m == Quality }

// Share tells whether m is the share of requests that are good in some sense.
func (m Measure) Share() bool { return m == Success || m == Goodput }

// A Statistic is what is made of a measure.
type Statistic string

// The statistics. Any quantile of a latency may be asked for as "p" and a number
// between 0 and 100, such as p99.9; it is a band around the quantile unless the
// metric sets another one. Mean is the mean log-ratio of pairs or of blocks; Rate
// is the share of successes.
const (
	P50  Statistic = "p50"
	P95  Statistic = "p95"
	P99  Statistic = "p99"
	Mean Statistic = "mean"
	Rate Statistic = "rate"
)

// A Direction says which way is better.
type Direction string

// The directions.
const (
	LowerIsBetter  Direction = "lower_is_better"
	HigherIsBetter Direction = "higher_is_better"
)

// A Metric is one demand: a statistic of a measure with its margins.
type Metric struct {
	Measure   Measure   `yaml:"measure"`
	Statistic Statistic `yaml:"statistic"`
	// Direction may be left out: it follows from the measure.
	Direction Direction `yaml:"direction,omitempty"`
	// Gating metrics decide; the others are shown.
	Gating bool `yaml:"gating"`
	// Tau is how much worse the candidate may be: worse by more than Tau rolls
	// back. A share of the baseline; in points for success, goodput and quality.
	Tau Share `yaml:"tau"`
	// Margin must lie above the upper bound of the worsening for a promotion.
	Margin Share `yaml:"margin"`
	// Limit is an absolute bound on the candidate alone; nil: none.
	Limit *Limit `yaml:"limit,omitempty"`
	// Critical metrics stand first in reports and are named when broken.
	Critical bool `yaml:"critical,omitempty"`
	// Required metrics without data make the verdict NO DATA. A gating metric
	// is required whatever this says: without data nothing is promoted.
	Required bool `yaml:"required,omitempty"`
	// WhereScored gates by the quality of answers only in runs that score any;
	// without it a run without scores is no data.
	WhereScored bool `yaml:"where_scored,omitempty"`
	// DryRun metrics are judged like gating ones, and said to be worse, but
	// decide nothing. They are no part of the correction of the others.
	DryRun bool `yaml:"dry_run,omitempty"`
	// Weight is the metric's part of alpha in the mode [Anytime] (weighted
	// Bonferroni where any metric has one); 0 means 1.
	Weight float64 `yaml:"weight,omitempty"`
	// Band is the window of the band test, as quantiles; nil: the usual one of
	// the statistic (P50: .25 to .75, P95: .90 to .99, P99: .98 to .999; see
	// Window for the others).
	Band *Band `yaml:"band,omitempty"`
}

// A Band is a window of quantiles.
type Band struct {
	From Share `yaml:"from"`
	To   Share `yaml:"to"`
}

// Key names the metric: first_token.p95.
func (m Metric) Key() string { return string(m.Measure) + "." + string(m.Statistic) }

// HigherIsBetter tells the direction in force.
func (m Metric) HigherIsBetter() bool {
	if m.Direction != "" {
		return m.Direction == HigherIsBetter
	}
	return m.Measure.direction() == HigherIsBetter
}

// Window returns the band in force; ok is false where the statistic has none.
// Unless the metric says otherwise that of a quantile p from .5 up reaches from
// twice as far from 1 as p to a fifth as far, that of a quantile under .5 is the
// mirror image, and those of P50 and P99 are their own.
func (m Metric) Window() (b Band, ok bool) {
	if m.Band != nil {
		return *m.Band, true
	}
	q, ok := m.Statistic.Quantile()
	far := 1 - q
	switch {
	case !ok:
		return Band{}, false
	case m.Statistic == P50:
		return Band{.25, .75}, true
	case m.Statistic == P99:
		return Band{.98, .999}, true
	case q < .5:
		return Band{tidy(q / 5), tidy(2 * q)}, true
	}
	return Band{tidy(1 - 2*far), tidy(1 - far/5)}, true
}

// tidy takes what arithmetic left over off a share.
func tidy(x float64) Share { return Share(math.Round(x*1e12) / 1e12) }

// Quantile returns the quantile that s asks for, strictly between 0 and 1; ok is
// false if it asks for none. A number is written in one way only: p95, not p95.0.
func (s Statistic) Quantile() (q float64, ok bool) {
	text, ok := strings.CutPrefix(string(s), "p")
	if !ok {
		return 0, false
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x > 0 && x < 100) || strconv.FormatFloat(x, 'f', -1, 64) != text {
		return 0, false
	}
	return x / 100, true
}

// A Share is a part of one. YAML may say 0.05 or 5%.
type Share float64

// UnmarshalYAML implements the interface of goccy/go-yaml.
func (s *Share) UnmarshalYAML(node ast.Node) error {
	x, err := parseShare(scalar(node))
	if err != nil {
		return placed(node.GetToken(), err.Error())
	}
	*s = Share(x)
	return nil
}

func scalar(node ast.Node) string { return node.GetToken().Value }

func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%q is no share: write 0.05 or 5%%", text)
	}
	if percent {
		x /= 100
	}
	return x, nil
}

// A Limit is an absolute bound: a duration (800ms), a share (90%) or a plain
// number, as its measure needs.
type Limit struct {
	// Value is in nanoseconds for durations, otherwise as written.
	Value float64
	// Duration tells that a unit of time was written.
	Duration bool
}

// UnmarshalYAML implements the interface of goccy/go-yaml.
func (l *Limit) UnmarshalYAML(node ast.Node) error {
	text := scalar(node)
	if x, err := parseShare(text); err == nil {
		*l = Limit{Value: x}
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return placed(node.GetToken(), fmt.Sprintf("%q is no limit: write a duration (800ms), a share (90%%) or a number", text))
	}
	*l = Limit{Value: float64(d), Duration: true}
	return nil
}

// Of returns what so many tokens cost, in US dollars; 0 without prices.
func (p *Prices) Of(input, cached, output int) float64 {
	if p == nil {
		return 0
	}
	return (p.Input*float64(input-cached) + p.Cached*float64(cached) + p.Output*float64(output)) / 1e6
}

package judge

import (
	"encoding/json"
	"math"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// Schema names the verdict's format and version.
const Schema = "firstbyte.verdict/1"

// A Decision is what a verdict comes to.
type Decision string

// The decisions.
const (
	Promote  Decision = "PROMOTE"
	Rollback Decision = "ROLLBACK"
	Hold     Decision = "HOLD"
	NoData   Decision = "NO DATA"
)

// ExitCode returns the process exit code that the decision has everywhere. What
// is no decision is an internal error, so that it can never look like a pass.
func (d Decision) ExitCode() int {
	switch d {
	case Promote:
		return 0
	case Rollback:
		return 2
	case Hold:
		return 3
	case NoData:
		return 4
	}
	return 1
}

// A Float is a number that JSON may have to do without: NaN (not known) is
// null, the infinities are the strings "inf" and "-inf".
type Float float64

// NaN is the Float that says "not known".
func NaN() Float { return Float(math.NaN()) }

// MarshalJSON implements [json.Marshaler].
func (f Float) MarshalJSON() ([]byte, error) {
	switch x := float64(f); {
	case math.IsNaN(x):
		return []byte("null"), nil
	case math.IsInf(x, 1):
		return []byte(`"inf"`), nil
	case math.IsInf(x, -1):
		return []byte(`"-inf"`), nil
	default:
		return json.Marshal(x)
	}
}

// UnmarshalJSON implements [json.Unmarshaler].
func (f *Float) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "null":
		*f = NaN()
	case `"inf"`:
		*f = Float(math.Inf(1))
	case `"-inf"`:
		*f = Float(math.Inf(-1))
	default:
		return json.Unmarshal(data, (*float64)(f))
	}
	return nil
}

// A Standing is what the evidence says of one metric.
type Standing string

// The standings of a metric.
const (
	Worse     Standing = "worse"      // rejected "at most tau worse" after the correction, or a limit is broken
	NotWorse  Standing = "not worse"  // the upper bound is under the promote margin
	Undecided Standing = "undecided"  // neither
	Missing   Standing = "no data"    // nothing to judge by
	Shown     Standing = "shown only" // measured, never decides
)

// A Reason is a stable code for why a decision was taken.
type Reason string

// The reasons. Text for people stands in Verdict.Summary.
const (
	ReasonAllNotWorse    Reason = "every gating metric is within its margin"
	ReasonWorse          Reason = "metric worse"
	ReasonLimit          Reason = "absolute limit broken"
	ReasonNoData         Reason = "no data"
	ReasonUndecided      Reason = "more samples needed"
	ReasonMachineBusy    Reason = "machine too busy"
	ReasonInvalid        Reason = "run invalid"
	ReasonDifferentWork  Reason = "arms did different work"
	ReasonDesign         Reason = "design supports no claim"
	ReasonFewBlocks      Reason = "too few blocks"
	ReasonFewPairs       Reason = "too few pairs"
	ReasonUnpaired       Reason = "pairs without a partner"
	ReasonAutocorrelated Reason = "blocks correlate"
	ReasonFailures       Reason = "too many failures"
	ReasonBlind          Reason = "this run could not have seen it"    // its own plant was not seen
	ReasonHallucinates   Reason = "this run sees what is not there"    // its own twin was called worse
	ReasonNoControls     Reason = "the policy asks for controls"       // and the run has none
	ReasonDeadControl    Reason = "a control says nothing"             // it has no data, or supports no claim
	ReasonMode           Reason = "mode supports no claim"             // on this evidence
	ReasonResolution     Reason = "resolution coarser than the margin" // of a histogram
	ReasonZero           Reason = "a quantile is zero"                 // and has no logarithm
	ReasonLoad           Reason = "enriched load is another load"      // or is not known to be the natural one
	ReasonLacks          Reason = "the source does not tell"           // a gating metric
)

// A Verdict is the whole outcome; every report is a rendering of it and of
// nothing else.
type Verdict struct {
	Schema   string   `json:"schema"`
	Decision Decision `json:"decision"`
	ExitCode int      `json:"exit_code"`
	Reason   Reason   `json:"reason"`
	Summary  []string `json:"summary"` // plain sentences: what was decided, and why
	// Guarantee says in words what error rate stands behind the decision, and
	// Unit what it speaks of: the builds, or just these processes.
	Guarantee string `json:"guarantee"`
	Unit      string `json:"unit"`

	Baseline  string        `json:"baseline"`
	Candidate string        `json:"candidate"`
	Design    sample.Design `json:"design"`
	Mode      string        `json:"mode"` // see policy.Mode
	// Look is which of Looks planned looks this is; 0 in other modes than
	// group-sequential.
	Look     int     `json:"look,omitzero"`
	Looks    int     `json:"looks,omitzero"`
	Alpha    float64 `json:"alpha"`
	Blocks   int     `json:"blocks"`
	Restarts int     `json:"restarts"` // per arm
	Pairs    int     `json:"pairs"`

	// Metrics stand in the order of the request's phases, within a phase by the
	// effect over the margin, the worst first; deciding ones before shown ones.
	Metrics []Metric `json:"metrics"`
	// More is about how many further requests per arm a hold needs; 0: more
	// would not help, or it is not known.
	More     int             `json:"more_requests,omitzero"`
	Controls Controls        `json:"controls"`
	SameWork SameWork        `json:"same_work"`
	Validity sample.Validity `json:"validity"`
	Warnings []string        `json:"warnings,omitempty"`

	Arms       []summary.Arm `json:"arms"` // baseline first
	Run        sample.Header `json:"run"`
	RunDigest  string        `json:"run_digest"`
	PolicyName string        `json:"policy"`
	PolicyHash string        `json:"policy_hash"`
}

// A Metric is the judgement of one statistic of one measure. Effects of
// latencies and counts are ratios candidate / baseline (1: equal, above 1: more);
// effects of rates are differences candidate - baseline.
type Metric struct {
	Key       string         `json:"key"`  // first_token.p95
	Name      string         `json:"name"` // what it is: "first token, P90-P99 tail"
	Measure   sample.Measure `json:"measure"`
	Statistic string         `json:"statistic"` // p50, p95, p99, mean, rate
	Phase     sample.Phase   `json:"phase"`
	Gating    bool           `json:"gating"`
	Critical  bool           `json:"critical,omitzero"`
	Standing  Standing       `json:"standing"`
	Why       string         `json:"why,omitzero"` // one line, when it is not plain from the numbers

	Scale  string `json:"scale"` // ratio or difference
	Effect Float  `json:"effect"`
	Lower  Float  `json:"lower"` // one-sided bounds at 1-alpha each
	Upper  Float  `json:"upper"`
	Point  Float  `json:"point"` // plain ratio of the two arms' quantiles, where there is one
	Tau    Float  `json:"tau"`   // worse by more than this rolls back
	Margin Float  `json:"margin"`
	P      Float  `json:"p"`          // of "at most tau worse"
	PHolm  Float  `json:"p_adjusted"` // after Holm's step-down over the gating metrics
	T      Float  `json:"t"`
	// LogE is the logarithm of the e-value against "at most tau worse", and
	// LogEWithin that against "worse by the whole margin"; null in modes that
	// take p-values.
	LogE       Float `json:"log_e"`
	LogEWithin Float `json:"log_e_within"`
	// Resolution is how coarse the source's histogram is at the quantile, as a
	// share of it; null where requests are listed one by one.
	Resolution Float `json:"resolution"`
	DryRun     bool  `json:"dry_run,omitzero"`
	Limit      Float `json:"limit"`       // absolute limit; null: none
	Value      Float `json:"limit_value"` // what the candidate showed against it
	// Detectable is the smallest worsening (0.06: 6 %) that this run would
	// have seen four times in five.
	Detectable Float `json:"detectable"`
	N          int   `json:"n"`
	Blocks     int   `json:"blocks"`
	More       int   `json:"more_requests,omitzero"`
	// BlockEffects is the effect within each block, for the picture.
	BlockEffects []Float `json:"block_effects,omitempty"`
}

// Controls says what became of the run's own controls.
type Controls struct {
	Mode string   `json:"mode"` // on or off
	Why  string   `json:"why,omitzero"`
	Twin *Control `json:"twin,omitempty"`
	// Plant is the baseline with a known delay in its path, Planted as a share.
	Plant   *Control `json:"plant,omitempty"`
	Planted Float    `json:"planted"`
}

// A Control is one comparison of the baseline with a control arm, judged as the
// candidate is.
type Control struct {
	// OK: the twin was not called worse; the plant was, in every gating latency.
	OK      bool     `json:"ok"`
	Detail  string   `json:"detail"` // one sentence with figures
	Pairs   int      `json:"pairs"`
	Blocks  int      `json:"blocks"`
	Metrics []Metric `json:"metrics"` // the gating ones
}

// SameWork says whether the arms did comparable work.
type SameWork struct {
	Same    bool   `json:"same"`
	Pairs   int    `json:"pairs"`           // pairs that succeeded in both arms
	Tokens  Float  `json:"tokens_ratio"`    // output tokens candidate / baseline, in all
	PerItem Float  `json:"tokens_per_item"` // the geometric mean of the same ratio over pairs; null: not paired
	Finish  Float  `json:"finish_differs"`
	Cached  Float  `json:"cached_difference"`
	Quality Float  `json:"quality_difference"` // mean score candidate - baseline; null: nothing scored
	Answers Float  `json:"answers_differ"`     // share of pairs whose answers differ
	Detail  string `json:"detail,omitzero"`
}

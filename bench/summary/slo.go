package summary

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// An SLO is a limit that a good request keeps. A measure that begins at a start
// is on the user clock unless its name says otherwise.
type SLO struct {
	Measure sample.Measure `json:"measure"`
	LimitNS int64          `json:"limit_ns"`
}

// String writes the limit as it is given: first_token=500ms.
func (s SLO) String() string { return fmt.Sprintf("%s=%v", s.Measure, time.Duration(s.LimitNS)) }

// ParseSLOs reads MEASURE=DURATION pairs with commas between, such as
// first_token=500ms,tpot=50ms. A measure has its own name or the field's usual
// one (ttft).
func ParseSLOs(text string) ([]SLO, error) {
	var slos []SLO
	var problems []error
	for pair := range strings.SplitSeq(text, ",") {
		slo, err := parseSLO(strings.TrimSpace(pair))
		if err == nil && slices.ContainsFunc(slos, func(other SLO) bool { return other.Measure == slo.Measure }) {
			err = fmt.Errorf("slo %q: %s has a limit already", pair, slo.Measure)
		}
		problems = append(problems, err)
		slos = append(slos, slo)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return slos, nil
}

func parseSLO(pair string) (SLO, error) {
	name, value, ok := strings.Cut(pair, "=")
	if !ok {
		return SLO{}, fmt.Errorf("slo %q: want MEASURE=DURATION, such as first_token=500ms", pair)
	}
	d, known := sample.Define(name)
	switch {
	case !known:
		return SLO{}, fmt.Errorf("slo %q: no such measure; want one of %s", pair, strings.Join(limitable(), ", "))
	case d.Measure == sample.EventGap:
		return SLO{}, fmt.Errorf("slo %q: single events are pooled over answers; limit gap or tpot, which each answer has", pair)
	}
	limit, err := time.ParseDuration(value)
	if err != nil || limit <= 0 {
		return SLO{}, fmt.Errorf("slo %q: %q is no duration above 0, such as 500ms", pair, value)
	}
	return SLO{d.Measure, int64(limit)}, nil
}

// limitable are the measures that a request may be held to.
func limitable() []string {
	var names []string
	for _, d := range sample.Definitions() {
		if d.Measure != sample.EventGap {
			names = append(names, string(d.Measure))
		}
	}
	return names
}

// mlperf are the limits of MLPerf inference in ms, first token and time per
// token, that its P99 keeps: in its Server scenario and, where there is one, in
// the Interactive one (mlcommons/inference, loadgen/mlperf.conf).
var mlperf = map[string][2][2]int64{
	"llama2-70b":    {{2000, 200}, {450, 40}},
	"llama3.1-405b": {{6000, 175}, {4500, 80}},
	"llama3.1-8b":   {{2000, 100}, {500, 30}},
	"deepseek-r1":   {{2000, 80}, {1500, 15}},
	"gpt-oss-120b":  {{3000, 80}, {2000, 15}},
	"mixtral-8x7b":  {{2000, 200}, {}},
}

// Preset returns the limits of mlperf:MODEL or mlperf:MODEL:interactive.
func Preset(name string) ([]SLO, error) {
	rest, ok := strings.CutPrefix(name, "mlperf:")
	model, scenario, _ := strings.Cut(rest, ":")
	limits, known := mlperf[model]
	of := limits[0]
	if scenario == "interactive" {
		of = limits[1]
	}
	switch {
	case !ok || scenario != "" && scenario != "interactive":
		return nil, fmt.Errorf("slo preset %q: want mlperf:MODEL or mlperf:MODEL:interactive", name)
	case !known:
		return nil, fmt.Errorf("slo preset %q: no such model; want one of %s", name, strings.Join(slices.Sorted(maps.Keys(mlperf)), ", "))
	case of == [2]int64{}:
		return nil, fmt.Errorf("slo preset %q: MLPerf has no interactive limits for this model; leave out :interactive", name)
	}
	ms := int64(time.Millisecond)
	return []SLO{{sample.FirstToken, of[0] * ms}, {sample.TPOT, of[1] * ms}}, nil
}

// keeps tells whether a request met the limit. A measure that cannot exist for
// it (the gaps of an answer of one event, connecting on a reused connection)
// cannot break it; one that should exist and is not known is not kept.
func (s SLO) keeps(one *sample.Sample) bool {
	ns, ok, none := one.Value(s.Measure)
	switch {
	case !ok:
		return false
	case !none:
		return ns >= 0 && ns <= s.LimitNS
	}
	switch s.Measure {
	case sample.Gap:
		return one.Events == 1
	case sample.TPOT:
		return one.Usage.Source != "" && one.Usage.Output == 1
	case sample.DNSTime, sample.Connect, sample.TLSTime:
		return true
	}
	return false
}

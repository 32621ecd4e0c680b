package search

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A Goal is a limit that a rate has to keep: of a quantile of a measure, or of the
// share of requests that succeed. The measure is on the user clock unless its name
// says otherwise, and a failed request is infinitely slow.
type Goal struct {
	Measure  sample.Measure // "": the share of successes
	Quantile float64        // of Measure, as 0.95
	LimitNS  float64        // the most that the quantile may be
	Success  float64        // the least share that may succeed
}

const success = "success"

// String writes the goal as it is given.
func (g Goal) String() string {
	if g.Measure == "" {
		return fmt.Sprintf("%s>=%.6g%%", success, 100*g.Success)
	}
	return fmt.Sprintf("%s<=%v", g.subject(), time.Duration(g.LimitNS))
}

func (g Goal) subject() string {
	if g.Measure == "" {
		return success
	}
	return fmt.Sprintf("%s_p%.6g", g.Measure, 100*g.Quantile)
}

// ParseGoals reads goals with commas between: first_token_p95<=500ms,
// full_p99<=10s, success>=99%.
func ParseGoals(text string) ([]Goal, error) {
	var goals []Goal
	var errs []error
	for part := range strings.SplitSeq(text, ",") {
		g, err := parseGoal(strings.TrimSpace(part))
		goals, errs = append(goals, g), append(errs, err)
	}
	return goals, errors.Join(errs...)
}

func parseGoal(text string) (Goal, error) {
	if share, ok := strings.CutPrefix(text, success+">="); ok {
		percent, isPercent := strings.CutSuffix(share, "%")
		x, err := strconv.ParseFloat(percent, 64)
		if isPercent {
			x /= 100
		}
		if err != nil || !(x > 0 && x <= 1) {
			return Goal{}, fmt.Errorf("goal %q: write a share as success>=99%%", text)
		}
		return Goal{Success: x}, nil
	}
	name, limit, ok := strings.Cut(text, "<=")
	at := strings.LastIndex(name, "_p")
	if !ok || at < 0 {
		return Goal{}, fmt.Errorf("goal %q: write MEASURE_pPERCENT<=TIME or success>=PERCENT, as first_token_p95<=500ms", text)
	}
	d, known := sample.Define(name[:at])
	percent, errPercent := strconv.ParseFloat(name[at+2:], 64)
	most, errMost := time.ParseDuration(limit)
	switch {
	case !known || d.Measure == sample.EventGap:
		return Goal{}, fmt.Errorf("goal %q: requests have no measure %q", text, name[:at])
	case errPercent != nil || !(percent > 0 && percent < 100):
		return Goal{}, fmt.Errorf("goal %q: a percentile lies between p0 and p100", text)
	case errMost != nil || most <= 0:
		return Goal{}, fmt.Errorf("goal %q: %q is no time above 0, such as 500ms", text, limit)
	}
	return Goal{Measure: d.Measure, Quantile: percent / 100, LimitNS: float64(most)}, nil
}

// Needs is how many requests a probe must have at least for the goals: twice as
// many as let one lie beyond the quantile, and a hundred for a share.
func Needs(goals []Goal) int {
	n := 1.0
	for _, g := range goals {
		if g.Measure == "" {
			n = max(n, 100)
		} else {
			n = max(n, math.Round(2/(1-g.Quantile)))
		}
	}
	return int(n)
}

// Judge decides what the samples of a probe show, warm-up apart, if the measurement
// can be trusted. Without evidence no goal is met.
func Judge(goals []Goal, samples []sample.Sample, v sample.Validity) (Verdict, string) {
	measured := slices.DeleteFunc(slices.Clone(samples), func(s sample.Sample) bool { return s.Warmup })
	verdict := Met
	var figures []string
	for _, g := range goals {
		text, kept := g.keeps(measured)
		if figures = append(figures, text); !kept {
			verdict = Broken
		}
	}
	if growth := backlog(samples, measured); growth > 0 {
		figures = append(figures, fmt.Sprintf("%d more in flight at the end than in the middle", growth))
		verdict = Saturated
	}
	if v.Grade != sample.Valid && v.Grade != sample.Degraded {
		figures = append(figures, "the measurement is "+string(v.Grade)+because(v))
		verdict = Invalid
	}
	return verdict, strings.Join(figures, "; ")
}

// because names the signals that make a measurement invalid.
func because(v sample.Validity) string {
	var names []string
	for _, s := range v.Signals {
		if s.Grade == sample.Invalid {
			names = append(names, strings.TrimSpace(fmt.Sprintf("%s %.3g %s", s.Name, s.Value, s.Unit)))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// keeps tells whether the samples keep the goal, and by what figure.
func (g Goal) keeps(samples []sample.Sample) (string, bool) {
	if len(samples) < Needs([]Goal{g}) {
		return fmt.Sprintf("%s: %d requests, at least %d are needed", g.subject(), len(samples), Needs([]Goal{g})), false
	}
	if g.Measure == "" {
		ok := 0
		for i := range samples {
			if samples[i].Outcome == sample.OK {
				ok++
			}
		}
		share := float64(ok) / float64(len(samples))
		return fmt.Sprintf("%s %.4g%%", success, 100*share), share >= g.Success
	}
	var values []float64
	for i := range samples {
		ns, ok, none := samples[i].Value(g.Measure)
		switch {
		case !ok, !none && ns < 0:
			values = append(values, math.Inf(1))
		case !none:
			values = append(values, float64(ns))
		}
	}
	if len(values) < Needs([]Goal{g}) {
		return fmt.Sprintf("%s: known of %d requests, at least %d are needed", g.subject(), len(values), Needs([]Goal{g})), false
	}
	slices.Sort(values)
	at := values[max(0, int(math.Ceil(g.Quantile*float64(len(values))))-1)]
	if math.IsInf(at, 1) {
		return g.subject() + " ∞", false
	}
	return fmt.Sprintf("%s %v", g.subject(), time.Duration(at).Round(10*time.Microsecond)), at <= g.LimitNS
}

// backlog is by how many more requests were in flight at the last measured start
// than in the middle of them, where that is more than chance explains; else 0. At a
// rate that can be kept as many end as start. Starts that scatter like Poisson's let
// the number in flight differ by some square root of those that started meanwhile;
// four of them and a tenth of the starts are allowed.
func backlog(all, measured []sample.Sample) int {
	if len(measured) < 2 {
		return 0
	}
	middle, end := measured[len(measured)/2].IntendedNS, measured[len(measured)-1].IntendedNS
	growth, starts := 0, 0.0
	for i := range all {
		s := &all[i]
		closed := max(s.CloseNS, s.IntendedNS)
		if s.IntendedNS <= end && closed > end {
			growth++
		}
		if s.IntendedNS <= middle && closed > middle {
			growth--
		}
		if s.IntendedNS > middle && s.IntendedNS <= end {
			starts++
		}
	}
	if float64(growth) <= .1*starts+4*math.Sqrt(starts) {
		return 0
	}
	return growth
}

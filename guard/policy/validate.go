package policy

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// What no policy may go below: with less the tests' error rates are not known.
const (
	leastBlocks = 8
	leastPairs  = 200
)

// DefaultLooks is how many planned looks a policy has that names no number, and
// MostLooks the most that it may name.
const (
	DefaultLooks = 5
	MostLooks    = 20
)

// Validate joins every problem of p, one line each.
func (p Policy) Validate() error {
	var problems []error
	bad := func(key, format string, args ...any) { problems = append(problems, at(key, format, args...)) }
	if !(p.Alpha > 0 && p.Alpha <= .5) {
		bad("alpha", "alpha is %v: it lies above 0 and is at most 50%%", float64(p.Alpha))
	}
	if p.MinBlocks < leastBlocks {
		bad("min_blocks", "min_blocks is %d: fewer than %d support no claim", p.MinBlocks, leastBlocks)
	}
	if p.MinPairs < leastPairs {
		bad("min_pairs", "min_pairs is %d: fewer than %d support no claim", p.MinPairs, leastPairs)
	}
	problems = append(problems, p.validateMode()...)
	problems = append(problems, p.SameWork.validate()...)
	problems = append(problems, p.validateSLO()...)
	problems = append(problems, p.Prices.validate()...)
	problems = append(problems, p.validateMetrics()...)
	return errors.Join(problems...)
}

var modes = [...]Mode{Fixed, GroupSequential, Anytime, History, Threshold}

func (p Policy) validateMode() (problems []error) {
	bad := func(key, format string, args ...any) { problems = append(problems, at(key, format, args...)) }
	if p.Mode != "" && !slices.Contains(modes[:], p.Mode) {
		bad("mode", "unknown mode %q%s: known are %v", p.Mode, nearest(p.Mode, modes[:]), modes)
	}
	switch {
	case p.Looks == 0:
	case p.Mode != GroupSequential:
		bad("looks", "looks is %d: only mode %s has planned looks", p.Looks, GroupSequential)
	case p.Looks < 2 || p.Looks > MostLooks:
		bad("looks", "looks is %d: between 2 and %d are possible", p.Looks, MostLooks)
	}
	if p.Mode != Anytime && slices.ContainsFunc(p.Metrics, func(m Metric) bool { return m.Weight != 0 }) {
		bad("mode", "weight: only mode %s parts alpha by weights, the others correct by Holm, which knows none", Anytime)
	}
	if p.Controls != "" && p.Controls != ControlsOptional && p.Controls != ControlsRequired {
		bad("controls", "controls is %q: it is %s or %s", p.Controls, ControlsOptional, ControlsRequired)
	}
	return problems
}

func (w SameWork) validate() (problems []error) {
	for _, x := range []struct {
		key   string
		value Share
	}{{"tokens", w.Tokens}, {"finish", w.Finish}, {"cached", w.Cached}, {"quality", w.Quality}} {
		if !(x.value >= 0 && x.value <= 1) {
			problems = append(problems, at("same_work."+x.key, "same_work.%s is %v: it lies between 0 and 100%%", x.key, float64(x.value)))
		}
	}
	return problems
}

func (p Policy) validateSLO() (problems []error) {
	for i, o := range p.SLO {
		where, path := fmt.Sprintf("slo %d (%s)", i+1, o.Measure), fmt.Sprintf("slo[%d]", i)
		switch {
		case !o.Measure.Latency():
			problems = append(problems, at(path+".measure", "%s: no latency of a request%s: known are %v", where, nearest(o.Measure, latencies[:]), latencies))
		case !o.AtMost.Duration || !(o.AtMost.Value > 0):
			problems = append(problems, at(path+".at_most", "%s: at_most: write a duration such as 800ms", where))
		}
	}
	if len(p.SLO) == 0 && slices.ContainsFunc(p.Metrics, func(m Metric) bool { return m.Measure == Goodput }) {
		problems = append(problems, errors.New("goodput needs to know what is good: say it under slo, such as {measure: first_token, at_most: 800ms}"))
	}
	return problems
}

func (p *Prices) validate() (problems []error) {
	if p == nil {
		return nil
	}
	for _, x := range []struct {
		key   string
		value float64
	}{{"input", p.Input}, {"output", p.Output}, {"cached", p.Cached}} {
		if !(x.value >= 0) {
			problems = append(problems, at("prices."+x.key, "prices.%s is %v: US dollars per million tokens are 0 or more", x.key, x.value))
		}
	}
	return problems
}

func (p Policy) validateMetrics() (problems []error) {
	seen, gating := map[string]bool{}, false
	for i, m := range p.Metrics {
		here := m.validate()
		if seen[m.Key()] {
			here = append(here, at("statistic", "stands twice"))
		}
		for _, problem := range here {
			problems = append(problems, under(fmt.Sprintf("metrics[%d]", i), fmt.Sprintf("metric %d (%s): ", i+1, m.Key()), problem))
		}
		seen[m.Key()], gating = true, gating || m.Gating && !m.DryRun
	}
	if !gating {
		problems = append(problems, errors.New("no metric is gating, dry runs apart: such a policy could never say no"))
	}
	return problems
}

func (m Metric) validate() (problems []error) {
	bad := func(key, format string, args ...any) { problems = append(problems, at(key, format, args...)) }
	statistics := m.Measure.statistics()
	if statistics == nil {
		return []error{at("measure", "unknown measure %q%s: known are %v", m.Measure, nearest(m.Measure, measures), measures)}
	}
	if _, quantile := m.Statistic.Quantile(); !slices.Contains(statistics, m.Statistic) && !(quantile && m.Measure.Latency()) {
		also := ""
		if m.Measure.Latency() {
			also = " and any other quantile, such as p99.9"
		}
		bad("statistic", "%s has no statistic %q: it has %v%s", m.Measure, m.Statistic, statistics, also)
	}
	problems = append(problems, m.validateWeight()...)
	if m.Direction != "" && m.Direction != m.Measure.direction() {
		bad("direction", "direction %q: %s is %s", m.Direction, m.Measure, m.Measure.direction())
	}
	if !(m.Tau >= 0 && m.Tau < 10) {
		bad("tau", "tau is %v: it is 0 or a share such as 5%%", float64(m.Tau))
	}
	if !(m.Margin > 0 && m.Margin < 10) {
		bad("margin", "margin is %v: write a share above 0, such as 10%%", float64(m.Margin))
	}
	if m.Margin < m.Tau {
		bad("margin", "margin %v lies under tau %v: a candidate could be promoted and rolled back at once", float64(m.Margin), float64(m.Tau))
	}
	if m.HigherIsBetter() && (m.Margin >= 1 || m.Tau >= 1) {
		bad("margin", "tau and margin of %s lie under 100%%: nothing can fall by more", m.Measure)
	}
	if m.DryRun && !m.Gating {
		bad("dry_run", "dry_run: a metric that is only shown decides nothing anyway, make it gating")
	}
	if m.WhereScored && m.Measure != Quality {
		bad("where_scored", "where_scored: only quality depends on scores, not %s", m.Measure)
	}
	return append(append(problems, m.validateLimit()...), m.validateBand()...)
}

func (m Metric) validateWeight() (problems []error) {
	switch w := m.Weight; {
	case w == 0:
	case !(w > 0) || math.IsInf(w, 0):
		problems = append(problems, at("weight", "weight is %v: it is a number above 0", w))
	case !m.Gating || m.DryRun:
		problems = append(problems, at("weight", "weight: a metric that decides nothing has no part of alpha"))
	}
	return problems
}

func (m Metric) validateLimit() (problems []error) {
	switch l := m.Limit; {
	case l == nil:
	case !m.Gating:
		problems = append(problems, at("limit", "limit: a metric that is only shown cannot have one"))
	case m.Statistic == Mean && (m.Measure.Latency() || m.Measure == Tokens || m.Measure == Cost):
		problems = append(problems, at("limit", "limit: a mean log-ratio has no absolute value, put it on a quantile such as p95"))
	case m.durations() != l.Duration:
		problems = append(problems, at("limit", "limit: %s", m.limitUnit()))
	case !(l.Value > 0), m.Measure.Points() && l.Value > 1:
		problems = append(problems, at("limit", "limit %v is out of range: %s", l.Value, m.limitUnit()))
	}
	return problems
}

func (m Metric) durations() bool { return m.Measure.Latency() || m.cpu() }

func (m Metric) cpu() bool { return m.Measure == CPUPerEvent || m.Measure == CPUPerRequest }

func (m Metric) limitUnit() string {
	switch {
	case m.Measure.Points():
		return fmt.Sprintf("%s is limited by a share such as 90%%", m.Measure)
	case m.durations():
		return "write a duration such as 800ms"
	}
	return "write requests per second as a number"
}

func (m Metric) validateBand() (problems []error) {
	if m.Band == nil {
		return nil
	}
	if _, ok := (Metric{Statistic: m.Statistic}).Window(); !ok {
		problems = append(problems, at("band", "band: only quantiles have one, not %s", m.Statistic))
	}
	if b := *m.Band; !(b.From >= 0 && b.From < b.To && b.To <= 1) {
		problems = append(problems, at("band", "band from %v to %v: it lies between 0 and 100%% and is not empty", float64(b.From), float64(b.To)))
	}
	return problems
}

// latencies are the measures of one request, in the order of its life.
var latencies = [...]Measure{
	Queue, DNS, Connect, TLS, TTFB, FirstEvent, FirstToken, FirstText, Gap, TPOT, LastContent, Full, AddedToken, AddedEvent,
}

// measures are all of them.
var measures = append(slices.Clone(latencies[:]), Success, Goodput, Quality, Tokens, Cost, Throughput, CPUPerEvent, CPUPerRequest)

// statistics lists what m can be asked; nil for an unknown measure.
func (m Measure) statistics() []Statistic {
	switch {
	case m.Latency():
		return []Statistic{P50, P95, P99, Mean}
	case m.Share():
		return []Statistic{Rate}
	case slices.Contains(measures, m):
		return []Statistic{Mean}
	}
	return nil
}

func (m Measure) direction() Direction {
	if m.Points() || m == Throughput {
		return HigherIsBetter
	}
	return LowerIsBetter
}

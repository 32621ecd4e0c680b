package policy

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Explain says in words what p demands.
func Explain(w io.Writer, p Policy) error {
	var out strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	say("Policy %q, SHA-256 %s", p.Name, p.Hash)
	say("")
	say("A candidate that is no worse than tau in any gating metric is rolled back in at most %s", percent(p.Alpha))
	say("of runs; one that is worse by its whole margin in some metric is promoted in at most %s.", percent(p.Alpha))
	say("%s", p.modeWords())
	if p.Controls == ControlsRequired {
		say("Nothing is promoted unless the run saw its own plant and stayed quiet on its own twin.")
	}
	say("No claim is made with fewer than %d blocks or %d pairs of requests, nor if the arms'", p.MinBlocks, p.MinPairs)
	say("output tokens differ by more than %s, finish reasons in more than %s of the pairs, or the", percent(p.SameWork.Tokens), percent(p.SameWork.Finish))
	say("share of cached input tokens by more than %s, or the candidate's answers score more than", percent(p.SameWork.Cached))
	say("%s lower.", percent(p.SameWork.Quality))
	say("")
	say("Gating: one that is worse rolls back, all must be within their margins to promote.")
	for _, m := range p.Metrics {
		if m.Gating {
			say("  %-20s %s", m.Key(), m.demand())
		}
	}
	if slices.ContainsFunc(p.Metrics, func(m Metric) bool { return !m.Gating }) {
		say("")
		say("Shown only:")
	}
	for _, m := range p.Metrics {
		if !m.Gating {
			say("  %-20s %s", m.Key(), m.asks())
		}
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	return nil
}

// modeWords says how evidence becomes a decision.
func (p Policy) modeWords() string {
	switch p.Mode {
	case GroupSequential:
		looks := p.Looks
		if looks == 0 {
			looks = DefaultLooks
		}
		return fmt.Sprintf("A run may end at any of %d equally spaced, planned looks; both rates hold over all of them.", looks)
	case Anytime:
		return "The evidence may be looked at as often as anyone likes; both rates hold over all looks."
	case Threshold:
		return "Those rates are not kept: point estimates are compared with tau and limits, nothing else."
	case History:
		return "The candidate is compared with earlier runs by a predictive interval."
	}
	return "The evidence is looked at once, when the planned sample is there."
}

// Points writes s as points of a difference of shares.
func (s Share) Points() string {
	if s == .01 {
		return "1 point"
	}
	return fmt.Sprintf("%.4g points", 100*float64(s))
}

func percent(s Share) string { return fmt.Sprintf("%.4g %%", 100*float64(s)) }

// asks says what the statistic looks at.
func (m Metric) asks() string {
	if b, ok := m.Window(); ok {
		return fmt.Sprintf("the ranks from P%.4g to P%.4g, failures infinitely slow", 100*float64(b.From), 100*float64(b.To))
	}
	switch {
	case m.Measure == Success:
		return "the share of requests that succeed"
	case m.Measure == Goodput:
		return "the share of requests that succeed and meet every objective under slo"
	case m.Measure == Quality && m.WhereScored:
		return "the mean score of answers to the same items, in runs that score any"
	case m.Measure == Quality:
		return "the mean score of answers to the same items"
	case m.Measure == Tokens, m.Measure == Cost:
		return "the mean log-ratio of the pairs that succeeded in both arms"
	case m.Measure.Latency():
		return "the mean log-ratio of the pairs, a lone failure counting as ten times slower"
	}
	return "the mean log-ratio of the blocks"
}

// demand says when m rolls back and when it lets a promotion pass.
func (m Metric) demand() string {
	way, amount := "more", percent
	if m.HigherIsBetter() {
		way = "less"
	}
	if m.Measure.Points() {
		amount = Share.Points
	}
	text := fmt.Sprintf("%s; rolls back beyond %s %s, promotes within %s", m.asks(), amount(m.Tau), way, amount(m.Margin))
	if m.Limit != nil {
		text += "; the candidate itself " + m.limitWords()
	}
	if m.Critical {
		text += "; named first"
	}
	if m.DryRun {
		text += "; a dry run: told, and decides nothing"
	}
	return text
}

func (m Metric) limitWords() string {
	bound := "at most"
	if m.HigherIsBetter() {
		bound = "at least"
	}
	switch {
	case m.Limit.Duration:
		return fmt.Sprintf("%s %v", bound, time.Duration(m.Limit.Value))
	case m.Measure.Points():
		return fmt.Sprintf("%s %s", bound, percent(Share(m.Limit.Value)))
	}
	return fmt.Sprintf("%s %.4g", bound, m.Limit.Value)
}

package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// A measure is how reports call a measure, and its formula.
type measure struct {
	key     sample.Measure
	name    string
	formula string
}

// latencies are the measures that reports tabulate and draw, in the order of a
// request's life.
func latencies() []measure {
	return []measure{
		{sample.TTFB, "time to first byte", "first byte of the answer − intended start"},
		{sample.FirstToken, "time to first token", "first token event of any channel (text, reasoning, tool arguments) − intended start"},
		{sample.Gap, "inter-token gap", "(last content event − first token event) / (content events − 1): the mean gap of one answer"},
		{summary.EventGap, "gap of single events (ok)", "content event − the one before, over all successful answers together; 0 where one read brought both"},
		{sample.Full, "full latency", "end of the answer − intended start"},
	}
}

// formulas says how everything that a report shows was computed.
func formulas(v *judge.Verdict) []measure {
	return append(latencies(),
		measure{name: "quantiles P50, P95, P99", formula: "the smallest latency that at least that share of all attempted requests did not exceed; a failed request is infinitely slow, so a quantile that falls among failures is ∞. Read from histograms: at most 0.1 % too high, never too low (under 1 ms: at most 512 ns)"},
		measure{name: "success", formula: "requests answered whole / requests attempted"},
		measure{name: "rate", formula: "starts per second while load was sent: as they happened / as the schedule intended"},
		measure{name: "CPU per request, per event", formula: "processor time (user and system) of the arm's process between the first measured start and the last measured end / requests; / content events"},
		measure{name: "effect of a median or a tail", formula: "the ratio by which the candidate's latencies must be divided for the pairs' scores on the band (P25–P75 or P90–P99 of both arms' values) to cancel; a pair is the same item, same occurrence, same block in both arms"},
		measure{name: "effect of a mean", formula: "exp(mean of log(candidate / baseline)) over pairs, a request that failed in one arm alone counting as ten times slower; or over blocks where a measure belongs to a block"},
		measure{name: "throughput", formula: "requests answered / time from the first measured start to the last measured end, by block"},
		measure{name: "effect of a rate", formula: "candidate − baseline, in percentage points"},
		measure{name: "bounds", formula: fmt.Sprintf("two one-sided bounds, each right in %s of repetitions of this design; block by block, since blocks and not requests are independent", percent(1-v.Alpha))},
		measure{name: "smallest detectable", formula: "the worsening that this run would have found in 80 % of repetitions"},
	)
}

// shortly are the formulas of what the terminal shows, in one sentence.
func shortly(v *judge.Verdict) string {
	return "Latencies run from the intended start to the first byte, the first token event, the end; " +
		"the inter-token gap is (last − first content event) / (events − 1) of one answer, the gap of single events pools those of all successful answers. " +
		"A failed request is infinitely slow in every quantile (∞) and ten times slower in a mean ratio. Throughput is answers by the time from the first measured start to the last measured end. CPU is processor time of the arm's process. " +
		changes(v)
}

// changes says what the numbers of a comparison are.
func changes(v *judge.Verdict) string {
	if byHistory(v) {
		return "Changes are the run / the mean of the earlier runs − 1; bounds allow for how much runs of one build differ."
	}
	return "Changes are candidate / baseline − 1 over pairs of the same item in the same block, points are differences of shares; " +
		"bounds hold one at a time at 1 − alpha; detects is the worsening found in 80 % of such runs."
}

// latency prints a quantile, with the number of failures when it is infinite.
func latency(l summary.Latency, d summary.Distribution) string {
	if d.N == 0 {
		return chart.Unknown
	}
	took, finite := l.Duration()
	if !finite {
		return fmt.Sprintf("∞ (%d failed)", d.Failed)
	}
	return chart.Duration(float64(took))
}

// percent prints a share: .998 is 99.8 %.
func percent(share float64) string {
	if math.IsNaN(share) {
		return chart.Unknown
	}
	return trimZeros(fmt.Sprintf("%.2f", 100*share)) + " %"
}

func trimZeros(number string) string {
	return strings.TrimSuffix(strings.TrimRight(number, "0"), ".")
}

// nanoseconds prints a mean cost; 0 is not known.
func nanoseconds(ns float64) string {
	if ns == 0 {
		return chart.Unknown
	}
	return chart.Duration(ns)
}

// success prints the share of answered requests with the failures by class.
func success(a summary.Arm) string {
	if a.Requests == 0 {
		return "no requests"
	}
	return percent(float64(a.OK) / float64(a.Requests))
}

// failures lists what went wrong, the most frequent first.
func failures(a summary.Arm) string {
	classes := slices.SortedFunc(maps.Keys(a.Failures), func(x, y sample.Outcome) int {
		if d := a.Failures[y] - a.Failures[x]; d != 0 {
			return d
		}
		return strings.Compare(string(x), string(y))
	})
	parts := make([]string, 0, len(classes))
	for _, class := range classes {
		parts = append(parts, fmt.Sprintf("%d × %s", a.Failures[class], class))
	}
	return strings.Join(parts, ", ")
}

// rate prints starts as they were, of those intended.
func rate(a summary.Arm) string {
	if a.IntendedHz == 0 && a.AchievedHz == 0 {
		return chart.Unknown
	}
	if a.IntendedHz == 0 {
		return fmt.Sprintf("%.1f /s, closed loop", a.AchievedHz)
	}
	return fmt.Sprintf("%.1f of %.1f /s", a.AchievedHz, a.IntendedHz)
}

// axis returns the axis that a metric's effect lies on.
func axis(m judge.Metric) chart.Axis {
	if m.Scale == "difference" {
		return chart.Difference
	}
	return chart.Ratio
}

// effect prints the change that the candidate brought.
func effect(m judge.Metric) string {
	if axis(m) == chart.Difference {
		return chart.Points(float64(m.Effect))
	}
	return chart.Change(float64(m.Effect))
}

// bounds prints the interval of the effect.
func bounds(m judge.Metric) string {
	lower, upper := float64(m.Lower), float64(m.Upper)
	if math.IsNaN(lower) && math.IsNaN(upper) || math.IsInf(lower, -1) && math.IsInf(upper, 1) { // anything is possible
		return chart.Unknown
	}
	return axis(m).Interval(lower, upper)
}

// share prints a positive share of a metric's scale, such as its margin.
func share(m judge.Metric, f judge.Float) string {
	switch x := float64(f); {
	case math.IsNaN(x):
		return chart.Unknown
	case math.IsInf(x, 0):
		return "∞"
	case axis(m) == chart.Difference:
		points := trimZeros(fmt.Sprintf("%.2f", 100*x))
		if points == "1" {
			return "1 point"
		}
		return points + " points"
	case x > 10:
		return "> 1000 %"
	default:
		return trimZeros(fmt.Sprintf("%.1f", 100*x)) + " %"
	}
}

// standing is the metric's verdict in words: why, if it has a reason to tell.
func standing(m judge.Metric) string {
	s := string(m.Standing)
	if !m.Gating && m.Standing != judge.Shown {
		s += ", shown only"
	}
	if m.DryRun {
		s += ", dry run"
	}
	if m.Critical {
		s += " (critical)"
	}
	return s
}

// tone is how a metric is coloured.
func tone(m judge.Metric) chart.Tone {
	switch {
	case m.Standing == judge.Worse:
		return chart.Worse
	case !m.Gating || m.Standing == judge.Shown:
		return chart.Plain
	case m.Standing == judge.NotWorse:
		return chart.Fine
	}
	return chart.Open
}

// limit prints what the candidate showed against an absolute limit; "" without.
func limit(m judge.Metric) string {
	if math.IsNaN(float64(m.Limit)) {
		return ""
	}
	return fmt.Sprintf("%s, limit %s", value(m, m.Value), value(m, m.Limit))
}

// value prints a metric's own quantity with the unit of its measure.
func value(m judge.Metric, f judge.Float) string {
	x := float64(f)
	switch {
	case math.IsNaN(x):
		return chart.Unknown
	case m.Statistic == "rate" || m.Measure == "success":
		return percent(x)
	case m.Measure == "throughput":
		return fmt.Sprintf("%.1f requests/s", x)
	}
	return chart.Duration(x)
}

// higherIsBetter tells on which side of equal a metric is worse.
func higherIsBetter(m judge.Metric) bool {
	return m.Statistic == "rate" || m.Measure == "success" || m.Measure == "throughput" || m.Measure == "quality"
}

// A fact is a name and what is known of it.
type fact struct{ Name, Value string }

// facts are what a reader needs to repeat the run or to doubt it.
func facts(v *judge.Verdict) []fact {
	r := &v.Run
	all := []fact{
		{"seed", seed(r)},
		{"dataset", dataset(r.Dataset)},
		{"design", fmt.Sprintf("%s, %d blocks, %d restarts of each arm, %d pairs, mode %s, alpha %s", v.Design, v.Blocks, v.Restarts, v.Pairs, v.Mode, percent(v.Alpha))},
		{"schedule", schedule(r.Schedule)},
		{"draw", draw(r.Draw)},
		{"arms", arms(r.Arms)},
		{"target", join(", ", prefixed("dialect ", r.Dialect), prefixed("model ", r.Model), prefixed("scenario ", r.Scenario))},
		{"machine", machine(r.Machine)},
		{"policy", join(", ", v.PolicyName, prefixed("SHA-256 ", v.PolicyHash))},
		{"run file", join(", ", prefixed("SHA-256 ", v.RunDigest), prefixed("started ", r.StartedAt), r.Tool)},
	}
	if r.ClockScale != 0 && r.ClockScale != 1 {
		all = append(all, fact{"clock", scaledBy(r.ClockScale)})
	}
	return slices.DeleteFunc(all, func(f fact) bool { return f.Value == "" })
}

// dataset is "" for traffic that came of itself.
func dataset(d sample.Dataset) string {
	if d.Hash == "" {
		return ""
	}
	return fmt.Sprintf("%s, %d items, SHA-256 %s", d.Name, d.Items, d.Hash)
}

func seed(h *sample.Header) string {
	if h.Dataset.Hash == "" {
		return ""
	}
	return fmt.Sprint(h.Seed)
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func join(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), sep)
}

func draw(d *sample.Draw) string {
	if d == nil {
		return ""
	}
	return fmt.Sprintf("enriched in %d strata by the pilot with SHA-256 %s, one block in %d at natural weight", len(d.Share), d.Pilot, d.NaturalEvery)
}

func schedule(s sample.Schedule) string {
	if s.Kind == "" {
		return ""
	}
	pace := fmt.Sprintf("%g starts/s", s.PerSecond)
	switch {
	case s.Workers > 0:
		pace = fmt.Sprintf("%d workers", s.Workers)
	case len(s.Sweep) > 0:
		pace = fmt.Sprintf("%v starts/s in turn", s.Sweep)
	case s.PerSecond == 0:
		pace = ""
	}
	return join(", ", s.Kind, pace, s.Profile, fmt.Sprintf("%d requests of each arm in a block after %d of warm-up (not measured)", s.PerSlot, s.Warmup), prefixed("SHA-256 ", s.Hash))
}

// arms says what told the arms apart.
func arms(all []sample.Arm) string {
	parts := make([]string, 0, len(all))
	for _, a := range all {
		part := a.Name
		var flags []string
		for _, name := range slices.Sorted(maps.Keys(a.Flags)) {
			state := "off"
			if a.Flags[name] {
				state = "on"
			}
			flags = append(flags, name+" "+state)
		}
		if len(flags) > 0 {
			part += " (" + strings.Join(flags, ", ") + ")"
		}
		if a.Restarted {
			part += ", restarted at every block"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

func machine(m sample.Machine) string {
	if m.OS == "" && m.CPU == "" {
		return ""
	}
	return join(", ", m.CPU, fmt.Sprintf("%d cores (%d used)", m.Cores, m.GOMAXPROCS), join("/", m.OS, m.Arch), m.Kernel, m.Go)
}

// measurerError says how wrong the measurer itself may be: "± 91 µs time to
// first byte, …", at P99 against ground truth.
func measurerError(v *judge.Verdict) string {
	var parts []string
	for _, m := range latencies() {
		if e, ok := v.Validity.Error[m.key]; ok {
			parts = append(parts, fmt.Sprintf("%s ± %s", m.name, chart.Duration(float64(e.P99))))
		}
	}
	if len(parts) == 0 {
		return "the measurer's error is not known: it was not calibrated"
	}
	return "measurer's error (P99 against ground truth): " + strings.Join(parts, ", ")
}

// validity is the state of the measurement in one line.
func validity(v *judge.Verdict) string {
	var bad []string
	for _, s := range v.Validity.Signals {
		if s.Grade != sample.Valid {
			bad = append(bad, fmt.Sprintf("%s %s is %s", s.Name, signalValue(s, s.Value), s.Grade))
		}
	}
	grade := string(v.Validity.Grade)
	if grade == "" {
		grade = "not known"
	}
	if len(bad) == 0 {
		return grade
	}
	return grade + " (" + strings.Join(bad, ", ") + ")"
}

func signalValue(s sample.Signal, x float64) string {
	return join(" ", trimZeros(fmt.Sprintf("%.2f", x)), s.Unit)
}

// points prints a difference of shares.
func points(d judge.Float) string { return share(judge.Metric{Scale: "difference"}, d) }

// sameWork says whether latencies may be compared at all.
func sameWork(v *judge.Verdict) string {
	w := v.SameWork
	if w.Pairs == 0 {
		return cmp.Or(w.Detail, "no pair succeeded in both arms")
	}
	state := "the arms did the same work"
	if !w.Same {
		state = "the arms did DIFFERENT work"
	}
	unit, finish, answers := "pairs", "differ in "+percent(float64(w.Finish)), "differ in "+percent(float64(w.Answers))
	if v.Pairs == 0 { // traffic that came of itself: nothing says which answer belongs to which
		unit, finish, answers = "requests of each arm", "not told", "not told"
	}
	score := ""
	if !math.IsNaN(float64(w.Quality)) {
		score = "the mean score of answers by " + points(w.Quality)
	}
	return join("; ", fmt.Sprintf("%s over %d %s: ", state, w.Pairs, unit)+
		join(", ", "output tokens "+chart.Change(float64(w.Tokens)), "finish reasons "+finish, "cached input differs by "+points(w.Cached), score, "answers "+answers), w.Detail)
}

// started prints when the run began, in UTC; as the run file has it where that
// is no time.
func started(v *judge.Verdict) string {
	at, err := time.Parse(time.RFC3339Nano, v.Run.StartedAt)
	if err != nil {
		return v.Run.StartedAt
	}
	return at.UTC().Format("2006-01-02 15:04 UTC")
}

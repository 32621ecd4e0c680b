package assert_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/assert"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// TestUngraded: a log that others recorded may be asserted on, and the report says
// that nobody graded it; a run of bench that says nothing of itself may not.
func TestUngraded(t *testing.T) {
	for _, c := range []struct {
		name, source string
		validity     sample.Validity
		want         assert.Verdict
		note         string
	}{
		{"a converted log", "envoy", sample.Validity{Grade: sample.Unknown}, assert.Pass, "nobody graded"},
		{"a run of bench", "", sample.Validity{Grade: sample.Unknown}, assert.Hold, ""},
		{"an invalid log", "envoy", sample.Validity{Grade: sample.Invalid}, assert.Hold, ""},
		{"a log with a bad signal", "envoy", sample.Validity{Grade: sample.Unknown, Signals: []sample.Signal{{Grade: sample.Degraded}}}, assert.Hold, ""},
		{"a valid log", "envoy", sample.Validity{Grade: sample.Valid}, assert.Pass, ""},
		{"degraded by a known error", "", sample.Validity{Grade: sample.Degraded, Error: map[sample.Measure]sample.ErrorNS{sample.FirstToken: {P99: 1}}}, assert.Pass, "widened"},
		{"degraded by an unknown one", "", sample.Validity{Grade: sample.Degraded}, assert.Hold, ""},
	} {
		run := recorded(world())
		run.Header.Source, run.Trailer.Validity = c.source, c.validity
		report, err := assert.Check(request(t, run, "first_token.p95 <= 1h"))
		if err != nil {
			t.Fatal(err)
		}
		if report.Verdict != c.want {
			t.Errorf("%s: %s, want %s", c.name, report.Verdict, c.want)
		}
		for _, note := range []string{"nobody graded", "widened"} {
			has := slices.ContainsFunc(report.Notes, func(n string) bool { return strings.Contains(n, note) })
			if has != (note == c.note) {
				t.Errorf("%s: the note %q is there: %t; %q", c.name, note, has, report.Notes)
			}
		}
	}
}

// TestExamples: every topic proposes a demand that it knows.
func TestExamples(t *testing.T) {
	for _, topic := range assert.Topics() {
		name, value, _ := strings.Cut(topic.Example(), " ")
		demands, rest, err := assert.FromArgs([]string{name, strings.Trim(value, "'")})
		if err != nil || len(demands) != 1 || len(rest) > 0 {
			t.Errorf("%s: %d demands, %v left, %v", topic, len(demands), rest, err)
			continue
		}
		r := request(t, recorded(world()))
		r.Topic, r.Assertions = topic, demands
		if _, err := assert.Check(r); err != nil {
			t.Errorf("%s: %v", topic, err)
		}
	}
	r := request(t, recorded(world()))
	r.Topic = assert.Throughput
	if _, err := assert.Check(r); err == nil || !strings.Contains(err.Error(), "--achieved") {
		t.Errorf("nothing to assert: %v", err)
	}
}

// TestImprovesAtOneLook: a run that went on to its end is looked at once, so its
// bounds are those of the mode fixed and not the wider ones of a last look.
func TestImprovesAtOneLook(t *testing.T) {
	w := world()
	w.FirstToken = .8
	run := recorded(w)
	got := last(t, request(t, run, "first_token.p95 improves 20%"))
	set, err := evidence.New(evidence.Source{Run: *run})
	if err != nil {
		t.Fatal(err)
	}
	upper := map[policy.Mode]judge.Float{}
	for _, mode := range []policy.Mode{policy.Fixed, policy.GroupSequential} {
		p := policy.Default()
		p.Mode, p.Controls = mode, policy.ControlsOptional
		p.Metrics = []policy.Metric{{Measure: policy.FirstToken, Statistic: policy.P95, Gating: true, Tau: -.2, Margin: -.2}}
		upper[mode] = judge.Judge(p, set).Metrics[0].Upper - 1
	}
	if got.Upper != upper[policy.Fixed] || got.Upper == upper[policy.GroupSequential] {
		t.Errorf("upper bound %v, want that of one look %v and not that of the last of five %v",
			got.Upper, upper[policy.Fixed], upper[policy.GroupSequential])
	}
}

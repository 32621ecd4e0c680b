package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// A table is what every rendering lays out in its own way: the first Names
// columns hold words, the others numbers.
type table struct {
	Title string
	Head  []string
	Rows  []row
	Names int
}

// verdictColumn heads the column that takes the row's colour; it stands second,
// where a phone still shows it.
const verdictColumn = "verdict"

// A row's Tone is that of a metric; plain tables have none.
type row struct {
	Cells []string
	Tone  chart.Tone
}

// workTable says per arm what was sent, answered and paid.
func workTable(v *judge.Verdict) table {
	t := table{
		Title: "Work" + enriched(v), Names: 1,
		Head: []string{"arm", "requests", "success", "starts, of intended", "CPU per request", "CPU per event"},
	}
	for _, a := range present(v) {
		t.Rows = append(t.Rows, row{Cells: []string{
			a.Name, fmt.Sprint(a.Requests), success(a), rate(a),
			nanoseconds(a.CPUPerRequestNS), nanoseconds(a.CPUPerEventNS),
		}})
	}
	return t
}

// latencyTable has a row for each measure and arm; measures that no arm has are
// left out.
func latencyTable(v *judge.Verdict) table {
	t := table{
		Title: "Latency over all attempts" + enriched(v), Names: 2,
		Head: []string{"measure", "arm", "P50", "P95", "P99", "max", "n"},
	}
	for _, m := range latencies() {
		name := m.name
		for _, a := range present(v) {
			d := a.Measures[m.key]
			if d.N == 0 && !anyHas(v.Arms, m) {
				continue
			}
			t.Rows = append(t.Rows, row{Cells: []string{
				name, a.Name, latency(d.P50, d), latency(d.P95, d), latency(d.P99, d), latency(d.Max, d), fmt.Sprint(d.N),
			}})
			name = ""
		}
	}
	return t
}

// present leaves out the baseline where there is none: the run has one arm, or is
// judged against earlier ones.
func present(v *judge.Verdict) []summary.Arm {
	return slices.DeleteFunc(slices.Clone(v.Arms), func(a summary.Arm) bool { return absent(v, &a) })
}

func absent(v *judge.Verdict, a *summary.Arm) bool {
	return a.Name == "" || byHistory(v) && a.Requests == 0 && a.Name == v.Baseline
}

// byHistory tells whether the baseline are earlier runs.
func byHistory(v *judge.Verdict) bool { return v.Mode == "history" }

// against heads the table of metrics.
func against(v *judge.Verdict) string {
	if byHistory(v) {
		return "The run against earlier ones"
	}
	return "Candidate against baseline"
}

// enriched says beside figures of whole arms that they have no weights.
func enriched(v *judge.Verdict) string {
	if v.Run.Draw == nil {
		return ""
	}
	return " (of the enriched load, not weighted)"
}

func anyHas(arms []summary.Arm, m measure) bool {
	for _, a := range arms {
		if a.Measures[m.key].N > 0 {
			return true
		}
	}
	return false
}

// metricTable has a row for each judged metric, in the verdict's order.
func metricTable(v *judge.Verdict) table {
	t := table{
		Title: against(v), Names: 2,
		Head: []string{"metric", verdictColumn, "change", "bounds", "tolerated", "detects"},
	}
	for _, m := range v.Metrics {
		t.Rows = append(t.Rows, row{
			Tone:  tone(m),
			Cells: []string{m.Name, standing(m), effect(m), bounds(m), tolerated(m), detects(m)},
		})
	}
	return t
}

// tolerated is tau, which nothing that only is shown has.
func tolerated(m judge.Metric) string {
	if !m.Gating {
		return chart.Unknown
	}
	return share(m, m.Tau)
}

// detects is the smallest worsening that the run would have found.
func detects(m judge.Metric) string { return share(m, m.Detectable) }

// reasons are what metrics have to say beyond their numbers; metrics that say
// the same say it together.
func reasons(v *judge.Verdict) []fact {
	var all []fact
	named := map[string][]string{}
	for _, m := range v.Metrics {
		why := join("; ", m.Why, limit(m), resolution(m), watched(m, v.Alpha))
		if why == "" {
			continue
		}
		if named[why] == nil {
			all = append(all, fact{Value: why})
		}
		named[why] = append(named[why], m.Name)
	}
	for i := range all {
		all[i].Name = several(named[all[i].Value])
	}
	return append(all, needs(v)...)
}

// needs says about how many more requests each gating metric that is open needs.
func needs(v *judge.Verdict) []fact {
	var parts []string
	for _, m := range v.Metrics {
		if m.Gating && m.More > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", m.Name, m.More))
		}
	}
	if parts == nil {
		return nil
	}
	return []fact{{"needs about so many more requests per arm", strings.Join(parts, "; ")}}
}

// several names up to three and counts the others.
func several(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(names[:most-1], "; "), len(names)-most+1)
}

// broken lists each arm's failures by class, for arms that have any.
func broken(v *judge.Verdict) []fact {
	var all []fact
	for _, a := range v.Arms {
		if s := failures(a); s != "" {
			all = append(all, fact{a.Name + " failures", s})
		}
	}
	return all
}

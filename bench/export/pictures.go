package export

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// drawn marks a picture of package chart as HTML: the package escapes every text
// that it is given.
func drawn(svg string) template.HTML { return template.HTML(svg) } //nolint:gosec // escaped where it is drawn

// heading is the name of a measure with a capital, and the clock where it is not
// the user's.
func heading(m sample.Measure) string {
	d, _ := sample.Define(string(m))
	text := strings.ToUpper(d.Name[:1]) + d.Name[1:]
	if d.Clock == sample.Service {
		text += ", from the send"
	}
	return text
}

// percentiles draws a plot for each measure that some arm has, the arms of all
// runs laid over each other.
func percentiles(s Summary) []template.HTML {
	token, _ := sample.FirstToken.Service()
	var all []template.HTML
	for _, m := range []sample.Measure{sample.TTFB, sample.FirstToken, token, sample.Gap, sample.EventGap, sample.TPOT, sample.LastContent, sample.Full} {
		var curves []chart.Curve
		has := false
		s.arms(func(a *Arm) {
			curves = append(curves, curve(a, m, chart.RoleOf(len(curves))))
			has = has || a.find(m).N > 0
		})
		if has {
			all = append(all, drawn(chart.Percentiles(heading(m), curves)))
		}
	}
	return all
}

func curve(a *Arm, m sample.Measure, role chart.Role) chart.Curve {
	c := chart.Curve{Name: a.Label, Role: role, P50: math.NaN(), P95: math.NaN(), P99: math.NaN()}
	h := a.histograms[m]
	if h == nil {
		return c
	}
	d := h.Distribution()
	c.P50, c.P95, c.P99 = toFloat(d.P50), toFloat(d.P95), toFloat(d.P99)
	for _, p := range d.Curve {
		c.Points = append(c.Points, chart.Point{Q: p.Q, NS: toFloat(p.At)})
	}
	return c
}

// toFloat makes a failure's latency infinite.
func toFloat(l summary.Latency) float64 {
	if l == summary.Infinite {
		return math.Inf(1)
	}
	return float64(l)
}

// mostDots is how many requests of an arm a timeline draws: a page with more
// could not be opened on a phone.
const mostDots = 1500

// overTime are the measures that are drawn over time.
func overTime() []sample.Measure { return []sample.Measure{sample.FirstToken, sample.Full} }

// timelines draws measures over time, all arms in one picture; thinned says so if
// not every request is drawn.
func timelines(inputs []Input, s Summary) (all []template.HTML, thinned string) {
	for _, m := range overTime() {
		var tracks []chart.Track
		any, most := false, 0
		eachArm(inputs, s, func(in *Input, a *Arm) {
			moments := moments(in.Run, a.Name, m)
			any, most = any || a.find(m).N > 0, max(most, len(moments))
			tracks = append(tracks, chart.Track{Name: a.Label, Role: chart.RoleOf(len(tracks)), Moments: thin(moments)})
		})
		if !any {
			continue
		}
		all = append(all, drawn(chart.Timeline(heading(m), tracks)))
		if most > mostDots {
			thinned = fmt.Sprintf("Of up to %d requests an arm every so-manieth is drawn, at most %d.", most, mostDots)
		}
	}
	return all, thinned
}

// eachArm calls do with every arm and the run that it is of.
func eachArm(inputs []Input, s Summary, do func(*Input, *Arm)) {
	for i := range s.Runs {
		for j := range s.Runs[i].Arms {
			do(&inputs[i], &s.Runs[i].Arms[j])
		}
	}
}

// moments are the values of a measure at the intended starts, in seconds since
// the first of the run; a failure is infinite, what has none is left out.
func moments(run *sample.Run, arm string, m sample.Measure) []chart.Moment {
	first := int64(math.MaxInt64)
	for i := range run.Samples {
		if s := &run.Samples[i]; !s.Warmup {
			first = min(first, s.IntendedNS)
		}
	}
	var all []chart.Moment
	for _, s := range summary.Measured(run, arm) {
		ns, ok, none := s.Value(m)
		at := chart.Moment{At: float64(s.IntendedNS-first) / 1e9, NS: float64(ns)}
		switch {
		case !ok:
			at.NS = math.Inf(1)
		case none, ns < 0:
			continue
		}
		all = append(all, at)
	}
	return all
}

// thin keeps at most mostDots, evenly.
func thin(all []chart.Moment) []chart.Moment {
	step := (len(all) + mostDots - 1) / mostDots
	if step <= 1 {
		return all
	}
	var some []chart.Moment
	for i := 0; i < len(all); i += step {
		some = append(some, all[i])
	}
	return some
}

// heatmaps draws one for each measure over time and arm, all of a measure on the
// same axes.
func heatmaps(inputs []Input, s Summary) []template.HTML {
	var all []template.HTML
	for _, m := range overTime() {
		var tracks []chart.Track
		eachArm(inputs, s, func(in *Input, a *Arm) {
			if a.find(m).N > 0 {
				tracks = append(tracks, chart.Track{Name: a.Label, Moments: moments(in.Run, a.Name, m)})
			}
		})
		for _, t := range tracks {
			all = append(all, drawn(chart.Heatmap(heading(m), t, tracks...)))
		}
	}
	return all
}

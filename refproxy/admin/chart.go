package admin

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

// Charts are drawn in a box of this size, which the page stretches; words stand
// beside it, so that they stay readable on a phone.
const chartWide, chartHigh = 600.0, 120.0

// A chart is a few lines over time.
type chart struct {
	Title string
	Label string // what it shows, in words
	Top   string // the value at the upper edge
	Since string // how long ago the left edge is
	Paths []path
}

// A path is one line of a chart or the area under it.
type path struct{ Class, D string }

// A gap is a point without a value, a peak one beyond every scale.
var (
	gap  = math.NaN()
	peak = math.Inf(1)
)

// settled leaves out the point that is still filling, if there are others.
func settled(history []live.Point) []live.Point {
	return history[:max(min(len(history), 1), len(history)-1)]
}

// values reads one value of each point.
func values(history []live.Point, of func(live.Point) float64) []float64 {
	vs := make([]float64, len(history))
	for i, p := range history {
		vs[i] = of(p)
	}
	return vs
}

// top returns the next round number (1, 2 or 5 and zeros) over all values.
func top(series ...[]float64) float64 {
	most := 0.0
	for _, vs := range series {
		for _, v := range vs {
			if !math.IsInf(v, 0) && v > most {
				most = v
			}
		}
	}
	if most == 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(most)))
	for _, k := range []float64{1, 2, 5} {
		if most <= k*unit {
			return k * unit
		}
	}
	return 10 * unit
}

// line draws values from left to right; it breaks at gaps.
func line(vs []float64, top float64) string {
	var d strings.Builder
	verb := "M"
	for i, v := range vs {
		if math.IsNaN(v) {
			verb = "M"
			continue
		}
		x, y := place(i, len(vs)), chartHigh*(1-min(v/top, 1))
		fmt.Fprintf(&d, "%s%.1f %.1f", verb, x, y)
		if verb == "M" {
			fmt.Fprintf(&d, "h.1") // a lone point is a dot
		}
		verb = "L"
	}
	return d.String()
}

func place(i, n int) float64 { return chartWide * float64(i) / float64(max(n-1, 1)) }

// area is line with the ground below it, for values without gaps.
func area(vs []float64, top float64) string {
	if len(vs) == 0 {
		return ""
	}
	return fmt.Sprintf("%sV%.0fH0Z", line(vs, top), chartHigh)
}

// ago says how long the history is.
func ago(history []live.Point) string {
	if len(history) < 2 {
		return "now"
	}
	return duration(history[len(history)-1].At.Sub(history[0].At).Round(time.Second)) + " ago"
}

func rateChart(history []live.Point) chart {
	history = settled(history)
	perSecond := func(n int, p live.Point) float64 { return float64(n) / max(p.Span.Seconds(), 1e-3) }
	all := values(history, func(p live.Point) float64 { return perSecond(p.Requests, p) })
	failed := values(history, func(p live.Point) float64 { return perSecond(p.Failed, p) })
	most := top(all)
	return chart{
		Title: "Requests per second", Top: number(most) + "/s", Since: ago(history),
		Label: fmt.Sprintf("Requests per second over time, last %s, of which failed %s.", rate(last(all)), rate(last(failed))),
		Paths: []path{{"area all", area(all, most)}, {"line all", line(all, most)}, {"area failed", area(failed, most)}},
	}
}

func last(vs []float64) float64 {
	if len(vs) == 0 {
		return 0
	}
	return vs[len(vs)-1]
}

func latencyChart(title string, history []live.Point, of func(live.Point) live.Latency) chart {
	history = settled(history)
	p50 := values(history, func(p live.Point) float64 { return height(of(p).P50) })
	p95 := values(history, func(p live.Point) float64 { return height(of(p).P95) })
	most := top(p50, p95)
	return chart{
		Title: title, Top: duration(time.Duration(most * float64(time.Second))), Since: ago(history),
		Label: title + " over time, median and 95th percentile.",
		Paths: []path{{"line p95", line(p95, most)}, {"line p50", line(p50, most)}},
	}
}

// height is a latency in seconds.
func height(d time.Duration) float64 {
	switch d {
	case 0:
		return gap
	case live.Never:
		return peak
	}
	return d.Seconds()
}

// splitChart shows how much of the traffic had the flag on, and how much should.
func splitChart(flag string, percent float64, history []live.Point) chart {
	history = settled(history)
	shares := values(history, func(p live.Point) float64 {
		share, ok := p.Splits[flag].Share()
		if !ok {
			return gap
		}
		return share
	})
	y := chartHigh * (1 - percent/100)
	return chart{
		Title: "Share of requests with the flag on", Top: "100 %", Since: ago(history),
		Label: "Share of requests with the flag on over time; the broken line is the setting.",
		Paths: []path{{"line goal", fmt.Sprintf("M0 %.1fH%.0f", y, chartWide)}, {"line on", line(shares, 1)}},
	}
}

// An interval is a verdict's interval beside zero, in a box 200 wide.
type interval struct{ Zero, From, Wide, Effect float64 }

// intervalOf places a verdict's interval; nil if it has none.
func intervalOf(v *Verdict) *interval {
	if v == nil || v.Low == nil {
		return nil
	}
	most := 1.15 * max(math.Abs(*v.Low), math.Abs(*v.High), 1e-6)
	at := func(x float64) float64 { return 100 + 100*x/most }
	return &interval{Zero: 100, From: at(*v.Low), Wide: max(at(*v.High)-at(*v.Low), 1), Effect: at(*v.Effect)}
}

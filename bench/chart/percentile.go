package chart

import (
	"fmt"
	"math"
	"strings"
)

// A Point says that the share Q of attempts took at most NS nanoseconds; +Inf
// where the rank falls among failures.
type Point struct{ Q, NS float64 }

// A Curve is the percentile curve of one arm, rising.
type Curve struct {
	Name   string
	Role   Role
	Points []Point
	// P50, P95 and P99 are printed in the legend.
	P50, P95, P99 float64
}

const (
	plotLeft, plotRight = 62.0, 408.0
	plotTop, plotBottom = 66.0, 268.0
)

// Percentiles draws one measure: percentile on a log-tail axis against latency.
// A curve that runs into failures leaves through the top.
func Percentiles(title string, curves []Curve) string {
	c := &canvas{height: 308, series: len(curves)}
	legend := 36.0
	if len(curves) > 2 { // no room above the plot
		legend = c.height + 16
		c.height += 16*float64(len(curves)) + 12
	}
	x := tailScale(plotLeft, plotRight)
	smallest, largest := extent(curves)
	y, ticks := valueScale(smallest, largest, plotBottom, plotTop)
	c.text("head", 8, 18, title)
	for i, curve := range curves {
		c.legend(curve, legend+16*float64(i))
	}
	c.latencyAxis(y, ticks, plotRight)
	c.percentileAxis(x)
	var labels []label
	for i, curve := range curves {
		if l, ended := c.curve(curve, x, y, i); ended {
			labels = append(labels, l)
		}
	}
	c.labels(labels)
	return c.svg(title, describe(curves))
}

func describe(curves []Curve) string {
	var desc strings.Builder
	desc.WriteString("Latency by percentile.")
	for _, curve := range curves {
		fmt.Fprintf(&desc, " %s: P50 %s, P95 %s, P99 %s.", curve.Name, Duration(curve.P50), Duration(curve.P95), Duration(curve.P99))
	}
	return desc.String()
}

func extent(curves []Curve) (smallest, largest float64) {
	for _, curve := range curves {
		for _, p := range curve.Points {
			if math.IsInf(p.NS, 0) || math.IsNaN(p.NS) {
				continue
			}
			if smallest == 0 || p.NS < smallest {
				smallest = p.NS
			}
			largest = max(largest, p.NS)
		}
	}
	return smallest, largest
}

func (c *canvas) legend(curve Curve, y float64) {
	c.line(string(curve.Role), 8, y-4, 30, y-4)
	c.text("", 36, y, clip(curve.Name, 22))
	c.text("soft end", width-8, y, fmt.Sprintf("P50 %s · P95 %s · P99 %s", Duration(curve.P50), Duration(curve.P95), Duration(curve.P99)))
}

func (c *canvas) latencyAxis(y scale, ticks []float64, right float64) {
	for _, tick := range ticks {
		c.line("grid", plotLeft, y.at(tick), right, y.at(tick))
		c.text("soft end", plotLeft-6, y.at(tick)+4, axisDuration(tick))
	}
}

// axisDuration prints a tick without digits that say nothing.
func axisDuration(ns float64) string {
	for _, unit := range []struct {
		ns   float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if ns >= unit.ns {
			return fmt.Sprintf("%g %s", math.Round(ns/unit.ns*1e4)/1e4, unit.name)
		}
	}
	return fmt.Sprintf("%g", ns)
}

func (c *canvas) percentileAxis(x scale) {
	for _, tick := range []struct {
		q    float64
		name string
	}{{0, "min"}, {.5, "P50"}, {.9, "P90"}, {.95, "P95"}, {.99, "P99"}, {.999, "P99.9"}} {
		c.line("grid", x.at(tick.q), plotTop, x.at(tick.q), plotBottom)
		c.text("soft mid", x.at(tick.q), plotBottom+16, tick.name)
	}
	c.text("soft mid", (plotLeft+plotRight)/2, plotBottom+33, "share of requests at most this slow (tail stretched)")
}

// A label stands at the end of its curve.
type label struct {
	y    float64
	role Role
	text string
}

// curve draws the finite part, and a dotted way out where failures begin.
// ended tells that it goes to its end and wants its name there.
func (c *canvas) curve(curve Curve, x, y scale, index int) (l label, ended bool) {
	var xy []float64
	for _, p := range curve.Points {
		if math.IsInf(p.NS, 1) {
			c.path(string(curve.Role), xy)
			c.gone(curve, xy, x.at(p.Q), index)
			return label{}, false
		}
		xy = append(xy, x.at(p.Q), y.at(p.NS))
	}
	c.path(string(curve.Role), xy)
	if len(xy) == 0 {
		c.middle(curve, index, "no data")
		return label{}, false
	}
	return label{xy[len(xy)-1], curve.Role, clip(curve.Name, 10)}, true
}

// middle says in the upper half of the plot what no line can show.
func (c *canvas) middle(curve Curve, index int, says string) {
	c.text(string(curve.Role)+" mid", (plotLeft+plotRight)/2, plotTop+24+18*float64(index), clip(curve.Name, 22)+": "+says)
}

// gone marks from where on requests failed.
func (c *canvas) gone(curve Curve, xy []float64, at float64, index int) {
	if len(xy) == 0 {
		c.middle(curve, index, "every request failed (∞)")
		return
	}
	c.line(string(curve.Role)+" gone", xy[len(xy)-2], xy[len(xy)-1], at, plotTop)
	anchor, x := " end", at-5
	if at < (plotLeft+plotRight)/2 {
		anchor, x = "", at+5
	}
	c.text(string(curve.Role)+anchor, x, plotTop+14+16*float64(index), clip(curve.Name, 14)+" failed (∞)")
}

// labels writes the names beside the curves' ends, pushed apart where they
// would overlap.
func (c *canvas) labels(labels []label) {
	const apart = 14
	for i := range labels {
		for j := range i {
			d := labels[i].y - labels[j].y
			if math.Abs(d) >= apart {
				continue
			}
			push := (apart - math.Abs(d)) / 2
			if d < 0 {
				push = -push
			}
			labels[i].y += push
			labels[j].y -= push
		}
	}
	for _, l := range labels {
		c.text(string(l.role), plotRight+6, l.y+4, l.text)
	}
}

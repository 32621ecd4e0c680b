package chart

import (
	"fmt"
	"math"
)

// A Moment is a value NS, in nanoseconds, seen At seconds into the run; +Inf is
// a failure.
type Moment struct{ At, NS float64 }

// A Track is what one arm showed over time.
type Track struct {
	Name    string
	Role    Role
	Moments []Moment
}

const timeRight = width - 14.0

// Timeline draws every moment as a dot over the run's time; failures stand on
// the upper edge.
func Timeline(title string, tracks []Track) string {
	c := &canvas{height: 308, series: len(tracks)}
	c.text("head", 8, 18, title)
	var smallest, largest, end float64
	total := 0
	for _, t := range tracks {
		total += len(t.Moments)
		for _, m := range t.Moments {
			if !math.IsInf(m.At, 0) && !math.IsNaN(m.At) {
				end = max(end, m.At)
			}
			if math.IsInf(m.NS, 0) || math.IsNaN(m.NS) {
				continue
			}
			if smallest == 0 || m.NS < smallest {
				smallest = m.NS
			}
			largest = max(largest, m.NS)
		}
	}
	y, ticks := valueScale(smallest, largest, plotBottom, plotTop)
	c.latencyAxis(y, ticks, timeRight)
	x := c.timeAxis(end)
	for i, t := range tracks {
		left, top := 16+150*float64(i%3), 40+15*float64(i/3)
		c.dot(string(t.Role), left, top, 4, t.Name)
		c.text("", left+10, top+4, clip(t.Name, 18))
		for _, m := range t.Moments {
			c.dot(string(t.Role), x.at(m.At), y.at(m.NS), 2.5, Duration(m.NS))
		}
	}
	return c.svg(title, fmt.Sprintf("%d requests over %s.", total, Duration(end*1e9)))
}

func (c *canvas) timeAxis(end float64) scale {
	if end <= 0 {
		end = 1
	}
	step := niceStep(end / 6)
	x := scale{from: 0, to: end, lo: plotLeft, hi: timeRight, warp: plain}
	for i := 0; float64(i)*step <= end; i++ {
		at := float64(i) * step
		c.line("grid", x.at(at), plotTop, x.at(at), plotBottom)
		c.text("soft mid", x.at(at), plotBottom+16, fmt.Sprintf("%g s", math.Round(at*1e6)/1e6))
	}
	return x
}

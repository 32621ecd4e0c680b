package chart

import "fmt"

// A Trend is one figure, in nanoseconds, over successive runs.
type Trend struct {
	Title  string
	Values []float64
	Labels []string // of the runs, shown when pointed at
	Steps  []Step   // ascending
}

// A Step is a place where the mean of a trend changed: At is the first value
// after it.
type Step struct {
	At            int
	Before, After float64
	Worse         bool
}

// SVG draws every run as a dot, the mean of each stretch as a line and each
// change as an upright.
func (t Trend) SVG() string {
	c := &canvas{height: 308}
	c.text("head", 8, 18, t.Title)
	smallest, largest := 0.0, 0.0
	for i, v := range t.Values {
		if i == 0 || v < smallest {
			smallest = v
		}
		largest = max(largest, v)
	}
	y, ticks := valueScale(smallest, largest, plotBottom, plotTop)
	c.latencyAxis(y, ticks, timeRight)
	x := scale{from: -.5, to: float64(len(t.Values)) - .5, lo: plotLeft, hi: timeRight, warp: plain}
	from := 0
	for i, s := range t.Steps {
		end := len(t.Values)
		if i+1 < len(t.Steps) {
			end = t.Steps[i+1].At
		}
		class := "fine"
		if s.Worse {
			class = "worse"
		}
		at := x.at(float64(s.At) - .5)
		c.line("b", x.at(float64(from)-.5), y.at(s.Before), at, y.at(s.Before))
		c.line("b", at, y.at(s.After), x.at(float64(end)-.5), y.at(s.After))
		c.line(class, at, plotTop, at, plotBottom)
		c.text("mid "+class, at, plotTop-6, Change(s.After/s.Before))
		from = s.At
	}
	for i, v := range t.Values {
		says := Duration(v)
		if i < len(t.Labels) {
			says += ", " + t.Labels[i]
		}
		c.dot("a", x.at(float64(i)), y.at(v), 3, says)
	}
	c.text("soft mid", (plotLeft+timeRight)/2, plotBottom+20, fmt.Sprintf("run 1 to %d, oldest first", len(t.Values)))
	return c.svg(t.Title, fmt.Sprintf("%d runs, %d changes.", len(t.Values), len(t.Steps)))
}

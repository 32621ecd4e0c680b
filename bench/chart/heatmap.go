package chart

import (
	"fmt"
	"math"
)

// The grid of a heat map.
const (
	heatColumns = 40
	heatRows    = 24
	heatTop     = plotTop + 14 // above it stands the row of failures
	heatRight   = timeRight
)

// Heatmap counts the moments of one arm over time and latency: the more of them
// fell into a cell, the darker it is. Failures stand in a row of their own above.
// The axes span the tracks of beside too, so that their maps can be compared.
func Heatmap(title string, t Track, beside ...Track) string {
	c := &canvas{height: 308, heat: true}
	c.text("head", 8, 18, title)
	c.text("", 8, 36, clip(t.Name, 60))
	h := heat(append(beside[:len(beside):len(beside)], t))
	y, ticks := valueScale(h.smallest, h.largest, plotBottom, heatTop)
	c.latencyAxis(y, ticks, heatRight)
	c.timeAxis(h.end)
	h.fill(t.Moments, y)
	for row := range heatRows {
		for column, n := range h.cells[row] {
			c.heatCell("b", h, column, h.y(row), h.y(row+1), n, h.most)
		}
	}
	for column, n := range h.failed {
		c.heatCell("worse", h, column, plotTop+10, plotTop, n, max(h.mostFailed, 1))
	}
	if h.mostFailed > 0 {
		c.text("soft end", plotLeft-6, plotTop+9, "∞")
	}
	c.text("soft end", width-14, 36, fmt.Sprintf("darkest: %d requests a cell", h.most))
	desc := fmt.Sprintf("%d requests over %s, %d of them failed.", len(t.Moments), Duration(h.end*1e9), h.allFailed)
	return c.svg(title, desc)
}

// A grid is what a heat map counts.
type grid struct {
	end, smallest, largest      float64
	cells                       [heatRows][heatColumns]int
	failed                      [heatColumns]int
	most, mostFailed, allFailed int
}

// heat is an empty grid that all tracks fit into.
func heat(tracks []Track) *grid {
	g := &grid{}
	for _, t := range tracks {
		g.stretch(t.Moments)
	}
	return g
}

func (g *grid) stretch(moments []Moment) {
	for _, m := range moments {
		if !math.IsNaN(m.At) && !math.IsInf(m.At, 0) {
			g.end = max(g.end, m.At)
		}
		if math.IsInf(m.NS, 0) || math.IsNaN(m.NS) {
			continue
		}
		if g.smallest == 0 || m.NS < g.smallest {
			g.smallest = m.NS
		}
		g.largest = max(g.largest, m.NS)
	}
}

// fill counts the moments, by where the axis puts them.
func (g *grid) fill(moments []Moment, y scale) {
	for _, m := range moments {
		if math.IsNaN(m.At) || math.IsNaN(m.NS) {
			continue
		}
		column := 0
		if g.end > 0 {
			column = min(max(int(m.At/g.end*heatColumns), 0), heatColumns-1)
		}
		if math.IsInf(m.NS, 1) {
			g.failed[column]++
			g.allFailed++
			g.mostFailed = max(g.mostFailed, g.failed[column])
			continue
		}
		row := min(max(int((plotBottom-y.at(m.NS))/(plotBottom-heatTop)*heatRows), 0), heatRows-1)
		g.cells[row][column]++
		g.most = max(g.most, g.cells[row][column])
	}
}

// y is the lower edge of a row, counted from below.
func (g *grid) y(row int) float64 {
	return plotBottom - float64(row)/heatRows*(plotBottom-heatTop)
}

// heatCell draws a cell; its opacity grows with the root of the count, so that
// single requests can be seen.
func (c *canvas) heatCell(class string, g *grid, column int, low, high float64, n, most int) {
	if n == 0 {
		return
	}
	step := (heatRight - plotLeft) / heatColumns
	x := plotLeft + step*float64(column)
	from, to := g.end*float64(column)/heatColumns, g.end*float64(column+1)/heatColumns
	opacity := .15 + .85*math.Sqrt(float64(n)/float64(most))
	fmt.Fprintf(&c.body, "<rect class=\"heat %s\" x=%q y=%q width=%q height=%q fill-opacity=%q><title>%s</title></rect>\n",
		class, num(x), num(high), num(step), num(low-high), num2(opacity), escape(fmt.Sprintf("%s to %s: %d requests", Duration(from*1e9), Duration(to*1e9), n)))
}

// num2 prints a share to a hundredth.
func num2(v float64) string { return fmt.Sprintf("%.2f", v) }

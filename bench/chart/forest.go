package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// An Effect is one row of a forest plot: an estimate with its interval on the
// axis of the plot. NaN is not known, the infinities leave the picture.
type Effect struct {
	Name                   string
	Note                   string // beside the name: "shown only"
	Estimate, Lower, Upper float64
	// Tolerated and Promote are how much worse the effect may be before it
	// counts against the candidate and how far the interval may reach for a
	// promotion, both as positive shares; NaN or 0: none.
	Tolerated, Promote float64
	// HigherIsBetter turns the side on which worse lies.
	HigherIsBetter bool
	Tone           Tone
}

const (
	rowHeight               = 44.0
	forestTop               = 34.0
	effectLeft, effectRight = 14.0, width - 14.0
)

// Forest draws effects with their intervals and says each in words. Behind each
// row lie the tolerated worsening and, beyond it, the promote margin.
func Forest(title string, axis Axis, effects []Effect) string {
	bottom := forestTop + rowHeight*float64(len(effects))
	c := &canvas{height: bottom + 54}
	s, ticks := axis.effectScale(forestValues(axis, effects), effectLeft, effectRight)
	c.text("head", 8, 18, title)
	for i, e := range effects {
		top := forestTop + rowHeight*float64(i)
		c.bands(e, axis, s, top)
		c.grid(axis, s, ticks, top)
		c.effect(e, axis, s, top)
	}
	c.effectAxis(axis, s, ticks, bottom)
	c.bandLegend(bottom + 42)
	return c.svg(title, describeEffects(axis, effects))
}

func describeEffects(axis Axis, effects []Effect) string {
	var desc strings.Builder
	desc.WriteString("Candidate against baseline.")
	for _, e := range effects {
		fmt.Fprintf(&desc, " %s: %s.", e.Name, interval(axis, e))
	}
	return desc.String()
}

func interval(axis Axis, e Effect) string {
	if math.IsNaN(e.Lower) && math.IsNaN(e.Upper) {
		return axis.print(e.Estimate)
	}
	return axis.print(e.Estimate) + " " + axis.Interval(e.Lower, e.Upper)
}

// forestValues are what the axis must reach: what decides, not what only is
// shown.
func forestValues(axis Axis, effects []Effect) []float64 {
	var values []float64
	onlyPlain := !slices.ContainsFunc(effects, func(e Effect) bool { return e.Tone != Plain })
	for _, e := range effects {
		if e.Tone != Plain || onlyPlain {
			values = append(values, e.Estimate, e.Lower, e.Upper)
		}
		for _, w := range []float64{e.Tolerated, e.Promote} {
			if w > 0 {
				values = append(values, e.worseBy(axis, w))
			}
		}
	}
	return values
}

// worseBy is the value that lies w on the worse side of neutral.
func (e Effect) worseBy(axis Axis, w float64) float64 {
	if e.HigherIsBetter {
		w = -w
	}
	return axis.neutral() + w
}

func (c *canvas) bands(e Effect, axis Axis, s scale, top float64) {
	near := axis.neutral()
	for _, band := range []struct {
		class string
		w     float64
	}{{"band1", e.Tolerated}, {"band2", e.Promote}} {
		if !(band.w > 0) {
			continue
		}
		far := e.worseBy(axis, band.w)
		x1, x2 := s.at(near), s.at(far)
		c.rect(band.class, min(x1, x2), top+18, max(x1, x2), top+36)
		near = far
	}
}

// grid marks the ticks behind one row.
func (c *canvas) grid(axis Axis, s scale, ticks []float64, top float64) {
	for _, tick := range ticks {
		class := "grid"
		if tick == axis.neutral() {
			class = "zero"
		}
		c.line(class, s.at(tick), top+18, s.at(tick), top+36)
	}
}

func (c *canvas) effectAxis(axis Axis, s scale, ticks []float64, bottom float64) {
	for _, tick := range ticks {
		c.text("soft mid", s.at(tick), bottom+14, axis.tick(tick))
	}
}

func (c *canvas) effect(e Effect, axis Axis, s scale, top float64) {
	name := e.Name
	if e.Note != "" {
		name += " · " + e.Note
	}
	c.text("", 8, top+13, clip(name, 42))
	c.text(string(e.Tone)+" end", width-8, top+13, interval(axis, e))
	y := top + 27
	if math.IsNaN(e.Estimate) {
		c.text("soft mid", s.at(axis.neutral()), y+4, "nothing to compare")
		return
	}
	c.whisker(e, s, y)
	if s.beyond(e.Estimate) == 0 || e.Tone != Plain {
		c.mark(e.Tone, s.at(e.Estimate), y, interval(axis, e))
	}
}

// whisker draws the interval; an end beyond the picture becomes an arrow.
func (c *canvas) whisker(e Effect, s scale, y float64) {
	if math.IsNaN(e.Lower) || math.IsNaN(e.Upper) {
		return
	}
	class := string(e.Tone)
	x1, x2 := s.at(e.Lower), s.at(e.Upper)
	c.line(class, x1, y, x2, y)
	for _, end := range []struct{ v, x float64 }{{e.Lower, x1}, {e.Upper, x2}} {
		if side := float64(s.beyond(end.v)); side != 0 {
			c.shape(class, "beyond the picture", end.x+side*7, y, end.x-side, y-5, end.x-side, y+5)
			continue
		}
		c.line(class, end.x, y-4, end.x, y+4)
	}
}

func (c *canvas) mark(tone Tone, x, y float64, says string) {
	switch tone {
	case Worse:
		c.shape(string(tone), says, x-6, y, x, y-6, x+6, y, x, y+6)
	case Plain:
		c.dot(string(tone), x, y, 3, says)
	default:
		c.dot(string(tone), x, y, 4.5, says)
	}
}

func (c *canvas) bandLegend(y float64) {
	c.rect("band1", 8, y-10, 24, y)
	c.text("soft", 28, y, "tolerated worsening")
	c.rect("band2", 150, y-10, 166, y)
	c.text("soft", 170, y, "up to the promote margin")
	c.shape("worse", "worse", 326, y-4, 332, y-10, 338, y-4, 332, y+2)
	c.text("soft", 342, y, "worse")
	c.dot("fine", 390, y-4, 4, "not worse")
	c.text("soft", 398, y, "fine")
	c.dot("open", 432, y-4, 4, "undecided")
	c.text("soft", 440, y, "open")
}

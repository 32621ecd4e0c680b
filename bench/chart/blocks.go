package chart

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// BlockEffects are the effects of one metric within each block, in the order of
// the blocks; NaN: none.
type BlockEffects struct {
	Name     string
	Effects  []float64
	Estimate float64 // over all blocks; NaN: none
	Tone     Tone
}

const panelHeight = 78.0

// Blocks draws every block's effect as a dot, a panel with a scale of its
// own for each metric: whether an effect is everywhere or comes from a few blocks.
func Blocks(title string, axis Axis, metrics []BlockEffects) string {
	c := &canvas{height: forestTop + panelHeight*float64(len(metrics)) + 14}
	c.text("head", 8, 18, title)
	most := 1
	for _, m := range metrics {
		most = max(most, len(m.Effects))
	}
	for i, m := range metrics {
		top := forestTop + panelHeight*float64(i)
		s, ticks := axis.effectScale(nearest(axis, m.Effects), top+panelHeight-10, top+26)
		c.panel(m, axis, s, ticks, most)
	}
	c.text("soft mid", (plotLeft+width)/2, c.height-4, fmt.Sprintf("block 1 to %d", most))
	return c.svg(title, describeBlocks(axis, metrics))
}

// nearest returns the nine tenths of the effects that lie nearest to neutral:
// the others become arrows at the edge instead of pressing all onto the line.
func nearest(axis Axis, effects []float64) []float64 {
	near := slices.DeleteFunc(slices.Clone(effects), func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	distance := func(v float64) float64 {
		if axis == Ratio {
			return math.Abs(math.Log(v))
		}
		return math.Abs(v)
	}
	slices.SortFunc(near, func(a, b float64) int { return cmp.Compare(distance(a), distance(b)) })
	return near[:int(math.Ceil(.9*float64(len(near))))]
}

func describeBlocks(axis Axis, metrics []BlockEffects) string {
	var desc strings.Builder
	desc.WriteString("Effect within each block.")
	for _, m := range metrics {
		above := 0
		for _, v := range m.Effects {
			if v > axis.neutral() {
				above++
			}
		}
		fmt.Fprintf(&desc, " %s: above equal in %d of %d.", m.Name, above, len(m.Effects))
	}
	return desc.String()
}

func (c *canvas) panel(m BlockEffects, axis Axis, s scale, ticks []float64, most int) {
	c.text("", 8, s.hi-12, clip(m.Name, 40))
	if !math.IsNaN(m.Estimate) {
		c.text(string(m.Tone)+" end", width-8, s.hi-12, "all blocks "+axis.print(m.Estimate))
	}
	left, right := plotLeft+14, float64(width-14)
	for i, tick := range ticks {
		if i != 0 && i != len(ticks)-1 && tick != axis.neutral() {
			continue
		}
		class := "grid"
		if tick == axis.neutral() {
			class = "zero"
		}
		c.line(class, left-8, s.at(tick), right+8, s.at(tick))
		c.text("soft end", left-12, s.at(tick)+4, axis.tick(tick))
	}
	step := (right - left) / float64(max(most-1, 1))
	for i, v := range m.Effects {
		if !math.IsNaN(v) {
			c.blockDot(m.Tone, left+step*float64(i), s, v, fmt.Sprintf("block %d: %s", i+1, axis.print(v)))
		}
	}
}

// blockDot draws an effect, or an arrow at the edge when it lies beyond.
func (c *canvas) blockDot(tone Tone, x float64, s scale, v float64, says string) {
	y := s.at(v)
	switch s.beyond(v) {
	case 1:
		c.shape(string(tone), says, x-4, y+4, x+4, y+4, x, y-3)
	case -1:
		c.shape(string(tone), says, x-4, y-4, x+4, y-4, x, y+3)
	default:
		c.dot(string(tone), x, y, 3, says)
	}
}

// Package chart draws the pictures of reports as SVG from plain numbers.
//
// Every picture stands alone: its own styles, a title and a description for
// those who cannot see it, no script, no reference to anything outside. It
// follows the reader's light or dark setting. All are 480 units wide, so that a
// phone shows them almost full size. Baselines are grey and dashed, candidates
// blue and solid; what is worse has a colour and a shape of its own, so that no
// meaning rests on colour alone.
package chart

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const width = 480

// A Role says how an arm is drawn.
type Role string

// The roles of arms. Where more than two are laid over each other, the others
// have colours and dashes of their own.
const (
	Baseline  Role = "a"
	Candidate Role = "b"
)

// roles are those of the series of one picture, in their order.
var roles = []Role{Baseline, Candidate, "c", "d", "e", "f"}

// Most is how many series one picture can tell apart.
const Most = 6

// RoleOf is the role of the i-th of up to Most series, counted from 0.
func RoleOf(i int) Role { return roles[i] }

// A Tone says how an effect is drawn.
type Tone string

// The tones of effects.
const (
	Worse Tone = "worse" // warning colour, diamond
	Fine  Tone = "fine"  // calm colour, disc
	Open  Tone = "open"  // undecided: ring
	Plain Tone = "plain" // shown only: small grey disc
)

// style is repeated in every picture, so that each stands alone.
const style = `<style>
.fb{--ink:#1b2430;--soft:#5c6773;--grid:#dfe3e8;--a:#66717e;--b:#1d5fd1;--worse:#b3261e;--fine:#1a7f4b;--open:#8a5a00;--band1:#1a7f4b1f;--band2:#e0a10033;--paper:#fff;font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:12px;font-variant-numeric:tabular-nums}
@media (prefers-color-scheme:dark){.fb{--ink:#e6eaf0;--soft:#9aa6b4;--grid:#323b46;--a:#9aa6b4;--b:#79aaff;--worse:#ff8a80;--fine:#6fd39c;--open:#f0c060;--band1:#6fd39c38;--band2:#f0c06038;--paper:#14191f}}
@media print{.fb{--ink:#000;--soft:#444;--grid:#ccc;--a:#555;--b:#1d5fd1;--worse:#b3261e;--fine:#1a7f4b;--open:#8a5a00;--band1:#1a7f4b1f;--band2:#e0a10033;--paper:#fff}}
.fb text{fill:var(--ink);stroke:none}.fb .soft{fill:var(--soft);font-size:11px}.fb .head{font-size:13px;font-weight:600}.fb .end{text-anchor:end}.fb .mid{text-anchor:middle}
.fb .grid{stroke:var(--grid);stroke-width:1}.fb .zero{stroke:var(--soft);stroke-width:1.2}
.fb .a{stroke:var(--a)}.fb .b{stroke:var(--b)}.fb text.a{fill:var(--a);stroke:none}.fb text.b{fill:var(--b);stroke:none}
.fb path.a,.fb path.b{fill:none;stroke-width:2;stroke-linejoin:round}.fb path.a,.fb line.a{stroke-dasharray:5 3}.fb line.a,.fb line.b{stroke-width:2}
.fb circle.a{fill:var(--a);stroke:none;fill-opacity:.55}.fb circle.b{fill:var(--b);stroke:none;fill-opacity:.55}
.fb .gone{stroke-dasharray:2 3}
.fb .worse{stroke:var(--worse);fill:var(--worse)}.fb .fine{stroke:var(--fine);fill:var(--fine)}.fb .open{stroke:var(--open);fill:var(--paper)}.fb .plain{stroke:var(--soft);fill:var(--soft)}
.fb line.worse,.fb line.fine,.fb line.open,.fb line.plain{stroke-width:2.5}.fb line.plain{stroke-width:1.5}.fb circle.open{stroke-width:2}
.fb text.worse{fill:var(--worse);font-weight:600;stroke:none}.fb text.fine,.fb text.open,.fb text.plain{fill:var(--ink);stroke:none}.fb text.plain{fill:var(--soft)}
.fb .band1{fill:var(--band1)}.fb .band2{fill:var(--band2)}
</style>`

// more is the style of roles beyond the first two, in pictures that have them.
const more = `<style>
.fb{--c:#b4530a;--d:#7a3fb8;--e:#0b7a75;--f:#b0246f}
@media (prefers-color-scheme:dark){.fb{--c:#ffab66;--d:#c9a0ff;--e:#5fd6cf;--f:#ff8fc4}}
@media print{.fb{--c:#b4530a;--d:#7a3fb8;--e:#0b7a75;--f:#b0246f}}
.fb .c{stroke:var(--c)}.fb .d{stroke:var(--d)}.fb .e{stroke:var(--e)}.fb .f{stroke:var(--f)}
.fb text.c{fill:var(--c);stroke:none}.fb text.d{fill:var(--d);stroke:none}.fb text.e{fill:var(--e);stroke:none}.fb text.f{fill:var(--f);stroke:none}
.fb path.c,.fb path.d,.fb path.e,.fb path.f{fill:none;stroke-width:2;stroke-linejoin:round}
.fb line.c,.fb line.d,.fb line.e,.fb line.f{stroke-width:2}
.fb path.c,.fb line.c{stroke-dasharray:9 3}.fb path.d,.fb line.d{stroke-dasharray:2 2}.fb path.e,.fb line.e{stroke-dasharray:9 3 2 3}.fb path.f,.fb line.f{stroke-dasharray:4 2 1 2}
.fb circle.c{fill:var(--c);stroke:none;fill-opacity:.55}.fb circle.d{fill:var(--d);stroke:none;fill-opacity:.55}.fb circle.e{fill:var(--e);stroke:none;fill-opacity:.55}.fb circle.f{fill:var(--f);stroke:none;fill-opacity:.55}
</style>`

// heatStyle is that of the cells of a heat map.
const heatStyle = `<style>
.fb rect.heat{stroke:none}.fb rect.b{fill:var(--b)}.fb rect.worse{fill:var(--worse)}
</style>`

// A canvas gathers the elements of one picture.
type canvas struct {
	body   strings.Builder
	height float64
	series int  // how many roles it needs the style of
	heat   bool // it has cells
}

// svg closes the picture with its title and description.
func (c *canvas) svg(title, desc string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" class="fb" viewBox="0 0 %d %s" width="%d" role="img" aria-label="%s"><title>%s</title><desc>%s</desc>%s`,
		width, num(c.height), width, escape(title), escape(title), escape(desc), c.style()) +
		"\n" + c.body.String() + "</svg>\n"
}

func (c *canvas) style() string {
	switch {
	case c.heat:
		return style + heatStyle
	case c.series > 2:
		return style + more
	}
	return style
}

// escape makes s fit for XML, which knows no control characters at all.
func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, s)
	return html.EscapeString(s)
}

// num prints a coordinate to a tenth of a unit.
func num(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10+0, 'f', -1, 64)
}

func (c *canvas) text(class string, x, y float64, s string) {
	fmt.Fprintf(&c.body, "<text class=%q x=%q y=%q>%s</text>\n", class, num(x), num(y), escape(s))
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&c.body, "<line class=%q x1=%q y1=%q x2=%q y2=%q/>\n", class, num(x1), num(y1), num(x2), num(y2))
}

func (c *canvas) rect(class string, x1, y1, x2, y2 float64) {
	if x2 <= x1 {
		return
	}
	fmt.Fprintf(&c.body, "<rect class=%q x=%q y=%q width=%q height=%q/>\n", class, num(x1), num(y1), num(x2-x1), num(y2-y1))
}

// dot draws a disc that names its value when pointed at.
func (c *canvas) dot(class string, x, y, r float64, says string) {
	fmt.Fprintf(&c.body, "<circle class=%q cx=%q cy=%q r=%q><title>%s</title></circle>\n", class, num(x), num(y), num(r), escape(says))
}

// shape draws a closed figure through the points, pairs of x and y.
func (c *canvas) shape(class string, says string, xy ...float64) {
	fmt.Fprintf(&c.body, "<polygon class=%q points=\"", class)
	for i := 0; i+1 < len(xy); i += 2 {
		fmt.Fprintf(&c.body, "%s,%s ", num(xy[i]), num(xy[i+1]))
	}
	fmt.Fprintf(&c.body, "\"><title>%s</title></polygon>\n", escape(says))
}

// path draws an open line through the points, pairs of x and y.
func (c *canvas) path(class string, xy []float64) {
	if len(xy) < 4 {
		return
	}
	fmt.Fprintf(&c.body, "<path class=%q d=\"M", class)
	for i := 0; i+1 < len(xy); i += 2 {
		fmt.Fprintf(&c.body, "%s %s ", num(xy[i]), num(xy[i+1]))
	}
	c.body.WriteString("\"/>\n")
}

// clip shortens a name to at most n characters.
func clip(name string, n int) string {
	runes := []rune(name)
	if len(runes) <= n {
		return name
	}
	return string(runes[:n-1]) + "…"
}

package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// A control is one of the run's own controls on its way through the judgement:
// it is judged exactly as the candidate is.
type control struct {
	name   string
	docket *docket // nil: the run has no data of it
}

// openControls opens the judgements of both controls; nil where the run has none.
func openControls(p policy.Policy, e evidence.Set) (twin, plant *control) {
	if e.Controls == nil {
		return nil, nil
	}
	p.Controls = policy.ControlsOptional // a control has none of its own
	open := func(name string, set *evidence.Set) *control {
		if set == nil {
			return &control{name: name}
		}
		own := *set
		own.Controls = nil
		d := open(p, own)
		d.control = true
		return &control{name: name, docket: d}
	}
	return open("twin", e.Controls.Twin), open("plant", e.Controls.Plant)
}

func (c *control) test() {
	if c != nil && c.docket != nil {
		c.docket.test()
	}
}

func (c *control) measure() {
	if c != nil && c.docket != nil {
		c.docket.measure()
	}
}

// refuseControls says why the run's own controls allow no promotion. A
// rollback does not need them, but see [docket.hallucinates].
func (c *docket) refuseControls() refusal {
	switch {
	case c.twin != nil:
		return cmp.Or(c.refuseTwin(), c.refusePlant())
	case c.policy.Controls == policy.ControlsRequired:
		return refusal{ReasonNoControls, "the policy asks for controls and the run has none", promotions}
	}
	return refusal{}
}

func (c *docket) refuseTwin() refusal {
	if text := c.twin.dead(); text != "" {
		return refusal{ReasonDeadControl, text, promotions}
	}
	if seen := c.twin.worse(); len(seen) > 0 {
		text := "this run sees what is not there: its own twin of the baseline was called worse in " + figures(c.twin.docket, seen)
		return refusal{ReasonHallucinates, text, promotions}
	}
	if text := c.twin.unjudged(); text != "" {
		return refusal{ReasonDeadControl, text, promotions}
	}
	return refusal{}
}

func (c *docket) refusePlant() refusal {
	if text := c.plant.dead(); text != "" {
		return refusal{ReasonDeadControl, text, promotions}
	}
	if !c.plant.asked() {
		return refusal{ReasonBlind, "this run cannot show what it would have seen: a delay in the upstream's writes, which its plant is, shows in no metric " +
			"that the policy gates on; gate on a latency that it shows in, such as first_token, or run without controls", promotions}
	}
	missed := c.plant.unseen()
	if len(missed) == 0 {
		return refusal{}
	}
	text := fmt.Sprintf("this run could not have seen it: its own plant, slowed by %s %%, was not called worse in %s",
		percent(c.set.Controls.Planted), figures(c.plant.docket, missed))
	return refusal{ReasonBlind, text, promotions}
}

// hallucinates tells that the run's own twin was called worse by a test, so that
// no such rollback of the candidate stands either.
func (c *docket) hallucinates() bool {
	if c.twin == nil || c.twin.docket == nil {
		return false
	}
	for _, f := range c.twin.docket.findings {
		if f.decides() && c.twin.docket.rejects(f) {
			return true
		}
	}
	return false
}

// dead says that a control has nothing to be judged by; "" if it has.
func (c *control) dead() string {
	if c.docket == nil {
		return fmt.Sprintf("the run's own %s has no data", c.name)
	}
	if missing := c.docket.missing(); missing != "" {
		return fmt.Sprintf("the run's own %s has no data: %s", c.name, missing)
	}
	return ""
}

// worse lists the metrics in which a control was called worse.
func (c *control) worse() []*finding {
	var worse []*finding
	for _, f := range c.docket.findings {
		if f.decides() && (f.limitBroken || c.docket.rejects(f)) {
			worse = append(worse, f)
		}
	}
	return worse
}

// unjudged says in which metric a control was not judged: to stay quiet there
// says nothing. "": in none.
func (c *control) unjudged() string {
	for _, f := range c.docket.findings {
		if f.decides() && !f.claims() {
			return fmt.Sprintf("the run's own %s supports no claim: %s: %s", c.name, f.out.Name, f.refused.text)
		}
	}
	return ""
}

// PlantShows tells whether a plant can show in m: its delay lies in what the
// upstream writes. No such delay is seen before a request is written, nor in what
// the gateway adds to the upstream's own writes.
func PlantShows(m policy.Measure) bool {
	switch m {
	case policy.Queue, policy.DNS, policy.Connect, policy.TLS, policy.AddedToken, policy.AddedEvent:
		return false
	}
	return m.Latency()
}

// unasked names the deciding latencies in which no plant can show; "" if all can.
func (c *control) unasked() string {
	var out []string
	for _, f := range c.docket.findings {
		if name := measureName(f.Measure); f.decides() && f.Measure.Latency() && !PlantShows(f.Measure) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}

// asked tells whether any deciding metric is one in which a plant can show.
func (c *control) asked() bool {
	return slices.ContainsFunc(c.docket.findings, func(f *finding) bool { return f.decides() && PlantShows(f.Measure) })
}

// unseen lists a metric of each measure with gating latencies in which a plant can
// show and was not called worse by any of them: the one that came nearest.
func (c *control) unseen() []*finding {
	nearest, seen := map[policy.Measure]*finding{}, map[policy.Measure]bool{}
	var order []policy.Measure
	for _, f := range c.docket.findings {
		if !f.decides() || !PlantShows(f.Measure) {
			continue
		}
		best := nearest[f.Measure]
		if best == nil {
			order = append(order, f.Measure)
		}
		if best == nil || f.claims() && !(best.out.P <= f.out.P) {
			nearest[f.Measure] = f
		}
		seen[f.Measure] = seen[f.Measure] || c.docket.rejects(f)
	}
	var unseen []*finding
	for _, m := range order {
		if !seen[m] {
			unseen = append(unseen, nearest[m])
		}
	}
	return unseen
}

// figures names metrics of a control with what was measured of them.
func figures(c *docket, findings []*finding) string {
	var parts []string
	for _, f := range findings {
		text := fmt.Sprintf("%s (%s, %s, %d requests)", f.out.Name, f.change(), c.boundsText(f), f.out.N)
		if f.refused.text != "" {
			text = fmt.Sprintf("%s (%s)", f.out.Name, f.refused.text)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// controls tells what became of the run's own controls.
func (c *docket) controls() Controls {
	if c.twin == nil {
		return Controls{Mode: "off", Why: cmp.Or(c.set.Header.NoControls, "the run has no arms for them"), Planted: NaN()}
	}
	fared := "called worse in every measure with a gating latency"
	if c.plant.docket != nil {
		if names := c.plant.unasked(); names != "" {
			fared += " in which it can show; its delay lies in the upstream's writes and says nothing of: " + names
		}
	}
	return Controls{
		Mode: "on", Planted: Float(c.set.Controls.Planted),
		Twin:  c.twin.tell(c.refuseTwin(), "not called worse in any gating metric"),
		Plant: c.plant.tell(c.refusePlant(), fared),
	}
}

// tell is what the verdict says of a control: why it failed, or how it fared.
func (c *control) tell(failed refusal, fared string) *Control {
	out := &Control{OK: failed.text == "", Detail: cmp.Or(failed.text, fared)}
	if c.docket == nil {
		return out
	}
	out.Pairs, out.Blocks = c.docket.set.Pairs, c.docket.set.Blocks
	for _, f := range c.docket.findings {
		if f.Gating {
			out.Metrics = append(out.Metrics, f.out)
		}
	}
	return out
}

// controlsText says in words what the controls add to the guarantee.
func (c *docket) controlsText() string {
	switch told := c.controls(); {
	case told.Mode == "off":
		return "Controls: off, so nothing shows that this run could have seen a regression."
	case told.Twin.OK && told.Plant.OK:
		text := fmt.Sprintf("Controls: on; the run saw its own plant of +%s %% and stayed quiet on its own twin.", percent(c.set.Controls.Planted))
		if names := c.plant.unasked(); names != "" {
			text += " The plant cannot show in " + names + "."
		}
		return text
	}
	return "Controls: on, and they failed: see the twin and the plant."
}

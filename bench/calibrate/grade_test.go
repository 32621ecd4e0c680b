package calibrate_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

const msec = int64(time.Millisecond)

// sound is a run and a calibration that every rule calls valid.
func sound() (load.Health, calibrate.Calibration) {
	dist := load.Dist{P50: 40_000, P99: 300_000, Max: 2 * msec, N: 1000}
	arm := load.ArmHealth{Lateness: dist, SlotLateness: dist, Canary: dist, Events: 20_000, Coalesced: 400}
	return load.Health{
		Window: 20 * time.Second, Cores: 2, Intended: 2000, Sent: 2000, IntendedHz: 100, AchievedHz: 100,
		Lateness: dist, Canary: dist, Events: 40_000, Coalesced: 800,
		Arms:     map[string]load.ArmHealth{"baseline": arm, "candidate": arm},
		CPUShare: .3, MachineBusy: .5, Steal: 0, GCPauseMax: 200 * time.Microsecond, FDLimit: 1024, FDPeak: 100,
		PortsBusy: .1, Steady: 15 * time.Second,
	}, calibrate.Calibration{
		Requests: 300, Coalesced: .01,
		Error: map[sample.Measure]sample.ErrorNS{sample.FirstToken: {P50: 20_000, P99: 90_000, Max: 200_000, N: 300}},
	}
}

type change func(*load.Health, *calibrate.Calibration)

// lateArm makes one arm's starts late.
func lateArm(p50, p99 int64) change {
	return func(h *load.Health, _ *calibrate.Calibration) {
		arm := h.Arms["candidate"]
		arm.SlotLateness.P50, arm.SlotLateness.P99 = p50, p99
		h.Arms["candidate"] = arm
	}
}

func coalescedArm(events int) change {
	return func(h *load.Health, _ *calibrate.Calibration) {
		arm := h.Arms["candidate"]
		arm.Coalesced = events
		h.Arms["candidate"] = arm
	}
}

const (
	valid    = sample.Valid
	degraded = sample.Degraded
	invalid  = sample.Invalid
)

// TestEveryRuleAtItsBounds: on a bound the better grade holds, just beyond it
// the worse one, in an interleaved and in a single design.
func TestEveryRuleAtItsBounds(t *testing.T) {
	lateness := func(ns int64) change {
		return func(h *load.Health, _ *calibrate.Calibration) { h.Lateness.P99 = ns }
	}
	canary := func(ns int64) change {
		return func(h *load.Health, _ *calibrate.Calibration) { h.Canary.P99 = ns }
	}
	machine := func(share float64) change {
		return func(h *load.Health, _ *calibrate.Calibration) { h.MachineBusy = share }
	}
	own := func(share float64) change {
		return func(h *load.Health, _ *calibrate.Calibration) { h.CPUShare = share }
	}
	rate := func(hz float64) change {
		return func(h *load.Health, _ *calibrate.Calibration) { h.AchievedHz = hz }
	}
	dropped := func(n int) change {
		return func(h *load.Health, _ *calibrate.Calibration) { h.Dropped = n }
	}
	coalesced := func(events int, canary int64) change {
		return func(h *load.Health, _ *calibrate.Calibration) { h.Coalesced, h.Canary.P99 = events, canary }
	}
	steal := func(share float64) change {
		return func(h *load.Health, _ *calibrate.Calibration) { h.Steal = share }
	}
	pause := func(d time.Duration) change {
		return func(h *load.Health, _ *calibrate.Calibration) { h.GCPauseMax = d }
	}
	files := func(peak int) change {
		return func(h *load.Health, _ *calibrate.Calibration) { h.FDPeak, h.FDLimit = peak, 100 }
	}
	steady := func(d time.Duration) change {
		return func(h *load.Health, _ *calibrate.Calibration) { h.Steady = d }
	}
	answers := func(n int) change {
		return func(_ *load.Health, c *calibrate.Calibration) { c.Requests = n }
	}
	wrong := func(ns int64) change {
		return func(_ *load.Health, c *calibrate.Calibration) {
			c.Error = map[sample.Measure]sample.ErrorNS{sample.FirstToken: {P99: ns, N: 300}}
		}
	}
	tests := []struct {
		name                string
		change              change
		interleaved, single sample.Grade
		busy                bool
	}{
		{"requests sent", func(h *load.Health, _ *calibrate.Calibration) { h.Sent = 0 }, invalid, invalid, false},

		{"achieved rate", rate(99), valid, valid, true},
		{"achieved rate", rate(98.9), degraded, degraded, true},
		{"achieved rate", rate(95), degraded, degraded, true},
		{"achieved rate", rate(94.9), invalid, invalid, true},

		{"dropped starts", dropped(0), valid, valid, true},
		{"dropped starts", dropped(2), degraded, degraded, true},
		{"dropped starts", dropped(3), invalid, invalid, true},

		{"start lateness P99", lateness(msec / 2), valid, valid, true},
		{"start lateness P99", lateness(msec/2 + 1), degraded, degraded, true},
		{"start lateness P99", lateness(5 * msec), degraded, degraded, true},
		{"start lateness P99", lateness(5*msec + 1), degraded, invalid, true},
		{"start lateness P99", lateness(500 * msec), degraded, invalid, true},

		{"start lateness P50 between arms", lateArm(40_000+msec/4, 0), valid, "", true},
		{"start lateness P50 between arms", lateArm(40_001+msec/4, 0), degraded, "", true},
		{"start lateness P50 between arms", lateArm(40_001+msec/2, 0), invalid, "", true},
		{"start lateness P99 between arms", lateArm(0, 300_000+5*msec/2), valid, "", true},
		{"start lateness P99 between arms", lateArm(0, 300_000+5*msec), degraded, "", true},
		{"start lateness P99 between arms", lateArm(0, 300_001+5*msec), invalid, "", true},
		{"start lateness P99 between arms", func(h *load.Health, _ *calibrate.Calibration) {
			h.Arms = map[string]load.ArmHealth{ // 20 ms apart, but not by a factor of more than 3
				"baseline":  {SlotLateness: load.Dist{P99: 10 * msec, N: 9}},
				"candidate": {SlotLateness: load.Dist{P99: 30 * msec, N: 9}},
			}
		}, valid, "", true},

		{"canary P99", canary(msec), valid, valid, true},
		{"canary P99", canary(5 * msec), degraded, degraded, true},
		{"canary P99", canary(5*msec + 1), degraded, invalid, true},

		{"CPU of this process", own(.7), valid, valid, true},
		{"CPU of this process", own(.9), degraded, degraded, true},
		{"CPU of this process", own(.91), invalid, invalid, true},
		{"CPU of the machine", machine(.7), valid, valid, true},
		{"CPU of the machine", machine(.9), degraded, degraded, true},
		{"CPU of the machine", machine(.91), invalid, invalid, true},
		{"CPU stolen", steal(.02), valid, valid, true},
		{"CPU stolen", steal(.11), degraded, invalid, true},
		{"longest GC pause", pause(time.Millisecond), valid, valid, true},
		{"longest GC pause", pause(6 * time.Millisecond), degraded, invalid, true},
		{"descriptors or ports exhausted", func(h *load.Health, _ *calibrate.Calibration) { h.Exhausted = 0 }, valid, valid, true},
		{"descriptors or ports exhausted", func(h *load.Health, _ *calibrate.Calibration) { h.Exhausted = 1 }, invalid, invalid, true},
		{"open files", files(80), valid, valid, false},
		{"open files", files(95), degraded, degraded, false},
		{"open files", files(96), invalid, invalid, false},

		{"local ports", func(h *load.Health, _ *calibrate.Calibration) { h.PortsBusy = .8 }, valid, valid, false},
		{"local ports", func(h *load.Health, _ *calibrate.Calibration) { h.PortsBusy = .95 }, degraded, degraded, false},
		{"local ports", func(h *load.Health, _ *calibrate.Calibration) { h.PortsBusy = .96 }, invalid, invalid, false},
		{"clock steps", func(h *load.Health, _ *calibrate.Calibration) { h.ClockStep = 10 * time.Millisecond }, valid, valid, false},
		{"clock steps", func(h *load.Health, _ *calibrate.Calibration) { h.ClockStep = 2 * time.Hour }, degraded, degraded, false},
		{"steady window", steady(10 * time.Second), "", valid, false},
		{"steady window", steady(9 * time.Second), "", degraded, false},
		{"steady window", steady(0), "", invalid, false},

		{"coalesced above calibration", coalesced(0, 0), valid, valid, false},            // below it is no merit
		{"coalesced above calibration", coalesced(40*60, 0), valid, valid, false},        // 6 % less 1
		{"coalesced above calibration", coalesced(400*31, 0), degraded, degraded, false}, // 31 % less 1
		{"coalesced above calibration", coalesced(400*32, 0), degraded, degraded, false}, // the canary is in time: the server's doing
		{"coalesced above calibration", coalesced(400*32, 2*msec), degraded, invalid, false},
		{"coalescing between arms", coalescedArm(400 + 1000), valid, "", false},
		{"coalescing between arms", coalescedArm(400 + 2000), degraded, "", false},
		{"coalescing between arms", coalescedArm(400 + 2001), invalid, "", false},

		{"calibrated answers", answers(100), valid, valid, false},
		{"calibrated answers", answers(10), degraded, degraded, false},
		{"calibrated answers", answers(9), invalid, invalid, false},
		{"calibration error P99", wrong(msec), valid, valid, true},
		{"calibration error P99", wrong(10 * msec), degraded, degraded, true},
		{"calibration error P99", wrong(11 * msec), degraded, invalid, true},
	}
	seen := map[string]bool{}
	for _, test := range tests {
		seen[test.name] = true
		for design, want := range map[sample.Design]sample.Grade{sample.Interleaved: test.interleaved, sample.Single: test.single} {
			h, c := sound()
			test.change(&h, &c)
			v := calibrate.Grade(h, c, design)
			at := slices.IndexFunc(v.Signals, func(s sample.Signal) bool { return s.Name == test.name })
			if want == "" {
				if at >= 0 {
					t.Errorf("%s speaks of a %s run", test.name, design)
				}
				continue
			}
			if at < 0 {
				t.Errorf("%s is missing from %s", test.name, design)
				continue
			}
			if s := v.Signals[at]; s.Grade != want || s.Busy != test.busy {
				t.Errorf("%s = %v %s, %s: %s, busy %t; want %s, %t", s.Name, s.Value, s.Unit, design, s.Grade, s.Busy, want, test.busy)
			}
		}
	}
	for _, rule := range calibrate.Rules() {
		if !seen[rule.Name] {
			t.Errorf("%s is not tested", rule.Name)
		}
	}
}

func TestWorstRuleDecides(t *testing.T) {
	h, c := sound()
	if v := calibrate.Grade(h, c, sample.Interleaved); v.Grade != valid || len(v.Error) == 0 {
		t.Errorf("a sound run is %s: %+v", v.Grade, v.Signals)
	}
	h.Canary.P99 = 2 * msec
	if v := calibrate.Grade(h, c, sample.Interleaved); v.Grade != degraded {
		t.Errorf("one degraded rule gives %s", v.Grade)
	}
	h.MachineBusy = .99
	if v := calibrate.Grade(h, c, sample.Interleaved); v.Grade != invalid {
		t.Errorf("one invalid rule among degraded ones gives %s", v.Grade)
	}
}

// TestNothingMeasuredIsInvalid: no evidence is never valid.
func TestNothingMeasuredIsInvalid(t *testing.T) {
	for _, design := range []sample.Design{sample.Interleaved, sample.Split, sample.Switchback, sample.Single, ""} {
		if v := calibrate.Grade(load.Health{}, calibrate.Calibration{}, design); v.Grade != invalid {
			t.Errorf("nothing at all is %s in design %q", v.Grade, design)
		}
	}
	h, c := sound()
	h.AchievedHz = math.NaN()
	if v := calibrate.Grade(h, c, sample.Interleaved); v.Grade != invalid {
		t.Errorf("a rate that is no number is %s", v.Grade)
	}
}

func TestWhatIsNotToldIsSaid(t *testing.T) {
	h, c := sound()
	h.MachineBusy, h.Steal, h.FDLimit, h.PortsBusy = load.Unknown, load.Unknown, 0, load.Unknown
	v := calibrate.Grade(h, c, sample.Single)
	if v.Grade != valid {
		t.Errorf("a system that tells less is %s", v.Grade)
	}
	all := strings.Join(v.Warnings, "\n")
	for _, want := range []string{"CPU of the machine", "CPU stolen", "open files", "local ports"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not named in\n%s", want, all)
		}
	}
}

func TestClosedLoopHasNoStarts(t *testing.T) {
	h, c := sound()
	h.ClosedLoop, h.Lateness.P99, h.AchievedHz = true, 900*msec, 1
	if v := calibrate.Grade(h, c, sample.Single); v.Grade != valid {
		t.Errorf("%s: %+v", v.Grade, v.Signals)
	}
}

func TestGradeByOtherBounds(t *testing.T) {
	rules := calibrate.Rules()
	for i := range rules {
		if rules[i].Name == "CPU of the machine" {
			rules[i].Valid, rules[i].Degraded = 40, 45
		}
	}
	h, c := sound()
	if v := calibrate.GradeBy(rules, h, c, sample.Interleaved); v.Grade != invalid {
		t.Errorf("50 %% of a machine allowed 45 is %s", v.Grade)
	}
	if v := calibrate.Grade(h, c, sample.Interleaved); v.Grade != valid {
		t.Error("changing a copy of the rules changed the rules")
	}
}

// TestValidityIsJSON: what Grade gives must fit the run file's trailer.
func TestValidityIsJSON(t *testing.T) {
	for _, design := range []sample.Design{sample.Interleaved, sample.Single} {
		h, c := sound()
		h.Arms = nil
		if _, err := json.Marshal(calibrate.Grade(h, c, design)); err != nil {
			t.Error(err)
		}
	}
}

func TestRulesPrintTheirBounds(t *testing.T) {
	rule := calibrate.Rules()[1]
	if got := rule.Bound(rule.Valid); got != "≥ 99 %" || rule.SpeaksOf() != "machine" {
		t.Errorf("%q, %q", got, rule.SpeaksOf())
	}
}

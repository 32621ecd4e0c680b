package calibrate

import (
	"slices"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A Direction says on which side of its bounds a value is bad.
type Direction string

// The directions.
const (
	Above Direction = "above" // more is worse
	Below Direction = "below" // less is worse
)

// A Rule is one line of the validity table. A value within Valid leaves the run
// valid, within Degraded it degrades it, beyond it makes it invalid.
type Rule struct {
	Name     string
	Unit     string
	Worse    Direction
	Valid    float64
	Degraded float64
	// Busy marks rules that speak of the measuring machine and not of the
	// target: another try may help.
	Busy bool
	// Common marks errors that fall on both arms alike when they take turns on
	// one machine: in an interleaved design they degrade and never invalidate,
	// since the rules of what differs between the arms stand beside them.
	Common bool
	// Apart marks rules of what differs between arms: not for single runs.
	Apart bool
	// Whole marks rules of runs in one piece: turns and time blocks are short by
	// design, and compared with each other.
	Whole bool
	// OpenLoop marks rules that need intended starts.
	OpenLoop bool
	// What says what the value is.
	What string

	read reading
}

// A reading takes a rule's value from what was measured; told is false where
// the system did not tell it.
type reading func(h *load.Health, c *Calibration) (value float64, told bool)

// apartFactor is how many times the lateness of one arm must be that of the
// other before their difference counts: two arms at 0.2 and 0.3 ms differ by
// chance.
const apartFactor = 3

// Rules returns the table that [Grade] goes by: measuring.md 7 with, for
// interleaved runs, the rules of what differs between the arms. Copy and change
// bounds for [GradeBy].
func Rules() []Rule {
	return slices.Concat(startRules(), machineRules(), calibrationRules(), wholeRules())
}

func startRules() []Rule {
	return []Rule{
		{
			Name: "requests sent", Unit: "", Worse: Below, Valid: 1, Degraded: 1,
			What: "requests handed to the transport", read: sent,
		},
		{
			Name: "achieved rate", Unit: "%", Worse: Below, Valid: 99, Degraded: 95, Busy: true, OpenLoop: true,
			What: "starts per second, of those intended", read: achieved,
		},
		{
			Name: "dropped starts", Unit: "%", Worse: Above, Valid: 0, Degraded: 0.1, Busy: true,
			What: "requests never started though the run went on, of those intended", read: dropped,
		},
		{
			Name: "start lateness P99", Unit: "ms", Worse: Above, Valid: 0.5, Degraded: 5, Busy: true, Common: true, OpenLoop: true,
			What: "sent minus intended", read: lateness,
		},
		{
			Name: "start lateness P50 between arms", Unit: "ms", Worse: Above, Valid: 0.25, Degraded: 0.5, Busy: true, Apart: true, OpenLoop: true,
			What: "difference of what three in four turns of each arm stay within, where one is more than 3 times the other", read: latenessApart(p50),
		},
		{
			Name: "start lateness P99 between arms", Unit: "ms", Worse: Above, Valid: 2.5, Degraded: 5, Busy: true, Apart: true, OpenLoop: true,
			What: "difference of what three in four turns of each arm stay within, where one is more than 3 times the other", read: latenessApart(p99),
		},
	}
}

func machineRules() []Rule {
	return []Rule{
		{
			Name: canaryRule, Unit: "ms", Worse: Above, Valid: 1, Degraded: 5, Busy: true, Common: true,
			What: "how late a timer of ours woke", read: canary,
		},
		{
			Name: "CPU of this process", Unit: "%", Worse: Above, Valid: 70, Degraded: 90, Busy: true,
			What: "of the cores it may use", read: ownCPU,
		},
		{
			Name: "CPU of the machine", Unit: "%", Worse: Above, Valid: 70, Degraded: 90, Busy: true,
			What: "of all cores, whoever used it", read: machineCPU,
		},
		{
			Name: "CPU stolen", Unit: "%", Worse: Above, Valid: 2, Degraded: 10, Busy: true, Common: true,
			What: "taken by the hypervisor, of all cores", read: stolen,
		},
		{
			Name: "longest GC pause", Unit: "ms", Worse: Above, Valid: 1, Degraded: 5, Busy: true, Common: true,
			What: "of this process, upper edge of its bucket", read: pause,
		},
		{
			Name: "descriptors or ports exhausted", Unit: "", Worse: Above, Valid: 0, Degraded: 0, Busy: true,
			What: "requests kept back for want of them", read: exhausted,
		},
		{
			Name: "open files", Unit: "%", Worse: Above, Valid: 80, Degraded: 95,
			What: "most open at once, of the limit", read: files,
		},
		{
			Name: "local ports", Unit: "%", Worse: Above, Valid: 80, Degraded: 95,
			What: "most taken by sockets of this machine, of those it may give", read: ports,
		},
		{
			Name: "clock steps", Unit: "ms", Worse: Above, Valid: 10, Degraded: dayMS,
			What: "largest jump of the wall clock, which no latency is measured by: times of day are wrong", read: clockStep,
		},
	}
}

// dayMS is more than any step: a jump degrades and never makes a run invalid.
const dayMS = 86_400_000

func wholeRules() []Rule {
	return []Rule{{
		Name: steadyRule, Unit: "s", Worse: Below, Valid: 10, Degraded: .001, Whole: true,
		What: "from when a usual answer to the first request had ended to the last start", read: steady,
	}}
}

func calibrationRules() []Rule {
	return []Rule{
		{
			Name: coalescedRule, Unit: "points", Worse: Above, Valid: 5, Degraded: 30, Common: true,
			What: "events that shared a Read with the one before, above the share in calibration; invalid only if the canary is late too", read: coalesced,
		},
		{
			Name: "coalescing between arms", Unit: "points", Worse: Above, Valid: 5, Degraded: 10, Apart: true,
			What: "difference of the arms' coalesced shares", read: coalescedApart,
		},
		{
			Name: "calibrated answers", Unit: "", Worse: Below, Valid: 100, Degraded: 10,
			What: "answers of known truth behind the error table", read: answers,
		},
		{
			Name: "calibration error P99", Unit: "ms", Worse: Above, Valid: 1, Degraded: 10, Busy: true, Common: true,
			What: "of the first token against the ground-truth server", read: calibrationError,
		},
	}
}

// Rules that another rule looks at are known by name.
const (
	canaryRule    = "canary P99"
	coalescedRule = "coalesced above calibration"
	steadyRule    = "steady window"
)

func ms[T int64 | time.Duration](ns T) float64 { return float64(ns) / 1e6 }

func percent(part, whole int) (float64, bool) {
	if whole == 0 {
		return 0, false
	}
	return 100 * float64(part) / float64(whole), true
}

func sent(h *load.Health, _ *Calibration) (float64, bool) { return float64(h.Sent), true }

func achieved(h *load.Health, _ *Calibration) (float64, bool) {
	if h.IntendedHz <= 0 {
		return 0, false
	}
	return 100 * h.AchievedHz / h.IntendedHz, true
}

func dropped(h *load.Health, _ *Calibration) (float64, bool) { return percent(h.Dropped, h.Intended) }

func exhausted(h *load.Health, _ *Calibration) (float64, bool) { return float64(h.Exhausted), true }

func lateness(h *load.Health, _ *Calibration) (float64, bool) {
	return ms(h.Lateness.P99), h.Lateness.N > 0
}

func canary(h *load.Health, _ *Calibration) (float64, bool) { return ms(h.Canary.P99), h.Canary.N > 0 }

func p50(d load.Dist) int64 { return d.P50 }
func p99(d load.Dist) int64 { return d.P99 }

// latenessApart reads how far the quantile at lies between the most and the
// least late arm; 0 where they differ by less than apartFactor.
func latenessApart(at func(load.Dist) int64) reading {
	return func(h *load.Health, _ *Calibration) (float64, bool) {
		var least, most int64
		seen := 0
		for _, arm := range h.Arms {
			if arm.SlotLateness.N == 0 {
				continue
			}
			v := at(arm.SlotLateness)
			if seen == 0 {
				least, most = v, v
			}
			least, most = min(least, v), max(most, v)
			seen++
		}
		if most <= apartFactor*least {
			return 0, seen > 1
		}
		return ms(most - least), seen > 1
	}
}

func ownCPU(h *load.Health, _ *Calibration) (float64, bool) { return share(h.CPUShare) }

func machineCPU(h *load.Health, _ *Calibration) (float64, bool) { return share(h.MachineBusy) }

func stolen(h *load.Health, _ *Calibration) (float64, bool) { return share(h.Steal) }

func share(of float64) (float64, bool) { return 100 * of, of != load.Unknown }

func pause(h *load.Health, _ *Calibration) (float64, bool) { return ms(h.GCPauseMax), true }

func files(h *load.Health, _ *Calibration) (float64, bool) { return percent(h.FDPeak, h.FDLimit) }

func ports(h *load.Health, _ *Calibration) (float64, bool) { return share(h.PortsBusy) }

func clockStep(h *load.Health, _ *Calibration) (float64, bool) { return ms(h.ClockStep), true }

func steady(h *load.Health, _ *Calibration) (float64, bool) { return h.Steady.Seconds(), true }

func coalesced(h *load.Health, c *Calibration) (float64, bool) {
	now, told := percent(h.Coalesced, h.Events)
	return max(0, now-100*c.Coalesced), told
}

func coalescedApart(h *load.Health, _ *Calibration) (float64, bool) {
	var least, most float64
	seen := 0
	for _, arm := range h.Arms {
		v, told := percent(arm.Coalesced, arm.Events)
		if !told {
			continue
		}
		if seen == 0 {
			least, most = v, v
		}
		least, most = min(least, v), max(most, v)
		seen++
	}
	return most - least, seen > 1
}

func answers(_ *load.Health, c *Calibration) (float64, bool) { return float64(c.Requests), true }

func calibrationError(_ *load.Health, c *Calibration) (float64, bool) {
	e := c.Error[sample.FirstToken]
	return ms(e.P99), e.N > 0
}

package assert

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// A Difference is something in which two runs are not alike, or in which one is
// not what it seems.
type Difference struct {
	What     string `json:"what"` // the word that allows it
	Run      string `json:"run"`
	Baseline string `json:"baseline"`
	Allowed  bool   `json:"allowed"`
}

// unrecorded is said where a run does not tell.
const unrecorded = "not recorded"

// Allowable lists the words of Request.Allow.
func Allowable() []string {
	return []string{"model", "dataset", "schedule", "machine", "dialect", "clock", "scenario", "source", "work", "simulated"}
}

// differences compares what must be alike before two runs are.
func differences(run, baseline *side, allow []string) []Difference {
	a, b := &run.run.Header, &baseline.run.Header
	pairs := []Difference{
		{What: "model", Run: a.Model, Baseline: b.Model},
		{What: "dataset", Run: datasetText(a), Baseline: datasetText(b)},
		{What: "schedule", Run: scheduleText(a), Baseline: scheduleText(b)},
		{What: "machine", Run: machineText(a.Machine), Baseline: machineText(b.Machine)},
		{What: "dialect", Run: a.Dialect, Baseline: b.Dialect},
		{What: "clock", Run: fmt.Sprint(a.ClockScale), Baseline: fmt.Sprint(b.ClockScale)},
		{What: "scenario", Run: orElse(a.Scenario, "none"), Baseline: orElse(b.Scenario, "none")},
		{What: "source", Run: orElse(a.Source, "bench"), Baseline: orElse(b.Source, "bench")},
	}
	var found []Difference
	for _, d := range pairs {
		d.Run, d.Baseline = orElse(d.Run, unrecorded), orElse(d.Baseline, unrecorded)
		if d.Run != d.Baseline || d.Run == unrecorded {
			found = append(found, d)
		}
	}
	found = append(found, workDiffers(run, baseline)...)
	for i := range found {
		found[i].Allowed = slices.Contains(allow, found[i].What)
	}
	return found
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func datasetText(h *sample.Header) string {
	if h.Dataset.Hash == "" {
		return ""
	}
	return fmt.Sprintf("%s (%.12s, %d items)", h.Dataset.Name, h.Dataset.Hash, h.Dataset.Items)
}

// scheduleText names kind and rate. The hash of the intended instants differs
// with the seed and is not asked for.
func scheduleText(h *sample.Header) string {
	if h.Schedule.Kind == "" {
		return ""
	}
	return h.Schedule.Pace()
}

func machineText(m sample.Machine) string {
	if m.CPU == "" || m.Cores == 0 {
		return ""
	}
	return strings.Join([]string{m.OS + "/" + m.Arch, m.CPU, fmt.Sprintf("%d cores (%d used)", m.Cores, m.GOMAXPROCS), m.Kernel, m.Go}, ", ")
}

// sameWork is how far mean output tokens per answer may differ.
const sameWork = .02

// workDiffers compares output tokens per answer: less work is no faster work.
func workDiffers(run, baseline *side) []Difference {
	a, b := run.tokens(), baseline.tokens()
	if math.Abs(a/b-1) <= sameWork {
		return nil
	}
	text := func(x float64) string {
		if math.IsNaN(x) || x == 0 {
			return unrecorded
		}
		return fmt.Sprintf("%.4g output tokens per answer", x)
	}
	return []Difference{{What: "work", Run: text(a), Baseline: text(b)}}
}

// tokens is the mean number of output tokens of an answer; NaN without answers.
func (s *side) tokens() float64 {
	sum, n := 0, 0
	for _, one := range s.attempts {
		if one.Outcome == sample.OK {
			sum, n = sum+one.Usage.Output, n+1
		}
	}
	return float64(sum) / float64(n)
}

// simulated says in which way a run is not real; "": it is.
func simulated(h *sample.Header) string {
	switch {
	case strings.Contains(h.Tool, "simulation"):
		return "the records were simulated, nothing was measured"
	case h.ClockScale != 1:
		return fmt.Sprintf("its clock ran at %g of real time", h.ClockScale)
	case h.Scenario != "":
		return fmt.Sprintf("its upstream was simulated (scenario %.40q)", h.Scenario)
	}
	return ""
}

package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

var (
	limits       = flag.Bool("limits", false, "measure what bench can do on this machine (a quarter of an hour, left to itself; Linux, two processors)")
	limitsRounds = flag.Int("limits-rounds", 5, "how often each limit is measured")
	limitsRuns   = flag.Int("limits-runs", 20, "how many starved and how many quiet runs there are")
)

// A limit is a load on the ground-truth server, which has one processor, by a
// client that has the other, and what is asked of it.
type limit struct {
	name   string
	server []string
	client []string
	goals  []goal
}

// A goal is a figure of a calibration with the bound that it should stay within.
type goal struct {
	what  string
	unit  string
	bound float64
	least bool // the bound is a lower one
	of    func(c *calibrate.Calibration) float64
}

func micros(ns int64) float64 { return float64(ns) / 1e3 }

// fact reads a number of the validity block, by its name.
func fact(name string) func(c *calibrate.Calibration) float64 {
	return func(c *calibrate.Calibration) float64 {
		for _, f := range c.Validity.Facts {
			if f.Name == name {
				return f.Value
			}
		}
		for _, s := range c.Validity.Signals {
			if s.Name == name {
				return s.Value
			}
		}
		return -1
	}
}

// notInvalid is 1 where the run is not invalid.
var notInvalid = goal{"runs that are not invalid, as a share", "", 1, true, func(c *calibrate.Calibration) float64 {
	if c.Validity.Grade == sample.Invalid {
		return 0
	}
	return 1
}}

func atLeast(what, unit string, bound float64, of func(c *calibrate.Calibration) float64) goal {
	return goal{what, unit, bound, true, of}
}

var (
	lost         = goal{"answers lost", "", 0, false, func(c *calibrate.Calibration) float64 { return float64(c.Failed) }}
	eventsPerSec = func(c *calibrate.Calibration) float64 { return c.EventsPerSecond }
)

// limitsOf are those of docs/measuring.md. 200 starts a second of answers that
// take five seconds keep 1,000 streams open, and so on.
func limitsOf() []limit {
	fifty := []string{"--events", "250", "--gap", "20ms", "--first", "20ms"}
	return []limit{
		{"1,000 streams of 50 events/s, HTTP/1.1", fifty, []string{"--rate", "200", "--for", "10s"}, []goal{
			{"error of an event's stamp, P50", "µs", 100, false, func(c *calibrate.Calibration) float64 { return micros(c.Event.P50) }},
			{"error of an event's stamp, P99", "µs", 1000, false, func(c *calibrate.Calibration) float64 { return micros(c.Event.P99) }},
			lost,
			{"memory by stream", "KiB", 45, false, fact("memory by stream")},
		}},
		{"500 starts/s, HTTP/1.1", []string{"--events", "2", "--gap", "5ms", "--first", "5ms"}, []string{"--rate", "500", "--for", "6s"}, []goal{
			{"start lateness, P50", "µs", 60, false, func(c *calibrate.Calibration) float64 { return 1e3 * fact("start lateness P50")(c) }},
			{"start lateness, P99", "µs", 500, false, func(c *calibrate.Calibration) float64 { return 1e3 * fact("start lateness P99")(c) }},
		}},
		{"1,400 streams of 50 events/s, HTTP/1.1", fifty, []string{"--rate", "280", "--for", "10s"}, []goal{
			atLeast("events in a second", "", 70_000*windowShare, eventsPerSec), lost, notInvalid,
		}},
		{"2,400 streams of 50 events/s, h2c over 20 connections", fifty, []string{"--rate", "480", "--for", "10s", "--protocol", "h2c", "--connections", "20"}, []goal{
			atLeast("events in a second", "", 120_000*windowShare, eventsPerSec), lost, notInvalid,
		}},
		{"8,000 slow streams of an event a second, HTTP/1.1", []string{"--events", "10", "--gap", "1s", "--first", "1s"}, []string{"--rate", "800", "--for", "14s"}, []goal{
			atLeast("most requests in flight", "", 8_000, fact("most requests in flight")), lost, notInvalid,
		}},
	}
}

// windowShare is what of a window of ten seconds of starts and five of the last
// answers is at the full rate, on average.
const windowShare = 10.0 / 15

// TestLimits measures, in rounds, and writes docs/measuring.md with -update.
func TestLimits(t *testing.T) {
	if !*limits {
		t.Skip("not tested: the limits of this machine; make bench-limits runs this")
	}
	if runtime.GOOS != "linux" || runtime.NumCPU() < 2 {
		t.Skip("not tested: client and server need a processor each, on Linux")
	}
	list := limitsOf()
	figures := make([]map[string][]float64, len(list))
	for i := range figures {
		figures[i] = map[string][]float64{}
	}
	var machine sample.Machine
	for round := range *limitsRounds {
		for i, l := range list {
			c, err := l.measure(t)
			if err != nil {
				t.Errorf("%s: %v", l.name, err)
				continue
			}
			machine = c.Machine
			for _, a := range l.goals {
				figures[i][a.what] = append(figures[i][a.what], a.of(c))
			}
			t.Logf("round %d, %s: %s, %.0f events/s, event error %.0f and %.0f µs, lost %d", round+1, l.name, c.Validity.Grade, c.EventsPerSecond, micros(c.Event.P50), micros(c.Event.P99), c.Failed)
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Client and server each on one processor of %s (%d), %s; median of %d runs, with the range.\n\n", machine.CPU, runtime.NumCPU(), machine.Go, *limitsRounds)
	fmt.Fprintln(&text, "| load | figure | limit | median | lowest to highest | met |\n|---|---|---|---|---|---|")
	for i, l := range list {
		for _, a := range l.goals {
			text.WriteString(a.row(l.name, figures[i][a.what]))
		}
	}
	fmt.Fprintf(&text, "\n%s\n%s\n", starved(t), quiet(t))
	t.Log("\n" + text.String())
	if *update {
		writeSection(t, "docs/measuring.md", "limits", text.String())
	}
}

func (a goal) row(load string, values []float64) string {
	if len(values) == 0 {
		return fmt.Sprintf("| %s | %s | | none | | no |\n", load, a.what)
	}
	slices.Sort(values)
	median, sign := values[len(values)/2], "≤"
	met := median <= a.bound
	if a.least {
		sign, met = "≥", median >= a.bound
	}
	return strings.TrimRight(fmt.Sprintf("| %s | %s | %s %s | %s | %s to %s | %s |", load, a.what, sign, figure(a.bound, a.unit),
		figure(median, a.unit), figure(values[0], ""), figure(values[len(values)-1], a.unit), map[bool]string{true: "yes", false: "no"}[met]), " ") + "\n"
}

func figure(x float64, unit string) string {
	return strings.TrimSpace(fmt.Sprintf("%.5g %s", x, unit))
}

// starved counts how many runs at half the limit are not called valid while two
// others want the client's processor.
func starved(t *testing.T) string {
	noticed := 0
	for range *limitsRuns {
		stop := hog(t, 2)
		c, err := halfLimit.measure(t)
		stop()
		if err != nil || c.Validity.Grade != sample.Valid { // a run that could not be made is none that was believed
			noticed++
		}
	}
	return fmt.Sprintf("Starved of its processor by two others, a run of 25,000 events/s was called degraded or invalid in %d of %d runs (limit: 20 of 20).", noticed, *limitsRuns)
}

// quiet counts how many runs at half the limit are called valid when nothing else
// wants a processor.
func quiet(t *testing.T) string {
	valid, quiet, pressures := 0, 0, []float64{}
	for try := 0; quiet < *limitsRuns && try < 2**limitsRuns; try++ {
		before := calm()
		c, err := halfLimit.measure(t)
		steal := 100.0
		if err == nil {
			steal = fact("CPU stolen")(c)
		}
		if before >= 5 || steal >= 1 {
			continue // a neighbour: the machine is not quiet
		}
		quiet++
		pressures = append(pressures, before)
		if err == nil && c.Validity.Grade == sample.Valid {
			valid++
		} else if err == nil {
			t.Logf("quiet, and %s: %s", c.Validity.Grade, c.Objection())
		}
	}
	if quiet == 0 {
		return "The machine was never quiet (CPU pressure under 5, steal under 1 %), so that nothing is known of quiet runs."
	}
	return fmt.Sprintf("Left to itself (CPU pressure before the run %.2g to %.2g, under 5; steal under 1 %%), it was called valid in %d of %d runs (limit: 19 of 20).",
		slices.Min(pressures), slices.Max(pressures), valid, quiet)
}

// calm waits for half a minute at most until the last run's own pressure has gone,
// and returns what is left.
func calm() float64 {
	for range 30 {
		if pressure() < 5 {
			break
		}
		time.Sleep(time.Second)
	}
	return pressure()
}

// halfLimit is half of the first limit.
var halfLimit = limit{
	"500 streams of 50 events/s", []string{"--events", "100", "--gap", "20ms", "--first", "20ms"}, []string{"--rate", "250", "--for", "4s"}, nil,
}

// pressure is the share of the last ten seconds in which some task waited for a
// processor, in percent; 0 where the system does not tell.
func pressure() float64 {
	text, err := os.ReadFile("/proc/pressure/cpu")
	if err != nil {
		return 0
	}
	var avg float64
	if _, err := fmt.Sscanf(string(text), "some avg10=%f", &avg); err != nil {
		return 0
	}
	return avg
}

// hog keeps the client's processor busy with n processes until stop.
func hog(t *testing.T, n int) (stop func()) {
	t.Helper()
	var hogs []*exec.Cmd
	for range n {
		cmd := exec.CommandContext(t.Context(), "taskset", "-c", clientCPU, "sh", "-c", "while :; do :; done")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		hogs = append(hogs, cmd)
	}
	return func() {
		for _, cmd := range hogs {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // killed: that is its end
		}
	}
}

// The processors of client and server.
const clientCPU, serverCPU = "0", "1"

// measure runs the client against a fresh server.
func (l limit) measure(t *testing.T) (*calibrate.Calibration, error) {
	t.Helper()
	server := built(t, serverCPU, append([]string{"calibrate", "serve"}, l.server...)...)
	out, err := server.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := server.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		_ = server.Wait() // it ended as it was told
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	var ready struct{ URL string }
	if err := json.Unmarshal(line, &ready); err != nil {
		return nil, err
	}
	client := built(t, clientCPU, append([]string{"calibrate", "--json", "--seed", "1", "--against", ready.URL}, l.client...)...)
	client.Env = append(os.Environ(), "GOMAXPROCS=1")
	text, err := client.Output()
	if err != nil {
		return nil, err
	}
	c := new(calibrate.Calibration)
	return c, json.Unmarshal(text, c)
}

// built is bin/firstbyte, which make has built, on one processor.
func built(t *testing.T, cpu string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "taskset", append([]string{"-c", cpu, "bin/firstbyte"}, args...)...)
	cmd.Stderr = os.Stderr
	return cmd
}

// writeSection replaces what stands between the marks of a name in a document.
func writeSection(t *testing.T, path, name, text string) {
	t.Helper()
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	head, rest, found := strings.Cut(string(doc), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no section between %q and %q", path, begin, end)
	}
	if err := os.WriteFile(path, []byte(head+begin+text+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A reading is what one run of a load generator said, in its own figures.
type reading struct {
	perSecond float64    // starts, achieved
	ttfb      *quantiles // nil: not measured
	full      quantiles
	failures  int
	own       ownError
	says      []string // what else is to be known of the run
	server    served
}

// An ownError is the P99 of its own error that a tool states; zero: it states none.
type ownError struct{ ttfb, full time.Duration }

// quantiles are two of a latency.
type quantiles struct{ P50, P99 time.Duration }

// of takes quantiles of all values: those of rank ⌈p·n⌉.
func of(values []time.Duration) quantiles {
	slices.Sort(values)
	rank := func(p float64) time.Duration { return values[int(math.Ceil(p*float64(len(values))))-1] }
	return quantiles{rank(.5), rank(.99)}
}

// A served is what the server of ground truth saw of a run.
type served struct {
	answers   int
	perSecond float64   // starts
	took      quantiles // from the first write of an answer to its last
}

// readTruth reads the answer to GET /truth. Of nothing served it is zero.
func readTruth(r io.Reader) (served, error) {
	var truth struct {
		Answers []struct {
			FirstByte int64 `json:"first_byte"`
			End       int64
		}
	}
	if err := json.NewDecoder(r).Decode(&truth); err != nil {
		return served{}, fmt.Errorf("truth: %w", err)
	}
	if len(truth.Answers) < 2 {
		return served{answers: len(truth.Answers)}, nil
	}
	var begun []int64
	var took []time.Duration
	for _, a := range truth.Answers {
		begun = append(begun, a.FirstByte)
		took = append(took, time.Duration(a.End-a.FirstByte))
	}
	return served{len(begun), rate(begun, time.Nanosecond), of(took)}, nil
}

// rate is that of starts: the intervals between them by the time they took.
func rate(starts []int64, unit time.Duration) float64 {
	window := time.Duration(slices.Max(starts)-slices.Min(starts)) * unit
	return float64(len(starts)-1) / window.Seconds()
}

// readBench reads "firstbyte bench --json": a reading by the clock of the
// intended starts, and one by that of the sends.
func readBench(r io.Reader) ([]reading, error) {
	var summary struct {
		Runs []struct {
			Validity struct {
				Grade   string
				Signals []struct{ Name, Grade string }
			}
			Arms []struct {
				Requests, OK int
				Achieved     float64 `json:"achieved_hz"`
				Measures     []struct {
					Measure string
					All     struct {
						P50 time.Duration `json:"p50_ns"`
						P99 time.Duration `json:"p99_ns"`
					}
					Own time.Duration `json:"measurer_error_p99_ns"`
				}
			}
		}
	}
	if err := json.NewDecoder(r).Decode(&summary); err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	if len(summary.Runs) != 1 || len(summary.Runs[0].Arms) != 1 {
		return nil, errors.New("bench: not one run of one target")
	}
	run, arm := summary.Runs[0], summary.Runs[0].Arms[0]
	all, own := map[string]quantiles{}, map[string]time.Duration{}
	for _, m := range arm.Measures {
		all[m.Measure], own[m.Measure] = quantiles(m.All), m.Own
	}
	var readings []reading
	for _, clock := range []string{"", "_service"} {
		ttfb, ok1 := all["ttfb"+clock]
		full, ok2 := all["full"+clock]
		if !ok1 || !ok2 {
			return nil, errors.New("bench: no latencies")
		}
		readings = append(readings, reading{perSecond: arm.Achieved, ttfb: &ttfb, full: full, failures: arm.Requests - arm.OK})
	}
	readings[0].own = ownError{own["ttfb"], own["full"]}
	var why []string
	for _, s := range run.Validity.Signals {
		if s.Grade == run.Validity.Grade && s.Grade != "valid" {
			why = append(why, s.Name)
		}
	}
	readings[0].says = []string{strings.TrimSuffix("calls its run "+run.Validity.Grade+": "+strings.Join(why, ", "), ": ")}
	return readings, nil
}

// readVegeta reads "vegeta report -type=json".
func readVegeta(r io.Reader) ([]reading, error) {
	var report struct {
		Latencies struct {
			P50 time.Duration `json:"50th"`
			P99 time.Duration `json:"99th"`
		}
		Requests      int
		Rate, Success float64
	}
	if err := json.NewDecoder(r).Decode(&report); err != nil {
		return nil, fmt.Errorf("vegeta: %w", err)
	}
	if report.Requests == 0 || report.Latencies.P50 == 0 {
		return nil, errors.New("vegeta: no requests")
	}
	failed := math.Round(float64(report.Requests) * (1 - report.Success))
	return []reading{{perSecond: report.Rate, full: quantiles(report.Latencies), failures: int(failed)}}, nil
}

// readK6 reads what k6 hands to handleSummary. A metric that was not emitted is
// absent, but of those that count something that is zero.
func readK6(r io.Reader) ([]reading, error) {
	var data struct {
		Metrics map[string]struct{ Values map[string]float64 }
	}
	if err := json.NewDecoder(r).Decode(&data); err != nil {
		return nil, fmt.Errorf("k6: %w", err)
	}
	var missing error
	value := func(metric, name string) float64 {
		v, ok := data.Metrics[metric].Values[name]
		if !ok {
			missing = errors.Join(missing, fmt.Errorf("k6: no %s of %s", name, metric))
		}
		return v
	}
	trend := func(metric string) quantiles { // milliseconds
		in := func(name string) time.Duration {
			return time.Duration(math.Round(value(metric, name) * float64(time.Millisecond)))
		}
		return quantiles{in("med"), in("p(99)")}
	}
	ttfb := trend("http_req_waiting")
	one := reading{perSecond: value("iterations", "rate"), ttfb: &ttfb, full: trend("http_req_duration")}
	dropped := int(data.Metrics["dropped_iterations"].Values["count"])
	one.failures = int(value("http_req_failed", "passes")) + dropped // a pass is a failed request
	if dropped > 0 {
		one.says = []string{fmt.Sprintf("dropped %d starts", dropped)}
	}
	return []reading{one}, missing
}

var (
	h2loadCounts = regexp.MustCompile(`(?m)^requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded`)
	h2loadTTFB   = regexp.MustCompile(`(?m)^time to 1st byte: +(\S+) +(\S+) +(\S+)`)
)

// readH2load reads what h2load printed and its log, whose lines are the start in
// microseconds, the status, and how long the answer took in microseconds. Of its
// time to the first byte it prints no quantile.
func readH2load(said, log string) ([]reading, error) {
	counts, first := h2loadCounts.FindStringSubmatch(said), h2loadTTFB.FindStringSubmatch(said)
	if counts == nil || first == nil {
		return nil, errors.New("h2load: no line of requests, or of the first byte")
	}
	var began []int64
	var took []time.Duration
	for row := range strings.Lines(log) {
		var start, status, micros int64
		if _, err := fmt.Sscanf(row, "%d\t%d\t%d", &start, &status, &micros); err != nil {
			return nil, fmt.Errorf("h2load: log: %q: %w", row, err)
		}
		began, took = append(began, start), append(took, time.Duration(micros)*time.Microsecond)
	}
	total, err1 := strconv.Atoi(counts[1])
	succeeded, err2 := strconv.Atoi(counts[2])
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if len(began) < 2 {
		return nil, errors.New("h2load: fewer than two requests in its log")
	}
	return []reading{{
		perSecond: rate(began, time.Microsecond), full: of(took), failures: total - succeeded,
		says: []string{fmt.Sprintf("time to 1st byte, from the start of the connection: %s at the least, mean %s, %s at most", first[1], first[3], first[2])},
	}}, nil
}

// readFile reads what a tool has written to a file.
func readFile(path string, read func(io.Reader) ([]reading, error)) ([]reading, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	return read(file)
}

// TestPeersAreRead reads real output of each tool, and wants the figures that
// stand in it. The server's truth is typed, so that its figures are round.
func TestPeersAreRead(t *testing.T) {
	for _, c := range []struct {
		name string
		read func() ([]reading, error)
		want []reading
	}{
		{"firstbyte", func() ([]reading, error) { return readFile("testdata/peers/firstbyte.json", readBench) }, []reading{
			{
				perSecond: 49.99970006032771, ttfb: &quantiles{1487871, 25493503}, full: quantiles{222035967, 261488639},
				own: ownError{3514558, 2391862}, says: []string{"calls its run invalid: start lateness P99, canary P99, CPU of the machine"},
			},
			{perSecond: 49.99970006032771, ttfb: &quantiles{1116159, 16678911}, full: quantiles{221511679, 257294335}},
		}},
		{"vegeta", func() ([]reading, error) { return readFile("testdata/peers/vegeta.json", readVegeta) }, []reading{
			{perSecond: 50.16932349027573, full: quantiles{221388791, 230282910}},
		}},
		{"k6", func() ([]reading, error) { return readFile("testdata/peers/k6.json", readK6) }, []reading{
			{
				perSecond: 47.84287141801946, ttfb: &quantiles{545488, 46422411}, full: quantiles{220996094, 344155792},
			},
		}},
		{"h2load", func() ([]reading, error) { return readH2load(golden(t, "h2load.txt"), golden(t, "h2load.log")) }, []reading{
			{
				perSecond: 50.03377698288962, full: quantiles{220940 * time.Microsecond, 227211 * time.Microsecond},
				says: []string{"time to 1st byte, from the start of the connection: 527us at the least, mean 1.20ms, 7.54ms at most"},
			},
		}},
		{"truth", func() ([]reading, error) {
			at, err := readTruth(strings.NewReader(golden(t, "truth.json")))
			return []reading{{server: at}}, err
		}, []reading{{server: served{answers: 3, perSecond: 50, took: quantiles{220 * time.Millisecond, 221 * time.Millisecond}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.read()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(reading{}, served{}, ownError{}), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("want - got +\n%s", diff)
			}
		})
	}
}

func golden(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/peers", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPeersFailuresAreCounted edits that output: what failed or was dropped is no
// latency alone.
func TestPeersFailuresAreCounted(t *testing.T) {
	edit := func(name, old, with string) string {
		text := golden(t, name)
		if strings.Count(text, old) != 1 {
			t.Fatalf("%s: %q does not stand there once", name, old)
		}
		return strings.Replace(text, old, with, 1)
	}
	for _, c := range []struct {
		name string
		read func() ([]reading, error)
		want int
	}{
		{"firstbyte", func() ([]reading, error) {
			return readBench(strings.NewReader(edit("firstbyte.json", `"ok": 300,`, `"ok": 297,`)))
		}, 3},
		{"vegeta", func() ([]reading, error) {
			return readVegeta(strings.NewReader(edit("vegeta.json", `"success":1,`, `"success":0.99,`)))
		}, 3},
		{"k6", func() ([]reading, error) {
			return readK6(strings.NewReader(edit("k6.json", `"passes":0,`, `"passes":2,`)))
		}, 2},
		{"k6, which dropped a start", func() ([]reading, error) {
			return readK6(strings.NewReader(edit("k6.json", `"metrics":{`, `"metrics":{"dropped_iterations":{"values":{"count":1}},`)))
		}, 1},
		{"h2load", func() ([]reading, error) {
			return readH2load(edit("h2load.txt", "300 succeeded", "297 succeeded"), golden(t, "h2load.log"))
		}, 3},
	} {
		got, err := c.read()
		if err != nil || got[0].failures != c.want {
			t.Errorf("%s: %+v, %v; want %d failures", c.name, got, err, c.want)
		}
	}
}

// TestPeersThatSaidNothing: output without figures is an error, never a zero.
func TestPeersThatSaidNothing(t *testing.T) {
	for _, text := range []string{"", "{}", "[]", `{"runs":[{"arms":[{}]}]}`, `{"metrics":{}}`, "requests: 5 total, 5 started, 5 done, 5 succeeded, 0 failed\n"} {
		for name, read := range map[string]func(io.Reader) ([]reading, error){
			"firstbyte": readBench, "vegeta": readVegeta, "k6": readK6,
			"h2load": func(r io.Reader) ([]reading, error) {
				said, err := io.ReadAll(r)
				return nil, errors.Join(err, func() error { _, err := readH2load(string(said), ""); return err }())
			},
		} {
			if got, err := read(strings.NewReader(text)); err == nil {
				t.Errorf("%s read %+v of %q", name, got, text)
			}
		}
	}
	if _, err := readH2load(golden(t, "h2load.txt"), ""); err == nil {
		t.Error("h2load: its log may be empty")
	}
	if got, err := readTruth(strings.NewReader(`{"answers":[]}`)); err != nil || got != (served{}) {
		t.Errorf("nothing served: %+v, %v", got, err)
	}
}

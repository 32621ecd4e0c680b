package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// Schema names the format and its version.
const Schema = "firstbyte.history/1"

// An Entry is what one arm of one run showed.
type Entry struct {
	Schema  string `json:"schema"`
	Time    string `json:"time"` // RFC 3339, of the run
	Commit  string `json:"commit,omitzero"`
	Subject string `json:"subject,omitzero"` // of the commit
	Digest  string `json:"digest"`           // of the run file
	Arm     string `json:"arm"`

	Machine    sample.Machine `json:"machine"`
	Dataset    string         `json:"dataset"` // its hash
	Schedule   string         `json:"schedule"`
	Model      string         `json:"model"`
	Scenario   string         `json:"scenario,omitzero"`
	ClockScale float64        `json:"clock_scale"`

	// Metrics are in nanoseconds, by keys such as first_token.p95 and
	// cpu_per_event; success is a share. One that is infinite, because it falls
	// among failures, is left out.
	Metrics  map[string]Metric `json:"metrics"`
	Validity sample.Grade      `json:"validity"`
	Decision string            `json:"decision,omitzero"` // of the verdict, if there was one
	// Accepted says that a person took the run into the history although it
	// was rolled back.
	Accepted bool `json:"accepted,omitzero"`
}

// A Metric is one figure and the number of requests behind it.
type Metric struct {
	Value float64 `json:"value"`
	N     int     `json:"n"`
}

// A Run is what an entry is made of.
type Run struct {
	Header   sample.Header
	Arm      summary.Arm
	Validity sample.Grade
	Digest   string
	Decision string
}

// Of makes an entry of a run. The error says what it lacks to be one.
func Of(r Run) (Entry, error) {
	h := r.Header
	if h.Draw != nil {
		return Entry{}, errors.New("the run was enriched with likely slow items: its quantiles are not those of other runs")
	}
	e := Entry{
		Schema: Schema, Time: h.StartedAt, Digest: r.Digest, Arm: r.Arm.Name,
		Machine: h.Machine, Dataset: h.Dataset.Hash, Schedule: h.Schedule.Pace(), Model: h.Model,
		Scenario: h.Scenario, ClockScale: h.ClockScale,
		Metrics: metrics(r.Arm), Validity: r.Validity, Decision: r.Decision,
	}
	return e, e.check()
}

func metrics(arm summary.Arm) map[string]Metric {
	all := map[string]Metric{}
	add := func(key string, x float64, n int) {
		if x > 0 && n > 0 && !math.IsInf(x, 0) {
			all[key] = Metric{Value: x, N: n}
		}
	}
	for m, d := range arm.Measures {
		for name, l := range map[string]summary.Latency{"p50": d.P50, "p95": d.P95, "p99": d.P99} {
			if l != summary.Infinite {
				add(string(m)+"."+name, float64(l), d.N)
			}
		}
	}
	add("cpu_per_event", arm.CPUPerEventNS, arm.Events)
	add("cpu_per_request", arm.CPUPerRequestNS, arm.Requests)
	if arm.Requests > 0 {
		all["success"] = Metric{Value: float64(arm.OK) / float64(arm.Requests), N: arm.Requests}
	}
	return all
}

// check says what makes e unfit for a history.
func (e *Entry) check() error {
	switch {
	case e.Schema != Schema:
		return fmt.Errorf("schema %.40q, not %q: another version wrote it", e.Schema, Schema)
	case e.Digest == "":
		return errors.New("the run has no digest, as one that was still going on has none: append a whole run")
	case len(e.Metrics) == 0:
		return errors.New("the run has no measured request, which is no history")
	}
	if _, err := time.Parse(time.RFC3339, e.Time); err != nil {
		return fmt.Errorf("its time %.40q is not of the form 2006-01-02T15:04:05Z", e.Time)
	}
	for key, m := range e.Metrics {
		if !(m.Value >= 0) || math.IsInf(m.Value, 0) || m.N <= 0 {
			return fmt.Errorf("metric %.40q is %g over %d requests", key, m.Value, m.N)
		}
	}
	return nil
}

// Series names what may be compared: entries of different series never are.
func (e *Entry) Series() string {
	m := e.Machine
	return strings.Join([]string{
		m.OS + "/" + m.Arch, m.CPU, fmt.Sprintf("%d cores (%d used)", m.Cores, m.GOMAXPROCS), m.Kernel, m.Go,
		"dataset " + short(e.Dataset), e.Schedule, "model " + e.Model, "scenario " + e.Scenario, fmt.Sprintf("clock %g", e.ClockScale), "arm " + e.Arm,
	}, ", ")
}

func short(hash string) string { return hash[:min(12, len(hash))] }

// maxLine bounds a line of a history, and so what a hostile file can claim.
const maxLine = 1 << 20

// Read reads a history. The error names the line that is no entry. Of entries
// with the same digest and arm only the last stays; they are in order of time.
func Read(r io.Reader) ([]Entry, error) {
	var all []Entry
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("history: line %d is no entry: remove it: %w", n, err)
		}
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("history: line %d: %w", n, err)
		}
		all = append(all, e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return latest(all), nil
}

// latest keeps the last entry of each run and sorts by time.
func latest(all []Entry) []Entry {
	type run struct{ digest, arm string }
	last := map[run]int{}
	for i, e := range all {
		last[run{e.Digest, e.Arm}] = i
	}
	var kept []Entry
	for i, e := range all {
		if last[run{e.Digest, e.Arm}] == i {
			kept = append(kept, e)
		}
	}
	slices.SortStableFunc(kept, func(a, b Entry) int { return a.at().Compare(b.at()) })
	return kept
}

// at is the time of an entry that passed check.
func (e *Entry) at() time.Time {
	t, _ := time.Parse(time.RFC3339, e.Time)
	return t
}

// line writes e as Read reads it.
func (e Entry) line() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	if len(data) >= maxLine {
		return nil, fmt.Errorf("history: an entry of %d bytes is too long", len(data))
	}
	return append(data, '\n'), nil
}

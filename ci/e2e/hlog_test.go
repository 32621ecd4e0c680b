package e2e_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// hdrHistogramJS is the implementation that the log is read with, pinned: another
// author's, in another language.
const hdrHistogramJS = "hdr-histogram-js@3.0.1"

const npmTime = 4 * time.Minute

// precision is how far two readings of one histogram may be apart: each is
// somewhere in a bucket of three significant digits.
const precision = 1. / 1024

// TestHistogramLogIsReadElsewhere has npm's hdr-histogram-js read the log of a
// run, and holds its percentiles to those of the summary.
func TestHistogramLogIsReadElsewhere(t *testing.T) {
	dir := t.TempDir()
	reader := installReader(t, dir)
	p := start(t, scenario(t, ""))
	log, summary := filepath.Join(dir, "run.hlog"), filepath.Join(dir, "summary.json")
	// A block has an interval of a measure when it has a value of it: one without a
	// new connection has none of connect.
	const requests, blocks = 60, 3
	command(t, dir, "bench", "--target", "off="+p.off, "--target", "on="+p.on, "--model", alias, "--key-env", "E2E_KEY",
		"--requests", strconv.Itoa(requests), "--blocks", strconv.Itoa(blocks), "--rate", "60", "--warmup", "2", "--calibrate", "0", "--quiet",
		"--out", filepath.Join(dir, "run.run.jsonl"), "--hlog", log, "--json", summary)
	var told map[string]struct {
		N         int
		Intervals int
		P50NS     float64 `json:"p50_ns"`
		P90NS     float64 `json:"p90_ns"`
		P95NS     float64 `json:"p95_ns"`
		P99NS     float64 `json:"p99_ns"`
	}
	decode(t, reader(log), &told)
	compared := 0
	for arm, measures := range measured(t, summary) {
		for measure, want := range measures {
			got, ok := told[arm+"."+measure]
			if !ok || got.N != want.n || got.Intervals > blocks || want.n == requests && got.Intervals != blocks {
				t.Errorf("%s of %s: %+v, want %d values in %d intervals", measure, arm, got, want.n, blocks)
				continue
			}
			for name, pair := range map[string][2]float64{
				"P50": {got.P50NS, want.ok.P50}, "P90": {got.P90NS, want.ok.P90}, "P95": {got.P95NS, want.ok.P95}, "P99": {got.P99NS, want.ok.P99},
			} {
				// Under a microsecond the log has one bucket.
				if apart := math.Abs(pair[0] - pair[1]); apart > max(1024, precision*pair[1]) {
					t.Errorf("%s %s of %s: %.0f ns by hdr-histogram-js, %.0f by the summary", measure, name, arm, pair[0], pair[1])
				}
				compared++
			}
		}
	}
	if compared < 80 {
		t.Errorf("only %d percentiles compared", compared)
	}
}

type quantiles struct {
	P50 float64 `json:"p50_ns"`
	P90 float64 `json:"p90_ns"`
	P95 float64 `json:"p95_ns"`
	P99 float64 `json:"p99_ns"`
}

type distribution struct {
	n  int
	ok quantiles
}

// measured are the measures of each arm in a summary, of its successes.
func measured(t *testing.T, path string) map[string]map[string]distribution {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Runs []struct {
			Arms []struct {
				Name     string
				Measures []struct {
					Measure   string
					N, Failed int
					OK        quantiles
				}
			}
		}
	}
	decode(t, text, &s)
	arms := map[string]map[string]distribution{}
	for _, arm := range s.Runs[0].Arms {
		arms[arm.Name] = map[string]distribution{}
		for _, m := range arm.Measures {
			arms[arm.Name][m.Measure] = distribution{m.N - m.Failed, m.OK}
		}
	}
	return arms
}

func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v in %.300s", err, text)
	}
}

// installReader installs the package and returns what has it read a log.
func installReader(t *testing.T, dir string) func(log string) []byte {
	t.Helper()
	script, err := os.ReadFile("hlog.js")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "hlog.js"), string(script))
	npm(t, dir, hdrHistogramJS)
	return func(log string) []byte { return run(t, dir, "node", "hlog.js", log) }
}

// run runs a tool in dir and returns its standard output.
func run(t *testing.T, dir, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), npmTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		said := ""
		if exit, ok := err.(*exec.ExitError); ok {
			said = string(exit.Stderr)
		}
		t.Fatalf("%s: %v\n%s", name, err, said)
	}
	return out
}

// command runs the program to its end; a run that this machine was too busy to
// measure well (exit code 3) has a log all the same.
func command(t *testing.T, dir string, args ...string) {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), npmTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "E2E_KEY="+callerKey)
	if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 3 {
		t.Fatalf("%s: %v\n%s", args[0], err, out)
	}
}

package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/perf/benchfmt"

	"github.com/firstbyte-dev/firstbyte/bench/export"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// TestRequests pins the rows of requests, and holds the two forms of them to each
// other and to the run.
func TestRequests(t *testing.T) {
	o := export.Options{SLOs: slos(t, "ttft=40ms")}
	short := []export.Input{{Name: "a.run.jsonl", Run: handmade()}}
	short[0].Run.Samples = slices.Concat(short[0].Run.Samples[10:16], short[0].Run.Samples[32:33])
	table := golden(t, "requests.csv", func(w io.Writer) error { return export.CSV(w, short, o) })
	lines := golden(t, "requests.jsonl", func(w io.Writer) error { return export.JSONLines(w, short, o) })
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	objects := strings.Split(strings.TrimSpace(lines), "\n")
	if len(rows)-1 != len(short[0].Run.Samples) || len(objects) != len(rows)-1 {
		t.Fatalf("%d rows and %d objects of %d requests", len(rows)-1, len(objects), len(short[0].Run.Samples))
	}
	for i, row := range rows[1:] {
		var object map[string]any
		dec := json.NewDecoder(strings.NewReader(objects[i]))
		dec.UseNumber()
		if err := dec.Decode(&object); err != nil {
			t.Fatal(err)
		}
		for j, name := range rows[0] {
			want := ""
			if v, ok := object[name]; ok {
				want = strings.Trim(fmt.Sprint(v), "[]")
			}
			if row[j] != want {
				t.Errorf("request %d: %s is %q in the table and %q in the object", i, name, row[j], want)
			}
		}
		if failed := short[0].Run.Samples[i].Outcome != sample.OK; failed != (object["partial"] == true) || failed && object["first_token_ns"] != nil {
			t.Errorf("request %d: failed %v, but %v", i, failed, objects[i])
		}
	}
}

// decoded are the histograms of a log by tag and start in ms.
func decoded(t *testing.T, text string) map[string]map[int64]*hdrhistogram.Histogram {
	t.Helper()
	all := map[string]map[int64]*hdrhistogram.Histogram{}
	r := hdrhistogram.NewHistogramLogReader(strings.NewReader(text))
	for {
		h, err := r.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			return all
		}
		if all[h.Tag()] == nil {
			all[h.Tag()] = map[int64]*hdrhistogram.Histogram{}
		}
		all[h.Tag()][h.StartTimeMs()] = h
	}
}

func hlog(t *testing.T, inputs []export.Input, every time.Duration) string {
	t.Helper()
	var b bytes.Buffer
	if err := export.HLog(&b, inputs, every); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestHLog reads the log back and holds each histogram to the requests of its
// interval.
func TestHLog(t *testing.T) {
	run := handmade()
	start := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC).UnixMilli()
	perBlock := decoded(t, hlog(t, inputs(), 0))
	if got := len(perBlock["baseline.first_token"]); got != 2 {
		t.Fatalf("%d intervals of two blocks", got)
	}
	for tag, wanted := range map[string]map[int64]int64{
		"baseline.first_token":          {start: 10, start + 3000: 10},
		"candidate.first_token_service": {start + 1000: 9, start + 2000: 9}, // of successes
		"candidate.event_gap":           {start + 1000: 36, start + 2000: 36},
	} {
		for at, n := range wanted {
			h := perBlock[tag][at]
			if h == nil || h.TotalCount() != n {
				t.Errorf("%s from %d: %v, want %d values", tag, at, h, n)
			}
		}
	}
	// Both blocks together are the whole.
	whole := summary.Details(run)[1].Histograms[sample.Full].Successes()
	merged := hdrhistogram.New(1000, 3_600_000_000_000, 3)
	for _, h := range perBlock["candidate.full"] {
		merged.Merge(h)
	}
	for _, p := range []float64{50, 90, 99} {
		if got, want := merged.ValueAtPercentile(p), int64(whole.Quantile(p/100)); math.Abs(float64(got-want)) > summary.Precision*float64(want) {
			t.Errorf("P%v of the log %d, of the run %d", p, got, want)
		}
	}
	perSecond := decoded(t, hlog(t, inputs(), 500*time.Millisecond))
	if got := perSecond["baseline.first_token"][start+500]; got == nil || got.TotalCount() != 5 || got.EndTimeMs() != start+1000 {
		t.Errorf("the second half of the first second: %v", got)
	}
}

// TestHLogSaysWhatItCannotHold: failures are in no histogram, so they are counted
// in comments.
func TestHLogSaysWhatItCannotHold(t *testing.T) {
	text := hlog(t, inputs(), 0)
	for _, want := range []string{
		"#[candidate: 1 requests failed in the interval from 1.000]\n", "#[candidate: 1 requests failed in the interval from 2.000]\n",
		"#[Histogram log format version 1.3]\n", "#[BaseTime: 1795694400 (seconds since epoch)]\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the log", want)
		}
	}
}

// TestHLogTags: whatever an arm is called, its tag is one that every reader takes.
func TestHLogTags(t *testing.T) {
	in := inputs()
	rename(in[0].Run, "candidate", ",new build\n")
	tags := decoded(t, hlog(t, in, 0))
	if tags["_new_build_.first_token"] == nil {
		t.Errorf("tags %v", slices.Sorted(keys(tags)))
	}
	rename(in[0].Run, "baseline", ";new build\n")
	if err := export.HLog(io.Discard, in, 0); err == nil || !strings.Contains(err.Error(), "rename an arm") {
		t.Errorf("two arms with one tag: %v", err)
	}
	two := []export.Input{{Name: "a.run.jsonl", Run: handmade()}, {Name: "b.run.jsonl.gz", Run: handmade()}}
	if tags := decoded(t, hlog(t, two, 0)); tags["a_baseline.full"] == nil || tags["b_candidate.full"] == nil {
		t.Errorf("tags of two runs %v", slices.Sorted(keys(tags)))
	}
}

func keys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func rename(run *sample.Run, from, to string) {
	for i := range run.Header.Arms {
		if run.Header.Arms[i].Name == from {
			run.Header.Arms[i].Name = to
		}
	}
	for i := range run.Samples {
		if run.Samples[i].Arm == from {
			run.Samples[i].Arm = to
		}
	}
	for i := range run.Trailer.Slots {
		if run.Trailer.Slots[i].Arm == from {
			run.Trailer.Slots[i].Arm = to
		}
	}
}

// TestBenchstat has benchstat's own parser read the text.
func TestBenchstat(t *testing.T) {
	in := inputs()
	in[0].Run.Header.Model = "a model\nBenchmarkFake 1 1 ns/op"
	text := golden(t, "benchstat.txt", func(w io.Writer) error { return export.Benchstat(w, in) })
	r := benchfmt.NewReader(strings.NewReader(text), "benchstat.txt")
	lines := map[string]int{}
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Error(rec)
		case *benchfmt.Result:
			lines[string(rec.Name.Full())]++
			if v, ok := rec.Value("sec/first_token"); !ok || v < .02 || v > .04 {
				t.Errorf("%s: first token %v s", rec.Name, v)
			}
			if v, _ := rec.Value("sec/full-p99"); strings.Contains(string(rec.Name), "candidate") && !math.IsInf(v, 1) {
				t.Errorf("P99 of ten attempts of which one failed: %v", v)
			}
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	if lines["Stream/arm=baseline"] != 2 || lines["Stream/arm=candidate"] != 2 || len(lines) != 2 {
		t.Errorf("benchmarks %v, want each arm once for each block", lines)
	}
	if units := r.Units(); units.GetBetter("tokens/s") != 1 || units.GetBetter("sec/first_token") != -1 {
		t.Error("the direction of the units is not known")
	}
}

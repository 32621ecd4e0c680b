package export_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/export"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

var update = flag.Bool("update", false, "write the golden files")

const ms = int64(1e6)

// answer is a success of five events, ten tokens, sent 1 ms late, whose first
// token comes after ttft ms and each further event after gap ms.
func answer(seq int, arm string, block int, at, ttft, gap int64) sample.Sample {
	sent := at*ms + ms
	token := sent + ttft*ms
	return sample.Sample{
		Seq: seq, Arm: arm, Block: block, Restart: block, Item: "short-1", Occurrence: seq, Nonce: "00",
		IntendedNS: at * ms, SentNS: sent, Conn: sample.Conn{Protocol: "HTTP/1.1", Attempts: 1, ConnectNS: 200_000},
		WrittenNS: sent + 300_000, FirstByteNS: token - 5*ms, HeadersNS: token - 4*ms, EventNS: token - 3*ms,
		TokenNS: token, TextNS: token, LastNS: token + 4*gap*ms, CloseNS: token + 4*gap*ms + ms,
		GapsNS: []int64{gap * ms, gap * ms, gap * ms, gap * ms}, Events: 5,
		Status: 200, Outcome: sample.OK, Usage: sample.Usage{Input: 12, Output: 10, Source: "usage"}, Finish: "end_turn",
	}
}

// handmade is a run of two arms over two blocks, a second each. The candidate's
// answers come 5 ms later, one of its requests is refused and one breaks off.
func handmade() *sample.Run {
	r := &sample.Run{Header: sample.Header{
		Schema: sample.Schema, Tool: "firstbyte 1.2.3", StartedAt: "2026-11-26T12:00:00Z", EpochNS: 1, Seed: 7,
		Dataset:  sample.Dataset{Name: "default", Hash: "ab12", Items: 222},
		Schedule: sample.Schedule{Kind: "constant", PerSecond: 10, PerSlot: 10, Hash: "cd34"},
		Design:   sample.Interleaved, Blocks: 2, Arms: []sample.Arm{{Name: "baseline", Target: "http://127.0.0.1:1"}, {Name: "candidate", Target: "http://127.0.0.1:2"}},
		Dialect: "anthropic", Model: "m", Machine: sample.Machine{OS: "linux", Arch: "amd64", CPU: "cpu", Cores: 2, GOMAXPROCS: 2, Go: "go1.26"}, ClockScale: 1,
	}}
	for slot, name := range []string{"baseline", "candidate", "candidate", "baseline"} {
		block, start := slot/2, int64(slot)*1000
		later := int64(0)
		if name == "candidate" {
			later = 5
		}
		warm := answer(len(r.Samples), name, block, start, 900, 100)
		warm.Warmup = true
		r.Samples = append(r.Samples, warm)
		for i := range int64(10) {
			s := answer(len(r.Samples), name, block, start+100*i, 20+i+later, 10)
			spoil(&s, name, block, i)
			r.Samples = append(r.Samples, s)
		}
		r.Trailer.Slots = append(r.Trailer.Slots, sample.Slot{
			Block: block, Arm: name, Restart: block, StartNS: start * ms, EndNS: (start + 1000) * ms, Requests: 10, Events: 50, IntendedHz: 10, AchievedHz: 10,
		})
	}
	r.Trailer.Validity = sample.Validity{
		Grade:   sample.Degraded,
		Signals: []sample.Signal{{Name: "lateness_p99", Value: 1.5, Unit: "ms", Grade: sample.Degraded, Valid: .5, Degraded: 5}},
		Error:   map[sample.Measure]sample.ErrorNS{sample.FirstToken: {P50: 40_000, P99: 250_000, Max: 400_000, N: 300}},
	}
	return r
}

// spoil makes failures of two of the candidate's requests.
func spoil(s *sample.Sample, arm string, block int, i int64) {
	switch {
	case arm == "candidate" && block == 0 && i == 3:
		*s = sample.Sample{
			Seq: s.Seq, Arm: arm, Item: s.Item, Occurrence: s.Occurrence, Nonce: s.Nonce, IntendedNS: s.IntendedNS, SentNS: s.SentNS,
			WrittenNS: s.WrittenNS, FirstByteNS: s.FirstByteNS, HeadersNS: s.HeadersNS, CloseNS: s.HeadersNS,
			Status: 429, Outcome: sample.RateLimited, Phase: sample.PhaseHeaders, Code: "rate_limit_error", Message: "slow down,\n\x1b[31m\"please\"",
		}
	case arm == "candidate" && block == 1 && i == 9:
		s.Outcome, s.Phase, s.Message = sample.ResetStream, sample.PhaseStream, "connection reset by peer"
		s.LastNS, s.CloseNS, s.Events, s.GapsNS, s.Usage = s.TokenNS+10*ms, s.TokenNS+10*ms, 2, []int64{10 * ms}, sample.Usage{}
	}
}

func inputs() []export.Input {
	return []export.Input{{Name: "out/bench.run.jsonl.gz", Run: handmade()}}
}

func slos(t *testing.T, text string) []summary.SLO {
	t.Helper()
	all, err := summary.ParseSLOs(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// golden compares what write writes with a file of testdata.
func golden(t *testing.T, name string, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-golden +got):\n%s", name, diff)
	}
	return b.String()
}

// TestTable pins the table, which is its documentation by example.
func TestTable(t *testing.T) {
	s := export.Summarise(inputs(), export.Options{SLOs: slos(t, "ttft=40ms,tpot=50ms")})
	text := golden(t, "table.txt", func(w io.Writer) error { return export.Table(w, s) })
	if strings.Contains(text, "\x1b") {
		t.Error("a server's message reaches the terminal with its control characters")
	}
}

// TestJSON pins the form, and holds that every formula used is in it.
func TestJSON(t *testing.T) {
	s := export.Summarise(inputs(), export.Options{SLOs: slos(t, "ttft=40ms,tpot=50ms")})
	text := golden(t, "summary.json", func(w io.Writer) error { return export.JSON(w, s) })
	var again export.Summary
	if err := json.Unmarshal([]byte(text), &again); err != nil {
		t.Fatal(err)
	}
	formulas := map[string]bool{}
	for _, f := range again.Formulas {
		name, _, _ := strings.Cut(f.Name, " (")
		formulas[name] = true
	}
	for _, arm := range again.Runs[0].Arms {
		for _, m := range arm.Measures {
			if !formulas[string(m.Measure)] {
				t.Errorf("no formula of %s", m.Measure)
			}
		}
	}
}

// TestTwoRuns: arms of several runs are told apart by their files, and a limit
// that one run cannot speak of says so.
func TestTwoRuns(t *testing.T) {
	log := handmade()
	log.Header.Source, log.Header.Lacks = "envoy", []sample.Measure{sample.TPOT}
	both := []export.Input{inputs()[0], {Name: "logs/canary.run.jsonl", Run: log}}
	preset, err := summary.Preset("mlperf:llama2-70b:interactive")
	if err != nil {
		t.Fatal(err)
	}
	s := export.Summarise(both, export.Options{SLOs: preset, Preset: "mlperf:llama2-70b:interactive"})
	golden(t, "two-runs.txt", func(w io.Writer) error { return export.Table(w, s) })
}

// TestLabels: two files of one name are told apart by the way to them.
func TestLabels(t *testing.T) {
	in := []export.Input{{Name: "old/bench.run.jsonl.gz"}, {Name: "new/bench.run.jsonl.gz"}, {Name: "gate.run.jsonl"}}
	for i, want := range []string{"old/bench:a", "new/bench:a", "gate:a"} {
		if got := export.Label(in, i, "a"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := export.Label(in[:1], 0, "a"); got != "a" {
		t.Errorf("one run: %s", got)
	}
}

// broken fails after some bytes.
type broken struct{ left int }

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

// TestWriteErrors: no rendering says that it is whole when a write failed.
func TestWriteErrors(t *testing.T) {
	s := export.Summarise(inputs(), export.Options{SLOs: slos(t, "full=1s")})
	for name, write := range renderings(s) {
		var whole bytes.Buffer
		if err := write(&whole); err != nil {
			t.Fatal(err)
		}
		for _, left := range []int{0, 1, whole.Len() / 2, whole.Len() - 1} {
			if err := write(&broken{left}); err == nil {
				t.Errorf("%s: no error after %d of %d bytes", name, left, whole.Len())
			}
		}
	}
}

func renderings(s export.Summary) map[string]func(io.Writer) error {
	return map[string]func(io.Writer) error{
		"table": func(w io.Writer) error { return export.Table(w, s) },
		"html":  func(w io.Writer) error { return export.HTML(w, inputs(), s) },
		"json":  func(w io.Writer) error { return export.JSON(w, s) },
		"csv":   func(w io.Writer) error { return export.CSV(w, inputs(), export.Options{}) },
		"jsonl": func(w io.Writer) error { return export.JSONLines(w, inputs(), export.Options{}) },
		"hlog":  func(w io.Writer) error { return export.HLog(w, inputs(), 0) },
		"bench": func(w io.Writer) error { return export.Benchstat(w, inputs()) },
	}
}

package sample_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const golden = "testdata/small.run.jsonl"

// small is a run of two arms and its controls with a warm-up request, a success with every
// field and failures of several kinds.
func small() *sample.Run {
	good := sample.Sample{
		Seq: 1, Arm: "baseline", Block: 2, Restart: 2, Unit: "u1", Session: "s1", Turn: 3, Share: .5,
		Item: "short-1", Occurrence: 1, Nonce: "00112233445566ff",
		IntendedNS: 1_000_000, SentNS: 1_050_000,
		Conn:      sample.Conn{Protocol: "HTTP/1.1", Attempts: 1, DNSNS: 10, ConnectNS: 20, TLSNS: 30},
		WrittenNS: 1_100_000, FirstByteNS: 2_000_000, HeadersNS: 2_010_000, EventNS: 2_020_000,
		TokenNS: 3_000_000, TextNS: 3_000_000, LastNS: 5_000_000, CloseNS: 5_100_000,
		GapsNS: []int64{2_000_000, 0}, Events: 3, Coalesced: 1,
		Status: 200, Outcome: sample.OK, Usage: sample.Usage{Input: 12, Output: 7, Cached: 3, Source: "usage"},
		Finish: "end_turn", AnswerHash: "0123456789abcdef", Quality: new(0.0), Cost: .00125, Weight: 2.5,
		Proxy: &sample.ProxySaid{
			RequestID: "req-1", Attempts: 2, WaitNS: 5, Credential: "c1", Arm: "candidate", Flags: map[string]bool{"ff_a": true},
			Shares: map[string]float64{"ff_a": .2}, Pool: sample.PoolPreview,
			Tries: []sample.Try{
				{AtNS: 3, EndNS: 9, Credential: "c0", Pool: sample.PoolPreview, Class: "capacity", Status: 429, PlannedNS: 4, SleptNS: 5},
				{AtNS: 20, Credential: "c1", Pool: sample.PoolPreview, Status: 200},
			},
		},
		UpstreamNS: []int64{2_900_000, 4_900_000},
	}
	return &sample.Run{
		Header: sample.Header{
			Schema: sample.Schema, Tool: "firstbyte 0.1.0", StartedAt: "2026-11-23T12:00:00Z", EpochNS: 987_654_321, Seed: 1 << 63,
			Dataset:  sample.Dataset{Name: "default", Hash: "ab12", Items: 200},
			Schedule: sample.Schedule{Kind: "poisson", PerSecond: 100, PerSlot: 2, Warmup: 1, Hash: "cd34"},
			Design:   sample.Interleaved, Blocks: 20,
			Arms: []sample.Arm{
				{Name: "baseline", Restarted: true, Flags: map[string]bool{"ff_a": false}},
				{Name: "candidate", Target: "http://127.0.0.1:8080"},
				{Name: "twin", Role: sample.Twin, PerSlot: 1},
				{Name: "plant", Role: sample.Plant, PerSlot: 1, Planted: .1025},
			},
			Dialect: "anthropic", Model: "m", Scenario: "default",
			Machine: sample.Machine{OS: "linux", Arch: "amd64", CPU: "cpu", Cores: 2, GOMAXPROCS: 2, Kernel: "6.1", Go: "go1.26"}, ClockScale: 1,
			Source: "envoy", Lacks: []sample.Measure{sample.Gap, sample.TPOT},
		},
		Samples: []sample.Sample{
			{Arm: "baseline", Warmup: true, Item: "short-2", Occurrence: 1_000_000, Nonce: "01", Outcome: sample.OK, IntendedNS: 1},
			good,
			{Seq: 2, Arm: "candidate", Item: "short-1", Occurrence: 1, Nonce: "02", IntendedNS: 7, Outcome: sample.RateLimited, Phase: sample.PhaseHeaders, Status: 429, Code: "rate_limit_error", Message: "später <again> \u2028"},
			{Seq: 3, Arm: "candidate", Item: "short-3", Occurrence: 1, Nonce: "03", IntendedNS: 8, Outcome: sample.Aborted, Phase: sample.PhaseSchedule},
		},
		Trailer: sample.Trailer{
			Slots:   []sample.Slot{{Block: 2, Arm: "baseline", Restart: 2, StartNS: 1_000_000, EndNS: 5_100_000, CPUNS: 9, Requests: 1, Events: 3, IntendedHz: 100, AchievedHz: 99.5}},
			Stopped: "interrupted in block 3 of 20", Look: 2,
			Validity: sample.Validity{
				Grade:   sample.Degraded,
				Signals: []sample.Signal{{Name: "lateness_p99", Value: 1.5, Unit: "ms", Grade: sample.Degraded, Valid: .5, Degraded: 5, Busy: true}},
				Error:   map[sample.Measure]sample.ErrorNS{sample.TTFB: {P50: 1, P99: 2, Max: 3, N: 4}},
			},
		},
	}
}

func encode(t testing.TB, r *sample.Run) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := sample.Encode(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compress(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGolden pins the format: the golden file is its documentation by example.
func TestGolden(t *testing.T) {
	got := encode(t, small())
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("format changed (-golden +got):\n%s", diff)
	}
}

func TestWriteThenRead(t *testing.T) {
	for _, name := range []string{"a.run.jsonl", "a.run.jsonl.gz"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out", name)
			if err := sample.Write(path, small()); err != nil {
				t.Fatal(err)
			}
			got, err := sample.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			want := small()
			want.Trailer.Trailer, want.Trailer.Samples = true, 4
			want.Trailer.Measured = map[string]int{"baseline": 1, "candidate": 2, "twin": 0, "plant": 0}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(sample.Trailer{}, "Digest")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if zipped := raw[0] == 0x1f; zipped != strings.HasSuffix(name, ".gz") {
				t.Errorf("compressed: %v", zipped)
			}
		})
	}
}

func TestNothingAppearsUntilClose(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.run.jsonl")
	w, err := sample.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Header(small().Header); err != nil {
		t.Fatal(err)
	}
	w.Discard()
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Errorf("left behind: %v, %v", names, err)
	}
}

func TestWriterRefuses(t *testing.T) {
	create := func(t *testing.T) *sample.Writer {
		w, err := sample.Create(filepath.Join(t.TempDir(), "a"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Discard)
		return w
	}
	t.Run("sample before header", func(t *testing.T) {
		if err := create(t).Sample(&small().Samples[0]); err == nil {
			t.Error("accepted")
		}
	})
	t.Run("close before header", func(t *testing.T) {
		if err := create(t).Close(sample.Trailer{}); err == nil {
			t.Error("accepted")
		}
	})
	t.Run("second header", func(t *testing.T) {
		w := create(t)
		if err := w.Header(small().Header); err != nil {
			t.Fatal(err)
		}
		if err := w.Header(small().Header); err == nil {
			t.Error("accepted")
		}
	})
	t.Run("no outcome, and the error stays", func(t *testing.T) {
		w := create(t)
		if err := w.Header(small().Header); err != nil {
			t.Fatal(err)
		}
		if err := w.Sample(&sample.Sample{}); err == nil {
			t.Error("accepted a sample without an outcome")
		}
		if err := w.Close(sample.Trailer{}); err == nil {
			t.Error("closed after an error")
		}
	})
}

func TestEveryCutIsAnError(t *testing.T) {
	plain := encode(t, small())
	for name, whole := range map[string][]byte{"plain": plain, "gzip": compress(t, plain)} {
		t.Run(name, func(t *testing.T) {
			if _, err := sample.Decode(bytes.NewReader(whole)); err != nil {
				t.Fatalf("the whole file: %v", err)
			}
			for n := range whole {
				_, err := sample.Decode(bytes.NewReader(whole[:n]))
				if !errors.Is(err, sample.ErrTruncated) && !errors.Is(err, sample.ErrNotRun) {
					t.Fatalf("cut at %d of %d: %v", n, len(whole), err)
				}
				oneLine(t, err)
			}
		})
	}
}

func TestEveryFlippedByteIsAnError(t *testing.T) {
	whole := encode(t, small())
	trailer := bytes.LastIndex(whole[:len(whole)-1], []byte("\n")) + 1
	for i := range whole[:trailer] {
		bad := bytes.Clone(whole)
		bad[i] ^= 1
		if _, err := sample.Decode(bytes.NewReader(bad)); err == nil {
			t.Fatalf("byte %d (%q) flipped: accepted", i, whole[i])
		}
	}
}

func oneLine(t *testing.T, err error) {
	t.Helper()
	if strings.ContainsAny(err.Error(), "\r\n") {
		t.Errorf("not one line: %q", err)
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	whole := string(encode(t, small()))
	lines := strings.SplitAfter(whole, "\n")
	for _, row := range []struct {
		name, text string
		is         error
		says       string
	}{
		{"empty", "", sample.ErrNotRun, "empty"},
		{"another JSONL", "{\"a\":1}\n", sample.ErrNotRun, "schema"},
		{"prose", "hello\nworld\n", sample.ErrNotRun, "schema"},
		{"newer schema", `{"schema":"firstbyte.run/2"}` + "\n", sample.ErrSchema, "firstbyte.run/2"},
		{"no trailer", strings.Join(lines[:4], ""), sample.ErrTruncated, "truncated: it has no trailer; run it again"},
		{"a sample lost", lines[0] + strings.Join(lines[2:], ""), sample.ErrDamaged, "digest"},
		{"count", strings.Replace(whole, `"samples":4`, `"samples":5`, 1), sample.ErrDamaged, "4 samples, its trailer counts 5"},
		{"count by arm", strings.Replace(whole, `"candidate":2`, `"candidate":3`, 1), sample.ErrDamaged, "candidate:3"},
		{"digest", strings.Replace(whole, `"digest":"`, `"digest":"0`, 1), sample.ErrDamaged, "digest"},
		{"false trailer", strings.Replace(whole, `"trailer":true`, `"trailer":false`, 1), sample.ErrDamaged, "no trailer"},
		{"more", whole + "\n", sample.ErrDamaged, "follows"},
		{"not a sample", lines[0] + "{}\n" + lines[5], sample.ErrDamaged, "line 2"},
		{"not JSON", lines[0] + "{\n" + lines[5], sample.ErrDamaged, "line 2"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := sample.Decode(strings.NewReader(row.text))
			if !errors.Is(err, row.is) {
				t.Fatalf("got %v, want %v", err, row.is)
			}
			if !strings.Contains(err.Error(), row.says) {
				t.Errorf("%q does not say %q", err, row.says)
			}
			oneLine(t, err)
		})
	}
}

func TestReadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gone.run.jsonl")
	_, err := sample.Read(path)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

// FuzzDecode holds that whatever Decode accepts, Encode writes again so that
// Decode gives the same.
func FuzzDecode(f *testing.F) {
	whole := encode(f, small())
	f.Add(whole)
	f.Add(compress(f, whole))
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(`{"schema":"firstbyte.run/1"}` + "\n" + `{"trailer":true}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := sample.Decode(bytes.NewReader(data))
		if err != nil {
			oneLine(t, err)
			return
		}
		second, err := sample.Decode(bytes.NewReader(encode(t, first)))
		if err != nil {
			t.Fatalf("accepted %q, then refused its own writing: %v", data, err)
		}
		ignore := cmpopts.IgnoreFields(sample.Trailer{}, "Digest")
		if diff := cmp.Diff(first, second, ignore, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("-first +second:\n%s", diff)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	run := small()
	for b.Loop() {
		if err := sample.Encode(io.Discard, run); err != nil {
			b.Fatal(err)
		}
	}
}

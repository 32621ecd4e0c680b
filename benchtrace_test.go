package main

import (
	"encoding/csv"
	"flag"
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

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

var realtime = flag.Bool("realtime", false, "replay a minute of a trace at its own speed as well (a minute)")

// azureConversation is where the whole trace is, if anywhere; datasets/trace has
// an extract for tests that need no more.
const azureConversation = "../shared/data/azure_conv.csv"

// runBenchTest runs "firstbyte bench" in this process against the answerer and
// reads its run file.
func runBenchTest(t *testing.T, a *answerer, args ...string) *sample.Run {
	t.Helper()
	out := filepath.Join(t.TempDir(), "bench.run.jsonl")
	cmd := newBenchCmd()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	cmd.SetArgs(append([]string{"--quiet", "--target", "a=" + a.URL, "--model", "m", "--out", out}, args...))
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Logf("bench: %v", err) // a busy machine makes a run invalid, which is not what is tested
	}
	run, err := sample.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// minute reads the instants of a part of the trace, without the project's reader.
func minute(t *testing.T, from, length time.Duration) (at []time.Duration, output []int) {
	t.Helper()
	file, err := os.Open(azureConversation)
	if err != nil {
		t.Skipf("%s is not there (Azure/AzurePublicDataset, 2023, conversation): its replay is not tested", azureConversation)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var first time.Time
	for i, row := range rows[1:] {
		when, err := time.Parse("2006-01-02 15:04:05.9999999", row[0])
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = when
		}
		if since := when.Sub(first); since >= from && since < from+length {
			n, err := strconv.Atoi(row[2])
			if err != nil {
				t.Fatal(err)
			}
			at, output = append(at, since-from), append(output, n)
		}
	}
	return at, output
}

// TestAzureConversationArrivesAtItsTimes replays a minute of Azure's conversation
// trace through the whole of bench, twenty times as fast, and with -realtime at
// its own speed. Intended times are the trace's to the nanosecond; arrivals, by
// the server's own clock, are as late as the run says its starts were, and no
// later than what the validity table still calls degraded.
func TestAzureConversationArrivesAtItsTimes(t *testing.T) {
	speeds := []float64{20}
	if *realtime {
		speeds = append(speeds, 1)
	}
	at, output := minute(t, 10*time.Minute, time.Minute)
	for _, speed := range speeds {
		t.Run(fmt.Sprint("speed ", speed), func(t *testing.T) { replayMinute(t, at, output, speed) })
	}
}

func replayMinute(t *testing.T, at []time.Duration, output []int, speed float64) {
	a := newAnswerer(nil)
	defer a.Close()
	run := runBenchTest(t, a, "--calibrate", "500ms", "--warmup", "3", "--trace", azureConversation,
		"--trace-from", "10m", "--trace-for", "60s", "--trace-speed", fmt.Sprint(speed), "--max-input", "2000")
	measured := slices.DeleteFunc(run.Samples, func(s sample.Sample) bool { return s.Warmup })
	if len(measured) != len(at) || len(at) < 200 {
		t.Fatalf("%d requests, the trace has %d in that minute", len(measured), len(at))
	}
	if h := run.Header; h.Schedule.Kind != "trace" || h.Dataset.Name != "azure_conv.csv" || len(h.Dataset.Hash) != 64 || !strings.Contains(h.Schedule.Profile, "azure trace, "+strconv.Itoa(len(at))+" of 19366 requests") {
		t.Errorf("header: schedule %+v, dataset %+v", h.Schedule, h.Dataset)
	}
	begin := measured[0].IntendedNS - int64(float64(at[0])/speed)
	for i, s := range measured {
		if off := s.IntendedNS - begin - int64(float64(at[i])/speed); math.Abs(float64(off)) > 1 {
			t.Fatalf("request %d is intended %d ns from its time", i, off)
		}
	}
	checkArrivals(t, a, run, measured, output, speed)
}

var tagged = regexp.MustCompile(`"max_tokens":(\d+).* nonce=([0-9a-f]{16})\]`)

func checkArrivals(t *testing.T, a *answerer, run *sample.Run, measured []sample.Sample, output []int, speed float64) {
	t.Helper()
	came, asked := map[string]int64{}, map[string]int{}
	for _, got := range a.received() {
		if m := tagged.FindStringSubmatch(got.body); m != nil {
			came[m[2]] = got.at - run.Header.EpochNS
			asked[m[2]], _ = strconv.Atoi(m[1]) // digits
		}
	}
	var late []time.Duration
	for i, s := range measured {
		at, ok := came[s.Nonce]
		if !ok || at < s.IntendedNS {
			t.Fatalf("request %d, intended at %d, arrived at %d (%v)", i, s.IntendedNS, at, ok)
		}
		if asked[s.Nonce] != output[i] {
			t.Errorf("request %d asks for %d tokens, the trace says %d", i, asked[s.Nonce], output[i])
		}
		late = append(late, time.Duration(at-s.IntendedNS))
	}
	slices.Sort(late)
	p50, p99 := late[len(late)/2], late[len(late)*99/100]
	i := slices.IndexFunc(run.Trailer.Validity.Signals, func(s sample.Signal) bool { return s.Name == "start lateness P99" })
	if i < 0 {
		t.Fatal("the run does not say how late its starts were")
	}
	said := run.Trailer.Validity.Signals[i]
	t.Logf("speed %g: %d requests; starts late at P99 %.3f ms (%s); arrivals late at P50 %v, P99 %v, at most %v",
		speed, len(late), said.Value, said.Grade, p50, p99, late[len(late)-1])
	bound := time.Duration(said.Degraded * 1e6)
	if said.Grade == sample.Invalid { // a busy machine, on which the server is as late as the client
		bound += time.Duration(2 * said.Value * 1e6)
	}
	if p50 > bound || p99 > bound+time.Duration(said.Value*1e6) {
		t.Errorf("arrivals late at P50 %v, P99 %v: the run says %.3f ms and allows %v", p50, p99, said.Value, bound)
	}
}

// Parts of a trace are its blocks, which all targets get.
func TestATraceInParts(t *testing.T) {
	a := newAnswerer(nil)
	defer a.Close()
	run := runBenchTest(t, a, "--target", "b="+a.URL, "--calibrate", "0", "--warmup", "0", "--blocks", "3",
		"--trace", "datasets/trace/testdata/azure_code.csv", "--trace-speed", "100")
	inBlock := map[string]int{}
	for _, s := range run.Samples {
		inBlock[s.Arm+strconv.Itoa(s.Block)]++
	}
	want := map[string]int{"a0": 7, "a1": 7, "a2": 6, "b0": 7, "b1": 7, "b2": 6}
	if fmt.Sprint(inBlock) != fmt.Sprint(want) || run.Header.Schedule.PerSlot != 7 {
		t.Errorf("requests by target and block: %v, want %v", inBlock, want)
	}
}

// TestPromptsShareTheirPrefixWithinATurn holds that a trace with prefix blocks
// reaches the target with them, and that no two turns share any.
func TestPromptsShareTheirPrefixWithinATurn(t *testing.T) {
	a := newAnswerer(nil)
	defer a.Close()
	run := runBenchTest(t, a, "--target", "b="+a.URL, "--calibrate", "0", "--warmup", "0",
		"--trace", "datasets/trace/testdata/mooncake.jsonl", "--trace-speed", "1000")
	text := map[string]string{} // arm and item to prompt
	for _, s := range run.Samples {
		for _, got := range a.received() {
			if strings.Contains(got.body, " [firstbyte item="+s.Item+" occ=1 nonce="+s.Nonce+"]\"") {
				_, text[s.Arm+s.Item], _ = strings.Cut(got.body, `"content":"`)
			}
		}
	}
	if len(text) != 12 {
		t.Fatalf("%d of 12 prompts end in their tags", len(text))
	}
	common := func(a, b string) (n int) {
		for n < min(len(a), len(b)) && a[n] == b[n] {
			n++
		}
		return n
	}
	words := func(s string) int { return len(strings.Fields(s)) }
	one, two, other := text["atrace-000001"], text["atrace-000002"], text["btrace-000001"]
	if n := common(one, two); words(one[:n]) < 1024 {
		t.Errorf("prompts of one turn share %d words, want two blocks of 512", words(one[:n]))
	}
	if n := common(one, other); n > len("[firstbyte item=shared occ=0 nonce=")+15 {
		t.Errorf("prompts of two turns share %q", one[:n])
	}
}

package compat_test

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/compat"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

var update = flag.Bool("update", false, "write the golden files")

const ms = int64(1e6)

// answer is a success sent at a second, late ms after its planned start, whose
// chunks came so many ms after the send.
func answer(second, late, text, closed int64, tokens int, chunks ...int64) sample.Sample {
	sent := second * 1000 * ms
	s := sample.Sample{
		Arm: "a", Outcome: sample.OK, IntendedNS: sent - late*ms, SentNS: sent, WrittenNS: sent + ms, FirstByteNS: sent + 41*ms,
		TokenNS: sent + chunks[0]*ms, TextNS: sent + text*ms, LastNS: sent + chunks[len(chunks)-1]*ms, CloseNS: sent + closed*ms,
		Events: len(chunks), Usage: sample.Usage{Input: 20, Output: tokens, Source: "usage"},
	}
	for i := 1; i < len(chunks); i++ {
		s.GapsNS = append(s.GapsNS, (chunks[i]-chunks[i-1])*ms)
	}
	return s
}

// handmade is where the peers differ: an answer that reasons first and has ten
// tokens in four chunks, one of a single token, one of five tokens in two
// chunks, and a failure. Each is sent in a second of its own.
func handmade() *sample.Run {
	failed := sample.Sample{Arm: "a", Outcome: sample.HTTP5xx, IntendedNS: 4e9, SentNS: 4e9, CloseNS: 4.2e9}
	warm := answer(5, 0, 900, 900, 9, 900)
	warm.Warmup = true
	return &sample.Run{
		Header: sample.Header{Arms: []sample.Arm{{Name: "a"}}},
		Samples: []sample.Sample{
			answer(1, 100, 300, 450, 10, 100, 200, 300, 400),
			answer(2, 0, 50, 60, 1, 50),
			answer(3, 50, 200, 520, 5, 200, 500),
			failed, warm,
		},
		Trailer: sample.Trailer{Slots: []sample.Slot{{Arm: "a", StartNS: 900 * ms, EndNS: 4900 * ms}}},
	}
}

// limits are those that every peer has a word for.
func limits() []summary.SLO {
	return []summary.SLO{{Measure: sample.FirstToken, LimitNS: 150 * ms}, {Measure: sample.TPOT, LimitNS: 50 * ms}}
}

// TestWhereThePeersDiffer computes by hand what each tool makes of the same run.
func TestWhereThePeersDiffer(t *testing.T) {
	for peer, want := range map[string]map[string]float64{
		"vllm": {
			"completed": 3, "failed": 1, "duration": 4, "total_input_tokens": 60, "total_output_tokens": 16,
			"request_throughput": .75, "output_throughput": 4, "total_token_throughput": 19,
			"request_goodput": .5, // the first, and the one of one token, whose TPOT is 0
			"mean_ttft_ms":    (100. + 50 + 200) / 3, "median_ttft_ms": 100, "p99_ttft_ms": 198,
			"mean_tpot_ms": (300./9 + 300./4) / 2, // without the answer of one token
			"mean_itl_ms":  (100. + 100 + 100 + 300) / 4, "median_itl_ms": 100,
			"std_itl_ms":   math.Sqrt((3*50*50. + 150*150) / 4),
			"mean_e2el_ms": (400. + 50 + 500) / 3,
			// Chunks, not tokens, in the first second.
			"max_output_tokens_per_s": 4, "max_concurrent_requests": 1,
		},
		"aiperf": {
			"request_count": 3, "error_request_count": 1, "benchmark_duration": 2.5, "request_throughput": 1.2,
			"output_token_throughput": 6.4, "total_token_throughput": 30.4,
			"good_request_count": 1, "good_request_fraction": .25, "goodput": .4, // no ITL, no good request
			"time_to_first_token avg": (100. + 50 + 200) / 3, "time_to_first_output_token avg": (300. + 50 + 200) / 3,
			"time_to_second_token max": 300,
			"inter_token_latency avg":  (300./9 + 300./4) / 2, "inter_chunk_latency avg": 150,
			"request_latency avg": (400. + 50 + 500) / 3, "effective_latency max": 550,
			"output_token_throughput_per_user max": 30, "prefill_throughput_per_user max": 400,
			"e2e_output_token_throughput min": 10, "http_req_waiting avg": 40,
			"output_sequence_length p50": 5,
		},
		"guidellm": {
			"time_to_first_token_ms mean": (100. + 50 + 200) / 3, "inter_token_latency_ms mean": (300./9 + 300./4) / 2,
			"time_per_output_token_ms mean": (40. + 50 + 100) / 3, // the first token included
			"request_latency median":        .45, "time_to_first_output_token_ms median": 200,
			"output_tokens_per_second mean": (10/.45 + 1/.06 + 5/.52) / 3,
		},
		"inference-perf": {
			"count": 3, "failures": 1, "requests_per_sec": 3 / 3.2, "total_tokens_per_sec": 76 / 3.2,
			"time_to_first_token mean":              .25, // reasoning does not count, an answer of one chunk has none
			"time_per_output_token mean":            (.1/9 + .3/4) / 2,
			"inter_token_latency mean":              .2,
			"normalized_time_per_output_token mean": (.045 + .06 + .104) / 3,
			"request_latency mean":                  (.45 + .06 + .52) / 3,
		},
		"mlperf": {
			"Completed samples per second": 2 / 2.62, "Completed tokens per second": 16 / 2.62, "Scheduled samples per second": 2 / 2.05,
			"Min First Token latency (ns)": 50e6, "Mean First Token latency (ns)": 166_666_666, // from the planned start
			"50.00 percentile first token latency (ns)": 200e6, "99.00 percentile first token latency (ns)": 250e6,
			"Max Time to Output Token (ns)": 75e6, "Min Time to Output Token (ns)": 33_333_333,
			"Max latency (ns)": 570e6,
		},
	} {
		t.Run(peer, func(t *testing.T) {
			got := map[string]float64{}
			for _, v := range compat.Recompute(peer, handmade(), "a", limits()).Values {
				if _, twice := got[v.Name]; twice {
					t.Errorf("%s stands twice", v.Name)
				}
				got[v.Name] = v.Value
			}
			for name, value := range want {
				if is, ok := got[name]; !ok || math.Abs(is-value) > 1e-9*math.Abs(value) {
					t.Errorf("%s: %v, want %v", name, is, value)
				}
			}
		})
	}
}

// TestNothingSucceeded: no figure is made up where there is nothing to measure.
func TestNothingSucceeded(t *testing.T) {
	run := handmade()
	run.Samples = run.Samples[3:4]
	for _, peer := range compat.Peers() {
		for _, v := range compat.Recompute(peer, run, "a", limits()).Values {
			if v.Value != 0 && !math.IsNaN(v.Value) && !strings.Contains(v.Name, "fail") && !strings.Contains(v.Name, "err") && v.Name != "duration" {
				t.Errorf("%s of %s is %v without a success", v.Name, peer, v.Value)
			}
			if v.Unit == "ms" && !math.IsNaN(v.Value) {
				t.Errorf("%s of %s is %v ms without a success", v.Name, peer, v.Value)
			}
		}
	}
}

// TestGoodputInAPeersWords: a limit that the peer does not know gives no figure.
func TestGoodputInAPeersWords(t *testing.T) {
	for _, v := range compat.Recompute("vllm", handmade(), "a", []summary.SLO{{Measure: sample.Queue, LimitNS: ms}}).Values {
		if v.Name == "request_goodput" && !(math.IsNaN(v.Value) && strings.Contains(v.Formula, "has no queue")) {
			t.Errorf("goodput under a limit of the queue: %+v", v)
		}
	}
}

// TestTurns: the time in which other arms had their turn is no time of this one.
func TestTurns(t *testing.T) {
	run := handmade()
	for i := range run.Samples {
		run.Samples[i].Block = i
	}
	for _, v := range compat.Recompute("aiperf", run, "a", nil).Values {
		if v.Name == "benchmark_duration" && math.Abs(v.Value-.95) > 1e-9 {
			t.Errorf("duration of three turns %v, want 0.4 + 0.05 + 0.5 s", v.Value)
		}
	}
}

func TestKnown(t *testing.T) {
	for _, peer := range compat.Peers() {
		if err := compat.Known(peer); err != nil {
			t.Error(err)
		}
	}
	if err := compat.Known("k6"); err == nil || !strings.Contains(err.Error(), "vllm, aiperf, guidellm, inference-perf, mlperf") {
		t.Errorf("k6: %v", err)
	}
}

// TestWrite pins what is printed: names, figures and formulas, and that they are
// recomputed.
func TestWrite(t *testing.T) {
	for _, peer := range compat.Peers() {
		var b bytes.Buffer
		if err := compat.Write(&b, []compat.Report{compat.Recompute(peer, handmade(), "a", limits())}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", peer+".txt")
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
			t.Errorf("%s (-golden +got):\n%s", peer, diff)
		}
		if !strings.Contains(b.String(), "recomputed") {
			t.Errorf("%s does not say that it is recomputed", peer)
		}
	}
}

package summary_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

func limit(m sample.Measure, d time.Duration) summary.SLO {
	return summary.SLO{Measure: m, LimitNS: int64(d)}
}

func TestParseSLOs(t *testing.T) {
	for _, row := range []struct {
		text string
		want []summary.SLO
		says string
	}{
		{"first_token=500ms,tpot=50ms", []summary.SLO{limit(sample.FirstToken, 500*time.Millisecond), limit(sample.TPOT, 50*time.Millisecond)}, ""},
		{"ttft=1s, e2e_close=2s", []summary.SLO{limit(sample.FirstToken, time.Second), limit(sample.Full, 2*time.Second)}, ""},
		{"ttft_service=1s", []summary.SLO{limit("first_token_service", time.Second)}, ""},
		{"", nil, "want MEASURE=DURATION"},
		{"first_token", nil, "want MEASURE=DURATION"},
		{"first_tokken=1s", nil, "no such measure; want one of queue"},
		{"event_gap=1s", nil, "limit gap or tpot"},
		{"tpot=0s", nil, "no duration above 0"},
		{"tpot=-1s", nil, "no duration above 0"},
		{"tpot=50", nil, "no duration above 0"},
		{"ttft=1s,first_token=2s", nil, "first_token has a limit already"},
	} {
		got, err := summary.ParseSLOs(row.text)
		if row.says == "" && err != nil || row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)) {
			t.Errorf("%q: error %v, want %q", row.text, err, row.says)
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", row.text, diff)
		}
	}
}

func TestPreset(t *testing.T) {
	for _, row := range []struct {
		name        string
		token, tpot time.Duration
		says        string
	}{
		{"mlperf:llama2-70b", 2 * time.Second, 200 * time.Millisecond, ""},
		{"mlperf:llama2-70b:interactive", 450 * time.Millisecond, 40 * time.Millisecond, ""},
		{"mlperf:deepseek-r1:interactive", 1500 * time.Millisecond, 15 * time.Millisecond, ""},
		{"mlperf:mixtral-8x7b:interactive", 0, 0, "no interactive limits"},
		{"mlperf:gpt-5", 0, 0, "want one of deepseek-r1, gpt-oss-120b"},
		{"mlperf:llama2-70b:offline", 0, 0, "want mlperf:MODEL or"},
		{"llama2-70b", 0, 0, "want mlperf:MODEL or"},
	} {
		got, err := summary.Preset(row.name)
		if row.says != "" {
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("%s: error %v, want %q", row.name, err, row.says)
			}
			continue
		}
		want := []summary.SLO{limit(sample.FirstToken, row.token), limit(sample.TPOT, row.tpot)}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", row.name, err, diff)
		}
	}
}

// good is a run of one arm whose window is 10 s.
func goodRun(samples ...sample.Sample) *sample.Run {
	for i := range samples {
		samples[i].Arm = "a"
	}
	return &sample.Run{
		Header:  sample.Header{Arms: []sample.Arm{{Name: "a"}}},
		Samples: samples,
		Trailer: sample.Trailer{Slots: []sample.Slot{{Arm: "a", StartNS: 0, EndNS: 4e9}, {Arm: "b", EndNS: 9e9}, {Arm: "a", StartNS: 5e9, EndNS: 11e9}}},
	}
}

// took is a success sent 100 ms late, with its first token after ttft and tokens
// until last, both from the intended start.
func took(ttft, last time.Duration, tokens int) sample.Sample {
	return sample.Sample{
		Outcome: sample.OK, IntendedNS: 1e9, SentNS: 1.1e9, TokenNS: 1e9 + int64(ttft), LastNS: 1e9 + int64(last),
		CloseNS: 1e9 + int64(last), Events: 2, Usage: sample.Usage{Output: tokens, Source: "usage"},
	}
}

func TestGoodput(t *testing.T) {
	const ms = time.Millisecond
	refused := sample.Sample{Outcome: sample.RateLimited, IntendedNS: 1e9, CloseNS: 1e9}
	warm := took(ms, ms, 5)
	warm.Warmup = true
	uncounted := took(100*ms, 200*ms, 0)
	uncounted.Usage = sample.Usage{}
	for _, row := range []struct {
		name    string
		slos    string
		samples []sample.Sample
		want    summary.Goodput
	}{
		{"errors stand in the denominator", "ttft=500ms", []sample.Sample{took(500*ms, 600*ms, 11), took(501*ms, 600*ms, 11), refused, warm}, summary.Goodput{Attempted: 3, Good: 1, Fraction: 1. / 3, GoodPerSecond: .1, TokensPerSecond: 1.1}},
		{"every limit counts", "ttft=500ms,tpot=10ms", []sample.Sample{took(400*ms, 500*ms, 11), took(400*ms, 501*ms, 11)}, summary.Goodput{Attempted: 2, Good: 1, Fraction: .5, GoodPerSecond: .1, TokensPerSecond: 1.1}},
		{"the user waits from the intended start", "ttft=450ms", []sample.Sample{took(500*ms, 600*ms, 10)}, summary.Goodput{Attempted: 1}},
		{"the service answers from the send", "ttft_service=450ms", []sample.Sample{took(500*ms, 600*ms, 10)}, summary.Goodput{Attempted: 1, Good: 1, Fraction: 1, GoodPerSecond: .1, TokensPerSecond: 1}},
		{"one token has no time per token to miss", "tpot=1ms", []sample.Sample{took(500*ms, 500*ms, 1)}, summary.Goodput{Attempted: 1, Good: 1, Fraction: 1, GoodPerSecond: .1, TokensPerSecond: .1}},
		{"tokens that nobody counted keep no limit", "tpot=1s", []sample.Sample{uncounted, took(500*ms, 600*ms, 10)}, summary.Goodput{Attempted: 2, Good: 1, Fraction: .5, GoodPerSecond: .1, TokensPerSecond: 1}},
		{"nobody counted any", "tpot=1s", []sample.Sample{uncounted}, summary.Goodput{Attempted: 1, Unknown: "no successful request tells tpot"}},
		{"all failed", "tpot=1s", []sample.Sample{refused}, summary.Goodput{Attempted: 1}},
		{"nothing measured", "tpot=1s", []sample.Sample{warm}, summary.Goodput{Unknown: "no request was measured"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			slos, err := summary.ParseSLOs(row.slos)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, summary.GoodputOf(goodRun(row.samples...), "a", slos)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	run := goodRun(took(ms, ms, 5))
	run.Header.Source, run.Header.Lacks = "envoy", []sample.Measure{sample.TPOT}
	if g := summary.GoodputOf(run, "a", []summary.SLO{limit(sample.TPOT, time.Second)}); g.Unknown != "envoy does not tell tpot" {
		t.Errorf("a source that lacks the measure: %+v", g)
	}
}

func TestDetails(t *testing.T) {
	const ms = time.Millisecond
	broke := sample.Sample{Outcome: sample.ResetStream, Phase: sample.PhaseStream, IntendedNS: 2e9, CloseNS: 3e9, Events: 3, Message: "first"}
	again := broke
	again.Message = "second"
	uncounted := took(100*ms, 200*ms, 0)
	uncounted.Usage, uncounted.Events = sample.Usage{}, 7
	run := goodRun(took(100*ms, 200*ms, 10), uncounted, broke, again, sample.Sample{Outcome: sample.Refused, Phase: sample.PhaseConnect, IntendedNS: 1e9})
	d := summary.Details(run)[0]
	if d.Requests != 5 || d.OK != 2 {
		t.Errorf("%d requests, %d ok", d.Requests, d.OK)
	}
	want := summary.Throughput{
		WindowNS: 10e9, Answers: 2, Tokens: 17, Events: 2 + 7 + 3 + 3, AnswersPerSecond: .2, TokensPerSecond: 1.7, EventsPerSecond: 1.5,
		TokenSources: map[string]int{"usage": 1, "events": 1},
	}
	if diff := cmp.Diff(want, d.Throughput); diff != "" {
		t.Errorf("throughput (-want +got):\n%s", diff)
	}
	failures := []summary.Failure{
		{Class: sample.ResetStream, Phase: sample.PhaseStream, Count: 2, Message: "first"},
		{Class: sample.Refused, Phase: sample.PhaseConnect, Count: 1},
	}
	if diff := cmp.Diff(failures, d.Failures); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	if h := d.Histograms[sample.FirstToken]; h.N() != 5 || h.Failed() != 3 || h.Successes().N() != 2 || h.Successes().Max() != summary.Latency(100*ms) {
		t.Errorf("first token of %d, %d failed, %d successes", h.N(), h.Failed(), h.Successes().N())
	}
	if h := d.Histograms[sample.DNSTime]; h != nil {
		t.Errorf("name look-ups that took place in no success: %d values", h.N())
	}
	run.Samples[0].Conn.ConnectNS = 5e6
	if h := summary.Details(run)[0].Histograms[sample.Connect]; h.N() != 2 || h.Failed() != 1 || h.Min() != 5e6 {
		t.Errorf("connecting of one success and of the one that was refused: %d values, %d failed", h.N(), h.Failed())
	}
	run.Samples[0].Conn, run.Samples[0].Coalesced = sample.Conn{Protocol: "HTTP/2.0", Attempts: 2, Reused: true}, 1
	run.Samples[2].Conn = sample.Conn{Attempts: 1}
	transport := summary.Transport{Protocols: map[string]int{"HTTP/2.0": 1}, Connected: 2, Reused: 1, Retried: 1, Events: 15, Coalesced: 1}
	if diff := cmp.Diff(transport, summary.Details(run)[0].Transport); diff != "" {
		t.Errorf("transport (-want +got):\n%s", diff)
	}
	// Without turns the window is that of the requests.
	run.Trailer.Slots = nil
	if got := summary.Details(run)[0].Throughput.WindowNS; got != 2e9 {
		t.Errorf("window without turns: %d", got)
	}
}

// TestDetailsOnBothClocks: whatever begins at a start is there twice, and the two
// differ by the time that the request waited to be sent.
func TestDetailsOnBothClocks(t *testing.T) {
	d := summary.Details(goodRun(took(300*time.Millisecond, 900*time.Millisecond, 6)))[0]
	queue := d.Histograms[sample.Queue].Max()
	for _, m := range []sample.Measure{sample.FirstToken, sample.LastContent, sample.Full} {
		service, _ := m.Service()
		if got := d.Histograms[m].Max() - d.Histograms[service].Max(); got != queue {
			t.Errorf("%s: user and service clock are %d apart, the queue is %d", m, got, queue)
		}
	}
	if !slices.Contains(sample.ServiceMeasures(), "full_service") {
		t.Error("no full latency on the service clock")
	}
}

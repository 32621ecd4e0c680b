package gate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/datasets"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/gate"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/report"
)

// answer streams three words, as a proxy would.
func answer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(name, data string) {
		fmt.Fprintf(w, "event: %s\ndata: {\"type\":%q%s}\n\n", name, name, data)
		w.(http.Flusher).Flush()
	}
	event("message_start", `,"message":{"usage":{"input_tokens":3,"output_tokens":1}}`)
	event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`)
	for range 3 {
		time.Sleep(time.Millisecond)
		event("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"word "}`)
	}
	event("content_block_stop", `,"index":0`)
	event("message_delta", `,"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}`)
	event("message_stop", "")
}

// silence answers nothing until the client leaves, which a server notices once
// the body is read.
func silence(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// config is a small gate between two servers.
func config(t *testing.T, baseline, candidate http.HandlerFunc) gate.Config {
	t.Helper()
	set, err := datasets.Default()
	if err != nil {
		t.Fatal(err)
	}
	var arms []load.Arm
	for _, arm := range []struct {
		name    string
		handler http.HandlerFunc
	}{{"baseline", baseline}, {"candidate", candidate}} {
		server := httptest.NewServer(arm.handler)
		t.Cleanup(server.Close)
		arms = append(arms, load.Standing{ArmName: arm.name, At: load.Target{URL: server.URL}})
	}
	return gate.Config{
		Load: load.Config{
			Arms: arms, Set: set, Dialect: dialect.Anthropic{}, Model: "m", Seed: 1, Blocks: 8,
			Schedule: schedule.Spec{Kind: schedule.Poisson, PerSecond: 300, N: 30},
			Timeouts: load.Timeouts{FirstToken: 200 * time.Millisecond, Total: 400 * time.Millisecond},
			Tool:     "firstbyte test",
		},
		Policy: policy.Default(), Calibrate: 200 * time.Millisecond,
		Out: filepath.Join(t.TempDir(), "out"),
	}
}

func TestGateLeavesOneVerdictInEveryFile(t *testing.T) {
	cfg := config(t, answer, answer)
	cfg.Warnings = []string{"a doubt of the caller"}
	var said bytes.Buffer
	cfg.Screen = gate.NewLines(&said)
	v, err := gate.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if v.Arms[0].OK != 240 || v.Arms[1].OK != 240 {
		t.Errorf("answered %d and %d of 240", v.Arms[0].OK, v.Arms[1].OK)
	}
	if !strings.Contains(strings.Join(v.Warnings, "\n"), "a doubt of the caller") {
		t.Errorf("warnings %q", v.Warnings)
	}
	file, err := os.Open(filepath.Join(cfg.Out, gate.VerdictFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	written, err := report.Read(file)
	if err != nil || written.Decision != v.Decision || written.RunDigest != v.RunDigest {
		t.Errorf("verdict.json: %s %s, %v; want %s %s", written.Decision, written.RunDigest, err, v.Decision, v.RunDigest)
	}
	set, err := evidence.Open(filepath.Join(cfg.Out, gate.RunFile))
	if err != nil {
		t.Fatal(err)
	}
	if again := judge.Judge(cfg.Policy, set); again.Decision != v.Decision || again.RunDigest != v.RunDigest {
		t.Errorf("the run file is judged %s, the gate said %s", again.Decision, v.Decision)
	}
	for _, name := range []string{gate.MarkdownFile, gate.HTMLFile} {
		text, err := os.ReadFile(filepath.Join(cfg.Out, name))
		if err != nil || !bytes.Contains(text, []byte(v.Decision)) {
			t.Errorf("%s does not say %s: %v", name, v.Decision, err)
		}
	}
	if !strings.Contains(said.String(), "block") || !strings.Contains(said.String(), "/480 requests") {
		t.Errorf("progress:\n%s", said.String())
	}
}

// An arm that never answers must not cost every block its time-outs.
func TestDeadCandidateEndsEarlyInRollback(t *testing.T) {
	cfg := config(t, answer, silence)
	cfg.Policy.Mode = policy.Fixed
	v, err := gate.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if v.Decision != judge.Rollback || v.Reason != judge.ReasonLimit {
		t.Errorf("%s: %s", v.Decision, v.Reason)
	}
	run, err := sample.Read(filepath.Join(cfg.Out, gate.RunFile))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(run.Trailer.Stopped, "candidate answered nothing") || len(run.Trailer.Slots) != 6 {
		t.Errorf("stopped %q after %d slots, want 6", run.Trailer.Stopped, len(run.Trailer.Slots))
	}
}

// everySecond refuses half of the requests, which no limit allows.
func everySecond() http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%2 == 0 {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		answer(w, r)
	}
}

// A rollback at a planned look ends the run there, by its plan, and is what the
// file says to whoever judges it again; in the mode fixed there are no looks.
func TestALookThatDecidesEndsTheRun(t *testing.T) {
	for mode, want := range map[policy.Mode]struct{ look, slots int }{
		policy.GroupSequential: {1, 2 * 4},
		policy.Fixed:           {0, 4 * 4},
	} {
		cfg := config(t, answer, everySecond())
		withControls(t, &cfg, 10)
		cfg.Load.Blocks, cfg.Policy.Mode, cfg.Policy.Looks = 4, mode, 2
		var said bytes.Buffer
		cfg.Screen = gate.NewLines(&said)
		v, err := gate.Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		run, err := sample.Read(filepath.Join(cfg.Out, gate.RunFile))
		if err != nil {
			t.Fatal(err)
		}
		if tr := run.Trailer; tr.Look != want.look || tr.Stopped != "" || len(tr.Slots) != want.slots {
			t.Errorf("%s: look %d, stopped %q, %d slots, want %+v", mode, tr.Look, tr.Stopped, len(tr.Slots), want)
		}
		set, err := evidence.Open(filepath.Join(cfg.Out, gate.RunFile))
		if err != nil {
			t.Fatal(err)
		}
		if again := judge.Judge(cfg.Policy, set); again.Decision != v.Decision || v.Decision != judge.Rollback || v.Reason != judge.ReasonLimit {
			t.Errorf("%s: %s (%s), and %s from the file", mode, v.Decision, v.Reason, again.Decision)
		}
		if told := strings.Contains(said.String(), "look 1 of 2: ") && strings.Contains(said.String(), "ROLLBACK: the run ends here"); told != (want.look == 1) {
			t.Errorf("%s: progress:\n%s", mode, said.String())
		}
	}
}

// withControls adds a twin and a plant of n requests in each block.
func withControls(t *testing.T, cfg *gate.Config, n int) {
	t.Helper()
	cfg.Load.About = []sample.Arm{{}, {}, {Role: sample.Twin, PerSlot: n}, {Role: sample.Plant, PerSlot: n, Planted: .1}}
	for _, name := range []string{"twin", "plant"} {
		server := httptest.NewServer(http.HandlerFunc(answer))
		t.Cleanup(server.Close)
		cfg.Load.Arms = append(cfg.Load.Arms, load.Standing{ArmName: name, At: load.Target{URL: server.URL}})
	}
}

// An enriched gate writes down how it drew, gives every arm the same draws, and
// says so in its verdict.
func TestAnEnrichedGate(t *testing.T) {
	cfg := config(t, answer, answer)
	withControls(t, &cfg, 10)
	draw := &load.Draw{Pilot: "0123456789abcdef", Share: []float64{.2, .8}, Weight: []float64{2.5, .625}}
	for i := range cfg.Load.Set.Items {
		draw.Stratum = append(draw.Stratum, i%2)
	}
	cfg.Load.Draw = draw
	v, err := gate.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if v.Run.Draw == nil || v.Run.Draw.Pilot != draw.Pilot || !strings.Contains(strings.Join(v.Warnings, "\n"), "enriched with likely slow items by the pilot 0123456789ab") {
		t.Errorf("%+v, %q", v.Run.Draw, v.Warnings)
	}
	run, err := sample.Read(filepath.Join(cfg.Out, gate.RunFile))
	if err != nil {
		t.Fatal(err)
	}
	weights := map[string][]float64{}
	for _, s := range run.Samples {
		if !s.Warmup {
			weights[s.Item+fmt.Sprint(s.Occurrence)] = append(weights[s.Item+fmt.Sprint(s.Occurrence)], s.Weight)
			if natural := s.Block%5 == 1; s.Stratum < 1 || s.Stratum > 2 || natural != (s.Weight == 0) || !natural && s.Weight != draw.Weight[s.Stratum-1] {
				t.Fatalf("block %d: stratum %d, weight %v", s.Block, s.Stratum, s.Weight)
			}
		}
	}
	four := 0
	for use, w := range weights {
		for _, other := range w {
			if len(w) != 2 && len(w) != 4 || other != w[0] {
				t.Errorf("%s has weights %v", use, w)
			}
		}
		four += len(w) / 4
	}
	if four != 80 {
		t.Errorf("%d draws reached the controls, want 80", four)
	}
	for _, name := range []string{gate.MarkdownFile, gate.HTMLFile} {
		text, err := os.ReadFile(filepath.Join(cfg.Out, name))
		if err != nil || !bytes.Contains(text, []byte("Latency over all attempts (of the enriched load, not weighted)")) {
			t.Errorf("%s does not say whose quantiles it shows: %v", name, err)
		}
	}
}

func TestBothArmsDeadIsNoData(t *testing.T) {
	v, err := gate.Run(t.Context(), config(t, silence, silence))
	if err != nil {
		t.Fatal(err)
	}
	if v.Decision != judge.NoData {
		t.Errorf("%s: %s", v.Decision, v.Reason)
	}
}

// plant leaves a verdict of yesterday.
func plant(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{gate.VerdictFile, gate.RunFile, gate.HTMLFile, gate.MarkdownFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(`{"decision":"PROMOTE"}`), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func left(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestInterruptedGateLeavesNothing(t *testing.T) {
	cfg := config(t, answer, answer)
	plant(t, cfg.Out)
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	if _, err := gate.Run(ctx, cfg); !errors.Is(err, gate.ErrInterrupted) {
		t.Fatalf("got %v, want ErrInterrupted", err)
	}
	if names := left(t, cfg.Out); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestGateThatCannotStartRemovesTheOldVerdict(t *testing.T) {
	cfg := config(t, answer, answer)
	cfg.Load.Blocks = 0
	plant(t, cfg.Out)
	if _, err := gate.Run(t.Context(), cfg); err == nil {
		t.Fatal("a gate without blocks has a verdict")
	}
	if names := left(t, cfg.Out); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestTurn(t *testing.T) {
	none := func(why string) gate.Turn { return gate.Turn{Why: why} }
	for _, test := range []struct {
		name string
		size gate.Size
		want gate.Turn // zero: refused, with Why in the error
	}{
		{"the default", gate.Size{Blocks: 20, Requests: 2020, PerSecond: 140}, gate.Turn{Side: 101, Control: 25}},
		{"rounded up", gate.Size{Blocks: 20, Requests: 2001, PerSecond: 140, Controls: gate.Auto}, gate.Turn{Side: 101, Control: 25}},
		{"a fourth is too little by half of the blocks", gate.Size{Blocks: 20, Requests: 1000, PerSecond: 140}, gate.Turn{Side: 50, Control: 20}},
		{"no more than a side gets", gate.Size{Blocks: 8, Requests: 240, PerSecond: 140}, gate.Turn{Side: 30, Control: 30}},
		{"not asked for", gate.Size{Blocks: 20, Requests: 2020, PerSecond: 140, Controls: gate.Off}, gate.Turn{Side: 101, Why: "not asked for"}},
		{
			"too few for controls",
			gate.Size{Blocks: 20, Requests: 180, PerSecond: 140},
			gate.Turn{Side: 9, Why: "each control needs 200 pairs, and 20 blocks of 9 requests have 180"},
		},
		{
			"and asked for",
			gate.Size{Blocks: 20, Requests: 180, PerSecond: 140, Controls: gate.On},
			none("--controls on: each control needs 200 pairs, and 20 blocks of 9 requests have 180"),
		},
		// 20 turnovers of 4 x 450 ms are 36 s; 14 s for 100 starts a second are 70
		// starts a block: 2 x 25 and 2 x 10.
		{"by duration", gate.Size{Blocks: 20, Duration: 50 * time.Second, PerSecond: 100}, gate.Turn{Side: 25, Control: 10}},
		{"by duration, longer", gate.Size{Blocks: 20, Duration: 76 * time.Second, PerSecond: 100}, gate.Turn{Side: 80, Control: 20}},
		{"by duration, alone", gate.Size{Blocks: 20, Duration: 50 * time.Second, PerSecond: 100, Controls: gate.Off}, gate.Turn{Side: 80, Why: "not asked for"}},
		{"just enough", gate.Size{Blocks: 20, Duration: 44 * time.Second, PerSecond: 100}, gate.Turn{Side: 10, Control: 10}},
		{
			"just too short for controls",
			gate.Size{Blocks: 20, Duration: 43 * time.Second, PerSecond: 100},
			gate.Turn{Side: 62, Why: "each control needs 200 pairs, which takes 44s in all, and the gate may take 43s"},
		},
		{"too few requests", gate.Size{Blocks: 20, Requests: 19, PerSecond: 100}, none("--requests 19")},
		{"too short", gate.Size{Blocks: 20, Duration: 10 * time.Second, PerSecond: 100}, none("--duration 10s")},
		{"no blocks", gate.Size{Requests: 100, PerSecond: 100}, none("--blocks")},
		{"no rate", gate.Size{Blocks: 20, Requests: 100}, none("--rate")},
		{"a closed loop has no rate", gate.Size{Blocks: 10, Requests: 600, Workers: 8, Controls: gate.Off}, gate.Turn{Side: 60, Why: "not asked for"}},
		{"a closed loop takes its time", gate.Size{Blocks: 10, Duration: time.Minute, Workers: 8}, none("--duration")},
		{"no such loop", gate.Size{Blocks: 10, Requests: 600, Workers: -1}, none("--workers")},
		{"no such choice", gate.Size{Blocks: 20, Requests: 2020, PerSecond: 140, Controls: "maybe"}, none("--controls maybe: write auto, on or off")},
	} {
		got, err := test.size.Turn(policy.Default())
		switch {
		case test.want.Side > 0 && (err != nil || got != test.want):
			t.Errorf("%s: %+v, %v, want %+v", test.name, got, err, test.want)
		case test.want.Side == 0 && (err == nil || !strings.Contains(err.Error(), test.want.Why)):
			t.Errorf("%s: %+v, %v, want an error with %q", test.name, got, err, test.want.Why)
		}
	}
}

// A plant must lie beyond every tau that a gating latency may have, and where
// none gates there is nothing for it to show.
func TestPlanted(t *testing.T) {
	p := policy.Policy{MinPairs: 200, Metrics: []policy.Metric{
		{Measure: policy.Success, Statistic: policy.Rate, Gating: true, Tau: .3},
		{Measure: policy.FirstToken, Statistic: policy.P99, Tau: .2},
		{Measure: policy.FirstToken, Statistic: policy.P50, Gating: true, DryRun: true, Tau: .2},
	}}
	if got := gate.Planted(p); got != 0 {
		t.Errorf("no latency gates, planted %v", got)
	}
	turn, err := gate.Size{Blocks: 20, Requests: 2020, PerSecond: 140}.Turn(p)
	if err != nil || turn.Control != 0 || !strings.Contains(turn.Why, "gates on no latency") {
		t.Errorf("%+v, %v", turn, err)
	}
	p.Metrics = append(p.Metrics,
		policy.Metric{Measure: policy.Gap, Statistic: policy.P50, Gating: true, Tau: .07},
		policy.Metric{Measure: policy.Full, Statistic: policy.P50, Gating: true, Tau: .05})
	if got := gate.Planted(p); got != .12 {
		t.Errorf("planted %v, want 0.12", got)
	}
	if got := gate.Planted(policy.Default()); got != .1 {
		t.Errorf("planted %v for the default policy, want 0.1", got)
	}
}

func TestTerminalRewritesOneLine(t *testing.T) {
	var said bytes.Buffer
	s := gate.NewTerminal(&said)
	s.Say("seed %d", 7)
	if said.String() != "seed 7\n" {
		t.Errorf("%q", said.String())
	}
	var none *gate.Screen
	none.Say("nothing happens")
}

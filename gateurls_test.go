package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// newEndpoint answers in five words, 15 ms after the request and 4 ms apart.
func newEndpoint(t *testing.T) *answerer {
	t.Helper()
	a := newAnswerer(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		w.Header().Set("Content-Type", "text/event-stream")
		say := func(data string) {
			fmt.Fprintf(w, "data: %s\n\n", data)
			_ = http.NewResponseController(w).Flush()
		}
		time.Sleep(15 * time.Millisecond)
		say(`{"type":"message_start","message":{"usage":{"input_tokens":12,"output_tokens":1}}}`)
		for range 5 {
			say(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"word "}}`)
			time.Sleep(4 * time.Millisecond)
		}
		say(`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}`)
		say(`{"type":"message_stop"}`)
		return true
	})
	t.Cleanup(a.Close)
	return a
}

// TestAGateOfEndpoints compares two endpoints that stand, with a twin and a plant
// beside them. How it decides is the machine's to say; what it compares is not.
func TestAGateOfEndpoints(t *testing.T) {
	one, two := newEndpoint(t), newEndpoint(t)
	dir := t.TempDir()
	t.Setenv("ENDPOINT_KEY", "hunter2-hunter2")
	code, stdout, stderr := typed("gate", "--quiet", "--baseline-url", one.URL, "--candidate-url", two.URL, "--model", "some-model", "--key-env", "ENDPOINT_KEY",
		"--blocks", "4", "--requests", "204", "--rate", "300", "--warmup", "2", "--calibrate", "300ms", "--plant-delay", "40%", "--max-requests", "1000", "--seed", "5", "--out", dir)
	if code == 1 || code == 0 { // four blocks decide nothing
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	if !strings.Contains(stderr, "estimate: at most 848 requests, about ") {
		t.Errorf("no estimate: %s", stderr)
	}
	run, err := sample.Read(filepath.Join(dir, "gate.run.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	h := run.Header
	want := []sample.Arm{
		{Name: "baseline", Target: one.URL},
		{Name: "candidate", Target: two.URL},
		{Name: "twin", Target: one.URL, Role: sample.Twin, PerSlot: 51},
		{Name: "plant", Target: one.URL, Role: sample.Plant, PerSlot: 51, Planted: .4},
	}
	if !slices.EqualFunc(h.Arms, want, func(a, b sample.Arm) bool {
		return a.Name == b.Name && a.Target == b.Target && a.Role == b.Role && a.PerSlot == b.PerSlot && a.Planted == b.Planted && !a.Restarted
	}) || h.Design != sample.Interleaved || h.Model != "some-model" || h.Scenario != "" {
		t.Errorf("header %+v", h)
	}
	// The endpoint takes at least so long, and the plant's path 40 % more, however
	// busy the machine is.
	for i := range run.Samples {
		sm := &run.Samples[i]
		if token, last := time.Duration(sm.TokenNS-sm.SentNS), time.Duration(sm.LastNS-sm.SentNS); sm.Arm == "plant" && sm.Outcome == sample.OK &&
			(token < 21*time.Millisecond || last < 43*time.Millisecond) {
			t.Errorf("the plant's first word came after %v and its last after %v", token, last)
		}
	}
	for _, r := range append(one.received(), two.received()...) {
		if r.header.Get("X-Api-Key") != "hunter2-hunter2" || r.header.Get("X-Forwarded-For") != "" || !strings.Contains(r.body, `"model":"some-model"`) {
			t.Fatalf("headers %v", r.header)
		}
	}
	if n := len(one.received()); n != 636 || len(two.received()) != 212 {
		t.Errorf("%d requests to the baseline, %d to the candidate", n, len(two.received()))
	}
	verdict, err := os.ReadFile(filepath.Join(dir, "verdict.json"))
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Warnings []string
		Controls struct{ On bool }
	}
	if err := json.Unmarshal(verdict, &said); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"these two as they stand", "a pass-through in the client's own process"} {
		if !strings.Contains(strings.Join(said.Warnings, "\n"), text) {
			t.Errorf("no warning of %q: %v", text, said.Warnings)
		}
	}
	if strings.Contains(string(verdict)+stdout+stderr, "hunter2") {
		t.Error("the key was told")
	}
}

// TestAGateThatReachesALimitPromotesNothing has endpoints that count far more tokens
// than anybody would estimate.
func TestAGateThatReachesALimitPromotesNothing(t *testing.T) {
	greedy := newAnswerer(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, `data: {"type":"message_start","message":{"usage":{"input_tokens":9000,"output_tokens":1}}}`+"\n\n"+
			`data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"yes"}}`+"\n\n"+
			`data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":900}}`+"\n\n"+
			`data: {"type":"message_stop"}`+"\n\n")
		return true
	})
	defer greedy.Close()
	dir := t.TempDir()
	code, stdout, stderr := typed("gate", "--quiet", "--baseline-url", greedy.URL, "--candidate-url", greedy.URL, "--model", "m", "--controls", "off",
		"--blocks", "4", "--requests", "200", "--rate", "300", "--warmup", "0", "--calibrate", "200ms", "--max-tokens", "700000", "--out", dir)
	if code != 3 && code != 4 {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	run, err := sample.Read(filepath.Join(dir, "gate.run.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(run.Trailer.Stopped, "reached --max-tokens 700000") || len(greedy.received()) > 200 {
		t.Errorf("stopped %q after %d requests", run.Trailer.Stopped, len(greedy.received()))
	}
}

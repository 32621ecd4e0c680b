package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// TestALimitThatIsReachedStopsTheBench has a server that counts more tokens than
// anybody would estimate: the run is stopped, says so, and is no success.
func TestALimitThatIsReachedStopsTheBench(t *testing.T) {
	greedy := newAnswerer(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, data := range []string{
			`{"type":"message_start","message":{"usage":{"input_tokens":4000,"output_tokens":1}}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"yes"}}`,
			`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1000}}`,
			`{"type":"message_stop"}`,
		} {
			fmt.Fprintf(w, "data: %s\n\n", data)
		}
		return true
	})
	defer greedy.Close()
	for flag, value := range map[string]string{"--max-tokens": "100000", "--max-spend": "3"} {
		path := filepath.Join(t.TempDir(), "a.run.jsonl")
		code, _, stderr := typed("bench", "--quiet", "--calibrate", "0", "--target", "a="+greedy.URL, "--model", "m", "--requests", "60", "--rate", "200",
			"--warmup", "0", "--price-input", "3", "--price-output", "90", flag, value, "--out", path)
		if code != 1 || !strings.Contains(stderr, "reached "+flag) || !strings.Contains(stderr, "what was measured stands in") {
			t.Errorf("%s: exit code %d: %s", flag, code, stderr)
		}
		run, err := sample.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		sent := len(greedy.received())
		if !strings.HasPrefix(run.Trailer.Stopped, "reached "+flag) || len(run.Samples) != 60 || sent >= 60 {
			t.Errorf("%s: stopped %q, %d samples, %d sent", flag, run.Trailer.Stopped, len(run.Samples), sent)
		}
		greedy.got = nil
	}
}

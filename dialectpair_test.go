package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
)

// Bench and the proxy read the same APIs by code of their own. Here both are
// held to the same recordings, those of either side.

// A recorded answer, with its content type and its bytes.
type recordedAnswer struct {
	name, media string
	wire        []byte
	all         *txtar.Archive
}

// recordedAnswers returns the first file of each archive whose name is one of
// the media, which say what content type it stands for.
func recordedAnswers(t *testing.T, pattern string, media map[string]string) (list []recordedAnswer) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings %s: %v", pattern, err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			contentType, known := media[f.Name]
			if !known || bytes.Contains(archive.Comment, []byte("EOF: none")) {
				continue
			}
			wire := bytes.ReplaceAll(f.Data, []byte("␍"), []byte("\r"))
			list = append(list, recordedAnswer{strings.TrimSuffix(filepath.Base(file), ".txtar"), contentType, wire, archive})
		}
	}
	return list
}

// bench reads an answer as a measurement does.
func (r *recordedAnswer) bench(t *testing.T, d dialect.Dialect) dialect.Answer {
	t.Helper()
	s, err := d.Open(r.media)
	if err != nil {
		t.Fatal(err)
	}
	s.Feed(r.wire, 1)
	s.EOF(2)
	return s.Answer()
}

// onPurpose are recordings of Gemini that the two sides take differently on purpose.
var onPurpose = map[string]string{
	"stream_code_parts":    "the proxy puts code into words that the wire has not",
	"code":                 "the proxy puts code into words that the wire has not",
	"image":                "the proxy puts an image into words that the wire has not",
	"stream_image_output":  "the proxy puts an image into words that the wire has not",
	"stream_thinking_only": "reasoning is output to bench, and no answer to the proxy's caller",
}

// TestBenchAndProxyReadTheSameOfGemini holds both readers to the same answer:
// its texts, its usage, why it stopped, and whether it is one at all.
func TestBenchAndProxyReadTheSameOfGemini(t *testing.T) {
	events, object := "text/event-stream", "application/json"
	list := append(
		recordedAnswers(t, "bench/dialect/testdata/gemini/*.txtar", map[string]string{events: events, object: object, object + "; charset=UTF-8": object}),
		recordedAnswers(t, "refproxy/anthropic/testdata/stream_*.txtar", map[string]string{"upstream.sse": ""})...)
	for _, r := range list {
		if onPurpose[r.name] != "" {
			continue
		}
		if r.media == "" { // the proxy tells JSON by its first byte
			r.media = events
			if text := bytes.TrimSpace(r.wire); len(text) > 0 && (text[0] == '[' || text[0] == '{') {
				r.media = object
			}
		}
		t.Run(r.name, func(t *testing.T) {
			whole, err := chat.Collect(gemini.DecodeStream(bytes.NewReader(r.wire)))
			sameOfGemini(t, r.bench(t, dialect.Gemini{}), whole, err)
		})
	}
}

func sameOfGemini(t *testing.T, ours dialect.Answer, theirs chat.Response, err error) {
	t.Helper()
	if ours.Fault == dialect.Empty && err == nil && theirs.Finish.Stop != chat.StopEndTurn {
		ours.Fault = "" // a reason to stop without a word: an answer to the proxy, no output to bench
	}
	if (ours.Fault == "") != (err == nil) {
		t.Fatalf("bench: %q (%s); proxy: %v", ours.Fault, ours.Message, err)
	}
	if err != nil {
		return
	}
	var text, thought string
	for _, p := range theirs.Parts {
		if p.Kind == chat.PartThought {
			thought += p.Text
		} else {
			text += p.Text
		}
	}
	if ours.Text != text || ours.Thought != thought {
		t.Errorf("bench: %q after %q; proxy: %q after %q", ours.Text, ours.Thought, text, thought)
	}
	stop := map[chat.StopReason]string{chat.StopEndTurn: "end_turn", chat.StopMaxTokens: "max_tokens", chat.StopRefusal: "refusal", chat.StopToolUse: "tool_use"}[theirs.Finish.Stop]
	if ours.Finish != theirs.Finish.Reason || cmp.Or(ours.Stop, "end_turn") != stop {
		t.Errorf("bench: %s, %s; proxy: %s, %s", ours.Finish, ours.Stop, theirs.Finish.Reason, stop)
	}
	u := theirs.Usage
	if want := (dialect.Usage{Input: u.Input + u.Cached, Cached: u.Cached, Output: u.Output, Reasoning: u.Thinking, Reported: ours.Usage.Reported}); ours.Usage != want {
		t.Errorf("bench: %+v; proxy: %+v", ours.Usage, want)
	}
}

// TestBenchReadsWhatTheProxyWrites holds the reader of Anthropic's streams to
// what the proxy says the same answer is as a whole.
func TestBenchReadsWhatTheProxyWrites(t *testing.T) {
	seen := map[dialect.Fault]int{}
	for _, r := range recordedAnswers(t, "refproxy/anthropic/testdata/stream_*.txtar", map[string]string{"stream.sse": "text/event-stream"}) {
		t.Run(r.name, func(t *testing.T) {
			r.wire = append(r.wire, '\n') // which an archive does not keep
			ours := r.bench(t, dialect.Anthropic{})
			seen[ours.Fault]++
			for _, f := range r.all.Files {
				if f.Name == "message.json" {
					sameMessage(t, ours, f.Data)
				}
			}
		})
	}
	if seen[""] < 10 || seen[dialect.ErrorEvent] < 10 {
		t.Errorf("too few answers of a kind: %v", seen)
	}
}

// sameMessage compares an answer with the proxy's whole message, or its failure.
func sameMessage(t *testing.T, ours dialect.Answer, data []byte) {
	t.Helper()
	if _, body, failed := bytes.Cut(data, []byte("\n{")); bytes.HasPrefix(data, []byte("HTTP ")) && failed {
		code, message := dialect.Anthropic{}.Refusal(append([]byte("{"), body...))
		if ours.Fault != dialect.ErrorEvent || ours.Code != code || ours.Message != message {
			t.Errorf("bench: %q, %s, %s; proxy: %s, %s", ours.Fault, ours.Code, ours.Message, code, message)
		}
		return
	}
	var whole struct {
		Content []struct{ Type, Text, Thinking string }
		Stop    string `json:"stop_reason"`
		Usage   struct {
			Input   int `json:"input_tokens"`
			Read    int `json:"cache_read_input_tokens"`
			Written int `json:"cache_creation_input_tokens"`
			Output  int `json:"output_tokens"`
		}
	}
	if err := json.Unmarshal(data, &whole); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, c := range whole.Content {
		text.WriteString(c.Text)
	}
	u := &whole.Usage
	if ours.Text != text.String() || ours.Stop != whole.Stop || ours.Usage.Output != u.Output ||
		ours.Usage.Input != u.Input+u.Read+u.Written || ours.Usage.Cached != u.Read {
		t.Errorf("bench: %q, %s, %+v; proxy: %s", ours.Text, ours.Stop, ours.Usage, data)
	}
	if ours.Fault != "" && (ours.Fault != dialect.Empty || text.String() != "") {
		t.Errorf("bench: %q (%s); proxy: an answer", ours.Fault, ours.Message)
	}
}

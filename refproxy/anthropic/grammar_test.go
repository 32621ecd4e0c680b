package anthropic_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"unicode/utf8"

	"github.com/firstbyte-dev/firstbyte/refproxy/sse"
)

// wireEvent is any event of a stream.
type wireEvent struct {
	Type    string      `json:"type"`
	Index   *int        `json:"index"`
	Block   *wireBlock  `json:"content_block"`
	Delta   *wireDelta  `json:"delta"`
	Message *wireAnswer `json:"message"`
}

type wireBlock struct {
	Type      string          `json:"type"`
	Text      *string         `json:"text,omitempty"`
	Thinking  *string         `json:"thinking,omitempty"`
	Signature *string         `json:"signature,omitempty"`
	ID        string          `json:"id,omitempty"`
	Name      *string         `json:"name,omitempty"`
	Input     json.RawMessage `json:"input,omitempty"`
}

type wireDelta struct {
	Type       string  `json:"type"`
	Text       *string `json:"text"`
	Thinking   *string `json:"thinking"`
	Signature  *string `json:"signature"`
	JSON       *string `json:"partial_json"`
	StopReason *string `json:"stop_reason"`
}

type wireAnswer struct {
	ID         string      `json:"id"`
	Content    []wireBlock `json:"content"`
	StopReason *string     `json:"stop_reason"`
}

// checkStream holds a stream to the grammar of the wire reference, 3.6, and
// returns what it adds up to: message_start once and first; blocks with rising
// indexes, one open at a time, each with a delta of its kind, all closed; one
// signature at most and last in its block; an end that is message_stop or an
// error, and nothing after it. whole says that it was message_stop.
func checkStream(t *testing.T, out []byte) (answer wireAnswer, whole bool) {
	t.Helper()
	if !utf8.Valid(out) {
		t.Errorf("the stream is not UTF-8: %q", out)
	}
	g := grammar{state: "idle"}
	r := sse.NewReader(bytes.NewReader(out), 0)
	for {
		frame, err := r.Next()
		if err == io.EOF {
			break
		}
		var ev wireEvent
		if err != nil || json.Unmarshal(frame.Data, &ev) != nil || ev.Type != string(frame.Name) {
			t.Fatalf("event %s holds %q, error %v", frame.Name, frame.Data, err)
		}
		if wrong := g.step(ev); wrong != "" {
			t.Fatalf("%s, in state %s, at %s:\n%s", wrong, g.state, frame.Data, out)
		}
	}
	if g.state != "over" {
		t.Errorf("the stream ends in state %s:\n%s", g.state, out)
	}
	return g.answer, g.whole
}

type grammar struct {
	state  string
	answer wireAnswer
	whole  bool
	deltas int
	signed bool
	json   string
}

// after maps a state and an event to the next state.
var after = map[string]string{
	"idle message_start":        "open",
	"idle error":                "over",
	"open ping":                 "open",
	"open content_block_start":  "block",
	"open message_delta":        "stopping",
	"open error":                "over",
	"block content_block_delta": "block",
	"block ping":                "block",
	"block content_block_stop":  "open",
	"stopping message_stop":     "over",
}

// step returns what is wrong with ev, "" for nothing.
func (g *grammar) step(ev wireEvent) string {
	next := after[g.state+" "+ev.Type]
	if next == "" {
		return "out of place"
	}
	g.state = next
	switch ev.Type {
	case "message_start":
		g.answer.ID = ev.Message.ID
	case "content_block_start":
		if ev.Index == nil || *ev.Index != len(g.answer.Content) {
			return "a gap in the indexes"
		}
		g.answer.Content = append(g.answer.Content, *ev.Block)
		g.deltas, g.signed, g.json = 0, false, ""
	case "content_block_delta", "content_block_stop":
		if ev.Index == nil || *ev.Index != len(g.answer.Content)-1 {
			return "not the open block"
		}
		if ev.Type == "content_block_delta" {
			return g.delta(ev.Delta)
		}
		return g.stop()
	case "message_delta":
		g.answer.StopReason = ev.Delta.StopReason
	case "message_stop":
		g.whole = true
	}
	return ""
}

func (g *grammar) delta(d *wireDelta) string {
	g.deltas++
	b := &g.answer.Content[len(g.answer.Content)-1]
	switch b.Type + " " + d.Type {
	case "text text_delta":
		*b.Text += *d.Text
		if *d.Text == "" {
			return "an empty delta"
		}
	case "thinking thinking_delta":
		*b.Thinking += *d.Thinking
		if *d.Thinking == "" || g.signed {
			return "an empty delta, or one after the signature"
		}
	case "thinking signature_delta":
		if g.signed {
			return "two signatures"
		}
		g.signed, *b.Signature = true, *d.Signature
	case "tool_use input_json_delta":
		g.json += *d.JSON
	default:
		return "a delta of another kind of block"
	}
	return ""
}

func (g *grammar) stop() string {
	b := &g.answer.Content[len(g.answer.Content)-1]
	if g.deltas == 0 {
		return "a block without a delta"
	}
	if b.Type != "tool_use" {
		return ""
	}
	if string(b.Input) != "{}" || b.ID == "" {
		return "a call must start without input, and with an id"
	}
	if b.Input = json.RawMessage(g.json); !json.Valid(b.Input) || b.Input[0] != '{' {
		return "the input is no JSON object"
	}
	return ""
}

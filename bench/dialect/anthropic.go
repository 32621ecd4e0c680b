package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// anthropicVersion is the API version that every request names.
const anthropicVersion = "2023-06-01"

// Anthropic is the Messages API, streaming. The zero value is ready and safe
// for concurrent use.
type Anthropic struct{}

// Name returns "anthropic".
func (Anthropic) Name() string { return "anthropic" }

// Request builds the streaming request of item. The item's texts are JSON
// string literals and go out byte for byte, with the tag spliced into the
// system text or else into the first user message.
func (Anthropic) Request(item *datasets.Item, model string, tag Tag) (Request, error) {
	if len(item.Messages) == 0 {
		return Request{}, fmt.Errorf("dialect: item %s has no messages", item.ID)
	}
	body, err := anthropicBody(item, model, tag.String())
	if err != nil {
		return Request{}, fmt.Errorf("dialect: item %s: %w", item.ID, err)
	}
	return Request{
		Method: http.MethodPost,
		Path:   "/v1/messages",
		Header: http.Header{
			"Content-Type":      {"application/json"},
			"Accept":            {"text/event-stream"},
			"Anthropic-Version": {anthropicVersion},
		},
		Body: body,
	}, nil
}

// Authorize sets the key's header.
func (Anthropic) Authorize(header http.Header, key string) { header.Set("X-Api-Key", key) }

// Open returns the reader of one streamed answer.
func (Anthropic) Open() Stream { return newAnthropicStream() }

// Refusal reads {"type":"error","error":{"type":…,"message":…}}; a body that
// is something else gives nothing.
func (Anthropic) Refusal(body []byte) (code, message string) {
	var envelope struct{ Error anthropicError }
	if json.Unmarshal(body, &envelope) != nil {
		return "", ""
	}
	return envelope.Error.Type, envelope.Error.Message
}

func anthropicBody(item *datasets.Item, model, tag string) ([]byte, error) {
	system, messages, err := tagged(item, tag)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(`{"model":`)
	b.Write(literal(model))
	fmt.Fprintf(&b, `,"max_tokens":%d,"stream":true`, item.MaxTokens)
	if system != nil {
		b.WriteString(`,"system":`)
		b.Write(system)
	}
	if len(item.Stop) > 0 {
		b.WriteString(`,"stop_sequences":`)
		b.Write(literal(item.Stop))
	}
	if len(item.Tools) > 0 {
		b.WriteString(`,"tools":`)
		b.Write(literal(item.Tools)) // the dataset's words are Anthropic's
	}
	b.WriteString(`,"messages":[`)
	for i, m := range messages {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"role":`)
		b.Write(literal(m.Role))
		b.WriteString(`,"content":`)
		b.Write(m.Content)
		b.WriteByte('}')
	}
	b.WriteString(`]}`)
	return b.Bytes(), nil
}

// literal marshals what cannot fail: strings, and what was read as JSON.
func literal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("dialect: " + err.Error())
	}
	return data
}

// tagged returns the item's texts with the tag at the head of the first.
func tagged(item *datasets.Item, tag string) (json.RawMessage, []datasets.Message, error) {
	messages := append([]datasets.Message(nil), item.Messages...)
	system := item.System
	text := &messages[0].Content
	if len(system) > 0 {
		text = &system
	}
	var err error
	if *text, err = splice(*text, tag); err != nil {
		return nil, nil, err
	}
	return system, messages, nil
}

// splice puts tag, which needs no escaping, at the head of a string literal and
// touches nothing else: what no Go string can hold stays as it is.
func splice(text json.RawMessage, tag string) (json.RawMessage, error) {
	trimmed := bytes.TrimSpace(text)
	if len(trimmed) < 2 || trimmed[0] != '"' {
		return nil, fmt.Errorf("a text is %.20q, want a JSON string literal", trimmed)
	}
	out := make(json.RawMessage, 0, len(trimmed)+len(tag))
	out = append(out, '"')
	out = append(out, tag...)
	return append(out, trimmed[1:]...), nil
}

// String returns the tag as it stands in the prompt, a space at its end.
func (t Tag) String() string {
	return fmt.Sprintf("[firstbyte item=%s occ=%d nonce=%s] ", t.Item, t.Occurrence, t.Nonce)
}

// An anthropicStream times a Messages stream.
type anthropicStream struct{ frames framer }

func newAnthropicStream() *anthropicStream { return &anthropicStream{frames: newFramer()} }

// Size implements [Stream].
func (s *anthropicStream) Size() int { return s.frames.size() }

// Feed implements [Stream].
func (s *anthropicStream) Feed(p []byte, at int64) Seen {
	var seen Seen
	for _, f := range s.frames.feed(p, at) {
		text := s.frames.text(f)
		seen.Token = seen.Token || mayCarryToken(text)
		seen.End = seen.End || bytes.Contains(text, []byte(`"message_stop"`))
	}
	return seen
}

// mayCarryToken looks for a delta's type without decoding. The words cannot
// stand in a text, where their quotes would be escaped.
func mayCarryToken(frame []byte) bool {
	return bytes.Contains(frame, []byte(`"text_delta"`)) ||
		bytes.Contains(frame, []byte(`"thinking_delta"`)) ||
		bytes.Contains(frame, []byte(`"input_json_delta"`))
}

// Answer implements [Stream].
func (s *anthropicStream) Answer() Answer {
	d := anthropicDecoder{piece: -1}
	for _, f := range s.frames.frames {
		d.frame(s.frames.text(f), f)
	}
	if s.frames.rest() && d.answer.End != 0 {
		d.fault(BadFrame, "bytes after the last frame")
	}
	return d.finish()
}

type anthropicError struct {
	Type    string
	Message string
}

type anthropicUsage struct {
	Input  int `json:"input_tokens"`
	Output int `json:"output_tokens"`
	Cached int `json:"cache_read_input_tokens"`
}

// An anthropicEvent holds the fields of all events that a timer asks about.
type anthropicEvent struct {
	Type  string
	Index int                         // of the content block
	Block struct{ Type, Name string } `json:"content_block"`
	Delta struct {
		Type     string
		Text     string
		Thinking string
		JSON     string `json:"partial_json"`
		Stop     string `json:"stop_reason"`
	}
	Message struct{ Usage *anthropicUsage }
	Usage   *anthropicUsage
	Error   anthropicError
}

// An anthropicDecoder gathers the answer from the frames in order.
type anthropicDecoder struct {
	answer Answer
	text   []byte
	piece  int         // the Feed that brought the last token; -1 before the first
	calls  map[int]int // content block to its place among the answer's calls
}

func (d *anthropicDecoder) frame(text []byte, f frame) {
	data, ok, err := frameData(text)
	if err != nil {
		d.fault(BadFrame, err.Error())
		return
	}
	if !ok {
		return // comments alone
	}
	if d.answer.FirstEvent == 0 {
		d.answer.FirstEvent = f.at
	}
	var event anthropicEvent
	if err := json.Unmarshal(data, &event); err != nil {
		d.fault(BadJSON, fmt.Sprintf("event of %d bytes: %v", len(data), err))
		return
	}
	d.event(&event, f)
}

func (d *anthropicDecoder) event(event *anthropicEvent, f frame) {
	switch event.Type {
	case "":
		d.fault(BadJSON, "an event without a type")
	case "message_start":
		d.usage(event.Message.Usage)
	case "content_block_start":
		if event.Block.Type == "tool_use" {
			if d.calls == nil {
				d.calls = map[int]int{}
			}
			d.calls[event.Index] = len(d.answer.Calls)
			d.answer.Calls = append(d.answer.Calls, Call{Tool: event.Block.Name})
		}
	case "content_block_delta":
		d.delta(event, f)
	case "message_delta":
		d.usage(event.Usage)
		if event.Delta.Stop != "" {
			d.answer.Finish = event.Delta.Stop
		}
	case "message_stop":
		if d.answer.End == 0 {
			d.answer.End = f.at
		}
	case "error":
		d.fault(ErrorEvent, event.Error.Message)
		d.answer.Code = event.Error.Type
	}
}

// delta takes in a token of any channel; a delta without content is none.
func (d *anthropicDecoder) delta(event *anthropicEvent, f frame) {
	var content string
	switch event.Delta.Type {
	case "text_delta":
		content = event.Delta.Text
		d.text = append(d.text, content...)
		if content != "" && d.answer.FirstText == 0 {
			d.answer.FirstText = f.at
		}
	case "thinking_delta":
		content = event.Delta.Thinking
	case "input_json_delta":
		content = event.Delta.JSON
		if at, known := d.calls[event.Index]; known {
			d.answer.Calls[at].Arguments += content
		}
	}
	if content != "" {
		d.token(f)
	}
}

func (d *anthropicDecoder) token(f frame) {
	a := &d.answer
	a.Events++
	if a.FirstToken == 0 {
		a.FirstToken = f.at
	} else {
		a.Gaps = append(a.Gaps, f.at-a.Last)
	}
	if f.piece == d.piece {
		a.Coalesced++
	}
	a.Last, d.piece = f.at, f.piece
}

// usage takes in counts; later events carry totals, and may leave out what the
// first one told.
func (d *anthropicDecoder) usage(u *anthropicUsage) {
	if u == nil {
		return
	}
	total := &d.answer.Usage
	total.Reported = true
	total.Input = max(total.Input, u.Input)
	total.Output = max(total.Output, u.Output)
	total.Cached = max(total.Cached, u.Cached)
}

// fault keeps the first fault, but an error event above all: it is the
// server's own account.
func (d *anthropicDecoder) fault(kind Fault, message string) {
	if d.answer.Fault == "" || kind == ErrorEvent && d.answer.Fault != ErrorEvent {
		d.answer.Fault, d.answer.Message = kind, message
	}
}

func (d *anthropicDecoder) finish() Answer {
	if d.answer.End == 0 {
		d.fault(NoTerminator, "the stream ended without message_stop")
	}
	if d.answer.Events == 0 {
		d.fault(Empty, "the answer has no content")
	}
	d.answer.Text = string(d.text)
	return d.answer
}

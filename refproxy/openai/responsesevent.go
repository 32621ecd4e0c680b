package openai

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/sse"
)

// The events of a streamed response. Each has its type and a sequence number,
// which event fills in.

type responseEvent struct {
	Type     string    `json:"type"`
	Sequence int64     `json:"sequence_number"`
	Response *response `json:"response"`
}

type itemEvent struct {
	Type     string `json:"type"`
	Sequence int64  `json:"sequence_number"`
	Index    int    `json:"output_index"`
	Item     any    `json:"item"`
}

type contentEvent struct {
	Type     string     `json:"type"`
	Sequence int64      `json:"sequence_number"`
	ItemID   string     `json:"item_id"`
	Index    int        `json:"output_index"`
	Content  int        `json:"content_index"`
	Part     outputText `json:"part"`
}

type textDone struct {
	Type     string         `json:"type"`
	Sequence int64          `json:"sequence_number"`
	ItemID   string         `json:"item_id"`
	Index    int            `json:"output_index"`
	Content  int            `json:"content_index"`
	Text     jsontext.Value `json:"text"`
	Logprobs []struct{}     `json:"logprobs"`
}

type summaryEvent struct {
	Type     string         `json:"type"`
	Sequence int64          `json:"sequence_number"`
	ItemID   string         `json:"item_id"`
	Index    int            `json:"output_index"`
	Summary  int            `json:"summary_index"`
	Part     *summaryText   `json:"part,omitzero"`
	Text     jsontext.Value `json:"text,omitzero"`
}

type callEvent struct {
	Type      string `json:"type"`
	Sequence  int64  `json:"sequence_number"`
	ItemID    string `json:"item_id"`
	Index     int    `json:"output_index"`
	Delta     string `json:"delta,omitzero"`
	Arguments string `json:"arguments,omitzero"`
}

func (e responseEvent) named(n int64) (string, any) { e.Sequence = n; return e.Type, e }
func (e itemEvent) named(n int64) (string, any)     { e.Sequence = n; return e.Type, e }
func (e contentEvent) named(n int64) (string, any)  { e.Sequence = n; return e.Type, e }
func (e textDone) named(n int64) (string, any)      { e.Sequence = n; return e.Type, e }
func (e summaryEvent) named(n int64) (string, any)  { e.Sequence = n; return e.Type, e }
func (e callEvent) named(n int64) (string, any)     { e.Sequence = n; return e.Type, e }

// event writes one event under the next sequence number.
func (s *ResponsesStream) event(e interface{ named(int64) (string, any) }) {
	name, body := e.named(s.sequence)
	s.sequence++
	data, err := marshal(body)
	if err != nil {
		s.err = err // what is echoed was JSON already
		return
	}
	s.buf = sse.End(append(sse.Begin(s.buf, name), data...))
}

func (s *ResponsesStream) content(name string, part outputText) {
	s.event(contentEvent{Type: name, ItemID: s.open.id, Index: len(s.output), Part: part})
}

func (s *ResponsesStream) summary(name string, part *summaryText, text jsontext.Value) {
	s.event(summaryEvent{Type: name, ItemID: s.open.id, Index: len(s.output), Part: part, Text: text})
}

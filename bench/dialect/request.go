package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// A prompt is what of an item goes out, the tag spliced in. Its texts are JSON
// string literals that go out byte for byte.
type prompt struct {
	system   json.RawMessage // nil: none
	messages []datasets.Message
}

// tagged returns the item's texts with the tag at the head of the first.
func tagged(item *datasets.Item, tag Tag) (prompt, error) {
	if len(item.Messages) == 0 {
		return prompt{}, fmt.Errorf("dialect: item %s has no messages", item.ID)
	}
	p := prompt{messages: append([]datasets.Message(nil), item.Messages...)}
	text := &p.messages[0].Content
	if len(item.System) > 0 {
		p.system = item.System
		text = &p.system
	}
	var err error
	if *text, err = splice(*text, tag.String()); err != nil {
		return prompt{}, fmt.Errorf("dialect: item %s: %w", item.ID, err)
	}
	return p, nil
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

// post is a request for a stream of server-sent events.
func post(path string, body []byte) Request {
	return Request{
		Method: http.MethodPost,
		Path:   path,
		Header: http.Header{"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}},
		Body:   body,
	}
}

// An object is a JSON object that is being written. [json.Marshal] would
// rewrite the literals.
type object struct{ buf bytes.Buffer }

// raw adds a member whose value is JSON already.
func (o *object) raw(name string, value []byte) *object {
	lead := byte(',')
	if o.buf.Len() == 0 {
		lead = '{'
	}
	o.buf.WriteByte(lead)
	o.buf.Write(literal(name))
	o.buf.WriteByte(':')
	o.buf.Write(value)
	return o
}

func (o *object) add(name string, value any) *object { return o.raw(name, literal(value)) }

func (o *object) json() []byte {
	o.buf.WriteByte('}')
	return o.buf.Bytes()
}

// list is the JSON array of values that are JSON already.
func list(values ...[]byte) []byte {
	out := append([]byte{'['}, bytes.Join(values, []byte{','})...)
	return append(out, ']')
}

// literal marshals what cannot fail: strings, numbers, and what was read as JSON.
func literal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("dialect: " + err.Error())
	}
	return data
}

// turns are messages as objects of role and content, as Anthropic and OpenAI
// have them.
func turns(messages []datasets.Message) [][]byte {
	var list [][]byte
	for _, m := range messages {
		list = append(list, new(object).add("role", m.Role).raw("content", m.Content).json())
	}
	return list
}

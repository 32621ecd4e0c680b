package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// shareItem is the item of a tag that names no request: its occurrence is 0 and
// its nonce is the same in all requests of a slot.
const shareItem = "shared"

// prompt returns what the request asks, and the tag for the head of it. Where
// prompts may share prefixes the head is the same in all requests of the slot, so
// that a target's cache of prompts serves them as in production, but no other
// slot's; the request's own tag then ends its last message.
func (t *tripper) prompt(r *request) (*datasets.Item, dialect.Tag, error) {
	item, own := *r.item, dialect.Tag{Item: r.item.ID, Occurrence: r.sample.Occurrence, Nonce: r.sample.Nonce}
	if t.fill != nil {
		item = t.fill(item)
	}
	if t.share == "" {
		return &item, own, nil
	}
	if len(item.Messages) == 0 {
		return nil, own, fmt.Errorf("load: item %s has no messages", item.ID)
	}
	item.Messages = append(append([]datasets.Message(nil), r.history...), item.Messages...)
	if r.sample.Turn > 1 {
		item.System = r.system
	} else {
		item.System = joined(t.prefix, item.System)
	}
	last := &item.Messages[len(item.Messages)-1]
	var err error
	if last.Content, err = ended(last.Content, " "+strings.TrimSpace(own.String())); err != nil {
		return nil, own, fmt.Errorf("load: item %s: %w", item.ID, err)
	}
	if r.sample.Turn > 0 {
		r.said, r.system = item.Messages, item.System
	}
	return &item, dialect.Tag{Item: shareItem, Nonce: t.share}, nil
}

// joined is one string literal behind another, either of which may be missing.
func joined(a, b json.RawMessage) json.RawMessage {
	a, b = bytes.TrimSpace(a), bytes.TrimSpace(b)
	if len(a) < 2 || len(b) < 2 {
		return append(a[:len(a):len(a)], b...)
	}
	return append(append(append(json.RawMessage(nil), a[:len(a)-1]...), `\n`...), b[1:]...)
}

// ended puts tail, which needs no escaping, at the end of a string literal and
// touches nothing else.
func ended(text json.RawMessage, tail string) (json.RawMessage, error) {
	text = bytes.TrimSpace(text)
	if len(text) < 2 || text[len(text)-1] != '"' {
		return nil, fmt.Errorf("a text is %.20q, want a JSON string literal", text)
	}
	out := append(json.RawMessage(nil), text[:len(text)-1]...)
	return append(append(out, tail...), '"'), nil
}

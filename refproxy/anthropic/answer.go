package anthropic

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

type textBlock struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type thinkingBlock struct {
	Type      string `json:"type"`
	Thinking  string `json:"thinking"`
	Signature string `json:"signature"`
}

type toolUseBlock struct {
	Type  string         `json:"type"`
	ID    string         `json:"id"`
	Name  string         `json:"name"`
	Input jsontext.Value `json:"input"`
}

// blocks returns the content of a whole answer: the blocks that a stream of the
// same parts adds up to.
func (h Head) blocks(parts []chat.Part) []any {
	out := []any{}
	var open any // the last block, if more may join it
	calls := 0
	for _, p := range parts {
		switch p.Kind {
		case chat.PartText:
			open = joinText(&out, open, p)
		case chat.PartThought:
			open = joinThought(&out, open, p)
		case chat.PartCall:
			calls++
			borrow(open, p.Signature)
			open = nil
			out = append(out, toolUseBlock{"tool_use", h.callID(p.Call, p.Signature, calls), p.Call.Name, arguments(p.Call)})
		}
	}
	return out
}

func joinText(out *[]any, open any, p chat.Part) any {
	if p.Text == "" {
		return open
	}
	borrow(open, p.Signature)
	t, ok := open.(*textBlock)
	if !ok {
		t = &textBlock{Type: "text"}
		*out = append(*out, t)
	}
	t.Text += p.Text
	return t
}

func joinThought(out *[]any, open any, p chat.Part) any {
	if p.Text == "" && p.Signature == nil {
		return open
	}
	t, ok := open.(*thinkingBlock)
	if !ok || t.Signature != "" {
		t = &thinkingBlock{Type: "thinking"}
		*out = append(*out, t)
	}
	t.Thinking += p.Text
	if p.Signature != nil {
		t.Signature = sealOwn + p.Signature.Seal()
	}
	return t
}

// borrow has open reasoning without a signature take that of what follows it.
func borrow(open any, s *chat.Signature) {
	if t, ok := open.(*thinkingBlock); ok && s != nil && t.Signature == "" {
		t.Signature = sealLent + s.Seal()
	}
}

// callID returns the id by which a client knows a call, the n-th of its answer.
// A signature too long for an id is left to the reasoning before the call.
func (h Head) callID(c *chat.Call, s *chat.Signature, n int) string {
	id := c.ID
	if id == "" {
		id = "toolu_" + strings.TrimPrefix(h.ID, "msg_") + "_" + strconv.Itoa(n)
	}
	id, _ = chat.JoinID(id, s)
	return id
}

// arguments returns those of c, never empty.
func arguments(c *chat.Call) jsontext.Value {
	if len(c.Args) == 0 {
		return jsontext.Value("{}")
	}
	return c.Args
}

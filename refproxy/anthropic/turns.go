package anthropic

import (
	"fmt"
	"strings"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

const (
	// billingHeader begins a system block that changes with every conversation
	// and would defeat the upstream's prefix cache.
	billingHeader = "x-anthropic-billing-header:"
	// systemPrefix marks an instruction that has to stand among user content.
	systemPrefix = "System instruction:\n"
	// opening stands for the user in a conversation that the model begins.
	opening = "."
)

// converse converts system and messages into req.
func (w *requestBody) converse(req chat.Request) (chat.Request, error) {
	b := conversation{req: req}
	if err := b.system(w.System); err != nil {
		return chat.Request{}, err
	}
	for i, m := range w.Messages {
		if err := b.message(fmt.Sprintf("messages.%d", i), m); err != nil {
			return chat.Request{}, err
		}
	}
	if len(b.req.Turns) == 0 {
		return chat.Request{}, chat.Invalid("messages", "at least one user message is required")
	}
	return b.req, nil
}

// conversation is a request being built.
type conversation struct{ req chat.Request }

func (b *conversation) system(c content) error {
	if len(c.blocks) > 0 && c.blocks[0].Text != nil && strings.HasPrefix(*c.blocks[0].Text, billingHeader) {
		c.blocks[0].Text = new(string)
	}
	parts, err := b.parts("system", c)
	b.req.System = parts
	return err
}

func (b *conversation) message(path string, m message) error {
	switch m.Role {
	case "user", "assistant", "system":
	case "":
		return chat.Invalid(path+".role", "required")
	default:
		return chat.Invalid(path+".role", "%q is none of user, assistant, system", m.Role)
	}
	if err := refuseUnknown(path, m.Unknown); err != nil {
		return err
	}
	parts, err := b.parts(path+".content", m.Content)
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		return chat.Invalid(path+".content", "no content left")
	}
	switch m.Role {
	case "user":
		b.say(chat.RoleUser, parts)
	case "assistant":
		b.say(chat.RoleModel, parts)
	case "system":
		b.instruct(parts)
	}
	return nil
}

// instruct places a system message: before the first turn with the system
// instruction, later where it stands, as something the user says.
func (b *conversation) instruct(parts []chat.Part) {
	if len(b.req.Turns) == 0 {
		b.req.System = append(b.req.System, parts...)
		return
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Text
	}
	b.say(chat.RoleUser, []chat.Part{chat.Text(systemPrefix + strings.Join(texts, "\n"))})
}

// say adds parts to the last turn if it is of the same role, else as a turn.
func (b *conversation) say(role chat.Role, parts []chat.Part) {
	n := len(b.req.Turns)
	if n == 0 && role == chat.RoleModel {
		b.req.Turns = append(b.req.Turns, chat.Turn{Role: chat.RoleUser, Parts: []chat.Part{chat.Text(opening)}})
		n++
	}
	if n > 0 && b.req.Turns[n-1].Role == role {
		b.req.Turns[n-1].Parts = append(b.req.Turns[n-1].Parts, parts...)
		return
	}
	b.req.Turns = append(b.req.Turns, chat.Turn{Role: role, Parts: parts})
}

// parts converts blocks. Empty strings vanish; white space never does.
func (b *conversation) parts(path string, c content) ([]chat.Part, error) {
	if c.isString {
		return appendText(nil, c.text), nil
	}
	var parts []chat.Part
	for i, bl := range c.blocks {
		at := fmt.Sprintf("%s.%d", path, i)
		switch bl.Type {
		case "text":
			if bl.Text == nil {
				return nil, chat.Invalid(at+".text", "required")
			}
			if err := refuseUnknown(at, bl.Unknown); err != nil {
				return nil, err
			}
			parts = appendText(parts, *bl.Text)
		case "thinking", "redacted_thinking":
			// We sign none yet, so it is another provider's.
			b.req.DroppedThoughts++
		case "":
			return nil, chat.Invalid(at+".type", "required")
		default:
			return nil, chat.Invalid(at, "type %q is not supported yet", bl.Type)
		}
	}
	return parts, nil
}

func appendText(parts []chat.Part, text string) []chat.Part {
	if text == "" {
		return parts
	}
	return append(parts, chat.Text(text))
}

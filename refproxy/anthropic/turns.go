package anthropic

import (
	"fmt"
	"strings"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// billingHeader begins a system block that changes with every conversation
// and would defeat the upstream's prefix cache.
const billingHeader = "x-anthropic-billing-header:"

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
	var err error
	b.req.System, b.req.Turns, err = b.said.End()
	return b.req, err
}

// conversation is a request being built.
type conversation struct {
	req  chat.Request
	said chat.Conversation
}

func (b *conversation) system(c content) error {
	if len(c.blocks) > 0 && c.blocks[0].Text != nil && strings.HasPrefix(*c.blocks[0].Text, billingHeader) {
		c.blocks[0].Text = new(string)
	}
	parts, err := b.parts("system", c)
	b.said.System(parts...)
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
	at := path + ".content"
	switch {
	case m.Role == "assistant":
		return b.said.Say(at, chat.RoleModel, parts...)
	case m.Role == "user":
		return b.said.Say(at, chat.RoleUser, parts...)
	case len(parts) == 0:
		return chat.Invalid(at, "no content left")
	}
	b.said.Instruct(parts...)
	return nil
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

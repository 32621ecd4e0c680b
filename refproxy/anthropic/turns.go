package anthropic

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

type message struct {
	Role         string         `json:"role"`
	Content      content        `json:"content"`
	ClearAt      string         `json:"clear_at"`
	CacheControl jsontext.Value `json:"cache_control"`
	Unknown      jsontext.Value `json:",embed"`
}

// content is a string, a list of blocks, or absent. Blocks are read when their
// place says which are allowed, so that none nests deeper than that.
type content struct {
	isString bool
	text     string
	blocks   []jsontext.Value
}

// UnmarshalJSONFrom reads either form with dec, so that an error within it
// knows its whole path.
func (c *content) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch kind := dec.PeekKind(); kind {
	case '"':
		c.isString = true
		return json.UnmarshalDecode(dec, &c.text)
	case '[':
		return json.UnmarshalDecode(dec, &c.blocks)
	case 'n':
		return dec.SkipValue()
	default:
		if err := dec.SkipValue(); err != nil {
			return err
		}
		return &json.SemanticError{JSONKind: kind, GoType: reflect.TypeFor[content]()}
	}
}

// addTurns converts system and messages into req.
func (w *requestBody) addTurns(req *chat.Request) error {
	b := conversation{dropped: &req.DroppedThoughts}
	if err := b.system(w.System); err != nil {
		return err
	}
	lastUser := len(w.Messages) - 1
	for lastUser >= 0 && w.Messages[lastUser].Role != "user" {
		lastUser--
	}
	for i := range w.Messages {
		if err := b.message(fmt.Sprintf("messages.%d", i), &w.Messages[i], i < lastUser); err != nil {
			return err
		}
	}
	var err error
	req.System, req.Turns, err = b.said.End()
	return err
}

// conversation is the turns being built.
type conversation struct {
	said    chat.Conversation
	dropped *int // thoughts
}

// billingHeader begins a system block that changes with every conversation
// and would defeat the upstream's prefix cache.
const billingHeader = "x-anthropic-billing-header:"

func (b *conversation) system(c content) error {
	parts, err := b.parts("system", c, kindText)
	if err == nil && len(c.blocks) > 0 && len(parts) > 0 && strings.HasPrefix(parts[0].Text, billingHeader) {
		parts = parts[1:]
	}
	b.said.System(parts...)
	return err
}

// message adds m. A user message follows it or not: some instructions hold
// until then only.
func (b *conversation) message(path string, m *message, userFollows bool) error {
	if err := m.check(path); err != nil {
		return err
	}
	at := path + ".content"
	parts, err := b.parts(at, m.Content, allowed[m.Role])
	if err != nil {
		return err
	}
	switch {
	case m.Role == "assistant":
		return b.said.Say(at, chat.RoleModel, parts...)
	case m.Role == "user":
		return b.said.Say(at, chat.RoleUser, parts...)
	case len(parts) == 0:
		return chat.Invalid(at, "no content left")
	case m.ClearAt == clearAtUser && userFollows:
		return nil
	}
	b.said.Instruct(parts...)
	return nil
}

// clearAtUser ends an instruction with the next user message.
const clearAtUser = "next_user_message"

func (m *message) check(path string) error {
	switch m.Role {
	case "user", "assistant", "system":
	case "":
		return chat.Invalid(path+".role", "required")
	default:
		return chat.Invalid(path+".role", "%.100q is none of user, assistant, system", m.Role)
	}
	if !slices.Contains([]string{"", "never", clearAtUser}, m.ClearAt) || m.ClearAt != "" && m.Role != "system" {
		return chat.Invalid(path+".clear_at", "%.100q is not supported here", m.ClearAt)
	}
	return refuseUnknown(path, m.Unknown)
}

package openai

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

type chatMessage struct {
	Role       string             `json:"role"`
	Content    either[[]chatPart] `json:"content"`
	Refusal    string             `json:"refusal"`
	ToolCalls  []chatCall         `json:"tool_calls"`
	ToolCallID string             `json:"tool_call_id"`
	Unknown    jsontext.Value     `json:",embed"`
}

// passedInMessages are members that the upstream has no place for and that do
// not change the answer: names of speakers, and what clients send back of our
// own or other servers' answers.
var passedInMessages = []string{"name", "annotations", "reasoning_content", "reasoning", "reasoning_details", "cache_control"}

type chatCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

type chatPart struct {
	Type       string         `json:"type"`
	Text       *string        `json:"text"`
	Refusal    string         `json:"refusal"`
	ImageURL   chatURL        `json:"image_url"`
	InputAudio chatAudio      `json:"input_audio"`
	File       chatFile       `json:"file"`
	Unknown    jsontext.Value `json:",embed"`
}

type chatURL struct {
	URL string `json:"url"`
}

type chatAudio struct {
	Data   string `json:"data"`
	Format string `json:"format"`
}

type chatFile struct {
	Data string `json:"file_data"`
	Name string `json:"filename"`
	ID   string `json:"file_id"`
}

// converse converts the messages into req.
func (w *chatBody) converse(req *chat.Request) (err error) {
	if len(w.Messages) == 0 {
		return chat.Invalid("messages", "at least one message is required")
	}
	var said chat.Conversation
	for i, m := range w.Messages {
		if err := m.say(&said, fmt.Sprintf("messages[%d]", i)); err != nil {
			return err
		}
	}
	req.System, req.Turns, err = said.End()
	return err
}

// say adds the message to what was said.
func (m *chatMessage) say(said *chat.Conversation, at string) error {
	if err := refuseUnknown(at, m.Unknown, passedInMessages...); err != nil {
		return err
	}
	parts, err := m.parts(at + ".content")
	if err != nil {
		return err
	}
	switch m.Role {
	case "user":
		return said.Say(at, chat.RoleUser, parts...)
	case "assistant":
		return m.assistant(said, at, parts)
	case "tool":
		return m.result(said, at, parts)
	case "system", "developer":
		return instruct(said, at, parts)
	}
	return chat.Invalid(at+".role", "%.100q is none of system, developer, user, assistant, tool", m.Role)
}

// instruct passes over an instruction that is empty.
func instruct(said *chat.Conversation, at string, parts []chat.Part) error {
	for _, p := range parts {
		if p.Kind != chat.PartText {
			return chat.Invalid(at, "instructions are text")
		}
	}
	if len(parts) > 0 {
		said.Instruct(parts...)
	}
	return nil
}

func (m *chatMessage) assistant(said *chat.Conversation, at string, parts []chat.Part) error {
	parts = appendText(parts, m.Refusal)
	for i, c := range m.ToolCalls {
		at := fmt.Sprintf("%s.tool_calls[%d]", at, i)
		if c.Type != "function" && c.Type != "" {
			return chat.Invalid(at+".type", "%.100q is not supported; only functions are", c.Type)
		}
		p, err := call(at+".function.arguments", c.ID, c.Function.Name, c.Function.Arguments)
		if err != nil {
			return err
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 && (m.Content.text != nil || m.Content.value != nil) {
		return nil // an answer of ours that was filtered comes back so
	}
	return said.Say(at, chat.RoleModel, parts...)
}

func (m *chatMessage) result(said *chat.Conversation, at string, parts []chat.Part) error {
	if m.ToolCallID == "" {
		return chat.Invalid(at+".tool_call_id", "required")
	}
	id, _ := chat.SplitID(m.ToolCallID)
	return said.Say(at, chat.RoleUser, chat.Part{Kind: chat.PartResult, Result: &chat.Result{ID: id, Parts: parts}})
}

// parts converts the content. Empty strings vanish; white space never does.
func (m *chatMessage) parts(at string) (parts []chat.Part, err error) {
	if m.Content.text != nil {
		return appendText(nil, *m.Content.text), nil
	}
	if m.Content.value == nil {
		return nil, nil
	}
	for i, p := range *m.Content.value {
		at := fmt.Sprintf("%s[%d]", at, i)
		if m.Role != "user" && p.Type != "text" && p.Type != "refusal" {
			return nil, chat.Invalid(at+".type", "%.100q cannot stand in a message of %q", p.Type, m.Role)
		}
		if parts, err = p.appendTo(parts, at); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

func (p *chatPart) appendTo(parts []chat.Part, at string) ([]chat.Part, error) {
	if err := refuseUnknown(at, p.Unknown, "cache_control", "prompt_cache_breakpoint"); err != nil {
		return nil, err
	}
	var file chat.Part
	var err error
	switch p.Type {
	case "text":
		if p.Text == nil {
			return nil, chat.Invalid(at+".text", "required")
		}
		return appendText(parts, *p.Text), nil
	case "refusal":
		return appendText(parts, p.Refusal), nil
	case "image_url":
		file, err = media(at+".image_url.url", p.ImageURL.URL, "")
	case "input_audio":
		file, err = p.InputAudio.part(at + ".input_audio")
	case "file":
		file, err = p.File.part(at + ".file")
	default:
		return nil, chat.Invalid(at+".type", "%.100q is not supported", p.Type)
	}
	return append(parts, file), err
}

func (a *chatAudio) part(at string) (chat.Part, error) {
	mime, ok := audioTypes[strings.ToLower(a.Format)]
	switch {
	case !ok:
		return chat.Part{}, chat.Invalid(at+".format", "%.100q is none of wav, mp3", a.Format)
	case a.Data == "":
		return chat.Part{}, chat.Invalid(at+".data", "required")
	}
	return chat.Part{Kind: chat.PartMedia, Media: &chat.Media{MIME: mime, Data: a.Data}}, nil
}

func (f *chatFile) part(at string) (chat.Part, error) {
	if f.ID != "" {
		return chat.Part{}, chat.Invalid(at+".file_id", "no file is stored here; send file_data")
	}
	return file(at+".file_data", f.Data, f.Name)
}

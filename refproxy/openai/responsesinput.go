package openai

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// item is one item of the input, of any type.
type item struct {
	Type      string              `json:"type"`
	Role      string              `json:"role"`
	Content   either[[]inputPart] `json:"content"`
	CallID    string              `json:"call_id"`
	Namespace string              `json:"namespace"`
	Name      string              `json:"name"`
	Arguments string              `json:"arguments"`
	Output    either[[]inputPart] `json:"output"`
	Summary   []inputPart         `json:"summary"`
	Sealed    string              `json:"encrypted_content"`
	Unknown   jsontext.Value      `json:",embed"`
}

// passedInItems are what our own items, or other servers', come back with.
var passedInItems = []string{"id", "status", "phase", "caller", "async"}

// inputPart is one part of a content, of any type.
type inputPart struct {
	Type     string         `json:"type"`
	Text     string         `json:"text"`
	Refusal  string         `json:"refusal"`
	ImageURL string         `json:"image_url"`
	FileData string         `json:"file_data"`
	FileURL  string         `json:"file_url"`
	FileID   string         `json:"file_id"`
	Filename string         `json:"filename"`
	Unknown  jsontext.Value `json:",embed"`
}

var passedInParts = []string{"annotations", "logprobs", "detail", "prompt_cache_breakpoint"}

// converse converts instructions and input into req.
func (w *responsesBody) converse(req *chat.Request) error {
	var said chat.Conversation
	said.System(appendText(nil, w.Instructions)...)
	switch {
	case w.Input.text != nil:
		if err := said.Say("input", chat.RoleUser, appendText(nil, *w.Input.text)...); err != nil {
			return err
		}
	case w.Input.value != nil:
		for i, it := range *w.Input.value {
			if err := it.say(&said, req, fmt.Sprintf("input[%d]", i)); err != nil {
				return err
			}
		}
	}
	var err error
	req.System, req.Turns, err = said.End()
	if e, ok := errors.AsType[*chat.Error](err); ok && e.Path == "messages" {
		return chat.Invalid("input", "at least one message is required")
	}
	return err
}

// say adds the item to what was said.
func (it *item) say(said *chat.Conversation, req *chat.Request, at string) error {
	if err := refuseUnknown(at, it.Unknown, passedInItems...); err != nil {
		return err
	}
	switch it.Type {
	case "", "message":
		return it.message(said, at)
	case "function_call":
		p, err := call(at+".arguments", it.CallID, qualified{it.Namespace, it.Name}.flat(), it.Arguments)
		if err != nil {
			return err
		}
		return said.Say(at, chat.RoleModel, p)
	case "function_call_output":
		return it.result(said, at)
	case "reasoning":
		return it.thought(said, req, at)
	}
	return chat.Invalid(at+".type", "%.100q is not supported", it.Type)
}

func (it *item) message(said *chat.Conversation, at string) error {
	parts, err := contents(at+".content", it.Content)
	if err != nil {
		return err
	}
	switch it.Role {
	case "user":
		return said.Say(at, chat.RoleUser, parts...)
	case "assistant":
		for _, p := range parts {
			if p.Kind != chat.PartText {
				return chat.Invalid(at+".content", "an assistant's message is text")
			}
		}
		if len(parts) == 0 && (it.Content.text != nil || it.Content.value != nil) {
			return nil
		}
		return said.Say(at, chat.RoleModel, parts...)
	case "system", "developer":
		return instruct(said, at+".content", parts)
	}
	return chat.Invalid(at+".role", "%.100q is none of user, assistant, system, developer", it.Role)
}

func (it *item) result(said *chat.Conversation, at string) error {
	if it.CallID == "" {
		return chat.Invalid(at+".call_id", "required")
	}
	parts, err := contents(at+".output", it.Output)
	if err != nil {
		return err
	}
	id, _ := chat.SplitID(it.CallID)
	return said.Say(at, chat.RoleUser, chat.Part{Kind: chat.PartResult, Result: &chat.Result{ID: id, Parts: parts}})
}

// thought replays reasoning that we sealed; another's has to be left out.
func (it *item) thought(said *chat.Conversation, req *chat.Request, at string) error {
	signature, ok := open(it.Sealed)
	if !ok {
		req.DroppedThoughts++
		return nil
	}
	var text strings.Builder
	for _, p := range it.Summary {
		text.WriteString(p.Text)
	}
	return said.Say(at, chat.RoleModel, chat.Part{Kind: chat.PartThought, Text: text.String(), Signature: signature})
}

// sealed marks an encrypted_content as ours.
const sealed = "fb1."

func seal(s *chat.Signature) *string {
	if s == nil {
		return nil
	}
	return new(sealed + s.Seal())
}

func open(content string) (*chat.Signature, bool) {
	rest, ours := strings.CutPrefix(content, sealed)
	if !ours {
		return nil, false
	}
	s, ok := chat.OpenSignature(rest)
	return &s, ok
}

// contents converts a string or a list of parts. Empty strings vanish.
func contents(at string, c either[[]inputPart]) ([]chat.Part, error) {
	if c.text != nil {
		return appendText(nil, *c.text), nil
	}
	if c.value == nil {
		return nil, nil
	}
	var parts []chat.Part
	for i, p := range *c.value {
		var err error
		if parts, err = p.appendTo(parts, fmt.Sprintf("%s[%d]", at, i)); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

func (p *inputPart) appendTo(parts []chat.Part, at string) ([]chat.Part, error) {
	if err := refuseUnknown(at, p.Unknown, passedInParts...); err != nil {
		return nil, err
	}
	if p.FileID != "" {
		return nil, chat.Invalid(at+".file_id", "no file is stored here; send its content")
	}
	var m chat.Part
	var err error
	switch {
	case p.Type == "input_text" || p.Type == "output_text" || p.Type == "text":
		return appendText(parts, p.Text), nil
	case p.Type == "refusal":
		return appendText(parts, p.Refusal), nil
	case p.Type == "input_image":
		m, err = media(at+".image_url", p.ImageURL, "")
	case p.Type == "input_file" && p.FileURL != "":
		m, err = media(at+".file_url", p.FileURL, p.Filename)
	case p.Type == "input_file":
		m, err = file(at+".file_data", p.FileData, p.Filename)
	default:
		return nil, chat.Invalid(at+".type", "%.100q is not supported", p.Type)
	}
	return append(parts, m), err
}

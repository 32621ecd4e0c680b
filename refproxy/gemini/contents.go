package gemini

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

type content struct {
	Role  string        `json:"role,omitzero"`
	Parts []requestPart `json:"parts"`
}

type requestPart struct {
	Text             *string           `json:"text,omitzero"`
	Thought          bool              `json:"thought,omitzero"`
	FunctionCall     *requestCall      `json:"functionCall,omitzero"`
	FunctionResponse *functionResponse `json:"functionResponse,omitzero"`
	InlineData       *inlineData       `json:"inlineData,omitzero"`
	FileData         *fileData         `json:"fileData,omitzero"`
	ThoughtSignature string            `json:"thoughtSignature,omitzero"`
}

type requestCall struct {
	ID   string         `json:"id,omitzero"`
	Name string         `json:"name"`
	Args jsontext.Value `json:"args"`
}

type functionResponse struct {
	ID       string        `json:"id,omitzero"`
	Name     string        `json:"name"`
	Response output        `json:"response"`
	Parts    []requestPart `json:"parts,omitempty"`
}

// output is always an object; of a list the upstream says "Proto field is not
// repeating" (su-kaka/gcli2api #264).
type output struct {
	Output *string `json:"output,omitzero"`
	Error  *string `json:"error,omitzero"`
}

// noSignature stands for a signature that is not known any more.
const noSignature = "skip_thought_signature_validator"

func (e *encoder) system(parts []chat.Part) (*content, error) {
	if len(parts) == 0 {
		return nil, nil
	}
	out := &content{}
	for _, p := range parts {
		if p.Kind != chat.PartText {
			return nil, chat.Invalid("system", "only text can be an instruction")
		}
		if p.Text != "" {
			out.Parts = append(out.Parts, requestPart{Text: &p.Text})
		}
	}
	if out.Parts == nil {
		return nil, nil
	}
	return out, nil
}

// contents converts the turns. Files within results that the model does not
// take there follow in the user's next content.
func (e *encoder) contents(turns []chat.Turn) ([]content, error) {
	var out []content
	var files []requestPart
	for _, turn := range turns {
		parts, more, err := e.turn(turn)
		if err != nil {
			return nil, err
		}
		if turn.Role == chat.RoleModel {
			out = add(out, "user", files)
			out = add(out, "model", parts)
		} else {
			out = add(out, "user", append(files, parts...))
		}
		files = more
	}
	out = add(out, "user", files)
	if len(out) == 0 {
		return nil, chat.Invalid("", "the conversation has no content that can be sent")
	}
	return out, nil
}

// add adds parts to the last content if that is of the same role; never to
// results, which the upstream wants to stand alone, nor results to others.
func add(contents []content, role string, parts []requestPart) []content {
	if len(parts) == 0 {
		return contents
	}
	if n := len(contents); n > 0 && contents[n-1].Role == role && !hasResult(contents[n-1].Parts) && !hasResult(parts) {
		contents[n-1].Parts = append(contents[n-1].Parts, parts...)
		return contents
	}
	return append(contents, content{Role: role, Parts: parts})
}

func hasResult(parts []requestPart) bool {
	return slices.ContainsFunc(parts, func(p requestPart) bool { return p.FunctionResponse != nil })
}

// turn returns the parts of a turn, and the files of results that have to
// follow it.
func (e *encoder) turn(turn chat.Turn) (parts, files []requestPart, err error) {
	if turn.Role != chat.RoleUser && turn.Role != chat.RoleModel {
		return nil, nil, chat.Invalid("", "a turn has no role")
	}
	for i := range turn.Parts {
		part, more, err := e.part(&turn.Parts[i], turn.Role)
		if err != nil {
			return nil, nil, err
		}
		if part != nil {
			parts = append(parts, *part)
		}
		files = append(files, more...)
	}
	e.sealCalls(parts)
	return parts, files, nil
}

// part returns nil for what is not sent: an empty text, and a thought without
// a signature of this family.
func (e *encoder) part(p *chat.Part, role chat.Role) (part *requestPart, files []requestPart, err error) {
	signature := e.own(p.Signature)
	switch {
	case p.Kind == chat.PartText:
		if p.Text == "" && signature == "" {
			return nil, nil, nil
		}
		return &requestPart{Text: &p.Text, ThoughtSignature: signature}, nil, nil
	case p.Kind == chat.PartThought && role == chat.RoleModel:
		if signature == "" {
			return nil, nil, nil
		}
		return &requestPart{Text: &p.Text, Thought: true, ThoughtSignature: signature}, nil, nil
	case p.Kind == chat.PartMedia && p.Media != nil:
		part, err = e.media(p.Media)
		return part, nil, err
	case p.Kind == chat.PartCall && role == chat.RoleModel && p.Call != nil:
		part, err = e.call(p.Call, signature)
		return part, nil, err
	case p.Kind == chat.PartResult && role == chat.RoleUser && p.Result != nil:
		return e.result(p.Result)
	}
	return nil, nil, chat.Invalid("", "a turn holds a part that is not its speaker's")
}

// own returns the signature if it was made by this family of models; to any
// other it is worthless (router-for-me/CLIProxyAPI #1584).
func (e *encoder) own(s *chat.Signature) string {
	if s == nil || s.Family != e.model.family {
		return ""
	}
	return s.Value
}

func (e *encoder) media(m *chat.Media) (*requestPart, error) {
	name := ""
	if e.Variant == Vertex { // the others refuse it
		name = m.Name
	}
	switch {
	case m.Data != "" && m.MIME == "":
		return nil, chat.Invalid("media_type", "required beside data")
	case m.Data != "":
		return &requestPart{InlineData: &inlineData{MIMEType: m.MIME, Data: m.Data, DisplayName: name}}, nil
	case m.URL != "":
		return &requestPart{FileData: &fileData{FileURI: m.URL, MIMEType: m.MIME}}, nil
	}
	return nil, chat.Invalid("", "a file has neither data nor a URL")
}

func (e *encoder) call(c *chat.Call, signature string) (*requestPart, error) {
	args := c.Args
	if args == nil {
		args = []byte("{}")
	}
	clean, err := object(fmt.Sprintf("the arguments of call %.100q", c.ID), args)
	if err != nil {
		return nil, err
	}
	return &requestPart{
		FunctionCall:     &requestCall{ID: c.ID, Name: wireName(c.Name), Args: clean},
		ThoughtSignature: signature,
	}, nil
}

// sealCalls sees to it that the calls of one turn have the signature without
// which Gemini 3 refuses them. It gives one to the first of parallel calls
// alone, so if any call has one, nothing was lost.
func (e *encoder) sealCalls(parts []requestPart) {
	isCall := func(p requestPart) bool { return p.FunctionCall != nil }
	first := slices.IndexFunc(parts, isCall)
	signed := func(p requestPart) bool { return isCall(p) && p.ThoughtSignature != "" }
	if first < 0 || e.model.generation < 3 || slices.ContainsFunc(parts, signed) {
		return
	}
	parts[first].ThoughtSignature = noSignature
	if first > 0 && parts[first-1].Thought {
		// A client may have kept the reasoning and lost the rest.
		parts[first].ThoughtSignature = parts[first-1].ThoughtSignature
	}
}

// result joins all text of a result. Its files go into it where the model takes
// them there; else they follow, labelled.
func (e *encoder) result(r *chat.Result) (part *requestPart, files []requestPart, err error) {
	var texts []string
	for i := range r.Parts {
		switch p := &r.Parts[i]; {
		case p.Kind == chat.PartText:
			texts = append(texts, p.Text)
		case p.Kind == chat.PartMedia && p.Media != nil:
			file, err := e.media(p.Media)
			if err != nil {
				return nil, nil, err
			}
			files = append(files, *file)
		default:
			return nil, nil, chat.Invalid("", "the result of call %.100q holds neither text nor a file", r.ID)
		}
	}
	said := strings.Join(texts, "\n")
	response := &functionResponse{ID: r.ID, Name: wireName(r.Name), Response: output{Output: &said}}
	if r.Failed {
		response.Response = output{Error: &said}
	}
	if e.model.generation >= 3 {
		response.Parts, files = files, nil
	}
	if files != nil {
		label := fmt.Sprintf("Files in the result of call %s (%s):", r.ID, r.Name)
		files = slices.Insert(files, 0, requestPart{Text: &label})
	}
	return &requestPart{FunctionResponse: response}, files, nil
}

package gemini

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// requestBody is the inner body of generateContent. Field order is the order
// on the wire.
type requestBody struct {
	Model             string            `json:"model,omitzero"`
	SystemInstruction *content          `json:"systemInstruction,omitzero"`
	Contents          []content         `json:"contents"`
	GenerationConfig  *generationConfig `json:"generationConfig,omitzero"`
}

type content struct {
	Role  string     `json:"role,omitzero"`
	Parts []textPart `json:"parts"`
}

type textPart struct {
	Text string `json:"text"`
}

type generationConfig struct {
	Temperature     *float64 `json:"temperature,omitzero"`
	TopP            *float64 `json:"topP,omitzero"`
	TopK            *int     `json:"topK,omitzero"`
	MaxOutputTokens int      `json:"maxOutputTokens,omitzero"`
	StopSequences   []string `json:"stopSequences,omitempty"`
}

// EncodeRequest writes the body of generateContent and streamGenerateContent.
// It inserts no defaults and is deterministic. Every error is a *chat.Error.
func EncodeRequest(req chat.Request) ([]byte, error) {
	body, err := newRequestBody(req)
	if err != nil {
		return nil, err
	}
	return marshal(body)
}

// EncodeCountTokens writes the body of countTokens, the system instruction
// counted. req.Model must be the upstream's name of the model, without
// "models/".
func EncodeCountTokens(req chat.Request) ([]byte, error) {
	body, err := newRequestBody(req)
	if err != nil {
		return nil, err
	}
	// Limits and stop sequences do not count and are often refused here.
	body.GenerationConfig = nil
	if body.SystemInstruction == nil {
		return marshal(body)
	}
	body.Model = "models/" + req.Model
	return marshal(struct {
		Request *requestBody `json:"generateContentRequest"`
	}{body})
}

func newRequestBody(req chat.Request) (*requestBody, error) {
	if len(req.Turns) == 0 {
		return nil, chat.Invalid("", "the conversation has no turns")
	}
	body := &requestBody{
		Contents:         make([]content, 0, len(req.Turns)),
		GenerationConfig: newGenerationConfig(req),
	}
	if len(req.System) > 0 {
		parts, err := textParts(req.System)
		if err != nil {
			return nil, err
		}
		body.SystemInstruction = &content{Parts: parts}
	}
	for _, turn := range req.Turns {
		c, err := newContent(turn)
		if err != nil {
			return nil, err
		}
		body.Contents = append(body.Contents, c)
	}
	return body, nil
}

func newContent(turn chat.Turn) (content, error) {
	parts, err := textParts(turn.Parts)
	if err != nil {
		return content{}, err
	}
	switch turn.Role {
	case chat.RoleUser:
		return content{Role: "user", Parts: parts}, nil
	case chat.RoleModel:
		return content{Role: "model", Parts: parts}, nil
	}
	return content{}, chat.Invalid("", "a turn has no role")
}

func textParts(parts []chat.Part) ([]textPart, error) {
	if len(parts) == 0 {
		return nil, chat.Invalid("", "a turn has no content")
	}
	out := make([]textPart, len(parts))
	for i, p := range parts {
		if p.Kind != chat.PartText {
			return nil, chat.Invalid("", "only text can be sent to this upstream yet")
		}
		out[i].Text = p.Text
	}
	return out, nil
}

// newGenerationConfig returns nil if the caller said nothing.
func newGenerationConfig(req chat.Request) *generationConfig {
	if req.MaxTokens == 0 && req.Temperature == nil && req.TopP == nil && req.TopK == nil && len(req.Stop) == 0 {
		return nil
	}
	return &generationConfig{
		Temperature:     req.Temperature,
		TopP:            req.TopP,
		TopK:            req.TopK,
		MaxOutputTokens: req.MaxTokens,
		StopSequences:   req.Stop,
	}
}

func marshal(v any) ([]byte, error) {
	body, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, &chat.Error{Message: "internal error", Cause: err}
	}
	return body, nil
}

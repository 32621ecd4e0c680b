package gemini

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/schema"
)

// A Variant is one of the relatives that take the same inner body.
type Variant uint8

// The variants. They differ in how tokens are counted, and in what only one of
// them knows.
const (
	// GenerativeLanguage is generativelanguage v1beta, with an API key.
	GenerativeLanguage Variant = iota
	// Vertex is Vertex AI.
	Vertex
	// CodeAssist is v1internal, whose envelope [WrapCodeAssist] adds.
	CodeAssist
)

// A Codec writes requests. The zero value is of generativelanguage, and ready.
type Codec struct {
	Variant Variant
	// Schemas is the form in which schemas of arguments are sent.
	Schemas schema.Target
	// MixedTools says that the upstream takes its own tools beside functions.
	MixedTools bool
}

// requestBody is the inner body of generateContent. Field order is the order
// on the wire.
type requestBody struct {
	Model             string            `json:"model,omitzero"`
	SystemInstruction *content          `json:"systemInstruction,omitzero"`
	Contents          []content         `json:"contents"`
	Tools             []tool            `json:"tools,omitempty"`
	ToolConfig        *toolConfig       `json:"toolConfig,omitzero"`
	GenerationConfig  *generationConfig `json:"generationConfig,omitzero"`
}

type generationConfig struct {
	Temperature        *float64        `json:"temperature,omitzero"`
	TopP               *float64        `json:"topP,omitzero"`
	TopK               *int            `json:"topK,omitzero"`
	CandidateCount     int             `json:"candidateCount,omitzero"`
	MaxOutputTokens    int             `json:"maxOutputTokens,omitzero"`
	StopSequences      []string        `json:"stopSequences,omitempty"`
	PresencePenalty    *float64        `json:"presencePenalty,omitzero"`
	FrequencyPenalty   *float64        `json:"frequencyPenalty,omitzero"`
	Seed               *int            `json:"seed,omitzero"`
	ResponseMIMEType   string          `json:"responseMimeType,omitzero"`
	ResponseJSONSchema jsontext.Value  `json:"responseJsonSchema,omitempty"`
	ThinkingConfig     *thinkingConfig `json:"thinkingConfig,omitzero"`
}

// EncodeRequest is that of the zero Codec.
func EncodeRequest(req chat.Request) ([]byte, error) { return Codec{}.EncodeRequest(req) }

// EncodeCountTokens is that of the zero Codec.
func EncodeCountTokens(req chat.Request) ([]byte, error) { return Codec{}.EncodeCountTokens(req) }

// EncodeRequest writes the body of generateContent and streamGenerateContent.
// req.Model must be the upstream's name of the model, without "models/". It
// inserts no defaults and is deterministic. Every error is a *chat.Error.
func (c Codec) EncodeRequest(req chat.Request) ([]byte, error) {
	body, err := c.body(req)
	if err != nil {
		return nil, err
	}
	return marshal(body)
}

// EncodeCountTokens writes the body of countTokens, system instruction and
// tools counted where the variant has a place for them.
func (c Codec) EncodeCountTokens(req chat.Request) ([]byte, error) {
	body, err := c.body(req)
	if err != nil {
		return nil, err
	}
	// Limits and stop sequences do not count and are often refused here.
	body.GenerationConfig = nil
	switch {
	case c.Variant == CodeAssist:
		return marshal(struct {
			Request requestBody `json:"request"`
		}{requestBody{Model: "models/" + req.Model, Contents: body.Contents}})
	case c.Variant == Vertex:
		body.ToolConfig = nil
		return marshal(body)
	case body.SystemInstruction == nil && body.Tools == nil:
		return marshal(body)
	}
	body.Model = "models/" + req.Model
	return marshal(struct {
		Request *requestBody `json:"generateContentRequest"`
	}{body})
}

// encoder writes one request.
type encoder struct {
	Codec
	model model
}

func (c Codec) body(req chat.Request) (*requestBody, error) {
	e := encoder{Codec: c, model: parseModel(req.Model)}
	var body requestBody
	var err error
	if body.SystemInstruction, err = e.system(req.System); err != nil {
		return nil, err
	}
	if body.Contents, err = e.contents(req.Turns); err != nil {
		return nil, err
	}
	if body.Tools, err = e.tools(req.Tools); err != nil {
		return nil, err
	}
	if body.ToolConfig, err = e.toolConfig(req); err != nil {
		return nil, err
	}
	body.GenerationConfig, err = e.generationConfig(req)
	return &body, err
}

// generationConfig returns nil if the caller said nothing.
func (e *encoder) generationConfig(req chat.Request) (*generationConfig, error) {
	c := &generationConfig{
		Temperature:      req.Temperature,
		TopP:             req.TopP,
		TopK:             req.TopK,
		CandidateCount:   req.Candidates,
		MaxOutputTokens:  req.MaxTokens,
		StopSequences:    req.Stop,
		PresencePenalty:  req.PresencePenalty,
		FrequencyPenalty: req.FrequencyPenalty,
		Seed:             narrow(req.Seed),
		ThinkingConfig:   e.model.thinking(req.Reasoning),
	}
	if req.Format != nil {
		c.ResponseMIMEType = "application/json"
		if req.Format.Schema != nil {
			var err error
			if c.ResponseJSONSchema, err = schema.Answer(req.Format.Schema); err != nil {
				return nil, chat.Invalid("the schema of the answer", "%v", err)
			}
		}
	}
	if c.silent() {
		return nil, nil
	}
	return c, nil
}

// narrow folds a seed into the 32 bits that the API has for it (genai's
// GenerationConfig). The same seed stays the same, and a small one what it is.
func narrow(seed *int) *int {
	if seed == nil || int64(*seed) == int64(int32(*seed)) {
		return seed
	}
	return new(int(int32(int64(*seed) ^ int64(*seed)>>32)))
}

// silent reports whether c says nothing.
func (c *generationConfig) silent() bool {
	return c.Temperature == nil && c.TopP == nil && c.TopK == nil && c.CandidateCount == 0 && c.MaxOutputTokens == 0 &&
		len(c.StopSequences) == 0 && c.PresencePenalty == nil && c.FrequencyPenalty == nil && c.Seed == nil &&
		c.ResponseMIMEType == "" && c.ThinkingConfig == nil
}

// object returns raw as a JSON object that any parser takes: valid UTF-8, a
// lone surrogate replaced by U+FFFD. at is what it is, for the error.
func object(at string, raw []byte) (jsontext.Value, error) {
	v, err := cleanObject(raw)
	if err != nil {
		return nil, chat.Invalid(at, "must be a JSON object: %v", err)
	}
	return v, nil
}

func marshal(v any) ([]byte, error) {
	body, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, &chat.Error{Message: "internal error", Cause: err}
	}
	return body, nil
}

package anthropic

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// requestBody holds the top-level fields we know. Those we neither carry nor
// refuse end in Unknown, but for the ones named ignored.
type requestBody struct {
	Model         string         `json:"model"`
	MaxTokens     *int           `json:"max_tokens"`
	Messages      []message      `json:"messages"`
	System        content        `json:"system"`
	StopSequences []string       `json:"stop_sequences"`
	Temperature   *float64       `json:"temperature"`
	TopP          *float64       `json:"top_p"`
	TopK          *int           `json:"top_k"`
	Stream        bool           `json:"stream"`
	Metadata      *metadata      `json:"metadata"`
	Thinking      *thinking      `json:"thinking"`
	CacheControl  jsontext.Value `json:"cache_control"`
	ContextEdits  jsontext.Value `json:"context_management"`
	Thread        jsontext.Value `json:"thread"`
	Tools         jsontext.Value `json:"tools"`
	ToolChoice    jsontext.Value `json:"tool_choice"`
	OutputConfig  jsontext.Value `json:"output_config"`
	OutputFormat  jsontext.Value `json:"output_format"`
	MCPServers    jsontext.Value `json:"mcp_servers"`
	Container     jsontext.Value `json:"container"`
	Fallbacks     jsontext.Value `json:"fallbacks"`
	Compaction    jsontext.Value `json:"compaction"`
	Unknown       jsontext.Value `json:",embed"`
}

// ignored are the top-level fields that say nothing to the upstreams we have.
var ignored = [...]string{
	"service_tier", "inference_geo", "speed", "diagnostics", "user_profile_id", "workspace_id",
}

type metadata struct {
	UserID string `json:"user_id"`
}

type thinking struct {
	Type string `json:"type"`
}

type message struct {
	Role    string         `json:"role"`
	Content content        `json:"content"`
	Unknown jsontext.Value `json:",embed"`
}

// content is a string, a list of blocks, or absent.
type content struct {
	isString bool
	text     string
	blocks   []block
}

type block struct {
	Type         string         `json:"type"`
	Text         *string        `json:"text"`
	CacheControl jsontext.Value `json:"cache_control"`
	Unknown      jsontext.Value `json:",embed"`
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

// DecodeRequest reads the body of POST /v1/messages. Every error is a
// *chat.Error of KindInvalid. The result does not share memory with body.
func DecodeRequest(body []byte) (chat.Request, error) {
	wire, err := parse(body)
	if err != nil {
		return chat.Request{}, err
	}
	if wire.MaxTokens == nil {
		return chat.Request{}, chat.Invalid("max_tokens", "required")
	}
	return wire.canonical()
}

// DecodeCountTokens reads the body of POST /v1/messages/count_tokens, which is
// that of DecodeRequest with max_tokens optional.
func DecodeCountTokens(body []byte) (chat.Request, error) {
	wire, err := parse(body)
	if err != nil {
		return chat.Request{}, err
	}
	return wire.canonical()
}

func parse(body []byte) (*requestBody, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, chat.Invalid("", "the body is empty; send a JSON object")
	}
	wire := new(requestBody)
	// Lone surrogates become U+FFFD rather than an error.
	if err := json.Unmarshal(body, wire, jsontext.AllowInvalidUTF8(true)); err != nil {
		return nil, bodyError(err)
	}
	return wire, nil
}

func (w *requestBody) canonical() (chat.Request, error) {
	for _, check := range [...]func() error{w.checkRequired, w.checkSampling, w.checkStop, w.checkUnsupported} {
		if err := check(); err != nil {
			return chat.Request{}, err
		}
	}
	req := chat.Request{
		Model:             w.Model,
		Temperature:       w.Temperature,
		TopP:              w.TopP,
		TopK:              w.TopK,
		Stop:              w.StopSequences,
		Stream:            w.Stream,
		ContextManagement: isSet(w.ContextEdits),
	}
	if w.MaxTokens != nil {
		req.MaxTokens = *w.MaxTokens
	}
	if w.Metadata != nil {
		req.Metadata.UserID = w.Metadata.UserID
	}
	var err error
	if req.Unknown, err = w.unknown(); err != nil {
		return chat.Request{}, err
	}
	return w.converse(req)
}

func (w *requestBody) checkRequired() error {
	switch {
	case w.Model == "":
		return chat.Invalid("model", "required")
	case w.MaxTokens != nil && *w.MaxTokens < 1:
		return chat.Invalid("max_tokens", "must be at least 1")
	case len(w.Messages) == 0:
		return chat.Invalid("messages", "at least one message is required")
	}
	return nil
}

func (w *requestBody) checkSampling() error {
	for _, f := range [...]struct {
		path  string
		value *float64
	}{{"temperature", w.Temperature}, {"top_p", w.TopP}} {
		if f.value != nil && (*f.value < 0 || *f.value > 1) {
			return chat.Invalid(f.path, "must be between 0 and 1")
		}
	}
	if w.TopK != nil && *w.TopK < 0 {
		return chat.Invalid("top_k", "must be at least 0")
	}
	return nil
}

// maxStopSequences is the upstream's limit.
const maxStopSequences = 5

func (w *requestBody) checkStop() error {
	if n := len(w.StopSequences); n > maxStopSequences {
		return chat.Invalid("stop_sequences", "%d are given, at most %d are supported", n, maxStopSequences)
	}
	for i, s := range w.StopSequences {
		if s == "" {
			return chat.Invalid(fmt.Sprintf("stop_sequences.%d", i), "must not be empty")
		}
	}
	return nil
}

// checkUnsupported refuses what would change the answer if it were passed over.
func (w *requestBody) checkUnsupported() error {
	if isSet(w.Thread) {
		// The details make the SDK's tool runner go on without threads.
		err := chat.Invalid("thread", "threads are not supported; send the whole conversation")
		err.Details = []byte(`{"error_code":"thread_unsupported_request","unsupported":["thread"]}`)
		return err
	}
	if w.Thinking != nil {
		// Not even "disabled": what switches it off depends on the upstream's
		// model, and saying nothing leaves it on.
		return chat.Invalid("thinking", "type %q is not supported yet", w.Thinking.Type)
	}
	if isSet(w.ToolChoice) {
		return chat.Invalid("tool_choice", "not supported yet")
	}
	for _, f := range [...]struct {
		path  string
		value jsontext.Value
	}{
		{"tools", w.Tools},
		{"output_config", w.OutputConfig},
		{"output_format", w.OutputFormat},
		{"mcp_servers", w.MCPServers},
		{"container", w.Container},
		{"fallbacks", w.Fallbacks},
		{"compaction", w.Compaction},
	} {
		if isFilled(f.value) {
			return chat.Invalid(f.path, "not supported yet")
		}
	}
	return nil
}

// isSet reports a value other than null.
func isSet(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

// isFilled reports a value that says something: not null, false, or empty.
func isFilled(v jsontext.Value) bool {
	switch string(bytes.Join(bytes.Fields(v), nil)) {
	case "", "null", "false", `""`, "[]", "{}":
		return false
	}
	return true
}

// unknown lists the top-level fields that nobody interpreted, in order.
func (w *requestBody) unknown() ([]chat.Field, error) {
	fields, err := fieldsOf(w.Unknown)
	return slices.DeleteFunc(fields, func(f chat.Field) bool { return slices.Contains(ignored[:], f.Name) }), err
}

// refuseUnknown refuses the first member of an object that says something and
// that we do not know: below the top level nothing is passed over.
func refuseUnknown(path string, object jsontext.Value) error {
	fields, err := fieldsOf(object)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if isFilled(f.Raw) {
			return chat.Invalid(path+"."+f.Name, "not supported yet")
		}
	}
	return nil
}

// fieldsOf lists the members of an object, in order.
func fieldsOf(object jsontext.Value) ([]chat.Field, error) {
	if len(object) == 0 {
		return nil, nil
	}
	var fields []chat.Field
	dec := jsontext.NewDecoder(bytes.NewReader(object), jsontext.AllowInvalidUTF8(true))
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != '}' {
		var name jsontext.Token
		if name, err = dec.ReadToken(); err != nil {
			break
		}
		field := chat.Field{Name: name.String()}
		var raw jsontext.Value
		if raw, err = dec.ReadValue(); err == nil {
			field.Raw = bytes.Clone(raw)
			fields = append(fields, field)
		}
	}
	if err != nil {
		return nil, bodyError(err)
	}
	return fields, nil
}

// dotted turns a JSON pointer into the path form of the API's own messages.
func dotted(p jsontext.Pointer) string {
	var parts []string
	for token := range p.Tokens() {
		parts = append(parts, token)
	}
	return strings.Join(parts, ".")
}

package anthropic

import (
	"bytes"
	"fmt"
	"slices"

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
	Tools         []tool         `json:"tools"`
	ToolChoice    *toolChoice    `json:"tool_choice"`
	OutputConfig  *outputConfig  `json:"output_config"`
	OutputFormat  *outputFormat  `json:"output_format"`
	CacheControl  jsontext.Value `json:"cache_control"`
	ContextEdits  jsontext.Value `json:"context_management"`
	Thread        jsontext.Value `json:"thread"`
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
	if err := decodeAt("", body, wire); err != nil {
		return nil, err
	}
	return wire, nil
}

// checks refuse, in this order; then adds convert. A choice needs the tools.
var (
	checks = [...]func(*requestBody) error{
		(*requestBody).checkRequired, (*requestBody).checkSampling, (*requestBody).checkStop, (*requestBody).checkUnsupported,
	}
	adds = [...]func(*requestBody, *chat.Request) error{
		(*requestBody).addUnknown, (*requestBody).addReasoning, (*requestBody).addFormat,
		(*requestBody).addTools, (*requestBody).addChoice, (*requestBody).addTurns,
	}
)

func (w *requestBody) canonical() (chat.Request, error) {
	for _, check := range checks {
		if err := check(w); err != nil {
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
	for _, add := range adds {
		if err := add(w, &req); err != nil {
			return chat.Request{}, err
		}
	}
	return req, nil
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
	for _, f := range [...]struct {
		path  string
		value jsontext.Value
	}{
		{"mcp_servers", w.MCPServers},
		{"container", w.Container},
		{"fallbacks", w.Fallbacks},
		{"compaction", w.Compaction},
	} {
		if err := refuse("", f.path, f.value); err != nil {
			return err
		}
	}
	return nil
}

// addUnknown lists the top-level fields that nobody interpreted, in order.
func (w *requestBody) addUnknown(req *chat.Request) error {
	fields, err := fieldsOf(w.Unknown)
	req.Unknown = slices.DeleteFunc(fields, func(f chat.Field) bool { return slices.Contains(ignored[:], f.Name) })
	return err
}

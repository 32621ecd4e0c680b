package anthropic

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// tool is one entry of tools, the caller's own or one of the provider's. The
// fields of jsontext.Value alone are ignored: hints to a provider about its
// cache, its way of streaming and its limits.
type tool struct {
	Type        string         `json:"type"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Schema      jsontext.Value `json:"input_schema"`
	Blocked     []string       `json:"blocked_domains"`

	CacheControl        jsontext.Value `json:"cache_control"`
	EagerInputStreaming jsontext.Value `json:"eager_input_streaming"`
	DeferLoading        jsontext.Value `json:"defer_loading"`
	Strict              jsontext.Value `json:"strict"`
	AllowedCallers      jsontext.Value `json:"allowed_callers"`
	InputExamples       jsontext.Value `json:"input_examples"`
	MaxUses             jsontext.Value `json:"max_uses"`
	MaxContentTokens    jsontext.Value `json:"max_content_tokens"`
	UserLocation        jsontext.Value `json:"user_location"`
	UseCache            jsontext.Value `json:"use_cache"`
	ResponseInclusion   jsontext.Value `json:"response_inclusion"`
	Citations           jsontext.Value `json:"citations"`

	Unknown jsontext.Value `json:",embed"`
}

// serverTools are the provider's tools that the upstream has as well, by the
// beginning of their type; a date follows.
var serverTools = [...]struct {
	prefix string
	kind   chat.ToolKind
}{
	{"web_search_", chat.ToolSearch}, {"web_fetch_", chat.ToolFetch}, {"code_execution_", chat.ToolCode},
}

func (t *tool) kind() (kind chat.ToolKind, known bool) {
	if t.Type == "" || t.Type == "custom" {
		return chat.ToolFunction, true
	}
	for _, s := range serverTools {
		if strings.HasPrefix(t.Type, s.prefix) {
			return s.kind, true
		}
	}
	return 0, false
}

func (w *requestBody) addTools(req *chat.Request) error {
	names := make(map[string]bool, len(w.Tools))
	for i := range w.Tools {
		at := fmt.Sprintf("tools.%d", i)
		t, err := w.Tools[i].canonical(at)
		if err != nil {
			return err
		}
		if names[t.Name] {
			return chat.Invalid(at+".name", "%.100q is the name of a tool before", t.Name)
		}
		names[t.Name] = true
		req.Tools = append(req.Tools, t)
	}
	return nil
}

func (t *tool) canonical(at string) (chat.Tool, error) {
	kind, known := t.kind()
	switch {
	case !known:
		return chat.Tool{}, chat.Invalid(at, "type %.100q is not supported by this upstream", t.Type)
	case t.Name == "":
		return chat.Tool{}, chat.Invalid(at+".name", "required")
	case len(t.Blocked) > 0 && kind != chat.ToolSearch:
		return chat.Tool{}, chat.Invalid(at+".blocked_domains", "not supported")
	}
	out := chat.Tool{Kind: kind, Name: t.Name, Description: t.Description, Blocked: t.Blocked}
	if isSet(t.Schema) {
		var err error
		if out.Schema, err = object(at+".input_schema", t.Schema); err != nil {
			return chat.Tool{}, err
		}
	}
	return out, refuseUnknown(at, t.Unknown)
}

type toolChoice struct {
	Type    string         `json:"type"`
	Name    string         `json:"name"`
	Single  bool           `json:"disable_parallel_tool_use"`
	Unknown jsontext.Value `json:",embed"`
}

func (w *requestBody) addChoice(req *chat.Request) error {
	c := w.ToolChoice
	if c == nil {
		return nil
	}
	if err := refuseUnknown("tool_choice", c.Unknown); err != nil {
		return err
	}
	req.Choice.Single = c.Single
	switch c.Type {
	case "auto":
		req.Choice.Mode = chat.ChoiceAuto
	case "none":
		req.Choice.Mode = chat.ChoiceNone
	case "any":
		return chooseAny(req)
	case "tool":
		return c.one(req)
	case "":
		return chat.Invalid("tool_choice.type", "required")
	default:
		return chat.Invalid("tool_choice.type", "%.100q is none of auto, any, tool, none", c.Type)
	}
	return nil
}

// chooseAny demands a call of any function there is.
func chooseAny(req *chat.Request) error {
	if len(req.Tools) == 0 {
		return chat.Invalid("tool_choice", "there are no tools to choose from")
	}
	if slices.ContainsFunc(req.Tools, func(t chat.Tool) bool { return t.Kind == chat.ToolFunction }) {
		req.Choice.Mode = chat.ChoiceAny
	}
	return nil
}

// one demands the named tool. The upstream's own tools cannot be demanded; of
// these the model makes use as it sees fit.
func (c *toolChoice) one(req *chat.Request) error {
	i := slices.IndexFunc(req.Tools, func(t chat.Tool) bool { return t.Name == c.Name })
	switch {
	case c.Name == "":
		return chat.Invalid("tool_choice.name", "required")
	case i < 0:
		return chat.Invalid("tool_choice.name", "there is no tool %.100q", c.Name)
	case req.Tools[i].Kind == chat.ToolFunction:
		req.Choice.Mode, req.Choice.Names = chat.ChoiceAny, []string{c.Name}
	}
	return nil
}

type outputConfig struct {
	Effort  string         `json:"effort"`
	Format  *outputFormat  `json:"format"`
	Unknown jsontext.Value `json:",embed"`
}

type outputFormat struct {
	Type    string         `json:"type"`
	Name    string         `json:"name"`
	Schema  jsontext.Value `json:"schema"`
	Unknown jsontext.Value `json:",embed"`
}

// addFormat reads output_config.format, or output_format, its older place.
func (w *requestBody) addFormat(req *chat.Request) error {
	at, f := "output_format", w.OutputFormat
	if c := w.OutputConfig; c != nil {
		if err := refuseUnknown("output_config", c.Unknown); err != nil {
			return err
		}
		if c.Format != nil && f != nil {
			return chat.Invalid("output_format", "output_config.format says the same; send one")
		}
		if c.Format != nil {
			at, f = "output_config.format", c.Format
		}
	}
	if f == nil {
		return nil
	}
	if f.Type != "json_schema" {
		return chat.Invalid(at+".type", "%.100q is not supported; send json_schema", f.Type)
	}
	schema, err := object(at+".schema", f.Schema)
	if err != nil {
		return err
	}
	req.Format = &chat.Format{Name: f.Name, Schema: schema}
	return refuseUnknown(at, f.Unknown)
}

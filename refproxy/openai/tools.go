package openai

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// function describes a function in either API.
type function struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Parameters  jsontext.Value `json:"parameters"`
	Unknown     jsontext.Value `json:",embed"`
}

// passedInTools are what the upstream has no switch for: arguments that keep to
// the schema strictly, tools that are loaded later, shapes of what functions
// return, and hints to a search.
var passedInTools = []string{
	"strict", "cache_control", "allowed_callers", "defer_loading", "output_schema",
	"external_web_access", "search_context_size", "user_location",
}

// qualified is a function's name within its namespace, which may be empty.
type qualified struct{ namespace, name string }

// flat is the name that the model knows the function by.
func (q qualified) flat() string {
	if q.namespace == "" {
		return q.name
	}
	return q.namespace + "__" + q.name
}

// toolset collects the tools of a request.
type toolset struct {
	tools []chat.Tool
	names map[string]qualified // by flat name
}

func (s *toolset) function(at, namespace string, f function) error {
	if f.Name == "" {
		return chat.Invalid(at+".name", "required")
	}
	if err := refuseUnknown(at, f.Unknown, passedInTools...); err != nil {
		return err
	}
	q := qualified{namespace, f.Name}
	if _, twice := s.names[q.flat()]; twice {
		return chat.Invalid(at+".name", "there are two functions %.100q", q.flat())
	}
	if isSet(f.Parameters) && f.Parameters.Kind() != '{' {
		return chat.Invalid(at+".parameters", "must be a JSON Schema, an object")
	}
	if s.names == nil {
		s.names = map[string]qualified{}
	}
	s.names[q.flat()] = q
	tool := chat.Tool{Kind: chat.ToolFunction, Name: q.flat(), Description: f.Description}
	if isSet(f.Parameters) {
		tool.Schema = f.Parameters
	}
	s.tools = append(s.tools, tool)
	return nil
}

// toolChoice is the object form of tool_choice; Chat Completions nests what
// Responses has at the top.
type toolChoice struct {
	Type     string       `json:"type"`
	Name     string       `json:"name"`
	Function *toolChoice  `json:"function"`
	Allowed  *toolChoice  `json:"allowed_tools"`
	Mode     string       `json:"mode"`
	Tools    []toolChoice `json:"tools"`

	Namespace string         `json:"namespace"`
	Unknown   jsontext.Value `json:",embed"`
}

// choose converts tool_choice and parallel_tool_calls into req, whose tools are
// those of s. Tools that are not allowed are left out.
func (s *toolset) choose(req *chat.Request, c *common) error {
	req.Tools = s.tools
	req.Choice.Single = c.Parallel != nil && !*c.Parallel
	const at = "tool_choice"
	switch {
	case c.ToolChoice.text != nil:
		mode, err := choiceMode(at, *c.ToolChoice.text)
		if err == nil && mode == chat.ChoiceAny && len(s.names) == 0 {
			err = chat.Invalid(at, "there is no function to call")
		}
		req.Choice.Mode = mode
		return err
	case c.ToolChoice.value != nil:
		return s.chooseBy(req, at, c.ToolChoice.value)
	}
	return nil
}

func choiceMode(at, word string) (chat.ChoiceMode, error) {
	switch word {
	case "auto":
		return chat.ChoiceAuto, nil
	case "none":
		return chat.ChoiceNone, nil
	case "required":
		return chat.ChoiceAny, nil
	}
	return chat.ChoiceUnset, chat.Invalid(at, "%.100q is none of none, auto, required", word)
}

func (s *toolset) chooseBy(req *chat.Request, at string, c *toolChoice) error {
	if err := refuseUnknown(at, c.Unknown); err != nil {
		return err
	}
	switch {
	case c.Type == "function":
		name, err := s.find(at, c)
		req.Choice = chat.Choice{Mode: chat.ChoiceAny, Names: []string{name}, Single: req.Choice.Single}
		return err
	case c.Type == "allowed_tools" && c.Allowed != nil:
		return s.allow(req, at+".allowed_tools", c.Allowed)
	case c.Type == "allowed_tools":
		return s.allow(req, at, c)
	case isSearch(c.Type):
		return nil // the upstream decides for itself when to search
	}
	return chat.Invalid(at+".type", "%.100q is not supported", c.Type)
}

// allow limits the model to some of the tools.
func (s *toolset) allow(req *chat.Request, at string, c *toolChoice) error {
	mode, err := choiceMode(at+".mode", c.Mode)
	if err != nil {
		return err
	}
	if len(c.Tools) == 0 {
		return chat.Invalid(at+".tools", "at least one tool is required")
	}
	var names []string
	search := false
	for i := range c.Tools {
		if isSearch(c.Tools[i].Type) {
			search = true
			continue
		}
		name, err := s.find(fmt.Sprintf("%s.tools[%d]", at, i), &c.Tools[i])
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	req.Choice.Mode = mode
	req.Tools = slices.DeleteFunc(slices.Clone(req.Tools), func(t chat.Tool) bool {
		if t.Kind == chat.ToolSearch {
			return !search
		}
		return !slices.Contains(names, t.Name)
	})
	return nil
}

// find returns the flat name of the function that c names.
func (s *toolset) find(at string, c *toolChoice) (string, error) {
	if c.Type != "function" {
		return "", chat.Invalid(at+".type", "%.100q is not supported", c.Type)
	}
	q := qualified{c.Namespace, c.Name}
	if c.Function != nil {
		at += ".function"
		q = qualified{"", c.Function.Name}
	}
	if _, ok := s.names[q.flat()]; !ok {
		return "", chat.Invalid(at+".name", "there is no function %.100q among the tools", q.flat())
	}
	return q.flat(), nil
}

// isSearch reports the types of tool that search the web.
func isSearch(kind string) bool {
	switch kind {
	case "web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11":
		return true
	}
	return false
}

// format is response_format, or text.format, which does not nest the schema.
type format struct {
	Type        string         `json:"type"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Schema      jsontext.Value `json:"schema"`
	Strict      *bool          `json:"strict"`
	JSONSchema  *format        `json:"json_schema"`
	Unknown     jsontext.Value `json:",embed"`
}

func (f *format) canonical(at string) (*chat.Format, error) {
	if f == nil {
		return nil, nil
	}
	if err := refuseUnknown(at, f.Unknown); err != nil {
		return nil, err
	}
	switch f.Type {
	case "text":
		return nil, nil
	case "json_object":
		return &chat.Format{}, nil
	case "json_schema":
		if f.JSONSchema != nil {
			at, f = at+".json_schema", f.JSONSchema
		}
		if f.Schema.Kind() != '{' {
			return nil, chat.Invalid(at+".schema", "must be a JSON Schema, an object")
		}
		return &chat.Format{Name: f.Name, Schema: f.Schema}, nil
	}
	return nil, chat.Invalid(at+".type", "%.100q is none of text, json_object, json_schema", f.Type)
}

var efforts = map[string]chat.Effort{
	"": chat.EffortUnset, "none": chat.EffortNone, "minimal": chat.EffortMinimal, "low": chat.EffortLow,
	"medium": chat.EffortMedium, "high": chat.EffortHigh, "xhigh": chat.EffortMax, "max": chat.EffortMax,
}

func effort(at, word string) (chat.Effort, error) {
	e, ok := efforts[word]
	if !ok {
		return e, chat.Invalid(at, "%.100q is none of none, minimal, low, medium, high, xhigh, max", word)
	}
	return e, nil
}

// call converts a call that the model made earlier.
func call(at, id, name, arguments string) (chat.Part, error) {
	if id == "" || name == "" {
		return chat.Part{}, chat.Invalid(at, "a call needs its id and the function's name")
	}
	args := jsontext.Value(bytes.TrimSpace([]byte(arguments)))
	if len(args) == 0 {
		args = jsontext.Value("{}")
	}
	// Formatting also settles lone surrogates, which are escapes until now.
	if err := args.Format(lenient); err != nil || args.Kind() != '{' {
		return chat.Part{}, chat.Invalid(at, "the arguments are not a JSON object")
	}
	id, signature := chat.SplitID(id)
	return chat.Part{Kind: chat.PartCall, Call: &chat.Call{ID: id, Name: name, Args: args}, Signature: signature}, nil
}

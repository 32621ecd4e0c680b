package gemini

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/schema"
)

// tool is one element of the list of tools, which holds one field.
type tool struct {
	FunctionDeclarations []declaration `json:"functionDeclarations,omitempty"`
	GoogleSearch         *googleSearch `json:"googleSearch,omitzero"`
	URLContext           *struct{}     `json:"urlContext,omitzero"`
	CodeExecution        *struct{}     `json:"codeExecution,omitzero"`
}

type declaration struct {
	Name                 string         `json:"name"`
	Description          string         `json:"description"`
	Parameters           jsontext.Value `json:"parameters,omitempty"`
	ParametersJSONSchema jsontext.Value `json:"parametersJsonSchema,omitempty"`
}

type googleSearch struct {
	ExcludeDomains []string `json:"excludeDomains,omitempty"`
}

type toolConfig struct {
	FunctionCallingConfig callingConfig `json:"functionCallingConfig"`
}

type callingConfig struct {
	Mode                 string   `json:"mode"`
	AllowedFunctionNames []string `json:"allowedFunctionNames,omitempty"`
}

// tools returns one element with all functions (su-kaka/gcli2api #402: only
// the first one arrived), and one for each of the upstream's own tools.
func (e *encoder) tools(tools []chat.Tool) ([]tool, error) {
	var functions []declaration
	var own []tool
	seen, named := map[chat.ToolKind]bool{}, map[string]bool{}
	for i := range tools {
		at, t := fmt.Sprintf("tools.%d", i), &tools[i]
		if t.Kind == chat.ToolFunction {
			d, err := e.declaration(at, t)
			if err != nil {
				return nil, err
			}
			if named[d.Name] {
				return nil, chat.Invalid(at+".name", "there are two tools %.100q", t.Name)
			}
			named[d.Name] = true
			functions = append(functions, d)
			continue
		}
		builtIn, err := e.builtIn(at, t)
		if err != nil {
			return nil, err
		}
		if !seen[t.Kind] {
			own = append(own, builtIn)
		}
		seen[t.Kind] = true
	}
	if functions == nil {
		return own, nil
	}
	if own != nil && !e.MixedTools {
		return nil, chat.Invalid("tools", "this upstream takes either functions or its own tools (search, fetch, code execution), not both in one request")
	}
	return slices.Insert(own, 0, tool{FunctionDeclarations: functions}), nil
}

func (e *encoder) declaration(at string, t *chat.Tool) (declaration, error) {
	if t.Name == "" {
		return declaration{}, chat.Invalid(at+".name", "required")
	}
	d := declaration{Name: wireName(t.Name), Description: t.Description}
	if t.Schema == nil {
		return d, nil
	}
	arguments, target, err := schema.Arguments(t.Schema, e.Schemas)
	if err != nil {
		return declaration{}, chat.Invalid(at+".input_schema", "%v", err)
	}
	if target == schema.Parameters {
		d.Parameters = arguments
	} else {
		d.ParametersJSONSchema = arguments
	}
	return d, nil
}

func (e *encoder) builtIn(at string, t *chat.Tool) (tool, error) {
	switch t.Kind {
	case chat.ToolSearch:
		search := &googleSearch{}
		if e.Variant == Vertex { // the others have no such field
			search.ExcludeDomains = t.Blocked
		}
		return tool{GoogleSearch: search}, nil
	case chat.ToolFetch:
		return tool{URLContext: new(struct{})}, nil
	case chat.ToolCode:
		return tool{CodeExecution: new(struct{})}, nil
	}
	return tool{}, chat.Invalid(at, "this upstream has no tool of this kind")
}

// toolConfig returns nil if the caller said nothing, or nothing that a request
// without functions can carry.
func (e *encoder) toolConfig(req chat.Request) (*toolConfig, error) {
	functions, others := names(req.Tools)
	var c callingConfig
	switch req.Choice.Mode {
	case chat.ChoiceUnset:
		return nil, nil
	case chat.ChoiceAuto:
		c.Mode = "AUTO"
	case chat.ChoiceNone:
		c.Mode = "NONE"
	case chat.ChoiceAny:
		c.Mode = "ANY"
		for _, name := range req.Choice.Names {
			if slices.Contains(others, name) {
				return nil, nil // the model cannot be made to use its own tools
			}
			if !slices.Contains(functions, name) {
				return nil, chat.Invalid("tool_choice", "there is no tool %.100q", name)
			}
			c.AllowedFunctionNames = append(c.AllowedFunctionNames, wireName(name))
		}
		if len(req.Tools) == 0 {
			return nil, chat.Invalid("tool_choice", "there are no tools to choose from")
		}
	}
	if functions == nil {
		return nil, nil
	}
	return &toolConfig{c}, nil
}

// names returns the names of the caller's functions and of the other tools.
func names(tools []chat.Tool) (functions, others []string) {
	for _, t := range tools {
		if t.Kind == chat.ToolFunction {
			functions = append(functions, t.Name)
		} else {
			others = append(others, t.Name)
		}
	}
	return functions, others
}

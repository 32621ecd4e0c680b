package openai

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// responsesBody is the body of POST /v1/responses.
type responsesBody struct {
	common
	Input        either[[]item]  `json:"input"`
	Instructions string          `json:"instructions"`
	MaxOutput    *int            `json:"max_output_tokens"`
	Text         *textConfig     `json:"text"`
	Reasoning    *reasoning      `json:"reasoning"`
	Tools        []responsesTool `json:"tools"`
	Include      []string        `json:"include"`
	Metadata     jsontext.Value  `json:"metadata"`
	CacheKey     string          `json:"prompt_cache_key"`
	SafetyID     string          `json:"safety_identifier"`
}

type textConfig struct {
	Format    *format        `json:"format"`
	Verbosity string         `json:"verbosity"`
	Unknown   jsontext.Value `json:",embed"`
}

// reasoning is what a client says of it; what else it may hold is passed over,
// as no upstream here has a word for it.
type reasoning struct {
	Effort  string `json:"effort"`
	Summary string `json:"summary"`
	Old     string `json:"generate_summary"`
}

type responsesTool struct {
	Type string `json:"type"`
	function
	Tools   []responsesTool `json:"tools"`
	Filters searchFilters   `json:"filters"`
}

type searchFilters struct {
	Allowed []string `json:"allowed_domains"`
	Blocked []string `json:"blocked_domains"`
}

var responsesFates = map[string]fate{
	"previous_response_id": {"nothing is stored; send the whole conversation as input"},
	"conversation":         {"nothing is stored; send the whole conversation as input"},
	"background":           {"nothing is stored, so nobody could ask for the answer later"},
	"prompt":               {"no prompts are stored here; send instructions and input"},
	"context_management":   {"the conversation is not compacted here"},
	"moderation":           {"nothing is moderated here"},

	"access_programs":          ignored,
	"client_metadata":          ignored,
	"max_tool_calls":           ignored,
	"prompt_cache_diagnostics": ignored,
	"prompt_cache_options":     ignored,
	"prompt_cache_retention":   ignored,
	"service_tier":             ignored,
	"store":                    ignored,
	"stream_options":           ignored,
	"truncation":               ignored,
}

// ResponsesReply is what the answer to a response has to know of its request.
type ResponsesReply struct {
	names map[string]qualified // of functions, by the name the model knows
	echo  echo
}

// DecodeResponses reads the body of POST /v1/responses. Every error is a
// *chat.Error of KindInvalid. The results do not share memory with body.
func DecodeResponses(body []byte) (chat.Request, ResponsesReply, error) {
	var wire responsesBody
	if err := parse(body, &wire); err != nil {
		return chat.Request{}, ResponsesReply{}, err
	}
	req, err := wire.common.canonical(responsesFates)
	var set toolset
	for _, step := range [...]func(*chat.Request) error{
		wire.output, wire.includes,
		func(req *chat.Request) error { return wire.tools(req, &set) },
		wire.converse,
	} {
		if err != nil {
			return chat.Request{}, ResponsesReply{}, err
		}
		err = step(&req)
	}
	if err != nil {
		return chat.Request{}, ResponsesReply{}, err
	}
	// What is echoed is read once more, raw.
	var said echo
	if err := parse(body, &said); err != nil {
		return chat.Request{}, ResponsesReply{}, err
	}
	return req, ResponsesReply{names: set.names, echo: said.or(defaultEcho)}, nil
}

func (w *responsesBody) output(req *chat.Request) (err error) {
	if req.MaxTokens, err = positive("max_output_tokens", w.MaxOutput); err != nil {
		return err
	}
	if r := w.Reasoning; r != nil {
		req.Reasoning.Show = r.Summary != "" || r.Old != ""
		if req.Reasoning.Effort, err = effort("reasoning.effort", r.Effort); err != nil {
			return err
		}
	}
	if w.Text == nil {
		return nil
	}
	if err := refuseUnknown("text", w.Text.Unknown); err != nil {
		return err
	}
	req.Format, err = w.Text.Format.canonical("text.format")
	return err
}

// includes refuses what an answer of ours cannot have. Of the rest nothing has
// to be done: reasoning is always sealed into its items, and the others belong
// to tools that are refused.
func (w *responsesBody) includes(*chat.Request) error {
	for i, what := range w.Include {
		if what == "message.output_text.logprobs" {
			return chat.Invalid(fmt.Sprintf("include[%d]", i), noLogprobs)
		}
	}
	return nil
}

func (w *responsesBody) tools(req *chat.Request, set *toolset) error {
	for i, t := range w.Tools {
		if err := set.responses(fmt.Sprintf("tools[%d]", i), "", t); err != nil {
			return err
		}
	}
	return set.choose(req, &w.common)
}

// responses adds one tool. Namespaces do not hold namespaces.
func (s *toolset) responses(at, namespace string, t responsesTool) error {
	switch {
	case t.Type == "function":
		return s.function(at, namespace, t.function)
	case isSearch(t.Type) && namespace == "":
		if err := refuseUnknown(at, t.Unknown, passedInTools...); err != nil {
			return err
		}
		if len(t.Filters.Allowed) > 0 {
			return chat.Invalid(at+".filters.allowed_domains", "not supported: the upstream's search can only leave domains out")
		}
		s.tools = append(s.tools, chat.Tool{Kind: chat.ToolSearch, Name: t.Type, Blocked: t.Filters.Blocked})
		return nil
	case t.Type == "namespace" && namespace == "":
		if t.Name == "" {
			return chat.Invalid(at+".name", "required")
		}
		for i, inner := range t.Tools {
			if err := s.responses(fmt.Sprintf("%s.tools[%d]", at, i), t.Name, inner); err != nil {
				return err
			}
		}
		return nil
	}
	return chat.Invalid(at+".type", "%.100q is not supported; function, web_search and namespace are", t.Type)
}

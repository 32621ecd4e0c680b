package openai

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// chatBody is the body of POST /v1/chat/completions.
type chatBody struct {
	common
	Messages        []chatMessage    `json:"messages"`
	MaxCompletion   *int             `json:"max_completion_tokens"`
	MaxTokens       *int             `json:"max_tokens"`
	Seed            *int             `json:"seed"`
	Presence        *float64         `json:"presence_penalty"`
	Frequency       *float64         `json:"frequency_penalty"`
	Stop            either[[]string] `json:"stop"`
	N               *int             `json:"n"`
	StreamOptions   *streamOptions   `json:"stream_options"`
	ReasoningEffort string           `json:"reasoning_effort"`
	ResponseFormat  *format          `json:"response_format"`
	Tools           []chatTool       `json:"tools"`
	Modalities      []string         `json:"modalities"`
	WebSearch       *struct{}        `json:"web_search_options"`
	WantLogprobs    bool             `json:"logprobs"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type chatTool struct {
	Type     string         `json:"type"`
	Function *function      `json:"function"`
	Unknown  jsontext.Value `json:",embed"`
}

var chatFates = map[string]fate{
	"logit_bias":    {"the upstream has no bias of tokens"},
	"audio":         {"the upstream's answers are text"},
	"prediction":    {"the upstream takes no predicted output"},
	"functions":     {"use tools"},
	"function_call": {"use tool_choice"},
	"moderation":    {"nothing is moderated here"},

	"metadata":               ignored,
	"prompt_cache_key":       ignored,
	"prompt_cache_options":   ignored,
	"prompt_cache_retention": ignored,
	"safety_identifier":      ignored,
	"service_tier":           ignored,
	"store":                  ignored,
	"verbosity":              ignored,
}

// ChatReply is what the answer to a chat completion has to know of its request.
type ChatReply struct {
	// ShowReasoning adds reasoning_content, an extension that other servers
	// have, to answers. Reasoning comes only if [chat.Reasoning].Show is set in
	// the request too.
	ShowReasoning bool

	model        string
	includeUsage bool
}

// DecodeChat reads the body of POST /v1/chat/completions. Every error is a
// *chat.Error of KindInvalid. The results do not share memory with body.
func DecodeChat(body []byte) (chat.Request, ChatReply, error) {
	var wire chatBody
	if err := parse(body, &wire); err != nil {
		return chat.Request{}, ChatReply{}, err
	}
	req, err := wire.canonical()
	if err != nil {
		return chat.Request{}, ChatReply{}, err
	}
	reply := ChatReply{model: req.Model}
	reply.includeUsage = wire.StreamOptions != nil && wire.StreamOptions.IncludeUsage
	return req, reply, nil
}

func (w *chatBody) canonical() (chat.Request, error) {
	req, err := w.common.canonical(chatFates)
	for _, step := range [...]func(*chat.Request) error{
		w.limits, w.sampling, w.stop, w.candidates, w.output, w.tools, w.converse,
	} {
		if err != nil {
			return req, err
		}
		err = step(&req)
	}
	return req, err
}

// limits prefers the newer name of the limit.
func (w *chatBody) limits(req *chat.Request) error {
	old, err := positive("max_tokens", w.MaxTokens)
	if err != nil {
		return err
	}
	if req.MaxTokens, err = positive("max_completion_tokens", w.MaxCompletion); req.MaxTokens == 0 {
		req.MaxTokens = old
	}
	return err
}

func (w *chatBody) sampling(req *chat.Request) error {
	if w.WantLogprobs {
		return chat.Invalid("logprobs", noLogprobs)
	}
	req.Seed, req.PresencePenalty, req.FrequencyPenalty = w.Seed, w.Presence, w.Frequency
	if err := within("presence_penalty", w.Presence, -2, 2); err != nil {
		return err
	}
	return within("frequency_penalty", w.Frequency, -2, 2)
}

// maxStop is the upstream's limit; the API's own is 4.
const maxStop = 5

func (w *chatBody) stop(req *chat.Request) error {
	switch {
	case w.Stop.text != nil:
		req.Stop = []string{*w.Stop.text}
	case w.Stop.value != nil:
		req.Stop = *w.Stop.value
	}
	if n := len(req.Stop); n > maxStop {
		return chat.Invalid("stop", "%d are given, at most %d are supported", n, maxStop)
	}
	if slices.Contains(req.Stop, "") {
		return chat.Invalid("stop", "must not be empty")
	}
	return nil
}

func (w *chatBody) candidates(req *chat.Request) error {
	n, err := positive("n", w.N)
	if err == nil && n > 1 && w.Stream {
		err = chat.Invalid("n", "a streamed answer has one choice; leave out n or stream")
	}
	req.Candidates = n
	return err
}

func (w *chatBody) output(req *chat.Request) error {
	for i, m := range w.Modalities {
		if m != "text" {
			return chat.Invalid(fmt.Sprintf("modalities[%d]", i), "answers are text")
		}
	}
	var err error
	if req.Reasoning.Effort, err = effort("reasoning_effort", w.ReasoningEffort); err != nil {
		return err
	}
	req.Format, err = w.ResponseFormat.canonical("response_format")
	return err
}

func (w *chatBody) tools(req *chat.Request) error {
	var set toolset
	for i, t := range w.Tools {
		at := fmt.Sprintf("tools[%d]", i)
		if t.Type != "function" || t.Function == nil {
			return chat.Invalid(at+".type", "%.100q is not supported; only functions are", t.Type)
		}
		if err := refuseUnknown(at, t.Unknown, passedInTools...); err != nil {
			return err
		}
		if err := set.function(at+".function", "", *t.Function); err != nil {
			return err
		}
	}
	if w.WebSearch != nil {
		set.tools = append(set.tools, chat.Tool{Kind: chat.ToolSearch, Name: "web_search"})
	}
	return set.choose(req, &w.common)
}

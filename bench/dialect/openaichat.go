package dialect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// OpenAIChat is the chat completions API of OpenAI and of the many servers that
// speak it, streaming. The zero value is ready.
type OpenAIChat struct {
	// LegacyMaxTokens bounds answers by max_tokens, which servers know that are
	// older than max_completion_tokens. OpenAI's own refuses both at once.
	LegacyMaxTokens bool
}

var _ Dialect = OpenAIChat{}

// Name returns "openai-chat".
func (OpenAIChat) Name() string { return "openai-chat" }

// Request implements [Dialect]. It asks for the usage, which this API tells in
// one more chunk.
func (d OpenAIChat) Request(item *datasets.Item, model string, tag Tag) (Request, error) {
	p, err := tagged(item, tag)
	if err != nil {
		return Request{}, err
	}
	limit := "max_completion_tokens"
	if d.LegacyMaxTokens {
		limit = "max_tokens"
	}
	body := new(object).add("model", model).add(limit, item.MaxTokens).add("stream", true)
	body.raw("stream_options", new(object).add("include_usage", true).json())
	if len(item.Stop) > 0 {
		body.add("stop", item.Stop)
	}
	if len(item.Tools) > 0 {
		body.raw("tools", list(chatTools(item.Tools)...))
	}
	if p.system != nil {
		p.messages = append([]datasets.Message{{Role: "system", Content: p.system}}, p.messages...)
	}
	return post("/v1/chat/completions", body.raw("messages", list(turns(p.messages)...)).json()), nil
}

func chatTools(tools []datasets.Tool) (list [][]byte) {
	for _, t := range tools {
		list = append(list, new(object).add("type", "function").raw("function", function(t).json()).json())
	}
	return list
}

// Authorize implements [Dialect].
func (OpenAIChat) Authorize(header http.Header, key string) { bearer(header, key) }

// Open implements [Dialect].
func (OpenAIChat) Open(contentType string) (Stream, error) {
	return eventStream.open(contentType, OpenAIChat{})
}

// Refusal reads {"error":{"message":…,"type":…,"code":…}}, and what servers
// that speak this API make of it.
func (OpenAIChat) Refusal(body []byte) (code, message string) { return refusal(body) }

func (OpenAIChat) terminator() string { return "[DONE]" }

func (OpenAIChat) decoder() decoder { return chatDecoder{} }

// look goes by the members that hold pieces. A chunk ends with a brace, so that
// only the mark of the end ends with a bracket.
func (OpenAIChat) look(frame []byte) Seen {
	if bytes.HasSuffix(bytes.TrimRight(frame, "\r\n"), []byte("[DONE]")) {
		return Seen{End: true}
	}
	for _, member := range []string{`"content"`, `"reasoning_content"`, `"reasoning"`, `"arguments"`, `"refusal"`} {
		if filled(frame, member) {
			return Seen{Token: true}
		}
	}
	return Seen{}
}

type chatChunk struct {
	Choices []struct {
		Index  int
		Delta  chatDelta
		Finish string `json:"finish_reason"`
	}
	Usage *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Input      struct {
			Cached int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
		Output struct {
			Reasoning int `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	}
	Object string
	Error  json.RawMessage
}

// A chatDelta is a piece of a message. Reasoning has two names: that of DeepSeek,
// and that of OpenRouter, Ollama and newer vLLM; a server may send both.
type chatDelta struct {
	Content          string
	Refusal          string
	ReasoningContent json.RawMessage `json:"reasoning_content"`
	Reasoning        json.RawMessage
	ToolCalls        []struct {
		Index    int
		ID       string
		Function struct{ Name, Arguments string }
	} `json:"tool_calls"`
}

type chatDecoder struct{}

func (chatDecoder) take(g *gathering, e event) {
	if isDone(e.data) {
		g.end()
		return
	}
	var chunk chatChunk
	if !g.read(e.data, &chunk) {
		return
	}
	if told(chunk.Error) || chunk.Object == "error" || string(e.name) == "error" {
		g.failed(refusal(e.data))
		return
	}
	if u := chunk.Usage; u != nil {
		g.usage(Usage{Input: u.Prompt, Output: u.Completion, Cached: u.Input.Cached, Reasoning: u.Output.Reasoning})
	}
	for i := range chunk.Choices {
		c := &chunk.Choices[i]
		if c.Index != 0 {
			continue // one answer was asked for
		}
		c.Delta.tell(g)
		if c.Finish != "" {
			g.stop(c.Finish, chatStops[c.Finish])
		}
	}
}

// chatStops are the finish reasons in Anthropic's words.
var chatStops = map[string]string{
	"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal",
}

func (d *chatDelta) tell(g *gathering) {
	g.think(cmp.Or(textOf(d.ReasoningContent), textOf(d.Reasoning)))
	g.say(d.Content)
	g.say(d.Refusal)
	for _, c := range d.ToolCalls {
		g.call(c.Index, c.ID, c.Function.Name)
		g.argue(c.Index, c.Function.Arguments)
	}
}

// textOf is a string; servers also put objects in its place, which are no text.
func textOf(data json.RawMessage) (text string) {
	_ = json.Unmarshal(data, &text) // else it stays empty
	return text
}

package dialect

import (
	"encoding/json"
	"net/http"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// anthropicVersion is the API version that every request names.
const anthropicVersion = "2023-06-01"

// Anthropic is the Messages API, streaming. The zero value is ready.
type Anthropic struct{}

var _ Dialect = Anthropic{}

// Name returns "anthropic".
func (Anthropic) Name() string { return "anthropic" }

// Request implements [Dialect].
func (Anthropic) Request(item *datasets.Item, model string, tag Tag) (Request, error) {
	p, err := tagged(item, tag)
	if err != nil {
		return Request{}, err
	}
	body := new(object).add("model", model).add("max_tokens", item.MaxTokens).add("stream", true)
	if p.system != nil {
		body.raw("system", p.system)
	}
	if len(item.Stop) > 0 {
		body.add("stop_sequences", item.Stop)
	}
	if len(item.Tools) > 0 {
		body.add("tools", item.Tools) // the dataset's words are Anthropic's
	}
	r := post("/v1/messages", body.raw("messages", list(turns(p.messages)...)).json())
	r.Header.Set("Anthropic-Version", anthropicVersion)
	return r, nil
}

// Authorize sets the key's header.
func (Anthropic) Authorize(header http.Header, key string) { header.Set("X-Api-Key", key) }

// Open implements [Dialect].
func (Anthropic) Open(contentType string) (Stream, error) {
	return eventStream.open(contentType, Anthropic{})
}

// Refusal reads {"type":"error","error":{"type":…,"message":…}}.
func (Anthropic) Refusal(body []byte) (code, message string) { return refusal(body) }

func (Anthropic) terminator() string { return "message_stop" }

func (Anthropic) decoder() decoder { return anthropicDecoder{} }

// look goes by the types of deltas, which cannot stand in a text: their quotes
// would be escaped there.
func (Anthropic) look(frame []byte) Seen {
	return Seen{
		Token: has(frame, `"text_delta"`, `"thinking_delta"`, `"input_json_delta"`),
		End:   has(frame, `"message_stop"`),
	}
}

type anthropicUsage struct {
	Input   int `json:"input_tokens"` // without the next two
	Read    int `json:"cache_read_input_tokens"`
	Written int `json:"cache_creation_input_tokens"`
	Output  int `json:"output_tokens"`
	Details struct {
		Thinking int `json:"thinking_tokens"`
	} `json:"output_tokens_details"`
}

// An anthropicEvent holds the fields of all events that a timer asks about.
type anthropicEvent struct {
	Type  string
	Index int                             // of the content block
	Block struct{ Type, ID, Name string } `json:"content_block"`
	Delta struct {
		Type     string
		Text     string
		Thinking string
		JSON     string `json:"partial_json"`
		Stop     string `json:"stop_reason"`
	}
	Message struct{ Usage *anthropicUsage }
	Usage   *anthropicUsage
	Error   json.RawMessage
}

type anthropicDecoder struct{}

func (anthropicDecoder) take(g *gathering, e event) {
	var event anthropicEvent
	if !g.read(e.data, &event) {
		return
	}
	switch event.Type {
	case "":
		g.fault(BadJSON, "an event without a type")
	case "message_start":
		event.Message.Usage.tell(g)
	case "content_block_start":
		if event.Block.Type == "tool_use" {
			g.call(event.Index, event.Block.ID, event.Block.Name)
		}
	case "content_block_delta":
		event.delta(g)
	case "message_delta":
		event.Usage.tell(g)
		if word := event.Delta.Stop; word != "" {
			g.stop(word, word)
		}
	case "message_stop":
		g.end()
	case "error":
		g.failed(readError(event.Error))
	}
}

// delta takes in a piece of any channel.
func (e *anthropicEvent) delta(g *gathering) {
	switch e.Delta.Type {
	case "text_delta":
		g.say(e.Delta.Text)
	case "thinking_delta":
		g.think(e.Delta.Thinking)
	case "input_json_delta":
		g.argue(e.Index, e.Delta.JSON)
	}
}

func (u *anthropicUsage) tell(g *gathering) {
	if u != nil {
		g.usage(Usage{
			Input: u.Input + u.Read + u.Written, Output: u.Output,
			Cached: u.Read, Reasoning: u.Details.Thinking,
		})
	}
}

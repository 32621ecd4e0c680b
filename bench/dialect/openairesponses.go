package dialect

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// OpenAIResponses is the responses API of OpenAI, streaming, with nothing stored.
// The zero value is ready.
type OpenAIResponses struct{}

var _ Dialect = OpenAIResponses{}

// Name returns "openai-responses".
func (OpenAIResponses) Name() string { return "openai-responses" }

// Request implements [Dialect]. This API has no stop sequences: those of an item
// cannot go out.
func (OpenAIResponses) Request(item *datasets.Item, model string, tag Tag) (Request, error) {
	p, err := tagged(item, tag)
	if err != nil {
		return Request{}, err
	}
	body := new(object).add("model", model).add("max_output_tokens", item.MaxTokens).add("stream", true).add("store", false)
	if p.system != nil {
		body.raw("instructions", p.system)
	}
	if len(item.Tools) > 0 {
		body.raw("tools", list(responsesTools(item.Tools)...))
	}
	return post("/v1/responses", body.raw("input", list(turns(p.messages)...)).json()), nil
}

// responsesTools are not strict: that would refuse schemas that leave anything open.
func responsesTools(tools []datasets.Tool) (list [][]byte) {
	for _, t := range tools {
		list = append(list, function(t).add("type", "function").add("strict", false).json())
	}
	return list
}

// Authorize implements [Dialect].
func (OpenAIResponses) Authorize(header http.Header, key string) { bearer(header, key) }

// Open implements [Dialect].
func (OpenAIResponses) Open(contentType string) (Stream, error) {
	return eventStream.open(contentType, OpenAIResponses{})
}

// Refusal implements [Dialect].
func (OpenAIResponses) Refusal(body []byte) (code, message string) { return refusal(body) }

func (OpenAIResponses) terminator() string {
	return "response.completed or response.incomplete"
}

func (OpenAIResponses) decoder() decoder { return responsesDecoder{} }

// look goes by the member of deltas and the types of ends, whose quotes no text can
// hold.
func (OpenAIResponses) look(frame []byte) Seen {
	return Seen{
		Token: filled(frame, `"delta"`),
		End:   has(frame, `"response.completed"`, `"response.incomplete"`, `"response.failed"`),
	}
}

// A responsesEvent holds the fields of all events that a timer asks about.
type responsesEvent struct {
	Type     string
	Index    int                             `json:"output_index"`
	Item     struct{ Type, ID, Name string } // that was added
	Delta    json.RawMessage                 // a string where it is a token's
	Response struct {
		Error      json.RawMessage
		Incomplete struct{ Reason string } `json:"incomplete_details"`
		Usage      *struct {
			Input   int `json:"input_tokens"`
			Output  int `json:"output_tokens"`
			OfInput struct {
				Cached int `json:"cached_tokens"`
			} `json:"input_tokens_details"`
			OfOutput struct {
				Reasoning int `json:"reasoning_tokens"`
			} `json:"output_tokens_details"`
		}
	}
}

type responsesDecoder struct{}

func (responsesDecoder) take(g *gathering, e event) {
	if isDone(e.data) {
		return // a habit of servers that speak the other API too
	}
	var event responsesEvent
	if !g.read(e.data, &event) {
		return
	}
	event.usage(g)
	switch kind := event.Type; kind {
	case "":
		g.fault(BadJSON, "an event without a type")
	case "error":
		g.failed(event.complaint(e.data))
	case "response.output_item.added":
		if strings.HasSuffix(event.Item.Type, "_call") {
			g.call(event.Index, event.Item.ID, event.Item.Name)
		}
	case "response.completed", "response.incomplete", "response.failed":
		event.terminate(g)
	default:
		if channel, ok := strings.CutSuffix(kind, ".delta"); ok {
			event.delta(g, channel)
		}
	}
}

// complaint reads an error event, which carries its words without an envelope.
func (e *responsesEvent) complaint(data []byte) (code, message string) {
	var bare struct {
		Code, Message any
		Error         json.RawMessage
	}
	_ = json.Unmarshal(data, &bare) // it was read once
	if told(bare.Error) {
		return readError(bare.Error)
	}
	return word(bare.Code), word(bare.Message)
}

// delta takes in a piece of a channel, of which there are many.
func (e *responsesEvent) delta(g *gathering, channel string) {
	piece := textOf(e.Delta)
	switch {
	case channel == "response.output_text" || channel == "response.refusal":
		g.say(piece)
	case strings.HasPrefix(channel, "response.reasoning"):
		g.think(piece)
	default: // arguments of functions, the input of other tools
		g.argue(e.Index, piece)
	}
}

func (e *responsesEvent) usage(g *gathering) {
	if u := e.Response.Usage; u != nil {
		g.usage(Usage{Input: u.Input, Output: u.Output, Cached: u.OfInput.Cached, Reasoning: u.OfOutput.Reasoning})
	}
}

// terminate ends the answer for the reason that the event's type names.
func (e *responsesEvent) terminate(g *gathering) {
	switch _, how, _ := strings.Cut(e.Type, "."); how {
	case "completed":
		g.end()
		g.stop(how, "end_turn")
		if len(g.answer.Calls) > 0 {
			g.stop(how, "tool_use")
		}
	case "incomplete":
		g.end()
		reason := e.Response.Incomplete.Reason
		g.stop(reason, map[string]string{"max_output_tokens": "max_tokens", "content_filter": "refusal"}[reason])
	case "failed":
		g.failed(readError(e.Response.Error))
	}
}

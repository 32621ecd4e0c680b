package dialect

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// Gemini is streamGenerateContent of the Gemini API. The zero value is ready.
type Gemini struct{}

var _ Dialect = Gemini{}

// Name returns "gemini".
func (Gemini) Name() string { return "gemini" }

// Request implements [Dialect]. Server-sent events are asked for.
func (Gemini) Request(item *datasets.Item, model string, tag Tag) (Request, error) {
	p, err := tagged(item, tag)
	if err != nil {
		return Request{}, err
	}
	body := new(object)
	if p.system != nil {
		body.raw("systemInstruction", new(object).raw("parts", textPart(p.system)).json())
	}
	body.raw("contents", list(contents(p.messages)...))
	if len(item.Tools) > 0 {
		declared := new(object).raw("functionDeclarations", list(declarations(item.Tools)...)).json()
		body.raw("tools", list(declared))
	}
	config := new(object).add("maxOutputTokens", item.MaxTokens)
	if len(item.Stop) > 0 {
		config.add("stopSequences", item.Stop)
	}
	path := "/v1beta/models/" + url.PathEscape(model) + ":streamGenerateContent?alt=sse"
	return post(path, body.raw("generationConfig", config.json()).json()), nil
}

// textPart is the list of the one part that has the text.
func textPart(text json.RawMessage) []byte { return list(new(object).raw("text", text).json()) }

func contents(messages []datasets.Message) (list [][]byte) {
	for _, m := range messages {
		role := m.Role
		if role == "assistant" {
			role = "model"
		}
		list = append(list, new(object).add("role", role).raw("parts", textPart(m.Content)).json())
	}
	return list
}

func declarations(tools []datasets.Tool) (list [][]byte) {
	for _, t := range tools {
		o := new(object).add("name", t.Name)
		if t.Description != "" {
			o.add("description", t.Description)
		}
		list = append(list, o.add("parametersJsonSchema", t.Schema).json())
	}
	return list
}

// Authorize sets the key's header.
func (Gemini) Authorize(header http.Header, key string) { header.Set("X-Goog-Api-Key", key) }

// geminiMedia are what the API answers with: events, an array of the same
// objects where alt=sse was lost on the way, and that array's elements alone.
var geminiMedia = media{
	"text/event-stream": serverSent, "application/json": jsonValues,
	"application/x-ndjson": jsonValues, "application/jsonl": jsonValues,
}

// Open implements [Dialect].
func (Gemini) Open(contentType string) (Stream, error) {
	return geminiMedia.open(contentType, Gemini{})
}

// Refusal reads {"error":{"code":…,"message":…,"status":…}}, alone or in an
// array of one.
func (Gemini) Refusal(body []byte) (code, message string) { return refusal(body) }

func (Gemini) terminator() string { return "a finish reason and the end of a whole body" }

func (Gemini) decoder() decoder { return new(geminiDecoder) }

// look goes by the members. A usage without content may follow the reason to
// finish, but no token.
func (Gemini) look(frame []byte) Seen {
	return Seen{
		Token: filled(frame, `"text"`) || has(frame, `"functionCall"`, `"executableCode"`, `"codeExecutionResult"`, `"inlineData"`),
		End:   filled(frame, `"finishReason"`) || filled(frame, `"blockReason"`),
	}
}

type geminiChunk struct {
	Candidates []struct {
		Index   int
		Content struct{ Parts []geminiPart }
		Finish  string `json:"finishReason"`
		Detail  string `json:"finishMessage"`
	}
	Feedback struct{ BlockReason, BlockReasonMessage string } `json:"promptFeedback"`
	Usage    *geminiUsage                                     `json:"usageMetadata"`
	Error    json.RawMessage
}

type geminiPart struct {
	Text     string
	Thought  bool
	Function *struct {
		Name string
		Args json.RawMessage
	} `json:"functionCall"`
	Code   json.RawMessage `json:"executableCode"`
	Result json.RawMessage `json:"codeExecutionResult"`
	Inline json.RawMessage `json:"inlineData"`
}

// geminiUsage is cumulative; a chunk may tell a part of it.
type geminiUsage struct {
	Prompt     int `json:"promptTokenCount"`
	Candidates int `json:"candidatesTokenCount"`
	Thoughts   int `json:"thoughtsTokenCount"`
	Cached     int `json:"cachedContentTokenCount"`
	ToolUse    int `json:"toolUsePromptTokenCount"`
	Total      int `json:"totalTokenCount"`
}

type geminiDecoder struct{ known geminiUsage }

func (d *geminiDecoder) take(g *gathering, e event) {
	var chunk geminiChunk
	if !g.read(soleElement(e.data), &chunk) {
		return
	}
	if told(chunk.Error) || string(e.name) == "error" {
		g.failed(refusal(e.data))
		return
	}
	if chunk.Usage != nil {
		g.usage(d.known.with(chunk.Usage))
	}
	if f := &chunk.Feedback; f.BlockReason != "" {
		g.done = true
		g.stop(f.BlockReason, "refusal")
	}
	for i := range chunk.Candidates {
		c := &chunk.Candidates[i]
		if c.Index != 0 {
			continue // one answer was asked for
		}
		for k := range c.Content.Parts {
			c.Content.Parts[k].tell(g)
		}
		if c.Finish != "" {
			g.finished(c.Finish, c.Detail)
		}
	}
}

// with adds what a chunk told, and returns the sums.
func (u *geminiUsage) with(newer *geminiUsage) Usage {
	for _, count := range []struct{ known, told *int }{
		{&u.Prompt, &newer.Prompt},
		{&u.Candidates, &newer.Candidates},
		{&u.Thoughts, &newer.Thoughts},
		{&u.Cached, &newer.Cached},
		{&u.ToolUse, &newer.ToolUse},
		{&u.Total, &newer.Total},
	} {
		if *count.told > 0 {
			*count.known = *count.told
		}
	}
	said := u.Candidates
	if said == 0 { // left out, but part of the total
		said = max(0, u.Total-u.Prompt-u.Thoughts)
	}
	return Usage{Input: u.Prompt + u.ToolUse, Cached: u.Cached, Output: said + u.Thoughts, Reasoning: u.Thoughts}
}

// tell takes in a part. One with data that is neither text nor a call, such as
// an image, is content all the same.
func (p *geminiPart) tell(g *gathering) {
	switch {
	case p.Function != nil:
		g.content = true
		g.answer.Calls = append(g.answer.Calls, Call{p.Function.Name, string(p.Function.Args)})
	case p.Thought:
		g.think(p.Text)
	case p.Text != "":
		g.say(p.Text)
	case told(p.Code) || told(p.Result) || told(p.Inline):
		g.content = true
	}
}

// finished takes in Gemini's reason to finish. Some say that what the model made
// is no answer.
func (g *gathering) finished(reason, detail string) {
	word := geminiStops[reason]
	if reason == "STOP" && len(g.answer.Calls) > 0 {
		word = "tool_use"
	}
	g.stop(reason, word)
	switch reason {
	case "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS":
		g.failed(reason, detail)
	default:
		g.done = true
	}
}

// geminiStops are the finish reasons in Anthropic's words.
var geminiStops = map[string]string{
	"STOP": "end_turn", "MAX_TOKENS": "max_tokens",
	"SAFETY": "refusal", "RECITATION": "refusal", "LANGUAGE": "refusal", "BLOCKLIST": "refusal",
	"PROHIBITED_CONTENT": "refusal", "SPII": "refusal", "IMAGE_SAFETY": "refusal",
	"IMAGE_PROHIBITED_CONTENT": "refusal", "IMAGE_RECITATION": "refusal",
}

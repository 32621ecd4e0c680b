package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// An api is one whose requests become items.
type api string

const (
	anthropic api = "anthropic"
	chat      api = "openai-chat"
	other     api = "other"
)

// apiOf goes by the path, whatever stands before it.
func apiOf(r *http.Request) api {
	switch path := strings.TrimSuffix(r.URL.Path, "/"); {
	case r.Method != http.MethodPost:
		return other
	case strings.HasSuffix(path, "/messages"):
		return anthropic
	case strings.HasSuffix(path, "/chat/completions"):
		return chat
	}
	return other
}

func (a api) dialect() dialect.Dialect {
	switch a {
	case anthropic:
		return dialect.Anthropic{}
	case chat:
		return dialect.OpenAIChat{}
	}
	return nil
}

// asked is what a request asks for.
type asked struct {
	item    datasets.Item
	changed []string // in what the item is not quite the request
}

// What items cannot hold, and what becomes of it.
const (
	changedBlocks  = "tool calls, tool results or reasoning in messages became text"
	changedTools   = "tools that the provider runs were left out"
	changedNoLimit = "no limit of output tokens: 4096 was set"
)

const noLimit = 4096

var (
	errNoJSON   = errors.New("its body is not the JSON of its API")
	errNotText  = errors.New("it has images or documents, which items do not have")
	errCompress = errors.New("its body is compressed")
)

func (a *asked) change(how string) {
	if !slices.Contains(a.changed, how) {
		a.changed = append(a.changed, how)
	}
}

// decode makes an item of a request's body.
func (a api) decode(body []byte) (asked, error) {
	if bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		return asked{}, errCompress
	}
	if a == chat {
		return decodeChat(body)
	}
	return decodeAnthropic(body)
}

func decodeAnthropic(body []byte) (asked, error) {
	var in struct {
		System    json.RawMessage
		Messages  []datasets.Message
		MaxTokens int      `json:"max_tokens"`
		Stop      []string `json:"stop_sequences"`
		Tools     []datasets.Tool
	}
	if json.Unmarshal(body, &in) != nil {
		return asked{}, errNoJSON
	}
	out := asked{item: datasets.Item{MaxTokens: in.MaxTokens, Stop: in.Stop}}
	var err error
	if len(in.System) > 0 && string(in.System) != "null" {
		if out.item.System, err = out.text(in.System); err != nil {
			return asked{}, err
		}
	}
	for _, m := range in.Messages {
		if err := out.say(m.Role, m.Content); err != nil {
			return asked{}, err
		}
	}
	for _, t := range in.Tools {
		out.tool(t)
	}
	return out, nil
}

func decodeChat(body []byte) (asked, error) {
	var in struct {
		Messages []struct {
			Role    string
			Content json.RawMessage
			Calls   json.RawMessage `json:"tool_calls"`
		}
		MaxTokens  int             `json:"max_tokens"`
		Completion int             `json:"max_completion_tokens"`
		Stop       json.RawMessage // a string or several
		Tools      []struct {
			Function struct {
				Name, Description string
				Parameters        json.RawMessage
			}
		}
	}
	if json.Unmarshal(body, &in) != nil {
		return asked{}, errNoJSON
	}
	out := asked{item: datasets.Item{MaxTokens: max(in.MaxTokens, in.Completion), Stop: stops(in.Stop)}}
	if out.item.MaxTokens == 0 {
		out.item.MaxTokens = noLimit
		out.change(changedNoLimit)
	}
	for _, m := range in.Messages {
		if err := out.turn(m.Role, m.Content, m.Calls); err != nil {
			return asked{}, err
		}
	}
	for _, t := range in.Tools {
		out.tool(datasets.Tool{Name: t.Function.Name, Description: t.Function.Description, Schema: t.Function.Parameters})
	}
	return out, nil
}

func stops(raw json.RawMessage) (all []string) {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	return all
}

// turn adds a message of the chat API.
func (a *asked) turn(role string, content, calls json.RawMessage) error {
	var parts []json.RawMessage
	if len(content) > 0 && string(content) != "null" && string(content) != `""` {
		text, err := a.text(content)
		if err != nil {
			return err
		}
		parts = append(parts, text)
	}
	if len(calls) > 0 && string(calls) != "null" {
		a.change(changedBlocks)
		parts = append(parts, quoted(calls))
	}
	text := joined(parts)
	switch role {
	case "system", "developer":
		if a.item.System != nil {
			text = joined([]json.RawMessage{a.item.System, text})
		}
		a.item.System = text
		return nil
	case "tool", "function":
		a.change(changedBlocks)
		role = "user"
	}
	a.item.Messages = append(a.item.Messages, datasets.Message{Role: role, Content: text})
	return nil
}

func (a *asked) say(role string, content json.RawMessage) error {
	text, err := a.text(content)
	if err != nil {
		return err
	}
	a.item.Messages = append(a.item.Messages, datasets.Message{Role: role, Content: text})
	return nil
}

func (a *asked) tool(t datasets.Tool) {
	if len(t.Schema) == 0 {
		a.change(changedTools)
		return
	}
	a.item.Tools = append(a.item.Tools, t)
}

// text is a content as one string literal: a string stays as it is, of blocks the
// texts are joined, and others that hold text become their JSON.
func (a *asked) text(content json.RawMessage) (json.RawMessage, error) {
	content = bytes.TrimSpace(content)
	if len(content) > 0 && content[0] == '"' {
		return content, nil
	}
	var blocks []json.RawMessage
	if json.Unmarshal(content, &blocks) != nil {
		return nil, errNoJSON
	}
	var parts []json.RawMessage
	for _, raw := range blocks {
		var b struct {
			Type    string
			Text    json.RawMessage
			Content json.RawMessage
		}
		if json.Unmarshal(raw, &b) != nil {
			return nil, errNoJSON
		}
		switch b.Type {
		case "text", "input_text":
			parts = append(parts, b.Text)
		case "tool_use", "tool_result", "thinking", "redacted_thinking", "server_tool_use", "web_search_tool_result":
			if holdsMedia(b.Content) {
				return nil, errNotText
			}
			a.change(changedBlocks)
			parts = append(parts, quoted(raw))
		default:
			return nil, errNotText
		}
	}
	return joined(parts), nil
}

// holdsMedia tells whether a tool's result has a block that is no text.
func holdsMedia(content json.RawMessage) bool {
	type block struct{ Type string }
	var blocks []block
	return json.Unmarshal(content, &blocks) == nil &&
		slices.ContainsFunc(blocks, func(b block) bool { return b.Type == "image" || b.Type == "document" })
}

// quoted is JSON as a string literal.
func quoted(raw json.RawMessage) json.RawMessage {
	var flat bytes.Buffer
	if json.Compact(&flat, raw) != nil {
		return json.RawMessage(`""`)
	}
	literal, err := encode(flat.String())
	if err != nil {
		return json.RawMessage(`""`)
	}
	return bytes.TrimSpace(literal)
}

// joined puts string literals together with an empty line between them, without
// reading them: what no Go string can hold stays as it is.
func joined(parts []json.RawMessage) json.RawMessage {
	out := []byte{'"'}
	for _, p := range parts {
		p = bytes.TrimSpace(p)
		if len(p) <= 2 || p[0] != '"' {
			continue
		}
		if len(out) > 1 {
			out = append(out, `\n\n`...)
		}
		out = append(out, p[1:len(p)-1]...)
	}
	return append(out, '"')
}

// leastSecret is the shortest text that is looked for: a shorter one would take
// words out of texts.
const leastSecret = 8

// secretsOf gathers the keys that a request carries outside its body.
func secretsOf(r *http.Request) (all []string) {
	add := func(text string) {
		if len(text) >= leastSecret {
			all = append(all, text)
		}
	}
	for _, name := range []string{"Authorization", "Proxy-Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key"} {
		for _, value := range r.Header.Values(name) {
			if words := strings.Fields(value); len(words) > 0 {
				add(words[len(words)-1]) // the scheme before it is no secret
			}
		}
	}
	if _, password, ok := r.BasicAuth(); ok {
		add(password)
	}
	for _, c := range r.Cookies() {
		add(c.Value)
	}
	for name, values := range r.URL.Query() {
		switch strings.ToLower(name) {
		case "key", "api_key", "api-key", "apikey", "token", "access_token":
			for _, v := range values {
				add(v)
			}
		}
	}
	return all
}

// redact takes the secrets out of a body.
func redact(body []byte, secrets []string) []byte {
	for _, s := range secrets {
		body = bytes.ReplaceAll(body, []byte(s), []byte("[redacted]"))
	}
	return body
}

package openai

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// echo is what a response repeats of its request.
type echo struct {
	Model        string         `json:"model"`
	Instructions jsontext.Value `json:"instructions"`
	MaxOutput    jsontext.Value `json:"max_output_tokens"`
	Metadata     jsontext.Value `json:"metadata"`
	Parallel     jsontext.Value `json:"parallel_tool_calls"`
	CacheKey     jsontext.Value `json:"prompt_cache_key"`
	Reasoning    jsontext.Value `json:"reasoning"`
	SafetyID     jsontext.Value `json:"safety_identifier"`
	Temperature  jsontext.Value `json:"temperature"`
	Text         jsontext.Value `json:"text"`
	ToolChoice   jsontext.Value `json:"tool_choice"`
	Tools        jsontext.Value `json:"tools"`
	TopP         jsontext.Value `json:"top_p"`
}

// or takes from d what the request left out or gave as null.
func (e echo) or(d echo) echo {
	for _, f := range [...]struct{ value, otherwise *jsontext.Value }{
		{&e.Instructions, &d.Instructions},
		{&e.MaxOutput, &d.MaxOutput},
		{&e.Metadata, &d.Metadata},
		{&e.Parallel, &d.Parallel},
		{&e.CacheKey, &d.CacheKey},
		{&e.Reasoning, &d.Reasoning},
		{&e.SafetyID, &d.SafetyID},
		{&e.Temperature, &d.Temperature},
		{&e.Text, &d.Text},
		{&e.ToolChoice, &d.ToolChoice},
		{&e.Tools, &d.Tools},
		{&e.TopP, &d.TopP},
	} {
		if !isSet(*f.value) {
			*f.value = *f.otherwise
		}
	}
	return e
}

// defaultEcho is what the API says where a request says nothing.
var defaultEcho = echo{
	Instructions: jsontext.Value("null"),
	MaxOutput:    jsontext.Value("null"),
	Metadata:     jsontext.Value("{}"),
	Parallel:     jsontext.Value("true"),
	CacheKey:     jsontext.Value("null"),
	Reasoning:    jsontext.Value("null"),
	SafetyID:     jsontext.Value("null"),
	Temperature:  jsontext.Value("1"),
	Text:         jsontext.Value(`{"format":{"type":"text"}}`),
	ToolChoice:   jsontext.Value(`"auto"`),
	Tools:        jsontext.Value("[]"),
	TopP:         jsontext.Value("1"),
}

// response is the object that answers hold, whole or in events.
type response struct {
	ID         string          `json:"id"`
	Object     string          `json:"object"`
	CreatedAt  int64           `json:"created_at"`
	Status     string          `json:"status"`
	Background bool            `json:"background"`
	Error      *responseError  `json:"error"`
	Incomplete *incomplete     `json:"incomplete_details"`
	Output     []any           `json:"output"`
	Usage      *responsesUsage `json:"usage"`
	Previous   *string         `json:"previous_response_id"`
	Tier       string          `json:"service_tier"`
	Truncation string          `json:"truncation"`
	Logprobs   int             `json:"top_logprobs"`
	echo
}

type responseError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type incomplete struct {
	Reason string `json:"reason"`
}

type responsesUsage struct {
	Input        int `json:"input_tokens"`
	InputDetails struct {
		CacheWrite int `json:"cache_write_tokens"` // the upstream's cache is implicit
		Cached     int `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	Output        int `json:"output_tokens"`
	OutputDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	Total int `json:"total_tokens"`
}

func newResponsesUsage(u chat.Usage) *responsesUsage {
	out := &responsesUsage{Input: u.Input + u.Cached, Output: u.Output, Total: u.Input + u.Cached + u.Output}
	out.InputDetails.Cached = u.Cached
	out.OutputDetails.Reasoning = u.Thinking
	return out
}

// The states of a response and of its items.
const (
	inProgress = "in_progress"
	completed  = "completed"
	unfinished = "incomplete"
	failed     = "failed"
)

// respond returns a response in status without output.
func (r ResponsesReply) respond(head Head, status string) *response {
	return &response{
		ID: "resp_" + head.ID, Object: "response", CreatedAt: head.Created.Unix(), Status: status,
		Output: []any{}, Tier: "default", Truncation: "disabled", echo: r.echo,
	}
}

// finish sets status, details and usage, and returns the status of an item that
// the end found open.
func (r *response) finish(f chat.Finish, u chat.Usage) (item string, err error) {
	r.Usage = newResponsesUsage(u)
	r.Status = unfinished
	switch f.Stop {
	case chat.StopEndTurn, chat.StopToolUse:
		r.Status = completed
	case chat.StopMaxTokens:
		r.Incomplete = &incomplete{"max_output_tokens"}
	case chat.StopRefusal:
		r.Incomplete = &incomplete{"content_filter"}
	default:
		return "", errUnfinished()
	}
	return r.Status, nil
}

// fail makes r a failed response.
func (r *response) fail(err error) {
	e := asError(err)
	r.Status = failed
	r.Error = &responseError{Code: failureCode(e.Kind), Message: e.Message}
}

// failureCode is one of the codes that the API has for a response.
func failureCode(k chat.ErrorKind) string {
	switch k {
	case chat.KindInvalid:
		return "invalid_prompt"
	case chat.KindRateLimit, chat.KindBilling:
		return "rate_limit_exceeded"
	}
	return "server_error"
}

type messageItem struct {
	ID      string       `json:"id"`
	Type    string       `json:"type"`
	Status  string       `json:"status"`
	Role    string       `json:"role"`
	Content []outputText `json:"content"`
}

type outputText struct {
	Type        string         `json:"type"`
	Text        jsontext.Value `json:"text"`
	Annotations []struct{}     `json:"annotations"`
	Logprobs    []struct{}     `json:"logprobs"`
}

func newOutputText(literal jsontext.Value) outputText {
	return outputText{"output_text", literal, []struct{}{}, []struct{}{}}
}

func newMessageItem(id, status string, content ...outputText) messageItem {
	return messageItem{id, "message", status, "assistant", append([]outputText{}, content...)}
}

type reasoningItem struct {
	ID      string        `json:"id"`
	Type    string        `json:"type"`
	Status  string        `json:"status"`
	Summary []summaryText `json:"summary"`
	Sealed  *string       `json:"encrypted_content"`
}

type summaryText struct {
	Type string         `json:"type"`
	Text jsontext.Value `json:"text"`
}

func newReasoningItem(id, status string, summary ...summaryText) reasoningItem {
	return reasoningItem{ID: id, Type: "reasoning", Status: status, Summary: append([]summaryText{}, summary...)}
}

type callItem struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Status    string `json:"status"`
	CallID    string `json:"call_id"`
	Namespace string `json:"namespace,omitzero"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

func (r ResponsesReply) newCallItem(head Head, id string, c *chat.Call, s *chat.Signature) callItem {
	q, ok := r.names[c.Name]
	if !ok {
		q.name = c.Name
	}
	return callItem{id, "function_call", completed, head.callID(c, s), q.namespace, q.name, arguments(c)}
}

// itemID names an item by its place in the output.
func (h Head) itemID(prefix string, index int) string {
	return prefix + h.ID + "_" + strconv.Itoa(index)
}

// Response writes a whole answer: the body of a 200. It refuses an answer that
// has not finished.
func (r ResponsesReply) Response(head Head, resp chat.Response) ([]byte, error) {
	body := r.respond(head, completed)
	status, err := body.finish(resp.Finish, resp.Usage)
	if err != nil {
		return nil, err
	}
	body.Output = r.output(head, status, joined(resp.Parts))
	return marshal(body)
}

// output converts parts; status is that of the last item if the end cut it off.
func (r ResponsesReply) output(head Head, status string, parts []chat.Part) []any {
	out := make([]any, len(parts))
	for i, p := range parts {
		state := completed
		if i == len(parts)-1 && p.Signature == nil {
			state = status
		}
		switch p.Kind {
		case chat.PartText:
			out[i] = newMessageItem(head.itemID("msg_", i), state, newOutputText(quote(nil, p.Text)))
		case chat.PartThought:
			item := newReasoningItem(head.itemID("rs_", i), state)
			if p.Text != "" {
				item.Summary = append(item.Summary, summaryText{"summary_text", quote(nil, p.Text)})
			}
			item.Sealed = seal(p.Signature)
			out[i] = item
		case chat.PartCall:
			out[i] = r.newCallItem(head, head.itemID("fc_", i), p.Call, p.Signature)
		}
	}
	return out
}

// joined leaves out what has no place in an answer, and joins what only the
// signature of a text has parted, for which there is no place.
func joined(parts []chat.Part) []chat.Part {
	var out []chat.Part
	for _, p := range parts {
		n := len(out)
		switch {
		case p.Kind == chat.PartText && p.Text != "" && n > 0 && out[n-1].Kind == chat.PartText:
			out[n-1].Text += p.Text
		case p.Kind == chat.PartText && p.Text != "":
			out = append(out, chat.Text(p.Text))
		case p.Kind == chat.PartThought && n > 0 && out[n-1].Kind == chat.PartThought && out[n-1].Signature == nil:
			out[n-1].Text += p.Text
			out[n-1].Signature = p.Signature
		case p.Kind == chat.PartThought, p.Kind == chat.PartCall:
			out = append(out, p)
		}
	}
	return out
}

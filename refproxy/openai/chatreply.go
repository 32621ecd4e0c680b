package openai

import (
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// Head is what an answer says of itself.
type Head struct {
	// ID is random, without a prefix.
	ID string
	// Created is when it was begun.
	Created time.Time
	// NewID returns another random id without a prefix, for a call to which the
	// upstream gave none.
	NewID func() string
}

// callID returns the id under which a client sees a call: with its signature.
func (h Head) callID(c *chat.Call, s *chat.Signature) string {
	id := c.ID
	if id == "" {
		id = "call_" + h.NewID()
	}
	// A signature too long for an id is lost: there is no other place for it.
	id, _ = chat.JoinID(id, s)
	return id
}

// arguments are those of a call, as JSON text.
func arguments(c *chat.Call) string {
	if len(c.Args) == 0 {
		return "{}"
	}
	return string(c.Args)
}

type chatUsage struct {
	Prompt        int `json:"prompt_tokens"`
	Completion    int `json:"completion_tokens"`
	Total         int `json:"total_tokens"`
	PromptDetails struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func newChatUsage(u chat.Usage) chatUsage {
	out := chatUsage{Prompt: u.Input + u.Cached, Completion: u.Output, Total: u.Input + u.Cached + u.Output}
	out.PromptDetails.Cached = u.Cached
	out.CompletionDetails.Reasoning = u.Thinking
	return out
}

// errUnfinished is an answer that must not be taken for a whole one.
func errUnfinished() error {
	return &chat.Error{Kind: chat.KindEmpty, Message: "the upstream's answer ended before it was finished"}
}

func finishReason(s chat.StopReason) (string, error) {
	switch s {
	case chat.StopEndTurn:
		return "stop", nil
	case chat.StopToolUse:
		return "tool_calls", nil
	case chat.StopMaxTokens:
		return "length", nil
	case chat.StopRefusal:
		return "content_filter", nil
	}
	return "", errUnfinished()
}

type completion struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []chatChoice `json:"choices"`
	Usage   chatUsage    `json:"usage"`
}

type chatChoice struct {
	Index        int        `json:"index"`
	Message      chatAnswer `json:"message"`
	Logprobs     *struct{}  `json:"logprobs"`
	FinishReason string     `json:"finish_reason"`
}

type chatAnswer struct {
	Role      string     `json:"role"`
	Content   *string    `json:"content"`
	Refusal   *string    `json:"refusal"`
	Reasoning string     `json:"reasoning_content,omitzero"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

type toolCall struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function calledByName `json:"function"`
}

type calledByName struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// Response writes a whole answer: the body of a 200. It refuses an answer that
// has not finished.
func (r ChatReply) Response(head Head, resp chat.Response) ([]byte, error) {
	body := completion{
		ID: "chatcmpl-" + head.ID, Object: "chat.completion", Created: head.Created.Unix(), Model: r.model,
		Usage: newChatUsage(resp.Usage),
	}
	all := append([]chat.Candidate{{Parts: resp.Parts, Finish: resp.Finish}}, resp.Others...)
	for i, c := range all {
		reason, err := finishReason(c.Finish.Stop)
		if err != nil {
			return nil, err
		}
		body.Choices = append(body.Choices, chatChoice{Index: i, Message: r.message(head, c.Parts), FinishReason: reason})
	}
	return marshal(body)
}

// message joins all text, as a stream does. Beside calls there may be none.
func (r ChatReply) message(head Head, parts []chat.Part) chatAnswer {
	m := chatAnswer{Role: "assistant"}
	var text, thought strings.Builder
	for _, p := range parts {
		switch p.Kind {
		case chat.PartText:
			text.WriteString(p.Text)
		case chat.PartThought:
			thought.WriteString(p.Text)
		case chat.PartCall:
			m.ToolCalls = append(m.ToolCalls, toolCall{
				head.callID(p.Call, p.Signature), "function", calledByName{p.Call.Name, arguments(p.Call)},
			})
		}
	}
	if text.Len() > 0 || m.ToolCalls == nil {
		m.Content = new(text.String())
	}
	if r.ShowReasoning {
		m.Reasoning = thought.String()
	}
	return m
}

package server

import (
	"encoding/json"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

// A glimpse is what the proxy wants to know of an answer that it passes on as it
// is: whether there is something in it, whether it ended, and what it cost.
type glimpse struct {
	Candidates []struct {
		Content struct {
			Parts []struct {
				Text    string
				Thought bool
			}
		}
		FinishReason string
	}
	PromptFeedback struct{ BlockReason string }
	UsageMetadata  *struct {
		PromptTokenCount, ToolUsePromptTokenCount, CachedContentTokenCount int
		CandidatesTokenCount, ThoughtsTokenCount                           int
	}
	Error json.RawMessage
}

// glance reads an answer, or one event of it, as far as it must be. An error that
// the answer holds is the error.
func glance(data []byte) (glimpse, error) {
	var g glimpse
	if err := json.Unmarshal(data, &g); err != nil {
		return g, &chat.Error{Kind: chat.KindUpstream, Message: "the upstream's answer cannot be read", Cause: err}
	}
	if len(g.Error) == 0 || string(g.Error) == "null" {
		return g, nil
	}
	status := 502
	if said, ok := readStatus(data); ok && said.Code >= 400 && said.Code <= 599 {
		status = said.Code
	}
	return g, &googleError{gemini.DecodeError(status, nil, data), data}
}

// complete reports whether the answer ends here.
func (g glimpse) complete() bool {
	for _, c := range g.Candidates {
		if c.FinishReason != "" {
			return true
		}
	}
	return g.PromptFeedback.BlockReason != ""
}

// content returns the kind of the first content in it, 0 if there is none.
func (g glimpse) content() chat.EventKind {
	for _, c := range g.Candidates {
		if len(c.Content.Parts) == 0 {
			continue
		}
		if c.Content.Parts[0].Thought {
			return chat.EventThought
		}
		return chat.EventText
	}
	return 0
}

// note keeps usage and finish for the log.
func (g glimpse) note(o *relay.Outcome) {
	for _, c := range g.Candidates {
		if c.FinishReason != "" {
			o.Finish.Reason = c.FinishReason
		}
	}
	if g.PromptFeedback.BlockReason != "" {
		o.Finish.Reason = g.PromptFeedback.BlockReason
	}
	if u := g.UsageMetadata; u != nil {
		o.Usage = chat.Usage{
			Input: max(0, u.PromptTokenCount+u.ToolUsePromptTokenCount-u.CachedContentTokenCount), Cached: u.CachedContentTokenCount,
			Output: u.CandidatesTokenCount + u.ThoughtsTokenCount, Thinking: u.ThoughtsTokenCount,
		}
	}
}

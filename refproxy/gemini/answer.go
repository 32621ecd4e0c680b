package gemini

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// chunk is one response object: the whole answer, or one event of a stream.
type chunk struct {
	Candidates     []candidate     `json:"candidates"`
	PromptFeedback *promptFeedback `json:"promptFeedback"`
	UsageMetadata  *usageMetadata  `json:"usageMetadata"`
	ModelVersion   string          `json:"modelVersion"`
	ResponseID     string          `json:"responseId"`
	// Error is an error in the place of an answer.
	Error jsontext.Value `json:"error"`
}

type candidate struct {
	Content       candidateContent `json:"content"`
	FinishReason  string           `json:"finishReason"`
	FinishMessage string           `json:"finishMessage"`
	Index         int              `json:"index"`
}

type candidateContent struct {
	Role  string `json:"role"`
	Parts []part `json:"parts"`
}

type part struct {
	Text             string               `json:"text"`
	Thought          bool                 `json:"thought"`
	ExecutableCode   *executableCode      `json:"executableCode"`
	CodeResult       *codeExecutionResult `json:"codeExecutionResult"`
	InlineData       *inlineData          `json:"inlineData"`
	FileData         *fileData            `json:"fileData"`
	FunctionCall     *functionCall        `json:"functionCall"`
	FunctionResponse jsontext.Value       `json:"functionResponse"`
	Signature        string               `json:"thoughtSignature"`
}

type executableCode struct {
	Language string `json:"language"`
	Code     string `json:"code"`
}

type codeExecutionResult struct {
	Output string `json:"output"`
}

type inlineData struct {
	MIMEType    string `json:"mimeType"`
	Data        string `json:"data"`
	DisplayName string `json:"displayName,omitzero"`
}

type fileData struct {
	FileURI  string `json:"fileUri"`
	MIMEType string `json:"mimeType,omitzero"`
}

type promptFeedback struct {
	BlockReason        string `json:"blockReason"`
	BlockReasonMessage string `json:"blockReasonMessage"`
}

// usageMetadata is cumulative over a stream; a chunk may tell only a part.
type usageMetadata struct {
	Prompt     int `json:"promptTokenCount"`
	Candidates int `json:"candidatesTokenCount"`
	Thoughts   int `json:"thoughtsTokenCount"`
	Cached     int `json:"cachedContentTokenCount"`
	ToolUse    int `json:"toolUsePromptTokenCount"`
	Total      int `json:"totalTokenCount"`
}

// merge takes over what newer tells.
func (u *usageMetadata) merge(newer usageMetadata) {
	take := func(dst *int, v int) {
		if v > 0 {
			*dst = min(v, math.MaxInt32) // the API's type; sums cannot overflow
		}
	}
	take(&u.Prompt, newer.Prompt)
	take(&u.Candidates, newer.Candidates)
	take(&u.Thoughts, newer.Thoughts)
	take(&u.Cached, newer.Cached)
	take(&u.ToolUse, newer.ToolUse)
	take(&u.Total, newer.Total)
}

// canonical applies the formulas of the wire reference, section 3.5.
func (u usageMetadata) canonical() chat.Usage {
	answer := u.Candidates
	if answer == 0 {
		answer = max(0, u.Total-u.Prompt-u.Thoughts)
	}
	return chat.Usage{
		Input:    max(0, u.Prompt+u.ToolUse-u.Cached),
		Cached:   u.Cached,
		Output:   answer + u.Thoughts,
		Thinking: u.Thoughts,
	}
}

// answer adds chunks up. The zero value is ready, for a request that is not
// known.
type answer struct {
	of       Decoder
	family   string // of the models that take back the signatures
	calling  *calling
	started  bool
	visible  bool // there was text to show
	hasCall  bool
	wire     usageMetadata
	usage    chat.Usage // wire in canonical form
	finish   string
	detail   string
	blocked  bool // the prompt was refused: finish is the block reason
	finished bool
}

// add passes the events of c to emit until emit returns false. The result is
// false if it did; an error ends the answer.
func (a *answer) add(c *chunk, emit func(chat.Event) bool) (bool, error) {
	if len(c.Error) > 0 && c.Error.Kind() != 'n' {
		return false, inBandError(c.Error)
	}
	if c.UsageMetadata != nil {
		a.addUsage(*c.UsageMetadata)
	}
	if !a.started {
		a.started = true
		a.family = cmp.Or(a.of.family, parseModel(c.ModelVersion).family)
		if !emit(chat.Event{Kind: chat.EventStart, ID: c.ResponseID, Model: c.ModelVersion, Usage: a.usage}) {
			return false, nil
		}
	}
	if f := c.PromptFeedback; f != nil && f.BlockReason != "" {
		a.blocked, a.finished, a.finish, a.detail = true, true, f.BlockReason, f.BlockReasonMessage
	}
	for i := range c.Candidates {
		// We never ask for more than one candidate.
		if c.Candidates[i].Index == 0 {
			return a.addCandidate(&c.Candidates[i], emit)
		}
	}
	return true, nil
}

func (a *answer) addUsage(u usageMetadata) {
	a.wire.merge(u)
	a.usage = a.wire.canonical()
}

func (a *answer) addCandidate(c *candidate, emit func(chat.Event) bool) (bool, error) {
	for i := range c.Content.Parts {
		ev, err := a.event(&c.Content.Parts[i])
		if err != nil {
			return false, err
		}
		if ev == nil {
			continue
		}
		a.visible = a.visible || ev.Kind == chat.EventText && ev.Text != ""
		a.hasCall = a.hasCall || ev.Kind == chat.EventCall
		ev.Usage = a.usage
		if !emit(*ev) {
			return false, nil
		}
	}
	if !a.blocked && c.FinishReason != "" {
		a.finished, a.finish, a.detail = true, c.FinishReason, c.FinishMessage
	}
	return true, nil
}

// event returns the event of one part, nil if it has none: if it is empty, a
// piece of a call, or a thought that was not asked for. Only what the upstream
// marks as a thought is one (router-for-me/CLIProxyAPI #5129).
func (a *answer) event(p *part) (*chat.Event, error) {
	ev := &chat.Event{Kind: chat.EventText, Text: p.Text, Signature: a.signature(p)}
	switch {
	case p.FunctionCall != nil:
		return a.called(p.FunctionCall, ev.Signature)
	case p.Thought && a.of.hideThoughts:
		return nil, nil
	case p.Thought:
		ev.Kind = chat.EventThought
	case p.Text == "":
		var err error
		if ev.Text, err = p.otherText(); err != nil {
			return nil, err
		}
	}
	if ev.Text == "" && ev.Signature == nil {
		return nil, nil
	}
	return ev, nil
}

func (a *answer) signature(p *part) *chat.Signature {
	if p.Signature == "" || a.family == "" {
		return nil
	}
	return &chat.Signature{Family: a.family, Value: p.Signature}
}

// otherText puts parts into words that have no form of their own yet.
func (p *part) otherText() (string, error) {
	switch {
	case p.ExecutableCode != nil:
		return "\n```" + strings.ToLower(p.ExecutableCode.Language) + "\n" + p.ExecutableCode.Code + "\n```\n", nil
	case p.CodeResult != nil:
		return "\n```\n" + p.CodeResult.Output + "\n```\n", nil
	case p.InlineData != nil:
		return fmt.Sprintf("[%s, %d bytes of base64, not shown]", p.InlineData.MIMEType, len(p.InlineData.Data)), nil
	case p.FileData != nil:
		return fmt.Sprintf("[file, %s, not shown]", p.FileData.MIMEType), nil
	case p.FunctionResponse != nil:
		return "", upstreamError("the upstream answered with a functionResponse, which is the caller's to send", nil)
	}
	return "", nil
}

// end returns the last event, or why this was no answer.
func (a *answer) end() (chat.Event, error) {
	if !a.finished {
		return chat.Event{}, emptyError("the upstream's answer ended before it was finished", "")
	}
	stop := a.stopReason()
	if stop == 0 {
		msg := "the upstream finished without an answer (" + a.finish + ")"
		if a.detail != "" {
			msg += ": " + a.detail
		}
		return chat.Event{}, emptyError(msg, a.finish)
	}
	return chat.Event{
		Kind:   chat.EventFinish,
		Usage:  a.usage,
		Finish: chat.Finish{Stop: stop, Reason: a.finish, Detail: a.detail},
	}, nil
}

// stopReason returns 0 for a finish that is a failure.
func (a *answer) stopReason() chat.StopReason {
	if a.blocked {
		return chat.StopRefusal
	}
	switch a.finish {
	// Even after a call, which may be one of several that were cut off
	// (router-for-me/CLIProxyAPI #5836).
	case "MAX_TOKENS":
		return chat.StopMaxTokens
	case "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
		"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION":
		return chat.StopRefusal
	case "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS":
		return 0
	}
	// STOP, and what is unclear or unknown: an end if there is an answer.
	switch {
	case a.calling != nil:
		return 0 // half a call is none
	case a.hasCall:
		return chat.StopToolUse
	case a.visible:
		return chat.StopEndTurn
	}
	return 0
}

func emptyError(msg, reason string) *chat.Error {
	return &chat.Error{Kind: chat.KindEmpty, Class: chat.ClassEmpty, Message: msg, Reason: reason}
}

// upstreamError is an answer that cannot be read.
func upstreamError(msg string, cause error) *chat.Error {
	return &chat.Error{Kind: chat.KindUpstream, Class: chat.ClassEmpty, Status: http.StatusOK, Message: msg, Cause: cause}
}

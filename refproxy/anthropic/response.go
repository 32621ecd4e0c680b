package anthropic

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// Head is what an answer says about itself.
type Head struct {
	// ID is the message id, "msg_...", unique. The ids of calls to which the
	// upstream gave none are made of it.
	ID string
	// Model is the caller's name of the model.
	Model string
	// InputEstimate is the input_tokens of an answer whose upstream does not
	// tell; see chat.EstimateTokens.
	InputEstimate int
	// ContextManagement answers chat.Request.ContextManagement.
	ContextManagement bool
}

// contextManagement is the answer to edits of which none was applied.
type contextManagement struct {
	AppliedEdits []struct{} `json:"applied_edits"`
}

func (h Head) contextManagement() *contextManagement {
	if !h.ContextManagement {
		return nil
	}
	return &contextManagement{}
}

// usage is cumulative. cache_creation_input_tokens stays 0: the upstream's
// cache is implicit.
type usage struct {
	Input         int           `json:"input_tokens"`
	CacheCreation int           `json:"cache_creation_input_tokens"`
	CacheRead     int           `json:"cache_read_input_tokens"`
	Output        int           `json:"output_tokens"`
	Details       *usageDetails `json:"output_tokens_details,omitzero"`
}

type usageDetails struct {
	Thinking int `json:"thinking_tokens"`
}

func (h Head) usage(u chat.Usage) usage {
	out := usage{Input: u.Input, CacheRead: u.Cached, Output: u.Output}
	if u.Input == 0 && u.Cached == 0 {
		out.Input = h.InputEstimate
	}
	if u.Thinking > 0 {
		out.Details = &usageDetails{u.Thinking}
	}
	return out
}

type stopDetails struct {
	Type        string  `json:"type"`
	Category    *string `json:"category"`
	Explanation *string `json:"explanation"`
}

func newStopDetails(f chat.Finish) *stopDetails {
	if f.Stop != chat.StopRefusal {
		return nil
	}
	d := &stopDetails{Type: "refusal"}
	if f.Detail != "" {
		d.Explanation = &f.Detail
	}
	return d
}

// stopReason has no word for an unfinished answer, which must not get here.
func stopReason(s chat.StopReason) (string, error) {
	switch s {
	case chat.StopEndTurn:
		return "end_turn", nil
	case chat.StopMaxTokens:
		return "max_tokens", nil
	case chat.StopRefusal:
		return "refusal", nil
	case chat.StopToolUse:
		return "tool_use", nil
	}
	return "", &chat.Error{Kind: chat.KindEmpty, Message: "the upstream's answer ended before it was finished"}
}

type messageBody struct {
	ID           string             `json:"id"`
	Type         string             `json:"type"`
	Role         string             `json:"role"`
	Model        string             `json:"model"`
	Content      []any              `json:"content"`
	StopReason   *string            `json:"stop_reason"`
	StopSequence *string            `json:"stop_sequence"`
	StopDetails  *stopDetails       `json:"stop_details,omitzero"`
	Usage        usage              `json:"usage"`
	ContextEdits *contextManagement `json:"context_management,omitzero"`
}

func (h Head) message(u chat.Usage) messageBody {
	return messageBody{ID: h.ID, Type: "message", Role: "assistant", Model: h.Model, Content: []any{}, Usage: h.usage(u)}
}

// EncodeResponse writes a whole answer: the body of a 200. It refuses an
// answer that has not finished.
func EncodeResponse(head Head, resp chat.Response) ([]byte, error) {
	stop, err := stopReason(resp.Finish.Stop)
	if err != nil {
		return nil, err
	}
	body := head.message(resp.Usage)
	body.Content = head.blocks(resp.Parts)
	body.StopReason = &stop
	body.StopDetails = newStopDetails(resp.Finish)
	body.ContextEdits = head.contextManagement()
	return marshal(body)
}

// EncodeCountTokens writes the body of a count.
func EncodeCountTokens(n int) []byte {
	return append(jsontext.AppendFloat([]byte(`{"input_tokens":`), float64(n), 64), '}')
}

type modelBody struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	DisplayName string `json:"display_name"`
	CreatedAt   string `json:"created_at"`
	InputLimit  int    `json:"max_input_tokens,omitzero"`
	OutputLimit int    `json:"max_tokens,omitzero"`
}

func newModelBody(m chat.Model) modelBody {
	b := modelBody{
		Type: "model", ID: m.ID, DisplayName: m.DisplayName,
		InputLimit: m.InputLimit, OutputLimit: m.OutputLimit,
	}
	if b.DisplayName == "" {
		b.DisplayName = m.ID
	}
	created := m.Created
	if created.IsZero() {
		created = time.Unix(0, 0) // the API's own word for unknown
	}
	b.CreatedAt = created.UTC().Format(time.RFC3339)
	return b
}

// EncodeModels writes the list of models as one whole page.
func EncodeModels(models []chat.Model) ([]byte, error) {
	page := struct {
		Data    []modelBody `json:"data"`
		HasMore bool        `json:"has_more"`
		FirstID *string     `json:"first_id"`
		LastID  *string     `json:"last_id"`
	}{Data: make([]modelBody, len(models))}
	for i, m := range models {
		page.Data[i] = newModelBody(m)
	}
	if n := len(models); n > 0 {
		page.FirstID, page.LastID = &models[0].ID, &models[n-1].ID
	}
	return marshal(page)
}

// EncodeModel writes one model.
func EncodeModel(model chat.Model) ([]byte, error) { return marshal(newModelBody(model)) }

func marshal(v any) ([]byte, error) {
	body, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, &chat.Error{Message: "internal error", Cause: err}
	}
	return body, nil
}

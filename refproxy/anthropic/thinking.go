package anthropic

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

type thinking struct {
	Type    string `json:"type"`
	Budget  *int   `json:"budget_tokens"`
	Display string `json:"display"`
	// BlockBinding is about reasoning in the history that does not fit it; ours
	// does, or is dropped.
	BlockBinding jsontext.Value `json:"block_binding"`
	Unknown      jsontext.Value `json:",embed"`
}

// efforts maps output_config.effort. There is nothing above the maximum.
var efforts = map[string]chat.Effort{
	"": chat.EffortUnset, "low": chat.EffortLow, "medium": chat.EffortMedium, "high": chat.EffortHigh,
	"xhigh": chat.EffortMax, "max": chat.EffortMax,
}

func (w *requestBody) addReasoning(req *chat.Request) error {
	if w.OutputConfig != nil {
		effort, ok := efforts[w.OutputConfig.Effort]
		if !ok {
			return chat.Invalid("output_config.effort", "%.100q is none of low, medium, high, xhigh, max", w.OutputConfig.Effort)
		}
		req.Reasoning.Effort = effort
	}
	if w.Thinking == nil {
		return nil
	}
	if err := refuseUnknown("thinking", w.Thinking.Unknown); err != nil {
		return err
	}
	return w.Thinking.apply(&req.Reasoning)
}

// apply sets what t says, but for the effort, which stands elsewhere.
func (t *thinking) apply(r *chat.Reasoning) error {
	switch t.Type {
	case "disabled":
		r.Mode = chat.ReasoningOff
		return nil
	case "enabled":
		if t.Budget == nil {
			return chat.Invalid("thinking.budget_tokens", "required")
		}
		if *t.Budget < 1 {
			return chat.Invalid("thinking.budget_tokens", "must be at least 1")
		}
		r.Mode, r.Budget = chat.ReasoningBudget, *t.Budget
	case "adaptive", "between_tools":
		r.Mode = chat.ReasoningDynamic
	case "":
		return chat.Invalid("thinking.type", "required")
	default:
		return chat.Invalid("thinking.type", "%.100q is none of enabled, disabled, adaptive, between_tools", t.Type)
	}
	switch t.Display {
	case "", "summarized", "updates":
		r.Show = true
	case "omitted":
	default:
		return chat.Invalid("thinking.display", "%.100q is none of summarized, omitted, updates", t.Display)
	}
	return nil
}

// Reasoning reaches a client with the upstream's signature in an envelope. It
// is the reasoning's own; or, where that has none, the signature of what
// follows it, which wants it back and may have no other place for it.
const (
	sealOwn  = "fb1."
	sealLent = "fb1n."
)

// thought reads reasoning of a history. What another model or provider signed,
// or nobody, is dropped and counted: no upstream takes it.
func (b *conversation) thought(parts *partList, at string, raw jsontext.Value) error {
	var t struct {
		common
		Thinking  string `json:"thinking"`
		Signature string `json:"signature"`
		Data      string `json:"data"` // of redacted_thinking
	}
	if err := decodeAt(at, raw, &t); err != nil {
		return err
	}
	if err := refuseUnknown(at, t.Unknown); err != nil {
		return err
	}
	envelope := t.Signature + t.Data
	if sealed, ok := strings.CutPrefix(envelope, sealOwn); ok {
		if s, ok := chat.OpenSignature(sealed); ok {
			parts.add(chat.Part{Kind: chat.PartThought, Text: t.Thinking, Signature: &s})
			return nil
		}
	}
	if sealed, ok := strings.CutPrefix(envelope, sealLent); ok {
		if s, ok := chat.OpenSignature(sealed); ok {
			parts.lent = &s
			return nil
		}
	}
	*b.dropped++
	return nil
}

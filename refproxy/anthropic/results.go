package anthropic

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

func (l *partList) toolUse(at string, raw jsontext.Value) error {
	var use struct {
		common
		ID    string         `json:"id"`
		Name  string         `json:"name"`
		Input jsontext.Value `json:"input"`
		// Caller says whether the model or its code called.
		Caller jsontext.Value `json:"caller"`
	}
	if err := decodeAt(at, raw, &use); err != nil {
		return err
	}
	switch "" {
	case use.ID:
		return chat.Invalid(at+".id", "required")
	case use.Name:
		return chat.Invalid(at+".name", "required")
	}
	args, err := object(at+".input", use.Input)
	if err != nil {
		return err
	}
	id, signature := chat.SplitID(use.ID)
	l.add(chat.Part{Kind: chat.PartCall, Call: &chat.Call{ID: id, Name: use.Name, Args: args}, Signature: signature})
	return refuseUnknown(at, use.Unknown)
}

func (b *conversation) toolResult(parts *partList, at string, raw jsontext.Value) error {
	var res struct {
		common
		ID      string  `json:"tool_use_id"`
		Content content `json:"content"`
		Failed  bool    `json:"is_error"`
	}
	if err := decodeAt(at, raw, &res); err != nil {
		return err
	}
	if res.ID == "" {
		return chat.Invalid(at+".tool_use_id", "required")
	}
	inner, err := b.parts(at+".content", res.Content, kindsOfResult)
	if err != nil {
		return err
	}
	id, _ := chat.SplitID(res.ID)
	parts.add(chat.Part{Kind: chat.PartResult, Result: &chat.Result{ID: id, Parts: inner, Failed: res.Failed}})
	return refuseUnknown(at, res.Unknown)
}

// server keeps a block of the provider's own tools as its JSON: another
// provider ran them, and nothing upstream has a form for it.
func (l *partList) server(raw jsontext.Value) error {
	text, err := compact(raw)
	if err != nil {
		return err
	}
	l.addText(string(text))
	return nil
}

package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// Code Assist takes a body within an envelope that names model and project, and
// answers, and streams, within another one. The other kinds have none.

// variants are the codec's names of the kinds.
var variants = map[upstream.Kind]gemini.Variant{
	upstream.Gemini: gemini.GenerativeLanguage, upstream.Vertex: gemini.Vertex, upstream.CodeAssist: gemini.CodeAssist,
}

// enclose puts a body into the envelope that the kind wants.
func (b backend) enclose(ctx context.Context, v via, model string, body []byte) ([]byte, error) {
	if b.kind != upstream.CodeAssist {
		return body, nil
	}
	project, err := v.account.Project(ctx)
	if err != nil {
		return nil, failure(err)
	}
	v.work.Start()
	defer v.work.Stop()
	return gemini.WrapCodeAssist(gemini.Envelope{Model: model, Project: project, PromptID: relay.NewID("")}, body)
}

// encloseCount makes of a body of countTokens, in either of the forms of the
// Gemini API, that of the kind: Vertex AI's is a whole request, Code Assist's
// contents alone.
func (b backend) encloseCount(model string, body []byte) ([]byte, error) {
	switch b.kind {
	case upstream.CodeAssist:
		return gemini.WrapCodeAssistCount(model, body)
	case upstream.Vertex:
		return flatCount(body)
	}
	return body, nil
}

func flatCount(body []byte) ([]byte, error) {
	var o, inner object
	if err := json.Unmarshal(body, &o); err != nil {
		return nil, &chat.Error{Kind: chat.KindInvalid, Message: "the body is not a JSON object", Cause: err}
	}
	raw, ok := o["generateContentRequest"]
	if !ok {
		return body, nil
	}
	if err := json.Unmarshal(raw, &inner); err != nil {
		return nil, chat.Invalid("generateContentRequest", "want an object")
	}
	delete(inner, "model") // the path names it
	return json.Marshal(inner)
}

// disclose takes a whole answer out of its envelope, and the trace id with it.
func (b backend) disclose(a whole) whole {
	if b.kind != upstream.CodeAssist {
		return a
	}
	var id string
	if a.body, id = gemini.UnwrapCodeAssist(a.body); id != "" {
		a.header.Set(traceHeader, id)
	}
	return a
}

// discloseStream does the same for a stream.
func (b backend) discloseStream(v via, resp *http.Response) {
	if b.kind != upstream.CodeAssist {
		return
	}
	inner := gemini.UnwrapCodeAssistStream(resp.Body, func(id string) { resp.Header.Set(traceHeader, id) })
	resp.Body = disclosed{inner, resp.Body, v.work}
}

// disclosed is the body of a stream without its envelopes, which come off as it is
// read.
type disclosed struct {
	io.Reader
	io.Closer
	work *relay.Stopwatch
}

func (d disclosed) Read(p []byte) (int, error) {
	if d.work.Start() {
		defer d.work.Stop()
	}
	return d.Reader.Read(p)
}

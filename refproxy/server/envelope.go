package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/sse"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// Code Assist takes a body within an envelope that names model and project, and
// answers, and streams, within another one.

// enclose puts a body into the envelope that the kind wants.
func (b backend) enclose(ctx context.Context, model string, body []byte) ([]byte, error) {
	if b.kind != upstream.CodeAssist {
		return body, nil
	}
	project, err := b.account.Project(ctx)
	if err != nil {
		return nil, failure(err)
	}
	return encloseAs(struct {
		Model   string          `json:"model"`
		Project string          `json:"project"`
		Prompt  string          `json:"user_prompt_id"`
		Request json.RawMessage `json:"request"`
	}{model, project, relay.NewID(""), body})
}

// encloseCount does the same for a body of countTokens, which is another one for
// each kind: the Gemini API's may hold a whole request, Vertex AI's is a whole
// request, Code Assist's are contents alone.
func (b backend) encloseCount(model string, body []byte) ([]byte, error) {
	if b.kind == upstream.Gemini {
		return body, nil
	}
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		return nil, &chat.Error{Kind: chat.KindInvalid, Message: "the body is not a JSON object", Cause: err}
	}
	if inner := (object{}); o["generateContentRequest"] != nil && json.Unmarshal(o["generateContentRequest"], &inner) == nil {
		o = inner
		delete(o, "model")
	}
	if b.kind == upstream.Vertex {
		return encloseAs(o)
	}
	return encloseAs(map[string]any{"request": map[string]any{"model": "models/" + model, "contents": o["contents"]}})
}

func encloseAs(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil { // what is enclosed is no JSON
		return nil, &chat.Error{Kind: chat.KindInvalid, Message: "the body is not valid JSON", Cause: err}
	}
	return body, nil
}

// disclose takes an answer out of its envelope, and the trace id with it. What
// is in none, an error for one, stays as it is.
func disclose(data []byte, h http.Header) []byte {
	var e struct {
		Response json.RawMessage `json:"response"`
		TraceID  string          `json:"traceId"`
	}
	if json.Unmarshal(data, &e) != nil || e.Response == nil {
		return data
	}
	if e.TraceID != "" && h.Get(traceHeader) == "" {
		h.Set(traceHeader, e.TraceID)
	}
	return e.Response
}

// disclosed is an event stream without its envelopes.
type disclosed struct {
	io.Closer
	events *sse.Reader
	header http.Header
	buf    []byte
	rest   bytes.Reader
}

func newDisclosed(resp *http.Response) *disclosed {
	return &disclosed{Closer: resp.Body, events: sse.NewReader(resp.Body, sse.DefaultMaxEvent), header: resp.Header}
}

// Read returns the rest of an event, or the beginning of the next.
func (d *disclosed) Read(p []byte) (int, error) {
	for d.rest.Len() == 0 {
		ev, err := d.events.Next()
		if err != nil {
			return 0, err
		}
		d.buf = sse.Append(d.buf[:0], "", disclose(ev.Data, d.header))
		d.rest.Reset(d.buf)
	}
	return d.rest.Read(p)
}

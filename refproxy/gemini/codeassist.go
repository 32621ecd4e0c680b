package gemini

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/sse"
)

// An Envelope is what a request of Code Assist (v1internal) says beside the
// body that its relatives take. What is empty is left out.
type Envelope struct {
	Model, Project string
	// PromptID and SessionID tell the requests of one prompt and of one
	// conversation apart from others.
	PromptID, SessionID string
}

// WrapCodeAssist puts the body of a request into its envelope. Of body, which
// must be one JSON object, no byte is changed.
func WrapCodeAssist(e Envelope, body []byte) ([]byte, error) {
	inner, err := oneObject(body)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(inner)+256)
	out = append(out, '{')
	for _, f := range [...]struct{ name, value string }{{"model", e.Model}, {"project", e.Project}, {"user_prompt_id", e.PromptID}} {
		if f.value != "" {
			out = append(appendMember(out, f.name, f.value), ',')
		}
	}
	out = append(out, `"request":`...)
	if e.SessionID == "" {
		return append(append(out, inner...), '}'), nil
	}
	inner = inner[:len(inner)-1] // its closing brace
	out = append(out, inner...)
	if len(bytes.TrimRight(inner, space)) > 1 {
		out = append(out, ',')
	}
	return append(appendMember(out, "session_id", e.SessionID), '}', '}'), nil
}

// WrapCodeAssistCount makes of the body of a count of tokens, in either of the
// forms of generativelanguage, that of Code Assist, which counts contents alone.
func WrapCodeAssistCount(model string, body []byte) ([]byte, error) {
	type counted struct {
		Contents jsontext.Value `json:"contents"`
	}
	var said struct {
		counted
		Request *counted `json:"generateContentRequest"`
	}
	if err := unmarshal(body, &said); err != nil {
		return nil, notObject(err)
	}
	if said.Request != nil {
		said.counted = *said.Request
	}
	if said.Contents == nil {
		return nil, chat.Invalid("contents", "required")
	}
	return marshal(struct {
		Request struct {
			Model string `json:"model"`
			counted
		} `json:"request"`
	}{struct {
		Model string `json:"model"`
		counted
	}{"models/" + model, said.counted}})
}

// oneObject returns body without the white space around it, if it is a JSON
// object and nothing else: what is put into an envelope must not end it.
func oneObject(body []byte) ([]byte, error) {
	body = bytes.Trim(body, space)
	v := jsontext.Value(body)
	if v.Kind() != '{' || !v.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return nil, notObject(nil)
	}
	return body, nil
}

func notObject(cause error) error {
	return &chat.Error{Kind: chat.KindInvalid, Message: "the body is not a JSON object", Cause: cause}
}

func appendMember(b []byte, name, value string) []byte {
	b, _ = jsontext.AppendQuote(b, name)
	b = append(b, ':')
	b, _ = jsontext.AppendQuote(b, value) // invalid UTF-8 becomes U+FFFD
	return b
}

// UnwrapCodeAssist returns the answer within an envelope, a part of body, and
// the trace id beside it. What is no such envelope, an error above all, is
// returned as it is.
func UnwrapCodeAssist(body []byte) (answer []byte, traceID string) {
	var envelope struct {
		Response jsontext.Value `json:"response"`
		TraceID  string         `json:"traceId"`
	}
	err := json.Unmarshal(body, &envelope, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if err != nil || envelope.Response.Kind() != '{' {
		return body, ""
	}
	return envelope.Response, envelope.TraceID
}

// UnwrapCodeAssistStream returns the stream of the answers within the envelopes
// of r, event by event: SSE, or JSON if r is. The first trace id is told to
// traced, which may be nil. An event over the limit of package sse, or a failure
// of r, is the error of the read after those before it.
func UnwrapCodeAssistStream(r io.Reader, traced func(id string)) io.Reader {
	return &unwrapper{src: r, traced: traced}
}

type unwrapper struct {
	src    io.Reader
	events *sse.Reader // nil before the first read, and for JSON
	traced func(string)
	buf    bytes.Buffer
	err    error
}

func (u *unwrapper) Read(p []byte) (int, error) {
	for u.buf.Len() == 0 {
		if u.err != nil {
			return 0, u.err
		}
		if u.events == nil {
			u.err = u.begin()
			continue
		}
		u.err = u.next()
	}
	return u.buf.Read(p)
}

// begin finds out what the stream is.
func (u *unwrapper) begin() error {
	head, err := firstBytes(u.src)
	if err != nil {
		return err
	}
	whole := io.MultiReader(bytes.NewReader(head), u.src)
	if isJSON(head) {
		return u.json(whole)
	}
	u.events = sse.NewReader(whole, sse.DefaultMaxEvent)
	return nil
}

// next writes one event.
func (u *unwrapper) next() error {
	ev, err := u.events.Next()
	if err != nil {
		return err
	}
	for line := range bytes.SplitSeq(u.answer(ev.Data), []byte{'\n'}) {
		u.buf.WriteString("data: ")
		u.buf.Write(line)
		u.buf.WriteByte('\n')
	}
	u.buf.WriteByte('\n')
	return nil
}

// answer unwraps one event, and tells its trace id.
func (u *unwrapper) answer(data []byte) []byte {
	answer, id := UnwrapCodeAssist(data)
	if id != "" && u.traced != nil {
		u.traced(id)
		u.traced = nil
	}
	return answer
}

// json unwraps an answer that came as JSON, an object or a list of them. What
// cannot be read it leaves to whoever decodes it.
func (u *unwrapper) json(r io.Reader) error {
	body, err := readJSON(r)
	if err != nil {
		return err
	}
	var list []jsontext.Value
	if unmarshal(body, &list) != nil {
		u.buf.Write(u.answer(body))
		return io.EOF
	}
	for i, v := range list {
		list[i] = u.answer(v)
	}
	out, err := marshal(list)
	u.buf.Write(out)
	if err == nil {
		err = io.EOF
	}
	return err
}

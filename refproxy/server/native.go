package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
)

// traceHeader is where Code Assist's trace id goes.
const traceHeader = "X-Cloudaicompanion-Trace-Id"

// native serves a method of a model in Gemini's own dialect. The body goes to the
// upstream as it came, but for what the model's name asks for, and the answer to
// the caller.
func (s *Server) native(x *exchange) error {
	_, call, _ := strings.Cut(x.r.URL.Path, "/models/")
	at := strings.LastIndex(call, ":")
	name, verb := call[:at], call[at+1:]
	serve, ok := map[string]func(*exchange, string, []byte) error{
		"generateContent": s.nativeWhole, "streamGenerateContent": s.nativeStream, "countTokens": s.nativeCount,
	}[verb]
	if !ok {
		return &chat.Error{Kind: chat.KindNotFound, Message: fmt.Sprintf("there is no method %.100q: generateContent, streamGenerateContent and countTokens are served", verb)}
	}
	body, err := readBody(x.w, x.r, s.cfg.MaxBody)
	if err != nil {
		return err
	}
	x.plan.work.Start()
	malformed := !utf8.Valid(body) || !json.Valid(body) || bytes.TrimLeft(body, " \t\r\n")[0] != '{'
	x.plan.work.Stop()
	if malformed {
		return &chat.Error{Kind: chat.KindInvalid, Message: "the body is not a JSON object in UTF-8"}
	}
	x.out.Model, x.out.Stream = name, verb == "streamGenerateContent"
	model, wish, err := s.names.resolve(x.r.Context(), name)
	if err != nil {
		return err
	}
	x.out.UpstreamModel = model
	x.plan.work.Start()
	body, err = renamed(body, name, model, wish)
	x.plan.work.Stop()
	if err != nil {
		return err
	}
	return serve(x, model, body)
}

// object is a JSON object whose values stay the bytes they are.
type object map[string]json.RawMessage

// renamed makes a body say what its model's name said. A body that has nothing
// to be changed is returned as it is.
func renamed(body []byte, name, model string, w wish) ([]byte, error) {
	if name == model && w == (wish{}) {
		return body, nil
	}
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		return nil, &chat.Error{Kind: chat.KindInvalid, Message: "the body is not a JSON object", Cause: err}
	}
	// A count may hold a whole request, which names its model once more.
	if raw, ok := o["generateContentRequest"]; ok {
		var inner object
		if json.Unmarshal(raw, &inner) == nil && inner != nil {
			inner["model"] = quoted("models/" + model)
			if err := w.add(inner, model); err != nil {
				return nil, err
			}
			return o.with("generateContentRequest", inner)
		}
	}
	if o["model"] != nil {
		o["model"] = quoted("models/" + model)
	}
	if err := w.add(o, model); err != nil {
		return nil, err
	}
	return json.Marshal(o)
}

func quoted(s string) json.RawMessage {
	raw, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage(`""`) // a string always marshals
	}
	return raw
}

func (o object) with(name string, v object) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, &chat.Error{Message: "internal error", Cause: err}
	}
	o[name] = raw
	return json.Marshal(o)
}

// add puts what w asks for into a request. What that is for the model the codec
// knows: it is asked to write a request of nothing else.
func (w wish) add(o object, model string) error {
	if w == (wish{}) {
		return nil
	}
	ask := chat.Request{Model: model, Turns: []chat.Turn{{Role: chat.RoleUser, Parts: []chat.Part{chat.Text(".")}}}}
	w.apply(&ask)
	encoded, err := gemini.EncodeRequest(ask)
	if err != nil {
		return err
	}
	var want struct {
		Tools            []json.RawMessage `json:"tools"`
		GenerationConfig struct {
			ThinkingConfig json.RawMessage `json:"thinkingConfig"`
		} `json:"generationConfig"`
	}
	if err := json.Unmarshal(encoded, &want); err != nil {
		return &chat.Error{Message: "internal error", Cause: err}
	}
	if err := o.addTools(want.Tools); err != nil || want.GenerationConfig.ThinkingConfig == nil {
		return err
	}
	return o.setThinking(want.GenerationConfig.ThinkingConfig)
}

func (o object) addTools(more []json.RawMessage) error {
	if more == nil || bytes.Contains(o["tools"], []byte(`"googleSearch"`)) {
		return nil
	}
	var tools []json.RawMessage
	if raw := o["tools"]; raw != nil && json.Unmarshal(raw, &tools) != nil {
		return chat.Invalid("tools", "want a list")
	}
	raw, err := json.Marshal(append(tools, more...))
	o["tools"] = raw
	return err
}

// setThinking replaces what the request says of the amount of reasoning, and
// keeps whether it wants to see it.
func (o object) setThinking(want json.RawMessage) error {
	config, said, thought := object{}, object{}, object{}
	if raw := o["generationConfig"]; raw != nil && json.Unmarshal(raw, &config) != nil {
		return chat.Invalid("generationConfig", "want an object")
	}
	if raw := config["thinkingConfig"]; raw != nil && json.Unmarshal(raw, &said) != nil {
		return chat.Invalid("generationConfig.thinkingConfig", "want an object")
	}
	if err := json.Unmarshal(want, &thought); err != nil {
		return &chat.Error{Message: "internal error", Cause: err}
	}
	if show, ok := said["includeThoughts"]; ok {
		thought["includeThoughts"] = show
	}
	if config == nil {
		config = object{}
	}
	raw, err := json.Marshal(thought)
	if err != nil {
		return err
	}
	config["thinkingConfig"] = raw
	raw, err = json.Marshal(config)
	o["generationConfig"] = raw
	return err
}

// nativeWhole passes a whole answer on.
func (s *Server) nativeWhole(x *exchange, model string, body []byte) error {
	x.out.Times.Asked = time.Now()
	t := s.tries(x.plan, model)
	var a whole
	err := t.run(x.r.Context(), func(ctx context.Context, v via) (err error) {
		if a, err = s.backend.generate(ctx, v, model, body); err != nil {
			return err
		}
		x.out.Times.Answered = time.Now()
		v.work.Start()
		g, err := glance(a.body)
		v.work.Stop()
		if err != nil {
			return err
		}
		g.note(&x.out)
		if !g.complete() && len(g.Candidates) == 0 {
			return &chat.Error{Kind: chat.KindEmpty, Class: chat.ClassEmpty, Message: "the upstream's answer is empty"}
		}
		return nil
	})
	if err != nil {
		return err
	}
	x.trace(a.header)
	x.send("application/json; charset=UTF-8", a.body)
	now := time.Now()
	at := &x.out.Times
	at.Head, at.Event, at.Token, at.Text, at.Last = now, now, now, now, now
	return nil
}

func (s *Server) nativeCount(x *exchange, model string, body []byte) error {
	body, err := s.backend.encloseCount(model, countOf(model, body))
	if err != nil {
		return err
	}
	var a whole
	t := s.tries(x.plan, model)
	t.counts = true
	err = t.run(x.r.Context(), func(ctx context.Context, v via) (err error) {
		a, err = s.backend.count(ctx, v, model, body)
		return err
	})
	if err != nil {
		return err
	}
	x.send("application/json; charset=UTF-8", a.body)
	return nil
}

// countOf has the request in a body of countTokens name the model that the path
// names: by that one the credential is chosen.
func countOf(model string, body []byte) []byte {
	var o, inner object
	const request = "generateContentRequest"
	if json.Unmarshal(body, &o) != nil || json.Unmarshal(o[request], &inner) != nil || inner == nil {
		return body
	}
	want := quoted("models/" + model)
	if inner["model"] == nil || bytes.Equal(inner["model"], want) {
		return body
	}
	inner["model"] = want
	if named, err := o.with(request, inner); err == nil {
		return named
	}
	return body // what was JSON can be written as such
}

// trace passes the upstream's trace id on.
func (x *exchange) trace(h http.Header) {
	if id := h.Get(traceHeader); id != "" {
		x.w.Header().Set(traceHeader, id)
	}
}

// gone says of a failure whether it is only that the caller left, or that the
// proxy cut the request.
func gone(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil {
		return err
	}
	if e := chat.AsError(cause); e.Kind != chat.KindInternal {
		return e
	}
	return &chat.Error{Kind: chat.KindCanceled, Message: "the caller went away", Cause: cause}
}

package server

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/anthropic"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/openai"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

// An api is the dialect of a route: what its callers prove themselves with, and
// what they are told of failures in.
type api uint8

const (
	open         api = iota // asked by machines for its life alone
	anthropicAPI            // Messages
	openaiAPI               // Chat Completions, Responses
	geminiAPI               // generateContent and its kin
	versionedAPI            // Anthropic's for whoever sends a version, else OpenAI's
)

// of settles what a version settles.
func (a api) of(r *http.Request) api {
	if a != versionedAPI {
		return a
	}
	if r.Header.Get("Anthropic-Version") != "" {
		return anthropicAPI
	}
	return openaiAPI
}

// guess returns the dialect of a path that has no route.
func guess(r *http.Request) api {
	switch p := r.URL.Path; {
	case strings.HasPrefix(p, "/v1beta"):
		return geminiAPI
	case strings.HasPrefix(p, "/v1/messages"):
		return anthropicAPI
	case strings.HasPrefix(p, "/v1/"):
		return versionedAPI.of(r)
	}
	return anthropicAPI
}

// errors returns what writes failures for callers of a.
func (a api) errors() relay.ErrorEncoder {
	switch a {
	case openaiAPI:
		return completions{}
	case geminiAPI:
		return google{}
	}
	return messages{}
}

// name puts the request's id where callers of a look for it.
func (a api) name(h http.Header, id string) {
	h.Set("Request-Id", id)
	if a == openaiAPI {
		h.Set("X-Request-Id", id)
	}
}

// key returns the key that a request came with, "" for none. The dialect's own
// header goes before Authorization, and that before the query.
func (a api) key(r *http.Request) string {
	own := "X-Api-Key"
	if a == geminiAPI {
		own = "X-Goog-Api-Key"
	}
	if key := r.Header.Get(own); key != "" {
		return key
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	if a == geminiAPI {
		return r.URL.Query().Get("key")
	}
	return ""
}

// wants says where a missing key should have been.
func (a api) wants() string {
	switch a {
	case openaiAPI:
		return "Authorization: Bearer"
	case geminiAPI:
		return "x-goog-api-key, Authorization: Bearer or ?key="
	}
	return "x-api-key or Authorization: Bearer"
}

// messages is the Anthropic side of the relay.
type messages struct{}

var _ relay.Dialect = messages{}

func (messages) Request(body []byte) (chat.Request, relay.Reply, error) {
	req, err := anthropic.DecodeRequest(body)
	return req, messages{}, err
}

func (messages) Response(h relay.Head, r chat.Response) ([]byte, error) {
	return anthropic.EncodeResponse(messageHead(h), r)
}

func (messages) Error(err error, id string) (int, http.Header, []byte) {
	return anthropic.EncodeError(err, id)
}

func (messages) Encoder(w io.Writer, h relay.Head) relay.Encoder {
	return anthropic.NewStreamEncoder(w, messageHead(h))
}

func messageHead(h relay.Head) anthropic.Head {
	return anthropic.Head{ID: "msg_" + h.ID, Model: h.Model, InputEstimate: h.InputEstimate, ContextManagement: h.ContextManagement}
}

// completions is the side of OpenAI's Chat Completions. Its zero value keeps
// reasoning to itself.
type completions struct{ reasoning bool }

var _ relay.Dialect = completions{}

func (c completions) Request(body []byte) (chat.Request, relay.Reply, error) {
	req, reply, err := openai.DecodeChat(body)
	if c.reasoning {
		req.Reasoning.Show, reply.ShowReasoning = true, true
	}
	return req, completion{reply}, err
}

func (completions) Error(err error, id string) (int, http.Header, []byte) {
	return openai.EncodeError(err, id)
}

type completion struct{ openai.ChatReply }

func (c completion) Response(h relay.Head, r chat.Response) ([]byte, error) {
	return c.ChatReply.Response(openaiHead(h), r)
}

func (c completion) Encoder(w io.Writer, h relay.Head) relay.Encoder {
	return c.ChatReply.Encoder(w, openaiHead(h))
}

// responses is the side of OpenAI's Responses.
type responses struct{ completions }

var _ relay.Dialect = responses{}

func (responses) Request(body []byte) (chat.Request, relay.Reply, error) {
	req, reply, err := openai.DecodeResponses(body)
	return req, response{reply}, err
}

type response struct{ openai.ResponsesReply }

func (c response) Response(h relay.Head, r chat.Response) ([]byte, error) {
	return c.ResponsesReply.Response(openaiHead(h), r)
}

func (c response) Encoder(w io.Writer, h relay.Head) relay.Encoder {
	return c.ResponsesReply.Encoder(w, openaiHead(h))
}

func openaiHead(h relay.Head) openai.Head {
	return openai.Head{ID: h.ID, Created: time.Now(), NewID: func() string { return relay.NewID("") }}
}

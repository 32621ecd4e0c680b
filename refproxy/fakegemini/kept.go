package fakegemini

import (
	"encoding/json"
	"net/http"
	"strings"
)

// A KeptRequest is a request as it came, refused ones included.
type KeptRequest struct {
	Arm     string            `json:"arm"`
	Path    string            `json:"path"` // without the query
	Model   string            `json:"model,omitempty"`
	Verb    string            `json:"verb"`
	Headers map[string]string `json:"headers"` // canonical names; those that hold secrets are left out
	Body    json.RawMessage   `json:"body"`    // a JSON string if it is not JSON itself
}

// secretHeaders are not kept.
var secretHeaders = []string{"Authorization", "X-Goog-Api-Key", "Cookie", "Proxy-Authorization"}

// keep remembers a request if requests are kept.
func (c call) keep(body []byte) {
	s := c.arm.server
	if s.config.KeepRequests == 0 {
		return
	}
	s.requests.add(KeptRequest{
		Arm: c.arm.name, Path: c.r.URL.Path, Model: c.model, Verb: c.verb,
		Headers: headersOf(c.r.Header), Body: bodyOf(body),
	})
}

func headersOf(h http.Header) map[string]string {
	h = h.Clone()
	for _, name := range secretHeaders {
		h.Del(name)
	}
	kept := map[string]string{}
	for name, values := range h {
		kept[name] = strings.Join(values, ", ")
	}
	return kept
}

func bodyOf(body []byte) json.RawMessage {
	if json.Valid(body) {
		return body
	}
	text, err := json.Marshal(string(body))
	if err != nil {
		panic("fakegemini: text: " + err.Error()) // every string can be written
	}
	return text
}

// Requests returns the newest requests, oldest first.
func (s *Server) Requests() []KeptRequest { return s.requests.list() }

// DrainRequests returns the newest requests, oldest first, and forgets them.
func (s *Server) DrainRequests() []KeptRequest { return s.requests.drain() }

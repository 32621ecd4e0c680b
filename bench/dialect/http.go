package dialect

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// HTTP is plain HTTP, where an answer is its bytes: the first is the first
// token, and the end of the body is the end. Without Post a request is a GET of
// the target itself, and items only count.
type HTTP struct {
	// Post sends the text of the item's last message as the body: as JSON where
	// it is JSON, else as plain text. No tag is spliced in, for the body is the
	// user's own.
	Post bool
}

var _ Dialect = HTTP{}

// Name returns "http", or "http-post".
func (d HTTP) Name() string {
	if d.Post {
		return "http-post"
	}
	return "http"
}

// Request implements [Dialect]. There is no model and no tag.
func (d HTTP) Request(item *datasets.Item, _ string, _ Tag) (Request, error) {
	if !d.Post {
		return Request{Method: http.MethodGet, Header: http.Header{"Accept": {"*/*"}}}, nil
	}
	if len(item.Messages) == 0 {
		return Request{}, fmt.Errorf("dialect: item %s has no messages", item.ID)
	}
	var text string
	if err := json.Unmarshal(item.Messages[len(item.Messages)-1].Content, &text); err != nil {
		return Request{}, fmt.Errorf("dialect: item %s: a text that is no JSON string literal: %w", item.ID, err)
	}
	contentType := "text/plain; charset=utf-8"
	if json.Valid([]byte(text)) {
		contentType = "application/json"
	}
	return Request{
		Method: http.MethodPost,
		Header: http.Header{"Content-Type": {contentType}, "Accept": {"*/*"}},
		Body:   []byte(text),
	}, nil
}

// Authorize implements [Dialect].
func (HTTP) Authorize(header http.Header, key string) { bearer(header, key) }

// Open implements [Dialect]: any content will do.
func (HTTP) Open(string) (Stream, error) { return new(bytesStream), nil }

// Refusal knows no envelope.
func (HTTP) Refusal([]byte) (code, message string) { return "", "" }

// A bytesStream times a body. Where a Read ends says nothing of the answer, so
// that all of it is one event.
type bytesStream struct {
	buf              []byte
	first, last, eof int64
}

// Size implements [Stream].
func (s *bytesStream) Size() int { return len(s.buf) }

// EOF implements [Stream].
func (s *bytesStream) EOF(at int64) { s.eof = at }

// Feed implements [Stream].
func (s *bytesStream) Feed(p []byte, at int64) Seen {
	if len(p) == 0 {
		return Seen{}
	}
	if len(s.buf) == 0 {
		s.first = at
	}
	s.last = at
	s.buf = append(s.buf, p...)
	return Seen{Token: true}
}

// Answer implements [Stream].
func (s *bytesStream) Answer() Answer {
	a := Answer{FirstEvent: s.first, FirstToken: s.first, FirstText: s.first, Last: s.last, End: s.eof, Text: string(s.buf)}
	switch {
	case s.eof == 0:
		a.Fault, a.Message = NoTerminator, "the body was cut"
	case len(s.buf) == 0:
		a.Fault, a.Message = Empty, "the body is empty"
	}
	if len(s.buf) > 0 {
		a.Events = 1
	}
	return a
}

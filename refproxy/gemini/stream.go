package gemini

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/sse"
)

// space is the white space of JSON.
const space = " \t\r\n"

// Stream reads the answer to streamGenerateContent: SSE, or, told by its first
// byte, JSON (one object or an array of them). It reads r to its end even after
// the finish reason, for the usage that may follow; does not close it; and can
// be ranged over once. Every error it yields is a *chat.Error, with the error of
// r in its chain.
func (d Decoder) Stream(r io.Reader) iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		s := stream{yield: yield, answer: answer{of: d}}
		s.read(r)
	}
}

// FastStream is Stream by the short way: text of plain text-only events comes
// as Event.Raw, undecoded. Through one encoder both give the same bytes.
func (d Decoder) FastStream(r io.Reader) iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		s := stream{yield: yield, answer: answer{of: d}, scan: new(scanner)}
		s.read(r)
	}
}

// stream is one answer being read.
type stream struct {
	yield  func(chat.Event, error) bool
	scan   *scanner // nil on the canonical way
	answer answer
	buf    chunk // reused
}

func (s *stream) read(r io.Reader) {
	head, err := firstBytes(r)
	if err != nil {
		s.fail(readError(err))
		return
	}
	whole := io.MultiReader(bytes.NewReader(head), r)
	if isJSON(head) {
		s.readJSON(whole)
		return
	}
	s.readSSE(whole)
}

// isJSON reports whether what begins with head is JSON rather than SSE.
func isJSON(head []byte) bool {
	first := bytes.TrimLeft(head, space)
	return len(first) > 0 && (first[0] == '{' || first[0] == '[')
}

// firstBytes reads until there is something other than white space, in vain
// for 512 bytes at most. The end of r is no error.
func firstBytes(r io.Reader) ([]byte, error) {
	buf := make([]byte, 512)
	n := 0
	for range len(buf) {
		m, err := r.Read(buf[n:])
		n += m
		switch {
		case len(bytes.TrimLeft(buf[:n], space)) > 0 || n == len(buf) || err == io.EOF:
			return buf[:n], nil
		case err != nil:
			return nil, err
		}
	}
	return nil, io.ErrNoProgress
}

func (s *stream) readSSE(r io.Reader) {
	events := sse.NewReader(r, sse.DefaultMaxEvent)
	for {
		ev, err := events.Next()
		switch {
		case err == io.EOF:
			s.end()
			return
		case err != nil:
			s.fail(readError(err))
			return
		case len(ev.Data) > 0 && !s.chunk(ev.Data):
			return
		}
	}
}

// readJSON reads an answer that came as JSON where SSE was asked for.
func (s *stream) readJSON(r io.Reader) {
	body, err := readJSON(r)
	if err != nil {
		s.fail(readError(err))
		return
	}
	if body[0] == '{' {
		if s.chunk(body) {
			s.end()
		}
		return
	}
	s.readArray(body)
}

// readJSON reads all of r, within the limit of an event.
func readJSON(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, sse.DefaultMaxEvent+1))
	if err == nil && len(body) > sse.DefaultMaxEvent {
		err = &sse.TooLargeError{Limit: sse.DefaultMaxEvent}
	}
	return bytes.TrimLeft(body, space), err
}

func (s *stream) readArray(body []byte) {
	dec := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowInvalidUTF8(true))
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != ']' {
		var v jsontext.Value
		if v, err = dec.ReadValue(); err == nil && !s.chunk(v) {
			return
		}
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	if err == nil {
		if _, err = dec.ReadToken(); err == io.EOF {
			s.end()
			return
		}
	}
	s.fail(badChunk(err))
}

// chunk passes on one response object; false means that the stream is over.
func (s *stream) chunk(data []byte) bool {
	if s.scan != nil && s.answer.started && s.scan.chunk(data) {
		return s.scanned()
	}
	s.buf = chunk{Candidates: s.buf.Candidates[:0]}
	if err := unmarshal(data, &s.buf); err != nil {
		s.fail(badChunk(err))
		return false
	}
	return s.add(&s.buf)
}

func (s *stream) add(c *chunk) bool {
	more, err := s.answer.add(c, s.emit)
	if err != nil {
		s.fail(err)
	}
	return more
}

// scanned passes on what the scanner found, as answer.add would.
func (s *stream) scanned() bool {
	if s.scan.hasUsage {
		s.answer.addUsage(s.scan.usage)
	}
	for _, text := range s.scan.texts {
		s.answer.visible = true
		if !s.emit(chat.Event{Kind: chat.EventText, Raw: text, Usage: s.answer.usage}) {
			return false
		}
	}
	if s.scan.finish != "" && !s.answer.blocked {
		s.answer.finished, s.answer.finish, s.answer.detail = true, s.scan.finish, ""
	}
	return true
}

func (s *stream) emit(ev chat.Event) bool { return s.yield(ev, nil) }

func (s *stream) end() {
	ev, err := s.answer.end()
	if err != nil {
		s.fail(err)
		return
	}
	s.emit(ev)
}

func (s *stream) fail(err error) { s.yield(chat.Event{Usage: s.answer.usage}, err) }

func badChunk(cause error) error {
	return upstreamError("the upstream sent an event that is not valid JSON", cause)
}

// readError classes a failure of the connection itself.
func readError(err error) error {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*sse.TooLargeError](err); ok {
		return upstreamError(fmt.Sprintf("the upstream sent an event over %d bytes", e.Limit), err)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return &chat.Error{Kind: chat.KindCanceled, Message: "the request was canceled", Cause: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &chat.Error{Kind: chat.KindTimeout, Class: chat.ClassNetwork, Message: "the upstream did not answer in time", Cause: err}
	}
	return &chat.Error{Kind: chat.KindNetwork, Class: chat.ClassNetwork, Message: "the connection to the upstream broke", Cause: err}
}

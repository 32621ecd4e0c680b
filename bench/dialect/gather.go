package dialect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A protocol is what tells the streams of one API from another's.
type protocol interface {
	// look tells what a frame brought without decoding it.
	look(frame []byte) Seen
	// decoder returns the decoder of one answer.
	decoder() decoder
	// terminator names what ends an answer.
	terminator() string
}

// A decoder takes the events of one answer in their order.
type decoder interface {
	take(g *gathering, e event)
}

// A stream times the answer of a protocol.
type stream struct {
	protocol protocol
	frames   framer
	eof      int64
}

// media are content types and how frames lie in their bodies.
type media map[string]framing

var eventStream = media{"text/event-stream": serverSent}

// open returns a stream for an answer of the content type, if it is one of m.
func (m media) open(contentType string, p protocol) (Stream, error) {
	name, _, _ := strings.Cut(contentType, ";")
	framing, known := m[strings.ToLower(strings.TrimSpace(name))]
	if !known {
		want := "text/event-stream"
		if len(m) > 1 {
			want += " or JSON"
		}
		return nil, fmt.Errorf("content type %.60q, want %s", contentType, want)
	}
	return &stream{protocol: p, frames: newFramer(framing)}, nil
}

// Size implements [Stream].
func (s *stream) Size() int { return s.frames.size() }

// EOF implements [Stream].
func (s *stream) EOF(at int64) {
	s.eof = at
	s.frames.end(at)
}

// Feed implements [Stream].
func (s *stream) Feed(p []byte, at int64) Seen {
	var seen Seen
	s.frames.feed(p, at, func(text []byte) {
		one := s.protocol.look(text)
		seen.Token = seen.Token || one.Token
		seen.End = seen.End || one.End
	})
	return seen
}

// Answer implements [Stream].
func (s *stream) Answer() Answer {
	g := gathering{piece: -1}
	d := s.protocol.decoder()
	for f, text := range s.frames.frames.all() {
		g.frame = f
		if e, ok, err := s.frames.event(text); err != nil {
			g.fault(BadFrame, err.Error())
		} else if ok {
			g.event(d, e)
		}
	}
	if g.done && g.answer.End == 0 && s.frames.whole() {
		g.answer.End = s.eof
	}
	switch {
	case s.frames.values.place == spoilt:
		g.fault(BadFrame, "bytes that are neither a JSON object nor between two")
	case g.answer.End != 0 && !s.frames.whole():
		g.fault(BadFrame, "bytes after the last frame")
	}
	return g.finish(s.protocol.terminator())
}

// A gathering becomes an Answer, event by event.
type gathering struct {
	answer        Answer
	text, thought []byte
	frame         frame // of the event at hand
	content       bool  // it carries a token
	done          bool  // all was said: what remains is the end of the body
	piece         int   // the Feed that brought the last token; -1 before the first
	open          map[int]opened
}

// An opened call is one whose arguments may still come.
type opened struct {
	id string
	at int // among the answer's calls
}

// event has d take an event; all that an event brings is one token event.
func (g *gathering) event(d decoder, e event) {
	if g.answer.FirstEvent == 0 {
		g.answer.FirstEvent = g.frame.at
	}
	g.content = false
	d.take(g, e)
	if g.content {
		g.token()
	}
}

// read decodes the data of an event into v, or notes the fault.
func (g *gathering) read(data []byte, v any) bool {
	err := json.Unmarshal(data, v)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		err = fmt.Errorf("%s is a %s", wrong.Field, wrong.Value)
	}
	if err != nil {
		g.fault(BadJSON, fmt.Sprintf("event of %d bytes: %v", len(data), err))
	}
	return err == nil
}

func (g *gathering) token() {
	a, at := &g.answer, g.frame.at
	a.Events++
	if a.FirstToken == 0 {
		a.FirstToken = at
	} else {
		a.Gaps = append(a.Gaps, at-a.Last)
	}
	if g.frame.piece == g.piece {
		a.Coalesced++
	}
	a.Last, g.piece = at, g.frame.piece
}

// say takes in visible text; without content it is no token.
func (g *gathering) say(text string) {
	if text == "" {
		return
	}
	g.content = true
	g.text = append(g.text, text...)
	if g.answer.FirstText == 0 {
		g.answer.FirstText = g.frame.at
	}
}

// think takes in reasoning.
func (g *gathering) think(text string) {
	g.content = g.content || text != ""
	g.thought = append(g.thought, text...)
}

// call opens the call at an index of the API's, unless it is open: some servers
// give every call the same index and tell them apart by id alone.
func (g *gathering) call(index int, id, tool string) {
	if o, known := g.open[index]; known && (id == "" || o.id == "" || id == o.id) {
		if c := &g.answer.Calls[o.at]; c.Tool == "" {
			c.Tool = tool
		}
		return
	}
	if g.open == nil {
		g.open = map[int]opened{}
	}
	g.open[index] = opened{id, len(g.answer.Calls)}
	g.answer.Calls = append(g.answer.Calls, Call{Tool: tool})
}

// argue takes in a piece of the arguments of the call at that index.
func (g *gathering) argue(index int, piece string) {
	g.content = g.content || piece != ""
	if o, known := g.open[index]; known {
		g.answer.Calls[o.at].Arguments += piece
	}
}

// usage takes in counts; later events carry totals, and may leave out what an
// earlier one told.
func (g *gathering) usage(u Usage) {
	total := &g.answer.Usage
	total.Reported = true
	total.Input, total.Output = max(total.Input, u.Input), max(total.Output, u.Output)
	total.Cached, total.Reasoning = max(total.Cached, u.Cached), max(total.Reasoning, u.Reasoning)
}

// stop takes in why the answer stopped, in the API's word and Anthropic's.
func (g *gathering) stop(word, anthropic string) {
	g.answer.Finish, g.answer.Stop = word, anthropic
}

// end notes the terminator; only the first counts.
func (g *gathering) end() {
	if g.answer.End == 0 {
		g.answer.End = g.frame.at
	}
}

// fault keeps the first fault, but an error event above all: it is the
// server's own account.
func (g *gathering) fault(kind Fault, message string) {
	if g.answer.Fault == "" || kind == ErrorEvent && g.answer.Fault != ErrorEvent {
		g.answer.Fault, g.answer.Message = kind, message
	}
}

// failed takes in an error that the stream itself reports.
func (g *gathering) failed(code, message string) {
	if g.answer.Fault != ErrorEvent {
		g.answer.Code = code
	}
	g.fault(ErrorEvent, cmp.Or(message, code, "an error without words"))
}

func (g *gathering) finish(terminator string) Answer {
	if g.answer.End == 0 {
		g.fault(NoTerminator, "the stream ended without "+terminator)
	}
	if g.answer.Events == 0 {
		message := "the answer has no content"
		if g.answer.Finish != "" {
			message += ", finish reason " + g.answer.Finish
		}
		g.fault(Empty, message)
	}
	g.answer.Text, g.answer.Thought = string(g.text), string(g.thought)
	return g.answer
}

// filled reports whether a frame has a member of that name, which is given with
// its quotes, that is a string with something in it. Within a string the quotes
// would be escaped, so that no text can look like it.
func filled(frame []byte, member string) bool {
	for {
		i := bytes.Index(frame, []byte(member))
		if i < 0 {
			return false
		}
		frame = bytes.TrimLeft(frame[i+len(member):], ": \t\r\n")
		if len(frame) > 1 && frame[0] == '"' && frame[1] != '"' {
			return true
		}
	}
}

// has reports whether a frame holds one of the words.
func has(frame []byte, words ...string) bool {
	for _, word := range words {
		if bytes.Contains(frame, []byte(word)) {
			return true
		}
	}
	return false
}

package openai

import (
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// ErrStreamEnded is an event after the end of its stream.
var ErrStreamEnded = errors.New("openai: the stream has ended")

// sink is where a stream's bytes go: one Write for each call of its encoder.
// After an error every call returns that error.
type sink struct {
	w     io.Writer
	state streamState
	buf   []byte
	err   error
}

type streamState uint8

const (
	idle   streamState = iota // nothing written
	opened                    // the head was written
	ended                     // the end, or an error, was written
)

// Ended reports whether the end or an error was written.
func (s *sink) Ended() bool { return s.state == ended }

// Ping writes a comment, which every reader of events passes over, while the
// stream is open.
func (s *sink) Ping() error {
	if s.state == opened {
		s.buf = append(s.buf, ": ping\n\n"...)
	}
	return s.flush()
}

func (s *sink) flush() error {
	if s.err == nil && len(s.buf) > 0 {
		_, s.err = s.w.Write(s.buf)
	}
	s.buf = s.buf[:0]
	return s.err
}

// literal appends the text of ev as a JSON string: RFC 8785, with U+FFFD for
// what is not UTF-8.
func literal(dst []byte, ev chat.Event) []byte {
	if ev.Raw != nil {
		return append(dst, ev.Raw...)
	}
	return quote(dst, ev.Text)
}

func quote(dst []byte, s string) []byte {
	// The error only says that something was replaced.
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

// isEmpty reports an event that has a signature and no text.
func isEmpty(ev chat.Event) bool { return len(ev.Text) == 0 && len(ev.Raw) <= len(`""`) }

// ChatStream writes one streamed chat completion. Each call makes at most one
// Write, so a caller flushes after each. It is not safe for concurrent use.
//
//	state    Start    content or finish    Error
//	idle     opened   opened, ended        ended
//	opened   -        opened, ended        ended
//	ended    -        ErrStreamEnded       -
type ChatStream struct {
	sink
	reply  ChatReply
	head   Head
	before []byte // of a chunk, up to its first choice
	after  string // the choices of a chunk
	calls  int
}

// Encoder begins a streamed answer to w.
func (r ChatReply) Encoder(w io.Writer, head Head) *ChatStream {
	s := &ChatStream{sink: sink{w: w}, reply: r, head: head}
	s.before = append(quote([]byte(`data: {"id":`), "chatcmpl-"+head.ID), `,"object":"chat.completion.chunk","created":`...)
	s.before = strconv.AppendInt(s.before, head.Created.Unix(), 10)
	s.before = append(quote(append(s.before, `,"model":`...), r.model), `,"choices":[`...)
	s.after = "}\n\n"
	if r.includeUsage {
		s.after = `,"usage":null` + s.after
	}
	return s
}

// Start writes the chunk with the role, once.
func (s *ChatStream) Start(chat.Usage) error {
	s.start()
	return s.flush()
}

// Event writes what ev means. Content before any start starts the stream.
func (s *ChatStream) Event(ev chat.Event) error {
	if s.state == ended && ev.Kind != chat.EventStart {
		return ErrStreamEnded
	}
	switch ev.Kind {
	case chat.EventStart:
		s.start()
	case chat.EventText:
		s.text(`"content":`, ev)
	case chat.EventThought:
		if s.reply.ShowReasoning {
			s.text(`"reasoning_content":`, ev)
		}
	case chat.EventCall:
		s.call(ev)
	case chat.EventFinish:
		reason, err := finishReason(ev.Finish.Stop)
		if err != nil {
			return err
		}
		s.finish(reason, ev.Usage)
	}
	return s.flush()
}

// Error writes a failure in place of the end, without [DONE]; after the end it
// does nothing. The request's id has no place in it.
func (s *ChatStream) Error(err error, _ string) error {
	if s.state != ended {
		s.state = ended
		s.buf = append(append(append(s.buf, "data: "...), envelope(asError(err))...), "\n\n"...)
	}
	return s.flush()
}

func (s *ChatStream) start() {
	if s.state == idle {
		s.state = opened
		s.open()
		s.buf = append(s.buf, `"role":"assistant","content":"","refusal":null`...)
		s.close()
	}
}

// open begins a chunk and its delta.
func (s *ChatStream) open() { s.buf = append(append(s.buf, s.before...), `{"index":0,"delta":{`...) }

// close ends what open has begun.
func (s *ChatStream) close() { s.end("null") }

func (s *ChatStream) end(reason string) {
	s.buf = append(append(append(s.buf, `},"logprobs":null,"finish_reason":`...), reason...), "}]"...)
	s.buf = append(s.buf, s.after...)
}

func (s *ChatStream) text(member string, ev chat.Event) {
	s.start()
	if isEmpty(ev) {
		return
	}
	s.open()
	s.buf = literal(append(s.buf, member...), ev)
	s.close()
}

// call writes a call in two deltas, as clients expect: who is called, and with
// what.
func (s *ChatStream) call(ev chat.Event) {
	s.start()
	index := strconv.AppendInt([]byte(`"tool_calls":[{"index":`), int64(s.calls), 10)
	s.calls++
	s.open()
	s.buf = quote(append(append(s.buf, index...), `,"id":`...), s.head.callID(ev.Call, ev.Signature))
	s.buf = quote(append(s.buf, `,"type":"function","function":{"name":`...), ev.Call.Name)
	s.buf = append(s.buf, `,"arguments":""}}]`...)
	s.close()
	s.open()
	s.buf = quote(append(append(s.buf, index...), `,"function":{"arguments":`...), arguments(ev.Call))
	s.buf = append(s.buf, "}}]"...)
	s.close()
}

func (s *ChatStream) finish(reason string, u chat.Usage) {
	s.start()
	s.state = ended
	s.open()
	s.end(`"` + reason + `"`)
	if s.reply.includeUsage {
		usage, err := marshal(newChatUsage(u))
		if err != nil {
			s.err = err // numbers always marshal
		}
		s.buf = append(append(append(append(s.buf, s.before...), `],"usage":`...), usage...), "}\n\n"...)
	}
	s.buf = append(s.buf, "data: [DONE]\n\n"...)
}

package anthropic

import (
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/sse"
)

// ErrStreamEnded is an event after the end of its stream.
var ErrStreamEnded = errors.New("anthropic: the stream has ended")

// StreamEncoder writes one streamed answer. Each call makes at most one Write
// on the sink, so a caller flushes after each. It is not safe for concurrent
// use: pings and events need one lock or one goroutine. After an error of the
// sink every call returns that error.
//
//	state      Start   content        finish                Error
//	idle       opened  committed      ended                 ended
//	opened     -       committed      ended                 ended
//	committed  -       -              ended (block closed)  ended (block closed)
//	ended      -       ErrStreamEnded ErrStreamEnded        -
//
// At most one block is open at a time. Content of another kind closes it; a
// call is a whole block.
type StreamEncoder struct {
	sink   io.Writer
	head   Head
	state  state
	open   openBlock
	signed bool // the open thinking block has its signature
	index  int  // of the open block, or of the next one
	calls  int
	buf    []byte
	err    error
}

type state uint8

const (
	idle      state = iota // nothing written
	opened                 // message_start written
	committed              // content written
	ended                  // message_stop or error written
)

// openBlock is the kind of block that has been started and not stopped.
type openBlock uint8

const (
	noBlock openBlock = iota
	openText
	openThinking
	openCall
)

// NewStreamEncoder returns an encoder that writes to sink.
func NewStreamEncoder(sink io.Writer, head Head) *StreamEncoder {
	return &StreamEncoder{sink: sink, head: head}
}

// Started reports whether message_start, or an error in its place, was written.
func (e *StreamEncoder) Started() bool { return e.state != idle }

// Committed reports whether content was written, or the end: no retry then.
func (e *StreamEncoder) Committed() bool { return e.state >= committed }

// Ended reports whether message_stop or an error event was written.
func (e *StreamEncoder) Ended() bool { return e.state == ended }

// Start writes message_start and a first ping, once; later calls do nothing,
// so that a retried upstream reuses the head. Event(EventStart) does the same.
func (e *StreamEncoder) Start(u chat.Usage) error {
	e.begin()
	e.start(u)
	return e.flush()
}

// Event writes what ev means. Content before any start starts the message.
func (e *StreamEncoder) Event(ev chat.Event) error {
	e.begin()
	switch {
	case ev.Kind == chat.EventStart:
		e.start(ev.Usage)
	case e.state == ended:
		return ErrStreamEnded
	case ev.Kind == chat.EventFinish:
		stop, err := stopReason(ev.Finish.Stop)
		if err != nil {
			return err
		}
		e.start(ev.Usage)
		e.finish(stop, ev)
	default:
		e.content(&ev)
	}
	return e.flush()
}

// content writes a piece of the answer, if there is anything in it to show.
func (e *StreamEncoder) content(ev *chat.Event) {
	hasText := ev.Text != "" || len(ev.Raw) > len(`""`)
	switch ev.Kind {
	case chat.EventText:
		if hasText {
			e.start(ev.Usage)
			e.borrow(ev.Signature)
			e.text(ev)
		}
	case chat.EventThought:
		if hasText || ev.Signature != nil {
			e.start(ev.Usage)
			e.thought(ev)
		}
	case chat.EventCall:
		e.start(ev.Usage)
		e.borrow(ev.Signature)
		e.call(ev)
	}
}

// Ping writes a ping; before message_start and after the end it does nothing.
func (e *StreamEncoder) Ping() error {
	e.begin()
	if e.state == opened || e.state == committed {
		e.ping()
	}
	return e.flush()
}

// Error closes an open block and writes an error event; after the end of the
// stream it does nothing. Before message_start it writes the error alone.
func (e *StreamEncoder) Error(err error, requestID string) error {
	e.begin()
	if e.state == ended {
		return e.flush()
	}
	e.closeBlock()
	e.buf = sse.Begin(e.buf, "error")
	e.buf = append(e.buf, envelope(chat.AsError(err), requestID)...)
	e.buf = sse.End(e.buf)
	e.state = ended
	return e.flush()
}

func (e *StreamEncoder) begin() { e.buf = e.buf[:0] }

func (e *StreamEncoder) flush() error {
	if e.err == nil && len(e.buf) > 0 {
		_, e.err = e.sink.Write(e.buf)
	}
	return e.err
}

func (e *StreamEncoder) start(u chat.Usage) {
	if e.state != idle {
		return
	}
	e.state = opened
	e.event("message_start", struct {
		Type    string      `json:"type"`
		Message messageBody `json:"message"`
	}{"message_start", e.head.message(u)})
	e.ping()
}

func (e *StreamEncoder) ping() {
	e.buf = append(e.buf, "event: ping\ndata: {\"type\":\"ping\"}\n\n"...)
}

func (e *StreamEncoder) text(ev *chat.Event) {
	if e.open != openText {
		e.startBlock(openText, `{"type":"text","text":""}`)
	}
	e.delta(`{"type":"text_delta","text":`)
	if ev.Raw != nil {
		e.buf = append(e.buf, ev.Raw...)
	} else {
		e.buf = appendQuote(e.buf, ev.Text)
	}
	e.endDelta()
}

// thought writes reasoning. Its signature ends the block: what comes after it
// belongs to another one.
func (e *StreamEncoder) thought(ev *chat.Event) {
	if e.open != openThinking || e.signed {
		e.startBlock(openThinking, `{"type":"thinking","thinking":"","signature":""}`)
	}
	if ev.Text != "" {
		e.delta(`{"type":"thinking_delta","thinking":`)
		e.buf = appendQuote(e.buf, ev.Text)
		e.endDelta()
	}
	if ev.Signature != nil {
		e.sign(sealOwn, ev.Signature)
	}
}

// borrow has open reasoning without a signature take that of what follows it.
func (e *StreamEncoder) borrow(s *chat.Signature) {
	if s != nil && e.open == openThinking && !e.signed {
		e.sign(sealLent, s)
	}
}

func (e *StreamEncoder) sign(envelope string, s *chat.Signature) {
	e.delta(`{"type":"signature_delta","signature":`)
	e.buf = appendQuote(e.buf, envelope+s.Seal())
	e.endDelta()
	e.signed = true
}

// call writes a whole block.
func (e *StreamEncoder) call(ev *chat.Event) {
	e.calls++
	block := appendQuote([]byte(`{"type":"tool_use","id":`), e.head.callID(ev.Call, ev.Signature, e.calls))
	block = appendQuote(append(block, `,"name":`...), ev.Call.Name)
	e.startBlock(openCall, string(block)+`,"input":{}}`)
	e.delta(`{"type":"input_json_delta","partial_json":`)
	e.buf = appendQuote(e.buf, string(arguments(ev.Call)))
	e.endDelta()
	e.closeBlock()
}

const (
	blockStart = "event: content_block_start\n" + `data: {"type":"content_block_start","index":`
	blockDelta = "event: content_block_delta\n" + `data: {"type":"content_block_delta","index":`
	blockStop  = "event: content_block_stop\n" + `data: {"type":"content_block_stop","index":`
)

// startBlock closes what is open and starts a block that begins as block says.
func (e *StreamEncoder) startBlock(kind openBlock, block string) {
	e.closeBlock()
	e.state, e.open, e.signed = committed, kind, false
	e.buf = append(e.buf, blockStart...)
	e.buf = strconv.AppendInt(e.buf, int64(e.index), 10)
	e.buf = append(e.buf, `,"content_block":`...)
	e.buf = append(e.buf, block...)
	e.buf = append(e.buf, "}\n\n"...)
}

// delta begins a delta of the open block, up to the value that fills it.
func (e *StreamEncoder) delta(begin string) {
	e.buf = append(e.buf, blockDelta...)
	e.buf = strconv.AppendInt(e.buf, int64(e.index), 10)
	e.buf = append(e.buf, `,"delta":`...)
	e.buf = append(e.buf, begin...)
}

func (e *StreamEncoder) endDelta() { e.buf = append(e.buf, "}}\n\n"...) }

// appendQuote writes the canonical form of s: RFC 8785, with U+FFFD for what is
// not UTF-8.
func appendQuote(dst []byte, s string) []byte {
	// The error only says that something was replaced.
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

func (e *StreamEncoder) closeBlock() {
	if e.open == noBlock {
		return
	}
	e.buf = append(e.buf, blockStop...)
	e.buf = strconv.AppendInt(e.buf, int64(e.index), 10)
	e.buf = append(e.buf, "}\n\n"...)
	e.open = noBlock
	e.index++
}

func (e *StreamEncoder) finish(stop string, ev chat.Event) {
	e.closeBlock()
	e.event("message_delta", messageDelta{
		Type:         "message_delta",
		Delta:        delta{StopReason: stop, StopDetails: newStopDetails(ev.Finish)},
		Usage:        e.head.usage(ev.Usage),
		ContextEdits: e.head.contextManagement(),
	})
	e.buf = append(e.buf, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"...)
	e.state = ended
}

type messageDelta struct {
	Type         string             `json:"type"`
	Delta        delta              `json:"delta"`
	Usage        usage              `json:"usage"`
	ContextEdits *contextManagement `json:"context_management,omitzero"`
}

type delta struct {
	StopReason   string       `json:"stop_reason"`
	StopSequence *string      `json:"stop_sequence"`
	StopDetails  *stopDetails `json:"stop_details,omitzero"`
}

func (e *StreamEncoder) event(name string, v any) {
	data, err := marshal(v)
	if err != nil {
		e.err = err // strings and numbers always marshal
		return
	}
	e.buf = append(sse.Begin(e.buf, name), data...)
	e.buf = sse.End(e.buf)
}

package openai

import (
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/sse"
)

// ResponsesStream writes one streamed response. Each call makes at most one
// Write, so a caller flushes after each. It is not safe for concurrent use.
//
//	state    Start    content         finish               Error
//	idle     opened   opened          ended                ended
//	opened   -        opened          ended (item closed)  ended (item closed)
//	ended    -        ErrStreamEnded  ErrStreamEnded       -
type ResponsesStream struct {
	sink
	reply    ResponsesReply
	head     Head
	sequence int64
	output   []any // the items that are closed
	open     openItem
}

// openItem is the item that grows; kind is 0 while there is none.
type openItem struct {
	kind   chat.PartKind
	id     string
	text   []byte // so far, a JSON string without its last quote
	middle string // of a delta's event, after the sequence number
	begun  bool   // its part was added
}

// Encoder begins a streamed answer to w.
func (r ResponsesReply) Encoder(w io.Writer, head Head) *ResponsesStream {
	return &ResponsesStream{sink: sink{w: w}, reply: r, head: head}
}

// Start writes response.created and response.in_progress, once.
func (s *ResponsesStream) Start(chat.Usage) error {
	s.start()
	return s.flush()
}

// Event writes what ev means. Content before any start starts the stream.
func (s *ResponsesStream) Event(ev chat.Event) error {
	if s.state == ended && ev.Kind != chat.EventStart {
		return ErrStreamEnded
	}
	switch ev.Kind {
	case chat.EventStart:
		s.start()
	case chat.EventText:
		s.text(ev)
	case chat.EventThought:
		s.thought(ev)
	case chat.EventCall:
		s.call(ev)
	case chat.EventFinish:
		return s.finish(ev)
	}
	return s.flush()
}

// Error closes what is open and writes response.failed; after the end it does
// nothing. The request's id has no place in it.
func (s *ResponsesStream) Error(err error, _ string) error {
	if s.state != ended {
		s.closeItem(unfinished, nil)
		r := s.reply.respond(s.head, failed)
		r.fail(err)
		s.last(r)
	}
	return s.flush()
}

func (s *ResponsesStream) start() {
	if s.state != idle {
		return
	}
	s.state = opened
	r := s.reply.respond(s.head, inProgress)
	s.event(responseEvent{Type: "response.created", Response: r})
	s.event(responseEvent{Type: "response.in_progress", Response: r})
}

func (s *ResponsesStream) finish(ev chat.Event) error {
	r := s.reply.respond(s.head, completed)
	status, err := r.finish(ev.Finish, ev.Usage)
	if err != nil {
		return err
	}
	s.start()
	s.closeItem(status, nil)
	s.last(r)
	return s.flush()
}

// last ends the stream with r and all items.
func (s *ResponsesStream) last(r *response) {
	r.Output = append(r.Output, s.output...)
	s.event(responseEvent{Type: "response." + r.Status, Response: r})
	s.state = ended
}

func (s *ResponsesStream) text(ev chat.Event) {
	s.start()
	if isEmpty(ev) {
		return
	}
	if s.open.kind != chat.PartText {
		s.openText()
	}
	s.delta(ev)
	s.buf = append(s.buf, `,"logprobs":[]`...)
	s.endEvent()
}

func (s *ResponsesStream) thought(ev chat.Event) {
	s.start()
	if isEmpty(ev) && ev.Signature == nil {
		return
	}
	if s.open.kind != chat.PartThought {
		s.openItem(chat.PartThought, "rs_")
		s.event(itemEvent{Type: "response.output_item.added", Index: len(s.output), Item: newReasoningItem(s.open.id, inProgress)})
	}
	if !isEmpty(ev) {
		if !s.open.begun {
			s.open.begun = true
			s.summary("response.reasoning_summary_part.added", &summaryText{"summary_text", jsontext.Value(`""`)}, nil)
		}
		s.delta(ev)
		s.endEvent()
	}
	if ev.Signature != nil {
		s.closeItem(completed, ev.Signature)
	}
}

// call writes one whole call, its arguments in one delta.
func (s *ResponsesStream) call(ev chat.Event) {
	s.start()
	s.closeItem(completed, nil)
	index := len(s.output)
	it := s.reply.newCallItem(s.head, s.head.itemID("fc_", index), ev.Call, ev.Signature)
	begun := it
	begun.Status, begun.Arguments = inProgress, ""
	s.event(itemEvent{Type: "response.output_item.added", Index: index, Item: begun})
	s.event(callEvent{Type: "response.function_call_arguments.delta", ItemID: it.ID, Index: index, Delta: it.Arguments})
	s.event(callEvent{Type: "response.function_call_arguments.done", ItemID: it.ID, Index: index, Arguments: it.Arguments})
	s.closed(it)
}

func (s *ResponsesStream) openItem(kind chat.PartKind, prefix string) {
	s.closeItem(completed, nil)
	index := len(s.output)
	s.open = openItem{kind: kind, id: s.head.itemID(prefix, index), text: append(s.open.text[:0], '"')}
	middle := append(quote([]byte(`,"item_id":`), s.open.id), `,"output_index":`...)
	middle = strconv.AppendInt(middle, int64(index), 10)
	which := `,"content_index":0`
	if kind == chat.PartThought {
		which = `,"summary_index":0`
	}
	s.open.middle = string(middle) + which + `,"delta":`
}

func (s *ResponsesStream) openText() {
	s.openItem(chat.PartText, "msg_")
	s.open.begun = true
	s.event(itemEvent{Type: "response.output_item.added", Index: len(s.output), Item: newMessageItem(s.open.id, inProgress)})
	s.content("response.content_part.added", newOutputText(jsontext.Value(`""`)))
}

// delta writes an event for more text, up to what ends it. The text is kept as
// JSON, without being decoded: a literal's inside may follow another's.
func (s *ResponsesStream) delta(ev chat.Event) {
	kind := "response.output_text.delta"
	if s.open.kind == chat.PartThought {
		kind = "response.reasoning_summary_text.delta"
	}
	s.buf = append(append(sse.Begin(s.buf, kind), `{"type":"`...), kind...)
	s.buf = strconv.AppendInt(append(s.buf, `","sequence_number":`...), s.sequence, 10)
	s.sequence++
	s.buf = append(s.buf, s.open.middle...)
	at := len(s.buf)
	s.buf = literal(s.buf, ev)
	s.open.text = append(s.open.text, s.buf[at+1:len(s.buf)-1]...)
}

func (s *ResponsesStream) endEvent() { s.buf = sse.End(append(s.buf, '}')) }

// closeItem writes what ends the open item, if there is one.
func (s *ResponsesStream) closeItem(status string, signature *chat.Signature) {
	text := jsontext.Value(append(append([]byte{}, s.open.text...), '"'))
	switch s.open.kind {
	case chat.PartText:
		part := newOutputText(text)
		s.event(textDone{
			Type: "response.output_text.done", ItemID: s.open.id, Index: len(s.output), Text: text, Logprobs: []struct{}{},
		})
		s.content("response.content_part.done", part)
		s.closed(newMessageItem(s.open.id, status, part))
	case chat.PartThought:
		it := newReasoningItem(s.open.id, status)
		it.Sealed = seal(signature)
		if s.open.begun {
			part := summaryText{"summary_text", text}
			s.summary("response.reasoning_summary_text.done", nil, text)
			s.summary("response.reasoning_summary_part.done", &part, nil)
			it.Summary = append(it.Summary, part)
		}
		s.closed(it)
	}
	s.open.kind = 0
}

// closed writes that an item is done, and keeps it for the last event.
func (s *ResponsesStream) closed(item any) {
	s.event(itemEvent{Type: "response.output_item.done", Index: len(s.output), Item: item})
	s.output = append(s.output, item)
}

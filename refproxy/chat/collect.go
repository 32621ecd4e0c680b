package chat

import (
	"encoding/json"
	"iter"
	"strings"
)

// Collect reads a streamed answer to its end and returns it as a whole one. On
// an error it returns what had arrived, with the error.
func Collect(events iter.Seq2[Event, error]) (Response, error) {
	var c collector
	for ev, err := range events {
		c.resp.Usage = ev.Usage
		if err == nil {
			err = c.add(ev)
		}
		if err != nil {
			c.flush()
			return c.resp, err
		}
	}
	c.flush()
	return c.resp, nil
}

// FirstCall passes on an answer without the calls after the first one, which
// dropped is told of; it may be nil.
func FirstCall(events iter.Seq2[Event, error], dropped func(Call)) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		called := false
		for ev, err := range events {
			if ev.Kind == EventCall && err == nil {
				if called {
					if dropped != nil {
						dropped(*ev.Call)
					}
					continue
				}
				called = true
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

// collector joins adjacent deltas of one kind. A signature ends its part.
type collector struct {
	resp Response
	kind PartKind
	text strings.Builder
}

func (c *collector) add(ev Event) error {
	switch ev.Kind {
	case EventStart:
		c.resp.ID, c.resp.Model = ev.ID, ev.Model
	case EventText:
		return c.delta(PartText, ev)
	case EventThought:
		return c.delta(PartThought, ev)
	case EventCall:
		c.flush()
		c.resp.Parts = append(c.resp.Parts, Part{Kind: PartCall, Call: ev.Call, Signature: ev.Signature})
	case EventFinish:
		c.resp.Finish = ev.Finish
	}
	return nil
}

func (c *collector) delta(kind PartKind, ev Event) error {
	if kind != c.kind {
		c.flush()
		c.kind = kind
	}
	text := ev.Text
	if ev.Raw != nil {
		if err := json.Unmarshal(ev.Raw, &text); err != nil {
			return &Error{Message: "internal error", Cause: err}
		}
	}
	c.text.WriteString(text)
	if ev.Signature != nil {
		c.seal(ev.Signature)
	}
	return nil
}

// seal ends the part that is being joined, with its signature.
func (c *collector) seal(s *Signature) {
	c.resp.Parts = append(c.resp.Parts, Part{Kind: c.kind, Text: c.text.String(), Signature: s})
	c.text.Reset()
}

func (c *collector) flush() {
	if c.text.Len() > 0 {
		c.resp.Parts = append(c.resp.Parts, Part{Kind: c.kind, Text: c.text.String()})
		c.text.Reset()
	}
}

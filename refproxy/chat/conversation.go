package chat

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// systemPrefix marks an instruction that has to stand among user content.
	systemPrefix = "System instruction:\n"
	// opening stands for the user in a conversation that the model begins.
	opening = "."
)

// Conversation builds [Request.Turns] and [Request.System] of messages in the
// order in which a client sent them. The results of a model turn's calls become
// one turn, in the order of the calls, wherever in the following messages they
// stood; what else was said there comes after it. The zero value is ready.
type Conversation struct {
	system   []Part
	turns    []Turn
	pending  []pendingCall    // of the last model turn, while results may come
	waiting  map[string][]int // by id, the indexes in pending of those without a result
	answered bool             // a result of them has come
	said     []Part           // by the user beside the results
	at       string           // of the calls, for errors
}

type pendingCall struct {
	call   *Call
	result *Result
}

// System adds to the system instruction. Parts are text.
func (c *Conversation) System(parts ...Part) { c.system = append(c.system, parts...) }

// Instruct adds a system message that stands among the turns: before the first
// one it joins the system instruction; later it stays in its place, as
// something the user says, but never between calls and their results.
func (c *Conversation) Instruct(parts ...Part) {
	if len(c.turns) == 0 {
		c.System(parts...)
		return
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Text
	}
	c.user(Text(systemPrefix + strings.Join(texts, "\n")))
}

// Say adds what role said; at is where that stands, for errors, which are a
// KindInvalid *Error: a result of no call that waits for one, or calls that have
// not all been answered when the model speaks again.
func (c *Conversation) Say(at string, role Role, parts ...Part) error {
	if len(parts) == 0 {
		return Invalid(at, "no content left")
	}
	if role == RoleModel {
		return c.model(at, parts)
	}
	for i := range parts {
		if parts[i].Kind != PartResult {
			c.user(parts[i])
		} else if err := c.result(at, parts[i].Result); err != nil {
			return err
		}
	}
	return nil
}

// End returns the system instruction and the turns.
func (c *Conversation) End() (system []Part, turns []Turn, err error) {
	if err := c.settle(); err != nil {
		return nil, nil, err
	}
	if len(c.turns) == 0 {
		return nil, nil, Invalid("messages", "at least one user message is required")
	}
	return c.system, c.turns, nil
}

func (c *Conversation) user(p Part) {
	if c.pending != nil {
		c.said = append(c.said, p)
		return
	}
	c.add(RoleUser, p)
}

func (c *Conversation) model(at string, parts []Part) error {
	// Further messages of the same turn may stand before any result of it.
	if c.answered || c.said != nil {
		if err := c.settle(); err != nil {
			return err
		}
	}
	if len(c.turns) == 0 {
		c.add(RoleUser, Text(opening))
	}
	c.add(RoleModel, parts...)
	for i := range parts {
		if parts[i].Kind == PartCall {
			c.called(at, parts[i].Call)
		}
	}
	return nil
}

// called waits for the result of call. Ids may repeat even within a turn.
func (c *Conversation) called(at string, call *Call) {
	if c.waiting == nil {
		c.waiting = map[string][]int{}
	}
	c.waiting[call.ID] = append(c.waiting[call.ID], len(c.pending))
	c.pending = append(c.pending, pendingCall{call: call})
	c.at = at
}

func (c *Conversation) result(at string, r *Result) error {
	waiting := c.waiting[r.ID]
	if len(waiting) == 0 {
		return Invalid(at, "there is no call %.100q in the turn before that waits for a result", r.ID)
	}
	p := &c.pending[waiting[0]]
	r.Name, p.result = p.call.Name, r
	c.waiting[r.ID], c.answered = waiting[1:], true
	return nil
}

// settle turns what followed the last calls into turns.
func (c *Conversation) settle() error {
	if c.pending == nil {
		return nil
	}
	results := make([]Part, len(c.pending))
	var missing []string
	for i, p := range c.pending {
		results[i] = Part{Kind: PartResult, Result: p.result}
		if p.result == nil {
			missing = append(missing, fmt.Sprintf("%.100q", p.call.ID))
		}
	}
	if missing != nil {
		return Invalid(c.at, "the calls %s have no results after them", strings.Join(missing, ", "))
	}
	c.turns = append(c.turns, Turn{Role: RoleUser, Parts: results})
	if c.said != nil {
		c.turns = append(c.turns, Turn{Role: RoleUser, Parts: c.said})
	}
	c.pending, c.waiting, c.answered, c.said = nil, nil, false, nil
	return nil
}

// add adds parts to the last turn if it is of the same role, else as a turn.
func (c *Conversation) add(role Role, parts ...Part) {
	if n := len(c.turns); n > 0 && c.turns[n-1].Role == role {
		c.turns[n-1].Parts = append(c.turns[n-1].Parts, parts...)
		return
	}
	c.turns = append(c.turns, Turn{Role: role, Parts: slices.Clone(parts)})
}

package gemini

import (
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// functionCall is a call, or a piece of one.
type functionCall struct {
	ID           string         `json:"id"`
	Name         string         `json:"name"`
	Args         jsontext.Value `json:"args"`
	PartialArgs  []partialArg   `json:"partialArgs"`
	WillContinue bool           `json:"willContinue"`
}

// partialArg is a value, or a piece of a string, at a place in the arguments.
type partialArg struct {
	JSONPath string         `json:"jsonPath"`
	Text     *string        `json:"stringValue"`
	Number   jsontext.Value `json:"numberValue"`
	Bool     *bool          `json:"boolValue"`
	Null     jsontext.Value `json:"nullValue"`
}

// calling is a call whose pieces are still coming.
type calling struct {
	call      chat.Call
	signature *chat.Signature
	args      tree
}

// called takes a part with a call. It returns nil while more of it is to come.
func (a *answer) called(c *functionCall, s *chat.Signature) (*chat.Event, error) {
	if a.calling == nil {
		a.calling = &calling{call: chat.Call{ID: c.ID}}
	} else if c.Name != "" && a.calling.call.Name != "" {
		return nil, upstreamError("the upstream began a call before the last one was complete", nil)
	}
	p := a.calling
	if c.Name != "" {
		p.call.Name = a.of.name(c.Name)
	}
	if p.signature == nil {
		p.signature = s
	}
	if err := p.add(c); err != nil {
		return nil, upstreamError("the upstream sent a call whose arguments are no JSON object", err)
	}
	if c.WillContinue {
		return nil, nil
	}
	a.calling = nil
	if p.call.Name == "" {
		return nil, upstreamError("the upstream sent a call without a name", nil)
	}
	if p.call.Args == nil && p.args.members != nil {
		p.call.Args = p.args.appendTo(nil)
	}
	return &chat.Event{Kind: chat.EventCall, Call: &p.call, Signature: p.signature}, nil
}

// add takes the arguments of c.
func (p *calling) add(c *functionCall) error {
	if isValue(c.Args) {
		args, err := cleanObject(c.Args)
		if err != nil {
			return err
		}
		if string(args) != "{}" {
			p.call.Args = args
		}
	}
	for i := range c.PartialArgs {
		if err := p.args.set(c.PartialArgs[i]); err != nil {
			return err
		}
	}
	return nil
}

// isValue reports a value other than null.
func isValue(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

// cleanObject returns a copy of raw, which must be a JSON object, as any parser
// takes it: compact, valid UTF-8, a lone surrogate replaced by U+FFFD.
func cleanObject(raw []byte) (jsontext.Value, error) {
	v := jsontext.Value(raw).Clone()
	if err := v.Format(jsontext.AllowInvalidUTF8(true)); err != nil {
		return nil, err
	}
	if v.Kind() != '{' {
		return nil, errors.New("it is of another type")
	}
	return v, nil
}

// tree is a JSON value that is put together of pieces: an object, a list, or a
// scalar.
type tree struct {
	names   []string // of members, for an object
	members []*tree  // also the elements of a list
	list    bool
	scalar  jsontext.Value
	text    *strings.Builder // of a string, which may come in pieces
}

// set puts a piece in its place.
func (t *tree) set(p partialArg) error {
	rest, ok := strings.CutPrefix(p.JSONPath, "$")
	if !ok || rest == "" {
		return errors.New("bad path " + strconv.Quote(p.JSONPath))
	}
	for depth := 0; rest != ""; depth++ {
		step, after, err := cutStep(rest)
		if err != nil || depth >= maxDepth*4 {
			return errors.New("bad path " + strconv.Quote(p.JSONPath))
		}
		if t, err = t.child(step); err != nil {
			return err
		}
		rest = after
	}
	return t.value(p)
}

// step is one name or index of a path.
type step struct {
	name  string
	index int // -1 for a name
}

// cutStep reads ".name", "[0]", "['name']" or `["name"]`.
func cutStep(path string) (s step, rest string, err error) {
	if after, ok := strings.CutPrefix(path, "."); ok {
		end := strings.IndexAny(after, ".[")
		if end < 0 {
			end = len(after)
		}
		if end == 0 {
			return step{}, "", strconv.ErrSyntax
		}
		return step{after[:end], -1}, after[end:], nil
	}
	if len(path) > 2 && path[0] == '[' && (path[1] == '\'' || path[1] == '"') {
		name, rest, ok := strings.Cut(path[2:], path[1:2]+"]")
		if !ok {
			return step{}, "", strconv.ErrSyntax
		}
		return step{name, -1}, rest, nil
	}
	inner, rest, ok := strings.Cut(strings.TrimPrefix(path, "["), "]")
	n, err := strconv.Atoi(inner)
	if !ok || err != nil || n < 0 {
		return step{}, "", strconv.ErrSyntax
	}
	return step{index: n}, rest, nil
}

// child returns the value at s, a new one if there was none.
func (t *tree) child(s step) (*tree, error) {
	if t.scalar != nil || t.text != nil || t.members != nil && t.list != (s.index >= 0) {
		return nil, errors.New("a value is both a list, an object or a scalar")
	}
	if s.index >= 0 {
		t.list = true
		switch {
		case s.index > len(t.members):
			return nil, errors.New("a list has a gap")
		case s.index == len(t.members):
			t.members = append(t.members, &tree{})
		}
		return t.members[s.index], nil
	}
	for i, name := range t.names {
		if name == s.name {
			return t.members[i], nil
		}
	}
	t.names, t.members = append(t.names, s.name), append(t.members, &tree{})
	return t.members[len(t.members)-1], nil
}

// value sets a scalar; pieces of a string join.
func (t *tree) value(p partialArg) error {
	if t.members != nil {
		return errors.New("a value is both a container and a scalar")
	}
	switch {
	case p.Text != nil:
		if t.text == nil {
			t.text = new(strings.Builder)
		}
		t.text.WriteString(*p.Text)
	case isValue(p.Number):
		if p.Number.Kind() != '0' {
			return errors.New("a number is none")
		}
		t.scalar = p.Number.Clone()
	case p.Bool != nil:
		t.scalar = strconv.AppendBool(nil, *p.Bool)
	default:
		t.scalar = []byte("null")
	}
	return nil
}

func (t *tree) appendTo(b []byte) []byte {
	switch {
	case t.text != nil:
		// The text is valid UTF-8 by how it was decoded.
		b, _ = jsontext.AppendQuote(b, t.text.String())
		return b
	case t.scalar != nil:
		return append(b, t.scalar...)
	case t.list:
		return t.appendMembers(append(b, '['), ']')
	case t.members != nil:
		return t.appendMembers(append(b, '{'), '}')
	}
	return append(b, "null"...)
}

func (t *tree) appendMembers(b []byte, end byte) []byte {
	for i, m := range t.members {
		if i > 0 {
			b = append(b, ',')
		}
		if !t.list {
			b, _ = jsontext.AppendQuote(b, t.names[i]) // valid UTF-8, as above
			b = append(b, ':')
		}
		b = m.appendTo(b)
	}
	return append(b, end)
}

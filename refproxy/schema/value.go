package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// A value is a JSON value that keeps the order of members, and numbers as they
// were written. Text is valid UTF-8: a lone surrogate became U+FFFD.
type value struct {
	kind    byte   // 'n', 't' (true), 'f' (false), '0', '"', '[', '{'
	text    string // of a string or a number
	items   []*value
	members []member
}

type member struct {
	name  string
	value *value
}

// get returns the member of that name, nil if there is none.
func (v *value) get(name string) *value {
	for _, m := range v.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// maxNesting bounds JSON within JSON: a level of schema takes two or three.
const maxNesting = 4 * maxDepth

// parse reads one JSON value. Of a member that stands twice the last one
// counts, in the place of the first, as with other readers.
func parse(raw []byte) (*value, error) {
	if !json.Valid(raw) {
		return nil, errors.New("not valid JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return read(dec, maxNesting)
}

func read(dec *json.Decoder, depth int) (*value, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if depth == 0 {
		return nil, errors.New("nested too deeply")
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			return readArray(dec, depth-1)
		}
		return readObject(dec, depth-1)
	case string:
		return &value{kind: '"', text: t}, nil
	case json.Number:
		return &value{kind: '0', text: t.String()}, nil
	case bool:
		if t {
			return &value{kind: 't'}, nil
		}
		return &value{kind: 'f'}, nil
	}
	return &value{kind: 'n'}, nil
}

func readArray(dec *json.Decoder, depth int) (*value, error) {
	v := &value{kind: '['}
	for dec.More() {
		item, err := read(dec, depth)
		if err != nil {
			return nil, err
		}
		v.items = append(v.items, item)
	}
	_, err := dec.Token()
	return v, err
}

func readObject(dec *json.Decoder, depth int) (*value, error) {
	v := &value{kind: '{'}
	at := map[string]int{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		sub, err := read(dec, depth)
		if err != nil {
			return nil, err
		}
		m := member{name.(string), sub} // the decoder allows no other name
		if i, ok := at[m.name]; ok {
			v.members[i] = m
			continue
		}
		at[m.name] = len(v.members)
		v.members = append(v.members, m)
	}
	_, err := dec.Token()
	return v, err
}

// set adds a member.
func (v *value) set(name string, sub *value) { v.members = append(v.members, member{name, sub}) }

func text(s string) *value   { return &value{kind: '"', text: s} }
func number(s string) *value { return &value{kind: '0', text: s} }

func boolean(b bool) *value {
	if b {
		return &value{kind: 't'}
	}
	return &value{kind: 'f'}
}

func texts(list []string) *value {
	v := &value{kind: '['}
	for _, s := range list {
		v.items = append(v.items, text(s))
	}
	return v
}

// String returns v as compact JSON.
func (v *value) String() string {
	var b strings.Builder
	v.print(&b)
	return b.String()
}

func (v *value) print(b *strings.Builder) {
	switch v.kind {
	case 'n':
		b.WriteString("null")
	case 't':
		b.WriteString("true")
	case 'f':
		b.WriteString("false")
	case '0':
		b.WriteString(v.text)
	case '"':
		b.WriteString(quote(v.text))
	case '[':
		b.WriteByte('[')
		for i, item := range v.items {
			comma(b, i)
			item.print(b)
		}
		b.WriteByte(']')
	case '{':
		b.WriteByte('{')
		for i, m := range v.members {
			comma(b, i)
			b.WriteString(quote(m.name))
			b.WriteByte(':')
			m.value.print(b)
		}
		b.WriteByte('}')
	}
}

func comma(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string in memory always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

package fakegemini

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// A node is a JSON value that keeps what a Go map would lose: the order of
// members and their repetition.
type node struct {
	kind    nodeKind
	text    string // of a string or a number
	truth   bool
	members []member // of an object
	items   []node   // of an array
}

type member struct {
	name  string
	value node
}

type nodeKind string

const (
	kindNull   nodeKind = "null"
	kindBool   nodeKind = "a boolean"
	kindNumber nodeKind = "a number"
	kindString nodeKind = "a string"
	kindArray  nodeKind = "an array"
	kindObject nodeKind = "an object"
)

// get returns the first member of that name.
func (n node) get(name string) (node, bool) {
	for _, m := range n.members {
		if m.name == name {
			return m.value, true
		}
	}
	return node{}, false
}

// parseTree reads one JSON value as strict servers do: valid UTF-8, no lone
// surrogates, nothing after the value.
func parseTree(body []byte) (node, error) {
	if !utf8.Valid(body) {
		return node{}, fmt.Errorf("the body is not valid UTF-8")
	}
	if !json.Valid(body) {
		var ignored any
		return node{}, fmt.Errorf("the body is not valid JSON: %w", json.Unmarshal(body, &ignored))
	}
	if at := loneSurrogate(body); at >= 0 {
		return node{}, fmt.Errorf("lone surrogate escape at byte %d", at)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	return readNode(decoder)
}

func readNode(decoder *json.Decoder) (node, error) {
	token, err := decoder.Token()
	if err != nil {
		return node{}, err
	}
	switch value := token.(type) {
	case bool:
		return node{kind: kindBool, truth: value}, nil
	case json.Number:
		return node{kind: kindNumber, text: value.String()}, nil
	case string:
		return node{kind: kindString, text: value}, nil
	case json.Delim:
		if value == '[' {
			return readArray(decoder)
		}
		return readObject(decoder)
	}
	return node{kind: kindNull}, nil
}

func readArray(decoder *json.Decoder) (node, error) {
	n := node{kind: kindArray}
	for decoder.More() {
		item, err := readNode(decoder)
		if err != nil {
			return node{}, err
		}
		n.items = append(n.items, item)
	}
	_, err := decoder.Token()
	return n, err
}

func readObject(decoder *json.Decoder) (node, error) {
	n := node{kind: kindObject}
	for decoder.More() {
		name, err := readNode(decoder)
		if err != nil {
			return node{}, err
		}
		value, err := readNode(decoder)
		if err != nil {
			return node{}, err
		}
		n.members = append(n.members, member{name.text, value})
	}
	_, err := decoder.Token()
	return n, err
}

// loneSurrogate returns where a \u escape of valid JSON stands for half a
// character, or -1. encoding/json would quietly read U+FFFD.
func loneSurrogate(body []byte) int {
	for at := 0; ; {
		next := bytes.IndexByte(body[at:], '\\')
		if next < 0 {
			return -1
		}
		at += next
		unit := escapedUnit(body[at:])
		switch {
		case unit < 0:
			at += 2 // an escape of one character, which may be a backslash
		case unit < 0xD800 || unit > 0xDFFF:
			at += 6
		case unit < 0xDC00 && isLowSurrogate(escapedUnit(body[at+6:])):
			at += 12
		default:
			return at
		}
	}
}

func isLowSurrogate(unit int) bool { return unit >= 0xDC00 && unit <= 0xDFFF }

// escapedUnit reads \uXXXX at the front, or returns -1.
func escapedUnit(text []byte) int {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return int(unit)
}

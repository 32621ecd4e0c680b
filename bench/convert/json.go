package convert

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxLine bounds a line, and with it the memory that a log can claim.
const maxLine = 16 << 20

var errLong = fmt.Errorf("longer than %d bytes", maxLine)

// lines calls each with every line that is not blank, numbered from 1. A line
// that is too long is given as nil; the error is that of the reading.
func lines(src *bufio.Reader, each func(number int, line []byte) error) error {
	for number := 1; ; number++ {
		line, err := nextLine(src)
		if errors.Is(err, errLong) {
			if err := each(number, nil); err != nil {
				return err
			}
			continue
		}
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 {
			if err := each(number, trimmed); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// nextLine reads to the end of a line, of one that is too long as well.
func nextLine(src *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := src.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxLine; !long {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if long && (err == nil || err == io.EOF) {
			return nil, errLong
		}
		return line, err
	}
}

// elements calls each with every element of a log in JSON: an array of them, an
// object that wraps such an array under one of the names given, or one such
// value a line. bare says that a line may also be an element itself. A document
// is read as a stream; a line that is no JSON is given as nil.
func elements(src *bufio.Reader, wrappers []string, bare bool, each func(line int, raw []byte) error) error {
	first, err := firstLine(src)
	if err != nil {
		return err
	}
	if !json.Valid(first) || first[0] == '[' {
		return document(&counted{src: src, line: 1}, wrappers, each)
	}
	return lines(src, func(number int, line []byte) error {
		wrapped, known := unwrap(line, wrappers)
		switch {
		case !known && bare && line != nil && line[0] == '{' && json.Valid(line):
			return each(number, line)
		case !known:
			return each(number, nil)
		}
		for _, raw := range wrapped {
			if err := each(number, raw); err != nil {
				return err
			}
		}
		return nil
	})
}

// firstLine shows the first line that is not blank, as far as it fits into the
// buffer; [io.EOF] where there is none.
func firstLine(src *bufio.Reader) ([]byte, error) {
	for n := 1024; ; n *= 2 {
		text, err := src.Peek(min(n, src.Size()))
		body := bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
		line, _, whole := bytes.Cut(body, []byte("\n"))
		switch {
		case !whole && err == nil && n < src.Size():
			continue // more may follow
		case len(body) > 0:
			return bytes.TrimSpace(line), nil
		case err != nil:
			return nil, err
		}
		return nil, fmt.Errorf("it begins with %d blank bytes", src.Size())
	}
}

// unwrap returns the elements that a line wraps; known is false if it wraps
// none.
func unwrap(line []byte, wrappers []string) (wrapped []json.RawMessage, known bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal(line, &object) != nil {
		return nil, false
	}
	for _, name := range wrappers {
		var some []json.RawMessage
		if raw, ok := object[name]; ok && json.Unmarshal(raw, &some) == nil {
			wrapped, known = append(wrapped, some...), true
		}
	}
	return wrapped, known
}

// document reads elements out of JSON that spans lines.
func document(src *counted, wrappers []string, each func(line int, raw []byte) error) error {
	dec := json.NewDecoder(src)
	at := func(err error) error {
		if errors.Is(err, io.EOF) {
			err = errors.New("it ends in the middle")
		}
		return fmt.Errorf("line %d: %w", src.lineAt(dec.InputOffset()), err)
	}
	for {
		open, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return at(err)
		}
		switch open {
		case json.Delim('['):
			err = src.array(dec, each)
		case json.Delim('{'):
			err = src.object(dec, wrappers, each)
		default:
			err = errors.New("neither an object nor a list")
		}
		if stop, ok := errors.AsType[stopped](err); ok {
			return stop.error
		}
		if err != nil {
			return at(err)
		}
	}
}

// stopped is an error of each, which is no error of the document.
type stopped struct{ error }

// array reads to the end of an array whose beginning has been read.
func (c *counted) array(dec *json.Decoder, each func(line int, raw []byte) error) error {
	for dec.More() {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		if err := each(c.lineAt(dec.InputOffset()-int64(len(raw))), raw); err != nil {
			return stopped{err}
		}
	}
	_, err := dec.Token()
	return err
}

// object reads to the end of an object whose beginning has been read, and the
// elements of the arrays that it wraps.
func (c *counted) object(dec *json.Decoder, wrappers []string, each func(line int, raw []byte) error) error {
	found := false
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		if text, _ := name.(string); slices.Contains(wrappers, text) {
			open, err := dec.Token()
			if err != nil {
				return err
			}
			if open != json.Delim('[') {
				return fmt.Errorf("%q is no list", text)
			}
			if err := c.array(dec, each); err != nil {
				return err
			}
			found = true
			continue
		}
		var other json.RawMessage
		if err := dec.Decode(&other); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("an object without any of %s", strings.Join(wrappers, ", "))
	}
	_, err := dec.Token()
	return err
}

// counted is a reader that knows on which line an offset lies. Asked in
// ascending order, it keeps only the lines that are still ahead.
type counted struct {
	src  io.Reader
	read int64
	ends []int64 // offsets of line feeds not passed yet
	line int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.src.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			c.ends = append(c.ends, c.read+int64(i))
		}
	}
	c.read += int64(n)
	return n, err
}

func (c *counted) lineAt(offset int64) int {
	passed := 0
	for passed < len(c.ends) && c.ends[passed] < offset {
		passed++
	}
	c.ends, c.line = c.ends[passed:], c.line+passed
	return c.line
}

// An object is a row in JSON. A field's name may be a path through objects with
// dots between; JSON within a string is walked into as well.
type object map[string]json.RawMessage

func (o object) text(name string) string {
	raw, ok := o[name]
	for prefix := name; !ok; {
		i := strings.LastIndexByte(prefix, '.')
		if i < 0 {
			return ""
		}
		prefix = name[:i]
		if outer, there := o[prefix]; there {
			var inner object
			if json.Unmarshal([]byte(plain(outer)), &inner) != nil {
				return ""
			}
			return inner.text(name[i+1:])
		}
	}
	return plain(raw)
}

// plain returns a JSON value as text: a string without its quotes; "" for null,
// and for the dash by which Envoy says that there is nothing.
func plain(raw json.RawMessage) string {
	text := string(raw)
	if len(text) > 0 && text[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		text = s
	}
	if text == "null" || text == "-" {
		return ""
	}
	return strings.TrimSpace(text)
}

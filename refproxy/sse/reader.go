package sse

import (
	"bytes"
	"fmt"
	"io"
)

// DefaultMaxEvent is the largest event a Reader takes unless told otherwise:
// 64 MB, which leaves room for inline images.
const DefaultMaxEvent = 64 << 20

const (
	firstBuffer = 4 << 10
	// maxEmptyReads is how often a source may return nothing in a row.
	maxEmptyReads = 100
)

// TooLargeError is an event over the limit.
type TooLargeError struct {
	// Limit is the limit in bytes.
	Limit int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("event stream: an event is larger than %d bytes", e.Limit)
}

// Event is one event. Its memory belongs to the Reader and is valid until the
// next call of Next.
type Event struct {
	// Name is the value of the event field, empty if there was none.
	Name []byte
	// Data is the value of the data fields, joined by line feeds.
	Data []byte
}

// Reader finds events in a byte stream. It is not safe for concurrent use.
type Reader struct {
	src io.Reader
	max int
	err error // what src ended with; sticky

	buf        []byte
	start, end int // the unread part of buf
	scanned    int // from here on buf was not searched for line ends
	skipLF     bool
	begun      bool // past the place of a byte order mark

	name, data []byte
	hasData    bool
}

// NewReader returns a Reader of src that refuses events over maxEvent bytes,
// DefaultMaxEvent if maxEvent is 0 or less.
func NewReader(src io.Reader, maxEvent int) *Reader {
	if maxEvent <= 0 {
		maxEvent = DefaultMaxEvent
	}
	return &Reader{src: src, max: maxEvent}
}

// Next returns the next event. At the end of the stream it returns io.EOF,
// after the event that the end cut off, if any. Any other error is that of the
// source or a *TooLargeError; errors repeat.
func (r *Reader) Next() (Event, error) {
	r.name, r.data, r.hasData = r.name[:0], r.data[:0], false
	for {
		line, err := r.line()
		if err != nil {
			return r.last(err)
		}
		if len(line) > 0 {
			r.field(line)
			continue
		}
		if r.hasData {
			return Event{Name: r.name, Data: r.data}, nil
		}
		r.name = r.name[:0]
	}
}

// last ends the stream: with a cut off event first, if it ended well.
func (r *Reader) last(err error) (Event, error) {
	if err == io.EOF && r.hasData {
		return Event{Name: r.name, Data: r.data}, nil
	}
	return Event{}, err
}

func (r *Reader) field(line []byte) {
	key, value, _ := bytes.Cut(line, []byte{':'})
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	switch string(key) {
	case "data":
		if r.hasData {
			r.data = append(r.data, '\n')
		}
		r.hasData = true
		r.data = append(r.data, value...)
	case "event":
		r.name = append(r.name[:0], value...)
	}
}

// line returns the next line without its end, valid until the next call. The
// last line may end with the stream.
func (r *Reader) line() ([]byte, error) {
	for {
		r.dropLF()
		if n := r.lineEnd(); n >= 0 {
			return r.take(n)
		}
		if r.end-r.start > r.room() {
			return nil, r.tooLarge()
		}
		if r.err != nil {
			return r.rest()
		}
		r.fill()
	}
}

// dropLF drops the line feed of a CR LF whose CR already ended a line: waiting
// for it would delay the event.
func (r *Reader) dropLF() {
	if r.skipLF && r.start < r.end {
		if r.buf[r.start] == '\n' {
			r.start++
		}
		r.skipLF = false
		r.scanned = max(r.scanned, r.start)
	}
}

// lineEnd returns the length of the first whole line, -1 if there is none.
func (r *Reader) lineEnd() int {
	tail := r.buf[r.scanned:r.end]
	n := bytes.IndexByte(tail, '\n')
	if n >= 0 {
		tail = tail[:n]
	}
	if cr := bytes.IndexByte(tail, '\r'); cr >= 0 {
		n = cr
	}
	if n < 0 {
		r.scanned = r.end
		return -1
	}
	return r.scanned + n - r.start
}

// take consumes a line of n bytes and its end.
func (r *Reader) take(n int) ([]byte, error) {
	if n > r.room() {
		return nil, r.tooLarge()
	}
	line := r.buf[r.start : r.start+n]
	r.skipLF = r.buf[r.start+n] == '\r'
	r.start += n + 1
	r.scanned = r.start
	return r.dropMark(line), nil
}

// rest consumes what follows the last line end. Only a clean end makes it a
// line; after an error nobody knows what is missing.
func (r *Reader) rest() ([]byte, error) {
	if r.err != io.EOF || r.start == r.end {
		return nil, r.err
	}
	line := r.buf[r.start:r.end]
	r.start, r.scanned = r.end, r.end
	if line = r.dropMark(line); len(line) == 0 {
		return nil, r.err
	}
	return line, nil
}

// dropMark drops a byte order mark from the first line.
func (r *Reader) dropMark(line []byte) []byte {
	if r.begun {
		return line
	}
	r.begun = true
	return bytes.TrimPrefix(line, []byte("\ufeff"))
}

// room is how long the next line may be.
func (r *Reader) room() int { return r.max - len(r.data) }

func (r *Reader) tooLarge() error {
	r.err = &TooLargeError{Limit: r.max}
	r.start, r.scanned = r.end, r.end
	return r.err
}

// fill reads once, after making room.
func (r *Reader) fill() {
	r.makeRoom()
	for range maxEmptyReads {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		r.err = err
		if n > 0 || err != nil {
			return
		}
	}
	r.err = io.ErrNoProgress
}

func (r *Reader) makeRoom() {
	if r.start == r.end {
		r.start, r.end, r.scanned = 0, 0, 0
	}
	if r.end < len(r.buf) {
		return
	}
	buf := r.buf
	if r.end-r.start > len(r.buf)/2 || len(r.buf) == 0 {
		buf = make([]byte, max(firstBuffer, 2*len(r.buf)))
	}
	copy(buf, r.buf[r.start:r.end])
	r.scanned -= r.start
	r.end -= r.start
	r.start, r.buf = 0, buf
}

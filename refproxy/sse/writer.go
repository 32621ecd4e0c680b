package sse

import (
	"bytes"
	"io"
)

// Begin appends the head of an event to dst. What is appended next is its
// data, which must hold no line break, up to End.
func Begin(dst []byte, name string) []byte {
	dst = append(dst, "event: "...)
	dst = append(dst, name...)
	return append(dst, "\ndata: "...)
}

// End appends what ends an event: its line end and exactly one blank line.
func End(dst []byte) []byte { return append(dst, "\n\n"...) }

// Append appends a whole event to dst, without an event field if name is
// empty. Each line of data becomes a data field of its own. The name must hold
// no line break.
func Append(dst []byte, name string, data []byte) []byte {
	if name != "" {
		dst = append(dst, "event: "...)
		dst = append(dst, name...)
		dst = append(dst, '\n')
	}
	for {
		n := bytes.IndexAny(data, "\r\n")
		dst = append(dst, "data: "...)
		if n < 0 {
			return End(append(dst, data...))
		}
		dst = append(dst, data[:n]...)
		dst = append(dst, '\n')
		if bytes.HasPrefix(data[n:], []byte("\r\n")) {
			n++
		}
		data = data[n+1:]
	}
}

// Writer writes events, each in one Write. It is not safe for concurrent use.
type Writer struct {
	dst io.Writer
	buf []byte
}

// NewWriter returns a Writer to dst.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst} }

// Write writes one event as Append forms it.
func (w *Writer) Write(name string, data []byte) error {
	w.buf = Append(w.buf[:0], name, data)
	_, err := w.dst.Write(w.buf)
	return err
}

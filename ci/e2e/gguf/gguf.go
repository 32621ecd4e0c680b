// Package gguf writes tiny language models of random weights in GGUF, version 3,
// the file format that llama.cpp and Ollama load
// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). They answer at once
// and in nonsense: a token server over one is real in everything but its words.
package gguf

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Of the format.
const (
	magic     = "GGUF"
	version   = 3
	alignment = 32 // of the tensors' data, the format's default

	typeUint32  = 4
	typeInt32   = 5
	typeFloat32 = 6
	typeString  = 8
	typeArray   = 9

	tensorFloat32 = 0
)

// A field is a key of the metadata and its value: uint32, float32, string, or a
// slice of int32, float32 or string.
type field struct {
	key   string
	value any
}

// A tensor is named numbers; dims begins with the length of a row.
type tensor struct {
	name string
	dims []uint64
	data []float32
}

// write writes a file of fields and tensors: header, fields, what the tensors
// are, and their data, each from a multiple of alignment on.
func write(w io.Writer, fields []field, tensors []tensor) error {
	var head bytes.Buffer
	head.WriteString(magic)
	put(&head, uint32(version), uint64(len(tensors)), uint64(len(fields)))
	for _, f := range fields {
		putString(&head, f.key)
		if err := putValue(&head, f.value); err != nil {
			return fmt.Errorf("gguf: %s: %w", f.key, err)
		}
	}
	var offset uint64
	for _, t := range tensors {
		putString(&head, t.name)
		put(&head, uint32(len(t.dims)), t.dims, uint32(tensorFloat32), offset)
		offset += padded(uint64(4 * len(t.data)))
	}
	out := bufio.NewWriter(w)
	putPadded(out, head.Bytes())
	for _, t := range tensors {
		var data bytes.Buffer
		put(&data, t.data)
		putPadded(out, data.Bytes())
	}
	return out.Flush() // the first error, if any write had one
}

func padded(n uint64) uint64 { return (n + alignment - 1) / alignment * alignment }

func putPadded(w *bufio.Writer, data []byte) {
	_, _ = w.Write(data) // Flush tells
	_, _ = w.Write(make([]byte, padded(uint64(len(data)))-uint64(len(data))))
}

// put writes numbers and slices of them, of fixed size.
func put(w *bytes.Buffer, values ...any) {
	for _, v := range values {
		if err := binary.Write(w, binary.LittleEndian, v); err != nil {
			panic(err) // a type without a size, since a Buffer takes all
		}
	}
}

func putString(w *bytes.Buffer, s string) {
	put(w, uint64(len(s)))
	w.WriteString(s)
}

func putValue(w *bytes.Buffer, value any) error {
	switch v := value.(type) {
	case uint32:
		put(w, uint32(typeUint32), v)
	case float32:
		put(w, uint32(typeFloat32), v)
	case string:
		put(w, uint32(typeString))
		putString(w, v)
	case []int32:
		put(w, uint32(typeArray), uint32(typeInt32), uint64(len(v)), v)
	case []float32:
		put(w, uint32(typeArray), uint32(typeFloat32), uint64(len(v)), v)
	case []string:
		put(w, uint32(typeArray), uint32(typeString), uint64(len(v)))
		for _, s := range v {
			putString(w, s)
		}
	default:
		return fmt.Errorf("no value of GGUF: %T", value)
	}
	return nil
}

package dialect

import (
	"encoding/binary"
	"iter"
)

// An archive keeps texts in their order. The frames of a stream are alike but for
// a few words, so that of each only what differs from the one before is held:
// what lies between the longest common beginning and the longest common end. A
// long answer then takes tens of bytes an event instead of hundreds, and a
// comparison of bytes delays no stream as decoding would.
type archive struct {
	packed []byte
	last   []byte
}

func (a *archive) add(text []byte) {
	head := commonHead(a.last, text)
	tail := commonTail(a.last[head:], text[head:])
	differs := text[head : len(text)-tail]
	a.packed = binary.AppendUvarint(a.packed, uint64(head))
	a.packed = binary.AppendUvarint(a.packed, uint64(tail))
	a.packed = binary.AppendUvarint(a.packed, uint64(len(differs)))
	a.packed = append(a.packed, differs...)
	a.last = append(a.last[:0], text...)
}

// size is the number of bytes held.
func (a *archive) size() int { return len(a.packed) + len(a.last) }

// all yields the texts; each is good until the next.
func (a *archive) all() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var text, tail []byte
		for rest := a.packed; len(rest) > 0; {
			var n [3]uint64 // head, tail, what differs
			for i := range n {
				value, size := binary.Uvarint(rest)
				n[i], rest = value, rest[size:]
			}
			tail = append(tail[:0], text[uint64(len(text))-n[1]:]...)
			text = append(append(text[:n[0]], rest[:n[2]]...), tail...)
			rest = rest[n[2]:]
			if !yield(text) {
				return
			}
		}
	}
}

func commonHead(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func commonTail(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[len(a)-1-i] != b[len(b)-1-i] {
			return i
		}
	}
	return n
}

package dialect

import (
	"encoding/binary"
	"iter"
)

// An archive keeps frames with their texts, in their order. The frames of a stream
// are alike but for a few words, so that of each only what differs from the one
// before is held: what lies between the longest common beginning and the longest
// common end. A long answer then takes tens of bytes an event instead of hundreds,
// and a comparison of bytes delays no stream as decoding would.
type archive struct {
	packed []byte
	frame  frame // the last one
}

// add adds a frame; last is the text of the one before, and becomes that of this.
func (a *archive) add(f frame, text []byte, last *[]byte) {
	a.packed = binary.AppendVarint(a.packed, f.at-a.frame.at)
	a.packed = binary.AppendUvarint(a.packed, uint64(f.piece-a.frame.piece))
	a.frame = f
	a.addText(text, *last)
	*last = append((*last)[:0], text...)
}

func (a *archive) addText(text, last []byte) {
	head := commonHead(last, text)
	tail := commonTail(last[head:], text[head:])
	differs := text[head : len(text)-tail]
	a.packed = binary.AppendUvarint(a.packed, uint64(head))
	a.packed = binary.AppendUvarint(a.packed, uint64(tail))
	a.packed = binary.AppendUvarint(a.packed, uint64(len(differs)))
	a.packed = append(a.packed, differs...)
}

// all yields the frames with their texts; each text is good until the next.
func (a *archive) all() iter.Seq2[frame, []byte] {
	return func(yield func(frame, []byte) bool) {
		var f frame
		var text, tail []byte
		for rest := a.packed; len(rest) > 0; {
			since, size := binary.Varint(rest)
			f.at, rest = f.at+since, rest[size:]
			var n [4]uint64 // pieces since, head, tail, what differs
			for i := range n {
				value, size := binary.Uvarint(rest)
				n[i], rest = value, rest[size:]
			}
			f.piece += int(n[0])
			tail = append(tail[:0], text[uint64(len(text))-n[2]:]...)
			text = append(append(text[:n[1]], rest[:n[3]]...), tail...)
			rest = rest[n[3]:]
			if !yield(f, text) {
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

package gguf_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/firstbyte-dev/firstbyte/ci/e2e/gguf"
)

// A reader walks a file by the format's description, and by nothing of the
// writer's.
type reader struct {
	t    *testing.T
	rest []byte
}

func (r *reader) take(n uint64) []byte {
	r.t.Helper()
	if uint64(len(r.rest)) < n {
		r.t.Fatalf("the file ends %d bytes too early", n-uint64(len(r.rest)))
	}
	got := r.rest[:n]
	r.rest = r.rest[n:]
	return got
}

func (r *reader) u32() uint32  { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *reader) u64() uint64  { return binary.LittleEndian.Uint64(r.take(8)) }
func (r *reader) text() string { return string(r.take(r.u64())) }

// value passes over a value of a kind, and returns how many it holds.
func (r *reader) value(kind uint32) uint64 {
	switch kind {
	case 4, 5, 6: // numbers of four bytes
		r.take(4)
	case 8:
		r.text()
	case 9:
		inner, n := r.u32(), r.u64()
		for range n {
			r.value(inner)
		}
		return n
	default:
		r.t.Fatalf("value of kind %d", kind)
	}
	return 1
}

// TestTinyIsOneWholeFile reads a model back: everything that the header announces
// is there, tensors lie aligned and without overlap, and nothing is left.
func TestTinyIsOneWholeFile(t *testing.T) {
	var file, again, other bytes.Buffer
	for seed, w := range map[uint64][]*bytes.Buffer{1: {&file, &again}, 2: {&other}} {
		for _, b := range w {
			if err := gguf.WriteTiny(b, seed); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !bytes.Equal(file.Bytes(), again.Bytes()) || bytes.Equal(file.Bytes(), other.Bytes()) {
		t.Error("a seed must name one model, and another seed another")
	}
	r := &reader{t, file.Bytes()}
	if got := string(r.take(4)); got != "GGUF" {
		t.Errorf("magic %q", got)
	}
	if got := r.u32(); got != 3 {
		t.Errorf("version %d", got)
	}
	tensors, fields := r.u64(), r.u64()
	counts := map[string]uint64{}
	for range fields {
		key := r.text()
		counts[key] = r.value(r.u32())
	}
	words := counts["tokenizer.ggml.tokens"]
	if words < 259+50 || counts["tokenizer.ggml.scores"] != words || counts["tokenizer.ggml.token_type"] != words {
		t.Errorf("tokens, scores and kinds: %v", counts)
	}
	var end uint64
	for range tensors {
		name, n := r.text(), uint64(4)
		for range r.u32() {
			n *= r.u64()
		}
		kind, offset := r.u32(), r.u64()
		if kind != 0 || offset%32 != 0 || offset != (end+31)/32*32 {
			t.Errorf("%s: kind %d at %d, the one before ended at %d", name, kind, offset, end)
		}
		end = offset + n
	}
	r.take((32 - uint64(file.Len()-len(r.rest))%32) % 32)
	if got, want := uint64(len(r.rest)), (end+31)/32*32; got != want || tensors != 21 {
		t.Errorf("%d bytes of data for %d tensors, want %d for 21", got, tensors, want)
	}
}

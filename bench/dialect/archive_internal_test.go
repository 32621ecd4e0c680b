package dialect

import (
	"bytes"
	"testing"
)

// FuzzArchive: what was put in comes out, in its order and as often as asked.
func FuzzArchive(f *testing.F) {
	f.Add([]byte("data: {\"text\":\"one\"}|data: {\"text\":\"three\"}|data: {\"text\":\"\"}||x"))
	f.Add([]byte("aaaa|aaaaaa|aa"))
	f.Fuzz(func(t *testing.T, texts []byte) {
		var a archive
		var last []byte
		want := bytes.Split(texts, []byte("|"))
		// Instants are of any distance, pieces never run backwards.
		frameOf := func(i int) frame {
			return frame{at: int64(len(want[i]))*1e9 - int64(i), piece: i * i}
		}
		for i, text := range want {
			a.add(frameOf(i), text, &last)
		}
		for range 2 {
			i := 0
			for f, text := range a.all() {
				if !bytes.Equal(text, want[i]) || f != frameOf(i) {
					t.Fatalf("frame %d is %+v with %q, want %+v with %q", i, f, text, frameOf(i), want[i])
				}
				i++
			}
			if i != len(want) {
				t.Fatalf("%d texts, want %d", i, len(want))
			}
		}
	})
}

// TestArchiveHoldsWhatDiffers: an event of a stream that is like the one before
// takes little more than its words.
func TestArchiveHoldsWhatDiffers(t *testing.T) {
	const events = 100
	s := stream{protocol: Anthropic{}, frames: newFramer(serverSent)}
	for range events {
		s.Feed([]byte("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"word \"}}\n\n"), 1)
		s.Feed([]byte("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"another \"}}\n\n"), 1)
	}
	if perEvent := s.Size() / events / 2; perEvent > 16 {
		t.Errorf("%d bytes an event", perEvent)
	}
}

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
		want := bytes.Split(texts, []byte("|"))
		for _, text := range want {
			a.add(text)
		}
		for range 2 {
			i := 0
			for text := range a.all() {
				if !bytes.Equal(text, want[i]) {
					t.Fatalf("text %d is %q, want %q", i, text, want[i])
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
	if perEvent := s.Size() / events / 2; perEvent > 12 {
		t.Errorf("%d bytes an event", perEvent)
	}
}

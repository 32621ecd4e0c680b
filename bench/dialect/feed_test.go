package dialect_test

import (
	"slices"
	"testing"
)

// pieceWithToken returns a usual token event of the dialect, from its recording,
// and the whole recording.
func pieceWithToken(t testing.TB, name string) ([]byte, *recording) {
	t.Helper()
	list := recordings(t, name)
	i := slices.IndexFunc(list, func(r recording) bool { return r.name == "testdata/"+name+"/text.txtar" })
	s := list[i].open(t)
	for _, p := range list[i].pieces() {
		if s.Feed(p, 1).Token {
			return p, &list[i]
		}
	}
	t.Fatalf("%s: no token", name)
	return nil, nil
}

var timed = []string{"anthropic", "openai-chat", "openai-responses", "gemini"}

// TestFeedAllocates bounds what the read loop costs: for an answer of usual
// size nothing but the first room, whatever the number of events.
func TestFeedAllocates(t *testing.T) {
	const events = 50
	for _, name := range timed {
		p, r := pieceWithToken(t, name)
		perStream := testing.AllocsPerRun(100, func() {
			s, err := r.dialect.Open(r.media)
			if err != nil {
				t.Fatal(err)
			}
			for i := range events {
				s.Feed(p, int64(i))
			}
		})
		if perStream > 3 {
			t.Errorf("%s: %v allocations for a stream of %d events, want at most 3", name, perStream, events)
		}
	}
	p, r := pieceWithToken(t, "gemini")
	object := p[len("data: ") : len(p)-1]
	if n := testing.AllocsPerRun(100, func() {
		s, err := r.dialect.Open("application/x-ndjson")
		if err != nil {
			t.Fatal(err)
		}
		for i := range events {
			s.Feed(object, int64(i))
		}
	}); n > 3 {
		t.Errorf("JSON: %v allocations for a stream of %d events, want at most 3", n, events)
	}
}

func BenchmarkFeed(b *testing.B) {
	for _, name := range timed {
		p, r := pieceWithToken(b, name)
		b.Run(name, func(b *testing.B) { benchmarkFeed(b, r, p) })
	}
	p, r := pieceWithToken(b, "gemini")
	array := recording{dialect: r.dialect, media: "application/x-ndjson"}
	b.Run("gemini-json", func(b *testing.B) { benchmarkFeed(b, &array, p[len("data: "):len(p)-1]) })
}

func benchmarkFeed(b *testing.B, r *recording, event []byte) {
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	s, n := r.open(b), int64(0)
	for b.Loop() {
		if n++; n%50 == 0 {
			s = r.open(b)
		}
		s.Feed(event, n)
	}
}

func BenchmarkAnswer(b *testing.B) {
	for _, name := range timed {
		p, r := pieceWithToken(b, name)
		b.Run(name, func(b *testing.B) {
			s := r.open(b)
			for i := range 50 {
				s.Feed(p, int64(i+1))
			}
			b.ReportAllocs()
			for b.Loop() {
				if s.Answer().Events != 50 {
					b.Fatal("lost events")
				}
			}
		})
	}
}

package fakegemini

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestTruncate(t *testing.T) {
	cases := []struct {
		name, text   string
		limits       limits
		kept, finish string
	}{
		{"no limits", "one two", limits{}, "one two", "STOP"},
		{"longer limit", "one two", limits{maxTokens: 2}, "one two", "STOP"},
		{"token limit", "one two three", limits{maxTokens: 2}, "one two ", "MAX_TOKENS"},
		{"characters, not bytes", "ééééé", limits{maxTokens: 1}, "éééé", "MAX_TOKENS"},
		{"stop sequence", "one two three", limits{stops: []string{" th"}}, "one two", "STOP"},
		{"first of the stops", "one two three", limits{stops: []string{"three", "two"}}, "one ", "STOP"},
		{"stop before the token limit", "one two three", limits{1, []string{"e"}}, "on", "STOP"},
		{"token limit before the stop", "one two three", limits{1, []string{"three"}}, "one ", "MAX_TOKENS"},
		{"stop at the start", "one", limits{stops: []string{"o"}}, "", "STOP"},
		{"huge limit", "one", limits{maxTokens: 1<<63 - 1}, "one", "STOP"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if kept, finish := truncate(c.text, c.limits); kept != c.kept || finish != c.finish {
				t.Errorf("got %q, %s; want %q, %s", kept, finish, c.kept, c.finish)
			}
		})
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":               nil,
		"one":            {"one"},
		"one  two\nend ": {"one", "  two", "\nend", " "},
		" lead":          {" lead"},
		"は 好き":           {"は", " 好", "き"},
		"x好y":            {"x", "好y"},
		"\xffa b":        {"\xffa", " b"},
	} {
		if got := words(text); !slices.Equal(got, want) {
			t.Errorf("words(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestChunkCountKeepsItsBounds(t *testing.T) {
	o := Output{Unit: "words", PerChunk: 3, MinChunks: 8, MaxChunks: 40}
	for units, want := range map[int]int{0: 1, 1: 1, 5: 5, 8: 8, 24: 8, 27: 9, 120: 40, 5000: 40} {
		if got := chunkCount(o, units); got != want {
			t.Errorf("%d units in %d chunks, want %d", units, got, want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("A gateway stands between", uint8(2), uint8(1), uint8(0), true)
	f.Add("日本語のテキスト\xff 🙂", uint8(1), uint8(3), uint8(9), false)
	f.Add("", uint8(0), uint8(0), uint8(0), true)
	f.Fuzz(func(t *testing.T, text string, per, least, most uint8, byWords bool) {
		o := Output{Unit: "chars", PerChunk: int(per) + 1, Spread: 1, MinChunks: int(least)}
		if byWords {
			o.Unit = "words"
		}
		if most > 0 {
			o.MaxChunks = int(least) + int(most)
		}
		chunks := split(o, text, newDraws(1, "chunk", "a"))
		if strings.Join(chunks, "") != text {
			t.Fatalf("%q became %q", text, chunks)
		}
		if slices.Contains(chunks, "") && text != "" {
			t.Fatalf("an empty chunk in %q", chunks)
		}
		for _, chunk := range chunks {
			if utf8.ValidString(text) && !utf8.ValidString(chunk) {
				t.Fatalf("a character was cut in %q", chunks)
			}
		}
		if o.MaxChunks > 0 && len(chunks) > o.MaxChunks {
			t.Fatalf("%d chunks, at most %d allowed", len(chunks), o.MaxChunks)
		}
	})
}

func TestFallbackTextBelongsToTheItem(t *testing.T) {
	s := builtIn(t, "gate")
	var lengths []int
	for i := range 1001 {
		text := fallbackText(s.Fallback, 1, string(rune('a'+i)))
		if text != fallbackText(s.Fallback, 1, string(rune('a'+i))) {
			t.Fatal("the same item got another text")
		}
		lengths = append(lengths, utf8.RuneCountInString(text))
	}
	slices.Sort(lengths)
	if median := float64(lengths[500]); median < 0.95*s.Fallback.Length.Median || median > 1.05*s.Fallback.Length.Median {
		t.Errorf("median length %v, want about %v", median, s.Fallback.Length.Median)
	}
	if lengths[0] == lengths[1000] {
		t.Error("every text is of one length")
	}
}

// TestGateScenarioIsWhatTheGateAssumes holds the default to its purpose.
func TestGateScenarioIsWhatTheGateAssumes(t *testing.T) {
	s := builtIn(t, "gate")
	if s.Faults != (Faults{}) {
		t.Errorf("faults in the default scenario: %+v", s.Faults)
	}
	if s.FirstChunk.Sigma < 0.5 || s.Gap.Sigma < 0.5 || s.Gap.AR1 < 0.5 {
		t.Errorf("less noise than a real endpoint: %+v %+v", s.FirstChunk, s.Gap)
	}
	const n = 2000
	var total float64
	for i := range n {
		k := key{item: string(rune('a' + i))}
		a := answerOf(&s, 1, k, fallbackText(s.Fallback, 1, k.item), limits{})
		if len(a.chunks) < 8 || len(a.chunks) > 40 {
			t.Fatalf("%d chunks", len(a.chunks))
		}
		p := planOf(&s, 1, k, len(a.chunks), Injury{})
		total += (p.first + p.total()).Seconds()
	}
	near(t, "mean request in seconds", total/n, 0.16, 0.04)
}

// TestGarble holds that a spoiled answer shows in nothing but its text.
func TestGarble(t *testing.T) {
	sound := answer{chunks: []string{"Hello, 42 W", "örter!\n", "", "日本 {\"a\": [1]}", string(rune(0x10ffff))}, finish: "STOP"}
	got := garble(sound)
	want := answer{chunks: []string{"Uryyb, 97 J", "�egre!\n", "", "�� {\"n\": [6]}", string(rune(0x10ffff))}, finish: "STOP"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(answer{})); diff != "" {
		t.Error(diff)
	}
	base := response{UsageMetadata: usage{Prompt: 7}}
	for i, r := range responses(got, base) {
		if was := responses(sound, base)[i]; r.UsageMetadata != was.UsageMetadata || r.Candidates[0].FinishReason != was.Candidates[0].FinishReason {
			t.Errorf("chunk %d: %+v, want the usage and end of %+v", i, r, was)
		}
	}
}

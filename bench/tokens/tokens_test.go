package tokens_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/tokens"
)

// The sentence is nine words, each with the blank before it a token of o200k_base,
// and a full stop.
const fox = "The quick brown fox jumps over the lazy dog."

func TestCount(t *testing.T) {
	told := dialect.Usage{Input: 8, Output: 30, Cached: 4, Reasoning: 20, Reported: true}
	silent := dialect.Answer{Text: fox, Events: 3}
	both := dialect.Answer{Text: fox, Events: 3, Usage: told}
	zero := dialect.Answer{Text: fox, Events: 3, Usage: dialect.Usage{Input: 8, Reported: true}}
	image := dialect.Answer{Events: 1}
	nothing := dialect.Answer{}
	for _, tt := range []struct {
		choice string
		answer dialect.Answer
		want   sample.Usage
	}{
		{"auto", both, sample.Usage{Input: 8, Output: 30, Cached: 4, Reasoning: 20, Source: "usage"}},
		{"auto", silent, sample.Usage{Output: 10, Source: "tokenizer"}},
		{"auto", zero, sample.Usage{Input: 8, Output: 10, Source: "tokenizer"}},
		{"auto", image, sample.Usage{Output: 1, Source: "events"}},
		{"auto", nothing, sample.Usage{}},
		{"usage", both, sample.Usage{Input: 8, Output: 30, Cached: 4, Reasoning: 20, Source: "usage"}},
		{"usage", silent, sample.Usage{Output: 3, Source: "events"}},
		{"tokenizer", both, sample.Usage{Input: 8, Output: 10, Cached: 4, Source: "tokenizer"}},
		{"events", both, sample.Usage{Input: 8, Output: 3, Cached: 4, Source: "events"}},
	} {
		c, err := tokens.NewCounter(tt.choice)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, c.Count(&tt.answer)); diff != "" {
			t.Errorf("%s of %+v: -want +got:\n%s", tt.choice, tt.answer, diff)
		}
	}
}

// TestEstimate holds that all of what is shown counts.
func TestEstimate(t *testing.T) {
	for _, tt := range []struct {
		answer dialect.Answer
		want   int
	}{
		{dialect.Answer{Text: fox}, 10},
		{dialect.Answer{Text: fox, Thought: fox}, 20},
		{dialect.Answer{Calls: []dialect.Call{{Tool: fox, Arguments: fox}, {Arguments: fox}}}, 30},
		{dialect.Answer{}, 0},
	} {
		if got := tokens.Estimate(&tt.answer); got != tt.want {
			t.Errorf("%+v: %d tokens, want %d", tt.answer, got, tt.want)
		}
	}
}

func TestNewCounterRefuses(t *testing.T) {
	if _, err := tokens.NewCounter("guess"); err == nil || !strings.Contains(err.Error(), "auto, usage, tokenizer, events") {
		t.Errorf("%v", err)
	}
	for _, choice := range tokens.Choices() {
		if _, err := tokens.NewCounter(choice); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkEstimate(b *testing.B) {
	a := dialect.Answer{Text: strings.Repeat(fox+" ", 30)}
	b.SetBytes(int64(len(a.Text)))
	for b.Loop() {
		if tokens.Estimate(&a) == 0 {
			b.Fatal("no tokens")
		}
	}
}

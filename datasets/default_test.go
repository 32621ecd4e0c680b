package datasets_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

func builtIn(t testing.TB) *datasets.Set {
	t.Helper()
	set, err := datasets.Default()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// text decodes a literal for measuring; a lone surrogate becomes U+FFFD.
func text(t testing.TB, raw json.RawMessage) string {
	t.Helper()
	if raw == nil {
		return ""
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// prompt is everything an item sends: system and messages.
func prompt(t testing.TB, item *datasets.Item) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(text(t, item.System))
	for _, m := range item.Messages {
		b.WriteString(text(t, m.Content))
	}
	return b.String()
}

func TestDefaultShape(t *testing.T) {
	set := builtIn(t)
	if set.Name != datasets.DefaultName || len(set.Hash) != 64 {
		t.Errorf("name %q, hash %q", set.Name, set.Hash)
	}
	if len(set.Items) < 200 {
		t.Errorf("%d items, want at least 200", len(set.Items))
	}
	count := make(map[datasets.Kind]int)
	for _, item := range set.Items {
		count[item.Kind]++
	}
	for _, kind := range []datasets.Kind{datasets.Short, datasets.Review, datasets.Long, datasets.MultiTurn, datasets.NonEnglish} {
		if count[kind] < 30 {
			t.Errorf("%d items of kind %s, want at least 30", count[kind], kind)
		}
		delete(count, kind)
	}
	if len(count) > 0 {
		t.Errorf("kinds nobody knows: %v", count)
	}
}

func TestDefaultItemsAreUsable(t *testing.T) {
	for _, item := range builtIn(t).Items {
		t.Run(item.ID, func(t *testing.T) {
			if !strings.HasPrefix(item.ID, string(item.Kind)+"-") && !strings.HasPrefix(item.ID, "multi-") {
				t.Errorf("the id does not begin with the kind %s", item.Kind)
			}
			if n := utf8.RuneCountInString(item.Answer); n < 50 {
				t.Errorf("answer of %d characters", n)
			}
			for i, m := range item.Messages {
				if want := []string{"user", "assistant"}[i%2]; m.Role != want {
					t.Errorf("messages[%d].role is %s: turns must alternate", i, m.Role)
				}
			}
			if (len(item.Messages) > 1) != (item.Kind == datasets.MultiTurn) {
				t.Errorf("%d turns in an item of kind %s", len(item.Messages), item.Kind)
			}
			for _, stop := range item.Stop {
				if strings.Contains(item.Answer, stop) {
					t.Errorf("the answer contains the stop sequence %q and would be cut there", stop)
				}
			}
			checkCut(t, &item)
		})
	}
}

// checkCut holds that a simulator that counts anything from two to six
// characters a token agrees with the finish reason that the item expects.
func checkCut(t *testing.T, item *datasets.Item) {
	t.Helper()
	n := utf8.RuneCountInString(item.Answer)
	switch item.Expect.Finish {
	case "end_turn":
		if item.MaxTokens*2 < n {
			t.Errorf("max_tokens %d may cut an answer of %d characters", item.MaxTokens, n)
		}
	case "max_tokens":
		if item.MaxTokens*6 > n {
			t.Errorf("max_tokens %d may not cut an answer of %d characters", item.MaxTokens, n)
		}
	default:
		t.Errorf("expect.finish is %q", item.Expect.Finish)
	}
}

func TestDefaultLengthsSpread(t *testing.T) {
	var lengths []int
	set := builtIn(t)
	for i := range set.Items {
		lengths = append(lengths, utf8.RuneCountInString(prompt(t, &set.Items[i])))
	}
	slices.Sort(lengths)
	p50, p99 := nearestRank(lengths, 50), nearestRank(lengths, 99)
	if p50 < 100 || p99 < 20*p50 {
		t.Errorf("input length P50 %d, P99 %d characters: want P50 at least 100 and P99/P50 at least 20", p50, p99)
	}
}

// nearestRank is the percentile by the nearest rank of sorted values.
func nearestRank(sorted []int, percent int) int {
	return sorted[(percent*len(sorted)+99)/100-1]
}

func TestDefaultHasLoneSurrogates(t *testing.T) {
	set, n := builtIn(t), 0
	for _, item := range set.Items {
		for _, m := range item.Messages {
			// A literal keeps its escape, and as text it becomes U+FFFD.
			if strings.Contains(string(m.Content), `\ud`) && strings.ContainsRune(text(t, m.Content), utf8.RuneError) {
				n++
				break
			}
		}
	}
	if n < 4 {
		t.Errorf("%d items with a lone surrogate, want at least 4", n)
	}
}

// TestDefaultHasNoNearDuplicates holds the Jaccard similarity of the prompts'
// character trigrams under .6 for every pair.
func TestDefaultHasNoNearDuplicates(t *testing.T) {
	set := builtIn(t)
	grams := make([][]trigram, len(set.Items))
	for i := range set.Items {
		grams[i] = trigrams(prompt(t, &set.Items[i]))
	}
	for i := range grams {
		for j := range i {
			if sim := jaccard(grams[i], grams[j]); sim >= .6 {
				t.Errorf("%s and %s are alike: %.2f", set.Items[i].ID, set.Items[j].ID, sim)
			}
		}
	}
}

type trigram [3]rune

// trigrams returns the distinct trigrams of s in lower case, sorted.
func trigrams(s string) []trigram {
	runes := []rune(strings.ToLower(s))
	var all []trigram
	for i := range max(0, len(runes)-2) {
		all = append(all, trigram(runes[i:i+3]))
	}
	slices.SortFunc(all, compareTrigrams)
	return slices.Compact(all)
}

func compareTrigrams(a, b trigram) int { return slices.Compare(a[:], b[:]) }

func jaccard(a, b []trigram) float64 {
	common := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch c := compareTrigrams(a[i], b[j]); {
		case c < 0:
			i++
		case c > 0:
			j++
		default:
			common, i, j = common+1, i+1, j+1
		}
	}
	return float64(common) / float64(max(1, len(a)+len(b)-common))
}

func TestJaccard(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want float64
	}{
		{"abcd", "abcd", 1},
		{"abcd", "ABCD", 1},
		{"abcd", "bcde", 1. / 3},
		{"abc", "xyz", 0},
		{"", "", 0},
	} {
		if got := jaccard(trigrams(tc.a), trigrams(tc.b)); got != tc.want {
			t.Errorf("jaccard(%q, %q) = %v, want %v", tc.a, tc.b, got, tc.want)
		}
	}
}

package quality_test

import (
	"math"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/quality"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

func TestCheck(t *testing.T) {
	type expect = datasets.Expect
	for _, tc := range []struct {
		name   string
		expect expect
		text   string
		finish string
		value  float64
		missed []string
	}{
		{
			name:   "every word present",
			expect: expect{Contains: []string{"blue", "scatter"}},
			text:   "Light is scattered, hence blue.",
			value:  1,
		},
		{
			name:   "each word counts by itself",
			expect: expect{Contains: []string{"blue", "violet", "green", "scatter"}},
			text:   "Light is scattered, hence blue.",
			value:  .5,
			missed: []string{`does not contain "violet"`, `does not contain "green"`},
		},
		{
			name:   "pattern",
			expect: expect{Pattern: `(?i)^yes\b`},
			text:   "Yes, it is.",
			value:  1,
		},
		{
			name:   "pattern missed",
			expect: expect{Pattern: `(?i)^yes\b`},
			text:   "Yesterday.",
			value:  0,
			missed: []string{`does not match (?i)^yes\b`},
		},
		{
			name:   "JSON alone",
			expect: expect{JSONKeys: []string{"a", "b"}},
			text:   " {\"a\": 1, \"b\": null}\n",
			value:  1,
		},
		{
			name:   "JSON in a fence with prose around it",
			expect: expect{JSONKeys: []string{"a"}},
			text:   "Here you are:\n```json\n{\"a\": 1}\n```\nAnything else?",
			value:  1,
		},
		{
			name:   "fence within a value",
			expect: expect{JSONKeys: []string{"a"}},
			text:   "{\"a\": \"```json\\n{}```\"}",
			value:  1,
		},
		{
			name:   "JSON key missing",
			expect: expect{JSONKeys: []string{"a", "b"}},
			text:   `{"a": {"b": 1}}`,
			value:  .5,
			missed: []string{`JSON object has no key "b"`},
		},
		{
			name:   "JSON cut off",
			expect: expect{JSONKeys: []string{"a", "b"}},
			text:   `{"a": 1, "b`,
			value:  0,
			missed: []string{
				`key "a": not a JSON object: unexpected end of JSON input`,
				`key "b": not a JSON object: unexpected end of JSON input`,
			},
		},
		{
			name:   "JSON, but no object",
			expect: expect{JSONKeys: []string{"a"}},
			text:   `null`,
			value:  0,
			missed: []string{`key "a": not a JSON object: it is null`},
		},
		{
			name:   "length counts characters, not bytes",
			expect: expect{MinChars: 3, MaxChars: 3},
			text:   "日本語",
			value:  1,
		},
		{
			name:   "too short",
			expect: expect{MinChars: 4, MaxChars: 9},
			text:   "日本語",
			value:  .5,
			missed: []string{"3 characters, fewer than 4"},
		},
		{
			name:   "too long",
			expect: expect{MaxChars: 2},
			text:   "日本語",
			value:  0,
			missed: []string{"3 characters, more than 2"},
		},
		{
			name:   "finish reason",
			expect: expect{Finish: "end_turn"},
			finish: "end_turn",
			value:  1,
		},
		{
			name:   "another finish reason",
			expect: expect{Finish: "end_turn", MaxChars: 10},
			finish: "max_tokens",
			value:  .5,
			missed: []string{`finish reason is "max_tokens", not "end_turn"`},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			score, ok := check(t, tc.expect, quality.Answer{Text: tc.text, Finish: tc.finish})
			if !ok {
				t.Fatal("no score")
			}
			if diff := cmp.Diff(quality.Score{Value: tc.value, Missed: tc.missed}, score); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// check scores one answer to an item that expects this and has these tools.
func check(t testing.TB, expect datasets.Expect, answer quality.Answer, tools ...datasets.Tool) (quality.Score, bool) {
	t.Helper()
	checker, err := quality.NewChecker(&datasets.Set{Items: []datasets.Item{{ID: "one", Expect: expect, Tools: tools}}})
	if err != nil {
		t.Fatal(err)
	}
	return checker.Check("one", answer)
}

func TestNothingExpectedIsNoScore(t *testing.T) {
	if score, ok := check(t, datasets.Expect{}, quality.Answer{Text: "anything", Finish: "end_turn"}); ok {
		t.Errorf("score %v for an item that expects nothing: it must not count as met", score)
	}
	set := &datasets.Set{Items: []datasets.Item{{ID: "free"}}}
	checker, err := quality.NewChecker(set)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"free", "unknown"} {
		if score, ok := checker.Check(id, quality.Answer{Text: "anything", Finish: "end_turn"}); ok {
			t.Errorf("score %v for item %q", score, id)
		}
	}
}

func TestNewCheckerNamesTheItemOfABadPattern(t *testing.T) {
	set := &datasets.Set{Items: []datasets.Item{{ID: "odd", Expect: datasets.Expect{Pattern: "["}}}}
	_, err := quality.NewChecker(set)
	if err == nil || !strings.Contains(err.Error(), "item odd: expect.pattern") {
		t.Errorf("error %v", err)
	}
}

func defaultChecker(t testing.TB) (*datasets.Set, *quality.Checker) {
	t.Helper()
	set, err := datasets.Default()
	if err != nil {
		t.Fatal(err)
	}
	checker, err := quality.NewChecker(set)
	if err != nil {
		t.Fatal(err)
	}
	return set, checker
}

// firstChars cuts text as an upstream that ran into max_tokens does.
func firstChars(text string, n int) string {
	runes := []rune(text)
	return string(runes[:min(n, len(runes))])
}

// TestDefaultAnswersMeetTheirExpectations holds that the right answer scores 1,
// for any simulator that counts three to five characters a token.
func TestDefaultAnswersMeetTheirExpectations(t *testing.T) {
	set, checker := defaultChecker(t)
	for _, item := range set.Items {
		for perToken := 3; perToken <= 5; perToken++ {
			said := item.Answer
			if item.Expect.Finish == "max_tokens" {
				said = firstChars(said, perToken*item.MaxTokens)
			}
			score, ok := checker.Check(item.ID, quality.Answer{Text: said, Finish: item.Expect.Finish})
			if !ok || score.Value != 1 {
				t.Errorf("%s at %d characters a token: %+v", item.ID, perToken, score)
			}
		}
	}
}

// TestMangledAnswersScoreLess holds that every item notices what a broken
// gateway does to an answer.
func TestMangledAnswersScoreLess(t *testing.T) {
	set, checker := defaultChecker(t)
	for name, mangle := range map[string]func(answer, finish string) (text, why string){
		"empty":        func(_, finish string) (string, string) { return "", finish },
		"cut early":    func(answer, finish string) (string, string) { return firstChars(answer, 8), finish },
		"other finish": func(answer, _ string) (string, string) { return answer, "refusal" },
		"no finish":    func(answer, _ string) (string, string) { return answer, "" },
		"other answer": func(_, finish string) (string, string) { return strings.Repeat("?", 300), finish },
	} {
		for _, item := range set.Items {
			text, finish := mangle(item.Answer, item.Expect.Finish)
			score, ok := checker.Check(item.ID, quality.Answer{Text: text, Finish: finish})
			if !ok || score.Value >= 1 || len(score.Missed) == 0 {
				t.Errorf("%s: %s: %+v", name, item.ID, score)
			}
		}
	}
}

func TestCheckerIsSafeForConcurrentUse(t *testing.T) {
	set, checker := defaultChecker(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, item := range set.Items {
				if _, ok := checker.Check(item.ID, quality.Answer{Text: item.Answer, Finish: item.Expect.Finish}); !ok {
					t.Errorf("%s: no score", item.ID)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzCheck(f *testing.F) {
	f.Add("a", "b", "a", 1, 2, "end_turn", "{\"a\":1}", "end_turn")
	f.Add("", "", "", 0, 0, "", "", "")
	f.Add("x", "(", "k", -1, -5, "max_tokens", "```json\n{}```", "")
	f.Fuzz(func(t *testing.T, contains, pattern, key string, least, most int, want, text, finish string) {
		expect := datasets.Expect{Pattern: pattern, MinChars: least, MaxChars: most, Finish: want}
		if contains != "" {
			expect.Contains = []string{contains}
		}
		if key != "" {
			expect.JSONKeys = []string{key}
		}
		stated := 0
		for _, has := range []bool{contains != "", pattern != "", key != "", least > 0, most > 0, want != ""} {
			if has {
				stated++
			}
		}
		if _, err := regexp.Compile(pattern); err != nil {
			return // no case: such an expectation does not compile
		}
		score, ok := check(t, expect, quality.Answer{Text: text, Finish: finish})
		if ok != (stated > 0) {
			t.Fatalf("ok is %t with %d expectations", ok, stated)
		}
		if !ok {
			return
		}
		if got := float64(stated-len(score.Missed)) / float64(stated); math.Abs(got-score.Value) > 1e-12 || got < 0 || got > 1 {
			t.Errorf("value %v with %d of %d missed", score.Value, len(score.Missed), stated)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	set, checker := defaultChecker(b)
	b.ReportAllocs()
	for b.Loop() {
		for i := range set.Items {
			item := &set.Items[i]
			checker.Check(item.ID, quality.Answer{Text: item.Answer, Finish: item.Expect.Finish})
		}
	}
}

package quality_test

import (
	"math"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/quality"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

// scorerOf is a Scorer of an item that asks for likeness and of what else is
// expected.
func scorerOf(t testing.TB, expect datasets.Expect) *quality.Scorer {
	t.Helper()
	s, err := quality.NewScorer(&datasets.Set{Items: []datasets.Item{{ID: "one", Expect: expect}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var similar = datasets.Expect{Similar: true}

func use(occurrence int, baseline bool) quality.Use {
	return quality.Use{Item: "one", Occurrence: occurrence, Baseline: baseline}
}

// likeness is the score of text where the reference says other.
func likeness(t testing.TB, other, text string) float64 {
	t.Helper()
	s := scorerOf(t, similar)
	s.Take(use(1, true), quality.Answer{Text: other})
	g := s.Take(use(2, false), quality.Answer{Text: text})()
	if !g.Scored || g.Early {
		t.Fatalf("%+v", g)
	}
	return g.Score.Value
}

// The bigrams of "a b c" are ^a ab bc c$; four of them, three of "a b".
func TestLikeness(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		want       float64
	}{
		{"equal", "Two to three minutes.", "Two to three minutes.", 1},
		{"white space is none", "a  b\n", " a\tb", 1},
		{"one word more", "a b c", "a b", 2. * 2 / 7},
		{"one word another", "a b c", "a x c", 2. * 2 / 8},
		{"the same words in another order", "a b c", "c b a", 0},
		{"a bigram counts as often as it occurs", "a a a", "a a", 2. * 3 / 7},
		{"one word", "yes", "yes", 1},
		{"another word", "yes", "no", 0},
		{"case counts", "Yes", "yes", 0},
		{"punctuation is a word", "a,b", "a b", 2. * 2 / 7},
		{"no spaces between words", "日本語", "日本人", 2. * 2 / 8},
		{"marks belong to their letter", "e\u0301 b", "e\u0301 c", 2. * 1 / 6},
		{"both empty", "", " \n", 1},
		{"one empty", "", "a", 0},
		{"garbled", "Two to three minutes", "Gjb gb guerr zvahgrf", 0},
		{"lost characters", "日本語で話す", "������", 0},
		{"not UTF-8", "a \xff\xfe", "a \xff\xfe", 1},
		{"an end cut off", "one two three four five six seven", "one two three four", 2. * 4 / 13},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := likeness(t, c.a, c.b); math.Abs(got-c.want) > 1e-12 {
				t.Errorf("%q and %q: %v, want %v", c.a, c.b, got, c.want)
			}
			if there, back := likeness(t, c.a, c.b), likeness(t, c.b, c.a); there != back {
				t.Errorf("%v one way, %v the other", there, back)
			}
		})
	}
}

// A long answer costs no more than the words that its likeness goes by.
func TestLikenessOfLongAnswers(t *testing.T) {
	const within = 4095
	long, begin := strings.Repeat("a ", 1<<20), strings.Repeat("a ", within)
	if got := likeness(t, long, begin+strings.Repeat("b ", 1<<20)); got != 1 {
		t.Errorf("the words beyond %d count: %v", within, got)
	}
	if got, want := likeness(t, long, begin[2:]+"b"), 1-2./(within+1); math.Abs(got-want) > 1e-12 {
		t.Errorf("another word at %d: %v, want %v", within, got, want)
	}
}

func FuzzLikeness(f *testing.F) {
	f.Add("a b", "a b c")
	f.Add("", "\xff")
	f.Add("日本 e\u0301", "e 日\u00a0本")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := likeness(t, a, b), likeness(t, b, a)
		if !(x >= 0 && x <= 1) || x != y {
			t.Errorf("%v one way, %v the other", x, y)
		}
		if self := likeness(t, a, a); self != 1 {
			t.Errorf("%q is like itself by %v", a, self)
		}
		if spaced := likeness(t, a, " "+a+"\n"); spaced != 1 {
			t.Errorf("%q is like itself with white space by %v", a, spaced)
		}
	})
}

// TestWhatIsScoredByLikeness: the reference and what stands beside or before it
// have no score; everything later has, in every arm.
func TestWhatIsScoredByLikeness(t *testing.T) {
	s := scorerOf(t, similar)
	type taken struct {
		use   quality.Use
		text  string
		want  float64 // -1: none yet
		grade func() quality.Grade
	}
	block := []*taken{ // the candidate comes first; the baseline's first request failed
		{use: use(1, false), text: "a b", want: -1},
		{use: use(2, false), text: "a b", want: -1},
		{use: use(3, false), text: "a b", want: 1},
		{use: use(4, false), text: "x y", want: 0},
		{use: use(2, true), text: "a b", want: -1},
		{use: use(3, true), text: "a c", want: 2. / 6},
		{use: use(4, true), text: "a b", want: 1},
	}
	for _, a := range block {
		a.grade = s.Take(a.use, quality.Answer{Text: a.text})
	}
	for range 2 { // asking changes nothing
		for _, a := range block {
			g := a.grade()
			if early := a.want < 0; g.Scored == early || g.Early != early || g.Scored && math.Abs(g.Score.Value-a.want) > 1e-12 {
				t.Errorf("%+v: %+v", a.use, g)
			}
		}
	}
}

// Whatever else an item expects counts from its first use on, and likeness
// beside it as one expectation more.
func TestLikenessAmongOtherExpectations(t *testing.T) {
	s := scorerOf(t, datasets.Expect{Similar: true, Contains: []string{"b"}})
	for _, c := range []struct {
		use  quality.Use
		text string
		want float64
	}{
		{use(1, true), "a b c", 1}, {use(2, false), "a b", (1 + 4./7) / 2}, {use(3, false), "x", 0},
	} {
		g := s.Take(c.use, quality.Answer{Text: c.text})()
		if !g.Scored || g.Early || math.Abs(g.Score.Value-c.want) > 1e-12 || (g.Score.Missed == nil) != (c.want == 1) {
			t.Errorf("%q: %+v, want %v", c.text, g, c.want)
		}
	}
	none := scorerOf(t, datasets.Expect{})
	if g := none.Take(use(1, true), quality.Answer{Text: "a"})(); g.Scored || g.Early {
		t.Errorf("an item that expects nothing: %+v", g)
	}
	if g := none.Take(quality.Use{Item: "another", Occurrence: 1}, quality.Answer{Text: "a"})(); g.Scored || g.Early {
		t.Errorf("no item of the set: %+v", g)
	}
}

func TestNewScorerRefusesABadSet(t *testing.T) {
	if _, err := quality.NewScorer(&datasets.Set{Items: []datasets.Item{{ID: "odd", Expect: datasets.Expect{Pattern: "["}}}}); err == nil {
		t.Error("no error")
	}
}

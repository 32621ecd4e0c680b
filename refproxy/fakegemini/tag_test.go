package fakegemini

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCutTag(t *testing.T) {
	got, rest, ok := cutTag("[firstbyte item=short-007 occ=12 nonce=0af9] What is [it]?")
	if want := (tag{"short-007", 12, "0af9"}); !ok || got != want || rest != "What is [it]?" {
		t.Errorf("got %+v, %q, %v", got, rest, ok)
	}
	for _, text := range []string{
		"",
		"What is it?",
		" [firstbyte item=a occ=1 nonce=a] x",
		"[firstbyte item=a occ=1 nonce=a]x",
		"[firstbyte item=A occ=1 nonce=a] x",
		"[firstbyte item= occ=1 nonce=a] x",
		"[firstbyte item=a occ=-1 nonce=a] x",
		"[firstbyte item=a occ= nonce=a] x",
		"[firstbyte item=a occ=1 nonce=] x",
		"[firstbyte item=a occ=1 nonce=G] x",
		"[firstbyte item=a nonce=a occ=1] x",
		"[firstbyte item=a occ=9999999999 nonce=a] x",
		"[firstbyte item=" + strings.Repeat("a", maxItem+1) + " occ=1 nonce=a] x",
		"[firstbyte item=a occ=1 nonce=" + strings.Repeat("a", maxNonce+1) + "] x",
	} {
		if got, rest, ok := cutTag(text); ok || rest != text || got != (tag{}) {
			t.Errorf("cutTag(%q) = %+v, %q, %v", text, got, rest, ok)
		}
	}
}

func FuzzCutTag(f *testing.F) {
	f.Add("[firstbyte item=short-007 occ=12 nonce=0af9] What is it?")
	f.Add("[firstbyte item=a occ=007 nonce=a] ")
	f.Fuzz(func(t *testing.T, text string) {
		got, rest, ok := cutTag(text)
		if !ok {
			if rest != text || got != (tag{}) {
				t.Fatalf("no tag, and yet %+v, %q", got, rest)
			}
			return
		}
		again, rest2, ok := cutTag(fmt.Sprintf("[firstbyte item=%s occ=%d nonce=%s] %s", got.item, got.occ, got.nonce, rest))
		if !ok || again != got || rest2 != rest || !strings.HasSuffix(text, "] "+rest) {
			t.Fatalf("%q gave %+v, %q, and written again %+v, %q", text, got, rest, again, rest2)
		}
	})
}

func TestItemOfSeparatesTexts(t *testing.T) {
	if itemOf([]string{"ab", "c"}) == itemOf([]string{"a", "bc"}) {
		t.Error("texts run together")
	}
}

// Prompts that share a prefix have their own tag at the end.
func TestTheLastTagNamesAPromptThatSharesItsHead(t *testing.T) {
	const shared = `[firstbyte item=shared occ=0 nonce=ab] `
	for _, row := range []struct {
		name  string
		texts []string
		want  tag
		left  []string // contents without what was taken
	}{
		{"one text", []string{shared + "hello [firstbyte item=a occ=2 nonce=cd]"}, tag{"a", 2, "cd"}, []string{"hello"}},
		{
			"a conversation",
			[]string{shared + "hello [firstbyte item=a occ=1 nonce=cd]", "well", "go on [firstbyte item=b occ=1 nonce=ef]"},
			tag{"b", 1, "ef"},
			[]string{"hello [firstbyte item=a occ=1 nonce=cd]", "well", "go on"},
		},
		{"none at the end", []string{shared + "hello"}, tag{"shared", 0, "ab"}, []string{"hello"}},
		{"broken at the end", []string{shared + "hello [firstbyte item=a occ=x nonce=cd]"}, tag{"shared", 0, "ab"}, []string{"hello [firstbyte item=a occ=x nonce=cd]"}},
		{"its own at the head", []string{"[firstbyte item=a occ=1 nonce=cd] hello [firstbyte item=b occ=1 nonce=ef]"}, tag{"a", 1, "cd"}, []string{"hello [firstbyte item=b occ=1 nonce=ef]"}},
	} {
		var contents []string
		for i, text := range row.texts {
			contents = append(contents, fmt.Sprintf(`{"role":%q,"parts":[{"text":%q}]}`, []string{"user", "model"}[i%2], text))
		}
		req, bad := decodeGenerate(form{}, []byte(`{"contents":[`+strings.Join(contents, ",")+`]}`))
		if len(bad) > 0 || req.tag != row.want || !slices.Equal(req.contents, row.left) {
			t.Errorf("%s: %+v, %q, %v", row.name, req.tag, req.contents, bad)
		}
	}
}

package fakegemini

import (
	"fmt"
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

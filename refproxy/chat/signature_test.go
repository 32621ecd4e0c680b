package chat_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// clean is what ids may hold.
var clean = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func TestSignatureInAnID(t *testing.T) {
	for name, value := range map[string]string{
		"base64":                 "CsAAAQ==",
		"base64 without padding": "CsAAAQ",
		"no base64":              "skip \x00 \x01 é",
		"base64url":              "__-_",
	} {
		want := chat.Signature{Family: "gemini-3", Value: value}
		joined, ok := chat.JoinID("toolu_1", &want)
		if !ok || !clean.MatchString(joined) {
			t.Errorf("%s: id %q, %v", name, joined, ok)
		}
		id, got := chat.SplitID(joined)
		if id != "toolu_1" || got == nil || *got != want {
			t.Errorf("%s: split into %q and %+v", name, id, got)
		}
	}
}

func TestIDsWithoutASignature(t *testing.T) {
	if joined, ok := chat.JoinID("a", nil); joined != "a" || !ok {
		t.Errorf("no signature made %q of an id", joined)
	}
	for _, id := range []string{"", "toolu_1", "a__thought__", "a__thought__!", "a__thought__AAAA", "a__thought__YWJj"} {
		if got, s := chat.SplitID(id); got != id || s != nil {
			t.Errorf("%q was split into %q and %+v", id, got, s)
		}
	}
	long := &chat.Signature{Family: "f", Value: strings.Repeat("x", 8<<10)}
	if joined, ok := chat.JoinID("a", long); joined != "a" || ok {
		t.Errorf("a signature of 8 kB went into an id of %d bytes", len(joined))
	}
}

func FuzzSignature(f *testing.F) {
	f.Add("gemini-3", "CsAAAQ==")
	f.Add("g", "\x01")
	f.Fuzz(func(t *testing.T, family, value string) {
		if family == "" || value == "" || strings.ContainsAny(family, "\x00\x01") {
			return
		}
		want := chat.Signature{Family: family, Value: value}
		if got, ok := chat.OpenSignature(want.Seal()); !ok || got != want {
			t.Errorf("%+v came back as %+v, %v", want, got, ok)
		}
	})
}

func FuzzOpenSignature(f *testing.F) {
	f.Add("Z2VtaW5pLTMBCsAAAQ")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, sealed string) {
		if s, ok := chat.OpenSignature(sealed); ok && s.Seal() != sealed {
			t.Errorf("%q opened as %+v, which seals as %q", sealed, s, s.Seal())
		}
	})
}

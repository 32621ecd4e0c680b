package server_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
)

// FuzzParseName: a suffix is only ever taken off the end, a model is always left,
// and what is left has nothing more to be taken off unless it is registered.
func FuzzParseName(f *testing.F) {
	for _, seed := range []string{"m-high-search", "-high", "m-search-search", "m-low-high", "", "a-think"} {
		f.Add(seed, "m-high")
	}
	f.Fuzz(func(t *testing.T, name, registered string) {
		is := func(s string) bool { return s == registered }
		got := server.ParseName(name, is)
		model, _, ok := cutLast(got, " effort=")
		if !ok || !strings.HasPrefix(name, model) || name != "" && model == "" {
			t.Fatalf("%q became %q", name, got)
		}
		if is(name) && model != name {
			t.Fatalf("the registered %q became %q", name, model)
		}
	})
}

// FuzzServerTime: whatever an upstream says of its time, what is passed on is a
// time, and no entry that comes after it makes it less.
func FuzzServerTime(f *testing.F) {
	for _, seed := range []string{"gfet4t7; dur=12.5", `a;desc="x, y;dur=9";dur=3`, "dur=4", "a;dur=NaN", "a;dur=-1,b", `a;desc="\\"`, ",;,;="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got, ok := server.ServerTime(line)
		if got < 0 || got > 24*time.Hour || !ok && got != 0 {
			t.Fatalf("%q is %v, %t", line, got, ok)
		}
		if more, still := server.ServerTime(line, "z;dur=1"); !still || more < got || more < time.Millisecond {
			t.Fatalf("%q is %v, and with an entry more %v", line, got, more)
		}
	})
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// FuzzGoogleError: whatever an upstream's error holds, the caller gets an envelope
// of Google's with the status it is sent with.
func FuzzGoogleError(f *testing.F) {
	for _, seed := range []string{`{"error":{"code":429,"details":[{"@type":"x"}]}}`, `[{"error":{}}]`, `<html>`, `{"error":7}`, "", `{"error":{"details":[1,null,"x",{}]}}`} {
		f.Add(429, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 400 || status > 599 {
			return
		}
		code, sent := server.GoogleError(&chat.Error{Kind: chat.KindRateLimit, Status: status, Message: "m", RetryAfter: 1500}, []byte(body))
		var e struct {
			Error struct {
				Code            int
				Message, Status string
				Details         []json.RawMessage
			}
		}
		if err := json.Unmarshal(sent, &e); err != nil || e.Error.Code != code || code != status || e.Error.Message != "m" || e.Error.Status == "" {
			t.Fatalf("%v, %d: %s", err, code, sent)
		}
		if len(e.Error.Details) == 0 {
			t.Fatalf("the wait is lost: %s", sent)
		}
	})
}

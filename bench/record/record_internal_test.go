package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"unicode/utf8"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// FuzzFiller holds the lengths and the structure for any literal.
func FuzzFiller(f *testing.F) {
	for _, seed := range []string{`"plain"`, `"\u00e9\ud83d\ude00 \n"`, `"日本 é 😀 ½"`, `"{\"a\":[1,true]}"`, `""`, `"\ud800"`} {
		f.Add(seed)
	}
	fill := &filler{key: []byte("k")}
	f.Fuzz(func(t *testing.T, raw string) {
		if !json.Valid([]byte(raw)) || !utf8.ValidString(raw) || raw[0] != '"' {
			return // no text that could be recorded
		}
		got := fill.literal(json.RawMessage(raw))
		if !json.Valid(got) || len(got) != len(raw) || utf8.RuneCount(got) != utf8.RuneCountInString(raw) {
			t.Fatalf("%q became %q", raw, got)
		}
		if again := fill.literal(json.RawMessage(raw)); !bytes.Equal(got, again) {
			t.Fatalf("%q became %q, then %q", raw, got, again)
		}
		var before, after string
		if json.Unmarshal([]byte(raw), &before) != nil || json.Unmarshal(got, &after) != nil {
			t.Fatalf("%q became %q, and one of them is no text", raw, got)
		}
		if len(before) != len(after) || utf8.RuneCountInString(before) != utf8.RuneCountInString(after) {
			t.Fatalf("%q is of another length than %q", after, before)
		}
	})
}

// FuzzDecode holds that whatever a body holds becomes an item that a dataset takes,
// or is refused with a reason of one line.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"max_tokens":1,"messages":[{"role":"user","content":"x"}]}`))
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"text"}]}],"tools":[{"function":{"name":"f"}}],"stop":["a",""]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, a := range []api{anthropic, chat} {
			asked, err := a.decode(body)
			if err != nil {
				continue
			}
			line, id, err := itemLine(&asked.item)
			if err != nil {
				if bytes.ContainsAny([]byte(err.Error()), "\n\r") {
					t.Fatalf("%q", err)
				}
				continue
			}
			set, err := datasets.Read("item", bytes.NewReader(line))
			if err != nil || set.Items[0].ID != id {
				t.Fatalf("%s: %v", line, err)
			}
			(&filler{}).item(&asked.item)
			if line, _, err = itemLine(&asked.item); err != nil {
				t.Fatalf("%s with filler: %v", line, err)
			}
		}
	})
}

// A strictBody has an error for whoever reads on behind its end, as the server's
// has once the answer has begun.
type strictBody struct{ ended bool }

func (b *strictBody) Read(p []byte) (int, error) {
	if b.ended {
		return 0, errors.New("read behind the end")
	}
	b.ended = true
	return copy(p, "body"), io.EOF
}

func (*strictBody) Close() error { return nil }

// TestBehindTheEndIsTheEnd holds what the transport needs that it does not take a
// whole request for a broken one (seen as two answers of 10,000 cut short).
func TestBehindTheEndIsTheEnd(t *testing.T) {
	u := &upload{ReadCloser: &strictBody{}, copy: &pieces{}}
	if got, err := io.ReadAll(u); string(got) != "body" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if n, err := u.Read(make([]byte, 9)); n != 0 || err != io.EOF {
		t.Errorf("%d %v", n, err)
	}
}

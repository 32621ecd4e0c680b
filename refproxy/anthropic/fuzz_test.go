package anthropic_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/refproxy/anthropic"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/sse"
)

// seeds returns the members of that name in all golden files.
func seeds(f *testing.F, name string) [][]byte {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden files: %v", err)
	}
	var out [][]byte
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, member := range a.Files {
			if member.Name == name {
				out = append(out, unescape(member.Data))
			}
		}
	}
	return out
}

// FuzzDecodeRequest holds: no panic; an error is a 400 with words; a request
// is one that the upstream codec can send; white space between the tokens of
// the body changes nothing.
func FuzzDecodeRequest(f *testing.F) {
	for _, s := range seeds(f, "request.json") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := anthropic.DecodeRequest(body)
		if err != nil {
			e, ok := errors.AsType[*chat.Error](err)
			if status, _, _ := anthropic.EncodeError(err, ""); !ok || status != 400 || e.Message == "" {
				t.Errorf("error %#v", err)
			}
			return
		}
		checkTurns(t, req)
		up, err := gemini.EncodeRequest(req)
		if err != nil || !json.Valid(up) || !utf8.Valid(up) {
			t.Errorf("the upstream's request is %s, error %v", up, err)
		}
		spaced := jsontext.Value(bytes.Clone(body))
		if err := spaced.Indent(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)); err != nil {
			t.Fatalf("a body that decodes does not indent: %v", err)
		}
		again, err := anthropic.DecodeRequest(spaced)
		req.Unknown, again.Unknown = nil, nil // raw, so white space counts
		if diff := cmp.Diff(req, again); diff != "" || err != nil {
			t.Errorf("white space changes the request, error %v:\n%s", err, diff)
		}
	})
}

func checkTurns(t *testing.T, req chat.Request) {
	if req.MaxTokens < 1 || req.Model == "" || len(req.Turns) == 0 {
		t.Errorf("request %+v", req)
	}
	for i, turn := range req.Turns {
		if want := []chat.Role{chat.RoleUser, chat.RoleModel}[i%2]; turn.Role != want || len(turn.Parts) == 0 {
			t.Errorf("turn %d is %+v", i, turn)
		}
		for _, p := range turn.Parts {
			if p.Kind != chat.PartText || p.Text == "" || !utf8.ValidString(p.Text) {
				t.Errorf("turn %d holds %+v", i, p)
			}
		}
	}
}

// pieces serves data in reads of random sizes.
type pieces struct {
	data []byte
	rng  *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 1+p.rng.IntN(64))], p.data)
	p.data = p.data[n:]
	return n, nil
}

// FuzzStreams is the differential test of ff_converter_fast_path: whatever the
// upstream sends, however it is split, both ways write the same bytes; and
// these are a well-formed stream: message_start once and first, one block, every
// block closed, an end that is message_stop or an error and nothing after it.
func FuzzStreams(f *testing.F) {
	for _, name := range []string{"upstream.sse", "upstream.json"} {
		for _, s := range seeds(f, name) {
			f.Add(s, uint64(len(s)))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		canonical := encode(gemini.DecodeStream(bytes.NewReader(in)))
		fast := encode(gemini.FastStream(bytes.NewReader(in)))
		if diff := cmp.Diff(string(canonical), string(fast)); diff != "" {
			t.Errorf("the fast path differs (-canonical +fast):\n%s", diff)
		}
		split := encode(gemini.FastStream(&pieces{in, rand.New(rand.NewPCG(seed, 0))}))
		if diff := cmp.Diff(string(canonical), string(split)); diff != "" {
			t.Errorf("splitting changes the fast path (-whole +split):\n%s", diff)
		}
		checkStream(t, canonical)
	})
}

// FuzzTexts drives the same difference through the part that decides it: one
// string literal, as an upstream may escape it, between chunks that do not.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{
		``, `a`, ` \n `, `\u00e9é`, `\ud83d`, `\ude00\ud83d`, `\ud83d\ude00`, `\u003c<`, `\/`, `\u000a`, `\u001f`, `\u001F`, `\u0008\b`,
		`\"\\`, "\xff", "\xed\xa0\xbd", "\u2028\u2029", "\ufffd", `\ufffd`, `"}]}}],"error":{"code":400`, "\x7f", "\x00", `\u00`, `\`,
		`"},{"text":"b`, `","thought":true,"x":"`, `","text":"`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		chunk := func(s, rest string) string {
			return `data: {"candidates":[{"content":{"parts":[{"text":"` + s + `"}],"role":"model"}` + rest + "}]}\n\n"
		}
		in := chunk("a", "") + chunk(text, "") + chunk("", `,"finishReason":"`+text+`"`) + chunk("z", `,"finishReason":"STOP"`)
		canonical := encode(gemini.DecodeStream(strings.NewReader(in)))
		if diff := cmp.Diff(string(canonical), string(encode(gemini.FastStream(strings.NewReader(in))))); diff != "" {
			t.Errorf("the fast path differs (-canonical +fast):\n%s", diff)
		}
		checkStream(t, canonical)
	})
}

// checkStream holds a stream to the grammar of the wire reference, 3.6.
func checkStream(t *testing.T, out []byte) {
	if !utf8.Valid(out) {
		t.Errorf("the stream is not UTF-8: %q", out)
	}
	r := sse.NewReader(bytes.NewReader(out), 0)
	state := "idle"
	for {
		ev, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil || !json.Valid(ev.Data) {
			t.Fatalf("event %q, error %v", ev.Data, err)
		}
		if head := fmt.Sprintf(`{"type":%q,`, ev.Name); !strings.HasPrefix(string(ev.Data)+",", strings.Replace(head, `",`, `"`, 1)) {
			t.Errorf("event %s holds %s", ev.Name, ev.Data)
		}
		next, ok := grammar[state+" "+string(ev.Name)]
		if !ok {
			t.Fatalf("%s in state %s:\n%s", ev.Name, state, out)
		}
		state = next
	}
	if state != "over" {
		t.Errorf("the stream ends in state %s:\n%s", state, out)
	}
}

// grammar maps a state and an event to the next state.
var grammar = map[string]string{
	"idle message_start":          "open",
	"idle error":                  "over",
	"open ping":                   "open",
	"open content_block_start":    "started",
	"open message_delta":          "stopping",
	"open error":                  "over",
	"started content_block_delta": "block",
	"block content_block_delta":   "block",
	"block ping":                  "block",
	"block content_block_stop":    "closed",
	"closed message_delta":        "stopping",
	"closed error":                "over",
	"stopping message_stop":       "over",
}

// upstreamStream is a stream of n deltas of running text.
func upstreamStream(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		finish := ""
		if i == n-1 {
			finish = `"finishReason":"STOP",`
		}
		fmt.Fprintf(&b, `data: {"candidates":[{"content":{"parts":[{"text":"The quick brown fox, the %dth of its kind,\njumps over the lazy dog. "}],"role":"model"},%s"index":0}],"usageMetadata":{"promptTokenCount":31,"candidatesTokenCount":%d,"totalTokenCount":%d},"modelVersion":"gemini-2.5-flash","responseId":"r1"}`+"\n\n", i, finish, i, 31+i)
	}
	return b.Bytes()
}

// BenchmarkStream is what the converter flag is about, whole streams of 100
// deltas each way.
func BenchmarkStream(b *testing.B) {
	in := upstreamStream(100)
	for _, way := range []struct {
		name   string
		decode func(io.Reader) chatEvents
	}{{"canonical", gemini.DecodeStream}, {"fast", gemini.FastStream}} {
		b.Run(way.name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				enc := anthropic.NewStreamEncoder(io.Discard, head)
				for ev, err := range way.decode(bytes.NewReader(in)) {
					if err == nil {
						err = enc.Event(ev)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkDecodeRequest(b *testing.B) {
	body := []byte(`{"model":"m","max_tokens":1024,"stream":true,"system":"Be brief.","messages":[{"role":"user","content":"` + strings.Repeat("Tell me about foxes. ", 100) + `"}]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		req, err := anthropic.DecodeRequest(body)
		if err != nil {
			b.Fatal(err)
		}
		if _, err = gemini.EncodeRequest(req); err != nil {
			b.Fatal(err)
		}
	}
}

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
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/refproxy/anthropic"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
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
// has the shape of turns that package chat promises, and is one that the
// upstream codec can send or refuse in words; white space between the tokens of
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
		if e := chat.AsError(err); e != nil && (e.Kind != chat.KindInvalid || e.Message == "") {
			t.Errorf("the upstream's codec fails: %v", err)
		}
		if err == nil && (!json.Valid(up) || !utf8.Valid(up)) {
			t.Errorf("the upstream's request is %s", up)
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

// checkTurns holds a request to the contract of chat.Request.
func checkTurns(t *testing.T, req chat.Request) {
	if req.MaxTokens < 1 || req.Model == "" || len(req.Turns) == 0 {
		t.Errorf("request %+v", req)
	}
	var before chat.Turn
	for i, turn := range req.Turns {
		switch {
		case len(turn.Parts) == 0 || turn.Role != chat.RoleUser && turn.Role != chat.RoleModel:
			t.Errorf("turn %d is %+v", i, turn)
		case i == 0 && turn.Role != chat.RoleUser:
			t.Error("the model begins")
		case turn.Role == before.Role && (turn.Role == chat.RoleModel || before.Parts[0].Kind != chat.PartResult):
			t.Errorf("turn %d is of the same role as the one before", i)
		}
		for _, p := range turn.Parts {
			checkPart(t, turn.Role, p)
		}
		if diff := cmp.Diff(ids(before, chat.PartCall), ids(turn, chat.PartResult)); diff != "" {
			t.Errorf("turn %d does not answer the calls before it:\n%s", i, diff)
		}
		before = turn
	}
	if calls := ids(before, chat.PartCall); calls != nil {
		t.Errorf("nothing answers %q", calls)
	}
}

// ids are those of the calls in turn, or of the results.
func ids(turn chat.Turn, kind chat.PartKind) []string {
	var out []string
	for _, p := range turn.Parts {
		switch {
		case p.Kind != kind:
		case kind == chat.PartCall:
			out = append(out, p.Call.ID+" "+p.Call.Name)
		default:
			out = append(out, p.Result.ID+" "+p.Result.Name)
		}
	}
	return out
}

func checkPart(t *testing.T, role chat.Role, p chat.Part) {
	ok := utf8.ValidString(p.Text) && (p.Signature == nil || role == chat.RoleModel)
	switch p.Kind {
	case chat.PartText:
		ok = ok && p.Text != ""
	case chat.PartThought:
		ok = ok && role == chat.RoleModel && p.Signature != nil
	case chat.PartMedia:
		ok = ok && role == chat.RoleUser && (p.Media.Data == "") != (p.Media.URL == "")
	case chat.PartCall:
		ok = ok && role == chat.RoleModel && p.Call.Name != "" && json.Valid(p.Call.Args) && p.Call.Args[0] == '{' && utf8.Valid(p.Call.Args)
	case chat.PartResult:
		ok = ok && role == chat.RoleUser
		for _, inner := range p.Result.Parts {
			ok = ok && (inner.Kind == chat.PartText || inner.Kind == chat.PartMedia)
			checkPart(t, role, inner)
		}
	default:
		ok = false
	}
	if !ok {
		t.Errorf("role %d says %+v", role, p)
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
// these are a well-formed stream, see checkStream.
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

// FuzzEvents holds the encoder: whatever a sequence of events holds, in whatever
// order, the stream of it is well-formed and adds up to the whole answer of the
// same events. Two bytes make one event.
func FuzzEvents(f *testing.F) {
	for _, s := range []string{"", "a0", "a0b0c0", "b0b4d0", "b5b0a0", "c0c1c2", "a6b2b3", "p0a0p0", "b1a2c1", "b0a4", "a1a2e0", "\x00\xff"} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(checkEvents)
}

// TestInventedEvents does the same for as many scripts as take a second or so:
// the fuzzer spends most of its time on making few of them shorter.
func TestInventedEvents(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for i := range 2000 {
		script := make([]byte, rng.IntN(24))
		for j := range script {
			script[j] = byte(rng.Uint32())
		}
		if checkEvents(t, script, i%3 == 0); t.Failed() {
			t.Fatalf("script %q", script)
		}
	}
}

func checkEvents(t *testing.T, script []byte, fails bool) {
	events, lends := invented(script)
	if fails {
		if _, whole := checkStream(t, encode(sequence(events, io.ErrUnexpectedEOF))); whole {
			t.Error("a stream that failed ends as a whole one")
		}
		return
	}
	events = append(events, chat.Event{Kind: chat.EventFinish, Finish: chat.Finish{Stop: chat.StopToolUse}})
	got, whole := checkStream(t, pinged(t, events, script))
	if !whole {
		t.Error("a whole stream ends as one that failed")
	}
	if want := wholeAnswer(t, events); !lends {
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the stream adds up to something else (-whole +stream):\n%s", diff)
		}
	}
}

// pinged writes events as a stream, with pings where script has them.
func pinged(t *testing.T, events []chat.Event, script []byte) []byte {
	var out bytes.Buffer
	enc := anthropic.NewStreamEncoder(&out, head)
	for i, ev := range events {
		if 2*i < len(script) && script[2*i]%7 == 0 {
			if err := enc.Ping(); err != nil {
				t.Fatal(err)
			}
		}
		if err := enc.Event(ev); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// wholeAnswer writes events as a whole answer, and reads it.
func wholeAnswer(t *testing.T, events []chat.Event) (answer wireAnswer) {
	resp, err := chat.Collect(sequence(events, nil))
	if err != nil {
		t.Fatal(err)
	}
	body, err := anthropic.EncodeResponse(head, resp)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// invented makes events of a script. lends says that a text has a signature,
// which reasoning before it may take in a stream or not, as the text is cut.
func invented(script []byte) (events []chat.Event, lends bool) {
	for ; len(script) >= 2; script = script[2:] {
		ev := chat.Event{Kind: chat.EventKind(script[0]%5) + chat.EventStart, Text: []string{"", "a", " \n", "\xff", "\u2028\"\\"}[script[1]%5]}
		if script[1]&0x40 != 0 {
			ev.Signature = &chat.Signature{Family: "f", Value: strings.Repeat("x", 1+int(script[1]))}
		}
		switch ev.Kind {
		case chat.EventText:
			lends = lends || ev.Signature != nil
			if script[1]&0x20 != 0 && utf8.ValidString(ev.Text) {
				ev.Raw, ev.Text = fmt.Appendf(nil, "%q", ev.Text), ""
			}
		case chat.EventCall:
			ev.Call = &chat.Call{Name: ev.Text, Args: [][]byte{nil, []byte(`{}`), []byte(`{"a":null}`)}[script[1]%3]}
			if script[1]&0x10 != 0 {
				ev.Call.ID = "id"
			}
			ev.Text = ""
		case chat.EventFinish:
			ev = chat.Event{Kind: chat.EventText} // an event without anything
		}
		events = append(events, ev)
	}
	return events, lends
}

// sequence yields events and then err, if there is one.
func sequence(events []chat.Event, err error) chatEvents {
	return func(yield func(chat.Event, error) bool) {
		for _, ev := range events {
			if !yield(ev, nil) {
				return
			}
		}
		if err != nil {
			yield(chat.Event{}, err)
		}
	}
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

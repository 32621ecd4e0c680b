package openai_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/openai"
)

// seeds returns the members of that name in all golden files.
func seeds(f *testing.F, name string) [][]byte {
	f.Helper()
	var out [][]byte
	for _, file := range goldens(f) {
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

// FuzzDecodeChat holds: no panic; an error is a 400 with words; a request has
// the shape of a conversation, and the upstream codec can send it or says why
// not; it does not share memory with the body, in which white space between the
// tokens changes nothing.
func FuzzDecodeChat(f *testing.F) { fuzzDecode(f, "chat.json") }

// FuzzDecodeResponses is FuzzDecodeChat for the other API.
func FuzzDecodeResponses(f *testing.F) { fuzzDecode(f, "responses.json") }

func fuzzDecode(f *testing.F, name string) {
	for _, s := range seeds(f, name) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		scrap := bytes.Clone(body)
		a, err := decode(name, scrap)
		clear(scrap)
		if err != nil {
			checkInvalid(t, err)
			return
		}
		checkTurns(t, a.req)
		if up, err := gemini.EncodeRequest(a.req); err != nil {
			checkInvalid(t, err)
		} else if !json.Valid(up) || !utf8.Valid(up) {
			t.Errorf("the upstream's request is %s", up)
		}
		spaced := jsontext.Value(bytes.Clone(body))
		if err := spaced.Indent(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)); err != nil {
			t.Fatalf("a body that decodes does not indent: %v", err)
		}
		again, err := decode(name, spaced)
		// Schemas and unknown fields are raw, so white space counts in them.
		if diff := cmp.Diff(unraw(a.req), unraw(again.req)); diff != "" || err != nil {
			t.Errorf("white space changes the request, error %v:\n%s", err, diff)
		}
		resp := chat.Response{Parts: []chat.Part{chat.Text("a")}, Finish: chat.Finish{Stop: chat.StopEndTurn}}
		if out, err := a.reply.Response(head(), resp); err != nil || !json.Valid(out) || !utf8.Valid(out) {
			t.Errorf("the answer is %s, error %v", out, err)
		}
	})
}

func checkInvalid(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*chat.Error](err)
	if status, _, body := openai.EncodeError(err, ""); !ok || status != 400 || e.Message == "" || !json.Valid(body) {
		t.Errorf("error %#v", err)
	}
}

func unraw(r chat.Request) chat.Request {
	r.Unknown, r.Format = nil, nil
	r.Tools = append([]chat.Tool(nil), r.Tools...)
	for i := range r.Tools {
		r.Tools[i].Schema = nil
	}
	return r
}

// checkTurns holds req to the contract of chat.Request.
func checkTurns(t *testing.T, req chat.Request) {
	t.Helper()
	if req.Model == "" || len(req.Turns) == 0 || req.Turns[0].Role != chat.RoleUser {
		t.Errorf("request %+v", req)
	}
	for i, turn := range req.Turns {
		results := turn.Parts[0].Kind == chat.PartResult
		afterResults := i > 0 && req.Turns[i-1].Parts[0].Kind == chat.PartResult
		if i > 0 && turn.Role == req.Turns[i-1].Role && !(turn.Role == chat.RoleUser && afterResults && !results) {
			t.Errorf("turn %d is of the same role as that before it", i)
		}
		for _, p := range turn.Parts {
			if (p.Kind == chat.PartResult) != results || !utf8.ValidString(p.Text) || p.Kind == chat.PartText && p.Text == "" {
				t.Errorf("turn %d holds %+v", i, p)
			}
			model := p.Kind == chat.PartCall || p.Kind == chat.PartThought
			if model && turn.Role != chat.RoleModel || (results || p.Kind == chat.PartMedia) && turn.Role != chat.RoleUser {
				t.Errorf("turn %d of role %d holds %+v", i, turn.Role, p)
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

// apis are requests whose answers have everything that answers can have.
func apis(t testing.TB) []api {
	t.Helper()
	var all []api
	for name, body := range map[string]string{
		"chat.json":      `{"model":"gemini-3-pro","messages":[{"role":"user","content":"a"}],"stream_options":{"include_usage":true}}`,
		"responses.json": `{"model":"gemini-3-pro","input":"a","reasoning":{"summary":"auto"},"tools":[{"type":"namespace","name":"n","tools":[{"type":"function","name":"f"}]}]}`,
	} {
		a, err := decode(name, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if reply, ok := a.reply.(openai.ChatReply); ok {
			reply.ShowReasoning, a.req.Reasoning.Show = true, true
			a.reply = reply
			a.encoder = func(w io.Writer, h openai.Head) encoder { return reply.Encoder(w, h) }
		}
		all = append(all, a)
	}
	return all
}

// FuzzStreams: whatever the upstream sends, however it is split, the fast and
// the canonical way write the same bytes; these are a well-formed stream, and
// what it comes to is the whole answer.
func FuzzStreams(f *testing.F) {
	for _, s := range seeds(f, "upstream.sse") {
		f.Add(s, uint64(len(s)))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		for _, a := range apis(t) {
			file := txtar.File{Name: "upstream.sse", Data: in}
			stream := a.streamed(t, file)
			checkSame(t, stream, a.whole(file))
			split := a.encode(gemini.NewDecoder(a.req).FastStream(&pieces{in, rand.New(rand.NewPCG(seed, 0))}))
			if diff := cmp.Diff(string(stream), string(split)); diff != "" {
				t.Errorf("splitting changes the stream (-whole +split):\n%s", diff)
			}
		}
	})
}

// FuzzEvents is FuzzStreams for answers that no upstream codec needs to make:
// each byte of the input is an event.
func FuzzEvents(f *testing.F) {
	for _, s := range []string{"", "tt", "TtsSsT", "tcTcc", "xtxTx", "ttsttTsT", "eTtet", "tm", "Tm", "cm", "tr", "Tsm"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, a := range apis(t) {
			resp, err := chat.Collect(events(in))
			message := failed(err)
			if err == nil {
				if message, err = a.reply.Response(head(), resp); err != nil {
					t.Fatal(err)
				}
			}
			checkSame(t, a.encode(events(in)), message)
		}
	})
}

// events are those that the bytes stand for, up to a finish or a failure.
func events(in []byte) iter.Seq2[chat.Event, error] {
	signature := &chat.Signature{Family: "gemini-3", Value: "c2ln"}
	kinds := map[byte]chat.Event{
		't': {Kind: chat.EventText, Text: "a\n\"é"},
		'w': {Kind: chat.EventText, Raw: []byte(`" \\ "`)},
		's': {Kind: chat.EventText, Signature: signature},
		'x': {Kind: chat.EventText, Text: "b", Signature: signature},
		'T': {Kind: chat.EventThought, Text: "h\xffm"},
		'S': {Kind: chat.EventThought, Signature: signature},
		'X': {Kind: chat.EventThought, Text: "k", Signature: signature},
		'c': {Kind: chat.EventCall, Call: &chat.Call{Name: "f", Args: []byte(`{"a":1}`)}, Signature: signature},
		'n': {Kind: chat.EventCall, Call: &chat.Call{ID: "i", Name: "n__f"}},
	}
	stops := map[byte]chat.StopReason{'m': chat.StopMaxTokens, 'r': chat.StopRefusal, 'u': chat.StopToolUse}
	return func(yield func(chat.Event, error) bool) {
		finish := chat.Event{Kind: chat.EventFinish, Finish: chat.Finish{Stop: chat.StopEndTurn}, Usage: chat.Usage{Input: 3, Cached: 2, Output: 5, Thinking: 1}}
		if !yield(chat.Event{Kind: chat.EventStart, ID: "r", Model: "m"}, nil) {
			return
		}
		for _, b := range in {
			if stop, ok := stops[b]; ok {
				finish.Finish.Stop = stop
				break
			}
			if b == 'e' {
				yield(chat.Event{}, &chat.Error{Kind: chat.KindOverloaded, Message: "busy"})
				return
			}
			if ev, ok := kinds[b]; ok && !yield(ev, nil) {
				return
			}
		}
		yield(finish, nil)
	}
}

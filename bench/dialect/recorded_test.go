package dialect_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
)

var update = flag.Bool("update", false, "rewrite the golden files with what the code does now")

// A recording is an answer as it came over the wire.
type recording struct {
	name    string
	dialect dialect.Dialect
	media   string
	wire    []byte
	cut     bool // the connection broke at its end
}

// recordings returns the answers in testdata, of one dialect or, for "", of
// all. A file lies in the directory of its dialect, tells what it shows, and
// holds:
//
//	CONTENT/TYPE   the bytes; ␍ is a carriage return, which editors would eat
//	answer.json    what must be read off them
//
// An event arrives at the instant of its number, and the end of the body one
// later, unless the text says "EOF: none".
func recordings(t testing.TB, of string) []recording {
	t.Helper()
	var list []recording
	for _, name := range dialect.Names() {
		if of != "" && name != of {
			continue
		}
		d, err := dialect.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob("testdata/" + name + "/*.txtar")
		if err != nil || len(files) == 0 && name != "http-post" {
			t.Fatalf("%s: no recordings: %v", name, err)
		}
		for _, file := range files {
			archive, err := txtar.ParseFile(file)
			if err != nil || len(archive.Files) == 0 {
				t.Fatalf("%s: no answer: %v", file, err)
			}
			list = append(list, recording{
				name: file, dialect: d, media: archive.Files[0].Name,
				wire: bytes.ReplaceAll(archive.Files[0].Data, []byte("␍"), []byte("\r")),
				cut:  bytes.Contains(archive.Comment, []byte("EOF: none")),
			})
		}
	}
	return list
}

// pieces are the bytes event by event: up to a blank line, or to the end of a
// line in JSON.
func (r *recording) pieces() (list [][]byte) {
	begin := 0
	for at, c := range r.wire {
		line := bytes.TrimRight(r.wire[begin:at+1], "\r\n")
		blank := bytes.HasSuffix(bytes.ReplaceAll(r.wire[:at+1], []byte("\r"), nil), []byte("\n\n"))
		if c == '\n' && (blank || r.media != "text/event-stream") && len(line) > 0 {
			list = append(list, r.wire[begin:at+1])
			begin = at + 1
		}
	}
	if begin < len(r.wire) {
		list = append(list, r.wire[begin:])
	}
	return list
}

func (r *recording) open(t testing.TB) dialect.Stream {
	t.Helper()
	s, err := r.dialect.Open(r.media)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// read feeds the pieces at the instants 1, 2, … and returns those at which a
// token and the end were seen.
func (r *recording) read(t testing.TB) (a dialect.Answer, tokens, end []int) {
	t.Helper()
	s, n := r.open(t), 0
	for i, piece := range r.pieces() {
		n = i + 1
		seen := s.Feed(piece, int64(n))
		if seen.Token {
			tokens = append(tokens, n)
		}
		if seen.End {
			end = append(end, n)
		}
	}
	if !r.cut {
		s.EOF(int64(n + 1))
	}
	if s.Size() > 2*len(r.wire)+16 { // one frame alone is held twice
		t.Errorf("holds %d bytes of %d", s.Size(), len(r.wire))
	}
	return s.Answer(), tokens, end
}

// A shown answer leaves out what there is none of.
type shown struct {
	FirstEvent   int64          `json:"first_event,omitzero"`
	FirstToken   int64          `json:"first_token,omitzero"`
	FirstText    int64          `json:"first_text,omitzero"`
	Last         int64          `json:"last_content,omitzero"`
	End          int64          `json:"end,omitzero"`
	Gaps         []int64        `json:"gaps,omitempty"`
	Events       int            `json:"token_events,omitzero"`
	SeenToken    []int          `json:"token_seen,omitempty"` // while reading
	SeenEnd      []int          `json:"end_seen,omitempty"`
	Text         string         `json:"text,omitzero"`
	Thought      string         `json:"thought,omitzero"`
	Calls        []dialect.Call `json:"calls,omitempty"`
	Finish, Stop string         `json:",omitzero"`
	Usage        dialect.Usage  `json:"usage,omitzero"`
	Fault        dialect.Fault  `json:"fault,omitzero"`
	Code         string         `json:"code,omitzero"`
	Message      string         `json:"message,omitzero"`
}

func show(a dialect.Answer, tokens, end []int) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(shown{
		FirstEvent: a.FirstEvent, FirstToken: a.FirstToken, FirstText: a.FirstText, Last: a.Last, End: a.End, Gaps: a.Gaps,
		Events: a.Events, SeenToken: tokens, SeenEnd: end, Text: a.Text, Thought: a.Thought, Calls: a.Calls,
		Finish: a.Finish, Stop: a.Stop, Usage: a.Usage, Fault: a.Fault, Code: a.Code, Message: a.Message,
	}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// TestRecorded holds every reader to the recordings of its API.
func TestRecorded(t *testing.T) {
	for _, r := range recordings(t, "") {
		t.Run(strings.TrimPrefix(r.name, "testdata/"), func(t *testing.T) {
			a, tokens, end := r.read(t)
			consistent(t, a)
			for _, at := range []int64{a.FirstToken, a.FirstText, a.Last} {
				if at != 0 && int(at) <= len(r.pieces()) && !slices.Contains(tokens, int(at)) { // else the end of the body closed it
					t.Errorf("the token at %d was not seen while reading: %d", at, tokens)
				}
			}
			archive, err := txtar.ParseFile(r.name)
			if err != nil {
				t.Fatal(err)
			}
			want := txtar.Format(archive)
			archive.Files = append(archive.Files[:1], txtar.File{Name: "answer.json", Data: show(a, tokens, end)})
			got := txtar.Format(archive)
			if *update && !bytes.Equal(got, want) {
				if err := os.WriteFile(r.name, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the reader differs (-want +got), -update rewrites it:\n%s", diff)
			}
		})
	}
}

// consistent holds an answer to what is true of all.
func consistent(t *testing.T, a dialect.Answer) {
	t.Helper()
	if len(a.Gaps) != max(0, a.Events-1) || a.Coalesced > max(0, a.Events-1) {
		t.Errorf("%d gaps and %d coalesced of %d events", len(a.Gaps), a.Coalesced, a.Events)
	}
	if (a.Events > 0) != (a.FirstToken != 0) || (a.Text != "") != (a.FirstText != 0) {
		t.Errorf("content without an instant, or the other way round: %+v", a)
	}
	sum := a.FirstToken
	for _, gap := range a.Gaps {
		sum += gap
	}
	if a.Events > 1 && sum != a.Last {
		t.Errorf("first token and gaps make %d, the last is at %d", sum, a.Last)
	}
	if a.Fault == "" && (a.End == 0 || a.Events == 0) || (a.Fault == "") != (a.Message == "") {
		t.Errorf("fault %q (%s) at end %d after %d events", a.Fault, a.Message, a.End, a.Events)
	}
	if u := a.Usage; !u.Reported && u != (dialect.Usage{}) {
		t.Errorf("counts that nobody reported: %+v", u)
	}
}

// TestSplitAnywhere holds that where a Read ends changes nothing but stamps:
// with one stamp for all, nothing at all but how many events shared a piece.
// Every place is cut once, many at a time, and all of them together.
func TestSplitAnywhere(t *testing.T) {
	const apart = 13
	for _, r := range recordings(t, "") {
		want, wantSeen := r.splitAt(t, func(int) bool { return false })
		for at := range apart {
			got, seen := r.splitAt(t, func(i int) bool { return i%apart == at })
			if diff := cmp.Diff(want, got); diff != "" || seen != wantSeen {
				t.Fatalf("%s cut at %d of %d: seen %+v, want %+v; -at once +in pieces:\n%s", r.name, at, apart, seen, wantSeen, diff)
			}
		}
		bytewise, _ := r.splitAt(t, func(int) bool { return true })
		if diff := cmp.Diff(want, bytewise); diff != "" {
			t.Errorf("%s: -at once +byte by byte:\n%s", r.name, diff)
		}
	}
}

// splitAt reads the whole with one stamp, in pieces that begin where cut says.
func (r *recording) splitAt(t testing.TB, cut func(at int) bool) (dialect.Answer, dialect.Seen) {
	t.Helper()
	s := r.open(t)
	var all dialect.Seen
	feed := func(p []byte) {
		seen := s.Feed(p, 5)
		all.Token, all.End = all.Token || seen.Token, all.End || seen.End
	}
	begin := 0
	for at := range r.wire {
		if cut(at) {
			feed(r.wire[begin:at])
			begin = at
		}
	}
	feed(r.wire[begin:])
	if !r.cut {
		s.EOF(6)
	}
	a := s.Answer()
	a.Coalesced = 0
	return a, all
}

// fuzzReader holds the same of any bytes, and of the answer whatever they are.
func fuzzReader(f *testing.F, name string) {
	f.Helper()
	var media []string
	for _, r := range recordings(f, name) {
		if !slices.Contains(media, r.media) {
			media = append(media, r.media)
		}
		f.Add(r.wire, uint64(0xf0f0f0f0f0), uint8(slices.Index(media, r.media)))
	}
	f.Add([]byte("data: {\n\n:\n\nx\n\n\r\n\n\r"), uint64(0xaaaa), uint8(0))
	d, err := dialect.ByName(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, wire []byte, cuts uint64, kind uint8) {
		r := recording{dialect: d, media: media[int(kind)%len(media)], wire: wire}
		want, wantSeen := r.splitAt(t, func(int) bool { return false })
		got, seen := r.splitAt(t, func(at int) bool { return cuts>>(at%64)&1 == 1 })
		if diff := cmp.Diff(want, got); diff != "" || seen != wantSeen {
			t.Errorf("seen %+v, want %+v; -at once +in pieces:\n%s", seen, wantSeen, diff)
		}
		consistent(t, got)
	})
}

func FuzzAnthropic(f *testing.F)       { fuzzReader(f, "anthropic") }
func FuzzOpenAIChat(f *testing.F)      { fuzzReader(f, "openai-chat") }
func FuzzOpenAIResponses(f *testing.F) { fuzzReader(f, "openai-responses") }
func FuzzGemini(f *testing.F)          { fuzzReader(f, "gemini") }
func FuzzHTTP(f *testing.F)            { fuzzReader(f, "http") }

// TestSharedStamps holds that events of one Read share its stamp, and are
// counted as having come together.
func TestSharedStamps(t *testing.T) {
	for _, name := range []string{"anthropic/text", "openai-chat/text", "openai-responses/text", "gemini/text", "gemini/json_lines"} {
		i := slices.IndexFunc(recordings(t, ""), func(r recording) bool { return r.name == "testdata/"+name+".txtar" })
		r := recordings(t, "")[i]
		apart, _, _ := r.read(t)
		s := r.open(t)
		s.Feed(r.wire, 3)
		s.EOF(4)
		together := s.Answer()
		if apart.Coalesced != 0 || together.Coalesced != 1 || together.Events != 2 || together.Last != 3 || together.FirstEvent != 3 {
			t.Errorf("%s: %d together of %d, event by event %d", name, together.Coalesced, together.Events, apart.Coalesced)
		}
	}
}

// TestHalfALine holds that what a cut left of a line never arrived, and that
// behind an end it is no part of the framing.
func TestHalfALine(t *testing.T) {
	for _, tt := range []struct {
		wire string
		want dialect.Fault
	}{
		{"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]", dialect.NoTerminator},
		{"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]\n", ""},
		{"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]\n\nda", dialect.BadFrame},
		{"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]\n\n\n ", ""},
	} {
		s, err := dialect.OpenAIChat{}.Open("text/event-stream")
		if err != nil {
			t.Fatal(err)
		}
		s.Feed([]byte(tt.wire), 1)
		s.EOF(2)
		if a := s.Answer(); a.Fault != tt.want || a.Text != "x" {
			t.Errorf("%q: %q (%s) of text %q, want %q", tt.wire, a.Fault, a.Message, a.Text, tt.want)
		}
	}
}

func TestFeedDoesNotKeepTheBuffer(t *testing.T) {
	for _, r := range recordings(t, "") {
		if !strings.HasSuffix(r.name, "/text.txtar") {
			continue
		}
		want, _ := r.splitAt(t, func(int) bool { return false })
		s, buffer := r.open(t), bytes.Clone(r.wire)
		s.Feed(buffer, 5)
		clear(buffer)
		s.EOF(6)
		if got := s.Answer(); got.Text != want.Text || got.Fault != "" {
			t.Errorf("%s: %+v", r.name, got)
		}
	}
}

// TestLookKnowsTextFromJSON holds that the words by which tokens and ends are
// seen without decoding do nothing within a text.
func TestLookKnowsTextFromJSON(t *testing.T) {
	for name, words := range map[string]string{
		"anthropic":        `\"text_delta\" \"message_stop\"`,
		"openai-chat":      `\"content\":\"x\" [DONE]`,
		"openai-responses": `\"response.output_text.delta\" \"delta\":\"x\" \"response.completed\"`,
		"gemini":           `\"text\":\"x\" \"functionCall\" \"finishReason\":\"STOP\"`,
	} {
		d, err := dialect.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Open("text/event-stream")
		if err != nil {
			t.Fatal(err)
		}
		if seen := s.Feed([]byte("data: {\"x\":\""+words+"\",\"content\":\"\",\"text\":\"\"}\n\n"), 1); seen != (dialect.Seen{}) {
			t.Errorf("%s: saw %+v in a text", name, seen)
		}
	}
}

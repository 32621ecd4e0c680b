package dialect_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var tag = dialect.Tag{Item: "chat-1", Occurrence: 3, Nonce: "00112233445566ff"}

// item is a conversation whose texts hold what no Go string can: a surrogate
// without its other half.
func item() *datasets.Item {
	return &datasets.Item{
		ID:     "chat-1",
		System: json.RawMessage(`"Be \ud83d brief </system>"`),
		Messages: []datasets.Message{
			{Role: "user", Content: json.RawMessage(`"H\u00e9llo\n\ud800 \ud83d\ude00"`)},
			{Role: "assistant", Content: json.RawMessage(`"Hi"`)},
			{Role: "user", Content: json.RawMessage(`"Bye"`)},
		},
		MaxTokens: 256,
		Stop:      []string{"END", "<\u2028>"},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-golden +got):\n%s", path, diff)
	}
}

func TestRequestGolden(t *testing.T) {
	system := item()
	plain := item()
	plain.System, plain.Stop = nil, nil
	for name, it := range map[string]*datasets.Item{"with_system.json": system, "without_system.json": plain} {
		r, err := dialect.Anthropic{}.Request(it, `model "x"`, tag)
		if err != nil {
			t.Fatal(err)
		}
		if r.Method != "POST" || r.Path != "/v1/messages" || r.Header.Get("anthropic-version") != "2023-06-01" || r.Header.Get("content-type") != "application/json" {
			t.Errorf("%s %s %v", r.Method, r.Path, r.Header)
		}
		golden(t, name, append(r.Body, '\n'))
	}
	if !bytes.HasPrefix(plain.Messages[0].Content, []byte(`"H`)) || !bytes.HasPrefix(system.System, []byte(`"Be`)) {
		t.Error("the item was changed")
	}
}

// TestEveryItemGoesOutVerbatim holds over the whole built-in dataset that only
// the tag is added to the texts.
func TestEveryItemGoesOutVerbatim(t *testing.T) {
	set, err := datasets.Default()
	if err != nil {
		t.Fatal(err)
	}
	for i := range set.Items {
		it := &set.Items[i]
		r, err := dialect.Anthropic{}.Request(it, "m", dialect.Tag{Item: it.ID, Occurrence: 1, Nonce: "0"})
		if err != nil {
			t.Fatal(err)
		}
		var body struct {
			Model     string
			MaxTokens int `json:"max_tokens"`
			Stream    bool
			System    json.RawMessage
			Stop      []string `json:"stop_sequences"`
			Messages  []datasets.Message
		}
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatalf("%s: %v", it.ID, err)
		}
		head := "\"[firstbyte item=" + it.ID + " occ=1 nonce=0] "
		untag := func(text json.RawMessage) string {
			rest, ok := strings.CutPrefix(string(text), head)
			if !ok {
				t.Errorf("%s: no tag at the head of %.60s", it.ID, text)
			}
			return `"` + rest
		}
		wantSystem, texts := string(it.System), body.Messages
		if wantSystem != "" {
			if got := untag(body.System); got != wantSystem {
				t.Errorf("%s: system %s, want %s", it.ID, got, wantSystem)
			}
		} else if len(texts) > 0 {
			texts[0].Content = json.RawMessage(untag(texts[0].Content))
		}
		if diff := cmp.Diff(it.Messages, texts); diff != "" {
			t.Errorf("%s: -want +got:\n%s", it.ID, diff)
		}
		if body.Model != "m" || !body.Stream || body.MaxTokens != it.MaxTokens || !slices.Equal(body.Stop, it.Stop) {
			t.Errorf("%s: %+v", it.ID, body)
		}
	}
}

func TestRequestRefusesWhatItCannotTag(t *testing.T) {
	for _, text := range []string{``, `[]`, `7`, `"`} {
		it := item()
		it.System = nil
		it.Messages[0].Content = json.RawMessage(text)
		if _, err := (dialect.Anthropic{}).Request(it, "m", tag); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
	if _, err := (dialect.Anthropic{}).Request(&datasets.Item{ID: "x"}, "m", tag); err == nil {
		t.Error("accepted an item without messages")
	}
}

func TestRefusal(t *testing.T) {
	for body, want := range map[string][2]string{
		`{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}`: {"rate_limit_error", "slow down"},
		`{"error":"text"}`:  {"", ""},
		`<html>`:            {"", ""},
		``:                  {"", ""},
		`{"type":"error"}`:  {"", ""},
		`{"error":{"type":`: {"", ""},
	} {
		if code, message := (dialect.Anthropic{}).Refusal([]byte(body)); code != want[0] || message != want[1] {
			t.Errorf("%s: %q, %q", body, code, message)
		}
	}
}

// A piece is what one Read brought, and when.
type piece struct {
	text string
	at   int64
}

func frames(events ...string) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString("event: x\ndata: " + e + "\n\n")
	}
	return b.String()
}

const (
	start    = `{"type":"message_start","message":{"usage":{"input_tokens":10,"output_tokens":1,"cache_read_input_tokens":4}}}`
	block    = `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`
	ping     = `{"type":"ping"}`
	hello    = `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}`
	there    = `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" there"}}`
	nothing  = `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}`
	thought  = `{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}`
	sign     = `{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"abc"}}`
	argument = `{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}`
	stop     = `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":42}}`
	end      = `{"type":"message_stop"}`
	overload = `{"type":"error","error":{"type":"overloaded_error","message":"busy"}}`
)

var used = dialect.Usage{Input: 10, Output: 42, Cached: 4, Reported: true}

func TestAnswer(t *testing.T) {
	for _, row := range []struct {
		name   string
		pieces []piece
		want   dialect.Answer
	}{
		{
			"text",
			[]piece{{frames(start, block), 10}, {frames(ping), 11}, {frames(hello), 20}, {frames(there), 50}, {frames(stop, end), 60}},
			dialect.Answer{FirstEvent: 10, FirstToken: 20, FirstText: 20, Last: 50, End: 60, Gaps: []int64{30}, Events: 2, Text: "Hello there", Finish: "end_turn", Usage: used},
		},
		{
			"several events in one Read share its stamp",
			[]piece{{frames(start), 10}, {frames(hello, there, there), 20}, {frames(there, stop, end), 30}},
			dialect.Answer{FirstEvent: 10, FirstToken: 20, FirstText: 20, Last: 30, End: 30, Gaps: []int64{0, 0, 10}, Events: 4, Coalesced: 2, Text: "Hello there there there", Finish: "end_turn", Usage: used},
		},
		{
			"an event in two Reads counts when it is whole",
			[]piece{{frames(start) + "data: " + hello[:30], 10}, {hello[30:] + "\n", 20}, {"\n" + frames(stop, end), 30}},
			dialect.Answer{FirstEvent: 10, FirstToken: 30, FirstText: 30, Last: 30, End: 30, Events: 1, Text: "Hello", Finish: "end_turn", Usage: used},
		},
		{
			"reasoning and tool arguments are tokens, signatures and empty deltas are not",
			[]piece{{frames(start, nothing), 10}, {frames(thought), 20}, {frames(sign), 30}, {frames(argument), 40}, {frames(hello), 50}, {frames(stop, end), 60}},
			dialect.Answer{FirstEvent: 10, FirstToken: 20, FirstText: 50, Last: 50, End: 60, Gaps: []int64{20, 10}, Events: 3, Text: "Hello", Finish: "end_turn", Usage: used},
		},
		{
			"CRLF, comments, retry, ids, data in two lines, unknown events",
			[]piece{{": hi\r\n\r\nretry: 5\r\n\r\n", 5}, {strings.ReplaceAll(frames(start, `{"type":"news"}`), "\n", "\r\n"), 10}, {"id: 7\ndata:{\"type\":\ndata: \"ping\"}\n\n\n\n", 15}, {frames(hello, stop, end), 20}},
			dialect.Answer{FirstEvent: 10, FirstToken: 20, FirstText: 20, Last: 20, End: 20, Events: 1, Text: "Hello", Finish: "end_turn", Usage: used},
		},
		{
			"error event",
			[]piece{{frames(start, hello, overload), 10}},
			dialect.Answer{FirstEvent: 10, FirstToken: 10, FirstText: 10, Last: 10, Events: 1, Text: "Hello", Usage: dialect.Usage{Input: 10, Output: 1, Cached: 4, Reported: true}, Fault: dialect.ErrorEvent, Code: "overloaded_error", Message: "busy"},
		},
		{
			"an error event explains more than broken JSON before it",
			[]piece{{"data: {\n\n" + frames(overload), 10}},
			dialect.Answer{FirstEvent: 10, Fault: dialect.ErrorEvent, Code: "overloaded_error", Message: "busy"},
		},
		{
			"no terminator",
			[]piece{{frames(hello) + "data: " + there, 10}},
			dialect.Answer{FirstEvent: 10, FirstToken: 10, FirstText: 10, Last: 10, Events: 1, Text: "Hello", Fault: dialect.NoTerminator, Message: "the stream ended without message_stop"},
		},
		{
			"nothing said",
			[]piece{{frames(start, stop, end), 10}},
			dialect.Answer{FirstEvent: 10, End: 10, Finish: "end_turn", Usage: used, Fault: dialect.Empty, Message: "the answer has no content"},
		},
		{
			"no bytes", nil,
			dialect.Answer{Fault: dialect.NoTerminator, Message: "the stream ended without message_stop"},
		},
		{
			"JSON lines instead of events",
			[]piece{{hello + "\n\n" + end + "\n\n", 10}},
			dialect.Answer{Fault: dialect.BadFrame, Message: `a line that is no server-sent event: "{\"type\":\"content_block_delta\",\"index\":0,"`},
		},
		{
			"an event without data",
			[]piece{{"event: ping\n\n" + frames(hello, end), 10}},
			dialect.Answer{FirstEvent: 10, FirstToken: 10, FirstText: 10, Last: 10, End: 10, Events: 1, Text: "Hello", Fault: dialect.BadJSON, Message: "event of 0 bytes: unexpected end of JSON input"},
		},
		{
			"an event without a type",
			[]piece{{frames(`{}`, hello, end), 10}},
			dialect.Answer{FirstEvent: 10, FirstToken: 10, FirstText: 10, Last: 10, End: 10, Events: 1, Text: "Hello", Fault: dialect.BadJSON, Message: "an event without a type"},
		},
		{
			"bytes after the end",
			[]piece{{frames(hello, end) + "x", 10}},
			dialect.Answer{FirstEvent: 10, FirstToken: 10, FirstText: 10, Last: 10, End: 10, Events: 1, Text: "Hello", Fault: dialect.BadFrame, Message: "bytes after the last frame"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := dialect.Anthropic{}.Open()
			size := 0
			for _, p := range row.pieces {
				s.Feed([]byte(p.text), p.at)
				size += len(p.text)
			}
			if s.Size() != size {
				t.Errorf("holds %d bytes of %d", s.Size(), size)
			}
			if diff := cmp.Diff(row.want, s.Answer()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSeen(t *testing.T) {
	for text, want := range map[string]dialect.Seen{
		frames(start, block, ping): {},
		frames(sign):               {},
		frames(hello):              {Token: true},
		frames(thought):            {Token: true},
		frames(argument):           {Token: true},
		frames(end):                {End: true},
		frames(hello, end):         {Token: true, End: true},
		frames(hello)[:40]:         {},
		frames(`{"x":"\"text_delta\" \"message_stop\""}`): {},
	} {
		if got := (dialect.Anthropic{}).Open().Feed([]byte(text), 1); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func TestFeedDoesNotKeepTheBuffer(t *testing.T) {
	s := dialect.Anthropic{}.Open()
	buffer := []byte(frames(hello, stop, end))
	s.Feed(buffer, 1)
	clear(buffer)
	if got := s.Answer(); got.Text != "Hello" {
		t.Errorf("got %+v", got)
	}
}

// FuzzSplit holds that where a stream is split changes nothing but stamps: with
// one stamp for all, nothing at all but how many events shared a piece.
func FuzzSplit(f *testing.F) {
	whole := frames(start, block, ping, hello, thought, there, argument, stop, end)
	f.Add([]byte(whole), uint64(1))
	f.Add([]byte(strings.ReplaceAll(whole, "\n", "\r\n")), uint64(0xf0f0f0f0f0))
	f.Add([]byte(frames(hello, overload)), uint64(7))
	f.Add([]byte("data: {\n\n:\n\nx\n\n\r\n\n\r"), uint64(0xaaaa))
	f.Fuzz(func(t *testing.T, data []byte, cuts uint64) {
		atOnce := dialect.Anthropic{}.Open()
		one := atOnce.Feed(data, 5)
		pieces := dialect.Anthropic{}.Open()
		var many dialect.Seen
		begin := 0
		for i := range data {
			if cuts>>(i%64)&1 == 1 {
				seen := pieces.Feed(data[begin:i], 5)
				many.Token, many.End = many.Token || seen.Token, many.End || seen.End
				begin = i
			}
		}
		seen := pieces.Feed(data[begin:], 5)
		many.Token, many.End = many.Token || seen.Token, many.End || seen.End
		if one != many {
			t.Errorf("seen at once %+v, in pieces %+v", one, many)
		}
		want, got := atOnce.Answer(), pieces.Answer()
		if want.Events > 0 && want.Coalesced != want.Events-1 {
			t.Errorf("%d of %d events coalesced in one piece", want.Coalesced, want.Events)
		}
		if len(want.Gaps) != max(0, want.Events-1) || want.FirstText != 0 && want.FirstToken == 0 {
			t.Errorf("inconsistent: %+v", want)
		}
		want.Coalesced, got.Coalesced = 0, 0
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-at once +in pieces:\n%s", diff)
		}
	})
}

// TestFeedAllocates bounds what the read loop costs: for an answer of usual
// size nothing but the first room, whatever the number of events.
func TestFeedAllocates(t *testing.T) {
	event := []byte(frames(hello))
	const events = 90
	perStream := testing.AllocsPerRun(100, func() {
		s := dialect.Anthropic{}.Open()
		for i := range events {
			s.Feed(event, int64(i))
		}
	})
	if perStream > 3 {
		t.Errorf("%v allocations for a stream of %d events, want at most 3", perStream, events)
	}
}

func BenchmarkFeed(b *testing.B) {
	event := []byte(frames(hello))
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	s := dialect.Anthropic{}.Open()
	n := int64(0)
	for b.Loop() {
		if n++; n%100 == 0 {
			s = dialect.Anthropic{}.Open()
		}
		s.Feed(event, n)
	}
}

func BenchmarkAnswer(b *testing.B) {
	s := dialect.Anthropic{}.Open()
	for i := range 50 {
		s.Feed([]byte(frames(hello)), int64(i+1))
	}
	b.ReportAllocs()
	for b.Loop() {
		if s.Answer().Events != 50 {
			b.Fatal("lost events")
		}
	}
}

func TestCalls(t *testing.T) {
	s := dialect.Anthropic{}.Open()
	s.Feed([]byte(`data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"weather","input":{}}}

data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"city\":"}}

data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"b","name":"clock","input":{}}}

data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"\"Ulm\"}"}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"lost"}}

data: {"type":"message_stop"}

`), 1)
	want := []dialect.Call{{Tool: "weather", Arguments: `{"city":"Ulm"}`}, {Tool: "clock"}}
	if diff := cmp.Diff(want, s.Answer().Calls); diff != "" {
		t.Error(diff)
	}
}

func TestToolsGoOut(t *testing.T) {
	it := item()
	it.Tools = []datasets.Tool{{Name: "clock", Schema: json.RawMessage(`{"type":"object"}`)}}
	r, err := dialect.Anthropic{}.Request(it, "m", tag)
	if err != nil {
		t.Fatal(err)
	}
	var body struct{ Tools []datasets.Tool }
	if err := json.Unmarshal(r.Body, &body); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(it.Tools, body.Tools); diff != "" {
		t.Error(diff)
	}
}

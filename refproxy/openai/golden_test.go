package openai_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/openai"
)

// The codecs never import each other, but their tests may: what counts is what
// comes out at the other end.

var update = flag.Bool("update", false, "rewrite the golden files with what the code does now")

// TestGolden runs the conversions in testdata. A file names the rule it guards
// and holds what goes in (chat.json or responses.json, by the API, upstream.*)
// beside what must come out:
//
//	chat.json              what the client sends to /v1/chat/completions, or
//	responses.json         to /v1/responses
//	error.json             the answer to a request that is refused, or
//	upstream-request.json  what the upstream gets
//	upstream.sse           what the upstream streams, or
//	upstream.json          what the upstream answers as JSON, or
//	upstream.error         its failure: status line, headers, blank line, body
//	stream.sse             what the client gets of that as a stream
//	message.json           and as a whole, or the failure in its place
//
// Answers are those to the request before them. Whole and streamed answers must
// say the same, which the files alone cannot show: see checkSame.
func TestGolden(t *testing.T) {
	for _, file := range goldens(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			in, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(in.Comment, []byte("Rule: ")) {
				t.Error("the file does not name its rule")
			}
			got := txtar.Format(&txtar.Archive{Comment: in.Comment, Files: convert(t, in)})
			want := txtar.Format(in)
			if *update && !bytes.Equal(got, want) {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("conversion differs (-want +got), -update rewrites it:\n%s", diff)
			}
		})
	}
}

func goldens(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	return files
}

// A reply is what both APIs have.
type reply interface {
	Response(openai.Head, chat.Response) ([]byte, error)
}

// An encoder is what both streams have.
type encoder interface {
	Start(chat.Usage) error
	Event(chat.Event) error
	Ping() error
	Error(error, string) error
	Ended() bool
}

// An api is one of the two, with the request that was made of it.
type api struct {
	req     chat.Request
	reply   reply
	encoder func(io.Writer, openai.Head) encoder
}

// decode reads a request of the API that the member's name says.
func decode(name string, body []byte) (api, error) {
	if name == "responses.json" {
		req, reply, err := openai.DecodeResponses(body)
		return api{req, reply, func(w io.Writer, h openai.Head) encoder { return reply.Encoder(w, h) }}, err
	}
	req, reply, err := openai.DecodeChat(body)
	return api{req, reply, func(w io.Writer, h openai.Head) encoder { return reply.Encoder(w, h) }}, err
}

// head is the same in every golden file; ids count up.
func head() openai.Head {
	n := 0
	return openai.Head{ID: "1", Created: time.Unix(1_790_000_000, 0), NewID: func() string {
		n++
		return strconv.Itoa(n)
	}}
}

// convert keeps the inputs of a case and works out its outputs.
func convert(t *testing.T, in *txtar.Archive) []txtar.File {
	var out []txtar.File
	add := func(name string, data []byte) {
		out = append(out, txtar.File{Name: name, Data: line(data)})
	}
	a, err := decode("chat.json", []byte(`{"model":"m","messages":[{"role":"user","content":"a"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range in.Files {
		switch f.Name {
		case "chat.json", "responses.json":
			out = append(out, f)
			var name string
			var data []byte
			a, name, data = request(f, a)
			add(name, data)
		case "upstream.sse", "upstream.json", "upstream.error":
			out = append(out, f)
			message := a.whole(f)
			if f.Name == "upstream.sse" {
				stream := a.streamed(t, f)
				checkSame(t, stream, message)
				// Two line feeds at the end of a member do not survive editors.
				add("stream.sse", append(bytes.TrimSuffix(stream, []byte("\n\n")), '\n'))
			}
			add("message.json", indent(message))
		}
	}
	return out
}

func line(b []byte) []byte {
	if len(b) > 0 && b[len(b)-1] != '\n' {
		b = append(b, '\n')
	}
	return b
}

// request returns the API of f, or that before it if f is refused.
func request(f txtar.File, before api) (a api, name string, data []byte) {
	a, err := decode(f.Name, bytes.TrimSuffix(f.Data, []byte("\n")))
	if err == nil {
		var body []byte
		if body, err = gemini.EncodeRequest(a.req); err == nil {
			return a, "upstream-request.json", indent(body)
		}
	}
	return before, "error.json", failed(err)
}

func failed(err error) []byte {
	status, header, body := openai.EncodeError(err, "req_1")
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP %d\n", status)
	for _, name := range []string{"Retry-After", "X-Should-Retry"} {
		if v := header.Get(name); v != "" {
			b.WriteString(name + ": " + v + "\n")
		}
	}
	b.Write(indent(body))
	return b.Bytes()
}

func indent(b []byte) []byte {
	v := jsontext.Value(bytes.Clone(b))
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return b // a failure, with its status
	}
	return v
}

// streamed goes both ways of the converter flag, which must not differ.
func (a api) streamed(t *testing.T, f txtar.File) []byte {
	dec := gemini.NewDecoder(a.req)
	canonical := a.encode(dec.Stream(bytes.NewReader(unescape(f.Data))))
	fast := a.encode(dec.FastStream(bytes.NewReader(unescape(f.Data))))
	if diff := cmp.Diff(string(canonical), string(fast)); diff != "" {
		t.Errorf("the fast path differs (-canonical +fast):\n%s", diff)
	}
	return canonical
}

// encode is the relay at its shortest: events in, the client's stream out.
func (a api) encode(events iter.Seq2[chat.Event, error]) []byte {
	var out bytes.Buffer
	enc := a.encoder(&out, head())
	for ev, err := range events {
		if err == nil {
			err = enc.Event(ev)
		}
		if err != nil {
			// A buffer takes every write.
			_ = enc.Error(err, "req_1")
			break
		}
	}
	return out.Bytes()
}

// unescape lets a file hold carriage returns that survive editors.
func unescape(b []byte) []byte { return bytes.ReplaceAll(b, []byte("␍"), []byte("\r")) }

func (a api) whole(f txtar.File) []byte {
	var resp chat.Response
	var err error
	dec := gemini.NewDecoder(a.req)
	switch f.Name {
	case "upstream.error":
		err = upstreamFailure(f.Data)
	case "upstream.json":
		resp, err = dec.Response(bytes.TrimSpace(f.Data))
	default:
		resp, err = chat.Collect(dec.Stream(bytes.NewReader(unescape(f.Data))))
	}
	if err == nil {
		var body []byte
		if body, err = a.reply.Response(head(), resp); err == nil {
			return body
		}
	}
	return failed(err)
}

// upstreamFailure reads "STATUS\nHeader: value\n\nbody".
func upstreamFailure(data []byte) error {
	top, body, _ := strings.Cut(string(data), "\n\n")
	lines := strings.Split(top, "\n")
	status, err := strconv.Atoi(lines[0])
	if err != nil {
		return err
	}
	header := http.Header{}
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ": ")
		header.Set(name, value)
	}
	return gemini.DecodeError(status, header, []byte(strings.TrimSpace(body)))
}

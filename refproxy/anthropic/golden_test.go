package anthropic_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/refproxy/anthropic"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
)

// The codecs never import each other, but their tests may: what counts is what
// comes out at the other end.

var update = flag.Bool("update", false, "rewrite the golden files with what the code does now")

// TestGolden runs the conversions in testdata. A file names the rule it guards
// and holds what goes in (request.json, upstream.*) beside what must come out:
//
//	request.json           what the client sends
//	canonical.txt          what it says, where the file asks for it
//	error.json             the answer to a request that is refused, or
//	upstream-request.json  what the upstream gets; left out beside an answer
//	upstream.sse           what the upstream streams, or
//	upstream.json          what the upstream answers as JSON, or
//	upstream.error         its failure: status line, headers, blank line, body
//	stream.sse             what the client gets of that as a stream
//	message.json           and as a whole, or the failure in its place
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
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

// convert keeps the inputs of a case and works out its outputs.
func convert(t *testing.T, in *txtar.Archive) []txtar.File {
	var out []txtar.File
	add := func(name string, data []byte) {
		out = append(out, txtar.File{Name: name, Data: line(data)})
	}
	has := func(name string) bool {
		return slices.ContainsFunc(in.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, name) })
	}
	var req chat.Request
	for _, f := range in.Files {
		switch f.Name {
		case "request.json":
			out = append(out, f)
			var err error
			req, err = anthropic.DecodeRequest(bytes.TrimSuffix(f.Data, []byte("\n")))
			if has("canonical.txt") {
				add("canonical.txt", []byte(describe(req)))
			}
			if err != nil || !has("upstream.") {
				add(sent(req, err))
			}
		case "upstream.sse", "upstream.json", "upstream.error":
			out = append(out, f)
			add("stream.sse", streamed(t, req, f))
			add("message.json", whole(req, f))
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

// sent returns what became of a request.
func sent(req chat.Request, err error) (name string, data []byte) {
	if err == nil {
		var up []byte
		if up, err = gemini.EncodeRequest(req); err == nil {
			return "upstream-request.json", indent(up)
		}
	}
	return "error.json", failed(err)
}

func failed(err error) []byte {
	status, header, body := anthropic.EncodeError(err, "req_1")
	var b bytes.Buffer
	b.WriteString("HTTP " + itoa(status) + "\n")
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
		return []byte("not JSON: " + string(b))
	}
	return v
}

var head = anthropic.Head{ID: "msg_1", Model: "claude-test", InputEstimate: 7}

func headOf(req chat.Request) anthropic.Head {
	h := head
	h.ContextManagement = req.ContextManagement
	return h
}

// streamed goes both ways of the converter flag, which must not differ.
func streamed(t *testing.T, req chat.Request, f txtar.File) []byte {
	if f.Name == "upstream.error" {
		return nil
	}
	answer, head := gemini.NewDecoder(req), headOf(req)
	canonical := encodeAs(head, single(req, answer.Stream(bytes.NewReader(unescape(f.Data)))))
	fast := encodeAs(head, single(req, answer.FastStream(bytes.NewReader(unescape(f.Data)))))
	if diff := cmp.Diff(string(canonical), string(fast)); diff != "" {
		t.Errorf("the fast path differs (-canonical +fast):\n%s", diff)
	}
	// Two line feeds at the end of an archive member do not survive editors.
	return append(bytes.TrimSuffix(canonical, []byte("\n\n")), '\n')
}

// single leaves further calls out where req asks for one, as the relay does.
func single(req chat.Request, events chatEvents) chatEvents {
	if !req.Choice.Single {
		return events
	}
	return chat.FirstCall(events, nil)
}

// unescape lets a file hold carriage returns that survive editors.
func unescape(b []byte) []byte { return bytes.ReplaceAll(b, []byte("␍"), []byte("\r")) }

func whole(req chat.Request, f txtar.File) []byte {
	answer := gemini.NewDecoder(req)
	var resp chat.Response
	var err error
	switch f.Name {
	case "upstream.error":
		err = upstreamFailure(f.Data)
	case "upstream.json":
		resp, err = answer.Response(bytes.TrimSpace(f.Data))
	default:
		resp, err = chat.Collect(single(req, answer.Stream(bytes.NewReader(unescape(f.Data)))))
	}
	if err == nil {
		var body []byte
		if body, err = anthropic.EncodeResponse(headOf(req), resp); err == nil {
			return indent(body)
		}
	}
	return failed(err)
}

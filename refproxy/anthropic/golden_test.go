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

// rules are what the wire reference asks of this codec: the rows and paragraphs
// of its sections 1.4 and 3.1 to 3.6, and the regression cases of section 10
// that a codec can hold.
var rules = []string{
	"1.4: a wrong type", "1.4: an unknown field",
	"3.1 max_tokens", "3.1 temperature", "3.1 top_k", "3.1 stop_sequences", "3.1 system", "3.1 thinking disabled",
	"3.1 thinking enabled", "3.1 thinking adaptive", "3.1 thinking between_tools", "3.1 thinking display omitted",
	"3.1 output_config.effort", "3.1 output_config.format", "3.1 output_format", "3.1 metadata", "3.1 cache_control",
	"3.1 context_management", "3.1 thread", "3.1: mcp_servers", "3.1: container", "3.1: fallbacks", "3.1: compaction", "3.1 ignored",
	"3.2 roles", "3.2 system message", "3.2: a message with no content left", "3.2: a conversation that the model begins", "3.2 text",
	"3.2 image base64", "3.2 image url", "3.2 document base64", "3.2 document text", "3.2 document content", "3.2 document url",
	"3.2 document file", "3.2 search_result", "3.2 thinking", "3.2 redacted_thinking", "3.2 tool_use", "3.2 tool_result",
	"3.2 server_tool_use", "3.2: an unknown block type", "3.2 turn shape",
	"3.3: five tools", "3.3: a name", "3.3: type custom", "3.3 web_search", "3.3 web_fetch", "3.3 code_execution", "3.3: bash",
	"3.3: server tool and function tool", "3.3 tool_choice auto", "3.3 tool_choice any", "3.3 tool_choice tool",
	"3.3 tool_choice none", "3.3 disable_parallel_tool_use",
	"3.4: our envelope", "3.4: a signature of another family", "3.4 lookup", "3.4: the signature of a call", "3.4: text with a signature",
	"3.5 functionCall", "3.5 inlineData", "3.5: executable code", "3.5 usage", "3.5: MAX_TOKENS",
	"3.6 thinking", "3.6: parallel calls", "3.6: no arguments", "3.6: white space", "3.6 partialArgs",
	"10.1", "10.14", "10.15", "10.16", "10.17", "10.18", "10.21", "10.22", "10.23", "10.24", "10.25", "10.27", "10.29",
	"10.31", "10.32", "10.33", "10.35", "10.37", "10.38", "10.39",
}

// TestGoldenRules holds that every rule has a golden file that names it: its
// words after its section, wherever else the line names others.
func TestGoldenRules(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(string(data), "\n")
		named = append(named, strings.TrimPrefix(line, "Rule: "))
	}
	for _, rule := range rules {
		section, words, _ := strings.Cut(rule, " ")
		section = strings.TrimSuffix(section, ":")
		if !slices.ContainsFunc(named, func(n string) bool {
			return slices.Contains(strings.FieldsFunc(n, func(r rune) bool { return strings.ContainsRune(" ,:;", r) }), section) && strings.Contains(n, words)
		}) {
			t.Errorf("no golden file guards %s", rule)
		}
	}
}

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

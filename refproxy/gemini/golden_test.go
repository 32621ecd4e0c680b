package gemini_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/schema"
)

var update = flag.Bool("update", false, "rewrite the golden files with what the code does now")

// TestGolden runs the cases in testdata. A file names the rule it guards, and
// holds a canonical request, an upstream's answer, or both, beside what must
// become of them. The request's notation is that of the type ask below.
//
//	request.json           a canonical request
//	upstream-request.json  what the upstream gets, or
//	error.txt              why it is refused
//	count.json             what the upstream gets to count it, if the case
//	                       has one
//	upstream.sse           what the upstream streams, or
//	upstream.json          what it answers as a whole
//	events.txt             the canonical events, which both ways of reading
//	                       must give
//	response.txt           the canonical answer
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
	add := func(name, data string) { out = append(out, txtar.File{Name: name, Data: []byte(data)}) }
	var decoder gemini.Decoder
	for _, f := range in.Files {
		switch f.Name {
		case "request.json":
			out = append(out, f)
			codec, req := canonical(t, f.Data)
			decoder = gemini.NewDecoder(req)
			if body, err := codec.EncodeRequest(req); err != nil {
				add("error.txt", failure(err))
			} else {
				add("upstream-request.json", indented(body))
			}
			if slices.ContainsFunc(in.Files, func(f txtar.File) bool { return f.Name == "count.json" }) {
				body, err := codec.EncodeCountTokens(req)
				if err != nil {
					t.Error(err)
				}
				add("count.json", indented(body))
			}
		case "upstream.sse":
			out = append(out, f)
			events := told(decoder.Stream(bytes.NewReader(f.Data)))
			if diff := cmp.Diff(events, told(decoder.FastStream(bytes.NewReader(f.Data)))); diff != "" {
				t.Errorf("the fast path differs (-canonical +fast):\n%s", diff)
			}
			add("events.txt", events)
		case "upstream.json":
			out = append(out, f)
			resp, err := decoder.Response(f.Data)
			add("response.txt", answered(resp, err))
		}
	}
	return out
}

// ask is a canonical request as golden files write it.
type ask struct {
	Codec struct {
		Variant gemini.Variant // 1 is Vertex, 2 is Code Assist
		Schemas schema.Target  // 1 is Parameters, 2 is JSONSchema
		Mixed   bool
	}
	Model  string
	System []string
	Turns  []struct{ User, Model []piece }
	Tools  []struct {
		Name, Description   string
		Schema              json.RawMessage
		Search, Fetch, Code string
		Blocked             []string
	}
	Choice struct {
		Mode  string
		Names []string
	}
	Reasoning struct {
		Mode, Effort string
		Budget       int
		Show         bool
	}
	Format *struct{ Schema json.RawMessage }

	MaxTokens, Candidates                                int
	Temperature, TopP, PresencePenalty, FrequencyPenalty *float64
	TopK, Seed                                           *int
	Stop                                                 []string
}

// piece is a part; its signature is a family, a blank and a value.
type piece struct {
	Text, Thought *string
	File          *chat.Media
	Call          *struct {
		ID, Name string
		Args     json.RawMessage
	}
	Result *struct {
		ID, Name string
		Failed   bool
		Parts    []piece
	}
	Signature string
}

var (
	choices = []string{"", "auto", "any", "none"}
	modes   = []string{"", "off", "budget", "dynamic"}
	efforts = []string{"", "none", "minimal", "low", "medium", "high", "max"}
)

func canonical(t *testing.T, data []byte) (gemini.Codec, chat.Request) {
	t.Helper()
	var a ask
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		t.Fatalf("request.json: %v", err)
	}
	req := chat.Request{
		Model: a.Model, MaxTokens: a.MaxTokens, Candidates: a.Candidates, Temperature: a.Temperature, TopP: a.TopP, TopK: a.TopK,
		Seed: a.Seed, PresencePenalty: a.PresencePenalty, FrequencyPenalty: a.FrequencyPenalty, Stop: a.Stop,
		Choice: chat.Choice{Mode: chat.ChoiceMode(slices.Index(choices, a.Choice.Mode)), Names: a.Choice.Names},
		Reasoning: chat.Reasoning{
			Mode: chat.ReasoningMode(slices.Index(modes, a.Reasoning.Mode)), Budget: a.Reasoning.Budget,
			Effort: chat.Effort(slices.Index(efforts, a.Reasoning.Effort)), Show: a.Reasoning.Show,
		},
	}
	for _, s := range a.System {
		req.System = append(req.System, chat.Text(s))
	}
	for _, turn := range a.Turns {
		role, pieces := chat.RoleUser, turn.User
		if turn.Model != nil {
			role, pieces = chat.RoleModel, turn.Model
		}
		req.Turns = append(req.Turns, chat.Turn{Role: role, Parts: parts(pieces)})
	}
	for _, tool := range a.Tools {
		one := chat.Tool{Kind: chat.ToolFunction, Name: tool.Name, Description: tool.Description, Schema: tool.Schema, Blocked: tool.Blocked}
		for kind, name := range map[chat.ToolKind]string{chat.ToolSearch: tool.Search, chat.ToolFetch: tool.Fetch, chat.ToolCode: tool.Code} {
			if name != "" {
				one.Kind, one.Name = kind, name
			}
		}
		req.Tools = append(req.Tools, one)
	}
	if a.Format != nil {
		req.Format = &chat.Format{Schema: a.Format.Schema}
	}
	return gemini.Codec{Variant: a.Codec.Variant, Schemas: a.Codec.Schemas, MixedTools: a.Codec.Mixed}, req
}

func parts(pieces []piece) []chat.Part {
	var out []chat.Part
	for _, p := range pieces {
		part := chat.Part{Kind: chat.PartMedia, Media: p.File}
		switch {
		case p.Text != nil:
			part = chat.Text(*p.Text)
		case p.Thought != nil:
			part = chat.Part{Kind: chat.PartThought, Text: *p.Thought}
		case p.Call != nil:
			part = chat.Part{Kind: chat.PartCall, Call: &chat.Call{ID: p.Call.ID, Name: p.Call.Name, Args: p.Call.Args}}
		case p.Result != nil:
			r := &chat.Result{ID: p.Result.ID, Name: p.Result.Name, Failed: p.Result.Failed, Parts: parts(p.Result.Parts)}
			part = chat.Part{Kind: chat.PartResult, Result: r}
		}
		if family, value, ok := strings.Cut(p.Signature, " "); ok {
			part.Signature = &chat.Signature{Family: family, Value: value}
		}
		out = append(out, part)
	}
	return out
}

func indented(body []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, body, "", "  "); err != nil {
		return "not JSON: " + string(body) + "\n"
	}
	return b.String() + "\n"
}

func failure(err error) string {
	e := chat.AsError(err)
	return fmt.Sprintf("%v: %s\n", e.Kind, e.Message)
}

// told is a stream in words, one event a line.
func told(events iter.Seq2[chat.Event, error]) string {
	var b strings.Builder
	for ev, err := range events {
		switch {
		case err != nil:
			return b.String() + "error " + failure(err)
		case ev.Kind == chat.EventStart:
			fmt.Fprintf(&b, "start %s %s", ev.ID, ev.Model)
		case ev.Kind == chat.EventFinish:
			b.WriteString("finish " + finished(ev.Finish, &ev.Usage))
		case ev.Kind == chat.EventText && ev.Raw != nil:
			b.WriteString(said(chat.Part{Kind: chat.PartText, Text: unquoted(ev.Raw), Signature: ev.Signature}))
		default:
			kind := map[chat.EventKind]chat.PartKind{chat.EventText: chat.PartText, chat.EventThought: chat.PartThought, chat.EventCall: chat.PartCall}
			b.WriteString(said(chat.Part{Kind: kind[ev.Kind], Text: ev.Text, Call: ev.Call, Signature: ev.Signature}))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func unquoted(raw []byte) string {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "not a string: " + string(raw)
	}
	return s
}

// said is a part in words.
func said(p chat.Part) string {
	s := fmt.Sprintf("%q", p.Text)
	switch p.Kind {
	case chat.PartThought:
		s = "thought " + s
	case chat.PartText:
		s = "text " + s
	case chat.PartCall:
		s = fmt.Sprintf("call %q %s %s", p.Call.ID, p.Call.Name, p.Call.Args)
	}
	if p.Signature != nil {
		s += fmt.Sprintf(" signature %s %s", p.Signature.Family, p.Signature.Value)
	}
	return s
}

func finished(f chat.Finish, u *chat.Usage) string {
	stop := []string{"unfinished", "end of turn", "max tokens", "refusal", "tool use"}[f.Stop]
	s := fmt.Sprintf("%s (%s) %q", stop, f.Reason, f.Detail)
	if u != nil {
		s += fmt.Sprintf(" usage in %d cached %d out %d thinking %d", u.Input, u.Cached, u.Output, u.Thinking)
	}
	return s
}

func answered(r chat.Response, err error) string {
	if err != nil {
		return "error " + failure(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "answer %s %s\n", r.ID, r.Model)
	for _, p := range r.Parts {
		b.WriteString(said(p) + "\n")
	}
	b.WriteString("finish " + finished(r.Finish, &r.Usage) + "\n")
	for _, c := range r.Others {
		b.WriteString("another\n")
		for _, p := range c.Parts {
			b.WriteString(said(p) + "\n")
		}
		b.WriteString("finish " + finished(c.Finish, nil) + "\n")
	}
	return b.String()
}

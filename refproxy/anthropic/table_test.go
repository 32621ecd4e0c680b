package anthropic_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firstbyte-dev/firstbyte/refproxy/anthropic"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

type tableRow struct {
	section, field, fate, example string
}

// table reads the rows on this API of docs/wire.md.
func table(t *testing.T) []tableRow {
	doc, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []tableRow
	section := ""
	for line := range strings.Lines(string(doc)) {
		if strings.HasPrefix(line, "#") {
			section = strings.TrimPrefix(strings.TrimSpace(line), "### Anthropic: ")
		}
		cells := strings.Split(line, " | ")
		if strings.HasPrefix(section, "#") || len(cells) < 3 || !strings.HasPrefix(line, "| `") {
			continue
		}
		rows = append(rows, tableRow{section, strings.Trim(cells[0], "| `"), cells[1], strings.Trim(cells[2], "`")})
	}
	if len(rows) < 150 {
		t.Fatalf("only %d rows", len(rows))
	}
	return rows
}

// TestTable holds the table of docs/wire.md to the code: each example is
// decoded, and the same without the field that it shows.
func TestTable(t *testing.T) {
	for _, row := range table(t) {
		if row.section == "answers" {
			continue
		}
		t.Run(row.section+"/"+row.field, func(t *testing.T) {
			var example any
			if err := json.Unmarshal([]byte(row.example), &example); err != nil {
				t.Fatalf("example %s: %v", row.example, err)
			}
			with, err := anthropic.DecodeRequest(row.request(t, example))
			without, baseErr := anthropic.DecodeRequest(row.request(t, row.lessen(t, example)))
			diff := cmp.Diff(without, with, cmpopts.EquateEmpty())
			switch row.fate {
			case "kept", "mapped":
				if err != nil || baseErr == nil && diff == "" {
					t.Errorf("error %v; the field changes nothing", err)
				}
			case "ignored":
				if err != nil || baseErr != nil || diff != "" {
					t.Errorf("error %v, without the field %v; it changes:\n%s", err, baseErr, diff)
				}
			case "refused":
				if e := chat.AsError(err); e == nil || e.Kind != chat.KindInvalid || !strings.Contains(e.Message, row.named()) || baseErr != nil {
					t.Errorf("error %v, want a refusal that names %q; without the field %v", err, row.named(), baseErr)
				}
			default:
				t.Errorf("there is no fate %q", row.fate)
			}
		})
	}
}

// named is what a refusal has to name: the member, or the type of the block or
// tool.
func (r tableRow) named() string {
	if r.section == "messages" && strings.HasSuffix(r.field, "anything_else") {
		return "messages.1.name"
	}
	name := r.field[strings.LastIndex(r.field, ".")+1:]
	return strings.TrimSuffix(name, "*")
}

// lessen returns the example without the field; nil if it is the example.
func (r tableRow) lessen(t *testing.T, example any) any {
	_, member, ok := strings.Cut(r.field, ".")
	if strings.HasSuffix(r.field, "anything_else") {
		member = "name"
	}
	if !ok {
		return nil
	}
	object, isObject := example.(map[string]any)
	if _, has := object[member]; !isObject || !has {
		t.Fatalf("the example has no %s", member)
	}
	less := maps.Clone(object)
	delete(less, member)
	return less
}

// request puts an example in its place in a request; nil leaves it out.
func (r tableRow) request(t *testing.T, example any) []byte {
	text := func(s string) any { return map[string]any{"type": "text", "text": s} }
	message := func(role string, blocks ...any) any { return map[string]any{"role": role, "content": blocks} }
	body := map[string]any{"model": "m", "max_tokens": 10, "messages": []any{message("user", text("Hi"))}}
	switch r.section {
	case "request":
		name, _, _ := strings.Cut(r.field, ".")
		body["tools"] = []any{map[string]any{"name": "g"}}
		if body[name] = example; example == nil {
			delete(body, name)
		}
	case "messages":
		messages := []any{message("user", text("Hi")), message("user", text("b"))}
		if example != nil {
			messages = slices.Insert(messages, 1, example)
		}
		body["messages"] = messages
	case "tools":
		body["tools"] = []any{}
		if example != nil {
			body["tools"] = []any{example}
		}
	case "blocks":
		body["messages"] = around(example, text, message)
	default:
		t.Fatalf("there is no section %q", r.section)
	}
	out, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// around puts a block into a conversation in which it may stand.
func around(block any, text func(string) any, message func(string, ...any) any) []any {
	model, user := []any{text("a")}, []any{text("b")}
	b, _ := block.(map[string]any)
	kind, _ := b["type"].(string)
	switch {
	case b == nil:
	case kind == "tool_result":
		model = append(model, map[string]any{"type": "tool_use", "id": "toolu_1", "name": "f", "input": map[string]any{}})
		user = append(user, block)
	case kind == "tool_use":
		model = append(model, block)
		user = append(user, map[string]any{"type": "tool_result", "tool_use_id": "toolu_1"})
	case strings.Contains(kind, "thinking"), strings.Contains(kind, "tool"), kind == "compaction", kind == "fallback":
		model = append(model, block)
	default:
		user = append(user, block)
	}
	return []any{message("user", text("Hi")), message("assistant", model...), message("user", user...)}
}

// TestTableOfAnswers holds the table's last part to what the golden files show.
func TestTableOfAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, answer, ok := bytes.Cut(data, []byte("-- stream.sse --")); ok {
			all.Write(answer)
		}
	}
	for _, row := range table(t) {
		if row.section != "answers" {
			continue
		}
		shown := bytes.Contains(all.Bytes(), []byte(`"`+row.field+`":`))
		if want, ok := map[string]bool{"sent": true, "never": false}[row.fate]; !ok || shown != want {
			t.Errorf("%s is %s: the answers show it: %t", row.field, row.fate, shown)
		}
	}
}

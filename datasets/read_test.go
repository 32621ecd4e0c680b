package datasets_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

const good = `{"id":"a","kind":"short","messages":[{"role":"user","content":"Hi \ud83d"}],"max_tokens":9,"stop":["##"],"expect":{"contains":["hello"]},"answer":"hello"}`

// with returns the good line with one part replaced.
func with(t *testing.T, old, replacement string) string {
	t.Helper()
	if strings.Count(good, old) != 1 {
		t.Fatalf("%q is not once in the good line", old)
	}
	return strings.Replace(good, old, replacement, 1)
}

func TestRead(t *testing.T) {
	second := with(t, `"id":"a"`, `"id":"b-2"`)
	second = strings.Replace(second, `,"answer":"hello"`, ``, 1)
	file := "\n" + good + "\r\n  \n" + second
	set, err := datasets.Read("mine", strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(file))
	if want := hex.EncodeToString(sum[:]); set.Hash != want || set.Name != "mine" || len(set.Items) != 2 {
		t.Errorf("name %q, %d items, hash %s, want hash %s", set.Name, len(set.Items), set.Hash, want)
	}
	first, ok := set.Item("a")
	if !ok {
		t.Fatal("no item a")
	}
	want := datasets.Item{
		ID:        "a",
		Kind:      datasets.Short,
		Messages:  []datasets.Message{{Role: "user", Content: json.RawMessage(`"Hi \ud83d"`)}},
		MaxTokens: 9,
		Stop:      []string{"##"},
		Expect:    datasets.Expect{Contains: []string{"hello"}},
		Answer:    "hello",
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Error(diff)
	}
}

func TestAnswer(t *testing.T) {
	silent := strings.Replace(with(t, `"id":"a"`, `"id":"silent"`), `,"answer":"hello"`, ``, 1)
	set, err := datasets.Read("mine", strings.NewReader(good+"\n"+silent))
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := set.Answer("a"); text != "hello" || !ok {
		t.Errorf("answer %q, %t", text, ok)
	}
	for _, id := range []string{"silent", "unknown"} {
		if text, ok := set.Answer(id); ok {
			t.Errorf("answer %q to %q, which has none", text, id)
		}
	}
	if _, ok := set.Item("unknown"); ok {
		t.Error("found an item that is not there")
	}
}

func TestReadNamesLineAndProblem(t *testing.T) {
	message := `{"role":"user","content":"Hi \ud83d"}`
	for _, tc := range []struct{ name, line, want string }{
		{"no JSON", `{"id":`, "f:1: not an item: unexpected EOF"},
		{"no object", `[]`, "f:1: not an item: json: cannot unmarshal array into Go value of type datasets.Item"},
		{"two values", good + `{}`, "f:1: more than one JSON value: write one item in each line"},
		{"not UTF-8", with(t, "Hi ", "\xff"), "f:1: not UTF-8: save the file as UTF-8"},
		{"unknown field", with(t, `"max_tokens"`, `"max_token":1,"max_tokens"`), `f:1: not an item: json: unknown field "max_token"`},
		{"unknown field of a message", with(t, `"role"`, `"name":"x","role"`), `f:1: not an item: json: unknown field "name"`},
		{"no id", with(t, `"id":"a",`, ``), `f:1: id "": use lower-case letters, digits and hyphens`},
		{"odd id", with(t, `"id":"a"`, `"id":"A b"`), `f:1: id "A b": use lower-case letters, digits and hyphens`},
		{"no kind", with(t, `"short"`, `""`), `f:1: kind "": use lower-case letters, digits and hyphens`},
		{"no messages", with(t, message, ``), "f:1: messages is empty: an item needs at least one turn of the user"},
		{"odd role", with(t, `"user"`, `"human"`), `f:1: messages[0].role is "human": it must be "user" or "assistant"`},
		{"first turn", with(t, message, `{"role":"assistant","content":"x"},`+message), "f:1: messages[0] is the assistant's: the first turn must be the user's"},
		{"last turn", with(t, message, message+`,{"role":"assistant","content":"x"}`), "f:1: messages[1] is the assistant's: the last turn must be the user's"},
		{"blocks", with(t, `"Hi \ud83d"`, `[{"type":"text","text":"x"}]`), "f:1: messages[0].content is not a string: content blocks are not supported in datasets"},
		{"null", with(t, `"Hi \ud83d"`, `null`), "f:1: messages[0].content is not a string: content blocks are not supported in datasets"},
		{"no content", with(t, `,"content":"Hi \ud83d"`, ``), "f:1: messages[0].content is missing: it must be a string"},
		{"empty content", with(t, `Hi \ud83d`, ``), "f:1: messages[0].content is empty: providers refuse empty text"},
		{"odd system", with(t, `"messages"`, `"system":7,"messages"`), "f:1: system is not a string: content blocks are not supported in datasets"},
		{"max_tokens", with(t, `"max_tokens":9`, `"max_tokens":0`), "f:1: max_tokens is 0: it must be at least 1"},
		{"stop", with(t, `"##"`, `"##"," "`), "f:1: stop[1] is blank: a stop sequence needs a visible character"},
		{"contains", with(t, `["hello"]`, `[""]`), "f:1: expect.contains has an empty string, which every text contains: remove it"},
		{"pattern", with(t, `"contains":["hello"]`, `"pattern":"(a\nb"`), `f:1: expect.pattern "(a\nb" is not a regular expression of RE2: missing closing )`},
		{"json_keys", with(t, `"contains":["hello"]`, `"json_keys":[""]`), "f:1: expect.json_keys has an empty key: remove it"},
		{"negative length", with(t, `"contains":["hello"]`, `"min_chars":-1`), "f:1: expect.min_chars -1, max_chars 0: neither may be negative"},
		{"lengths crossed", with(t, `"contains":["hello"]`, `"min_chars":5,"max_chars":4`), "f:1: expect.min_chars 5 is above max_chars 4: no text can meet both"},
		{"finish", with(t, `"contains":["hello"]`, `"finish":"stop"`), `f:1: expect.finish is "stop": it must be one of end_turn, max_tokens, stop_sequence, tool_use, pause_turn, refusal, model_context_window_exceeded`},
		{"same id", good + "\n\n" + good, `f:3: id "a" is taken by f:1: give each item its own`},
		{"empty", " \n\n", "dataset f is empty: write one JSON item in each line, as datasets/README.md shows, or leave the dataset out to use the built-in one"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, err := datasets.Read("f", strings.NewReader(tc.line))
			if err == nil {
				t.Fatalf("accepted: %+v", set.Items)
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadTellsAllProblemsAtOnce(t *testing.T) {
	file := strings.Join([]string{
		good,
		with(t, `"max_tokens":9`, `"max_tokens":-3`),
		`nonsense`,
		strings.Replace(with(t, `"id":"a"`, `"id":"B"`), `"user"`, `"bot"`, 1),
	}, "\n")
	_, err := datasets.Read("f", strings.NewReader(file))
	want := `f:2: max_tokens is -3: it must be at least 1
f:2: id "a" is taken by f:1: give each item its own
f:3: not an item: invalid character 'o' in literal null (expecting 'u')
f:4: id "B": use lower-case letters, digits and hyphens
f:4: messages[0].role is "bot": it must be "user" or "assistant"`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Error(diff)
	}
}

func TestReadBoundsWhatItTells(t *testing.T) {
	_, err := datasets.Read("f", strings.NewReader(strings.Repeat("oops\n", 1000)))
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != 21 || lines[20] != "f: and 980 more problems" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

func TestReadTellsOfABrokenSource(t *testing.T) {
	broken := errors.New("disk on fire")
	if _, err := datasets.Read("f", iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.jsonl")
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := datasets.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if set.Name != "mine.jsonl" || len(set.Items) != 1 {
		t.Errorf("name %q, %d items", set.Name, len(set.Items))
	}
	_, err = datasets.Open(path + ".missing")
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "mine.jsonl.missing") {
		t.Errorf("error %v", err)
	}
}

// TestDefaultIsItsFiles holds the meaning of the hash: all files, in the order
// of their names, and the items in that order too.
func TestDefaultIsItsFiles(t *testing.T) {
	names, err := filepath.Glob("default/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	var all []byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
		one, err := datasets.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range one.Items {
			if want := strings.TrimSuffix(filepath.Base(name), ".jsonl"); string(item.Kind) != want {
				t.Errorf("%s: item %s is of kind %s", name, item.ID, item.Kind)
			}
		}
	}
	set := builtIn(t)
	together, err := datasets.Read(datasets.DefaultName, bytes.NewReader(all))
	if err != nil {
		t.Fatal(err)
	}
	if set.Hash != together.Hash {
		t.Errorf("hash %s, of the files %s", set.Hash, together.Hash)
	}
	if diff := cmp.Diff(together.Items, set.Items); diff != "" {
		t.Error(diff)
	}
}

// FuzzRead holds: a set or an error, never both; what is accepted is usable,
// found by its id, carries literals of the file as they are, and survives being
// written and read again.
func FuzzRead(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(good + "\n" + strings.Replace(good, `"id":"a"`, `"id":"b","system":"é\n"`, 1)))
	f.Add([]byte("\n\r\n{}"))
	f.Add([]byte(`{"id":"x","messages":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := datasets.Read("fuzz", bytes.NewReader(data))
		if err != nil {
			checkError(t, set, err)
			return
		}
		if len(set.Items) == 0 {
			t.Fatal("an empty set was accepted")
		}
		for _, item := range set.Items {
			checkItem(t, data, &item)
			if found, ok := set.Item(item.ID); !ok || found.ID != item.ID {
				t.Errorf("item %q is not found by its id", item.ID)
			}
		}
		again, err := datasets.Read("fuzz", bytes.NewReader(write(t, set)))
		if err != nil {
			t.Fatalf("not read again: %v", err)
		}
		if diff := cmp.Diff(set.Items, again.Items, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}

func checkError(t *testing.T, set *datasets.Set, err error) {
	t.Helper()
	if set != nil {
		t.Error("both a set and an error")
	}
	for line := range strings.Lines(err.Error()) {
		if !strings.HasPrefix(line, "fuzz:") && !strings.HasPrefix(line, "dataset fuzz is empty") {
			t.Errorf("does not say where: %q", line)
		}
	}
}

func checkItem(t *testing.T, data []byte, item *datasets.Item) {
	t.Helper()
	literals := []json.RawMessage{item.System}
	for _, m := range item.Messages {
		literals = append(literals, m.Content)
	}
	for _, raw := range literals {
		if raw != nil && (!json.Valid(raw) || raw[0] != '"' || !bytes.Contains(data, raw)) {
			t.Errorf("%s is not a string of the file", raw)
		}
	}
	if last := item.Messages[len(item.Messages)-1]; last.Role != "user" || item.Messages[0].Role != "user" || item.MaxTokens < 1 {
		t.Errorf("accepted: %+v", item)
	}
}

// write encodes a set as JSONL, leaving literals as they are.
func write(t *testing.T, set *datasets.Set) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, item := range set.Items {
		if err := enc.Encode(item); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func BenchmarkDefault(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := datasets.Default(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestReadmeExamples holds that the lines that people copy are good ones, and
// that they show each way to state an expectation that needs a word.
func TestReadmeExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var examples strings.Builder
	for _, rest := range strings.Split(string(readme), "```jsonl\n")[1:] {
		example, _, _ := strings.Cut(rest, "```")
		if _, err := datasets.Read("README.md", strings.NewReader(example)); err != nil {
			t.Error(err)
		}
		examples.WriteString(example)
	}
	for _, field := range []string{"contains", "finish", "exact", "pattern", "json_keys", "schema", "call", "similar"} {
		if !strings.Contains(examples.String(), `"`+field+`":`) {
			t.Errorf("README.md has no example of %s", field)
		}
	}
}

// TestReadmeCounts holds the table of kinds to what there is.
func TestReadmeCounts(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[datasets.Kind]int)
	for _, item := range builtIn(t).Items {
		count[item.Kind]++
	}
	for kind, n := range count {
		if row := fmt.Sprintf("| `%s` | %d |", kind, n); !strings.Contains(string(readme), row) {
			t.Errorf("README.md has no row %q", row)
		}
	}
}

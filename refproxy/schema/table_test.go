package schema_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/schema"
)

// TestTable holds the table of keywords in docs/wire.md to the code: the example
// of each is rewritten with the keyword and without.
func TestTable(t *testing.T) {
	text, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n### Gemini upstream: schemas\n")
	section, _, _ = strings.Cut(section, "\n##")
	rows := 0
	for line := range strings.Lines(section) {
		cells := strings.Split(line, " | ")
		if len(cells) != 5 || !strings.HasPrefix(cells[0], "| `") {
			continue
		}
		rows++
		keyword, example := strings.Trim(cells[0], "| `"), strings.Trim(cells[3], "`")
		for i, target := range []schema.Target{schema.Parameters, schema.JSONSchema} {
			if got, want := fate(t, target, keyword, example), cells[1+i]; got != want {
				t.Errorf("%s is %s for target %d, the table says %s", keyword, got, target, want)
			}
		}
	}
	if rows < 50 {
		t.Errorf("the table has only %d rows", rows)
	}
}

// fate says what becomes of a keyword of an example.
func fate(t *testing.T, target schema.Target, keyword, example string) string {
	var with map[string]json.RawMessage
	if err := json.Unmarshal([]byte(example), &with); err != nil {
		t.Fatalf("%s: %v", keyword, err)
	}
	got := rewritten(t, target, with)
	if _, ok := with[keyword]; !ok {
		t.Fatalf("the example of %s has none", keyword)
	}
	delete(with, keyword)
	less := rewritten(t, target, with)
	_, kept := got[keyword]
	switch {
	case cmp.Equal(got, less):
		return "dropped"
	case kept:
		return "kept"
	case got["description"] != less["description"] && got["description"] != nil:
		return "said"
	}
	return "mapped"
}

// rewritten returns what becomes of a property of that schema.
func rewritten(t *testing.T, target schema.Target, property map[string]json.RawMessage) map[string]any {
	raw, err := json.Marshal(map[string]any{
		"type": "object", "properties": map[string]any{"p": property}, "$defs": map[string]any{"a": map[string]string{"type": "boolean"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := schema.Arguments(raw, target)
	var body struct{ Properties map[string]map[string]any }
	if err == nil {
		err = json.Unmarshal(out, &body)
	}
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return body.Properties["p"]
}

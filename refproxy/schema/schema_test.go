package schema_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/refproxy/schema"
)

// allowed are the fields of Gemini's Schema and the keywords of the JSON Schema
// that Gemini documents (wire reference, section 4), written down here a second
// time on purpose.
var allowed = map[schema.Target][]string{
	schema.Parameters: strings.Fields(`anyOf default description enum example format items maxItems maxLength maxProperties
		maximum minItems minLength minProperties minimum nullable pattern properties propertyOrdering required title type`),
	schema.JSONSchema: strings.Fields(`$id $defs $ref $anchor type format title description enum items prefixItems minItems
		maxItems minimum maximum anyOf oneOf properties additionalProperties required propertyOrdering`),
}

var types = map[schema.Target][]string{
	schema.Parameters: {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"},
	schema.JSONSchema: {"string", "number", "integer", "boolean", "array", "object", "null"},
}

// check holds one schema position, and those below it, to the list.
func check(target schema.Target, at string, v any) error {
	s, ok := v.(map[string]any)
	if b, isBool := v.(bool); isBool && target == schema.JSONSchema && !b && strings.HasSuffix(at, "/additionalProperties") {
		return nil
	}
	if !ok {
		return fmt.Errorf("%s is %v", at, v)
	}
	for name, sub := range s {
		at := at + "/" + name
		if !slices.Contains(allowed[target], name) {
			return fmt.Errorf("%s is not allowed", at)
		}
		if err := checkKeyword(target, at, name, sub); err != nil {
			return err
		}
	}
	if _, typed := s["type"]; target == schema.Parameters && !typed && s["anyOf"] == nil {
		return fmt.Errorf("%s has no type", at)
	}
	return checkNames(at, s)
}

func checkKeyword(target schema.Target, at, name string, v any) error {
	switch name {
	case "items", "additionalProperties":
		return check(target, at, v)
	case "anyOf", "prefixItems":
		for i, sub := range v.([]any) {
			if err := check(target, fmt.Sprintf("%s/%d", at, i), sub); err != nil {
				return err
			}
		}
	case "properties":
		for name, sub := range v.(map[string]any) {
			if err := check(target, at+"/"+name, sub); err != nil {
				return err
			}
		}
	case "type":
		names, ok := v.([]any)
		if !ok || target == schema.Parameters {
			names = []any{v}
		}
		for _, n := range names {
			if s, _ := n.(string); !slices.Contains(types[target], s) {
				return fmt.Errorf("%s is %v", at, v)
			}
		}
	case "enum":
		for _, e := range v.([]any) {
			if s, ok := e.(string); target == schema.Parameters && (!ok || s == "") {
				return fmt.Errorf("%s holds %v", at, e)
			}
		}
	}
	return nil
}

// checkNames holds required to properties that there are.
func checkNames(at string, s map[string]any) error {
	properties, _ := s["properties"].(map[string]any)
	for _, list := range []string{"required", "propertyOrdering"} {
		names, _ := s[list].([]any)
		for _, n := range names {
			if _, ok := properties[n.(string)]; !ok {
				return fmt.Errorf("%s/%s names %v", at, list, n)
			}
		}
	}
	return nil
}

func seeds(tb testing.TB) [][]byte {
	var out [][]byte
	for _, file := range files(tb) {
		a, err := txtar.ParseFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, a.Files[0].Data)
	}
	return out
}

// FuzzSchema holds, for both targets: no panic; an error with words; only what
// is on the list, valid UTF-8; no more text than bounds allow; what was
// rewritten once is not changed again; and the same every time.
func FuzzSchema(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, target := range []schema.Target{schema.Parameters, schema.JSONSchema} {
			out, _, err := schema.Arguments(raw, target)
			hold(t, target, raw, out, err, func(b []byte) ([]byte, error) {
				again, _, err := schema.Arguments(b, target)
				return again, err
			})
		}
		out, err := schema.Answer(raw)
		hold(t, schema.JSONSchema, raw, out, err, schema.Answer)
		auto, chosen, err := schema.Arguments(raw, schema.Auto)
		if err != nil {
			return
		}
		said, _, err := schema.Arguments(raw, chosen)
		if diff := cmp.Diff(string(said), string(auto)); diff != "" || err != nil || chosen == schema.Auto {
			t.Errorf("auto is target %d, error %v:\n%s", chosen, err, diff)
		}
	})
}

func hold(t *testing.T, target schema.Target, raw, out []byte, err error, again func([]byte) ([]byte, error)) {
	if err != nil {
		if err.Error() == "" {
			t.Error("an error without words")
		}
		return
	}
	if out == nil {
		return
	}
	var v any
	if err := json.Unmarshal(out, &v); err != nil || !utf8.Valid(out) {
		t.Fatalf("%v: %s", err, out)
	}
	if err := check(target, "", v); err != nil {
		t.Errorf("%v\nof %s\nin %s", err, raw, out)
	}
	twice, err := again(out)
	if diff := cmp.Diff(string(out), string(twice)); diff != "" || err != nil {
		t.Errorf("a second rewrite changes it, error %v (-once +twice):\n%s\nof %s", err, diff, raw)
	}
}

// TestBounds holds what would grow beyond all bounds to an error, or to a cut.
func TestBounds(t *testing.T) {
	all := make([]string, 12)
	for i := range all {
		var members []string
		for j := range all {
			members = append(members, fmt.Sprintf(`"p%d":{"$ref":"#/$defs/d%d"}`, j, j))
		}
		all[i] = fmt.Sprintf(`"d%d":{"type":"object","properties":{%s}}`, i, strings.Join(members, ","))
	}
	mutual := `{"type":"object","properties":{"a":{"$ref":"#/$defs/d0"}},"$defs":{` + strings.Join(all, ",") + `}}`
	out, _, err := schema.Arguments([]byte(mutual), schema.Auto)
	if err != nil || len(out) > 4<<20 {
		t.Errorf("twelve schemas that name each other: %d bytes, error %v", len(out), err)
	}
	nested := `{"type":"string"}`
	for range 40 {
		nested = `{"type":"object","properties":{"a":` + nested + `},"anyOf":[{"minProperties":1},{"minProperties":2}]}`
	}
	tuple := `{"type":"string"}`
	for range 40 {
		tuple = `{"prefixItems":[{"type":"integer"},` + tuple + `]}`
	}
	for name, raw := range map[string]string{
		"forms within forms":   nested,
		"many properties":      `{"properties":{` + strings.TrimSuffix(strings.Repeat(`"a":{},`, 5), ",") + strings.Repeat(`,"b":{}`, 3) + manyProperties(30_000) + `}}`,
		"a long text, doubled": `{"properties":{"a":{"$ref":"#/$defs/t"},"b":{"$ref":"#/$defs/t"}},"$defs":{"t":{"description":"` + strings.Repeat("x", 3<<20) + `"}}}`,
	} {
		for _, target := range []schema.Target{schema.Auto, schema.Parameters, schema.JSONSchema} {
			if _, _, err := schema.Arguments([]byte(raw), target); err == nil || !strings.Contains(err.Error(), "too large") {
				t.Errorf("%s, target %d: error %v", name, target, err)
			}
		}
	}
	if _, _, err := schema.Arguments([]byte(`{"properties":{"a":`+tuple+`}}`), schema.Auto); err != nil {
		t.Errorf("tuples within tuples: %v", err)
	}
}

func manyProperties(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"p%d":{}`, i)
	}
	return b.String()
}

// TestNotesAreShort holds what is added to a description to 200 characters.
func TestNotesAreShort(t *testing.T) {
	raw := `{"type":"object","properties":{"p":{"type":"string","description":"d","pattern":"` + strings.Repeat("é", 500) +
		`","not":{"const":"` + strings.Repeat("x", 500) + `"},"contentEncoding":"base64"}}}`
	for _, target := range []schema.Target{schema.Parameters, schema.JSONSchema} {
		out, _, err := schema.Arguments([]byte(raw), target)
		var v struct {
			Properties map[string]struct{ Description string }
		}
		if err != nil || json.Unmarshal(out, &v) != nil {
			t.Fatal(err)
		}
		said := v.Properties["p"].Description
		if n := utf8.RuneCountInString(strings.TrimPrefix(said, "d ")); n < 50 || n > 200 {
			t.Errorf("target %d adds %d characters: %s", target, n, said)
		}
	}
}

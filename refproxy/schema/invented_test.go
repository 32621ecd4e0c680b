package schema_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/refproxy/schema"
)

// inventor makes up schemas of every keyword, in combinations that nobody
// would write.
type inventor struct{ *rand.Rand }

func (v inventor) pick(s ...string) string { return s[v.IntN(len(s))] }

func (v inventor) schema(depth int) string {
	if depth == 0 || v.IntN(20) == 0 {
		return v.pick("{}", "true", "false", `{"type":"string"}`, `{"type":"null"}`, `{"const":"x"}`, `{"$ref":"#/$defs/a"}`, `{"$ref":"#"}`)
	}
	var members []string
	for range 1 + v.IntN(4) {
		members = append(members, v.keyword(depth-1))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (v inventor) keyword(depth int) string {
	switch v.IntN(14) {
	case 0, 1:
		kind := `"` + v.pick("string", "number", "integer", "boolean", "array", "object", "null", "STRING") + `"`
		if v.IntN(4) == 0 {
			kind = "[" + kind + `,"` + v.pick("null", "string", "object", "integer") + `"]`
		}
		return `"type":` + kind
	case 2, 3:
		return `"properties":{"a":` + v.schema(depth) + `,"` + v.pick("b", "type", "$ref") + `":` + v.schema(depth) + "}"
	case 4:
		return `"required":["a","` + v.pick("b", "c") + `"]`
	case 5, 6:
		return `"` + v.pick("anyOf", "oneOf", "allOf") + `":[` + v.schema(depth) + "," + v.schema(depth) + "]"
	case 7:
		return `"` + v.pick("items", "additionalProperties", "not", "contains", "propertyNames") + `":` + v.schema(depth)
	case 8:
		return `"` + v.pick("items", "prefixItems") + `":[` + v.schema(depth) + "," + v.schema(depth) + "]"
	case 9:
		return `"enum":[` + v.pick(`"a"`, `"a","b"`, `"",1`, `null`, `"b",null`, "1,2", "true") + "]"
	case 10:
		return v.pick(`"const":1`, `"const":"a"`, `"const":null`, `"nullable":true`, `"default":{"type":5}`, `"examples":[1]`, `"example":"e"`)
	case 11:
		return fmt.Sprintf(`"%s":%d`, v.pick("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems",
			"maxItems", "minProperties", "multipleOf"), v.IntN(9)-2)
	case 12:
		return `"` + v.pick("format", "pattern", "title", "description") + `":"` + v.pick("date-time", "uri", "int32", "x") + `"`
	}
	return v.pick(`"uniqueItems":true`, `"exclusiveMinimum":true`, `"$comment":"c"`, `"propertyOrdering":["b","a","z"]`, `"patternProperties":{"x":{}}`)
}

// TestInvented holds made-up schemas to what FuzzSchema holds, and sees to it
// that most of them are rewritten at all.
func TestInvented(t *testing.T) {
	rewritten := map[schema.Target]int{}
	const n = 600
	for seed := range uint64(n) {
		v := inventor{rand.New(rand.NewPCG(seed, 4))}
		raw := []byte(`{"type":"object","properties":{"p":` + v.schema(4) + `,"q":` + v.schema(3) + `},"$defs":{"a":` + v.schema(3) + "}}")
		for _, target := range []schema.Target{schema.Parameters, schema.JSONSchema} {
			out, _, err := schema.Arguments(raw, target)
			hold(t, target, raw, out, err, func(b []byte) ([]byte, error) {
				again, _, err := schema.Arguments(b, target)
				return again, err
			})
			if out != nil {
				rewritten[target]++
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if rewritten[schema.Parameters] < n/2 || rewritten[schema.JSONSchema] < n/2 {
		t.Errorf("of %d schemas only %v were rewritten", n, rewritten)
	}
}

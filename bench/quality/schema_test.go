package quality_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/quality"
	"github.com/firstbyte-dev/firstbyte/datasets"
)

var weather = datasets.Tool{Name: "weather", Schema: json.RawMessage(`{"type":"object","required":["city"],"properties":{"city":{"type":"string"},"days":{"type":"integer"}},"additionalProperties":false}`)}

func TestExactSchemaAndCalls(t *testing.T) {
	schema := json.RawMessage(`{"type":"array","items":{"type":"integer"},"minItems":2}`)
	say := func(text string) quality.Answer { return quality.Answer{Text: text} }
	call := func(calls ...quality.Call) quality.Answer { return quality.Answer{Calls: calls} }
	right := quality.Call{Tool: "weather", Arguments: `{"city":"Ulm","days":2}`}
	for _, c := range []struct {
		name   string
		expect datasets.Expect
		answer quality.Answer
		value  float64
		missed string
	}{
		{"exact", datasets.Expect{Exact: "42"}, say(" 42\n"), 1, ""},
		{"not exact", datasets.Expect{Exact: "42"}, say("It is 42"), 0, `is not "42"`},
		{"by the schema", datasets.Expect{Schema: schema}, say("[1, 2]"), 1, ""},
		{"fenced", datasets.Expect{Schema: schema}, say("Here:\n```json\n[1,2,3]\n```\nDone."), 1, ""},
		{"too short", datasets.Expect{Schema: schema}, say("[1]"), 0, "minItems"},
		{"another type", datasets.Expect{Schema: schema}, say(`[1,"2"]`), 0, "want integer"},
		{"not JSON", datasets.Expect{Schema: schema}, say("[1, 2"), 0, "not JSON"},
		{"two values", datasets.Expect{Schema: schema}, say("[1,2] [1,2]"), 0, "not JSON"},
		{"called", datasets.Expect{Call: "weather"}, call(right), 1, ""},
		{"called twice, once wrong", datasets.Expect{Call: "weather"}, call(right, quality.Call{Tool: "weather", Arguments: `{"town":"Ulm"}`}), 2. / 3, "not by its schema"},
		{"not called", datasets.Expect{Call: "weather"}, say("Sunny."), 0, "does not call weather"},
		{"arguments cut", datasets.Expect{Call: "weather"}, call(quality.Call{Tool: "weather", Arguments: `{"city":"U`}), .5, "not JSON"},
		{"another tool", datasets.Expect{MaxChars: 5}, call(quality.Call{Tool: "rocket", Arguments: `{}`}), .5, "no tool of the item"},
	} {
		t.Run(c.name, func(t *testing.T) {
			score, ok := check(t, c.expect, c.answer, weather)
			if !ok || score.Value != c.value || (c.missed != "") != (len(score.Missed) == 1) || c.missed != "" && !strings.Contains(score.Missed[0], c.missed) {
				t.Errorf("%v of %+v, want %v and %q", ok, score, c.value, c.missed)
			}
			if strings.Contains(strings.Join(score.Missed, ""), "\n") {
				t.Errorf("more than one line: %q", score.Missed)
			}
		})
	}
}

func TestBadSchemas(t *testing.T) {
	for text, says := range map[string]string{
		`{"type":"nonsense"}`:                "type",
		`{"$ref":"file:///etc/passwd"}`:      "another document",
		`{"$ref":"https://example.com/a"}`:   "another document",
		`{"type":"string","pattern":"(?<a"}`: "pattern",
		`{"minItems":-1}`:                    "minItems",
	} {
		set := &datasets.Set{Items: []datasets.Item{{ID: "odd", Expect: datasets.Expect{Schema: json.RawMessage(text)}}}}
		_, err := quality.NewChecker(set)
		if err == nil || !strings.Contains(err.Error(), "item odd: expect.schema") || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
		tool := datasets.Tool{Name: "t", Schema: json.RawMessage(text)}
		if _, err := quality.NewChecker(&datasets.Set{Items: []datasets.Item{{ID: "odd", Tools: []datasets.Tool{tool}}}}); err == nil || !strings.Contains(err.Error(), "tool t") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

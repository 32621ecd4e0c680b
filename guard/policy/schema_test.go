package policy_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(policy.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(value)
}

// TestSchemaTakesWhatParseTakes: an editor must not mark what the gate accepts,
// and must mark the mistakes that people make.
func TestSchemaTakesWhatParseTakes(t *testing.T) {
	s := compiled(t)
	for _, good := range []string{
		string(policy.DefaultYAML()), one,
		"alpha: 0.05\nmode: group-sequential\nlooks: 4\ncontrols: required\nslo: [{measure: first_token, at_most: 800ms}]\nprices: {input: 3, output: 15, cached: 0.3}\n" +
			"metrics:\n  - {measure: goodput, statistic: rate, gating: true, tau: 1%, margin: 2%}\n  - {measure: full, statistic: p99.9, gating: true, dry_run: true, tau: 5%, margin: 10%, band: {from: 99%, to: 99.95%}}\n",
	} {
		if _, err := policy.Parse([]byte(good)); err != nil {
			t.Errorf("Parse: %v\n%s", err, good)
		}
		if err := validate(t, s, []byte(good)); err != nil {
			t.Errorf("schema: %v\n%s", err, good)
		}
	}
	for _, bad := range []string{
		"alpah: 5%\n" + one, "alpha: five\n" + one, "mode: sometimes\n" + one, "min_blocks: 3\n" + one, "metrics: []\n",
		strings.Replace(one, "gap", "gpa", 1), strings.Replace(one, "p50", "p5000", 1), strings.Replace(one, "tau", "tua", 1),
		"slo: [{measure: success, at_most: 1s}]\n" + one,
	} {
		if _, err := policy.Parse([]byte(bad)); err == nil {
			t.Errorf("Parse takes\n%s", bad)
		}
		if validate(t, s, []byte(bad)) == nil {
			t.Errorf("the schema takes\n%s", bad)
		}
	}
}

// TestSchemaHasEveryKey holds the schema's keys to those of the types.
func TestSchemaHasEveryKey(t *testing.T) {
	var schema struct {
		Properties map[string]struct{ Properties map[string]any }
		Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal(policy.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		of   reflect.Type
		keys []string
	}{
		"policy":    {reflect.TypeFor[policy.Policy](), slices.Sorted(maps.Keys(schema.Properties))},
		"same_work": {reflect.TypeFor[policy.SameWork](), slices.Sorted(maps.Keys(schema.Properties["same_work"].Properties))},
		"prices":    {reflect.TypeFor[policy.Prices](), slices.Sorted(maps.Keys(schema.Properties["prices"].Properties))},
		"metric":    {reflect.TypeFor[policy.Metric](), slices.Sorted(maps.Keys(schema.Defs["metric"].Properties))},
	} {
		var want []string
		for f := range c.of.Fields() {
			if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "-" {
				want = append(want, key)
			}
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, c.keys); diff != "" {
			t.Errorf("%s: the schema has other keys than the type (-type +schema):\n%s", name, diff)
		}
	}
}

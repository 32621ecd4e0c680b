package datasets_test

import (
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

func TestVary(t *testing.T) {
	const text = `# a comment
name: a
first_chunk:
  median: 7.6s
  sigma: 0.3
capacity:
  models:
    gemini-3-pro-preview: {slots: 15}
  keys:
    good-1: {preview: true}
    used-1: {per_day: 1}
    used-2: {per_day: 1}
`
	for _, row := range []struct {
		parameter string
		factor    float64
		want      string // occurs; "": an error
	}{
		{"first_chunk.median", 2, "median: 15.2s"},
		{"first_chunk.median", .5, "median: 3.8s"},
		{"first_chunk.sigma", 2, "sigma: 0.6"},
		{"capacity.models.gemini-3-pro-preview.slots", .5, "slots: 8"},
		{"capacity.models.gemini-3-pro-preview.slots", .001, "slots: 1"},
		{"first_chunk.median+first_chunk.sigma", 2, "median: 15.2s\n  sigma: 0.6"},
		{"first_chunk.median+first_chunk.lost", 2, ""},
		{"capacity.keys.used-*", 2, "used-2-2:"},
		{"capacity.keys.used-*", .5, "used-1:"},
		{"capacity.keys.lost-*", 2, ""},
		{"name", 2, ""},
		{"capacity.keys", 2, ""},
		{"name.a", 2, ""},
		{"name.a.b", 2, ""},
		{"absent", 2, ""},
		{"first_chunk.median", 0, ""},
	} {
		got, err := datasets.Vary([]byte(text), row.parameter, row.factor)
		switch {
		case row.want == "" && (err == nil || !strings.Contains(err.Error(), row.parameter[strings.LastIndex(row.parameter, "+")+1:])):
			t.Errorf("%s: %v\n%s", row.parameter, err, got)
		case row.want != "" && (err != nil || !strings.Contains(string(got), row.want) || !strings.Contains(string(got), "good-1")):
			t.Errorf("%s: %v\n%s", row.parameter, err, got)
		}
		if row.factor == .5 && strings.Contains(string(got), "used-2") == strings.HasPrefix(row.parameter, "capacity.keys") {
			t.Errorf("%s:\n%s", row.parameter, got)
		}
	}
	if _, err := datasets.Vary([]byte("a: [1"), "a", 2); err == nil {
		t.Error("a broken file is varied")
	}
}

package sample_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// TestMeasuresStandInTheDocs holds the table of docs/measuring.md to the
// definitions; -update writes it.
func TestMeasuresStandInTheDocs(t *testing.T) {
	const path, mark = "../../docs/measuring.md", "|---|---|---|---|\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	for _, d := range sample.Definitions() {
		also := ""
		if d.Also != "" {
			also = "`" + d.Also + "`"
		}
		fmt.Fprintf(&rows, "| `%s` | %s | %s | %s |\n", d.Measure, also, d.Clock, d.Formula)
	}
	before, after, ok := strings.Cut(string(text), mark)
	_, after, end := strings.Cut(after, "<!-- measures:")
	if !ok || !end {
		t.Fatal("the table of measures is gone")
	}
	want := before + mark + rows.String() + "<!-- measures:" + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("the measures of %s are not those of Definitions: write them with -update", path)
	}
}

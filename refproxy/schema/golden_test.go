package schema_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/refproxy/schema"
)

var update = flag.Bool("update", false, "rewrite the golden files with what the code does now")

// TestGolden runs the rewrites in testdata. A file names the rule it guards and
// holds a schema of arguments beside what it must become:
//
//	schema.json       what a client sends
//	error.txt         why it is refused, or
//	parameters.json   what becomes of it for the one target
//	json-schema.json  and for the other, which is left out if Auto does not
//	                  choose it
//	answer.json       a schema of an answer in the place of arguments
func TestGolden(t *testing.T) {
	for _, file := range files(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			in, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(in.Comment, []byte("Rule: ")) {
				t.Error("the file does not name its rule")
			}
			got, want := txtar.Format(rewrite(in)), txtar.Format(in)
			if *update && !bytes.Equal(got, want) {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("rewrite differs (-want +got), -update rewrites it:\n%s", diff)
			}
		})
	}
}

func files(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no golden files: %v", err)
	}
	return files
}

func rewrite(in *txtar.Archive) *txtar.Archive {
	source := in.Files[0]
	out := &txtar.Archive{Comment: in.Comment, Files: []txtar.File{source}}
	add := func(name string, data []byte) { out.Files = append(out.Files, txtar.File{Name: name, Data: data}) }
	raw := bytes.TrimSuffix(source.Data, []byte("\n"))
	if source.Name == "answer.json" {
		answer, err := schema.Answer(raw)
		if err != nil {
			add("error.txt", []byte(err.Error()+"\n"))
		} else {
			add("json-schema.json", indent(answer))
		}
		return out
	}
	_, chosen, err := schema.Arguments(raw, schema.Auto)
	if err != nil {
		add("error.txt", []byte(err.Error()+"\n"))
		return out
	}
	parameters, _, err := schema.Arguments(raw, schema.Parameters)
	if err != nil {
		panic(err)
	}
	add("parameters.json", indent(parameters))
	if chosen == schema.JSONSchema {
		whole, _, err := schema.Arguments(raw, schema.JSONSchema)
		if err != nil {
			panic(err)
		}
		add("json-schema.json", indent(whole))
	}
	return out
}

func indent(b []byte) []byte {
	if b == nil {
		return []byte("none\n")
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		return fmt.Appendf(nil, "not JSON: %s\n", b)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

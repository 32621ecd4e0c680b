package e2e_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"google.golang.org/genai"
)

// TestOracleSchemas holds every schema that a golden file sends upstream
// as parameters to Google's own type of it: no field that the type has not.
func TestOracleSchemas(t *testing.T) {
	files, err := filepath.Glob("../../refproxy/*/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	seen := 0
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, schema := range sentSchemas(t, file, archive) {
			seen++
			dec := json.NewDecoder(bytes.NewReader(schema))
			dec.DisallowUnknownFields()
			if err := dec.Decode(new(genai.Schema)); err != nil {
				t.Errorf("%s: %v in %s", filepath.Base(file), err, schema)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d schemas in the golden files", seen)
	}
	t.Logf("%d schemas of %d files", seen, len(files))
}

// sentSchemas returns the schemas that the members of a golden file hold.
func sentSchemas(t *testing.T, file string, archive *txtar.Archive) []json.RawMessage {
	var found []json.RawMessage
	for _, f := range archive.Files {
		switch {
		case f.Name == "parameters.json" && f.Data[0] == '{':
			found = append(found, f.Data)
		case f.Name == "upstream-request.json":
			found = append(found, toolSchemas(t, file, f.Data)...)
		}
	}
	return found
}

func toolSchemas(t *testing.T, file string, request []byte) []json.RawMessage {
	var found []json.RawMessage
	var body struct {
		Tools []struct {
			FunctionDeclarations []struct {
				Parameters json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(request, &body); err != nil {
		t.Errorf("%s: %v", file, err)
	}
	for _, tool := range body.Tools {
		for _, f := range tool.FunctionDeclarations {
			if f.Parameters != nil {
				found = append(found, f.Parameters)
			}
		}
	}
	return found
}

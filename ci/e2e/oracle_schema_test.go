package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
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

// TestOracleGeminiTable holds that docs/wire.md names every field of Google's own
// types, on the way to the upstream and back.
func TestOracleGeminiTable(t *testing.T) {
	text, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Gemini upstream\n")
	request, answer, ok := strings.Cut(section, "\n### Gemini upstream: answer\n")
	answer, _, _ = strings.Cut(answer, "\n## ")
	if !ok {
		t.Fatal("docs/wire.md has no tables of the upstream")
	}
	for _, part := range []struct {
		table, prefix string
		of            any
	}{
		{request, "contents.parts.", genai.Part{}},
		{request, "contents.parts.functionCall.", genai.FunctionCall{}},
		{request, "contents.parts.functionResponse.", genai.FunctionResponse{}},
		{request, "contents.parts.functionResponse.parts.", genai.FunctionResponsePart{}},
		{request, "contents.parts.inlineData.", genai.Blob{}},
		{request, "contents.parts.fileData.", genai.FileData{}},
		{request, "tools.", genai.Tool{}},
		{request, "tools.functionDeclarations.", genai.FunctionDeclaration{}},
		{request, "tools.googleSearch.", genai.GoogleSearch{}},
		{request, "toolConfig.", genai.ToolConfig{}},
		{request, "toolConfig.functionCallingConfig.", genai.FunctionCallingConfig{}},
		{request, "generationConfig.", genai.GenerationConfig{}},
		{request, "generationConfig.thinkingConfig.", genai.ThinkingConfig{}},
		{answer, "", genai.GenerateContentResponse{}},
		{answer, "candidates.", genai.Candidate{}},
		{answer, "promptFeedback.", genai.GenerateContentResponsePromptFeedback{}},
		{answer, "usageMetadata.", genai.GenerateContentResponseUsageMetadata{}},
	} {
		for field := range reflect.TypeOf(part.of).Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" || name == "-" || name == "sdkHttpResponse" { // not on the wire
				continue
			}
			if row := "| `" + part.prefix + name; !strings.Contains(part.table, row+"`") && !strings.Contains(part.table, row+".") {
				t.Errorf("docs/wire.md has no row for %s%s", part.prefix, name)
			}
		}
	}
}

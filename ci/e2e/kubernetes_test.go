package e2e_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// kubernetesSchemas are where Kubernetes' own JSON Schemas of the kinds that
// ci/kubernetes has stand: in a module that the proxy serves.
var kubernetesSchemas = map[string]struct{ file, name string }{
	"Job":                   {"apis__batch__v1_openapi.json", "io.k8s.api.batch.v1.Job"},
	"PersistentVolumeClaim": {"api__v1_openapi.json", "io.k8s.api.core.v1.PersistentVolumeClaim"},
}

const kubernetesModule = "k8s.io/client-go@v0.34.1"

// TestKubernetesManifests holds ci/kubernetes to the schemas of Kubernetes, closed
// against unknown fields.
func TestKubernetesManifests(t *testing.T) {
	seen := map[string]bool{}
	for _, object := range documents(t, filepath.Join("..", "kubernetes", "shards.yaml")) {
		kind, _ := object["kind"].(string)
		if err := kubernetesSchema(t, kind).Validate(plain(t, object)); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		seen[kind] = true
	}
	if !seen["Job"] || !seen["PersistentVolumeClaim"] {
		t.Errorf("manifests of %v", seen)
	}
}

// TestTheJobRunsEveryShardOnce holds what no schema knows: that the shards of the
// Job are all shards of one run, and that a start is asked for.
func TestTheJobRunsEveryShardOnce(t *testing.T) {
	objects := documents(t, filepath.Join("..", "kubernetes", "shards.yaml"))
	i := slices.IndexFunc(objects, func(o map[string]any) bool { return o["kind"] == "Job" })
	if i < 0 {
		t.Fatal("no Job")
	}
	spec := objects[i]["spec"].(map[string]any)
	if spec["completionMode"] != "Indexed" || spec["completions"] != 4 || spec["parallelism"] != 4 {
		t.Errorf("%v, %v completions, %v at once", spec["completionMode"], spec["completions"], spec["parallelism"])
	}
	pod := spec["template"].(map[string]any)["spec"].(map[string]any)
	container := pod["containers"].([]any)[0].(map[string]any)
	args := container["args"].([]any)
	for _, want := range []string{"--shard=$(JOB_COMPLETION_INDEX)/4", "--start-at=$(START_AT)", "--seed=7"} {
		if !slices.Contains(args, any(want)) {
			t.Errorf("no argument %s in %v", want, args)
		}
	}
	if !slices.ContainsFunc(args, func(a any) bool { return strings.HasPrefix(a.(string), "--out=/runs/shard-$(JOB_COMPLETION_INDEX)") }) {
		t.Errorf("the shards write over each other: %v", args)
	}
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	// The arguments are bench's: with a start that has passed it complains of that alone.
	var line []string
	for _, arg := range args {
		line = append(line, strings.NewReplacer("$(JOB_COMPLETION_INDEX)", "3", "$(START_AT)", "2020-01-01T00:00:00Z").Replace(arg.(string)))
	}
	out, code := execute(t, []string{"GATEWAY_KEY=k"}, bin, line...)
	if code != 1 || !strings.Contains(out, "--start-at 2020-01-01T00:00:00Z has passed") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestKubernetesSchemasBite(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "kubernetes", "shards.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range [][2]string{
		{"completionMode: Indexed", "completionsMode: Indexed"},
		{"completions: 4", "completions: four"},
		{"fieldRef: {fieldPath", "fieldRef: {fieldPaths"},
		{"allowPrivilegeEscalation: false", "allowPrivilegeEscalations: false"},
	} {
		path := filepath.Join(t.TempDir(), "broken.yaml")
		if err := os.WriteFile(path, bytes.Replace(text, []byte(broken[0]), []byte(broken[1]), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		valid := true
		for _, object := range documents(t, path) {
			valid = valid && kubernetesSchema(t, object["kind"].(string)).Validate(plain(t, object)) == nil
		}
		if valid {
			t.Errorf("%q passed", broken[1])
		}
	}
}

func kubernetesSchema(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	at, known := kubernetesSchemas[kind]
	if !known {
		t.Fatalf("no schema for kind %q", kind)
	}
	text, err := os.ReadFile(filepath.Join(moduleDir(t, kubernetesModule), "openapi", "openapitest", "testdata", at.file))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	closeObjects(document.(map[string]any)["components"])
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("kubernetes.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("kubernetes.json#/components/schemas/" + at.name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	k8syaml "sigs.k8s.io/yaml"
)

// definitions are where each kind of our manifests has its schema: in a file of
// a module that the proxy serves.
var definitions = map[string]struct{ module, file string }{
	"AnalysisTemplate": {"github.com/argoproj/argo-rollouts@v1.8.3", "manifests/crds/analysis-template-crd.yaml"},
	"Rollout":          {"github.com/argoproj/argo-rollouts@v1.8.3", "manifests/crds/rollout-crd.yaml"},
	"Canary":           {"github.com/fluxcd/flagger@v1.36.1", "artifacts/flagger/crd.yaml"},
}

// TestCanaryManifests holds ci/canary to the schemas of the controllers. A field
// that a schema does not know is an error here, though a cluster would drop it.
func TestCanaryManifests(t *testing.T) {
	seen := 0
	for _, file := range []string{"argo.yaml", "flagger.yaml"} {
		for _, object := range documents(t, filepath.Join("..", "canary", file)) {
			kind, _ := object["kind"].(string)
			t.Run(file+" "+kind, func(t *testing.T) {
				if err := schemaOf(t, kind).Validate(plain(t, object)); err != nil {
					t.Error(err)
				}
			})
			seen++
		}
	}
	if seen != 3 {
		t.Errorf("%d manifests, want 3", seen)
	}
}

// TestServeManifest holds ci/canary/serve.yaml to Kubernetes' own types, read
// strictly.
func TestServeManifest(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "canary", "serve.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	deployment, service, _ := bytes.Cut(text, []byte("\n---\n"))
	for object, text := range map[any][]byte{&appsv1.Deployment{}: deployment, &corev1.Service{}: service} {
		if err := k8syaml.UnmarshalStrict(text, object); err != nil {
			t.Errorf("%T: %v", object, err)
		}
	}
	if k8syaml.UnmarshalStrict(bytes.Replace(service, []byte("targetPort"), []byte("targetPorts"), 1), &corev1.Service{}) == nil {
		t.Error("a misspelt field passed")
	}
}

// TestCanarySchemasBite holds that a misspelt field and a wrong type are seen.
func TestCanarySchemasBite(t *testing.T) {
	for _, broken := range [][2]string{
		{"failureLimit: 0", "failureLimits: 0"},
		{"timeoutSeconds: 20", "timeoutSeconds: soon"},
	} {
		text, err := os.ReadFile(filepath.Join("..", "canary", "argo.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "broken.yaml")
		if err := os.WriteFile(path, bytes.Replace(text, []byte(broken[0]), []byte(broken[1]), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		if schemaOf(t, "AnalysisTemplate").Validate(plain(t, documents(t, path)[0])) == nil {
			t.Errorf("%q passed", broken[1])
		}
	}
}

func documents(t *testing.T, path string) (out []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var object map[string]any
		switch err := decoder.Decode(&object); {
		case errors.Is(err, io.EOF):
			return out
		case err != nil:
			t.Fatalf("%s: %v", path, err)
		}
		out = append(out, object)
	}
}

// plain is v in the types that JSON has.
func plain(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// schemaOf returns the schema of a kind out of its definition, closed against
// unknown fields.
func schemaOf(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	d, known := definitions[kind]
	if !known {
		t.Fatalf("no schema for kind %q", kind)
	}
	definition := documents(t, filepath.Join(moduleDir(t, d.module), d.file))[0]
	version := definition["spec"].(map[string]any)["versions"].([]any)[0].(map[string]any)
	schema := plain(t, version["schema"].(map[string]any)["openAPIV3Schema"])
	closeObjects(schema)
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("crd.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("crd.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// closeObjects forbids members beside those that a schema lists.
func closeObjects(schema any) {
	switch s := schema.(type) {
	case []any:
		for _, element := range s {
			closeObjects(element)
		}
	case map[string]any:
		properties, listed := s["properties"].(map[string]any)
		_, open := s["additionalProperties"]
		_, keep := s["x-kubernetes-preserve-unknown-fields"]
		// The root and metadata have members that every Kubernetes object has.
		if _, root := properties["kind"]; listed && !open && !keep && !root {
			s["additionalProperties"] = false
		}
		for _, element := range s {
			closeObjects(element)
		}
	}
}

func moduleDir(t *testing.T, module string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module)
	cmd.Dir = t.TempDir() // outside any module: nothing of this one is asked for
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", module, err, out, stderr.String())
	}
	var found struct{ Dir string }
	if err := json.Unmarshal(out, &found); err != nil || found.Dir == "" {
		t.Fatalf("%s: no folder in %s (%v)", module, out, err)
	}
	return found.Dir
}

package codeassist_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/refproxy/codeassist"
)

// FuzzProjectID: whatever an answer holds, what is found is an id that is found
// again in every other shape.
func FuzzProjectID(f *testing.F) {
	for _, seed := range []string{`"p"`, `"projects/p/locations/x"`, `{"id":{"name":"p"}}`, `["",{"project":"p"}]`, `null`, `"projects/ p /"`, `{"id":"projects/projects/x"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		id := codeassist.ProjectID(json.RawMessage(raw))
		if id != strings.TrimSpace(id) || strings.HasPrefix(id, "projects/") {
			t.Fatalf("%q is no id, of %s", id, raw)
		}
		quoted, err := json.Marshal(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, shape := range []string{`%`, `{"projectId":%}`, `[%]`, `{"id":" ","project":{"name":%}}`} {
			again := strings.Replace(shape, "%", string(quoted), 1)
			if got := codeassist.ProjectID(json.RawMessage(again)); got != id {
				t.Fatalf("%q of %s, %q of %s", id, raw, got, again)
			}
		}
	})
}

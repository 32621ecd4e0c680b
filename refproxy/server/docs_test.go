package server_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/refproxy/server"
)

// table returns the cells of the first table in a section of docs/wire.md.
func table(t *testing.T, section string) [][]string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "\n## "+section+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	var rows [][]string
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			if rows != nil {
				break
			}
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	if !ok || len(rows) < 3 {
		t.Fatalf("docs/wire.md has no table in %q", section)
	}
	return rows[2:]
}

// TestRoutesAreAsDocumented: every row is a route, of its dialect, and takes the
// keys that it says, in that order.
func TestRoutesAreAsDocumented(t *testing.T) {
	cfg := config(t, serve(t, &scripted{kind: "application/json", body: event2, models: `{"models":[{"name":"models/m"}]}`}))
	cfg.NoAuth, cfg.Keys = false, server.NewKeys("k1")
	p := start(t, cfg)
	fill := strings.NewReplacer("{m}", "m", "{id}", "m", "`", "")
	// An envelope is told apart by what only it has.
	marks := map[string]string{"Anthropic": `"type":"error"`, "OpenAI": `"param":`, "Gemini": `"status":`}
	for _, row := range table(t, "Routes") {
		method, path, _ := strings.Cut(fill.Replace(row[0]), " ")
		resp, got := call(t, method, p.url+path, "{}")
		if row[1] == "-" {
			if resp.StatusCode != 200 {
				t.Errorf("%s: %d", row[0], resp.StatusCode)
			}
			continue
		}
		dialect, _, versioned := strings.Cut(row[1], " with ")
		header := []string{}
		if versioned {
			header = []string{"anthropic-version", "2023-06-01"}
			if !strings.Contains(got, marks["OpenAI"]) {
				t.Errorf("%s without a version: %s", row[0], got)
			}
			_, got = call(t, method, p.url+path, "{}", header...)
		}
		if resp.StatusCode != 401 || !strings.Contains(got, marks[dialect]) {
			t.Errorf("%s: %d %s", row[0], resp.StatusCode, got)
		}
		for i, way := range strings.Split(row[2], ", ") {
			// The key is right in this place and wrong in all that come after it.
			query := ""
			sent := slices.Clone(header)
			for n, other := range strings.Split(row[2], ", ") {
				key := map[bool]string{true: "k1", false: "wrong"}[n == i]
				switch {
				case n < i:
				case other == "Bearer":
					sent = append(sent, "Authorization", "Bearer "+key)
				case other == "`?key=`":
					query = "?key=" + key
				default:
					sent = append(sent, strings.Trim(other, "`"), key)
				}
			}
			if resp, got := call(t, method, p.url+path+query, "{}", sent...); resp.StatusCode == 401 || resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed {
				t.Errorf("%s with a key as %s: %d %s", row[0], way, resp.StatusCode, got)
			}
		}
	}
}

// TestNativeFieldsAreAsDocumented: every field arrives with the bytes it had.
func TestNativeFieldsAreAsDocumented(t *testing.T) {
	up := &scripted{kind: "application/json", body: event2}
	p := start(t, config(t, serve(t, up)))
	for _, row := range table(t, "Gemini native") {
		name, example := strings.Trim(row[0], "`"), strings.Trim(row[2], "`")
		if name == "anything else" {
			name = "unheard"
		}
		sent := `{"first" : 1, "` + name + `": ` + example + "\n}"
		if resp, got := call(t, "POST", p.url+generate, sent); resp.StatusCode != 200 || (up.last(t).body == sent) != (row[1] == "kept") {
			t.Errorf("%s is %s: %d %s, the upstream got %s", row[0], row[1], resp.StatusCode, got, up.last(t).body)
		}
	}
}

package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
)

// asked is what a request of each dialect must be to be answered.
var asked = map[string]struct{ method, uri, header, value, body string }{
	"anthropic":        {"POST", "/base/v1/messages", "X-Api-Key", "hunter2", `"messages":[`},
	"openai-chat":      {"POST", "/base/v1/chat/completions", "Authorization", "Bearer hunter2", `"include_usage":true`},
	"openai-responses": {"POST", "/base/v1/responses", "Authorization", "Bearer hunter2", `"input":[`},
	"gemini":           {"POST", "/base/v1beta/models/m:streamGenerateContent?alt=sse", "X-Goog-Api-Key", "hunter2", `"contents":[`},
	"http":             {"GET", "/base/", "Authorization", "Bearer hunter2", ``},
	"http-post":        {"POST", "/base/", "Authorization", "Bearer hunter2", `What`},
}

// replays VAR DIALECT CASE [WORD]: a server for the length of the script that plays a
// recording of bench/dialect event by event to requests that are just those of
// the dialect, with the key hunter2 and the word in their body; the variable takes its URL.
func cmdReplays(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: replays variable dialect case [word]")
	}
	want, known := asked[args[1]]
	if len(args) > 3 {
		want.body = args[3]
	}
	archive, err := txtar.ParseFile("bench/dialect/testdata/" + strings.TrimSuffix(args[1], "-post") + "/" + args[2] + ".txtar")
	ts.Check(err)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !known || r.Method != want.method || r.RequestURI != want.uri ||
			r.Header.Get(want.header) != want.value || !bytes.Contains(body, []byte(want.body)) {
			http.Error(w, fmt.Sprintf(`{"error":{"message":"unexpected %s %s"}}`, r.Method, r.RequestURI), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", archive.Files[0].Name)
		w.Header().Set("X-Request-Id", "req-"+args[1])
		for line := range bytes.Lines(bytes.ReplaceAll(archive.Files[0].Data, []byte("␍"), []byte("\r"))) {
			_, _ = w.Write(line) // a client that left needs no answer
			w.(http.Flusher).Flush()
		}
	}))
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL+"/base/")
}

// TestDocsHaveEveryDialect holds the table of docs/measuring.md to the dialects
// that there are.
func TestDocsHaveEveryDialect(t *testing.T) {
	text, err := os.ReadFile("docs/measuring.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Dialects\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var rows []string
	for line := range strings.Lines(section) {
		if _, rest, ok := strings.Cut(line, "| `"); ok && strings.HasPrefix(line, "| `") {
			name, _, _ := strings.Cut(rest, "`")
			rows = append(rows, name)
		}
	}
	rows = slices.DeleteFunc(rows, func(name string) bool { return name == "--dialect" })
	if diff := cmp.Diff(dialect.Names(), rows); diff != "" {
		t.Errorf("-dialects +rows:\n%s", diff)
	}
}

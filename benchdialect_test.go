package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"
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

// replays VAR DIALECT CASE: a server for the length of the script that plays a
// recording of bench/dialect event by event to requests that are just those of
// the dialect, with the key hunter2; the variable takes its URL.
func cmdReplays(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replays variable dialect case")
	}
	want, known := asked[args[1]]
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

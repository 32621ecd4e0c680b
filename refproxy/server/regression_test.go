package server_test

import (
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/refproxy/server"
)

// TestOneQuestion: what can never work is asked of the upstream once (wire.md,
// section 10, case 4), and so is everything else: nothing is repeated yet.
func TestOneQuestion(t *testing.T) {
	for status, want := range map[int]int{400: 400, 403: 403, 404: 404, 413: 413, 429: 429, 500: 502, 503: 502} {
		for _, extra := range []string{"", streamed} {
			up := &scripted{status: status, kind: "application/json", body: `{"error":{"message":"no"}}`}
			p := start(t, config(t, serve(t, up)))
			resp, got := call(t, "POST", p.url+"/v1/messages", body("hi", extra))
			if resp.StatusCode != want || len(up.asked) != 1 {
				t.Errorf("%d%s: %d after %d questions: %s", status, extra, resp.StatusCode, len(up.asked), got)
			}
		}
	}
}

// TestNoWayAroundTheKey: no spelling of a path reaches the upstream without one
// (wire.md, section 10, case 20), and no key but a whole one is taken.
func TestNoWayAroundTheKey(t *testing.T) {
	up := &scripted{kind: "application/json", body: event2, models: `{"models":[]}`}
	cfg := config(t, serve(t, up))
	cfg.NoAuth, cfg.Keys = false, server.NewKeys("k1,k2")
	p := start(t, cfg)
	paths := []string{
		"/v1/messages/", "//v1/messages", "/healthz/../v1/messages", "/v1/./messages", "/v1%2Fmessages", "/V1/messages", "/v1/messages;x",
		"/v1/messages?key=k1", "/v1/chat/completions?key=k1", "/v1/models", "/v1/models/m", generate, stream, "/v1beta/models/m:countTokens",
		"/v1/models/m:generateContent", "/healthz/v1/messages", "/v1beta/models/healthz:generateContent",
	}
	for _, path := range paths {
		for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS"} {
			for _, header := range [][]string{nil, {"x-api-key", "k"}, {"x-goog-api-key", "k1,k2"}, {"Authorization", "k1"}, {"Cookie", "key=k1"}, {"x-api-key", ""}} {
				resp, got := call(t, method, p.url+path, body("hi", ""), header...)
				if resp.StatusCode < 400 {
					t.Errorf("%s %s with %q: %d %s", method, path, header, resp.StatusCode, got)
				}
				if resp.Header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("%s %s: other origins are let in", method, path)
				}
			}
		}
	}
	if len(up.asked) != 0 {
		t.Errorf("the upstream was asked %+v", up.asked)
	}
}

// TestRoutesAreDocumented: no route is missing in docs/wire.md.
func TestRoutesAreDocumented(t *testing.T) {
	s, err := server.New(config(t, "http://127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rows := table(t, "Routes")
	for _, rt := range server.Routes(s) {
		begin, _, _ := strings.Cut(rt, "*")
		found := false
		for _, row := range rows {
			found = found || strings.HasPrefix(strings.Trim(row[0], "`"), begin)
		}
		if !found {
			t.Errorf("%s has no row", rt)
		}
	}
	if n := len(server.Routes(s)); n < 13 {
		t.Errorf("%d routes", n)
	}
}

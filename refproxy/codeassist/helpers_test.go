package codeassist_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/codeassist"
)

// A google answers instead of the network: by the path, in order, the last
// answer again and again. It is safe inside a bubble, where no socket is.
type google struct {
	mu      sync.Mutex
	answers map[string][]answer
	asked   []asked
}

// An answer is a status with a body, after a wait; status 0 is no answer at all.
type answer struct {
	status int
	body   string
	wait   time.Duration
	header string // "Name: value"
}

type asked struct {
	path, token, agent, body string
	at                       time.Time
}

func (g *google) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	path := r.Method + " " + r.URL.Path
	g.mu.Lock()
	g.asked = append(g.asked, asked{path, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), r.UserAgent(), string(body), time.Now()})
	list := g.answers[path]
	a := answer{status: 404, body: "no such path " + path}
	if len(list) > 0 {
		a = list[0]
	}
	if len(list) > 1 {
		g.answers[path] = list[1:]
	}
	g.mu.Unlock()
	select {
	case <-time.After(a.wait):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if a.status == 0 {
		return nil, errors.New("connection refused")
	}
	h := http.Header{}
	if name, value, ok := strings.Cut(a.header, ": "); ok {
		h.Set(name, value)
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// paths lists what was asked, without the token endpoint.
func (g *google) paths() []string {
	var out []string
	for _, a := range g.requests("") {
		if a.path != tokenPath {
			out = append(out, a.path)
		}
	}
	return out
}

func (g *google) requests(path string) []asked {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []asked
	for _, a := range g.asked {
		if path == "" || a.path == path {
			out = append(out, a)
		}
	}
	return out
}

const (
	tokenPath   = "POST /token"
	loadPath    = "POST /v1internal:loadCodeAssist"
	onboardPath = "POST /v1internal:onboardUser"
)

// tokenAnswers makes a1, a2, ... at the token endpoint.
func tokenAnswers(more ...string) []answer {
	var out []answer
	for _, name := range []string{"a1", "a2", "a3", "a4"} {
		out = append(out, answer{status: 200, body: `{"access_token":"` + name + `","expires_in":3600,"token_type":"Bearer"` + strings.Join(more, "") + `}`})
	}
	return out
}

// file writes a credential file whose token ends after left; extra are more
// members.
func file(t *testing.T, left time.Duration, extra string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credential.json")
	content := `{"client_id":"id-1","client_secret":"SECRET-1","refresh_token":"REFRESH-1","token":"a0","expiry":"` +
		time.Now().Add(left).UTC().Format(time.RFC3339) + `","token_uri":"https://accounts.test/token","kept":{"as":["it","is"]}` + extra + `}`
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens an account, of a file if there is a path, whose log goes to the
// returned buffer.
func open(t *testing.T, path string, g *google, cfg codeassist.Config) (*codeassist.Account, *safeBuffer) {
	t.Helper()
	log := &safeBuffer{}
	cfg.File, cfg.HTTP, cfg.UserAgent = path, g, "firstbyte-refproxy/test"
	cfg.BaseURL, cfg.ResourceManagerURL = "https://code.test", "https://rm.test"
	cfg.Log = slog.New(slog.NewJSONHandler(log, nil))
	a, err := codeassist.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a, log
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// saved returns what the credential file holds now.
func saved(t *testing.T, path string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// secrets must be in no error and no log.
func secretless(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		for _, secret := range []string{"SECRET-1", "REFRESH-1", "REFRESH-2"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q tells %s", text, secret)
			}
		}
	}
}

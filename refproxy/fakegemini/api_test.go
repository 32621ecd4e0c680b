package fakegemini_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/refproxy/codeassist"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakeaccount"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/vertex"
)

const (
	vertexPath = "/v1/projects/p-1/locations/global/publishers/google/models/gemini-2.5-flash:"
	assistPath = "/v1internal:"
)

// bearer replaces the key of a request.
func bearer(req *http.Request, token string) *http.Request {
	req.Header.Del("X-Goog-Api-Key")
	req.Header.Set("Authorization", "Bearer "+token)
	return req
}

// grantedToken asks the upstream itself for a token.
func grantedToken(t *testing.T, url string) string {
	t.Helper()
	req := newRequest(t, t.Context(), "POST", url+"/token", "grant_type=refresh_token&client_id=i&client_secret=s&refresh_token=r")
	req.Header.Del("X-Goog-Api-Key")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("no token: %v", err)
	}
	return answer.Token
}

func TestOtherAPIs(t *testing.T) {
	short := func(s *fakegemini.Scenario) { s.Fallback.Length.Median = 30 }
	a := prompt("a", 0, "01")
	wrapped := func(more string) string {
		return `{"model":"gemini-2.5-flash","project":"simulated-project","user_prompt_id":"u"` + more + `,"request":` + strings.TrimSuffix(a, "}") + `,"session_id":"s"}}`
	}
	for _, c := range []struct{ name, path, body string }{
		{"vertex-generate", vertexPath + "generateContent", a},
		{"vertex-stream", vertexPath + "streamGenerateContent?alt=sse", a},
		{"vertex-count", vertexPath + "countTokens", strings.TrimSuffix(a, "}") + `,"systemInstruction":{"parts":[{"text":"Be brief."}]}}`},
		{"vertex-unknown-model", strings.ReplaceAll(vertexPath, "flash", "flush") + "generateContent", a},
		{"assist-generate", assistPath + "generateContent", wrapped("")},
		{"assist-stream", assistPath + "streamGenerateContent?alt=sse", wrapped(`,"enabled_credit_types":["A"]`)},
		{"assist-count", assistPath + "countTokens", `{"request":{"model":"models/gemini-2.5-flash",` + a[1:] + `}`},
		{"assist-bare", assistPath + "generateContent", a},
		{"assist-unknown-model", assistPath + "generateContent", strings.ReplaceAll(wrapped(""), "flash", "flush")},
		{"assist-other-project", assistPath + "generateContent", strings.ReplaceAll(wrapped(""), "simulated", "another")},
		{"assist-unknown-field", assistPath + "generateContent", wrapped(`,"stream":true`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t, fakegemini.Config{Scenario: fast(t, short)})
			server := httptest.NewServer(s.Handler("upstream"))
			defer server.Close()
			req := newRequest(t, t.Context(), "POST", server.URL+c.path, c.body)
			golden(t, "apis/"+c.name, exchange(t, server.Client(), bearer(req, grantedToken(t, server.URL))))
		})
	}
}

// TestWhoMayAsk: a key opens one API and a token the two others.
func TestWhoMayAsk(t *testing.T) {
	s := newServer(t, fakegemini.Config{Scenario: fast(t, nil)})
	server := httptest.NewServer(s.Handler("upstream"))
	defer server.Close()
	for name, req := range map[string]*http.Request{
		"a key for Vertex AI":            newRequest(t, t.Context(), "POST", server.URL+vertexPath+"generateContent", prompt("a", 0, "01")),
		"a key for Code Assist":          newRequest(t, t.Context(), "POST", server.URL+assistPath+"loadCodeAssist", `{}`),
		"a key for its operations":       newRequest(t, t.Context(), "GET", server.URL+"/v1internal/operations/onboarding", ``),
		"an invented token":              bearer(newRequest(t, t.Context(), "POST", server.URL+vertexPath+"generateContent", prompt("a", 0, "01")), "invented"),
		"a token for generativelanguage": bearer(newRequest(t, t.Context(), "POST", server.URL+wholePath, prompt("a", 0, "01")), grantedToken(t, server.URL)),
	} {
		if got := exchange(t, server.Client(), req); !strings.Contains(got, "< 401") || !strings.Contains(got, "UNAUTHENTICATED") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if stats := s.Stats(); stats.Account == nil || stats.Account.Refreshes != 1 || stats.Account.Unauthorised != 4 {
		t.Errorf("counted %+v", stats.Account)
	}
}

// TestAServiceAccountReachesVertexAI goes the whole way with Google's library.
func TestAServiceAccountReachesVertexAI(t *testing.T) {
	s := newServer(t, fakegemini.Config{Scenario: fast(t, nil)})
	server := httptest.NewServer(s.Handler("upstream"))
	defer server.Close()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, map[string]string{
		"type": "service_account", "project_id": "p-1", "private_key_id": "k", "client_email": "a@p-1.test", "token_uri": server.URL + "/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	tokens, err := vertex.Open(vertex.Config{File: file, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	token, err := tokens.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	req := bearer(newRequest(t, t.Context(), "POST", server.URL+vertexPath+"generateContent", prompt("a", 0, "01")), token)
	if got := exchange(t, server.Client(), req); !strings.Contains(got, "< 200") {
		t.Errorf("got %s", got)
	}
	if got := s.Stats().Account; got.Assertions != 1 {
		t.Errorf("counted %+v", got)
	}
}

// TestAUserReachesCodeAssist goes the whole way with the proxy's own client:
// token, onboarding, project, answer, and a token that is over.
func TestAUserReachesCodeAssist(t *testing.T) {
	scenario := fast(t, func(s *fakegemini.Scenario) {
		s.Account.CodeAssist = fakeaccount.CodeAssist{Onboarding: true, ProjectShape: "location"}
	})
	s := newServer(t, fakegemini.Config{Scenario: scenario, KeepRequests: 1})
	server := httptest.NewServer(s.Handler("upstream"))
	defer server.Close()
	file := writeFile(t, map[string]string{"client_id": "i", "client_secret": "s", "refresh_token": "r", "token_uri": server.URL + "/token"})
	account, err := codeassist.Open(codeassist.Config{File: file, BaseURL: server.URL, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer account.Close()
	project, err := account.Project(t.Context())
	if err != nil || project != "simulated-project" {
		t.Fatalf("project %q, %v", project, err)
	}
	token, err := account.Token(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	body := `{"model":"gemini-2.5-pro","project":"` + project + `","request":` + prompt("a", 0, "01") + `}`
	req := bearer(newRequest(t, t.Context(), "POST", server.URL+assistPath+"streamGenerateContent?alt=sse", body), token)
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("X-Cloudaicompanion-Trace-Id"), "trace-") || !strings.HasPrefix(resp.Header.Get("Server-Timing"), "gfet4t7; dur=") {
		t.Errorf("got %d %v", resp.StatusCode, resp.Header)
	}
	if kept := s.Requests(); len(kept) != 1 || kept[0].Model != "gemini-2.5-pro" || kept[0].Path != "/v1internal:streamGenerateContent" {
		t.Errorf("kept %+v", kept)
	}
	if got := s.Stats().Account; got.Loads != 1 || got.Onboardings != 1 || got.Refreshes != 1 {
		t.Errorf("counted %+v", got)
	}
}

func writeFile(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestAScriptReachesEveryAPI: an envelope and a path change no answer.
func TestAScriptReachesEveryAPI(t *testing.T) {
	_, c := scripted(t, fakegemini.Config{Seed: 1})
	token := grantedToken(t, c.url)
	inner := `{"contents":[{"role":"user","parts":[{"text":"two weathers"}]}],` + config3 + `}`
	for path, body := range map[string]string{
		strings.ReplaceAll(vertexPath, "2.5-flash", "3-pro-preview") + "generateContent": inner,
		assistPath + "generateContent": `{"model":"gemini-3-pro-preview","project":"simulated-project","request":` + inner + `}`,
	} {
		req := bearer(newRequest(t, t.Context(), "POST", c.url+path, body), token)
		if got := exchange(t, c.http, req); strings.Count(got, `"functionCall"`) != 2 || strings.Count(got, `"thoughtSignature"`) != 3 {
			t.Errorf("%s: %s", path, got)
		}
	}
}

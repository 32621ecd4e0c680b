package vertex_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/vertex"
)

var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// An endpoint is a stand-in token endpoint.
type endpoint struct {
	*httptest.Server
	mu     sync.Mutex
	forms  []url.Values
	agents []string
}

// serve answers with each status in turn, then with 200; 200s hold t1, t2, ...
func serve(t *testing.T, body string, statuses ...int) *endpoint {
	e := &endpoint{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		e.mu.Lock()
		defer e.mu.Unlock()
		e.forms, e.agents = append(e.forms, r.PostForm), append(e.agents, r.UserAgent())
		n := len(e.forms)
		if n <= len(statuses) && statuses[n-1] != 200 {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(statuses[n-1])
			fmt.Fprint(w, body)
			return
		}
		fmt.Fprintf(w, `{"access_token":"t%d","expires_in":3600,"token_type":"Bearer"}`, n)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) asked() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.forms)
}

func write(t *testing.T, content any) string {
	t.Helper()
	data, ok := content.(string)
	if !ok {
		b, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		data = string(b)
	}
	path := filepath.Join(t.TempDir(), "c.json")
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// account is a service account's file.
func account(t *testing.T, tokenURI string) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key())
	if err != nil {
		t.Fatal(err)
	}
	return write(t, map[string]string{
		"type": "service_account", "project_id": "p-1", "private_key_id": "kid-1", "client_email": "a@p-1.test", "token_uri": tokenURI,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
}

func open(t *testing.T, file string) *vertex.Tokens {
	t.Helper()
	tokens, err := vertex.Open(vertex.Config{File: file, UserAgent: "firstbyte-refproxy/test"})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// TestServiceAccount: the token is asked for with a JWT that the account's key
// has signed, once, and kept.
func TestServiceAccount(t *testing.T) {
	e := serve(t, "")
	tokens := open(t, account(t, e.URL))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if got, err := tokens.Token(t.Context()); got != "t1" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	wg.Wait()
	if e.asked() != 1 || e.agents[0] != "firstbyte-refproxy/test" || e.forms[0].Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		t.Fatalf("asked %v as %v", e.forms, e.agents)
	}
	parts := strings.Split(e.forms[0].Get("assertion"), ".")
	if len(parts) != 3 {
		t.Fatalf("assertion of %d parts", len(parts))
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err = errors.Join(err, rsa.VerifyPKCS1v15(&key().PublicKey, crypto.SHA256, sum[:], signature)); err != nil {
		t.Error(err)
	}
	var claims struct{ Iss, Scope, Aud string }
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err = errors.Join(err, json.Unmarshal(payload, &claims)); err != nil {
		t.Fatal(err)
	}
	want := struct{ Iss, Scope, Aud string }{"a@p-1.test", "https://www.googleapis.com/auth/cloud-platform", e.URL}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if p := tokens.Project(t.Context()); p != "p-1" {
		t.Errorf("project %q", p)
	}
}

// TestMachine: without a file the credentials of the machine are found.
func TestMachine(t *testing.T) {
	e := serve(t, "")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", account(t, e.URL))
	if got, err := open(t, "").Token(t.Context()); got != "t1" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none"))
	if _, err := vertex.Open(vertex.Config{}); err == nil || !strings.Contains(err.Error(), "--credentials-file") {
		t.Errorf("error %v", err)
	}
}

// TestJSON: the content of a file serves as the file does, and names the same
// account.
func TestJSON(t *testing.T) {
	e := serve(t, "")
	file := account(t, e.URL)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := vertex.Open(vertex.Config{JSON: data})
	if err != nil {
		t.Fatal(err)
	}
	first, err := tokens.Token(t.Context())
	if err = errors.Join(err, tokens.Renew(t.Context(), first)); err != nil {
		t.Fatal(err)
	}
	if got, err := tokens.Token(t.Context()); got != "t2" || err != nil || tokens.Project(t.Context()) != "p-1" {
		t.Errorf("%q, %v, project %q", got, err, tokens.Project(t.Context()))
	}
	if id := tokens.Identity(); id != open(t, file).Identity() || id == "" || strings.Contains(id, "p-1") {
		t.Errorf("identity %q", id)
	}
}

func TestRenew(t *testing.T) {
	e := serve(t, "")
	tokens := open(t, account(t, e.URL))
	if err := tokens.Renew(t.Context(), "never given"); err != nil || e.asked() != 0 {
		t.Errorf("%v after %d requests", err, e.asked())
	}
	first, err := tokens.Token(t.Context())
	if err = errors.Join(err, tokens.Renew(t.Context(), first), tokens.Renew(t.Context(), first)); err != nil {
		t.Fatal(err)
	}
	second, err := tokens.Token(t.Context())
	if second != "t2" || err != nil || e.asked() != 2 {
		t.Errorf("%q, %v after %d requests", second, err, e.asked())
	}
	v, ok := errors.AsType[*vertex.Error](tokens.Renew(t.Context(), second))
	if !ok || v.Passing || e.asked() != 2 {
		t.Errorf("a token that was refused at once: %v", v)
	}
}

// TestTokenEndpoint: what each answer of the token endpoint comes to.
func TestTokenEndpoint(t *testing.T) {
	for name, tt := range map[string]struct {
		status        int
		body          string
		passing, dead bool
		says          string
	}{
		"a key that is gone": {400, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`, false, true, "invalid_grant Invalid JWT Signature."},
		"a deleted account":  {400, `{"error":"invalid_grant","error_description":"Invalid grant: account not found"}`, false, true, "account not found"},
		"a disabled account": {401, `{"error":"unauthorized_client"}`, false, true, "unauthorized_client"},
		"this clock":         {400, `{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."}`, false, false, "reasonable timeframe"},
		"another code":       {400, `{"error":"invalid_scope"}`, false, false, "invalid_scope"},
		"forbidden":          {403, "<html>", false, false, "refused the credential (403)"},
		"a redirect":         {302, "", false, false, "(302)"},
		"bad gateway":        {502, `{"error":"invalid_grant"}`, true, false, "not available"},
	} {
		t.Run(name, func(t *testing.T) {
			statuses := []int{tt.status, tt.status, tt.status, tt.status, tt.status, tt.status, tt.status, tt.status}
			e := serve(t, tt.body, statuses...)
			_, err := open(t, account(t, e.URL)).Token(t.Context())
			v, ok := errors.AsType[*vertex.Error](err)
			if !ok || v.Passing != tt.passing || v.Dead != tt.dead || !strings.Contains(v.Message, tt.says) || strings.Contains(err.Error(), "assertion") {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
	t.Run("no token in the answer", func(t *testing.T) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }))
		defer s.Close()
		_, err := open(t, account(t, s.URL)).Token(t.Context())
		if v, ok := errors.AsType[*vertex.Error](err); !ok || !v.Passing || !strings.Contains(v.Message, "no token") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		s := httptest.NewServer(nil)
		s.Close()
		_, err := open(t, account(t, s.URL)).Token(t.Context())
		if v, ok := errors.AsType[*vertex.Error](err); !ok || !v.Passing || !strings.Contains(v.Message, "not reached") {
			t.Errorf("error %v", err)
		}
	})
}

// TestOpen: a file that cannot work is refused with what to do, and quotes
// nothing of it.
func TestOpen(t *testing.T) {
	for name, tt := range map[string]struct {
		content any
		says    string
	}{
		"no JSON":             {"SECRET", "want JSON"},
		"another type":        {map[string]string{"type": "external_account", "private_key": "SECRET"}, "service_account authorized_user"},
		"an OAuth client":     {`{"installed":{"client_secret":"SECRET"}}`, "service_account authorized_user"},
		"no private key":      {map[string]string{"type": "service_account", "client_email": "a"}, "private_key are needed"},
		"key that is none":    {map[string]string{"type": "service_account", "client_email": "a", "private_key": "SECRET"}, "no RSA key"},
		"a user's, no client": {map[string]string{"type": "authorized_user", "refresh_token": "SECRET"}, "none is built in"},
	} {
		file := write(t, tt.content)
		_, err := vertex.Open(vertex.Config{File: file})
		data, errRead := os.ReadFile(file)
		if errRead != nil {
			t.Fatal(errRead)
		}
		if _, inMemory := vertex.Open(vertex.Config{JSON: data}); inMemory == nil || strings.Replace(err.Error(), "credentials "+file, "credentials for Vertex AI", 1) != inMemory.Error() {
			t.Errorf("%s: %v, not as the file's: %v", name, inMemory, err)
		}
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
	if _, err := vertex.Open(vertex.Config{File: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("no file was accepted")
	}
	if _, err := vertex.Open(vertex.Config{File: account(t, "https://a.test"), JSON: []byte("{}")}); err == nil || !strings.Contains(err.Error(), "not both") {
		t.Errorf("a file and its content: %v", err)
	}
	user := map[string]string{"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
	if _, err := vertex.Open(vertex.Config{File: write(t, user)}); err != nil {
		t.Error(err)
	}
}

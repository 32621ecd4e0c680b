package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/refproxy/control"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/store"
)

// upstreamOf reads flags as the command does.
func upstreamOf(t *testing.T, stored bool, args ...string) (*upstreamFlags, server.Config, error) {
	t.Helper()
	var f upstreamFlags
	fs := pflag.NewFlagSet("proxy", pflag.ContinueOnError)
	f.register(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	cfg := server.Config{NoAuth: true}
	if err := f.into(t.Context(), &cfg, stored); err != nil {
		return nil, cfg, err
	}
	t.Cleanup(func() {
		for _, s := range cfg.Sources {
			closeAccount(s)
		}
	})
	return &f, cfg, cfg.Validate()
}

func closeAccount(s server.Source) {
	if s.Account != nil {
		s.Account.Close()
	}
}

// TestCredentialsOfTheStoreAlone: with a store nothing has to be given; without one
// the command says what it wants. An upstream of somebody else may want no key.
func TestCredentialsOfTheStoreAlone(t *testing.T) {
	t.Setenv("GEMINI_API_KEY", "")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none.json"))
	for _, tt := range []struct {
		args []string
		want int // credentials with a store
	}{
		{[]string{"--upstream-kind", "gemini"}, 0},
		{[]string{"--upstream-kind", "vertex"}, 0},
		{[]string{"--upstream-kind", "code-assist"}, 0},
		{[]string{"--upstream-kind", "gemini", "--upstream", "http://127.0.0.1:1"}, 1},
	} {
		if _, cfg, err := upstreamOf(t, true, tt.args...); err != nil || cfg.Sources == nil || len(cfg.Sources) != tt.want {
			t.Errorf("%q with a store: %d credentials, %v", tt.args, len(cfg.Sources), err)
		}
		if _, _, err := upstreamOf(t, false, tt.args...); (err == nil) != (tt.want > 0) {
			t.Errorf("%q without a store: %v", tt.args, err)
		}
	}
}

// TestUploads: what a proxy takes while it runs is of its upstream's kind, has a
// project, and is no account that it was given.
func TestUploads(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	account := func(email, project string) string {
		text, err := json.Marshal(map[string]string{
			"type": "service_account", "client_email": email, "project_id": project, "token_uri": "https://a.test/token",
			"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	login := func(token string) string {
		return `{"client_id":"i","client_secret":"TOP-SECRET","refresh_token":"` + token + `"}`
	}
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "c.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path + ",name=given"
	}
	for name, tt := range map[string]struct {
		args    []string
		secret  string
		project string
		says    string // empty: it is taken
	}{
		"a key":                  {[]string{"--upstream-kind", "gemini"}, "k-1", "", ""},
		"two keys":               {[]string{"--upstream-kind", "gemini"}, "TOP-SECRET TOP-SECRET", "", "one word"},
		"a login":                {[]string{"--upstream-kind", "code-assist"}, login("r"), "", ""},
		"another login":          {[]string{"--upstream-kind", "code-assist", "--credentials-file", file(login("r"))}, login("TOP-SECRET"), "", ""},
		"the login of a file":    {[]string{"--upstream-kind", "code-assist", "--credentials-file", file(login("r"))}, login("r"), "", "as given"},
		"a service account":      {[]string{"--upstream-kind", "vertex", "--credentials-file", file(account("a@b", "p-1"))}, account("c@d", "p-2"), "p-2", ""},
		"with a project for all": {[]string{"--upstream-kind", "vertex", "--project", "p-9", "--credentials-file", file(account("a@b", "p-1"))}, account("c@d", "p-2"), "p-9", ""},
		"without a project":      {[]string{"--upstream-kind", "vertex", "--credentials-file", file(account("a@b", "p-1"))}, account("c@d", ""), "", "--project"},
		"the account of a file":  {[]string{"--upstream-kind", "vertex", "--credentials-file", file(account("a@b", "p-1"))}, account("a@b", "p-1"), "", "as given"},
		"a key for Vertex AI":    {[]string{"--upstream-kind", "vertex", "--credentials-file", file(account("a@b", "p-1"))}, "TOP-SECRET", "", "want JSON"},
	} {
		t.Setenv("GEMINI_API_KEY", "k-0")
		f, cfg, err := upstreamOf(t, true, tt.args...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		uploads := f.uploads(cfg)
		source, err := uploads.Open(store.NewSecret(tt.secret), control.Keep{})
		closeAccount(source)
		if uploads.Kind != tt.args[1] || (err == nil) != (tt.says == "") || source.Proof.Project != tt.project && err == nil {
			t.Errorf("%s: project %q, %v", name, source.Proof.Project, err)
		}
		if err != nil && (!strings.Contains(err.Error(), tt.says) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "TOP-SECRET")) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
		again, _ := uploads.Open(store.NewSecret(tt.secret), control.Keep{})
		closeAccount(again)
		if err == nil && (source.ID == "" || source.ID != again.ID) {
			t.Errorf("%s: ids %q and %q", name, source.ID, again.ID)
		}
		if len(cfg.Sources) > 0 && cfg.Sources[0].Kind != tt.args[1] {
			t.Errorf("%s: given as %q", name, cfg.Sources[0].Kind)
		}
	}
}

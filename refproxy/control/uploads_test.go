package control_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/codeassist"
	"github.com/firstbyte-dev/firstbyte/refproxy/control"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakeaccount"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/store"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
	"github.com/firstbyte-dev/firstbyte/refproxy/vertex"
)

// A google is Vertex AI and Code Assist with one account, over HTTP. Its models
// say whose token they were asked with.
type google struct {
	*fakeaccount.Account
	url string
}

func serveGoogle(t *testing.T, cfg fakeaccount.Config) google {
	t.Helper()
	fake := fakeaccount.New(cfg, 1, []string{"gemini-2.5-flash"}, nil)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ":generateContent") {
			fake.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		if refusal := fake.Authorise(r.Header); refusal != nil {
			refusal.Write(w)
			return
		}
		answer := fmt.Sprintf(`{"candidates":[{"content":{"role":"model","parts":[{"text":"by %s"}]},"finishReason":"STOP"}]}`, fake.Owner(r.Header))
		if strings.HasPrefix(r.URL.Path, "/v1internal") {
			answer = `{"response":` + answer + `}`
		}
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(s.Close)
	return google{fake, s.URL}
}

// A kind is an upstream whose accounts can be uploaded.
type kind struct {
	name     string
	upstream upstream.Kind
	// secret is an upload for a user, or a service account, of that name.
	secret func(t *testing.T, g google, user string) string
	open   func(g google, json []byte, keep control.Keep) (server.Source, error)
}

var kinds = []kind{
	{"code-assist", upstream.CodeAssist, login, openLogin},
	{"vertex", upstream.Vertex, serviceAccount, openServiceAccount},
}

// secrets must be in no answer of the API and in no file.
var secrets = []string{"TOP-SECRET", "simulated-", "PRIVATE KEY"}

func login(_ *testing.T, g google, user string) string {
	return fmt.Sprintf(`{"client_id":"i","client_secret":"TOP-SECRET-client","refresh_token":%q,"token_uri":"%s/token"}`, user, g.url)
}

// fast is twenty times as fast as the machine's clock: a dead login takes two
// seconds to be sure of.
var fast = sync.OnceValues(func() (*clock.Scaled, error) { return clock.NewScaled(20, time.Now()) })

func openLogin(g google, json []byte, keep control.Keep) (server.Source, error) {
	c, err := fast()
	if err != nil {
		return server.Source{}, err
	}
	a, err := codeassist.Open(codeassist.Config{JSON: json, Load: keep.Load, Save: keep.Save, BaseURL: g.url, UserAgent: "test", Clock: c})
	if err != nil {
		return server.Source{}, err
	}
	return server.Source{Credential: credential.Credential{ID: server.SourceID(a.Identity())}, Proof: upstream.Proof{Tokens: a}, Account: a}, nil
}

var privateKey = sync.OnceValues(func() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
})

func serviceAccount(t *testing.T, g google, user string) string {
	t.Helper()
	key, err := privateKey()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": user, "project_id": "p-1", "private_key": string(key), "token_uri": g.url + "/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func openServiceAccount(_ google, json []byte, _ control.Keep) (server.Source, error) {
	tokens, err := vertex.Open(vertex.Config{JSON: json, UserAgent: "test"})
	if err != nil {
		return server.Source{}, err
	}
	return server.Source{
		Credential: credential.Credential{ID: server.SourceID(tokens.Identity())},
		Proof:      upstream.Proof{Tokens: tokens, Project: "p-1"},
	}, nil
}

// begin begins a replica without any account.
func (k kind) begin(t *testing.T, g google, path string) *replica {
	t.Helper()
	cfg := server.Config{Upstream: upstream.Config{Kind: k.upstream, BaseURL: g.url}, Sources: []server.Source{}}
	return beginWith(t, path, cfg, control.Uploads{Kind: k.name, Open: func(s store.Secret, keep control.Keep) (server.Source, error) {
		return k.open(g, []byte(s.Reveal()), keep)
	}})
}

// upload uploads a secret and returns the answer.
func (r *replica) upload(t *testing.T, kind, label, secret string) (status int, body, id string) {
	t.Helper()
	ask, err := json.Marshal(map[string]any{"label": label, "kind": kind, "weight": 1, "secret": secret})
	if err != nil {
		t.Fatal(err)
	}
	status, body = r.api(t, "POST", "/admin/credentials", string(ask))
	var added struct{ ID string }
	_ = json.Unmarshal([]byte(body), &added) // an error has none
	return status, body, added.ID
}

// serves reports whether the proxy's next answer is by that account.
func (r *replica) serves(t *testing.T, user string) bool {
	t.Helper()
	code, got, _ := r.ask(t)
	return code == 200 && strings.Contains(got, "by "+user)
}

// An account that is uploaded is in use at once, on every replica, after a restart
// and until it is deleted; the same one twice is refused.
func TestAccountsComeAndGo(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			g, path := serveGoogle(t, fakeaccount.Config{}), filepath.Join(t.TempDir(), "p.db")
			a, b := k.begin(t, g, path), k.begin(t, g, path)
			if code, got, _ := a.ask(t); code != 403 {
				t.Fatalf("without credentials: %d %s", code, got)
			}
			code, got, id := a.upload(t, k.name, "one", k.secret(t, g, "user-1"))
			if code != 201 || id == "" {
				t.Fatalf("%d %s", code, got)
			}
			if !a.serves(t, "user-1") {
				t.Error("it is not in use at once")
			}
			eventually(t, "the other replica follows", func() bool { return b.serves(t, "user-1") })
			if code, got, _ := b.upload(t, k.name, "again", "\n"+k.secret(t, g, "user-1")); code != 400 || !strings.Contains(got, "there already, as one") {
				t.Errorf("the same account twice: %d %s", code, got)
			}
			if code, got := a.api(t, "POST", "/admin/credentials/"+id+"/test", ""); code != 200 || !strings.Contains(got, "answers") {
				t.Errorf("test: %d %s", code, got)
			}
			a.stop()
			b.stop()
			c := k.begin(t, g, path)
			if !c.serves(t, "user-1") {
				t.Error("it is not in use after a restart")
			}
			if code, got := c.api(t, "DELETE", "/admin/credentials/"+id, ""); code != 204 {
				t.Errorf("delete: %d %s", code, got)
			}
			if code, got, _ := c.ask(t); code != 403 {
				t.Errorf("after the deletion: %d %s", code, got)
			}
		})
	}
}

// What is open stays open: a change of the others does not have an account find its
// project again.
func TestAccountsStayOpen(t *testing.T) {
	g, k := serveGoogle(t, fakeaccount.Config{}), kinds[0]
	a := k.begin(t, g, filepath.Join(t.TempDir(), "p.db"))
	for n := range 3 {
		if code, got, _ := a.upload(t, k.name, fmt.Sprint(n), k.secret(t, g, fmt.Sprint("user-", n))); code != 201 {
			t.Fatalf("%d %s", code, got)
		}
		eventually(t, "it is ready", func() bool { return g.Stats().Loads == n+1 })
	}
	for range 10 {
		if code, got, _ := a.ask(t); code != 200 {
			t.Errorf("%d %s", code, got)
		}
	}
	if s := g.Stats(); s.Loads != 3 || s.Refreshes != 3 {
		t.Errorf("asked %+v", s)
	}
}

// A refresh token that serves once is replaced in the store, sealed, before a
// restart needs it; replicas share it, and none takes the other's for dead.
func TestRefreshedTokensAreSealedAndShared(t *testing.T) {
	g, k, dir := serveGoogle(t, fakeaccount.Config{Tokens: fakeaccount.Tokens{Rotate: true}}), kinds[0], t.TempDir()
	path := filepath.Join(dir, "p.db")
	a, b := k.begin(t, g, path), k.begin(t, g, path)
	_, _, id := a.upload(t, k.name, "one", k.secret(t, g, "TOP-SECRET-refresh"))
	for range 3 {
		for name, r := range map[string]*replica{"a": a, "b": b} {
			eventually(t, name+" serves", func() bool { return r.serves(t, "TOP-SECRET-refresh") })
		}
	}
	if s := g.Stats(); s.Refreshes != 1 || s.Refused > 1 {
		t.Errorf("asked %+v, want one refresh for both", s)
	}
	kept, err := a.store.Secret(t.Context(), id)
	if err != nil || !strings.Contains(kept.Reveal(), "simulated-refresh") || !strings.Contains(kept.Reveal(), "TOP-SECRET-client") {
		t.Errorf("the rotated token is not kept: %v", err)
	}
	for _, route := range []string{"/admin/credentials", "/admin/audit", "/admin/requests"} {
		_, got := a.api(t, "GET", route, "")
		secretless(t, route, []byte(got))
	}
	a.stop()
	b.stop()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		secretless(t, f.Name(), data)
	}
	c := k.begin(t, g, path)
	if !c.serves(t, "TOP-SECRET-refresh") {
		t.Errorf("after a restart: %+v", c.Pool().Status())
	}
	if all := c.Pool().Status(); len(all) != 1 || all[0].ID != id {
		t.Errorf("another id than %s: %+v", id, all)
	}
}

func secretless(t *testing.T, where string, text []byte) {
	t.Helper()
	for _, s := range secrets {
		if bytes.Contains(text, []byte(s)) {
			t.Errorf("%s holds %s", where, s)
		}
	}
}

// reasons are why credentials are disabled, by label.
func (r *replica) reasons() map[string]string {
	all := map[string]string{}
	for _, s := range r.Pool().Status() {
		all[s.Label] = s.Disabled
	}
	return all
}

// A login that is dead is out of use with its reason before a request meets it, on
// every replica and after a restart, whether it was uploaded or given.
func TestDeadLogin(t *testing.T) {
	g, k, path := serveGoogle(t, fakeaccount.Config{}), kinds[0], filepath.Join(t.TempDir(), "p.db")
	a, b := k.begin(t, g, path), k.begin(t, g, path)
	if code, got, _ := a.upload(t, k.name, "dead", k.secret(t, g, "revoked-1")); code != 201 {
		t.Fatalf("%d %s", code, got)
	}
	dead := func(r *replica) func() bool {
		return func() bool { return strings.Contains(r.reasons()["dead"], "Token has been expired or revoked.") }
	}
	eventually(t, "it is found dead without a request", dead(a))
	eventually(t, "the other replica knows", dead(b))
	if _, got := a.api(t, "GET", "/admin/credentials", ""); !strings.Contains(got, "expired or revoked") {
		t.Errorf("shown: %s", got)
	}
	if code, got, _ := a.ask(t); code != 403 || !strings.Contains(got, "expired or revoked") {
		t.Errorf("%d %s", code, got)
	}
	a.stop()
	b.stop()
	c := k.begin(t, g, path)
	eventually(t, "it is known after a restart", dead(c))
	if code, got, id := c.upload(t, k.name, "alive", k.secret(t, g, "user-1")); code != 201 || !c.serves(t, "user-1") {
		t.Errorf("another one beside it: %d %s %s", code, got, id)
	}

	source, err := openLogin(g, []byte(login(t, g, "revoked-2")), control.Keep{})
	if err != nil {
		t.Fatal(err)
	}
	source.Label, source.Weight = "dead", 1
	given := beginWith(t, filepath.Join(t.TempDir(), "p.db"), server.Config{
		Upstream: upstream.Config{Kind: upstream.CodeAssist, BaseURL: g.url}, Sources: []server.Source{source},
	}, control.Uploads{Kind: k.name})
	given.Prepare(t.Context())
	if !dead(given)() {
		t.Errorf("given: %v", given.reasons())
	}
}

// While its last token is good a login that has died meanwhile still serves; the
// refresh ahead of the token's end disables it, so that no request fails.
func TestLoginThatDies(t *testing.T) {
	g := serveGoogle(t, fakeaccount.Config{Tokens: fakeaccount.Tokens{
		Life: 200 * time.Second, Refuse: fakeaccount.Refuse{Code: "invalid_grant", After: 1},
	}})
	a := kinds[0].begin(t, g, filepath.Join(t.TempDir(), "p.db"))
	_, _, id := a.upload(t, "code-assist", "one", login(t, g, "user-1"))
	met := 0
	eventually(t, "it is disabled", func() bool {
		if a.reasons()["one"] != "" {
			return true
		}
		if code, got, _ := a.ask(t); code != 200 && a.reasons()["one"] == "" {
			t.Errorf("a request met it: %d %s", code, got)
		}
		met++
		return false
	})
	if met == 0 {
		t.Error("it never served")
	}
	// To enable it opens it anew, and it is found dead once more.
	if code, got := a.api(t, "POST", "/admin/credentials/"+id+"/enable", ""); code != 200 {
		t.Errorf("%d %s", code, got)
	}
	eventually(t, "it is disabled again", func() bool { return a.reasons()["one"] != "" })
}

// A login that was refused and no longer is serves again after a re-check, without
// a restart.
func TestRecheckOpensAnew(t *testing.T) {
	g := serveGoogle(t, fakeaccount.Config{Tokens: fakeaccount.Tokens{Refuse: fakeaccount.Refuse{Code: "invalid_grant", Times: 1}}})
	a := kinds[0].begin(t, g, filepath.Join(t.TempDir(), "p.db"))
	_, _, id := a.upload(t, "code-assist", "one", login(t, g, "user-1"))
	eventually(t, "it is disabled", func() bool { return a.reasons()["one"] != "" })
	if code, got := a.api(t, "POST", "/admin/credentials/"+id+"/recheck", ""); code != 200 || !strings.Contains(got, "in use again") || !a.serves(t, "user-1") {
		t.Errorf("%d %s", code, got)
	}
}

// A service account that is gone is disabled with the reason by the first request;
// another one serves beside it.
func TestDeadServiceAccount(t *testing.T) {
	g, k := serveGoogle(t, fakeaccount.Config{Tokens: fakeaccount.Tokens{Refuse: fakeaccount.Refuse{Code: "invalid_grant", Times: 1}}}), kinds[1]
	path := filepath.Join(t.TempDir(), "p.db")
	a, b := k.begin(t, g, path), k.begin(t, g, path)
	_, _, _ = a.upload(t, k.name, "one", k.secret(t, g, "user-1"))
	if code, got, _ := a.ask(t); code != 403 || !strings.Contains(got, "refused the credential (400: invalid_grant") {
		t.Errorf("%d %s", code, got)
	}
	gone := func(r *replica) bool { return strings.Contains(r.reasons()["one"], "invalid_grant") }
	if !gone(a) {
		t.Errorf("%v", a.reasons())
	}
	eventually(t, "the other replica knows", func() bool { return gone(b) })
	if code, got, _ := a.upload(t, k.name, "two", k.secret(t, g, "user-2")); code != 201 || !a.serves(t, "user-2") {
		t.Errorf("another one: %d %s", code, got)
	}
}

// What cannot be one is refused in one line that quotes nothing of it, and nothing
// is stored.
func TestMalformedUploads(t *testing.T) {
	g := serveGoogle(t, fakeaccount.Config{})
	for _, k := range kinds {
		a := k.begin(t, g, filepath.Join(t.TempDir(), "p.db"))
		good := k.secret(t, g, "user-1")
		for name, tt := range map[string]struct{ kind, secret, says string }{
			"another kind":      {"gemini", "TOP-SECRET", "kind"},
			"a key":             {k.name, "TOP-SECRET", "JSON"},
			"cut off":           {k.name, good[:len(good)-20], "JSON"},
			"a list":            {k.name, `["TOP-SECRET"]`, "JSON"},
			"nothing in it":     {k.name, "{}", "want|missing"},
			"another's account": {k.name, `{"type":"external_account","client_secret":"TOP-SECRET"}`, "type|client_id"},
			"a browser's":       {k.name, `{"installed":{"client_secret":"TOP-SECRET"}}`, "type|client_id"},
			"a broken key":      {k.name, `{"type":"service_account","client_email":"a@b","private_key":"TOP-SECRET","client_id":"TOP-SECRET"}`, "RSA key|client_secret"},
			"in the clear":      {k.name, `{"type":"authorized_user","client_id":"TOP-SECRET","client_secret":"TOP-SECRET","token_uri":"http://TOP-SECRET.test"}`, "client_id|refresh_token|https"},
		} {
			code, got, _ := a.upload(t, tt.kind, "x", tt.secret)
			said := slices.ContainsFunc(strings.Split(tt.says, "|"), func(s string) bool { return strings.Contains(got, s) })
			if code != 400 || !said || strings.Count(strings.TrimSpace(got), `\n`) > 0 {
				t.Errorf("%s, %s: %d %s, want %q", k.name, name, code, got, tt.says)
			}
			secretless(t, name, []byte(got))
		}
		if all, err := a.store.Credentials(t.Context()); len(all) != 0 || err != nil {
			t.Errorf("stored %v, %v", all, err)
		}
	}
}

// A stored credential that cannot be opened is shown and can be deleted, and the
// others are used.
func TestBrokenCredentials(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			g, path := serveGoogle(t, fakeaccount.Config{}), filepath.Join(t.TempDir(), "p.db")
			a := k.begin(t, g, path)
			if code, got, _ := a.upload(t, k.name, "good", k.secret(t, g, "user-1")); code != 201 {
				t.Fatalf("%d %s", code, got)
			}
			bad := map[string]store.Credential{
				"a key":    {ID: "b1", Kind: "gemini", Secret: store.NewSecret("TOP-SECRET")},
				"no JSON":  {ID: "b2", Kind: k.name, Secret: store.NewSecret("TOP-SECRET")},
				"no login": {ID: "b3", Kind: k.name, Secret: store.NewSecret(`{"type":"TOP"}`)},
			}
			for label, c := range bad {
				c.Label, c.Weight, c.Created = label, 1, time.Now()
				if err := a.store.SaveCredential(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			a.stop()
			c := k.begin(t, g, path)
			if !c.serves(t, "user-1") {
				t.Errorf("the good one does not serve: %v", c.reasons())
			}
			_, got := c.api(t, "GET", "/admin/credentials", "")
			if n := strings.Count(got, `"disabled":"it cannot be used: `); n != len(bad) {
				t.Errorf("%d are shown: %s", n, got)
			}
			secretless(t, "the list", []byte(got))
			for _, one := range bad {
				id := one.ID
				if code, got := c.api(t, "POST", "/admin/credentials/"+id+"/enable", ""); code != 400 || !strings.Contains(got, "delete it") {
					t.Errorf("enable: %d %s", code, got)
				}
				if code, got := c.api(t, "DELETE", "/admin/credentials/"+id, ""); code != 204 {
					t.Errorf("delete: %d %s", code, got)
				}
			}
			if len(c.reasons()) != 1 || !c.serves(t, "user-1") {
				t.Errorf("what is left: %v", c.reasons())
			}
		})
	}
}

package admin_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

const (
	adminKey = "an-admin-key-of-tests"
	password = "the password of tests"
)

// A world is an Admin with all that it works over.
type world struct {
	flags       *memoryFlags
	credentials *memoryCredentials
	accounts    *memoryAccounts
	traffic     *live.Traffic
	log         *live.Log
	admin       *admin.Admin
}

func newWorld(t *testing.T, change ...func(*admin.Config)) *world {
	t.Helper()
	w := &world{
		flags: newFlags(), credentials: &memoryCredentials{}, accounts: &memoryAccounts{},
		traffic: live.NewTraffic(live.Config{}), log: live.NewLog(100, slog.LevelInfo),
	}
	cfg := admin.Config{
		Flags: w.flags, Credentials: w.credentials, Accounts: w.accounts, Traffic: w.traffic, Log: w.log,
		Key: admin.NewSecret(adminKey), Kinds: []string{"key", "oauth"}, Logger: slog.New(w.log.Handler()),
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if w.admin, err = admin.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.admin.Close)
	return w
}

// withPassword gives the world a password that is quick to check.
func (w *world) withPassword(t *testing.T) *world {
	t.Helper()
	hash, err := admin.HashPassword(password, 100)
	if err != nil {
		t.Fatal(err)
	}
	w.accounts.hash = hash
	return w
}

// A reply is an answer that was read whole.
type reply struct {
	*http.Response
	body string
}

// do serves one request by itself; head holds headers in pairs.
func (w *world) do(t *testing.T, method, path, body string, head ...string) reply {
	t.Helper()
	r := request(t, method, path, body, head...)
	rec := httptest.NewRecorder()
	w.admin.ServeHTTP(rec, r)
	return reply{rec.Result(), rec.Body.String()}
}

// request is one to the panel's address, but for a path that names another.
func request(t *testing.T, method, path, body string, head ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if strings.HasPrefix(path, "/") {
		r.Host = "127.0.0.1:8788"
	}
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Add(head[i], head[i+1])
	}
	return r
}

// api is do with the admin key and a JSON body.
func (w *world) api(t *testing.T, method, path, body string, head ...string) reply {
	t.Helper()
	return w.do(t, method, path, body, append([]string{"Authorization", "Bearer " + adminKey, "Content-Type", "application/json"}, head...)...)
}

// A browser keeps cookies and follows redirects on the same server.
type browser struct {
	*http.Client
	url string
}

func (w *world) browser(t *testing.T) *browser {
	t.Helper()
	server := httptest.NewServer(w.admin)
	t.Cleanup(server.Close)
	t.Cleanup(w.admin.Close) // first, so that no stream holds the server
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar}, server.URL}
}

// loggedIn is browser after a login.
func (w *world) loggedIn(t *testing.T) *browser {
	t.Helper()
	b := w.withPassword(t).browser(t)
	if got := b.post(t, "/admin/panel/login", url.Values{"password": {password}}); got.StatusCode != http.StatusOK {
		t.Fatalf("login: %d %s", got.StatusCode, got.body)
	}
	return b
}

func (b *browser) get(t *testing.T, path string) reply {
	t.Helper()
	return b.send(t, http.MethodGet, path, nil)
}

// post sends a form as it is.
func (b *browser) post(t *testing.T, path string, form url.Values, head ...string) reply {
	t.Helper()
	return b.send(t, http.MethodPost, path, strings.NewReader(form.Encode()), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, head...)...)
}

// submit is post of a form with the session's token.
func (b *browser) submit(t *testing.T, path string, form url.Values) reply {
	t.Helper()
	if form == nil {
		form = url.Values{}
	}
	form.Set("form", admin.FormToken(b.token(t)))
	return b.post(t, path, form)
}

// token returns the session's cookie.
func (b *browser) token(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(b.url + "/admin/")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == admin.CookieName {
			return c.Value
		}
	}
	t.Fatal("no session")
	return ""
}

func (b *browser) send(t *testing.T, method, path string, body io.Reader, head ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	response, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response, string(text)}
}

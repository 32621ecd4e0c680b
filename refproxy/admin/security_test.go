package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

// TestNothingWithoutALogin holds that whoever has no key and no session learns
// nothing, not even which routes there are.
func TestNothingWithoutALogin(t *testing.T) {
	w := newWorld(t)
	first := w.do(t, "GET", "/admin/flags", "").body
	for _, path := range []string{
		"/admin/flags", "/admin/flags/" + retryFlag, "/admin/audit", "/admin/requests", "/admin/requests/x", "/admin/credentials",
		"/admin/credentials/c1", "/admin/live", "/admin/none", "/none", "/admin/verdicts",
	} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			for _, head := range [][]string{
				nil,
				{"Authorization", "Bearer wrong"},
				{"Authorization", "Bearer " + adminKey[1:]},
				{"Authorization", "Basic " + adminKey},
				{"Authorization", "Bearer "},
				{"Authorization", ""},
				{"Authorization", "Bearer " + adminKey, "Authorization", "Bearer wrong"},
				{"Cookie", admin.CookieName + "=invented"},
				{"Cookie", admin.CookieName + "="},
			} {
				got := w.do(t, method, path, "", head...)
				if got.StatusCode != http.StatusUnauthorized || got.body != first {
					t.Errorf("%s %s with %q: %d %s", method, path, head, got.StatusCode, got.body)
				}
			}
		}
	}
	sameJSON(t, first, `{"error":{"code":"unauthenticated","message":"the admin key or a login is needed"}}`)
}

// TestNoKeyOpensNothing holds that an Admin without a key takes none, not even an
// empty one.
func TestNoKeyOpensNothing(t *testing.T) {
	w := newWorld(t, func(c *admin.Config) { c.Key = admin.Secret{} })
	for _, key := range []string{"", " ", adminKey} {
		if got := w.do(t, "GET", "/admin/flags", "", "Authorization", "Bearer "+key); got.StatusCode != 401 {
			t.Errorf("key %q: %d", key, got.StatusCode)
		}
	}
}

func TestPagesLeadToTheLogin(t *testing.T) {
	w := newWorld(t)
	if got := w.do(t, "GET", "/admin/panel/live/overview", ""); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("live figures: %d", got.StatusCode)
	}
	for _, path := range []string{"/admin/panel/", "/admin/panel/flags", "/admin/panel/requests/x", "/admin/panel/none"} {
		for _, head := range [][]string{nil, {"Authorization", "Bearer " + adminKey}, {"Cookie", admin.CookieName + "=invented"}} {
			got := w.do(t, "GET", path, "", head...)
			if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/admin/panel/login" || strings.Contains(got.body, "ff_") {
				t.Errorf("%s with %q: %d to %q", path, head, got.StatusCode, got.Header.Get("Location"))
			}
		}
	}
	if got := w.do(t, "POST", "/admin/panel/flags/"+retryFlag, "percent=100&expected=7&unit=request"); got.StatusCode != http.StatusSeeOther || w.flags.percent(retryFlag) != 0 {
		t.Errorf("a form without a session: %d, then %v %%", got.StatusCode, w.flags.percent(retryFlag))
	}
}

// TestOtherSites holds that no page of another site acts with a person's session,
// whatever the browser lets it send.
func TestOtherSites(t *testing.T) {
	w := newWorld(t)
	b := w.loggedIn(t)
	form := func() url.Values {
		return url.Values{"percent": {"100"}, "expected": {"7"}, "unit": {"request"}, "form": {admin.FormToken(b.token(t))}}
	}
	for _, head := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
	} {
		if got := b.post(t, "/admin/panel/flags/"+retryFlag, form(), head...); got.StatusCode != http.StatusForbidden {
			t.Errorf("form with %q: %d", head, got.StatusCode)
		}
		if got := b.send(t, "PUT", "/admin/flags/"+retryFlag, strings.NewReader(`{"percent":100,"expected":7}`), append(head, "Content-Type", "application/json")...); got.StatusCode != http.StatusForbidden {
			t.Errorf("API with %q: %d", head, got.StatusCode)
		}
	}
	for name, token := range map[string]string{"none": "", "invented": strings.Repeat("0", 64), "another session's": admin.FormToken("other")} {
		f := form()
		f.Set("form", token)
		if got := b.post(t, "/admin/panel/flags/"+retryFlag, f); got.StatusCode != http.StatusForbidden {
			t.Errorf("token %s: %d", name, got.StatusCode)
		}
		if got := b.post(t, "/admin/panel/flags/"+retryFlag+"?form="+admin.FormToken(b.token(t)), f); got.StatusCode != http.StatusForbidden {
			t.Errorf("token in the address: %d", got.StatusCode)
		}
	}
	if got := b.send(t, "PUT", "/admin/flags/"+retryFlag, strings.NewReader(`{"percent":100,"expected":7}`), "Content-Type", "text/plain"); got.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("a body that a form could send: %d", got.StatusCode)
	}
	if p := w.flags.percent(retryFlag); p != 0 {
		t.Fatalf("the flag was moved to %v %%", p)
	}
	if got := b.post(t, "/admin/panel/flags/"+retryFlag, form(), "Sec-Fetch-Site", "same-origin"); got.StatusCode != 200 || w.flags.percent(retryFlag) != 100 {
		t.Errorf("the page's own form: %d, then %v %%", got.StatusCode, w.flags.percent(retryFlag))
	}
}

// TestNamesOfOthers holds that the panel answers to no name that somebody else
// could have lead to this machine, unless TLS vouches for it.
func TestNamesOfOthers(t *testing.T) {
	w := newWorld(t)
	ask := func(w *world, host string) reply {
		r := request(t, "GET", "/admin/flags", "", "Authorization", "Bearer "+adminKey)
		r.Host = host
		rec := httptest.NewRecorder()
		w.admin.ServeHTTP(rec, r)
		return reply{rec.Result(), rec.Body.String()}
	}
	for _, host := range []string{"127.0.0.1", "127.0.0.1:8788", "localhost", "LOCALHOST:1", "[::1]", "[::1]:8788", "192.0.2.7:80"} {
		if got := ask(w, host); got.StatusCode != 200 {
			t.Errorf("%q: %d %s", host, got.StatusCode, got.body)
		}
	}
	for _, host := range []string{"", "evil.example", "evil.example:8788", "127.0.0.1.evil.example", "localhost.evil.example:8788", "xn--localhost", "127.0.0.1:8788:1"} {
		got := ask(w, host)
		if got.StatusCode != http.StatusMisdirectedRequest || strings.Contains(got.body, "ff_") || !strings.Contains(got.body, "--admin-behind-tls") {
			t.Errorf("%q: %d %s", host, got.StatusCode, got.body)
		}
	}
	if got := ask(newWorld(t, func(c *admin.Config) { c.BehindTLS = true }), "proxy.example"); got.StatusCode != 200 {
		t.Errorf("behind TLS: %d", got.StatusCode)
	}
	if got := w.do(t, "GET", "https://proxy.example/admin/flags", "", "Authorization", "Bearer "+adminKey); got.StatusCode != 200 {
		t.Errorf("over TLS: %d", got.StatusCode)
	}
}

func TestLoginCookie(t *testing.T) {
	w := newWorld(t).withPassword(t)
	const form = "application/x-www-form-urlencoded"
	body := url.Values{"password": {password}}.Encode()
	got := w.do(t, "POST", "/admin/panel/login", body, "Content-Type", form)
	c := got.Cookies()[0]
	if got.StatusCode != http.StatusSeeOther || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Path != "/admin/" || c.MaxAge != 12*3600 {
		t.Errorf("%d, cookie %+v", got.StatusCode, c)
	}
	for hash := range w.accounts.sessions {
		if strings.Contains(hash, c.Value) || len(c.Value) < 26 {
			t.Errorf("session %q is kept under %q", c.Value, hash)
		}
	}
	if got := w.do(t, "GET", "https://proxy.example/admin/panel/login", ""); got.StatusCode != 200 {
		t.Error(got.StatusCode)
	}
	overTLS := w.do(t, "POST", "https://proxy.example/admin/panel/login", body, "Content-Type", form)
	if !overTLS.Cookies()[0].Secure {
		t.Error("over TLS the cookie is not Secure")
	}
	behind := newWorld(t, func(c *admin.Config) { c.BehindTLS = true }).withPassword(t)
	if got := behind.do(t, "POST", "/admin/panel/login", body, "Content-Type", form); !got.Cookies()[0].Secure {
		t.Error("behind TLS the cookie is not Secure")
	}
}

// TestSessionFixation holds that a session which somebody planted is no session
// after a login, and that a login ends the one before.
func TestSessionFixation(t *testing.T) {
	w := newWorld(t).withPassword(t)
	b := w.browser(t)
	u, err := url.Parse(b.url + "/admin/")
	if err != nil {
		t.Fatal(err)
	}
	b.Jar.SetCookies(u, []*http.Cookie{{Name: admin.CookieName, Value: "planted", Path: "/admin/"}})
	for range 2 {
		before := b.token(t)
		b.post(t, "/admin/panel/login", url.Values{"password": {password}})
		if after := b.token(t); after == before {
			t.Errorf("the login kept the token %q", before)
		}
		if got := w.do(t, "GET", "/admin/flags", "", "Cookie", admin.CookieName+"="+before); got.StatusCode != 401 {
			t.Errorf("the token from before the login: %d", got.StatusCode)
		}
	}
	if n := len(w.accounts.sessions); n != 1 {
		t.Errorf("%d sessions are kept", n)
	}
}

func TestLogout(t *testing.T) {
	w := newWorld(t)
	b := w.loggedIn(t)
	token := b.token(t)
	if got := b.get(t, "/admin/flags"); got.StatusCode != 200 {
		t.Fatalf("a session does not open the API: %d", got.StatusCode)
	}
	if got := b.submit(t, "/admin/panel/logout", nil); !strings.HasSuffix(got.Request.URL.Path, "/login") {
		t.Errorf("the logout leads to %s", got.Request.URL)
	}
	if got := w.do(t, "GET", "/admin/flags", "", "Cookie", admin.CookieName+"="+token); got.StatusCode != 401 {
		t.Errorf("after the logout the session still opens: %d", got.StatusCode)
	}
}

func TestSessionExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t).withPassword(t)
		got := w.do(t, "POST", "/admin/panel/login", url.Values{"password": {password}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		cookie := admin.CookieName + "=" + got.Cookies()[0].Value
		time.Sleep(12*time.Hour - time.Second)
		if got := w.do(t, "GET", "/admin/flags", "", "Cookie", cookie); got.StatusCode != 200 {
			t.Errorf("a second before its end: %d", got.StatusCode)
		}
		time.Sleep(time.Second)
		if got := w.do(t, "GET", "/admin/flags", "", "Cookie", cookie); got.StatusCode != 401 {
			t.Errorf("at its end: %d", got.StatusCode)
		}
	})
}

// TestBadPasswords holds that guessing is slow from one address and from many,
// and that the right password works again once the wait is over.
func TestBadPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t).withPassword(t)
		try := func(address, guess string) reply {
			r := request(t, "POST", "/admin/panel/login", url.Values{"password": {guess}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
			r.RemoteAddr = address
			rec := httptest.NewRecorder()
			w.admin.ServeHTTP(rec, r)
			return reply{rec.Result(), rec.Body.String()}
		}
		for i := range 5 {
			if got := try("192.0.2.1:1000", fmt.Sprint("guess", i)); got.StatusCode != 401 || len(got.Cookies()) != 0 || strings.Contains(got.body, "guess") {
				t.Errorf("guess %d: %d %s", i, got.StatusCode, got.body)
			}
		}
		got := try("192.0.2.1:2000", password)
		if got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "60" || len(got.Cookies()) != 0 {
			t.Errorf("sixth try, with the right password: %d, Retry-After %s", got.StatusCode, got.Header.Get("Retry-After"))
		}
		if got := try("192.0.2.2:1000", password); got.StatusCode != http.StatusSeeOther {
			t.Errorf("from another address: %d", got.StatusCode)
		}
		time.Sleep(time.Minute)
		if got := try("192.0.2.1:1000", password); got.StatusCode != http.StatusSeeOther {
			t.Errorf("after the wait: %d", got.StatusCode)
		}
		for i := range 4 { // one network of IPv6 is one address
			try(fmt.Sprintf("[2001:db8::%x]:1", i), "guess")
		}
		try("[2001:db8::ff]:1", "guess")
		if got := try("[2001:db8::aa]:1", password); got.StatusCode != http.StatusTooManyRequests {
			t.Errorf("sixth try from one network: %d", got.StatusCode)
		}
		tries := 0
		for i := range 2000 {
			if got := try(fmt.Sprintf("10.0.%d.%d:1", i/250, i%250), "guess"); got.StatusCode == 401 {
				tries++
			}
		}
		if tries > 30 {
			t.Errorf("%d guesses at once from many addresses", tries)
		}
	})
}

// TestBootstrap holds that the first start makes a password, and that no later
// one, nor another replica, makes a second.
func TestBootstrap(t *testing.T) {
	accounts := &memoryAccounts{}
	made, err := admin.Bootstrap(t.Context(), accounts)
	if err != nil || len(made) < 26 || !strings.HasPrefix(accounts.hash, "pbkdf2-sha256$600000$") || strings.Contains(accounts.hash, made) {
		t.Fatalf("%q, %v, kept %q", made, err, accounts.hash)
	}
	if again, err := admin.Bootstrap(t.Context(), accounts); again != "" || err != nil {
		t.Errorf("again: %q, %v", again, err)
	}
	if again, err := admin.Bootstrap(t.Context(), &lateAccounts{accounts}); again != "" || err != nil {
		t.Errorf("another replica: %q, %v", again, err)
	}
	w := newWorld(t, func(c *admin.Config) { c.Accounts = accounts })
	got := w.do(t, "POST", "/admin/panel/login", url.Values{"password": {made}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	if got.StatusCode != http.StatusSeeOther {
		t.Errorf("the password that was printed: %d", got.StatusCode)
	}
}

// lateAccounts see no password until they try to make one.
type lateAccounts struct{ *memoryAccounts }

func (l *lateAccounts) Password(context.Context) (string, error) { return "", nil }

// TestNoPasswordNoLogin holds that without a password none opens, nor does one
// whose hash cannot be read.
func TestNoPasswordNoLogin(t *testing.T) {
	for _, hash := range []string{"", "x", "pbkdf2-sha256$0$AAAA$AAAA", "pbkdf2-sha256$1$$", "md5$1$AAAA$AAAA", "pbkdf2-sha256$1$AAAA$"} {
		w := newWorld(t)
		w.accounts.hash = hash
		for _, guess := range []string{"", "x"} {
			got := w.do(t, "POST", "/admin/panel/login", url.Values{"password": {guess}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
			if got.StatusCode < 400 || len(got.Cookies()) != 0 {
				t.Errorf("hash %q, password %q: %d", hash, guess, got.StatusCode)
			}
		}
	}
}

// TestPathTricks holds that no way of writing a path passes the login.
func TestPathTricks(t *testing.T) {
	w := newWorld(t).withPassword(t)
	b := w.browser(t)
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, path := range []string{
		"/admin/panel/assets/../../flags", "/admin/panel/login/../../flags", "/admin/panel/assets/..%2f..%2fflags", "/admin//flags", "//admin/flags",
		"/admin/panel/assets/%2e%2e/%2e%2e/flags", "/admin/flags/", "/admin/flags/%00", "/ADMIN/flags", "/admin/panel/assets/", "/admin/panel/assets/pages/frame.html",
		"/admin/panel/assets/../pages/frame.html", "/admin/flags;x", "/admin/./flags",
	} {
		got := b.get(t, path)
		if got.StatusCode == 200 || strings.Contains(got.body, "ff_") || strings.Contains(got.body, "{{") {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
		}
	}
	in := newWorld(t)
	logged := in.loggedIn(t)
	for _, id := range []string{"..%2f..%2fflags", "%00", "a%0d%0aSet-Cookie:x=1", strings.Repeat("a", 4000)} {
		if got := logged.get(t, "/admin/panel/requests/"+id); got.StatusCode != 404 || len(got.Cookies()) != 0 {
			t.Errorf("request %q: %d, cookies %v", id, got.StatusCode, got.Cookies())
		}
	}
}

// TestNothingIsMarkup holds that what callers, operators and upstreams name
// reaches pages as text.
func TestNothingIsMarkup(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	w := newWorld(t)
	w.credentials.all = []admin.Credential{{
		ID: "c1" + evil, Label: evil, Kind: evil, VerifyURL: "javascript:alert(1)//" + evil, Weight: 1,
		Models:    []admin.CredentialModel{{Model: evil}},
		Cooldowns: []admin.Cooldown{{Model: evil, Until: time.Now().Add(time.Hour), Reason: evil}},
		Errors:    []admin.CredentialError{{Model: evil, Class: evil, Message: evil}},
	}}
	w.traffic.Began()
	w.traffic.Ended(live.Request{
		ID: "req", Path: evil, Model: evil, Outcome: evil, Message: evil, Credential: evil, Duration: 1,
		Attempts: []live.Attempt{{Credential: evil, Class: evil}},
		Assigned: map[string]live.Assignment{evil: {Unit: evil}}, Observed: map[string]string{evil: evil},
	})
	b := w.loggedIn(t)
	b.submit(t, "/admin/panel/flags/"+retryFlag, url.Values{"percent": {"1"}, "expected": {"7"}, "unit": {"request"}, "evidence": {evil}})
	b.submit(t, "/admin/panel/flags/"+retryFlag, url.Values{"percent": {"1"}, "expected": {"8"}, "unit": {evil}})
	w.api(t, "POST", "/admin/verdicts", `{"flag":"ff_retry_policy_v2","decision":"hold","reason":"</p><script>","metric":"<script>","evidence":"<script>"}`)
	pages := []string{"", "flags", "credentials", "requests", "requests?outcome=failed", "requests/req", "log?level=" + url.QueryEscape(evil), "audit"}
	for _, page := range pages {
		got := b.get(t, "/admin/panel/"+page)
		if got.StatusCode != 200 {
			t.Errorf("%s: %d", page, got.StatusCode)
		}
		for _, bad := range []string{"<script>", "<img src=x", `href="javascript:`, "onerror=alert(1)>"} {
			if strings.Contains(got.body, bad) {
				t.Errorf("%s holds %s", page, bad)
			}
		}
		if !strings.Contains(got.Header.Get("Content-Security-Policy"), "script-src 'self';") || got.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", page, got.Header)
		}
	}
	got := b.get(t, "/admin/panel/audit")
	if !strings.Contains(got.body, "&lt;script&gt;alert(1)") {
		t.Error("the evidence is not shown as it was given")
	}
}

// TestPagesLoadNothingFromElsewhere holds that the panel works without the
// Internet, and that nobody there learns of it.
func TestPagesLoadNothingFromElsewhere(t *testing.T) {
	w := newWorld(t)
	b := w.loggedIn(t)
	for _, page := range []string{"", "flags", "credentials", "requests", "log", "audit", "login", "assets/style.css", "assets/live.js", "assets/icon.svg"} {
		got := b.get(t, "/admin/panel/"+page)
		if got.StatusCode != 200 {
			t.Errorf("%s: %d", page, got.StatusCode)
		}
		body := strings.ReplaceAll(got.body, `xmlns="http://www.w3.org/2000/svg"`, "")
		for _, bad := range []string{"http://", "https://", " style=", "<style", "<script>", " onclick", "@import", "url("} {
			if strings.Contains(body, bad) {
				t.Errorf("%s holds %q", page, bad)
			}
		}
	}
}

// TestFaultsStayInside holds that what goes wrong within is told to the log and
// not to the caller.
func TestFaultsStayInside(t *testing.T) {
	w := newWorld(t, func(c *admin.Config) { c.Flags = brokenFlags{newFlags()} })
	b := w.withPassword(t).browser(t)
	b.post(t, "/admin/panel/login", url.Values{"password": {password}})
	for _, got := range []reply{w.api(t, "GET", "/admin/flags", ""), b.get(t, "/admin/panel/flags")} {
		if got.StatusCode != 500 || strings.Contains(got.body, "db.internal") || !strings.Contains(got.body, "log says why") {
			t.Errorf("%d %s", got.StatusCode, got.body)
		}
	}
	if text := fmt.Sprint(w.log.Tail(10, 0)); !strings.Contains(text, "db.internal") {
		t.Errorf("the log says %s", text)
	}
}

type brokenFlags struct{ *memoryFlags }

func (brokenFlags) Flags(context.Context) (admin.FlagState, error) {
	return admin.FlagState{}, errors.New("dial db.internal: refused")
}

// TestStoreGone holds that a person and a program are told in a line that nothing
// can be changed now.
func TestStoreGone(t *testing.T) {
	w := newWorld(t, func(c *admin.Config) { c.Flags = storelessFlags{newFlags()} })
	got := w.api(t, "PUT", "/admin/flags/"+retryFlag, `{"percent":20,"expected":7}`)
	if got.StatusCode != http.StatusServiceUnavailable || strings.Contains(got.body, "db.internal") || !strings.Contains(got.body, "store does not answer") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	b := w.loggedIn(t)
	got = b.submit(t, "/admin/panel/flags/"+retryFlag, url.Values{"percent": {"1"}, "expected": {"7"}, "unit": {"request"}})
	if got.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got.body, "store does not answer") {
		t.Errorf("%d %s", got.StatusCode, outline(got.body))
	}
}

// storelessFlags can be read and not changed.
type storelessFlags struct{ *memoryFlags }

func (storelessFlags) SetFlag(context.Context, admin.FlagChange) error {
	return fmt.Errorf("%w: dial db.internal: refused", admin.ErrUnavailable)
}

func TestSecretsHide(t *testing.T) {
	s := admin.NewSecret("s3cret")
	body, err := json.Marshal(map[string]any{"s": s, "n": admin.NewCredential{Secret: s}})
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprintf("%v %+v %#v %s %q %x %v %+v %#v", s, s, s, s, s, s, []admin.Secret{s}, admin.NewCredential{Secret: s}, admin.NewCredential{Secret: s})
	if all := said + string(body) + s.LogValue().String(); strings.Contains(all, "s3cret") || strings.Contains(all, "733363726574") {
		t.Error(all)
	}
	if s.Reveal() != "s3cret" {
		t.Error("the secret is lost")
	}
}

// TestLargeForms holds that no form takes more memory than allowed.
func TestLargeForms(t *testing.T) {
	w := newWorld(t)
	b := w.loggedIn(t)
	large := url.Values{"label": {strings.Repeat("x", 300<<10)}}
	if got := b.submit(t, "/admin/panel/credentials", large); got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of 300 kB: %d", got.StatusCode)
	}
	out := w.browser(t)
	got := out.post(t, "/admin/panel/login", large)
	if got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a login of 300 kB: %d", got.StatusCode)
	}
}

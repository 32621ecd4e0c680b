package admin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
)

const nextPassword = "another password"

func passwords(current, next, again string) url.Values {
	return url.Values{"current": {current}, "new": {next}, "again": {again}}
}

// TestChangePassword holds that whoever knows the password can change it, that all
// other sessions end and this one gets another token, and that no password is
// written anywhere.
func TestChangePassword(t *testing.T) {
	w := newWorld(t)
	b, other := w.loggedIn(t), w.loggedIn(t)
	for _, tt := range []struct {
		form url.Values
		says string
	}{
		{passwords("not the password", nextPassword, nextPassword), "Not done: that is not the password."},
		{passwords(password, nextPassword, "a third password"), "Not done: the new password was not typed alike twice."},
		{passwords(password, "éleven char", "éleven char"), "Not done: a password has 12 characters or more."},
		{passwords(password, " elevenchars ", " elevenchars "), "Not done: a password has 12 characters or more."},
		{passwords(password, password, password), "Not done: the new password is the old one."},
		{nil, "Not done: a password has 12 characters or more."},
	} {
		got := b.submit(t, "/admin/panel/password", tt.form)
		if got.Request.URL.Path != "/admin/panel/password" || !strings.Contains(got.body, tt.says) {
			t.Errorf("want %q at %s:\n%s", tt.says, got.Request.URL, outline(got.body))
		}
	}
	if got := b.post(t, "/admin/panel/password", passwords(password, nextPassword, nextPassword)); got.StatusCode != http.StatusForbidden {
		t.Errorf("a form that is not the panel's: %d", got.StatusCode)
	}
	before, theirs := b.token(t), other.token(t)
	for _, token := range []string{before, theirs} {
		if got := w.do(t, "GET", "/admin/flags", "", "Cookie", admin.CookieName+"="+token); got.StatusCode != 200 {
			t.Fatalf("a session has ended by what was refused: %d", got.StatusCode)
		}
	}

	got := b.submit(t, "/admin/panel/password", passwords(" "+password+" ", nextPassword+"\n", nextPassword))
	if got.StatusCode != 200 || !strings.Contains(got.body, "The password is changed. All other sessions have ended.") {
		t.Errorf("%d\n%s", got.StatusCode, outline(got.body))
	}
	for _, token := range []string{before, theirs} {
		if got := w.do(t, "GET", "/admin/flags", "", "Cookie", admin.CookieName+"="+token); got.StatusCode != 401 {
			t.Errorf("a session from before: %d", got.StatusCode)
		}
	}
	if got := b.get(t, "/admin/flags"); got.StatusCode != 200 || b.token(t) == before {
		t.Errorf("this session: %d", got.StatusCode)
	}
	for guess, want := range map[string]int{password: 401, nextPassword: 303} {
		got := w.do(t, "POST", "/admin/panel/login", url.Values{"password": {guess}}.Encode(), "Content-Type", formType)
		if got.StatusCode != want {
			t.Errorf("a login with %q: %d, want %d", guess, got.StatusCode, want)
		}
	}
	log := fmt.Sprint(w.log.Tail(100, 0))
	if !strings.Contains(log, "password changed") || !strings.Contains(log, "change of the password refused") {
		t.Errorf("the log says %s", log)
	}
	for _, secret := range []string{password, nextPassword, "not the password", "third password"} {
		if strings.Contains(log+w.accounts.hash, secret) {
			t.Errorf("%q stands in %s", secret, log)
		}
	}
}

// TestPasswordTriesAreLimited holds that a session that was stolen does not make
// guessing quicker: wrong passwords count as those of logins.
func TestPasswordTriesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t).withPassword(t)
		login := url.Values{"password": {password}}.Encode()
		token := w.do(t, "POST", "/admin/panel/login", login, "Content-Type", formType).Cookies()[0].Value
		change := func(current string) string {
			form := passwords(current, nextPassword, nextPassword)
			form.Set("form", admin.FormToken(token))
			cookie := admin.CookieName + "=" + token
			w.do(t, "POST", "/admin/panel/password", form.Encode(), "Content-Type", formType, "Cookie", cookie)
			return w.do(t, "GET", "/admin/panel/password", "", "Cookie", cookie).body
		}
		for i := range 5 {
			if said := change(fmt.Sprint("guess", i)); !strings.Contains(said, "that is not the password") {
				t.Errorf("guess %d: %s", i, outline(said))
			}
		}
		if said := change(password); !strings.Contains(said, "too many tries: wait 60 s") {
			t.Errorf("the sixth: %s", outline(said))
		}
		if got := w.do(t, "POST", "/admin/panel/login", login, "Content-Type", formType); got.StatusCode != http.StatusTooManyRequests {
			t.Errorf("a login from the same address: %d", got.StatusCode)
		}
		time.Sleep(time.Minute)
		if got := w.do(t, "POST", "/admin/panel/login", login, "Content-Type", formType); got.StatusCode != http.StatusSeeOther {
			t.Errorf("a minute later: %d", got.StatusCode)
		}
	})
}

// TestPasswordChangedMeanwhile holds that a login or a change that was checked
// against the old password does nothing once there is a new one: somebody who knew
// the old one is out.
func TestPasswordChangedMeanwhile(t *testing.T) {
	w := newWorld(t)
	b := w.loggedIn(t)
	reset := ""
	w.accounts.before = func() {
		w.accounts.before = nil
		var err error
		if reset, err = admin.ResetPassword(t.Context(), w.accounts); err != nil {
			t.Error(err)
		}
	}
	got := w.do(t, "POST", "/admin/panel/login", url.Values{"password": {password}}.Encode(), "Content-Type", formType)
	if got.StatusCode != http.StatusConflict || len(got.Cookies()) != 0 || len(w.accounts.sessions) != 0 {
		t.Errorf("a login: %d, %d sessions", got.StatusCode, len(w.accounts.sessions))
	}
	b.post(t, "/admin/panel/login", url.Values{"password": {reset}})
	first := reset
	w.accounts.before = func() {
		w.accounts.before = nil
		reset, _ = admin.ResetPassword(t.Context(), w.accounts)
	}
	if got := b.submit(t, "/admin/panel/password", passwords(first, nextPassword, nextPassword)); !strings.HasSuffix(got.Request.URL.Path, "/login") {
		t.Errorf("a change leads to %s", got.Request.URL)
	}
	if got := b.post(t, "/admin/panel/login", url.Values{"password": {reset}}); got.StatusCode != 200 {
		t.Errorf("the password that was made last: %d", got.StatusCode)
	}
}

// TestResetPassword holds that there is a way back for who has lost the password,
// and none before there is one.
func TestResetPassword(t *testing.T) {
	w := newWorld(t)
	if made, err := admin.ResetPassword(t.Context(), w.accounts); made != "" || err == nil {
		t.Errorf("without a password %q, %v", made, err)
	}
	b := w.loggedIn(t)
	made, err := admin.ResetPassword(t.Context(), w.accounts)
	if err != nil || len(made) < 26 || strings.Contains(w.accounts.hash, made) {
		t.Fatalf("%q, %v, kept %q", made, err, w.accounts.hash)
	}
	if got := b.get(t, "/admin/panel/"); !strings.HasSuffix(got.Request.URL.Path, "/login") {
		t.Errorf("a session from before leads to %s", got.Request.URL)
	}
	if got := b.post(t, "/admin/panel/login", url.Values{"password": {made}}); got.StatusCode != 200 {
		t.Errorf("the new password: %d", got.StatusCode)
	}
}

package admin

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// leastPassword is how many characters a password has that a person chooses.
const leastPassword = 12

var (
	errPassword = fault{http.StatusUnauthorized, "password", "that is not the password"}
	errChanged  = fault{http.StatusConflict, "stale", "the password was changed meanwhile: log in with the new one"}
)

func tooMany(wait time.Duration) fault {
	return fault{http.StatusTooManyRequests, "too_many", "too many tries: wait " + duration(wait)}
}

// passwordIn reads a password from a form. White space around it is never part of
// it: it comes from copying.
func passwordIn(r *http.Request, field string) string {
	return strings.TrimSpace(r.PostFormValue(field))
}

// admit uses up a try at the password, or says after which time there is one.
func (a *Admin) admit(r *http.Request) (wait time.Duration) {
	return time.Duration(math.Ceil(a.limit.take(addressOf(r)).Seconds())) * time.Second
}

// prove returns the hash that the password has, or errPassword. A right one gives
// its try back.
func (a *Admin) prove(r *http.Request, what, password string) (hash string, err error) {
	hash, err = a.checkPassword(r.Context(), password)
	if err != nil {
		return "", err
	}
	if hash == "" {
		a.cfg.Logger.Warn(what+" refused", "address", addressOf(r).String())
		return "", errPassword
	}
	a.limit.giveBack(addressOf(r))
	return hash, nil
}

func (a *Admin) showLogin(w http.ResponseWriter, r *http.Request) {
	a.render(w, r, http.StatusOK, "login", page{Title: "Log in"})
}

// tryLogin begins a session for the right password.
func (a *Admin) tryLogin(w http.ResponseWriter, r *http.Request) {
	err := a.enter(w, r)
	if err == nil {
		http.Redirect(w, r, "/admin/panel/", http.StatusSeeOther)
		return
	}
	f := a.fault(r, err)
	a.render(w, r, f.status, "login", page{Title: "Log in", Note: note{sentence(f.message), true}})
}

func (a *Admin) enter(w http.ResponseWriter, r *http.Request) error {
	if wait := a.admit(r); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
		return tooMany(wait)
	}
	if err := readForm(w, r); err != nil {
		return err
	}
	hash, err := a.prove(r, "login", passwordIn(r, "password"))
	if err != nil {
		return err
	}
	r = r.WithContext(context.WithoutCancel(r.Context()))
	if old, err := r.Cookie(cookieName); err == nil {
		if err := a.cfg.Accounts.DeleteSession(r.Context(), sum(old.Value)); err != nil {
			return err
		}
	}
	_, err = a.begin(w, r, hash)
	return err
}

func (a *Admin) leave(w http.ResponseWriter, r *http.Request) error {
	if err := a.logout(w, r); err != nil {
		return err
	}
	http.Redirect(w, r, "/admin/panel/login", http.StatusSeeOther)
	return nil
}

// changePassword takes another password from who knows the one in force. All
// sessions end with the old one, and a new one begins here.
func (a *Admin) changePassword(w http.ResponseWriter, r *http.Request) error {
	current, next := passwordIn(r, "current"), passwordIn(r, "new")
	switch {
	case next != passwordIn(r, "again"):
		return invalid("the new password was not typed alike twice")
	case utf8.RuneCountInString(next) < leastPassword:
		return invalid("a password has %d characters or more", leastPassword)
	case next == current:
		return invalid("the new password is the old one")
	}
	if wait := a.admit(r); wait > 0 {
		return tooMany(wait)
	}
	was, err := a.prove(r, "change of the password", current)
	if err != nil {
		return err
	}
	r = r.WithContext(context.WithoutCancel(r.Context()))
	hash, err := a.replacePassword(r.Context(), was, next)
	if err != nil {
		return err
	}
	a.cfg.Logger.Warn("password changed", "address", addressOf(r).String())
	session, err := a.begin(w, r, hash)
	if err != nil {
		return err
	}
	a.notes.put(session, note{Text: "The password is changed. All other sessions have ended."})
	back(w, r)
	return nil
}

// replacePassword returns the new password's hash.
func (a *Admin) replacePassword(ctx context.Context, was, password string) (hash string, err error) {
	hash, err = hashPassword(password, iterations)
	if err == nil {
		err = a.cfg.Accounts.ReplacePassword(ctx, was, hash)
	}
	if errors.Is(err, ErrStale) {
		err = errChanged
	}
	return hash, err
}

// sentence makes one of what a fault says.
func sentence(text string) string {
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}

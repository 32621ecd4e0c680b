package admin

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"
)

const (
	cookieName  = "firstbyte_admin"
	sessionTime = 12 * time.Hour
)

// A caller is who asks, once that is known.
type caller struct {
	who string // for the audit log
	// session is the hash of the session's token and form the token that the
	// session's forms carry; both are empty for the admin key.
	session, form string
	expires       time.Time
}

type callerKey struct{}

// from returns the caller of a request that passed private or page.
func from(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// caller finds out who asks. A request with an Authorization header is judged by
// that alone.
func (a *Admin) caller(r *http.Request) (c caller, ok bool, err error) {
	if header := r.Header.Values("Authorization"); len(header) > 0 {
		return caller{who: "admin key"}, a.keyed(header), nil
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return caller{}, false, nil
	}
	hash := sum(cookie.Value)
	s, ok, err := a.cfg.Accounts.Session(r.Context(), hash)
	if err != nil || !ok || !time.Now().Before(s.Expires) {
		return caller{}, false, err
	}
	return caller{who: "panel", session: hash, form: formToken(cookie.Value), expires: s.Expires}, true, nil
}

// keyed reports whether the header holds the admin key.
func (a *Admin) keyed(header []string) bool {
	scheme, key, _ := strings.Cut(header[0], " ")
	got := sha256.Sum256([]byte(strings.TrimSpace(key)))
	same := subtle.ConstantTimeCompare(got[:], a.key[:]) == 1
	return same && a.hasKey && len(header) == 1 && strings.EqualFold(scheme, "Bearer")
}

func sum(token string) string {
	s := sha256.Sum256([]byte(token))
	return hex.EncodeToString(s[:])
}

// formToken returns what the forms of a session carry. It follows from the
// session's token and does not lead back to it.
func formToken(token string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("form"))
	return hex.EncodeToString(mac.Sum(nil))
}

// begin begins a session of who knows the password of this hash, and sets its
// cookie. The token is always a new one, so a cookie that somebody planted before
// the login opens nothing after it.
func (a *Admin) begin(w http.ResponseWriter, r *http.Request, passwordHash string) (session string, err error) {
	token, now := rand.Text(), time.Now()
	s := Session{Hash: sum(token), Created: now, Expires: now.Add(sessionTime)}
	err = a.cfg.Accounts.SaveSession(r.Context(), s, passwordHash)
	if errors.Is(err, ErrStale) {
		return "", errChanged
	}
	if err != nil {
		return "", err
	}
	http.SetCookie(w, a.cookie(r, token, int(sessionTime.Seconds())))
	return s.Hash, nil
}

func (a *Admin) logout(w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, a.cookie(r, "", -1))
	return a.cfg.Accounts.DeleteSession(r.Context(), from(r.Context()).session)
}

func (a *Admin) cookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/admin/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil || a.cfg.BehindTLS,
	}
}

// checkPassword returns the hash that the password has, empty if it is not the
// right one. One at a time: hashing is slow on purpose, and the machine has
// requests to serve.
func (a *Admin) checkPassword(ctx context.Context, password string) (hash string, err error) {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	hash, err = a.cfg.Accounts.Password(ctx)
	if err != nil || hash == "" {
		return "", err
	}
	same, err := samePassword(password, hash)
	if err != nil || !same {
		return "", err
	}
	return hash, nil
}

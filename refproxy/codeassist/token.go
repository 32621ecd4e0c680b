package codeassist

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// tokenLife is how long a token is good where its maker does not say.
	tokenLife = time.Hour
	// pauseMin and pauseMax bound the time between failed refreshes; a refusal
	// that names no known cause takes pauseRefused.
	pauseMin     = time.Second
	pauseMax     = time.Minute
	pauseRefused = 5 * time.Minute
	// lookPause is how long another process may take to keep what it has refreshed.
	lookPause = 2 * time.Second
	// maxReply bounds what is read of any answer here.
	maxReply = 1 << 20
	// maxText bounds what is passed on of somebody else's message.
	maxText = 500
)

// permanent are the codes of OAuth (RFC 6749, section 5.2, and Google's own) after
// which only a new login helps.
var permanent = []string{"invalid_grant", "invalid_refresh_token", "refresh_token_expired", "unauthorized_client", "access_denied"}

// Token returns an access token. One that ends soon is replaced in the
// background; one that has ended, before Token returns.
func (a *Account) Token(ctx context.Context) (string, error) {
	a.mu.Lock()
	token, left := a.cred.token, a.cfg.Clock.Until(a.cred.expiry)
	good := token != "" && left > 0
	if good && (left > ahead || a.dead != nil) {
		a.mu.Unlock()
		return token, nil
	}
	f, err := a.refreshing()
	a.mu.Unlock()
	switch {
	case good:
		return token, nil // f goes on without us, and err is told once it matters
	case err != nil:
		return "", err
	}
	return a.refreshed(ctx, f)
}

// Renew replaces a token that was refused, unless that has been done since.
func (a *Account) Renew(ctx context.Context, refused string) error {
	a.mu.Lock()
	if a.cred.token != refused {
		a.mu.Unlock()
		return nil
	}
	if a.cfg.Clock.Since(a.renewed) < renewPause {
		a.mu.Unlock()
		return &Error{Class: Credential, Message: "Code Assist refuses a token that has just been made"}
	}
	f, err := a.refreshing()
	a.mu.Unlock()
	if err != nil {
		return err
	}
	_, err = a.refreshed(ctx, f)
	return err
}

// refreshing returns the refresh that is under way, or begins one, unless the
// last one says that it is in vain. a.mu is held.
func (a *Account) refreshing() (*flight, error) {
	switch {
	case a.dead != nil:
		return nil, a.dead
	case a.refresh != nil:
		return a.refresh, nil
	case a.cfg.Clock.Now().Before(a.retryAt):
		e := *a.failed
		e.RetryAfter = a.cfg.Clock.Until(a.retryAt)
		return nil, &e
	}
	a.refresh = a.start(a.exchange)
	return a.refresh, nil
}

func (a *Account) refreshed(ctx context.Context, f *flight) (string, error) {
	if err := f.wait(ctx); err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cred.token, nil
}

// exchange makes a new token of the refresh token, or takes over one that another
// process has made, and keeps it or the failure.
func (a *Account) exchange(ctx context.Context) error {
	a.mu.Lock()
	cred := a.cred
	a.mu.Unlock()
	if other, ok := a.kept(cred); ok {
		if a.cfg.Clock.Until(other.expiry) > ahead {
			a.use(other, time.Time{})
			return nil
		}
		cred = other
	}
	next, failure := a.redeem(ctx, cred)
	if failure == nil {
		// At once, and before the token is used: the old refresh token may be void.
		if err := a.cfg.save(next); err != nil {
			a.cfg.Log.Error("a refreshed credential could not be saved; it is lost at the next start", "cause", err)
		}
		a.use(next, a.cfg.Clock.Now())
		return nil
	}
	if failure.Class == Credential {
		if other, ok := a.keptSoon(ctx, cred); ok {
			a.use(other, time.Time{})
			return nil
		}
	}
	a.fail(failure)
	return failure
}

// kept returns what another process has kept since it had cred.
func (a *Account) kept(cred credential) (credential, bool) {
	if a.cfg.Load == nil {
		return cred, false
	}
	data, err := a.cfg.Load()
	if err != nil {
		a.cfg.Log.Warn("what others have refreshed of a credential cannot be read", "cause", err)
		return cred, false
	}
	other, err := parseCredential(data)
	return other, err == nil && other.token != "" && other.expiry.After(cred.expiry)
}

// keptSoon waits a moment for it: who finds a refresh token void may only be later
// than another process, which is about to keep the new one.
func (a *Account) keptSoon(ctx context.Context, cred credential) (credential, bool) {
	other, ok := a.kept(cred)
	if ok || a.cfg.Load == nil || a.cfg.Clock.Sleep(ctx, lookPause) != nil {
		return other, ok
	}
	return a.kept(cred)
}

// use takes a credential into use, whose token was made here at that time, or by
// another process.
func (a *Account) use(cred credential, made time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cred, a.renewed = cred, made
	a.refresh, a.failed, a.pause, a.retryAt = nil, nil, 0, time.Time{}
	a.plan()
}

// fail keeps why a refresh failed, and when to try again.
func (a *Account) fail(e *Error) {
	if e.Class == Credential {
		defer a.died(e) // once a.mu is free
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refresh = nil
	if e.Class == Credential {
		a.dead = e
		a.cfg.Log.Error("credential of Code Assist is of no use any more; log in again", "reason", e.Message)
		return
	}
	a.pause = min(max(2*a.pause, pauseMin), pauseMax)
	a.failed, a.retryAt = e, a.cfg.Clock.Now().Add(max(a.pause, e.RetryAfter))
	a.cfg.Log.Warn("token of Code Assist not refreshed", "cause", e, "retry_after", a.cfg.Clock.Until(a.retryAt))
}

// redeem asks the token endpoint once.
func (a *Account) redeem(ctx context.Context, cred credential) (credential, *Error) {
	if cred.refreshToken == "" {
		return cred, &Error{Class: Credential, Message: "the credential holds no refresh token; log in again"}
	}
	form := url.Values{
		"client_id": {cred.clientID}, "client_secret": {cred.clientSecret},
		"refresh_token": {cred.refreshToken}, "grant_type": {"refresh_token"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, cred.tokenURI, strings.NewReader(form.Encode()))
	if err != nil {
		return cred, &Error{Message: "the token endpoint cannot be asked", Cause: err}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", a.cfg.UserAgent)
	resp, err := a.client.Do(req)
	if err != nil {
		return cred, &Error{Message: "the token endpoint was not reached", Cause: err}
	}
	defer func() { _ = resp.Body.Close() }() // what we want of it is read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return cred, &Error{Message: "the token endpoint's answer was cut", Cause: err}
	}
	if resp.StatusCode != http.StatusOK {
		return cred, refusal(resp, body, cred)
	}
	return cred.with(body, a.cfg.Clock.Now())
}

// with returns c with the token that an answer of the token endpoint holds, which
// came now.
func (c credential) with(body []byte, now time.Time) (credential, *Error) {
	var answer struct {
		AccessToken  string      `json:"access_token"`
		RefreshToken string      `json:"refresh_token"`
		ExpiresIn    json.Number `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.AccessToken == "" {
		return c, &Error{Message: "the token endpoint's answer holds no access token"}
	}
	life := tokenLife
	if s, err := strconv.ParseFloat(answer.ExpiresIn.String(), 64); err == nil && s > 0 {
		life = time.Duration(min(s, 24*time.Hour.Seconds()) * float64(time.Second))
	}
	c.token, c.expiry = answer.AccessToken, now.Add(life)
	if answer.RefreshToken != "" {
		c.refreshToken = answer.RefreshToken
	}
	return c, nil
}

// refusal classes an answer of the token endpoint that is no success. Only a
// known code says that the credential is at fault: proxies and firewalls send
// the same statuses.
func refusal(resp *http.Response, body []byte, cred credential) *Error {
	code, text := oauthError(body)
	e := &Error{Code: code, RetryAfter: retryAfter(resp.Header), Message: fmt.Sprintf("the token endpoint answered %d", resp.StatusCode)}
	if said := cred.redact(strings.TrimSpace(code + " " + text)); said != "" {
		e.Message += ": " + said
	}
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		if slices.Contains(permanent, code) {
			e.Class = Credential
		} else {
			e.RetryAfter = max(e.RetryAfter, pauseRefused)
		}
	}
	return e
}

// oauthError reads {"error":"code","error_description":"..."}, or Google's own
// {"error":{"status":"...","message":"..."}}.
func oauthError(body []byte) (code, text string) {
	var plain struct {
		Error            json.RawMessage `json:"error"`
		ErrorDescription string          `json:"error_description"`
	}
	if json.Unmarshal(body, &plain) != nil {
		return "", ""
	}
	if json.Unmarshal(plain.Error, &code) == nil {
		return code, clip(plain.ErrorDescription)
	}
	var google struct{ Status, Message string }
	_ = json.Unmarshal(plain.Error, &google) // what it is not says nothing
	return google.Status, clip(google.Message)
}

func clip(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return s
}

func retryAfter(h http.Header) time.Duration {
	s, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After")))
	if err != nil || s < 0 {
		return 0
	}
	return time.Duration(min(s, 24*3600)) * time.Second
}

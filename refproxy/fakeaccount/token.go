package fakeaccount

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	grantAssertion = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	grantRefresh   = "refresh_token"

	// maxAssertion is the longest life of an assertion, by Google's rule.
	maxAssertion = time.Hour
	// skew is how far apart the clocks may be.
	skew = 5 * time.Minute
)

// An oauthError is why a grant is refused, by RFC 6749, section 5.2.
type oauthError struct {
	status      int
	code        string
	description string
}

func (e oauthError) write(w http.ResponseWriter) {
	writeJSON(w, e.status, map[string]any{"error": e.code, "error_description": e.description})
}

// serveToken answers a grant.
func (a *Account) serveToken(w http.ResponseWriter, r *http.Request) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err != nil || kind != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		a.refuse(w, oauthError{http.StatusBadRequest, "invalid_request", "Content-Type must be application/x-www-form-urlencoded."})
		return
	}
	form := r.PostForm
	if e := a.examine(form, r.Host); e != nil {
		a.refuse(w, *e)
		return
	}
	writeJSON(w, http.StatusOK, a.grant(form))
}

func (a *Account) refuse(w http.ResponseWriter, e oauthError) {
	a.mu.Lock()
	a.stats.Refused++
	a.mu.Unlock()
	e.write(w)
}

// examine returns why a grant is refused, nil if it is not. Assertions are judged by
// the machine's time: whoever signs one stamps it with that.
func (a *Account) examine(form url.Values, host string) *oauthError {
	bad := func(code, description string) *oauthError {
		return &oauthError{http.StatusBadRequest, code, description}
	}
	switch form.Get("grant_type") {
	case grantAssertion:
		if problem := checkAssertion(form.Get("assertion"), host, time.Now()); problem != "" {
			return bad("invalid_grant", "Invalid JWT: "+problem+".")
		}
	case grantRefresh:
		if form.Get("client_id") == "" || form.Get("client_secret") == "" {
			return &oauthError{http.StatusUnauthorized, "invalid_client", "The OAuth client was not found."}
		}
		if token := form.Get("refresh_token"); token == "" {
			return bad("invalid_request", "Missing required parameter: refresh_token")
		} else if strings.HasPrefix(token, "revoked") || a.isVoid(token) {
			return bad("invalid_grant", "Token has been expired or revoked.")
		}
	default:
		return bad("unsupported_grant_type", "Invalid grant_type: "+form.Get("grant_type"))
	}
	return a.planned()
}

func (a *Account) isVoid(token string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, void := a.voided[token]
	return void
}

// planned refuses what the configuration says.
func (a *Account) planned() *oauthError {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, refuse := a.grants, a.config.Tokens.Refuse
	a.grants++
	if refuse.Code == "" || n < refuse.After || refuse.Times > 0 && n >= refuse.After+refuse.Times {
		return nil
	}
	return &oauthError{refuse.Status, refuse.Code, "Simulated refusal."}
}

// grant gives a token.
func (a *Account) grant(form url.Values) map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	for token, access := range a.tokens {
		if now.After(access.until) {
			delete(a.tokens, token)
		}
	}
	token := a.secret("access", a.grants)
	owner := a.ownerOf(form)
	a.tokens[token] = access{owner, now.Add(a.config.Tokens.Life)}
	answer := map[string]any{
		"access_token": token, "token_type": "Bearer", "expires_in": int(a.config.Tokens.Life / time.Second),
	}
	if form.Get("grant_type") == grantAssertion {
		a.stats.Assertions++
		return answer
	}
	a.stats.Refreshes++
	if a.config.Tokens.Rotate {
		a.voided[form.Get("refresh_token")] = struct{}{}
		next := a.secret("refresh", a.grants)
		a.owners[next] = owner
		answer["refresh_token"] = next
	}
	return answer
}

// secret returns the n-th token of a kind, the same for the same seed.
func (a *Account) secret(kind string, n int) string {
	text := binary.BigEndian.AppendUint64([]byte(kind), a.seed)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(text, uint64(n)))
	return "simulated-" + kind + "-" + hex.EncodeToString(sum[:12])
}

// Authorise returns why a request must not be answered: it has no bearer token,
// or one that was not given or is over.
func (a *Account) Authorise(h http.Header) *Refusal {
	token, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	defer a.mu.Unlock()
	access, given := a.tokens[token]
	given = given && ok
	if given && a.clock.Now().Before(access.until) {
		return nil
	}
	a.stats.Unauthorised++
	f := &Refusal{
		http.StatusUnauthorized, "UNAUTHENTICATED", "CREDENTIALS_MISSING",
		"Request is missing required authentication credential. Expected OAuth 2 access token.",
	}
	if ok {
		f.Reason = "ACCESS_TOKEN_TYPE_UNSUPPORTED"
		f.Message = "Request had invalid authentication credentials. Expected OAuth 2 access token."
	}
	if given {
		f.Reason = "ACCESS_TOKEN_EXPIRED"
	}
	return f
}

// ownerOf names whom a grant is for: a service account by its address, a user by
// the first of the refresh tokens.
func (a *Account) ownerOf(form url.Values) string {
	if form.Get("grant_type") == grantAssertion {
		var claims claimSet
		_, payload, _ := strings.Cut(form.Get("assertion"), ".")
		payload, _, _ = strings.Cut(payload, ".")
		readPart(payload, &claims) // examined before
		return claims.Issuer
	}
	token := form.Get("refresh_token")
	return cmp.Or(a.owners[token], token)
}

// Owner returns whom the request's bearer token was given for, "" if for nobody:
// a service account's address, or the first of a user's refresh tokens.
func (a *Account) Owner(h http.Header) string {
	token, _ := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tokens[token].owner
}

// Expire ends the request's bearer token before its time: it is refused until
// another is asked for.
func (a *Account) Expire(h http.Header) {
	token, _ := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	defer a.mu.Unlock()
	if access, given := a.tokens[token]; given {
		access.until = time.Time{}
		a.tokens[token] = access
	}
}

// A claimSet is what a service account says of itself.
type claimSet struct {
	Issuer   string `json:"iss"`
	Scope    string `json:"scope"`
	Audience string `json:"aud"`
	IssuedAt int64  `json:"iat"`
	Expiry   int64  `json:"exp"`
}

// checkAssertion returns what is wrong with a JWT by RFC 7523, "" if nothing is.
func checkAssertion(token, host string, now time.Time) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[2] == "" {
		return "it must have three parts"
	}
	var header struct{ Alg, Typ string }
	var claims claimSet
	if !readPart(parts[0], &header) || !readPart(parts[1], &claims) {
		return "its parts must be JSON in base64url"
	}
	if _, err := base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		return "its signature must be base64url"
	}
	audience, err := url.Parse(claims.Audience)
	issued, expiry := time.Unix(claims.IssuedAt, 0), time.Unix(claims.Expiry, 0)
	switch {
	case header.Alg != "RS256" || header.Typ != "JWT":
		return "its header must say RS256 and JWT"
	case claims.Issuer == "":
		return "iss is missing"
	case claims.Scope == "":
		return "scope is missing"
	case err != nil || audience.Host != host || audience.Path != "/token":
		return "aud must be this endpoint"
	case issued.After(now.Add(skew)) || expiry.Before(now) || expiry.Sub(issued) > maxAssertion:
		return "Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim"
	}
	return ""
}

func readPart(text string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && json.Unmarshal(raw, into) == nil
}

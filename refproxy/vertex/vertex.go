// Package vertex makes bearer tokens for Vertex AI with Google's own auth library:
// of a service account's file, of a user's, or of what the machine itself has
// (Application Default Credentials, cloud.google.com/docs/authentication). The
// library keeps a token until shortly before its end and replaces it in the
// background.
package vertex

import (
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
)

const (
	// scope is what a token may be used for.
	scope = "https://www.googleapis.com/auth/cloud-platform"
	// ahead is how long before its end a token is replaced.
	ahead = 300 * time.Second
	// callTime bounds a call of the token endpoint.
	callTime = 30 * time.Second
	// renewPause is how old a token must be before a refusal of it is worth
	// another one.
	renewPause = 10 * time.Second
)

// Config says whose tokens they are.
type Config struct {
	// File is a service account's or a user's credential file; empty for what the
	// machine has.
	File string
	// JSON is the content of such a file that is kept elsewhere, instead of File.
	JSON []byte
	// HTTP carries the calls. Default [http.DefaultTransport].
	HTTP http.RoundTripper
	// UserAgent names us honestly.
	UserAgent string
}

// Tokens makes tokens. It is safe for concurrent use.
type Tokens struct {
	cfg Config
	id  string // of the account

	mu      sync.Mutex
	creds   *auth.Credentials
	last    string    // the token given last
	renewed time.Time // when the last one was replaced because it was refused
}

// An Error is why there is no token. Its text is fit for callers and holds no
// secret; Cause may hold what the token endpoint said and is for the log.
type Error struct {
	// Passing says that it may be gone at the next try.
	Passing bool
	// Dead says that there will be no token again: the account or its key is gone,
	// or a user's login has run out.
	Dead    bool
	Message string
	Cause   error
}

// Error returns message and cause.
func (e *Error) Error() string { return "vertex: " + e.Message + ": " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Open reads the credentials. It asks nobody yet. Its error names the remedy, and
// quotes nothing of them.
func Open(cfg Config) (*Tokens, error) {
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultTransport
	}
	creds, id, err := cfg.credentials()
	if err != nil {
		return nil, err
	}
	return &Tokens{cfg: cfg, id: id, creds: creds}, nil
}

// Identity names the account that the tokens are for, and tells nothing of it: a
// service account by its address, whichever of its keys is used, a user by the
// login. It is empty for what the machine has.
func (t *Tokens) Identity() string { return t.id }

// credentials makes new ones, without any token, and names them.
func (c Config) credentials() (creds *auth.Credentials, id string, err error) {
	opts := &credentials.DetectOptions{
		Scopes: []string{scope}, EarlyTokenRefresh: ahead,
		Client: &http.Client{
			Transport: named{c.HTTP, c.UserAgent}, Timeout: callTime,
			// A redirect would carry the assertion to another place.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Logger: slog.New(slog.DiscardHandler), // it would log whole requests
	}
	data, from, err := c.read()
	if err != nil {
		return nil, "", err
	}
	if data == nil {
		if creds, err = credentials.DetectDefault(opts); err != nil {
			err = fmt.Errorf("%s: none found on this machine; give a service account's with --credentials-file, or run `gcloud auth application-default login`: %w", from, err)
		}
		return creds, "", err
	}
	kind, id, err := examine(data)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", from, err)
	}
	if creds, err = credentials.NewCredentialsFromJSON(kind, data, opts); err != nil {
		// What the library says may quote the file.
		err = fmt.Errorf("%s: the private key or another field of the %s cannot be used", from, kind)
	}
	return creds, id, err
}

// read returns the content of the file, nil for what the machine has, and what
// errors call it.
func (c Config) read() (data []byte, from string, err error) {
	const ours = "credentials for Vertex AI"
	switch {
	case c.File == "":
		return c.JSON, ours, nil
	case c.JSON != nil:
		return nil, "", errors.New(ours + ": want a file or its content, not both")
	}
	if data, err = os.ReadFile(c.File); err != nil {
		return nil, "", fmt.Errorf("%s: %w", ours, err)
	}
	return data, "credentials " + c.File, nil
}

// accepted are the kinds of file that hold all they need. Others name commands to
// run or addresses to ask, which a flag should not be able to.
var accepted = []credentials.CredType{credentials.ServiceAccount, credentials.AuthorizedUser}

// examine returns of a file its kind, and whose it is.
func examine(data []byte) (kind credentials.CredType, id string, err error) {
	var file struct {
		Type         credentials.CredType `json:"type"`
		ClientEmail  string               `json:"client_email"`
		PrivateKey   string               `json:"private_key"`
		ClientID     string               `json:"client_id"`
		ClientSecret string               `json:"client_secret"`
		RefreshToken string               `json:"refresh_token"`
	}
	if json.Unmarshal(data, &file) != nil {
		return "", "", errors.New("want JSON, as Google hands it out")
	}
	switch {
	case !slices.Contains(accepted, file.Type):
		return "", "", fmt.Errorf("want JSON of the type %v, no other", accepted)
	case file.Type == credentials.ServiceAccount && (file.ClientEmail == "" || file.PrivateKey == ""):
		return "", "", errors.New("client_email and private_key are needed")
	case file.Type == credentials.ServiceAccount && !privateKey(file.PrivateKey):
		return "", "", errors.New("private_key is no RSA key in PEM form")
	case file.Type == credentials.AuthorizedUser && (file.ClientID == "" || file.ClientSecret == "" || file.RefreshToken == ""):
		return "", "", errors.New("client_id, client_secret and refresh_token are needed: those of an OAuth client of your own; none is built in")
	}
	whose := cmp.Or(file.ClientEmail, file.ClientID+"\x00"+file.RefreshToken)
	sum := sha256.Sum256([]byte(string(file.Type) + "\x00" + whose))
	return file.Type, hex.EncodeToString(sum[:]), nil
}

// privateKey reports whether the library will be able to sign with s.
func privateKey(s string) bool {
	block, _ := pem.Decode([]byte(s))
	if block == nil {
		return false
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	_, rsaKey := key.(*rsa.PrivateKey)
	return err == nil && rsaKey
}

// Project returns the project that the credentials belong to, "" if they do not
// say.
func (t *Tokens) Project(ctx context.Context) string {
	t.mu.Lock()
	creds := t.creds
	t.mu.Unlock()
	id, err := creds.ProjectID(ctx)
	if err != nil {
		return "" // it is to be named, then
	}
	return id
}

// Token returns a token.
func (t *Tokens) Token(ctx context.Context) (string, error) {
	t.mu.Lock()
	creds := t.creds
	t.mu.Unlock()
	token, err := creds.Token(ctx)
	if err == nil && token.Value == "" {
		err = errNoToken
	}
	if err != nil {
		return "", t.failure(ctx, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if creds == t.creds {
		t.last = token.Value
	}
	return token.Value, nil
}

// Renew forgets the token that was refused, unless that has been done since. The
// library cannot be told to; new credentials have no token yet.
func (t *Tokens) Renew(_ context.Context, refused string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last != refused {
		return nil
	}
	if time.Since(t.renewed) < renewPause {
		return &Error{Message: "Vertex AI refuses a token that has just been made", Cause: errors.New("401")}
	}
	creds, _, err := t.cfg.credentials()
	if err != nil {
		return &Error{Message: "the credentials cannot be read any more", Cause: err}
	}
	t.creds, t.last, t.renewed = creds, "", time.Now()
	return nil
}

// failure says why there is no token. The library's own text quotes the answer
// of the token endpoint and stays in the cause, without it.
func (t *Tokens) failure(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return &Error{Passing: true, Message: "the token endpoint was not reached", Cause: u}
	}
	e, ok := errors.AsType[*auth.Error](err)
	if !ok || e.Response == nil {
		return &Error{Passing: true, Message: "the token endpoint gave no token", Cause: errNoToken}
	}
	status := e.Response.StatusCode
	cause := fmt.Errorf("status %d", status)
	if status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout {
		return &Error{Passing: true, Message: "the token endpoint is not available", Cause: cause}
	}
	word, said := refusal(e.Body)
	return &Error{
		Dead:    slices.Contains(permanent, word) && !strings.Contains(said, clockIsWrong),
		Message: fmt.Sprintf("the token endpoint refused the credential (%d%s)", status, said), Cause: cause,
	}
}

// permanent are the codes of OAuth (RFC 6749, section 5.2) after which a credential
// gives no token any more. An account that is gone, a key that is, and a login that
// was revoked are all invalid_grant. Proxies and firewalls send the same statuses
// without one of them.
var permanent = []string{"invalid_grant", "unauthorized_client", "access_denied"}

// clockIsWrong is what tells an invalid_grant for the time of this machine from the
// others: Google has no code for it.
const clockIsWrong = "iat and exp"

var errNoToken = errors.New("the answer holds no token")

// refusal returns OAuth's code in an answer, and that with its text after a colon.
func refusal(body []byte) (word, said string) {
	var answer struct {
		Error            string `json:"error"`
		ErrorDescription string `json:"error_description"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Error == "" {
		return "", ""
	}
	return answer.Error, fmt.Sprintf(": %.100s %.300s", answer.Error, assertion.ReplaceAllString(answer.ErrorDescription, "[hidden]"))
}

// assertion is what proves to a token endpoint who asks: it is as good as a key
// for an hour, and must not be passed on should the endpoint repeat it.
var assertion = regexp.MustCompile(`[\w-]{10,}\.[\w-]{10,}\.[\w-]*`)

// named sends our name with every request.
type named struct {
	http.RoundTripper
	agent string
}

func (n named) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", n.agent)
	return n.RoundTripper.RoundTrip(r)
}

package upstream

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// A Key is an API key. It never shows in logs or formatted text.
type Key string

// LogValue hides the key.
func (Key) LogValue() slog.Value { return slog.StringValue("hidden") }

// String hides the key.
func (Key) String() string { return "hidden" }

// GoString hides the key.
func (Key) GoString() string { return "hidden" }

// Tokens makes bearer tokens. It is safe for concurrent use.
type Tokens interface {
	// Token returns a token that should be good; it may have to wait for one.
	Token(ctx context.Context) (string, error)
	// Renew sees to it that Token returns another one than refused, which the
	// upstream has answered with a 401.
	Renew(ctx context.Context, refused string) error
}

// A Proof is what shows the upstream who asks. Which of the fields is wanted is
// the kind of upstream's.
type Proof struct {
	Key     Key
	Tokens  Tokens
	Project string // Vertex AI's
}

// Config says where the upstream is and how to reach it. Zero durations and
// counts take the defaults named on the fields.
type Config struct {
	// Kind says what the upstream is. Default Gemini.
	Kind Kind
	// BaseURL is scheme and host, perhaps with a path in front of the version.
	// Default Google's for the kind, of Vertex AI also for the location.
	BaseURL string
	// Key is sent in x-goog-api-key unless it is empty; for Gemini. It, Tokens and
	// Project are those of requests that have no Proof of their own.
	Key Key
	// Tokens makes the tokens of the other kinds.
	Tokens Tokens
	// Project and Location are where Vertex AI works. Location's default is
	// global.
	Project, Location string
	// Anonymous says that no proof is given here, but to each view by
	// [Client.With].
	Anonymous bool
	// APIVersion is Code Assist's. Default v1internal.
	APIVersion string
	// UserAgent names us honestly. Default "firstbyte-refproxy/dev".
	UserAgent string
	// RootCAs are the authorities trusted for TLS; nil means the system's.
	RootCAs *x509.CertPool
	// Pooled keeps warm connections; otherwise every request makes its own. It is
	// what Client.Over changes for some requests.
	Pooled bool
	// H2C speaks HTTP/2 without TLS and without asking first, to http:// URLs.
	H2C bool
	// Conns is the number of connections to keep warm for streams, beside one for
	// whole answers. Default 2.
	Conns int
	// MaxConns bounds the connections of either pool. Default 16.
	MaxConns int
	// MaxAge is about how long a kept connection takes requests before another
	// one, whose address is looked up anew, comes in its place. Default 10 min.
	MaxAge time.Duration
	// Clock is what FirstByteTimeout, IdleTimeout and MaxAge go by. Default the
	// machine's; that of connections is always the machine's.
	Clock *clock.Scaled
	// ConnectTimeout bounds dialling and TLS. Default 10 s.
	ConnectTimeout time.Duration
	// FirstByteTimeout bounds the wait for the head of the answer. Default 300 s.
	FirstByteTimeout time.Duration
	// IdleTimeout bounds each wait for more of the body. Default 120 s.
	IdleTimeout time.Duration
	// PingAfter is the silence on an HTTP/2 connection after which it is pinged.
	// Default 15 s; the answer must come within PingTimeout, default 5 s.
	PingAfter, PingTimeout time.Duration
	// DialContext replaces the TCP dialler, for tests. Default [net.Dialer].
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// withDefaults fills what was left zero.
func (c Config) withDefaults() Config {
	c.BaseURL = strings.TrimRight(cmp.Or(c.BaseURL, c.defaultURL()), "/")
	c.Location = cmp.Or(c.Location, vertexGlobal)
	c.APIVersion = cmp.Or(c.APIVersion, codeAssistVersion)
	c.UserAgent = cmp.Or(c.UserAgent, "firstbyte-refproxy/dev")
	c.Conns = cmp.Or(c.Conns, 2)
	c.MaxConns = cmp.Or(c.MaxConns, max(16, c.Conns))
	c.MaxAge = cmp.Or(c.MaxAge, 10*time.Minute)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 10*time.Second)
	c.FirstByteTimeout = cmp.Or(c.FirstByteTimeout, 300*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 120*time.Second)
	c.PingAfter = cmp.Or(c.PingAfter, 15*time.Second)
	c.PingTimeout = cmp.Or(c.PingTimeout, 5*time.Second)
	if c.DialContext == nil {
		c.DialContext = (&net.Dialer{}).DialContext
	}
	return c
}

// URL returns the URL that requests go to, by default the kind's.
func (c Config) URL() string { return c.withDefaults().BaseURL }

// Google reports whether c reaches the public Gemini API, which serves nobody
// without a key.
func (c Config) Google() bool { return c.URL() == DefaultBaseURL }

// Validate reports every problem of c as it would be used, defaults included.
func (c Config) Validate() error {
	c = c.withDefaults()
	var problems []error
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "": // it is not repeated: it may hold a password
		problems = append(problems, errors.New("upstream URL must be http://host or https://host"))
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		problems = append(problems, errors.New("upstream URL must hold no user, query or fragment (the key comes from environment or file)"))
	case c.H2C && u.Scheme != "http":
		problems = append(problems, errors.New("h2c needs an http:// upstream URL"))
	}
	if strings.ContainsFunc(string(c.Key), func(r rune) bool { return r <= ' ' || r > '~' }) {
		problems = append(problems, errors.New("upstream key holds characters that no header can carry"))
	}
	if c.Conns < 1 || c.MaxConns < c.Conns {
		problems = append(problems, fmt.Errorf("upstream connections: need 1 <= warm (%d) <= most (%d)", c.Conns, c.MaxConns))
	}
	for _, d := range []time.Duration{c.MaxAge, c.ConnectTimeout, c.FirstByteTimeout, c.IdleTimeout, c.PingAfter, c.PingTimeout} {
		if d < 0 {
			problems = append(problems, fmt.Errorf("upstream timeout %v is negative", d))
		}
	}
	return errors.Join(append(problems, c.validateKind())...)
}

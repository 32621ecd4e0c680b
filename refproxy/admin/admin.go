package admin

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

// Config is what an Admin works over. Flags, Credentials, Accounts, Traffic and
// Log are required.
type Config struct {
	Flags       Flags
	Credentials Credentials
	Accounts    Accounts
	Traffic     *live.Traffic
	Log         *live.Log
	// Key opens the API to programs; without one only sessions do.
	Key Secret
	// Kinds are the kinds of credentials that can be uploaded.
	Kinds []string
	// BehindTLS says that callers come over TLS that ends in front of the proxy.
	BehindTLS bool
	// Clock is the one by which cooldowns end. Sessions go by the machine's.
	Clock *clock.Scaled
	// Logger gets what callers are not told; nil discards.
	Logger *slog.Logger
}

// leastKey is the length of the shortest admin key that is taken.
const leastKey = 16

// Admin serves the API and the panel. It is safe for concurrent use.
type Admin struct {
	cfg      Config
	key      [sha256.Size]byte
	hasKey   bool
	limit    limiter
	hashing  chan struct{} // holds one while a password is hashed
	verdicts verdicts
	notes    notes
	handler  http.Handler

	stop     context.CancelFunc // ends the streams
	stopped  context.Context
	watchers chan struct{} // holds one per stream
}

// New returns an Admin, or an error that tells all that cfg lacks.
func New(cfg Config) (*Admin, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Admin{
		cfg: cfg, key: sha256.Sum256([]byte(cfg.Key.Reveal())), hasKey: cfg.Key.Reveal() != "",
		hashing: make(chan struct{}, 1), watchers: make(chan struct{}, maxWatchers),
	}
	a.cfg.Key = Secret{}
	a.stopped, a.stop = context.WithCancel(context.Background())
	a.handler = a.routes()
	return a, nil
}

func (c Config) validate() error {
	var problems []error
	if c.Flags == nil || c.Credentials == nil || c.Accounts == nil || c.Traffic == nil || c.Log == nil {
		problems = append(problems, errors.New("admin: flags, credentials, accounts, traffic and log are required"))
	}
	if n := len(c.Key.Reveal()); n > 0 && n < leastKey {
		problems = append(problems, errors.New("the admin key is too short: take at least 16 random characters"))
	}
	return errors.Join(problems...)
}

// ServeHTTP serves everything under /admin/, and leads from / to the panel.
func (a *Admin) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Server returns a server for a listener of its own, with timeouts and limits.
// Its Shutdown ends the streams of live figures first.
func (a *Admin) Server() *http.Server {
	s := &http.Server{
		Handler:           a,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      40 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(a.cfg.Logger.Handler(), slog.LevelDebug),
	}
	s.RegisterOnShutdown(a.Close)
	return s
}

// Close ends the streams of live figures, now and from now on. Whoever serves an
// Admin without Server calls it before the server's Shutdown.
func (a *Admin) Close() { a.stop() }

// routes ties paths to handlers. Every route but login and the style sheet is
// private, the one for all other paths too: without a login nobody learns which
// there are.
func (a *Admin) routes() http.Handler {
	mux := http.NewServeMux()
	a.apiRoutes(mux)
	a.panelRoutes(mux)
	mux.Handle("/", a.private(func(http.ResponseWriter, *http.Request) error { return errNoRoute }))
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, fault{http.StatusForbidden, "cross_origin", "this comes from another site's page"})
	}))
	return headers(a.named(cross.Handler(mux)))
}

// named refuses names of this machine that others can make up. By DNS they can
// have a name lead to loopback, and their page is then of the panel's own origin.
// An address is nobody's to move, and over TLS the certificate vouches for a name.
func (a *Admin) named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.cfg.BehindTLS || r.TLS != nil || isAddress(r.Host) {
			next.ServeHTTP(w, r)
			return
		}
		writeError(w, fault{
			http.StatusMisdirectedRequest, "host",
			"the panel answers to an address or to localhost, not to other names: open it by the URL that the proxy printed, or put TLS in front (--admin-behind-tls)",
		})
	})
}

// isAddress reports whether host, with or without a port, is an IP address or
// localhost.
func isAddress(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	_, err = netip.ParseAddr(name)
	return err == nil || strings.EqualFold(name, "localhost")
}

// policy lets pages load what this server has, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// A handler answers a request, or returns why it cannot.
type handler func(http.ResponseWriter, *http.Request) error

// private lets a handler of the API see authenticated requests alone.
func (a *Admin) private(next handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok, err := a.caller(r)
		if err == nil && !ok {
			err = errUnauthenticated
		}
		if err == nil {
			err = next(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
		}
		if err != nil {
			writeError(w, a.fault(r, err))
		}
	})
}

// notes are what a page has to say to its session once, after a redirect.
type notes struct {
	mu    sync.Mutex
	texts map[string]note // by the session's hash
}

type note struct {
	Text string
	Bad  bool
}

// maxNotes is how many sessions have one; then the old ones are forgotten.
const maxNotes = 64

func (n *notes) put(session string, text note) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.texts == nil || len(n.texts) >= maxNotes {
		n.texts = map[string]note{}
	}
	n.texts[session] = text
}

func (n *notes) take(session string) note {
	n.mu.Lock()
	defer n.mu.Unlock()
	text := n.texts[session]
	delete(n.texts, session)
	return text
}

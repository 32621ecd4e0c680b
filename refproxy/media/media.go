// Package media deals with files that a conversation names by URL: it fetches
// them, passes their URL on, or refuses them, as the operator has said.
//
// A URL comes from whoever may call the proxy, or from a page that a model has
// read, so fetching is fenced in: https alone, no address but the public
// internet's, checked on the address that is dialled, after DNS, so that a name
// which answers differently the second time helps nobody; the same for every
// redirect; images and PDF alone; bounded in size, time and number.
package media

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// A Policy says what becomes of a file that is named by URL.
type Policy uint8

const (
	// Fetch fills in the file's content.
	Fetch Policy = iota
	// Pass leaves the URL to the upstream, which may or may not take it.
	Pass
	// Reject answers 400.
	Reject
)

var policies = []string{"fetch", "pass", "reject"}

// ParsePolicy reads a policy by its name.
func ParsePolicy(s string) (Policy, error) {
	i := slices.Index(policies, s)
	if i < 0 {
		return 0, fmt.Errorf("files by URL %q: want one of %s", s, strings.Join(policies, ", "))
	}
	return Policy(i), nil
}

const (
	most      = 20 // files of one request
	together  = 4  // files fetched at a time
	redirects = 3
)

// Config says what is fetched, and from where. Zero sizes and times take the
// defaults named.
type Config struct {
	Policy Policy
	// Allow lists hosts, with a port if it is not the usual one, that may have any
	// address and be asked without TLS: the operator's own, or a test's.
	Allow []string
	// MaxBytes bounds one file. Default 20 MB.
	MaxBytes int64
	// MaxTotal bounds the files of one request. Default 40 MB.
	MaxTotal int64
	// Timeout bounds one file. Default 10 s.
	Timeout time.Duration
	// UserAgent names us honestly.
	UserAgent string
	// RootCAs are the authorities trusted for TLS; nil means the system's.
	RootCAs *x509.CertPool
	// Resolver looks up names. Default [net.DefaultResolver].
	Resolver *net.Resolver
}

// Validate reports every host in the list that is none.
func (c Config) Validate() error {
	var problems []error
	for _, host := range c.Allow {
		if u, err := url.Parse("https://" + host); err != nil || u.Host != host || u.Hostname() == "" || u.User != nil {
			problems = append(problems, fmt.Errorf("host %q to fetch files from: want HOST or HOST:PORT", host))
		}
	}
	return errors.Join(problems...)
}

// A Fetcher fetches. It is safe for concurrent use.
type Fetcher struct {
	cfg    Config
	fenced *http.Client // public addresses alone
	open   *http.Client // for hosts that are allowed
}

// New returns a fetcher. It keeps no connection open.
func New(cfg Config) *Fetcher {
	cfg.MaxBytes, cfg.MaxTotal = cmp.Or(cfg.MaxBytes, 20<<20), cmp.Or(cfg.MaxTotal, 40<<20)
	cfg.Timeout = cmp.Or(cfg.Timeout, 10*time.Second)
	f := &Fetcher{cfg: cfg}
	f.fenced, f.open = f.client(fence), f.client(nil)
	return f
}

// client returns one whose every dial is under control. It uses no proxy: what
// a proxy dials nobody here could check.
func (f *Fetcher) client(control func(network, address string, _ syscall.RawConn) error) *http.Client {
	t := &http.Transport{
		DialContext:       (&net.Dialer{Control: control, Resolver: f.cfg.Resolver}).DialContext,
		DisableKeepAlives: true, // the next request may be another host's
	}
	if f.cfg.RootCAs != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: f.cfg.RootCAs, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// fence refuses a connection to an address that is not the public internet's.
func fence(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !public(ap.Addr()) {
		return errPrivate
	}
	return nil
}

var errPrivate = errors.New("the address is not public")

// closed are ranges that netip has no word for: shared, reserved, documentation,
// benchmarking, translation (RFC 6890, 6052, 7526, 3056, 4380). Addresses that
// translate to IPv4 could lead anywhere.
var closed = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "fec0::/10",
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// public reports whether a is an address of the public internet. Metadata
// services are link-local, or within the unique local range.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	return !slices.ContainsFunc(closed, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Resolve deals with every file of req that is named by URL, in place. Its
// errors are KindInvalid *chat.Errors.
func (f *Fetcher) Resolve(ctx context.Context, req chat.Request) error {
	var files []*chat.Media
	for _, turn := range req.Turns {
		files = append(files, named(turn.Parts)...)
	}
	switch {
	case len(files) == 0 || f.cfg.Policy == Pass:
		return nil
	case f.cfg.Policy == Reject:
		return chat.Invalid("", "files by URL are not taken here: send the content in base64")
	case len(files) > most:
		return chat.Invalid("", "%d files by URL in one request; at most %d are fetched", len(files), most)
	}
	return f.all(ctx, files)
}

// named returns the files among parts, and among those of results, that have no
// content yet.
func named(parts []chat.Part) []*chat.Media {
	var out []*chat.Media
	for _, p := range parts {
		if p.Media != nil && p.Media.Data == "" && p.Media.URL != "" {
			out = append(out, p.Media)
		}
		if p.Result != nil {
			out = append(out, named(p.Result.Parts)...)
		}
	}
	return out
}

// all fetches files, a few at a time. After the first failure it begins no more.
func (f *Fetcher) all(ctx context.Context, files []*chat.Media) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	left := &budget{bytes: f.cfg.MaxTotal}
	next := make(chan *chat.Media)
	var workers sync.WaitGroup
	for range min(together, len(files)) {
		workers.Go(func() {
			for m := range next {
				if err := f.fill(ctx, m, left); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, m := range files {
		if ctx.Err() != nil {
			break
		}
		next <- m
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// A budget is what the files of one request may still have.
type budget struct {
	mu    sync.Mutex
	bytes int64
}

func (b *budget) take(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes -= n
	return b.bytes >= 0
}

// fill fetches one file.
func (f *Fetcher) fill(ctx context.Context, m *chat.Media, left *budget) error {
	limited, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	kind, data, err := f.get(limited, m.URL)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case limited.Err() != nil:
		return chat.Invalid("", "the file at %.300s did not come within %v", m.URL, f.cfg.Timeout)
	case err != nil:
		return unfetched(m.URL, err)
	case !left.take(int64(len(data))):
		return chat.Invalid("", "the files by URL are together larger than %d bytes", f.cfg.MaxTotal)
	}
	m.MIME, m.Data, m.URL = kind, base64.StdEncoding.EncodeToString(data), ""
	return nil
}

// unfetched says to the caller what went wrong, but of a connection only that it
// failed: more would map the network for whoever asks.
func unfetched(at string, err error) error {
	what := "the connection failed or is not allowed"
	if e, ok := errors.AsType[*problem](err); ok {
		what = e.says
	}
	out := chat.Invalid("", "the file at %.300s cannot be fetched: %s", at, what)
	out.Cause = err
	return out
}

// A problem is a failure that the caller may know of.
type problem struct{ says string }

func (p *problem) Error() string { return p.says }

func refused(format string, args ...any) error { return &problem{fmt.Sprintf(format, args...)} }

// get follows a URL to its file.
func (f *Fetcher) get(ctx context.Context, at string) (kind string, data []byte, err error) {
	u, err := url.Parse(at)
	if err != nil {
		return "", nil, refused("it is no URL")
	}
	for range redirects + 1 {
		resp, err := f.ask(ctx, u)
		if err != nil {
			return "", nil, err
		}
		if resp.StatusCode == http.StatusOK {
			return f.read(resp)
		}
		_ = resp.Body.Close() // nothing in it is wanted
		next := resp.Header.Get("Location")
		if resp.StatusCode < 300 || resp.StatusCode > 399 || next == "" {
			return "", nil, refused("the server answered %d", resp.StatusCode)
		}
		if u, err = u.Parse(next); err != nil {
			return "", nil, refused("it leads to something that is no URL")
		}
	}
	return "", nil, refused("it leads on more than %d times", redirects)
}

// ask sends one request, to a place that may be asked.
func (f *Fetcher) ask(ctx context.Context, u *url.URL) (*http.Response, error) {
	allowed := slices.Contains(f.cfg.Allow, u.Host)
	switch {
	case u.User != nil:
		return nil, refused("a URL with a user name is not taken")
	case u.Scheme != "https" && (!allowed || u.Scheme != "http"):
		return nil, refused("only https is taken")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, refused("it is no URL")
	}
	req.Header.Set("User-Agent", f.cfg.UserAgent)
	req.Header.Set("Accept", "image/*, application/pdf")
	client := f.fenced
	if allowed {
		client = f.open
	}
	return client.Do(req)
}

// read reads a file of a type that is taken.
func (f *Fetcher) read(resp *http.Response) (kind string, data []byte, err error) {
	defer func() { _ = resp.Body.Close() }() // what we want of it is read
	kind, _, err = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "application/pdf" && !strings.HasPrefix(kind, "image/") {
		return "", nil, refused("its type %.100q is neither an image nor a PDF", resp.Header.Get("Content-Type"))
	}
	data, err = io.ReadAll(io.LimitReader(resp.Body, f.cfg.MaxBytes+1))
	if err != nil {
		return "", nil, refused("it was cut")
	}
	if int64(len(data)) > f.cfg.MaxBytes {
		return "", nil, refused("it is larger than %d bytes", f.cfg.MaxBytes)
	}
	if len(data) == 0 {
		return "", nil, refused("it is empty")
	}
	return kind, data, nil
}

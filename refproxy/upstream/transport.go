package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
)

// counters are the live numbers behind [Stats].
type counters struct {
	opened, reused, inFlight, replayed atomic.Int64
}

// dialer returns cfg's dialler, bounded in time and with every connection
// counted.
func dialer(cfg Config, n *counters) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, cfg.ConnectTimeout)
		defer cancel()
		c, err := cfg.DialContext(ctx, network, address)
		if err == nil {
			n.opened.Add(1)
		}
		return c, err
	}
}

// newTransport returns a transport that speaks HTTP/2 where cfg and the server
// allow it. It asks for no compression: a compressed event stream arrives in
// lumps.
func newTransport(cfg Config, n *counters) *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer(cfg, n),
		TLSClientConfig:     &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: cfg.ConnectTimeout,
		DisableCompression:  true,
		Protocols:           protocols(cfg),
		HTTP2:               &http.HTTP2Config{SendPingTimeout: cfg.PingAfter, PingTimeout: cfg.PingTimeout},
	}
}

func protocols(cfg Config) *http.Protocols {
	var p http.Protocols
	switch {
	case cfg.H2C:
		p.SetUnencryptedHTTP2(true)
	case strings.HasPrefix(cfg.BaseURL, "https:"):
		p.SetHTTP1(true)
		p.SetHTTP2(true)
	default:
		p.SetHTTP1(true)
	}
	return &p
}

// fresh makes a transport per request. The connection is closed when the
// answer's body is.
type fresh struct {
	cfg Config
	n   *counters
}

func (f *fresh) roundTrip(req *http.Request) (*http.Response, error) {
	t := newTransport(f.cfg, f.n)
	// Closing idle connections after the body would race with the stream's own
	// end; a transport that keeps none closes it in the right moment.
	t.DisableKeepAlives = true
	// A caller who leaves while the connection is being made leaves it without
	// a stream whose end would close it.
	t.IdleConnTimeout = f.cfg.ConnectTimeout
	return t.RoundTrip(req)
}

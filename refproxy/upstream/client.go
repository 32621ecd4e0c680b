package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// A Client sends requests to one upstream. Its views (With, Over) share its
// connections and counters. It is safe for concurrent use.
type Client struct {
	cfg    *Config // never changed
	net    *network
	pooled bool
}

// New returns a client for cfg. It opens no connection yet; see Warm. The
// caller closes it.
func New(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &Client{cfg: &cfg, net: newNetwork(cfg), pooled: cfg.Pooled}, nil
}

// With returns a view of c whose requests p proves. The error says what p lacks
// for the kind of upstream.
func (c *Client) With(p Proof) (*Client, error) {
	cfg := *c.cfg
	cfg.Key, cfg.Tokens, cfg.Project, cfg.Anonymous = p.Key, p.Tokens, p.Project, false
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Client{cfg: &cfg, net: c.net, pooled: c.pooled}, nil
}

// Over returns a view of c whose requests go over kept connections, or each over
// one of its own.
func (c *Client) Over(pooled bool) *Client {
	view := *c
	view.pooled = pooled
	return &view
}

// Warm opens the connections that are to be kept open and waits for them. It
// does nothing for a client that is not pooled. An error means that none could
// be opened; requests still try.
func (c *Client) Warm(ctx context.Context) error {
	if !c.pooled {
		return nil
	}
	return c.net.warm(ctx)
}

// Retire closes the kept connections as their last streams end; requests to come
// open others. It is for a pool that is no longer wanted, and cuts nothing.
func (c *Client) Retire() { c.net.retire() }

// Close closes every kept connection, cutting what still runs on them, and
// waits for the pools' goroutines. Call it once, when requests have ended.
func (c *Client) Close() { c.net.close() }

// Stats are a client's numbers since it began, of all its views.
type Stats struct {
	// Opened counts connections dialled.
	Opened int64
	// Reused counts requests that went over a connection used before.
	Reused int64
	// Replayed counts requests sent again because the server had not begun
	// with them when their connection went away.
	Replayed int64
	// InFlight counts requests whose body has not been closed yet.
	InFlight int64
	// Streaming and Unary are the connections kept for streams and for whole
	// answers, those included that end with their last stream.
	Streaming, Unary int
}

// Stats returns the numbers of this moment.
func (c *Client) Stats() Stats { return c.net.stats() }

// Generate posts body to a model's generateContent. Like the methods below it
// returns the answer whatever its status; the caller closes its body. ctx covers
// the body too: once it is done, so is the stream upstream.
func (c *Client) Generate(ctx context.Context, model string, body []byte) (*http.Response, error) {
	return c.do(ctx, http.MethodPost, c.cfg.path(model, "generateContent"), body)
}

// Stream posts body to a model's streamGenerateContent, for server-sent events.
func (c *Client) Stream(ctx context.Context, model string, body []byte) (*http.Response, error) {
	return c.do(ctx, http.MethodPost, c.cfg.path(model, "streamGenerateContent?alt=sse"), body)
}

// CountTokens posts body to a model's countTokens.
func (c *Client) CountTokens(ctx context.Context, model string, body []byte) (*http.Response, error) {
	return c.do(ctx, http.MethodPost, c.cfg.path(model, "countTokens"), body)
}

// Models gets one page of the Gemini API's list of models, the first for an
// empty token. The error of another kind of upstream is, or wraps,
// errors.ErrUnsupported: they list none.
func (c *Client) Models(ctx context.Context, pageToken string) (*http.Response, error) {
	if c.cfg.Kind != Gemini {
		return nil, fmt.Errorf("upstream: models of %v: %w", c.cfg.Kind, errors.ErrUnsupported)
	}
	q := url.Values{"pageSize": {"1000"}}
	if pageToken != "" {
		q.Set("pageToken", pageToken)
	}
	return c.do(ctx, http.MethodGet, "/v1beta/models?"+q.Encode(), nil)
}

// streams reports whether a path is that of a streamed answer.
func streams(u *url.URL) bool { return strings.HasSuffix(u.Path, ":streamGenerateContent") }

// do sends a request with what proves who we are. A token that the upstream
// refuses is renewed once, and the request repeated once.
func (c *Client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	if c.cfg.Tokens == nil {
		return c.send(ctx, method, path, body, "")
	}
	token, err := c.cfg.Tokens.Token(ctx)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	resp, err := c.send(ctx, method, path, body, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	_ = resp.Body.Close() // what it says is said again, if the next one fails too
	if err := c.cfg.Tokens.Renew(ctx, token); err != nil {
		return nil, fmt.Errorf("upstream: renewing a refused token: %w", err)
	}
	if token, err = c.cfg.Tokens.Token(ctx); err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	return c.send(ctx, method, path, body, token)
}

func (c *Client) send(ctx context.Context, method, path string, body []byte, token string) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		cancel(err)
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	limit := c.cfg.FirstByteTimeout
	timer := c.cfg.Clock.AfterFunc(limit, func() { cancel(&TimeoutError{"first byte", limit.String()}) })
	c.net.n.inFlight.Add(1)
	resp, err := c.net.roundTrip(req, c.pooled)
	timer.Stop()
	if err != nil {
		err = because(ctx, err)
		c.net.n.inFlight.Add(-1)
		cancel(err)
		return nil, fmt.Errorf("upstream: %w", err)
	}
	resp.Body = c.guard(ctx, cancel, resp.Body)
	if resp.StatusCode >= http.StatusBadRequest {
		resp.Body = conceal(resp.Body, string(c.cfg.Key), token)
	}
	return resp, nil
}

func (c *Client) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.cfg.BaseURL+path, nil)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	if body != nil {
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody() // it cannot fail
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if c.cfg.Key != "" {
		req.Header.Set("x-goog-api-key", string(c.cfg.Key))
	}
	return req, nil
}

// guard bounds each wait for bytes of the body and ends the request with it.
func (c *Client) guard(ctx context.Context, cancel context.CancelCauseFunc, body io.ReadCloser) *guarded {
	limit := c.cfg.IdleTimeout
	g := &guarded{ctx: ctx, cancel: cancel, body: body, idle: c.cfg.Clock.Machine(limit), inFlight: &c.net.n.inFlight}
	g.timer = c.cfg.Clock.AfterFunc(limit, func() { cancel(&TimeoutError{"idle", limit.String()}) })
	g.timer.Stop()
	return g
}

// guarded is an answer's body under the idle limit. Only the time spent in Read
// counts, so a slow consumer is not held against the upstream.
type guarded struct {
	ctx      context.Context // the request's, to learn why it was cancelled
	cancel   context.CancelCauseFunc
	body     io.ReadCloser
	timer    *time.Timer
	idle     time.Duration
	inFlight *atomic.Int64
	closed   bool
}

var errBodyClosed = errors.New("upstream: body is closed")

func (g *guarded) Read(b []byte) (int, error) {
	g.timer.Reset(g.idle)
	n, err := g.body.Read(b)
	g.timer.Stop()
	if err != nil && err != io.EOF {
		err = because(g.ctx, err)
	}
	return n, err
}

// Close ends the request: what is left of the stream is cancelled upstream.
func (g *guarded) Close() error {
	if g.closed {
		return nil
	}
	g.closed = true
	g.timer.Stop()
	err := g.body.Close()
	g.cancel(errBodyClosed)
	g.inFlight.Add(-1)
	return err
}

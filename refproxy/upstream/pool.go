package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// unproven is how many requests a connection takes while its claimed limit
	// cannot be believed. It is below any limit that a server is likely to set:
	// a request sent over the limit would wait inside the connection for a
	// stream to end, however free the others are.
	unproven = 4
	// blindClaim is what net/http claims for a connection before it has read
	// the server's settings.
	blindClaim = 100
	// replays bounds how often a request that the server has not begun is sent
	// again on another connection, as net/http's own transport does.
	replays = 6
	// roundTime is how often the keeper looks at connections that say nothing.
	roundTime = time.Second
	// backoffMin and backoffMax bound the pause between failed background dials.
	backoffMin = 500 * time.Millisecond
	backoffMax = 30 * time.Second
)

// pool keeps HTTP/2 connections to one address.
//
//	dial -> warm (unproven) -> proven -> broken   -> removed, replaced
//	                                  -> retired  -> closed when its last stream ends
type pool struct {
	cfg       Config
	n         *counters
	scheme    string
	address   string
	transport *http.Transport // dials; carries HTTP/1.1 itself after the fallback
	ctx       context.Context // of dials; done at close
	stop      context.CancelFunc
	tasks     sync.WaitGroup // the keeper and every dial
	wake      chan struct{}  // capacity 1: a connection's state has changed

	mu      sync.Mutex
	conns   []*conn
	next    int           // where the search for the idlest begins, so ties rotate
	dialing int           // dials under way
	dialErr error         // of the last dial, nil after a success
	backoff time.Duration // before the next background dial
	retryAt time.Time     // no dial beside live connections before it
	http1   bool          // the upstream does not speak HTTP/2
	old     int           // requests in flight over HTTP/1.1
	closed  bool
	left    func()        // not nil: retired, and whom to tell when it is empty
	changed chan struct{} // closed and replaced whenever a waiter should look again
}

// conn is one connection. Its fields are guarded by the pool's lock.
type conn struct {
	cc      *http.ClientConn
	load    int       // requests of ours not yet finished
	used    bool      // has carried a request
	limit   int       // the server's limit of streams; 0 while it is not known
	retired bool      // takes no more requests
	until   time.Time // from then on it is to be replaced
}

func newPool(cfg Config, n *counters) (*pool, error) {
	u, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	p := &pool{
		cfg: cfg, n: n, scheme: u.Scheme, address: address(u), transport: newTransport(cfg, n),
		wake: make(chan struct{}, 1), changed: make(chan struct{}), backoff: backoffMin,
		http1: u.Scheme == "http" && !cfg.H2C,
	}
	p.transport.MaxIdleConnsPerHost = cfg.MaxConns
	p.transport.IdleConnTimeout = 0 // it would close the pool's own, too
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.tasks.Go(p.keep)
	return p, nil
}

func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// warm opens cfg.Conns connections at once and waits until every dial has ended.
func (p *pool) warm(ctx context.Context) error {
	p.mu.Lock()
	for len(p.conns)+p.dialing < p.cfg.Conns && p.grow() {
	}
	for p.dialing > 0 {
		wait := p.changed
		p.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return fmt.Errorf("upstream: warming connections: %w", context.Cause(ctx))
		}
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	if len(p.conns) == 0 && p.dialErr != nil {
		return fmt.Errorf("upstream: warming connections: %w", p.dialErr)
	}
	return nil
}

// roundTrip sends req on the idlest connection, and again on another one as
// long as the server cannot have begun with it.
func (p *pool) roundTrip(req *http.Request) (*http.Response, error) {
	for try := 0; ; try++ {
		c, err := p.acquire(req.Context())
		if err != nil {
			return nil, err
		}
		if c == nil {
			return p.overHTTP1(req)
		}
		resp, begun, err := c.send(req)
		if err == nil {
			p.answered(c)
			resp.Body = &pooledBody{ReadCloser: resp.Body, done: func() { p.finished(c) }}
			return resp, nil
		}
		p.finished(c)
		if begun || try == replays || req.Context().Err() != nil {
			return nil, err
		}
		p.n.replayed.Add(1)
	}
}

func (p *pool) overHTTP1(req *http.Request) (*http.Response, error) {
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if i.Reused {
			p.n.reused.Add(1)
		}
	}}
	p.mu.Lock()
	p.old++
	p.mu.Unlock()
	done := func() {
		p.mu.Lock()
		p.old--
		p.mu.Unlock()
		p.nudge()
	}
	resp, err := p.transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		done()
		return nil, err
	}
	resp.Body = &pooledBody{ReadCloser: resp.Body, done: done}
	return resp, nil
}

// send makes one attempt. begun says whether the server may have begun to work
// on it.
func (c *conn) send(req *http.Request) (resp *http.Response, begun bool, err error) {
	var wrote atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }}
	r := req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	if req.GetBody != nil {
		if r.Body, err = req.GetBody(); err != nil {
			c.cc.Release()
			return nil, false, err
		}
	}
	resp, err = c.cc.RoundTrip(r)
	return resp, wrote.Load() && !refused(err), err
}

// refused reports whether the server said that it did not begin.
func refused(err error) bool {
	if err == nil {
		return false
	}
	if e, ok := errors.AsType[streamError](err); ok {
		return e.Code == refusedStream
	}
	return strings.Contains(err.Error(), goAwayText)
}

// pooledBody tells the pool when the answer has been read or given up.
type pooledBody struct {
	io.ReadCloser
	done func()
}

func (b *pooledBody) Close() error {
	err := b.ReadCloser.Close()
	b.done()
	return err
}

// acquire returns a connection with a reserved slot, or nil if the upstream
// does not speak HTTP/2. It waits for a slot or for a dial.
func (p *pool) acquire(ctx context.Context) (*conn, error) {
	for first := true; ; first = false {
		c, wait, err := p.try(first)
		if wait == nil {
			return c, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// try is one look at the pool. A non-nil channel means: look again when it is
// closed. A failed dial is the answer of those who waited for it; the next to
// come dials again.
func (p *pool) try(first bool) (*conn, <-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.left != nil:
		return nil, nil, errRetired
	case p.closed:
		return nil, nil, ErrClosed
	case p.http1:
		return nil, nil, nil
	}
	if c := p.reserve(); c != nil {
		return c, nil, nil
	}
	if !first && p.live()+p.dialing == 0 && p.dialErr != nil {
		return nil, nil, p.dialErr
	}
	p.growing()
	return nil, p.changed, nil
}

// reserve takes a slot on the connection with the fewest requests in flight,
// and has another connection dialled when the slots run low.
func (p *pool) reserve() *conn {
	var refused []*conn
	for range p.conns {
		c := p.idlest(refused)
		if c == nil {
			return nil
		}
		c.learnEarly()
		if c.crowded() && p.growing() && c.limit == 0 {
			// An unproven connection at its trust limit: better wait for the
			// new one than queue behind a limit not known yet.
			return nil
		}
		if c.cc.Reserve() == nil {
			p.take(c)
			return c
		}
		if c.gone() {
			c.retired = true
			p.nudge()
		}
		// Full, or going away without our knowing yet: the next may do.
		refused = append(refused, c)
	}
	return nil
}

// growing has a connection dialled, unless enough are under way, and reports
// whether any is.
func (p *pool) growing() bool {
	return p.dialing >= p.cfg.Conns || p.grow() || p.dialing > 0
}

func (p *pool) take(c *conn) {
	c.load++
	p.next++
	if c.used {
		p.n.reused.Add(1)
	}
	c.used = true
}

func (p *pool) idlest(except []*conn) *conn {
	var best *conn
	for i := range p.conns {
		c := p.conns[(p.next+i)%len(p.conns)]
		if !c.retired && !slices.Contains(except, c) && (best == nil || c.rank() < best.rank()) {
			best = c
		}
	}
	return best
}

// rank orders connections: by load, those last that are not to be trusted with
// more.
func (c *conn) rank() int {
	const last = 1 << 20
	if c.limit == 0 && c.load >= unproven {
		return last + c.load
	}
	return c.load
}

// crowded reports whether the pool should grow before c is full.
func (c *conn) crowded() bool {
	if c.limit == 0 {
		return c.load >= unproven
	}
	return 4*(c.load+1) > 3*c.limit
}

// gone reports whether c refuses streams although it is below its limit: it is
// closed, or the server has sent GOAWAY. In flight is read before available, so
// a stream that ends in between cannot make a full connection look gone.
func (c *conn) gone() bool {
	if c.cc.Err() != nil {
		return true
	}
	busy := max(c.load, c.cc.InFlight())
	return c.limit > 0 && busy < c.limit && c.cc.Available() == 0
}

// claim returns how many streams c may carry by what it says of itself, how
// many of these are free, and whether it held still while it was asked: streams
// come and go between two questions.
func (c *conn) claim() (limit, free int, still bool) {
	busy, free := c.cc.InFlight(), c.cc.Available()
	still = busy == c.cc.InFlight() && free == c.cc.Available()
	return busy + free, free, still
}

// learnEarly takes over the server's limit as soon as its settings show: any
// claim but the one made before them is theirs.
func (c *conn) learnEarly() {
	if c.limit > 0 {
		return
	}
	if limit, free, still := c.claim(); still && free > 0 && limit != blindClaim {
		c.limit = limit
	}
}

// answered marks c as proven: the server's settings precede its first answer.
func (p *pool) answered(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit, free, still := c.claim()
	if c.limit == 0 || still && free > 0 {
		c.limit = max(1, limit)
	}
}

func (p *pool) finished(c *conn) {
	p.mu.Lock()
	c.load--
	p.mu.Unlock()
	p.nudge()
}

// nudge wakes the keeper without ever blocking.
func (p *pool) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// keep is the keeper goroutine: it removes connections that have ended,
// replaces them, and wakes those who wait for a slot. It looks by itself now
// and then because no hook tells of a GOAWAY.
func (p *pool) keep() {
	round := time.NewTicker(roundTime)
	defer round.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.wake:
		case <-round.C:
		}
		p.mu.Lock()
		p.rotate()
		p.reap()
		if p.left != nil && len(p.conns)+p.dialing+p.old == 0 {
			p.vanish()
			return
		}
		for !p.closed && p.left == nil && !p.http1 && p.live()+p.dialing < p.cfg.Conns && p.grow() {
		}
		p.broadcast()
		p.mu.Unlock()
	}
}

// rotate replaces connections that have lived long enough: a name that points to
// other addresses by now is looked up again, and no server keeps all of its load
// for ever. The new one comes first where there is room for it.
func (p *pool) rotate() {
	i := slices.IndexFunc(p.conns, func(c *conn) bool { return !c.retired && !p.cfg.Clock.Now().Before(c.until) })
	if i < 0 || p.dialing > 0 {
		return
	}
	if p.live() <= p.cfg.Conns && p.live() < p.cfg.MaxConns {
		p.grow()
		return
	}
	p.conns[i].retired = true
}

// lifetime is how long a connection lives: about MaxAge, and not to the same
// moment for those that were dialled together.
func (p *pool) lifetime() time.Duration {
	return time.Duration(float64(p.cfg.MaxAge) * (.9 + .2*rand.Float64()))
}

// retire lets every connection end with its last stream, and takes no more
// requests. left is called when none is there any more.
func (p *pool) retire(left func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = left
	for _, c := range p.conns {
		c.retired = true
	}
	p.broadcast()
	p.nudge()
}

// vanish ends a retired pool, from its keeper. It unlocks p.mu.
func (p *pool) vanish() {
	p.closed = true
	p.mu.Unlock()
	p.stop()
	p.transport.CloseIdleConnections()
	p.left()
}

// size counts the connections of p, which may be nil.
func (p *pool) size() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

func (p *pool) reap() {
	p.conns = slices.DeleteFunc(p.conns, func(c *conn) bool {
		if !c.retired && c.gone() {
			c.retired = true
		}
		ended := c.cc.Err() != nil || c.retired && c.load == 0
		if ended {
			_ = c.cc.Close() // it is of no use any more, whatever Close says
		}
		return ended
	})
}

func (p *pool) live() int {
	n := 0
	for _, c := range p.conns {
		if !c.retired {
			n++
		}
	}
	return n
}

// broadcast makes every waiter look again.
func (p *pool) broadcast() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// grow begins to dial one more connection if there is room for one. While some
// live, it leaves a pause after a failure.
func (p *pool) grow() bool {
	live := p.live()
	if p.closed || p.left != nil || p.http1 || live+p.dialing >= p.cfg.MaxConns {
		return false
	}
	if live > 0 && time.Now().Before(p.retryAt) {
		return false
	}
	p.dialing++
	p.tasks.Go(func() {
		cc, err := p.dial()
		p.joined(cc, err)
	})
	return true
}

// errHTTP1 says that the upstream negotiated something older than HTTP/2.
var errHTTP1 = errors.New("upstream does not speak HTTP/2")

func (p *pool) dial() (*http.ClientConn, error) {
	limit := p.cfg.ConnectTimeout
	ctx, cancel := context.WithTimeoutCause(p.ctx, limit, &TimeoutError{"connect", limit.String()})
	defer cancel()
	protocol := "h2" // by prior knowledge, unless TLS says otherwise
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeDone: func(s tls.ConnectionState, _ error) { protocol = s.NegotiatedProtocol },
	})
	cc, err := p.transport.NewClientConn(ctx, p.scheme, p.address)
	if err != nil {
		return nil, because(ctx, err)
	}
	if protocol != "h2" {
		_ = cc.Close() // never used
		return nil, errHTTP1
	}
	return cc, nil
}

// joined takes in the result of a dial.
func (p *pool) joined(cc *http.ClientConn, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing--
	switch {
	case err == nil && (p.closed || p.left != nil):
		_ = cc.Close() // came too late
	case err == nil:
		cc.SetStateHook(func(*http.ClientConn) { p.nudge() })
		p.conns = append(p.conns, &conn{cc: cc, until: p.cfg.Clock.Now().Add(p.lifetime())})
		p.dialErr, p.backoff, p.retryAt = nil, backoffMin, time.Time{}
	case errors.Is(err, errHTTP1):
		p.http1 = true
	default:
		p.dialErr = err
		p.retryAt = time.Now().Add(p.backoff)
		p.later(p.backoff)
		p.backoff = min(2*p.backoff, backoffMax)
	}
	p.broadcast()
	p.nudge()
}

// later wakes the keeper after a pause, so that a lost connection is replaced
// once the upstream is back.
func (p *pool) later(pause time.Duration) {
	if p.closed {
		return
	}
	p.tasks.Go(func() {
		select {
		case <-time.After(pause):
			p.nudge()
		case <-p.ctx.Done():
		}
	})
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	conns := p.conns
	p.conns = nil
	p.broadcast()
	p.mu.Unlock()
	p.stop()
	for _, c := range conns {
		_ = c.cc.Close() // nothing to be done about a failed close
	}
	p.transport.CloseIdleConnections()
	p.tasks.Wait()
}

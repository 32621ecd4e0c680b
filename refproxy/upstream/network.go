package upstream

import (
	"context"
	"errors"
	"net/http"
	"sync"
)

// A network is the connections to one upstream. Streams and whole answers have a
// pool each: a stream may hold its slot for minutes, and what is short must not
// wait behind it. A pool is made when a request first wants it, so that a proxy
// whose every request has a connection of its own keeps none.
type network struct {
	cfg   Config
	n     counters
	fresh fresh

	mu        sync.Mutex
	streaming *pool
	unary     *pool
	leaving   []*pool // retired, with streams still on them
	closed    bool
}

// unaryConns is how many connections are kept warm for whole answers: they are
// the rarer kind, and more are opened when they are wanted.
const unaryConns = 1

func newNetwork(cfg Config) *network {
	n := &network{cfg: cfg}
	n.fresh = fresh{cfg: cfg, n: &n.n}
	return n
}

// roundTrip sends one request. One that meets a pool in the moment of its
// retirement goes over the next pool.
func (n *network) roundTrip(req *http.Request, pooled bool) (*http.Response, error) {
	if !pooled {
		return n.fresh.roundTrip(req)
	}
	for {
		p, err := n.pool(streams(req.URL))
		if err != nil {
			return nil, err
		}
		resp, err := p.roundTrip(req)
		if !errors.Is(err, errRetired) {
			return resp, err
		}
	}
}

// pool returns the pool for streams or for whole answers.
func (n *network) pool(streams bool) (*pool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, ErrClosed
	}
	at, cfg := &n.unary, n.cfg
	if streams {
		at = &n.streaming
	} else {
		cfg.Conns = unaryConns
	}
	if *at == nil {
		p, err := newPool(cfg, &n.n)
		if err != nil {
			return nil, err
		}
		*at = p
	}
	return *at, nil
}

func (n *network) warm(ctx context.Context) error {
	var problems []error
	for _, streams := range []bool{true, false} {
		p, err := n.pool(streams)
		if err == nil {
			err = p.warm(ctx)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// retire lets both pools end by themselves.
func (n *network) retire() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, at := range []**pool{&n.streaming, &n.unary} {
		if p := *at; p != nil {
			n.leaving = append(n.leaving, p)
			p.retire(func() { n.left(p) })
			*at = nil
		}
	}
}

// left forgets a retired pool whose last connection has gone.
func (n *network) left(p *pool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, q := range n.leaving {
		if p == q {
			n.leaving = append(n.leaving[:i], n.leaving[i+1:]...)
			return
		}
	}
}

func (n *network) close() {
	n.mu.Lock()
	n.closed = true
	pools := append([]*pool{n.streaming, n.unary}, n.leaving...)
	n.mu.Unlock()
	for _, p := range pools {
		if p != nil {
			p.close()
		}
	}
}

func (n *network) stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := Stats{
		Opened: n.n.opened.Load(), Reused: n.n.reused.Load(),
		Replayed: n.n.replayed.Load(), InFlight: n.n.inFlight.Load(),
	}
	s.Streaming, s.Unary = n.streaming.size(), n.unary.size()
	return s
}

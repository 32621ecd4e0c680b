package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/media"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/retry"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

const (
	headerTime = 10 * time.Second // to read a request's head
	idleTime   = 2 * time.Minute  // of a kept-alive connection without request
	maxHeader  = 256 << 10        // bytes of a request's head
	warmTime   = 3 * time.Second  // for connections to the upstream at the start
	lastWords  = time.Second      // for the error events of cut answers
	tendTime   = time.Second      // between looks at connections that nobody wants
)

// A Server is the proxy. Make it with New, end it by the context of Run, or
// with Close if it never runs.
type Server struct {
	cfg      Config
	client   *upstream.Client // of no credential; the sources' are views of it
	sources  *sources
	pool     *credential.Pool
	features *feature.Registry
	budget   *retry.Budget
	backend  backend
	names    *names
	relays   map[string]*relay.Relay // by path
	table    []route
	http     *http.Server
	draining atomic.Bool
	active   atomic.Int64
	cut      context.CancelCauseFunc // ends every request with a cause
	abort    context.CancelFunc
	aborted  context.Context // done at Abort
}

// New composes a proxy from cfg. It opens nothing.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg.withDefaults()}
	var err error
	if s.client, err = upstream.New(s.cfg.Upstream); err != nil {
		return nil, err
	}
	if s.features, err = s.cfg.features(); err != nil {
		return nil, err
	}
	s.cfg.Media.UserAgent = s.cfg.Upstream.UserAgent
	s.backend = backend{s.cfg.Upstream.Kind, s.cfg.codec(), media.New(s.cfg.Media)}
	s.names = &names{aliases: s.cfg.Aliases, preview: s.cfg.Preview, list: s.listModels}
	s.budget = retry.NewBudget(*s.cfg.Retry)
	s.pool = credential.New(credential.Config{
		Clock: s.cfg.Clock, Journal: s.cfg.Journal, Log: s.cfg.Log, OnSelect: s.selected,
	})
	s.sources = &sources{root: s.client, pool: s.pool}
	if err = s.sources.set(s.cfg.Sources); err != nil {
		return nil, err
	}
	if s.relays, err = s.makeRelays(); err != nil {
		return nil, err
	}
	s.table = s.routes()
	base, cut := context.WithCancelCause(context.Background())
	s.cut = cut
	s.aborted, s.abort = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog:    slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelInfo),
		BaseContext: func(net.Listener) context.Context { return base },
	}
	return s, nil
}

// messagesPath is where Anthropic's callers ask.
const messagesPath = "/v1/messages"

// makeRelays makes a relay for each dialect that has its answers translated.
func (s *Server) makeRelays() (map[string]*relay.Relay, error) {
	relays := map[string]*relay.Relay{}
	for path, d := range map[string]relay.Dialect{
		messagesPath: messages{}, "/v1/chat/completions": completions{s.cfg.ShowReasoning}, "/v1/responses": responses{},
	} {
		r, err := relay.New(relay.Config{
			Upstream: s, Dialect: d, Decoder: s.decoder, Resolve: s.resolve, Hold: s.cfg.Hold,
			Clock: s.cfg.Clock, Traced: s.cfg.Traced, Stopwatch: stopwatch,
		})
		if err != nil {
			return nil, err
		}
		relays[path] = r
	}
	return relays, nil
}

// resolve makes of a caller's request one for the upstream. It is the first to see
// what the body says that the request belongs to, by which its flags are settled.
func (s *Server) resolve(ctx context.Context, req chat.Request) (chat.Request, error) {
	planOf(ctx).belongs(req.Metadata.UserID)
	model, wish, err := s.names.resolve(ctx, req.Model)
	if err != nil {
		return req, err
	}
	req.Model = model
	wish.apply(&req)
	return req, nil
}

// decoder chooses how a stream is read, for one request.
func (s *Server) decoder(ctx context.Context, req chat.Request) relay.Decode {
	d := gemini.NewDecoder(req)
	if planOf(ctx).flags().ConverterFastPath {
		return d.FastStream
	}
	return d.Stream
}

// features returns the flags as the configuration has them.
func (c Config) features() (*feature.Registry, error) {
	if c.Features != nil {
		return c.Features, nil
	}
	given := map[string]feature.Setting{}
	for name, on := range c.Flags.Map() {
		if on {
			given[name] = feature.Setting{Percent: 100, Unit: feature.UnitRequest}
		}
	}
	return feature.Open(context.Background(), feature.Config{Given: given, Clock: c.Clock, Log: c.Log})
}

// selected logs one choice of the scheduler.
func (s *Server) selected(seen credential.Selection) {
	s.cfg.Log.LogAttrs(context.Background(), slog.LevelDebug, "pool_select", seen.LogAttrs()...)
}

// SetSources makes list all credentials there are, from the next request on;
// requests under way keep theirs. After an error nothing has changed.
func (s *Server) SetSources(list []Source) error { return s.sources.set(list) }

// CheckSource returns why one cannot be a credential of this upstream, nil if it
// can. SetSources takes none of a list with one that cannot.
func (s *Server) CheckSource(one Source) error {
	_, err := s.client.With(one.Proof)
	return err
}

// Pool is what is known of the credentials.
func (s *Server) Pool() *credential.Pool { return s.pool }

// Prepare opens the connections to the upstream that are to be kept open, for
// at most a few seconds, and logs what an operator should know before the first
// request. A failure is logged only: the upstream may come back.
func (s *Server) Prepare(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, warmTime)
	defer cancel()
	if err := s.pool.Load(ctx); err != nil {
		s.cfg.Log.Warn("what was learned of credentials before is not in use", "cause", err)
	}
	if s.pooled() {
		if err := s.client.Over(true).Warm(ctx); err != nil {
			s.cfg.Log.Warn("upstream not reached yet", "cause", err)
		}
	}
	for _, one := range s.sources.list() {
		if one.Account != nil {
			// It goes on in the background after our time, and logs by itself.
			_, _ = one.Account.Project(ctx)
		}
	}
}

// pooled reports whether any request goes over kept connections.
func (s *Server) pooled() bool { return s.features.Current().Settings()[poolFlag].Percent > 0 }

// poolFlag is the flag whose share says whether connections are worth keeping.
const poolFlag = "ff_http2_pool_tuning"

// tend gives the kept connections up once no request is to use them any more.
func (s *Server) tend(ctx context.Context) {
	was := s.pooled()
	for s.cfg.Clock.Sleep(ctx, tendTime) == nil {
		is := s.pooled()
		if was && !is {
			s.client.Retire()
		}
		was = is
	}
}

// Stats are the numbers of the upstream's connections.
func (s *Server) Stats() upstream.Stats { return s.client.Stats() }

// Run serves l until ctx ends or Abort is called, then drains: it accepts
// nothing new, lets running answers finish within Config.Drain, and cuts the
// rest with an error event. It returns nil after an orderly end.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	if err := s.cfg.CheckAddress(l.Addr().String()); err != nil {
		return errors.Join(err, l.Close())
	}
	defer s.Close()
	tending, stop := context.WithCancel(ctx)
	defer stop()
	go s.tend(tending)
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serving %s: %w", l.Addr(), err)
	case <-ctx.Done():
	case <-s.aborted.Done():
	}
	s.drain()
	s.settle()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving %s: %w", l.Addr(), err)
	}
	return nil
}

// Abort cuts running answers at once and makes Run return. It may be called at
// any time, more than once, from any goroutine.
func (s *Server) Abort() { s.abort() }

func (s *Server) drain() {
	s.draining.Store(true)
	if s.shutdown(s.aborted, s.cfg.Drain) == nil {
		return
	}
	s.cut(&chat.Error{Kind: chat.KindOverloaded, Message: "the proxy is shutting down; send the request again"})
	if s.shutdown(context.Background(), lastWords) != nil {
		_ = s.http.Close() // cuts the last ones, who do not read
	}
}

func (s *Server) shutdown(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return s.http.Shutdown(ctx)
}

// Active is how many requests are being served. After Run it is 0 unless some
// did not end even when they were cut.
func (s *Server) Active() int { return int(s.active.Load()) }

// settle waits a little for the last handlers after their connections were cut.
func (s *Server) settle() {
	for end := time.Now().Add(lastWords); s.Active() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// Close closes the upstream's connections and account. Run does so itself.
func (s *Server) Close() {
	s.cut(nil)
	s.abort()
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	if err := s.pool.Close(ctx); err != nil {
		s.cfg.Log.Warn("what was learned of credentials is not kept", "cause", err)
	}
	s.client.Close()
	s.sources.close()
}

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
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/media"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

const (
	headerTime = 10 * time.Second // to read a request's head
	idleTime   = 2 * time.Minute  // of a kept-alive connection without request
	maxHeader  = 256 << 10        // bytes of a request's head
	warmTime   = 3 * time.Second  // for connections to the upstream at the start
	lastWords  = time.Second      // for the error events of cut answers
)

// A Server is the proxy. Make it with New, end it by the context of Run, or
// with Close if it never runs.
type Server struct {
	cfg      Config
	client   *upstream.Client
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
	s.cfg.Media.UserAgent = s.cfg.Upstream.UserAgent
	s.backend = backend{s.cfg.Upstream.Kind, s.cfg.codec(), s.client, media.New(s.cfg.Media), s.cfg.Account}
	s.names = &names{aliases: s.cfg.Aliases, list: s.backend.Models}
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
			Upstream: s.backend, Dialect: d, Decoder: s.decoder, Resolve: s.resolve, Hold: s.cfg.Hold,
			Traced: s.cfg.Traced,
		})
		if err != nil {
			return nil, err
		}
		relays[path] = r
	}
	return relays, nil
}

// resolve makes of a caller's request one for the upstream.
func (s *Server) resolve(ctx context.Context, req chat.Request) (chat.Request, error) {
	model, wish, err := s.names.resolve(ctx, req.Model)
	if err != nil {
		return req, err
	}
	req.Model = model
	wish.apply(&req)
	return req, nil
}

// decoder chooses how a stream is read, for one request.
func (s *Server) decoder(req chat.Request) relay.Decode {
	d := gemini.NewDecoder(req)
	if s.cfg.Flags.ConverterFastPath {
		return d.FastStream
	}
	return d.Stream
}

// Prepare opens the connections to the upstream that are to be kept open, for
// at most a few seconds, and logs what an operator should know before the first
// request. A failure is logged only: the upstream may come back.
func (s *Server) Prepare(ctx context.Context) {
	if names := s.cfg.Flags.WithoutEffect(); names != nil {
		s.cfg.Log.Warn("flags without effect yet", "flags", names)
	}
	ctx, cancel := context.WithTimeout(ctx, warmTime)
	defer cancel()
	if err := s.client.Warm(ctx); err != nil {
		s.cfg.Log.Warn("upstream not reached yet", "cause", err)
	}
	if s.cfg.Account != nil {
		// It goes on in the background after our time, and logs by itself.
		_, _ = s.cfg.Account.Project(ctx)
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
	s.client.Close()
	if s.cfg.Account != nil {
		s.cfg.Account.Close()
	}
}

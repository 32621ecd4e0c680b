package server

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/anthropic"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

// An exchange is one request on its way through a handler.
type exchange struct {
	w  *answer
	r  *http.Request
	id string // the request id
	// out is what the log will say; a handler that answers by itself fills it.
	out relay.Outcome
	// observed: the observers were told of it, and want to know its end.
	observed bool
}

// A handler answers, or returns what went wrong before anything was sent.
type handler func(*exchange) error

// A route is one path. A path that ends in a slash takes all that lies below.
type route struct {
	path, method string
	handle       handler
}

func (s *Server) routes() []route {
	return []route{
		{"/", http.MethodHead, alive},
		{"/healthz", http.MethodGet, alive},
		{"/readyz", http.MethodGet, s.ready},
		{"/v1/messages", http.MethodPost, s.observe(s.api(s.messages))},
		{"/v1/messages/count_tokens", http.MethodPost, s.api(s.countTokens)},
		{"/v1/models", http.MethodGet, s.api(s.models)},
		{"/v1/models/", http.MethodGet, s.api(s.model)},
	}
}

// match reports whether the route's path is p.
func (rt route) match(p string) bool {
	if rt.path != "/" && strings.HasSuffix(rt.path, "/") {
		return len(p) > len(rt.path) && strings.HasPrefix(p, rt.path)
	}
	return rt.path == p
}

// find returns the handler for a request.
func (s *Server) find(x *exchange) (handler, error) {
	r := x.r
	i := slices.IndexFunc(s.table, func(rt route) bool { return rt.match(r.URL.Path) })
	if i < 0 {
		return nil, &chat.Error{Kind: chat.KindNotFound, Message: fmt.Sprintf("there is no route %.200q", r.URL.Path)}
	}
	rt := s.table[i]
	if r.Method != rt.method && (r.Method != http.MethodHead || rt.method != http.MethodGet) {
		x.w.Header().Set("Allow", rt.method)
		return nil, &chat.Error{
			Kind: chat.KindInvalid, Status: http.StatusMethodNotAllowed,
			Message: fmt.Sprintf("%s takes %s, not %.20q", rt.path, rt.method, r.Method),
		}
	}
	return rt.handle, nil
}

// ServeHTTP answers one request. It makes Server an http.Handler, for tests
// that need no listener.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	x := &exchange{w: &answer{ResponseWriter: w}, r: r, id: relay.NewID("req_")}
	s.active.Add(1)
	defer s.active.Add(-1)
	defer s.ended(x, begun)
	defer s.rescue(x)
	handle, err := s.find(x)
	if err == nil {
		err = handle(x)
	}
	if err != nil {
		x.fail(err)
	}
}

func (x *exchange) fail(err error) {
	x.out.Err = chat.AsError(err)
	x.out.Status = relay.WriteError(x.w, messages{}, err, x.id)
}

// send answers with a body that is ready.
func (x *exchange) send(contentType string, body []byte) {
	h := x.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Request-Id", x.id)
	x.out.Status = http.StatusOK
	x.w.WriteHeader(http.StatusOK)
	_, _ = x.w.Write(body) // a caller who has gone cannot be told
}

// rescue answers for a handler that panicked: an envelope where nothing was
// sent, a cut connection where something was, so that nobody takes the part
// for the whole.
func (s *Server) rescue(x *exchange) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	s.cfg.Log.Error("panic", "request_id", x.id, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
	if x.w.wrote {
		x.out.Err = &chat.Error{Message: "internal error"}
		panic(http.ErrAbortHandler)
	}
	x.fail(&chat.Error{Message: "internal error"})
}

// log tells of one request. The level is that of its failure: a caller's
// mistake is no warning to the operator.
func (s *Server) log(x *exchange, begun time.Time) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("request_id", x.id), slog.String("method", x.r.Method), slog.String("path", x.r.URL.Path),
		slog.Int("status", x.out.Status), slog.Duration("took", time.Since(begun)),
		slog.String("model", x.out.Model), slog.String("upstream_model", x.out.UpstreamModel),
		slog.Bool("stream", x.out.Stream), slog.Int("events", x.out.Events),
	}
	if e := x.out.Err; e != nil {
		attrs = append(attrs, slog.String("kind", e.Kind.String()), slog.String("reason", e.Reason), slog.Int("source_status", e.Status))
		switch e.Kind {
		case chat.KindInternal, chat.KindNetwork, chat.KindTimeout, chat.KindUpstream, chat.KindEmpty, chat.KindPermission, chat.KindBilling:
			level = slog.LevelWarn
		}
		if e.Kind == chat.KindNetwork || e.Kind == chat.KindTimeout {
			attrs = append(attrs, slog.Any("cause", e.Cause)) // of our own making, no text of others
		}
	}
	s.cfg.Log.LogAttrs(x.r.Context(), level, "request", attrs...)
}

// ended tells the log and the observers of one request.
func (s *Server) ended(x *exchange, begun time.Time) {
	s.log(x, begun)
	if !x.observed {
		return
	}
	x.out.Times.Begun, x.out.Times.Ended, x.out.RequestID = begun, time.Now(), x.id
	for _, o := range s.cfg.Observers {
		o.Ended(x.out)
	}
}

// observe tells the observers that a request has come.
func (s *Server) observe(next handler) handler {
	return func(x *exchange) error {
		x.observed = true
		for _, o := range s.cfg.Observers {
			o.Began()
		}
		return next(x)
	}
}

// api guards a route with key and version.
func (s *Server) api(next handler) handler {
	return func(x *exchange) error {
		if !s.cfg.NoAuth && !s.cfg.Keys.match(callerKey(x.r.Header)) {
			return &chat.Error{Kind: chat.KindAuthentication, Message: "invalid or missing key: send it as x-api-key or as Authorization: Bearer"}
		}
		if _, err := anthropic.CheckVersion(x.r.Header.Get("Anthropic-Version")); err != nil {
			return err
		}
		return next(x)
	}
}

func alive(x *exchange) error {
	x.send("text/plain; charset=utf-8", []byte("ok\n"))
	return nil
}

func (s *Server) ready(x *exchange) error {
	if !s.draining.Load() {
		return alive(x)
	}
	x.out.Status = http.StatusServiceUnavailable
	http.Error(x.w, "draining", x.out.Status)
	return nil
}

func (s *Server) messages(x *exchange) error {
	body, err := readBody(x.w, x.r, s.cfg.MaxBody)
	if err != nil {
		return err
	}
	x.out = s.relay.Serve(x.w, x.r, body, x.id)
	return nil
}

// countTokens answers with the upstream's count. Where the upstream is down or
// too busy to count, an estimate serves better than nothing; it is marked.
func (s *Server) countTokens(x *exchange) error {
	body, err := readBody(x.w, x.r, s.cfg.MaxBody)
	if err != nil {
		return err
	}
	req, err := anthropic.DecodeCountTokens(body)
	if err != nil {
		return err
	}
	x.out.Model = req.Model
	if req, err = s.resolve(x.r.Context(), req); err != nil {
		return err
	}
	x.out.UpstreamModel = req.Model
	n, err := s.backend.CountTokens(x.r.Context(), req)
	if err != nil {
		switch chat.AsError(err).Kind {
		case chat.KindNetwork, chat.KindTimeout, chat.KindUpstream, chat.KindOverloaded, chat.KindRateLimit:
		default:
			return err
		}
		x.out.Err = chat.AsError(err)
		x.w.Header().Set("X-Firstbyte-Token-Count", "estimate")
		n = chat.EstimateTokens(req)
	}
	x.send("application/json", anthropic.EncodeCountTokens(n))
	return nil
}

func (s *Server) models(x *exchange) error {
	all, err := s.catalogue(x)
	if err != nil {
		return err
	}
	body, err := anthropic.EncodeModels(all)
	if err != nil {
		return err
	}
	x.send("application/json", body)
	return nil
}

func (s *Server) model(x *exchange) error {
	id := strings.TrimPrefix(x.r.URL.Path, "/v1/models/")
	all, err := s.catalogue(x)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(m chat.Model) bool { return m.ID == id })
	if i < 0 {
		return &chat.Error{Kind: chat.KindNotFound, Message: fmt.Sprintf("there is no model %.200q", id)}
	}
	body, err := anthropic.EncodeModel(all[i])
	if err != nil {
		return err
	}
	x.send("application/json", body)
	return nil
}

// catalogue returns the aliases, by name, and then the upstream's models.
func (s *Server) catalogue(x *exchange) ([]chat.Model, error) {
	models, err := s.backend.Models(x.r.Context())
	if err != nil {
		return nil, err
	}
	var all []chat.Model
	for from, to := range s.cfg.Aliases {
		alias := chat.Model{ID: from, DisplayName: from}
		if i := slices.IndexFunc(models, func(m chat.Model) bool { return m.ID == to }); i >= 0 {
			alias.InputLimit, alias.OutputLimit = models[i].InputLimit, models[i].OutputLimit
			alias.DisplayName = from + " (" + cmp.Or(models[i].DisplayName, to) + ")"
		}
		all = append(all, alias)
	}
	slices.SortFunc(all, func(a, b chat.Model) int { return strings.Compare(a.ID, b.ID) })
	return append(all, models...), nil
}

// resolve gives a request the upstream's name of its model.
func (s *Server) resolve(_ context.Context, req chat.Request) (chat.Request, error) {
	if to, ok := s.cfg.Aliases[req.Model]; ok {
		req.Model = to
	}
	return req, nil
}

// answer notes whether anything has been sent.
type answer struct {
	http.ResponseWriter
	wrote bool
}

func (a *answer) WriteHeader(status int) {
	a.wrote = true
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	a.wrote = true
	return a.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

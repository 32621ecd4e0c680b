package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/anthropic"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

// An exchange is one request on its way through a handler.
type exchange struct {
	w  *answer
	r  *http.Request
	id string // the request id
	// api is the dialect of its route.
	api api
	// plan is what is settled for it; nil where nothing is asked upstream.
	plan *plan
	// out is what the log will say; a handler that answers by itself fills it.
	out relay.Outcome
	// observed: the observers were told of it, and want to know its end.
	observed bool
}

// A handler answers, or returns what went wrong before anything was sent.
type handler func(*exchange) error

// A route is one path: as it stands, with anything below where it ends in "/*",
// or with a method of a model below where it ends in "/*:".
type route struct {
	path, method string
	api          api
	handle       handler
	observed     bool // the observers are told of its requests
}

func (s *Server) routes() []route {
	all := []route{
		{"/", http.MethodHead, open, alive, false},
		{"/healthz", http.MethodGet, open, alive, false},
		{"/readyz", http.MethodGet, open, s.ready, false},
		{"/v1/messages/count_tokens", http.MethodPost, anthropicAPI, s.countTokens, false},
		{"/v1/models", http.MethodGet, versionedAPI, s.models, false},
		{"/v1/models/*", http.MethodGet, versionedAPI, s.model, false},
		{"/v1beta/models", http.MethodGet, geminiAPI, s.models, false},
		{"/v1beta/models/*", http.MethodGet, geminiAPI, s.model, false},
		{"/v1/models/*:", http.MethodPost, geminiAPI, s.native, true},
		{"/v1beta/models/*:", http.MethodPost, geminiAPI, s.native, true},
	}
	for path, r := range s.relays {
		dialect := openaiAPI
		if path == messagesPath {
			dialect = anthropicAPI
		}
		all = append(all, route{path, http.MethodPost, dialect, s.translated(r), true})
	}
	return all
}

// match reports whether the route's path is p.
func (rt route) match(p string) bool {
	if prefix, ok := strings.CutSuffix(rt.path, "*:"); ok {
		_, call, found := strings.Cut(p, prefix)
		return found && strings.HasPrefix(p, prefix) && strings.Contains(call, ":")
	}
	if prefix, ok := strings.CutSuffix(rt.path, "*"); ok {
		return len(p) > len(prefix) && strings.HasPrefix(p, prefix)
	}
	return rt.path == p
}

// takes reports whether the route's method is m.
func (rt route) takes(m string) bool {
	return rt.method == m || rt.method == http.MethodGet && m == http.MethodHead
}

// find returns the route of a request, and what is wrong if there is none. The
// route then holds the dialect to say so in.
func (s *Server) find(x *exchange) (route, error) {
	r := x.r
	var methods []string
	var near route
	for _, rt := range s.table {
		if !rt.match(r.URL.Path) {
			continue
		}
		if rt.takes(r.Method) {
			rt.api = rt.api.of(r)
			return rt, nil
		}
		methods, near = append(methods, rt.method), rt
	}
	if methods == nil {
		return route{api: guess(r)}, &chat.Error{Kind: chat.KindNotFound, Message: fmt.Sprintf("there is no route %.200q", r.URL.Path)}
	}
	near.api = near.api.of(r)
	allow := strings.Join(methods, ", ")
	x.w.Header().Set("Allow", allow)
	return near, &chat.Error{
		Kind: chat.KindInvalid, Status: http.StatusMethodNotAllowed,
		Message: fmt.Sprintf("%.200s takes %s, not %.20q", r.URL.Path, allow, r.Method),
	}
}

// ServeHTTP answers one request. It makes Server an http.Handler, for tests
// that need no listener.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	x := &exchange{w: &answer{ResponseWriter: w}, r: r, id: relay.NewID("req_")}
	x.w.before = x.announce
	s.active.Add(1)
	defer s.active.Add(-1)
	defer s.ended(x, begun)
	defer x.parent()
	defer s.rescue(x)
	hurryBody(x.w, r)
	rt, err := s.find(x)
	x.api = rt.api
	x.api.name(x.w.Header(), x.id)
	if rt.observed && err == nil {
		s.began(x)
	}
	if err == nil {
		err = s.admit(x)
	}
	if err == nil {
		s.plan(x, begun)
		err = rt.handle(x)
	}
	if err != nil {
		x.fail(err)
	}
	x.trail()
}

// plan settles what a request of a dialect's is served by, at its beginning: a
// change of the flags is for those that come after it.
func (s *Server) plan(x *exchange, begun time.Time) {
	if x.api == open {
		return
	}
	x.plan = &plan{requestID: x.id, begun: begun, session: sessionOf(x.r.Header), settings: s.features.Current()}
	x.r = withPlan(x.r, x.plan)
}

// parent notes the caller's own trace, for whoever observes.
func (x *exchange) parent() {
	if id := x.r.Header.Get("Traceparent"); len(id) <= maxTraceparent {
		x.out.Traceparent = id
	}
}

// maxTraceparent bounds what is kept of that header; today's version has 55 bytes.
const maxTraceparent = 128

func (x *exchange) fail(err error) {
	x.out.Err = chat.AsError(err)
	if x.out.Err.Kind == chat.KindCanceled {
		return // nobody is there to be told
	}
	x.out.Status = relay.WriteError(x.w, x.api.errors(), err, x.id)
}

// send answers with a body that is ready.
func (x *exchange) send(contentType string, body []byte) {
	h := x.w.Header()
	h.Set("Content-Type", contentType)
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
		slog.Int("dropped_calls", x.out.DroppedCalls), slog.Int("dropped_thoughts", x.out.DroppedThoughts),
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
	if x.plan != nil && x.plan.tries != nil {
		x.plan.tries.finish(x.out.Usage)
	}
	if !x.observed {
		return
	}
	x.out.Times.Begun, x.out.Times.Ended, x.out.RequestID = begun, time.Now(), x.id
	x.out.Path = x.r.URL.Path
	if x.plan != nil {
		x.plan.note(&x.out)
		x.out.Observed = x.told
	}
	for _, o := range s.cfg.Observers {
		o.Ended(x.out)
	}
}

// began tells the observers that a request has come.
func (s *Server) began(x *exchange) {
	x.observed = true
	for _, o := range s.cfg.Observers {
		o.Began()
	}
}

// admit checks a request's key, and the version of the API that it speaks.
func (s *Server) admit(x *exchange) error {
	if x.api == open {
		return nil
	}
	if s.cfg.NoAuth {
		if err := ofThisMachine(x.r); err != nil {
			return err
		}
	} else if !s.cfg.Keys.match(x.api.key(x.r)) {
		return &chat.Error{Kind: chat.KindAuthentication, Message: "invalid or missing key: send it as " + x.api.wants()}
	}
	if x.api != anthropicAPI {
		return nil
	}
	_, err := anthropic.CheckVersion(x.r.Header.Get("Anthropic-Version"))
	return err
}

// pages tells requests that another site's page has its reader's browser send.
var pages = http.NewCrossOriginProtection()

// ofThisMachine refuses what a page from elsewhere can have a browser of this machine
// send to a proxy without keys, and spend its owner's quota with: a request across
// origins, which browsers mark, and one by a name that was made to lead here, whose
// page is then of the proxy's own origin.
func ofThisMachine(r *http.Request) error {
	name := (&url.URL{Host: r.Host}).Hostname()
	_, err := netip.ParseAddr(name)
	if pages.Check(r) == nil && (err == nil || strings.EqualFold(name, "localhost")) {
		return nil
	}
	return &chat.Error{
		Kind:    chat.KindPermission,
		Message: "a proxy without keys serves programs of this machine that ask it by address or as localhost, and no page of another site: give it keys (FIRSTBYTE_PROXY_KEYS or --keys-file)",
	}
}

func alive(x *exchange) error {
	x.send("text/plain; charset=utf-8", []byte("ok\n"))
	return nil
}

func (s *Server) ready(x *exchange) error {
	why := ""
	switch {
	case s.draining.Load():
		why = "draining"
	case !s.sources.ready():
		why = "no credential of the upstream is ready"
		s.hurry()
	default:
		return alive(x)
	}
	x.out.Status = http.StatusServiceUnavailable
	http.Error(x.w, why, x.out.Status)
	return nil
}

// hurry has the accounts look for their projects, without waiting: whoever asks
// only whether we are ready must not keep us from ever becoming so.
func (s *Server) hurry() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, one := range s.sources.list() {
		if one.Account != nil {
			_, _ = one.Account.Project(ctx) // it says why not in the log
		}
	}
}

// translated serves what a relay translates.
func (s *Server) translated(r *relay.Relay) handler {
	return func(x *exchange) error {
		body, err := readBody(x.w, x.r, s.cfg.MaxBody)
		if err != nil {
			return err
		}
		x.out = r.Serve(x.w, x.r, body, x.id)
		return nil
	}
}

// countTokens answers with the upstream's count. Where the upstream is down or
// too busy to count, an estimate serves better than nothing; it is marked.
func (s *Server) countTokens(x *exchange) error {
	body, err := readBody(x.w, x.r, s.cfg.MaxBody)
	if err != nil {
		return err
	}
	x.plan.work.Start()
	req, err := anthropic.DecodeCountTokens(body)
	x.plan.work.Stop()
	if err != nil {
		return err
	}
	x.out.Model = req.Model
	if req, err = s.resolve(x.r.Context(), req); err != nil {
		return err
	}
	x.out.UpstreamModel = req.Model
	n, err := s.countUpstream(x, req)
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

// countUpstream asks for the number of a request's input tokens.
func (s *Server) countUpstream(x *exchange, req chat.Request) (n int, err error) {
	body, err := s.backend.encode(x.r.Context(), &x.plan.work, req, s.backend.codec.EncodeCountTokens)
	if err != nil {
		return 0, err
	}
	t := s.tries(x.plan, req.Model)
	t.counts = true
	err = t.run(x.r.Context(), func(ctx context.Context, v via) error {
		answer, err := s.backend.count(ctx, v, req.Model, body)
		if err == nil {
			n, err = gemini.DecodeCountTokens(answer.body)
		}
		return err
	})
	return n, err
}

// answer notes whether anything has been sent.
type answer struct {
	http.ResponseWriter
	wrote  bool
	before func(h http.Header, status int) // told of the head before it goes out
}

func (a *answer) WriteHeader(status int) {
	if !a.wrote {
		a.wrote = true
		a.before(a.Header(), status)
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if !a.wrote {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

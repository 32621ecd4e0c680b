package watch

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// A Canary names one revision of one workload. Evidence of an earlier revision
// says nothing of the next, so each has a watch of its own.
type Canary struct {
	Name     string
	Revision string
}

// A Server answers rollout controllers with the verdict on the evidence so far.
//
//	GET  /v1/verdict?name=N&revision=R   200 and the verdict (Argo Rollouts' web metric)
//	POST /v1/flagger/confirm             200 if PROMOTE (confirm-traffic-increase, confirm-promotion)
//	POST /v1/flagger/rollback            200 if ROLLBACK (rollback)
//	GET  /healthz                        200 while it serves
//
// The first question about a canary begins its watch, and is answered NO DATA. A
// rollback stands once it was decided; a promotion is taken anew from all the
// evidence at every look. Where the evidence could not be had, or is older than
// three intervals, the answer is 503, and a controller takes that for an error
// and never for a pass.
//
// Serve it with [Server.ServeHTTP]; it is safe for concurrent use. Close ends
// its watches.
type Server struct {
	cfg ServerConfig
	mux *http.ServeMux
	ctx context.Context // of the watches, which outlive the request that began them
	end context.CancelFunc
	ran sync.WaitGroup

	mu      sync.Mutex
	watches map[Canary]*standing
}

// A ServerConfig is a server. Source, Policy and Every have no default.
type ServerConfig struct {
	// Source returns a source of c's evidence from since on. One that is an
	// [io.Closer] is closed when its watch ends.
	Source func(c Canary, since time.Time) (Source, error)
	Policy policy.Policy
	Every  time.Duration
	// Most is how many canaries are watched at once [16]; the one that was not
	// asked about for longest makes room.
	Most int
	// Token, if set, is the bearer token that every question must carry.
	Token string
	Log   *slog.Logger // nil: none
}

// A standing is what is known of one canary. Its fields are guarded by the
// server's lock.
type standing struct {
	began, asked time.Time
	look         Look
	rolledBack   *judge.Verdict
	end          context.CancelFunc
}

// NewServer returns a server that watches nothing yet.
func NewServer(cfg ServerConfig) (*Server, error) {
	if cfg.Most == 0 {
		cfg.Most = 16
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := repeatable(cfg.Policy, cfg.Every); err != nil {
		return nil, err
	}
	if cfg.Most < 0 {
		return nil, fmt.Errorf("%d canaries at once: it is 1 at least", cfg.Most)
	}
	s := &Server{cfg: cfg, mux: http.NewServeMux(), watches: map[Canary]*standing{}}
	s.ctx, s.end = context.WithCancel(context.Background())
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	s.mux.HandleFunc("GET /v1/verdict", s.verdict)
	s.mux.HandleFunc("POST /v1/flagger/confirm", s.flagger(judge.Promote))
	s.mux.HandleFunc("POST /v1/flagger/rollback", s.flagger(judge.Rollback))
	return s, nil
}

// Close ends every watch and waits for them.
func (s *Server) Close() {
	s.end()
	s.ran.Wait()
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/healthz" && !s.allowed(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "a bearer token is needed", http.StatusUnauthorized)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// allowed compares sums, so that the time of the comparison tells nothing.
func (s *Server) allowed(r *http.Request) bool {
	if s.cfg.Token == "" {
		return true
	}
	want, got := sha256.Sum256([]byte("Bearer "+s.cfg.Token)), sha256.Sum256([]byte(r.Header.Get("Authorization")))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// verdict answers Argo Rollouts' web metric: the decision is in the body, so
// that HOLD can be told from an error.
func (s *Server) verdict(w http.ResponseWriter, r *http.Request) {
	c := Canary{Name: r.FormValue("name"), Revision: r.FormValue("revision")}
	if err := c.validate(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	v, err := s.of(c)
	answer(w, v, err, http.StatusOK)
}

// maxHook bounds what a controller may send.
const maxHook = 1 << 20

// flagger answers a webhook of Flagger, to which only the status counts: 200 for
// the decision wanted, 409 for any other.
func (s *Server) flagger(want judge.Decision) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var hook struct{ Name, Namespace, Checksum string }
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxHook)).Decode(&hook); err != nil {
			http.Error(w, "not a webhook of Flagger: "+err.Error(), http.StatusBadRequest)
			return
		}
		c := Canary{Name: hook.Name, Revision: hook.Checksum}
		if err := c.validate(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if hook.Namespace != "" {
			c.Name = hook.Namespace + "/" + hook.Name
		}
		v, err := s.of(c)
		status := http.StatusConflict
		if v.Decision == want {
			status = http.StatusOK
		}
		answer(w, v, err, status)
	}
}

func (c Canary) validate() error {
	if c.Name == "" || c.Revision == "" {
		return errors.New("name the canary and its revision: evidence of another revision must not count")
	}
	if len(c.Name)+len(c.Revision) > 512 {
		return errors.New("name and revision are longer than 512 bytes")
	}
	return nil
}

func answer(w http.ResponseWriter, v judge.Verdict, err error, status int) {
	if err != nil {
		http.Error(w, "no verdict: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "no verdict: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, string(body)+"\n") // the client may be gone
}

// stale is after how many intervals a verdict no longer speaks for the canary.
const stale = 3

// of returns the verdict on c so far, and begins to watch it if nobody does.
func (s *Server) of(c Canary) (judge.Verdict, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	st := s.watches[c]
	if st == nil {
		var err error
		if st, err = s.begin(c, now); err != nil {
			return judge.Verdict{}, err
		}
	}
	st.asked = now
	switch {
	case st.rolledBack != nil:
		return *st.rolledBack, nil
	case st.look.Err != nil:
		return judge.Verdict{}, st.look.Err
	case now.Sub(latest(st.began, st.look.At)) > stale*s.cfg.Every:
		return judge.Verdict{}, fmt.Errorf("the last look is %v old", now.Sub(latest(st.began, st.look.At)).Round(time.Second))
	case st.look.N == 0:
		return nothingYet(), nil
	}
	return st.look.Verdict, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// nothingYet is the verdict before the first look.
func nothingYet() judge.Verdict {
	return judge.Verdict{
		Schema: judge.Schema, Decision: judge.NoData, ExitCode: judge.NoData.ExitCode(), Reason: judge.ReasonNoData,
		Summary: []string{"No data: the watch has only begun.", "Nothing was decided: ask again after the next look."},
	}
}

// begin starts the watch of c. The lock is held.
func (s *Server) begin(c Canary, now time.Time) (*standing, error) {
	source, err := s.cfg.Source(c, now)
	if err != nil {
		return nil, err
	}
	if len(s.watches) >= s.cfg.Most {
		s.forget()
	}
	ctx, end := context.WithCancel(s.ctx)
	st := &standing{began: now, asked: now, end: end}
	s.watches[c] = st
	s.ran.Go(func() {
		defer end()
		if c, ok := source.(io.Closer); ok {
			defer c.Close()
		}
		s.follow(ctx, st, watcher{Config: Config{Source: source, Policy: s.cfg.Policy, Tell: func(l Look) { s.keep(c, st, l) }}})
	})
	return st, nil
}

// forget ends the watch that was not asked about for longest.
func (s *Server) forget() {
	var oldest Canary
	var st *standing
	for c, other := range s.watches {
		if st == nil || other.asked.Before(st.asked) {
			oldest, st = c, other
		}
	}
	st.end()
	delete(s.watches, oldest)
}

// follow looks at every interval until ctx ends or the canary is rolled back.
func (s *Server) follow(ctx context.Context, st *standing, w watcher) {
	ticker := time.NewTicker(s.cfg.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		w.look(ctx)
		s.mu.Lock()
		over := st.rolledBack != nil
		s.mu.Unlock()
		if over {
			return
		}
	}
}

// keep takes a look into what is known of c.
func (s *Server) keep(c Canary, st *standing, l Look) {
	s.mu.Lock()
	st.look = l
	if l.Err == nil && l.Verdict.Decision == judge.Rollback {
		st.rolledBack = &l.Verdict
	}
	s.mu.Unlock()
	log := s.cfg.Log.With("canary", c.Name, "revision", c.Revision, "look", l.N)
	if l.Err != nil {
		log.Warn("no evidence", "error", l.Err)
		return
	}
	log.Info("judged", "decision", string(l.Verdict.Decision), "reason", string(l.Verdict.Reason))
}

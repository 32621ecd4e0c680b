package server

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
)

// A plan is what is settled for one request, once: which flags are on for it,
// and what it belongs to. The relay carries it in the request's context, for it
// knows of no flags.
type plan struct {
	requestID string
	begun     time.Time
	session   string // what the caller says it belongs to, empty for nothing
	settings  *feature.Snapshot

	settle   sync.Once
	assigned feature.Assignment
	tries    *tries // what the upstream was asked, nil before
	work     relay.Stopwatch
}

// flags returns the flags that are on for the request.
func (p *plan) flags() feature.Flags { return p.assignment().Flags }

func (p *plan) assignment() feature.Assignment {
	p.settle.Do(func() { p.assigned = p.settings.Assign(p.requestID, p.session) })
	return p.assigned
}

// belongs notes what a request's body says that it belongs to, unless a header
// has said so before.
func (p *plan) belongs(user string) {
	if p.session == "" {
		p.session = sessionOfUser(user)
	}
}

type planKey struct{}

// withPlan returns r with its plan.
func withPlan(r *http.Request, p *plan) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), planKey{}, p))
}

// stopwatch is that of a request that this server serves.
func stopwatch(ctx context.Context) *relay.Stopwatch { return &planOf(ctx).work }

// planOf returns the plan of a request that this server serves.
func planOf(ctx context.Context) *plan { return ctx.Value(planKey{}).(*plan) }

// sessionHeaders name a session, the likelier ones first (docs/wire.md).
var sessionHeaders = []string{"X-Claude-Code-Session-Id", "X-Session-Id", "X-Session-Affinity"}

// maxSession is the longest name of a session that is taken for one.
const maxSession = 200

// sessionOf returns what a request's head says that it belongs to.
func sessionOf(h http.Header) string {
	for _, name := range sessionHeaders {
		if id := h.Get(name); id != "" && len(id) <= maxSession {
			return id
		}
	}
	return ""
}

// sessionOfUser returns the session in metadata.user_id, which Claude Code fills
// with a JSON object and older versions with a name that ends in the session.
func sessionOfUser(user string) string {
	var o struct {
		Session string `json:"session_id"`
	}
	if json.Unmarshal([]byte(user), &o) == nil {
		user = o.Session
	} else if _, id, ok := strings.Cut(user, "_session_"); ok {
		user = id
	} else {
		return "" // a user has many sessions
	}
	if len(user) > maxSession {
		return ""
	}
	return user
}

// preview reports whether a model is one that only preview credentials may use:
// the operator says which.
func (s *Server) preview(model string) bool { return slices.Contains(s.cfg.Preview, model) }

// note tells of the request what the plan knows: its flags, and its attempts.
func (p *plan) note(o *relay.Outcome) {
	a := p.assignment()
	o.Flags, o.Shares, o.Units = a.Flags.Map(), a.Share, a.Unit
	if p.tries != nil {
		o.Attempts, _ = p.tries.told()
		o.Preview = p.tries.s.preview(p.tries.model)
	}
}

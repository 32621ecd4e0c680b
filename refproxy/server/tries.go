package server

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/relay"
	"github.com/firstbyte-dev/firstbyte/refproxy/retry"
)

// tries is one request's way to an answer: attempt after attempt, each in the name
// of a credential. It carries out what package retry decides and what package
// credential chooses, and decides nothing itself. One goroutine makes the
// attempts; what they came to may be asked by others.
//
// The credential of the last attempt is held until the request has ended: a
// stream under way counts against it to its last byte, and a wait for another
// attempt keeps others off what has just failed.
type tries struct {
	s     *Server
	plan  *plan
	model string
	// committed, where it is set, reports whether the caller has got content.
	committed func() bool
	// repair, where it is set, takes out of the request what the upstream refused.
	repair  func()
	decider retry.Decider
	lease   *credential.Lease
	tried   []string          // credentials of this request since it last waited for one
	refused error             // what to tell, because no credential was to be had
	result  credential.Result // of the last attempt with the credential that is held
	open    bool              // an attempt was made of which nobody knows yet what it came to
	counts  bool              // tokens are counted: a success shows nothing of the quota for answers

	mu         sync.Mutex // guards what follows
	attempts   []relay.Attempt
	says       *time.Duration // the upstream's time for the last attempt, by its own word; nil if it has none
	slept      time.Duration  // on the machine's clock
	inside     time.Duration  // with the upstream, until it accepted or failed
	firstAsked time.Time
	sleeping   time.Time // since when; zero: it does not
	within     time.Time // the upstream, since when; zero: it is not
}

// tries begins a request's way.
func (s *Server) tries(p *plan, model string) *tries {
	t := &tries{s: s, plan: p, model: model, result: credential.Result{Neutral: true}}
	if p.flags().RetryPolicyV2 {
		t.decider = retry.V2(*s.cfg.Retry, s.budget, rand.Float64, retry.Request{Begun: s.cfg.Clock.At(p.begun), Preview: s.preview(model)})
	} else {
		t.decider = retry.Baseline(*s.cfg.Baseline)
	}
	p.tries = t
	return t
}

// run makes attempts until one succeeds or none is left.
func (t *tries) run(ctx context.Context, attempt func(context.Context, via) error) (err error) {
	defer func() { t.End(err, 0) }()
	for {
		err = errPanicked // should attempt never return
		err = t.try(ctx, func(v via) error { return attempt(ctx, v) })
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || t.committed != nil && t.committed() {
			return gone(ctx, err)
		}
		if err = t.Again(ctx, err); err != nil {
			return gone(ctx, err)
		}
	}
}

// errPanicked is what became of an attempt that did not return.
var errPanicked = &chat.Error{Message: "internal error"}

// try makes one attempt.
func (t *tries) try(ctx context.Context, attempt func(via) error) error {
	if t.lease == nil {
		if err := t.obtain(ctx); err != nil {
			t.refused = err
			return err
		}
	}
	one, ok := t.s.sources.get(t.lease.Credential().ID)
	if !ok {
		return &chat.Error{Kind: chat.KindUpstream, Class: chat.ClassPermission, Message: "the credential has just been removed"}
	}
	now := time.Now()
	t.mu.Lock()
	if t.firstAsked.IsZero() {
		t.firstAsked = now
	}
	if n := len(t.attempts); n > 0 {
		t.attempts[n-1].Retried = true
	}
	t.says = nil
	t.attempts = append(t.attempts, relay.Attempt{At: now.Sub(t.plan.begun), Credential: one.ID, Preview: t.lease.Credential().Preview})
	t.within = now
	t.mu.Unlock()
	t.open = true
	err := attempt(via{
		client: one.client.Over(t.plan.flags().HTTP2PoolTuning), account: one.Account, work: &t.plan.work, heard: t.heard,
	})
	if err == nil {
		t.accepted()
	} else {
		t.outside()
	}
	return err
}

// accepted says that the upstream has begun to answer, once for an attempt; an
// attempt that passes its answer on says so itself.
func (t *tries) accepted() {
	t.outside()
	if !t.counts {
		t.lease.Answered()
	}
}

// outside says that the upstream has accepted or failed.
func (t *tries) outside() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.within.IsZero() {
		t.inside += time.Since(t.within)
		t.within = time.Time{}
	}
}

// Again decides about another attempt after one that failed, and gets ready for
// it: it waits, and takes another credential where that is wanted.
func (t *tries) Again(ctx context.Context, err error) error {
	if t.refused != nil {
		return t.refused
	}
	e := t.final(err)
	d := t.decider.Next(e, t.s.cfg.Clock.Now())
	t.judge(e, d.Class)
	t.remember(e, d)
	return t.follow(ctx, err, d)
}

// judge keeps what the last attempt came to.
func (t *tries) judge(e *chat.Error, class chat.Class) {
	t.result = resultOf(e, class)
	if t.open {
		t.failed(e, class)
	}
	t.open = false
}

// final returns a failure for whoever decides about it. A refused token was
// renewed by the client before it said so, and a request that goes as it came
// keeps its signatures: there is nothing left to try with either.
func (t *tries) final(err error) *chat.Error {
	e := chat.AsError(err)
	if e.Class == chat.ClassAuth || e.Class == chat.ClassSignature && t.repair == nil {
		last := *e
		last.Terminal = true
		return &last
	}
	return e
}

// follow carries a decision out, and those that come of it. A failure keeps its
// own form where there is nothing to add to it.
func (t *tries) follow(ctx context.Context, err error, d retry.Decision) error {
	for {
		if !d.Again {
			return worded(d.Final, err)
		}
		if slept := t.sleep(ctx, d); slept != nil {
			t.decider.Left()
			return slept
		}
		if d.Repair && t.repair != nil {
			t.repair()
		}
		if !d.Rotate && t.lease != nil {
			return nil
		}
		if d.Sleeps > 0 && t.plan.flags().RetryPolicyV2 {
			t.tried = nil // it has waited for one of them
		}
		none := t.another()
		if none == nil {
			return nil
		}
		d = t.decider.Without(shortage(none), t.s.cfg.Clock.Now())
		if !d.Again && t.lease == nil {
			return t.s.unavailable(none)
		}
	}
}

// worded gives what is to be told the envelope that the upstream's failure came
// in: callers of Gemini's own API get it with its details.
func worded(told *chat.Error, err error) error {
	if g, ok := errors.AsType[*googleError](err); ok && told.Kind == g.err.Kind {
		return &googleError{told, g.body}
	}
	return told
}

// obtain takes the first credential, waiting for one if that may help.
func (t *tries) obtain(ctx context.Context) error {
	return t.follow(ctx, nil, retry.Decision{Again: true, Rotate: true})
}

// another takes a credential that has not been tried, in the place of the one
// that is held; if there is none, that one stays.
func (t *tries) another() *credential.Unavailable {
	flags := t.plan.flags()
	if t.lease != nil {
		if id := t.lease.Credential().ID; !slices.Contains(t.tried, id) {
			t.tried = append(t.tried, id)
		}
	}
	lease, err := t.s.pool.Acquire(credential.Ask{
		Model: t.model, Preview: t.s.preview(t.model), Affinity: t.plan.session,
		Tried: t.tried, V2: flags.PreviewCredentialSchedulerV2,
	})
	if err != nil {
		return asUnavailable(err)
	}
	t.finish(chat.Usage{})
	t.lease, t.result = lease, credential.Result{Neutral: true} // what the other one came to is not its doing
	return nil
}

// asUnavailable is the only error that the pool has.
func asUnavailable(err error) *credential.Unavailable {
	if none, ok := errors.AsType[*credential.Unavailable](err); ok {
		return none
	}
	return &credential.Unavailable{None: true, Reason: "internal error"}
}

// shortage tells the policy what the pool said.
func shortage(none *credential.Unavailable) retry.Shortage {
	return retry.Shortage{Soonest: none.Soonest, Capacity: none.Capacity}
}

// unavailable is the failure of a request that no credential can serve now. It is
// told as what keeps them off: a model that was not there is not there a minute
// later either, and no rate limit.
func (s *Server) unavailable(none *credential.Unavailable) *chat.Error {
	wait := time.Duration(0)
	if !none.Soonest.IsZero() {
		wait = max(0, s.cfg.Clock.Until(none.Soonest))
	}
	class, message, _ := strings.Cut(none.Cooling, reasonMark)
	e := &chat.Error{Kind: chat.KindRateLimit, Class: chat.ClassRate, Message: none.Error(), RetryAfter: wait}
	switch {
	case none.None:
		return s.nobody(none)
	case none.Capacity:
		e.Kind, e.Class = chat.KindOverloaded, chat.ClassCapacity
	case class == chat.ClassNotFound.String():
		return &chat.Error{Kind: chat.KindNotFound, Class: chat.ClassNotFound, Message: message}
	case class == chat.ClassPermission.String(), class == chat.ClassRegion.String():
		return &chat.Error{Kind: chat.KindPermission, Class: chat.ClassPermission, Message: message}
	case class == chat.ClassBilling.String():
		e.Kind, e.Class, e.Message = chat.KindBilling, chat.ClassBilling, message
	}
	return e
}

// reasonMark stands between the class of a failure and its words, in the reason
// that the pool keeps of it.
const reasonMark = ": "

func reason(e *chat.Error, class chat.Class) string { return class.String() + reasonMark + e.Message }

// nobody is the failure of a request where every credential that could serve it is
// out of use. It says why one of them is, with the place where that can be mended.
func (s *Server) nobody(none *credential.Unavailable) *chat.Error {
	e := &chat.Error{Kind: chat.KindPermission, Class: chat.ClassPermission, Message: none.Error(), Terminal: true}
	for _, one := range s.pool.Status() {
		if one.Disabled == "" || s.preview(none.Model) && !one.Preview {
			continue
		}
		e.Message = one.Disabled
		if one.DisabledURL != "" {
			e.Details = verification(one.DisabledURL)
			break
		}
	}
	return e
}

// sleep waits as a decision says, and writes down what was planned and done.
func (t *tries) sleep(ctx context.Context, d retry.Decision) error {
	begun := time.Now()
	t.mu.Lock()
	t.sleeping = begun
	t.mu.Unlock()
	sleeps := 0
	var err error
	for err == nil && sleeps < d.Sleeps {
		err = t.s.cfg.Clock.Sleep(ctx, d.Wait)
		sleeps++
	}
	slept := time.Duration(0)
	if sleeps > 0 {
		slept = time.Since(begun)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slept += slept
	t.sleeping = time.Time{}
	if n := len(t.attempts); n > 0 {
		last := &t.attempts[n-1]
		last.Planned += t.s.cfg.Clock.Machine(d.Wait)
		last.Slept += slept
		last.Sleeps += sleeps
	}
	return err
}

// failed writes down how the last attempt failed.
func (t *tries) failed(e *chat.Error, class chat.Class) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.attempts); n > 0 {
		last := &t.attempts[n-1]
		last.Class, last.Status, last.Failed = class.String(), e.Status, time.Since(t.plan.begun)
	}
}

// remember keeps what a failure says of the credential, or of the model.
func (t *tries) remember(e *chat.Error, d retry.Decision) {
	if t.lease == nil {
		return
	}
	id, pool := t.lease.Credential().ID, t.s.pool
	until := t.s.cfg.Clock.Now().Add(d.Cool)
	why := reason(e, d.Class)
	if d.Disable != "" {
		pool.Disable(id, d.Disable, verificationURL(e))
	}
	if d.Cool <= 0 {
		return
	}
	switch d.Scope {
	case retry.ScopeCredential:
		pool.Cool(id, "", until, why)
	case retry.ScopeCredentialModel:
		pool.Cool(id, t.model, until, why)
	case retry.ScopeProjectModel:
		for _, other := range t.s.sources.project(id) {
			pool.Cool(other, t.model, until, why)
		}
	case retry.ScopeModel:
		pool.CoolModel(t.model, until, why)
	}
}

// verificationURL is where an account's owner can mend it, whole; empty where the
// failure names no place.
func verificationURL(e *chat.Error) string {
	var details struct {
		URL string `json:"validation_url"`
	}
	if json.Unmarshal(e.Details, &details) != nil {
		return ""
	}
	return details.URL
}

// resultOf says what a failure shows of the credential: a model without capacity,
// and a request that cannot be served, show nothing.
func resultOf(e *chat.Error, class chat.Class) credential.Result {
	r := credential.Result{Reason: reason(e, class)}
	switch class {
	case chat.ClassRate, chat.ClassDaily, chat.ClassNoQuota:
		r.RateLimited, r.OfModel = true, true
	case chat.ClassNotFound, chat.ClassPermission:
		r.Failed, r.OfModel = true, true
	case chat.ClassCapacity, chat.ClassContext, chat.ClassInvalid, chat.ClassSignature:
		r.Neutral = true
	case chat.ClassUnknown:
		r.Failed = e.Status >= http.StatusInternalServerError
		r.Neutral = !r.Failed
	default:
		r.Failed = true
	}
	return r
}

// End says that no more attempt is made. firstToken is 0 where it is not known.
func (t *tries) End(err error, firstToken time.Duration) {
	if err == nil {
		t.result = credential.Result{OK: true, FirstToken: firstToken, Neutral: t.counts}
		return
	}
	switch e := chat.AsError(err); {
	case !t.open: // what the last attempt came to is known
	case e.Kind == chat.KindCanceled:
		t.result = credential.Result{Neutral: true}
	default: // it broke after content, or was cut: nobody was asked about it
		t.judge(e, e.Class)
	}
}

// finish gives the credential back. used is what it was charged with.
func (t *tries) finish(used chat.Usage) {
	if t.lease == nil {
		return
	}
	t.result.Input, t.result.Output = used.Input+used.Cached, used.Output
	t.lease.Done(t.result)
	t.lease = nil
}

// heard notes what the head of an attempt's answer says.
func (t *tries) heard(h http.Header) {
	said, ok := serverTime(h)
	if !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.says = &said
}

// serverTime is the upstream's time for the last attempt, as it says; ok is false
// where it said nothing.
func (t *tries) serverTime() (d time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.says == nil {
		return 0, false
	}
	return *t.says, true
}

// told returns the attempts so far, and how long was slept between them. A wait
// for the first credential is none of a retry.
func (t *tries) told() (attempts []relay.Attempt, slept time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.attempts {
		slept += a.Slept
	}
	return slices.Clone(t.attempts), slept
}

// spent returns how long was slept, and how long was spent with the upstream, up
// to now.
func (t *tries) spent() (slept, inside time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slept, inside = t.slept, t.inside
	if !t.sleeping.IsZero() {
		slept += time.Since(t.sleeping)
	}
	if !t.within.IsZero() {
		inside += time.Since(t.within)
	}
	return slept, inside
}

// Attempts tells how it went.
func (t *tries) Attempts() []relay.Attempt {
	attempts, _ := t.told()
	return attempts
}

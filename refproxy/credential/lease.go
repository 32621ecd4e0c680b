package credential

import (
	"fmt"
	"time"
)

// A Lease is a credential in use by one request, from Acquire until Done.
type Lease struct {
	pool     *Pool
	entry    *entry
	cred     *Credential
	model    string
	sequence uint64
	done     bool
	probes   bool // it is a probe of something
}

// Acquire chooses a credential. It never waits: where nobody can serve now the
// error is an [*Unavailable] that says until when. What it returns counts as in
// flight until Done.
func (p *Pool) Acquire(a Ask) (*Lease, error) {
	p.mu.Lock()
	l, seen, err := p.acquire(a)
	p.mu.Unlock()
	if a.V2 && p.cfg.OnSelect != nil {
		p.cfg.OnSelect(seen)
	}
	return l, err
}

func (p *Pool) acquire(a Ask) (*Lease, Selection, error) {
	p.mark(a.Tried)
	v := view{model: p.models[a.Model], now: p.cfg.Clock.Now()}
	if !a.V2 {
		for _, i := range sidesFor(a.Preview) {
			if e := p.uniform(&p.sides[i]); e != nil {
				return p.lease(e, a.Model), Selection{}, nil
			}
		}
		return nil, Selection{}, p.unavailable(a, v)
	}
	seen := p.selection(a, v)
	if m := v.model; m != nil && len(a.Tried) == 0 {
		if m.until.After(v.now) {
			return nil, seen, p.unavailable(a, v)
		}
		if s := &m.shut[sidesFor(a.Preview)[0]]; s.epoch == p.epoch && v.now.Before(s.until) {
			u := s.why
			return nil, seen, &u
		}
	}
	for _, i := range sidesFor(a.Preview) {
		e, score := p.choose(&p.sides[i], a.Affinity, v)
		if e == nil {
			continue
		}
		seen.Selected, seen.Score, seen.InFlight = e.cred.ID, score, e.inFlight
		l := p.lease(e, a.Model)
		l.probe(v)
		return l, seen, nil
	}
	u := p.unavailable(a, v)
	p.remember(a, v, u)
	return nil, seen, u
}

// remember keeps that nobody can serve, if it is so for every request.
func (p *Pool) remember(a Ask, v view, u *Unavailable) {
	if v.model == nil || len(a.Tried) > 0 || u.None {
		return
	}
	until := u.Soonest
	for _, i := range sidesFor(a.Preview) {
		for _, e := range p.sides[i].members {
			if at := e.next(v); at.Before(until) {
				until = at
			}
		}
	}
	v.model.shut[sidesFor(a.Preview)[0]] = shut{epoch: p.epoch, until: until, why: *u}
}

// next is when e can serve by itself, if it cannot now.
func (e *entry) next(v view) time.Time {
	var next time.Time
	for _, h := range [...]*health{&e.whole, e.of(v.model)} {
		if h != nil && !h.lets(v.now) {
			if at := h.next(v.now); at.After(next) {
				next = at
			}
		}
	}
	return next
}

// choose is by affinity, else by score.
func (p *Pool) choose(s *side, affinity string, v view) (*entry, float64) {
	if affinity != "" {
		if e := p.affine(s, affinity, v); e != nil {
			return e, e.score(v)
		}
	}
	return p.best(s, v)
}

// mark notes what the present request has tried.
func (p *Pool) mark(tried []string) {
	p.trial++
	for _, id := range tried {
		if e := p.entries[id]; e != nil {
			e.tried = p.trial
		}
	}
}

func (p *Pool) lease(e *entry, model string) *Lease {
	p.sequence++
	e.inFlight++
	if e.at >= 0 {
		p.sides[e.side()].inFlight++
	}
	return &Lease{pool: p, entry: e, cred: e.cred, model: model, sequence: p.sequence}
}

// probe makes l the probe of the cooldowns that it was let through.
func (l *Lease) probe(v view) {
	l.entry.whole.begin(l, v.now)
	l.probes = l.entry.whole.open()
	if h := l.entry.of(v.model); h != nil {
		h.begin(l, v.now)
		l.probes = l.probes || h.open()
	}
}

// selection is what a choice sees before it is made.
func (p *Pool) selection(a Ask, v view) Selection {
	seen := Selection{Model: a.Model}
	for _, i := range sidesFor(a.Preview) {
		cooling := p.sides[i].cooling
		if v.model != nil {
			cooling += v.model.cooling[i]
		}
		seen.Cooling += cooling
		seen.Available += len(p.sides[i].members) - cooling
	}
	if v.model != nil {
		v.model.fade(v.now)
		seen.Ratio429 = v.model.limitedRate()
	}
	return seen
}

// unavailable says why nobody serves a.
func (p *Pool) unavailable(a Ask, v view) *Unavailable {
	u := &Unavailable{Model: a.Model}
	members := 0
	for _, i := range sidesFor(a.Preview) {
		members += len(p.sides[i].members)
		for _, e := range p.sides[i].members {
			p.blocked(u, e, a.V2, v)
		}
	}
	m := v.model
	switch {
	case members == 0 && a.Preview:
		u.None, u.Reason = true, "it is in preview, and no preview credential is enabled"
	case members == 0:
		u.None, u.Reason = true, "none is enabled"
	case a.V2 && m != nil && m.until.After(v.now) && len(a.Tried) == 0:
		u.Capacity = true
		u.Reason = "the model has no capacity: " + m.reason
		if m.until.After(u.Soonest) {
			u.Soonest = m.until
		}
	case u.Soonest.IsZero():
		u.Reason = "all have been tried"
	default:
		u.Reason = fmt.Sprintf("all %d are cooling or have been tried: %s", members, u.Reason)
	}
	return u
}

// blocked notes in u why e does not serve.
func (p *Pool) blocked(u *Unavailable, e *entry, v2 bool, v view) {
	until, reason := time.Time{}, ""
	if v2 {
		until, reason = e.whole.free(v.now)
		if h := e.of(v.model); h != nil {
			if at, why := h.free(v.now); at.After(until) {
				until, reason = at, why
			}
		}
	}
	switch {
	case until.IsZero():
		u.Tried = u.Tried || e.tried == p.trial
	case u.Soonest.IsZero() || until.Before(u.Soonest):
		u.Soonest, u.Reason, u.Cooling = until, reason, reason
	}
}

// free tells from when on c lets a request pass; zero: it does.
func (c *cooldown) free(now time.Time) (time.Time, string) {
	switch {
	case c.lets(now):
		return time.Time{}, ""
	case c.until.After(now):
		return c.until, c.reason
	}
	return now.Add(probeTime), "it is being probed after: " + c.reason
}

// Credential is the one that was chosen, as it was then.
func (l *Lease) Credential() Credential { return *l.cred }

// Answered tells that the upstream has begun to answer. It ends the probe that l
// is, if it is one, with success; without it only Done does, and others wait until
// a long stream is over.
func (l *Lease) Answered() {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if !l.done && l.probes {
		p.recover(l, p.cfg.Clock.Now())
	}
}

// Done says what became of the lease and gives the credential back. It counts
// once: later calls do nothing. It must be called on every path.
func (l *Lease) Done(r Result) {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.giveBack(l) {
		return
	}
	now := p.cfg.Clock.Now()
	p.tally(l, r)
	if !r.neutral() {
		p.learn(l, r, now)
	}
	if l.probes {
		p.settle(l, r, now)
	}
}

// Unused gives the credential back in place of Done where nothing was asked with
// it: it counts as no request.
func (l *Lease) Unused() {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.giveBack(l) && l.probes {
		p.settle(l, Result{Neutral: true}, p.cfg.Clock.Now())
	}
}

// giveBack ends that l is in flight, once. It reports whether the pool has to know
// what became of it.
func (p *Pool) giveBack(l *Lease) bool {
	e := l.entry
	if l.done {
		return false
	}
	l.done = true
	e.inFlight--
	if e.at >= 0 {
		p.sides[e.side()].inFlight--
	}
	return !e.gone
}

// tally counts a lease that is done, evidence or not.
func (p *Pool) tally(l *Lease, r Result) {
	c := Counters{Requests: 1, Input: int64(r.Input), Output: int64(r.Output)}
	switch {
	case r.neutral():
	case r.RateLimited:
		c.RateLimited = 1
	case r.Failed:
		c.Failed = 1
	}
	l.entry.total.add(c)
	l.entry.delta.add(c)
	p.save(l.entry)
}

// learn keeps what a result shows.
func (p *Pool) learn(l *Lease, r Result, now time.Time) {
	h := p.health(l.entry, l.model, now)
	h.add(r, now)
	h.model.add(r, now)
	switch {
	case r.OK:
		p.recover(l, now)
	case r.Reason != "":
		l.entry.fail(Failure{At: now, Model: l.model, Reason: r.Reason})
	}
}

// recover closes what a success disproves: cooldowns that had begun when the
// lease was given. One that began later may be right all the same.
func (p *Pool) recover(l *Lease, now time.Time) {
	e := l.entry
	for _, h := range [...]*health{&e.whole, e.of(p.models[l.model])} {
		if h == nil || !h.open() || h.opened > l.sequence {
			continue
		}
		p.leave(e)
		h.shut(now)
		p.join(e)
		h.unsaved = true
		p.save(e)
	}
}

// settle ends the probes that l is. A failure of the model alone shows nothing of
// the whole credential.
func (p *Pool) settle(l *Lease, r Result, now time.Time) {
	for h := range l.entry.healths() {
		if h.probe == l {
			shown := r
			shown.Neutral = r.Neutral || r.OfModel && h.model == nil
			h.settle(l, shown, now)
			p.epoch++
			h.unsaved = true
			p.save(l.entry)
		}
	}
}

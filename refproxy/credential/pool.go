package credential

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	// maxModels bounds the models that are kept of one credential, since callers
	// can ask for models by any name.
	maxModels = 32
	// manyModels is from how many on models without any evidence are looked for.
	manyModels = 256
	// keptFailures is how many failures of a credential the panel can show.
	keptFailures = 5
)

// A Pool is a set of credentials and what is known of them. It is safe for
// concurrent use, and no method but Load and Close waits for anything.
type Pool struct {
	cfg  Config
	wake chan struct{} // something is unsaved
	stop context.CancelFunc
	done chan struct{} // the writer has ended

	mu       sync.Mutex
	rand     *rand.Rand
	entries  map[string]*entry
	sides    [sides]side
	models   map[string]*model
	crowd    int    // from this many models on unused ones are looked for
	sequence uint64 // of leases and cooldowns
	trial    uint64 // marks the entries that the present request has tried
	epoch    uint64 // of everything that may let somebody serve, but time
	unsaved  []*entry
	saving   bool
}

// An entry is a credential and its state.
type entry struct {
	cred     *Credential // replaced and never changed: leases hold it
	given    Credential  // as Set last gave it
	hash     uint64
	at       int    // in its side's members; -1: it is no member
	gone     bool   // from the pool
	tried    uint64 // equal to Pool.trial: by the present request
	inFlight int
	whole    health
	models   []*health

	disabledAt time.Time
	total      Counters
	delta      Counters // of total, not saved yet
	failures   []Failure
	unsaved    bool
}

// New returns an empty pool. It is to be closed if it has a journal.
func New(cfg Config) *Pool {
	cfg.Interval = cmp.Or(cfg.Interval, 250*time.Millisecond)
	cfg.Seed = cmp.Or(cfg.Seed, rand.Uint64())
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pool{
		cfg: cfg, wake: make(chan struct{}, 1), stop: func() {}, done: make(chan struct{}),
		rand:    rand.New(rand.NewPCG(cfg.Seed, 0)), //nolint:gosec // spreads load, keeps no secret
		entries: map[string]*entry{}, models: map[string]*model{}, crowd: manyModels,
	}
	p.start()
	return p
}

// Set makes list the pool, from now on: it adds, removes and changes credentials,
// and keeps the state of those that stay. Of IDs that stand in it twice the last
// counts. A credential that the pool disabled stays so until Enable, or until the
// list says something else of it than it did before.
func (p *Pool) Set(list []Credential) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.cfg.Clock.Now()
	stays := make(map[string]bool, len(list))
	for _, c := range list {
		stays[c.ID] = true
		e, known := p.entries[c.ID]
		if !known {
			e = &entry{at: -1, hash: hash(c.ID), cred: &c, given: c}
			p.entries[c.ID] = e
			p.join(e)
			continue
		}
		p.give(e, c, now)
	}
	for id, e := range p.entries {
		if !stays[id] {
			p.remove(e)
		}
	}
	p.rings()
}

// give changes a known credential to what Set says of it.
func (p *Pool) give(e *entry, c Credential, now time.Time) {
	if c == e.given {
		return
	}
	next := c
	if c.Disabled == e.given.Disabled {
		next.Disabled, next.DisabledURL = e.cred.Disabled, e.cred.DisabledURL
	} else {
		e.disabledAt = now
		p.save(e)
	}
	e.given = c
	p.leave(e)
	e.cred = &next
	p.join(e)
}

func (p *Pool) remove(e *entry) {
	p.leave(e)
	e.gone = true
	for _, h := range e.models {
		h.model.healths--
	}
	delete(p.entries, e.cred.ID)
}

// Disable takes a credential out of use and keeps why, with the address where its
// owner can mend that, if there is one.
func (p *Pool) Disable(id, reason, url string) {
	p.able(id, cmp.Or(reason, "disabled"), url)
}

// Enable takes it into use again.
func (p *Pool) Enable(id string) { p.able(id, "", "") }

func (p *Pool) able(id, reason, url string) {
	p.with(id, func(e *entry, now time.Time) {
		if e.cred.Disabled != reason || e.cred.DisabledURL != url {
			p.setDisabled(e, reason, url, now)
			p.rings()
			p.save(e)
		}
	})
}

// with calls f with the credential, if the pool has it.
func (p *Pool) with(id string, f func(e *entry, now time.Time)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entries[id]; e != nil {
		f(e, p.cfg.Clock.Now())
	}
}

// setDisabled leaves the rings to its caller.
func (p *Pool) setDisabled(e *entry, reason, url string, at time.Time) {
	next := *e.cred
	next.Disabled, next.DisabledURL = reason, url
	p.leave(e)
	e.cred, e.disabledAt = &next, at
	p.join(e)
}

// Cool keeps everything off a credential, or one model off it, until then or until
// a probe succeeds. Of two cooldowns the one that ends later counts; none lasts
// over 24 hours.
func (p *Pool) Cool(id, model string, until time.Time, reason string) {
	p.with(id, func(e *entry, now time.Time) { p.cool(e, model, until, now, reason) })
}

func (p *Pool) cool(e *entry, model string, until, now time.Time, reason string) {
	if !until.After(now) {
		return
	}
	h := &e.whole
	if model != "" {
		h = p.health(e, model, now)
	}
	p.sequence++
	p.leave(e)
	h.cool(until, now, reason, p.sequence)
	p.join(e)
	e.fail(Failure{At: now, Model: model, Reason: reason})
	h.unsaved = true
	p.save(e)
}

// CoolModel holds back new requests for a model, which has no capacity, and cools
// no credential. It is not saved: it is over before anyone could be told.
func (p *Pool) CoolModel(model string, until time.Time, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, now := p.model(model), p.cfg.Clock.Now()
	if latest := now.Add(maxCool); until.After(latest) {
		until = latest
	}
	if until.After(m.until) {
		m.until, m.reason = until, reason
	}
}

// Clear ends every cooldown of a credential and forgets its failures. It does not
// enable it.
func (p *Pool) Clear(id string) {
	p.with(id, func(e *entry, now time.Time) {
		p.leave(e)
		for h := range e.healths() {
			h.evidence = evidence{at: now}
			h.shut(now)
			h.unsaved = true
		}
		e.failures = nil
		p.join(e)
		p.save(e)
	})
}

// healths yields the whole credential's and then each model's.
func (e *entry) healths() func(yield func(*health) bool) {
	return func(yield func(*health) bool) {
		if !yield(&e.whole) {
			return
		}
		for _, h := range e.models {
			if !yield(h) {
				return
			}
		}
	}
}

// of returns what is known of e with m, or nil.
func (e *entry) of(m *model) *health {
	if m == nil {
		return nil
	}
	for _, h := range e.models {
		if h.model == m {
			return h
		}
	}
	return nil
}

// fail keeps the last failures, the latest last. One that is told by a result and
// by a cooldown, or by many requests at once, is one.
func (e *entry) fail(f Failure) {
	if n := len(e.failures); n > 0 && e.failures[n-1].Reason == f.Reason {
		last := &e.failures[n-1]
		last.At, last.Model = f.At, cmp.Or(f.Model, last.Model)
		return
	}
	if len(e.failures) >= keptFailures {
		e.failures = slices.Delete(e.failures, 0, len(e.failures)-keptFailures+1)
	}
	e.failures = append(e.failures, f)
}

// join counts e in, if it may serve. Whatever the counts depend on is changed
// between leave and join.
func (p *Pool) join(e *entry) {
	p.epoch++
	if e.gone || e.cred.Disabled != "" || !(e.cred.Weight > 0) {
		return
	}
	s := &p.sides[e.side()]
	e.at = len(s.members)
	s.members = append(s.members, e)
	p.count(e, +1)
}

// leave undoes join.
func (p *Pool) leave(e *entry) {
	if e.at < 0 {
		return
	}
	p.count(e, -1)
	s := &p.sides[e.side()]
	last := s.members[len(s.members)-1]
	s.members[e.at], last.at = last, e.at
	s.members[len(s.members)-1] = nil
	s.members = s.members[:len(s.members)-1]
	e.at = -1
}

func (p *Pool) count(e *entry, sign int) {
	s := &p.sides[e.side()]
	s.weight += float64(sign) * e.cred.Weight
	s.inFlight += sign * e.inFlight
	if e.whole.open() {
		s.cooling += sign
		return
	}
	for _, h := range e.models {
		if h.open() {
			h.model.cooling[e.side()] += sign
		}
	}
}

func (e *entry) side() int {
	if e.cred.Preview {
		return preview
	}
	return general
}

// rings brings the rings up to the members.
func (p *Pool) rings() {
	for i := range p.sides {
		s := &p.sides[i]
		s.ring = append(s.ring[:0], s.members...)
		slices.SortFunc(s.ring, func(a, b *entry) int { return cmp.Compare(a.hash, b.hash) })
		s.weight = 0 // summed up again: differences of floats drift
		for _, e := range s.ring {
			s.weight += e.cred.Weight
		}
	}
}

// model returns what is known of a model, and begins to know it. From time to
// time it forgets those that nobody has evidence of.
func (p *Pool) model(name string) *model {
	if m := p.models[name]; m != nil {
		return m
	}
	if now := p.cfg.Clock.Now(); len(p.models) >= p.crowd {
		for name, m := range p.models {
			if m.healths == 0 && !m.until.After(now) {
				delete(p.models, name)
			}
		}
		p.crowd = max(manyModels, 2*len(p.models))
	}
	m := &model{name: name}
	p.models[name] = m
	return m
}

// health returns what is known of e with a model, and begins to know it; it
// forgets what has become idle.
func (p *Pool) health(e *entry, name string, now time.Time) *health {
	m := p.model(name)
	if h := e.of(m); h != nil {
		return h
	}
	for i := len(e.models) - 1; i >= 0; i-- {
		if e.models[i].idle(now) {
			p.forget(e, i)
		}
	}
	if len(e.models) >= maxModels {
		p.forget(e, oldest(e.models))
	}
	h := &health{model: m}
	h.at = now
	m.healths++
	e.models = append(e.models, h)
	return h
}

// oldest is the index of what is the least loss: closed ones first, then those
// that end first.
func oldest(list []*health) int {
	i := 0
	for j, h := range list {
		if c := h.until.Compare(list[i].until); c < 0 || c == 0 && h.at.Before(list[i].at) {
			i = j
		}
	}
	return i
}

func (p *Pool) forget(e *entry, i int) {
	p.leave(e)
	e.models[i].model.healths--
	e.models = slices.Delete(e.models, i, i+1)
	p.join(e)
}

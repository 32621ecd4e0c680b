package credential

import (
	"cmp"
	"slices"
	"time"
)

// A Failure is something that went wrong with a credential.
type Failure struct {
	At     time.Time
	Model  string // "": whatever the model
	Reason string
}

// A Status is what the pool knows of one credential.
type Status struct {
	Credential
	InFlight int
	Score    float64 // as the scheduler sees it, without jitter: the highest of its models', else of the load alone
	Cooldown Cooldown
	Models   []ModelStatus // by name
	Failures []Failure     // the last ones, the latest last
	Counters Counters
}

// A Cooldown is how long nothing is asked, and why. Of none Until is zero.
type Cooldown struct {
	Until   time.Time // past: half-open
	Reason  string
	Probing bool // a probe is under way
}

// A ModelStatus is what is known of a credential with one model. Rates are those
// of the score.
type ModelStatus struct {
	Model     string
	Rate429   float64
	ErrorRate float64
	Latency   time.Duration // to the first token, recent mean; 0: not known
	Score     float64
	Cooldown  Cooldown
}

// Status tells of every credential, by ID.
func (p *Pool) Status() []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.cfg.Clock.Now()
	list := make([]Status, 0, len(p.entries))
	for _, e := range p.entries {
		list = append(list, e.status(now))
	}
	slices.SortFunc(list, func(a, b Status) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func (e *entry) status(now time.Time) Status {
	s := Status{
		Credential: *e.cred, InFlight: e.inFlight, Cooldown: e.whole.shown(),
		Failures: slices.Clone(e.failures), Counters: e.total,
	}
	if e.cred.Weight > 0 {
		s.Score = e.score(view{now: now})
	}
	for _, h := range e.models {
		m := e.modelStatus(h, now)
		s.Models = append(s.Models, m)
		s.Score = max(s.Score, m.Score)
	}
	slices.SortFunc(s.Models, func(a, b ModelStatus) int { return cmp.Compare(a.Model, b.Model) })
	return s
}

func (e *entry) modelStatus(h *health, now time.Time) ModelStatus {
	m := ModelStatus{Model: h.model.name, Cooldown: h.shown()}
	if e.cred.Weight > 0 {
		m.Score = e.score(view{model: h.model, now: now})
	}
	h.fade(now)
	m.Rate429, m.ErrorRate = h.limitedRate(), h.failedRate()
	if h.timed > 0 {
		m.Latency = time.Duration(h.latency / h.timed * float64(time.Second))
	}
	return m
}

func (c *cooldown) shown() Cooldown {
	return Cooldown{Until: c.until, Reason: c.reason, Probing: c.probe != nil}
}

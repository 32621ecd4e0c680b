package credential

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// saveTime bounds one Save, on the machine's clock: it is somebody's disk.
	saveTime = 10 * time.Second
	// maxPause bounds the time between attempts at a journal that fails.
	maxPause = 30 * time.Second
)

// Load takes over what the journal knows of the credentials that Set has given.
func (p *Pool) Load(ctx context.Context) error {
	if p.cfg.Journal == nil {
		return nil
	}
	states, err := p.cfg.Journal.Load(ctx)
	if err != nil {
		return fmt.Errorf("load the states of credentials: %w", err)
	}
	p.Merge(states)
	return nil
}

// Merge takes over what other replicas know, as Load gives it. Of two cooldowns
// the one that ends later counts; one that was cleared counts until a newer one;
// of two who disabled or enabled a credential, the later.
func (p *Pool) Merge(states []State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.cfg.Clock.Now()
	for _, s := range states {
		e := p.entries[s.ID]
		switch {
		case e == nil:
		case s.Model != "":
			p.mergeModel(e, s, now)
		default:
			p.mergeWhole(e, s, now)
		}
	}
	p.rings()
}

func (p *Pool) mergeWhole(e *entry, s State, now time.Time) {
	p.mergeCooldown(e, &e.whole, s, now)
	if s.DisabledAt.After(e.disabledAt) {
		p.setDisabled(e, s.Disabled, s.DisabledURL, s.DisabledAt)
	}
	if !p.saving { // else nobody knows whether the sums hold what is being saved
		e.total = s.Counters
		e.total.add(e.delta)
	}
}

// mergeModel knows nothing of models that need no state.
func (p *Pool) mergeModel(e *entry, s State, now time.Time) {
	h := e.of(p.models[s.Model])
	if h == nil {
		if !s.Until.After(now) {
			return
		}
		h = p.health(e, s.Model, now)
	}
	p.mergeCooldown(e, h, s, now)
}

func (p *Pool) mergeCooldown(e *entry, h *health, s State, now time.Time) {
	newer := s.Stamp.After(h.stamp)
	cleared := s.Until.IsZero() && newer && h.open()
	cools := s.Until.After(now) && s.Until.After(h.until) && (h.open() || newer)
	if !cleared && !cools {
		return
	}
	p.sequence++
	p.leave(e)
	if cleared {
		h.shut(s.Stamp)
	} else {
		h.cool(s.Until, now, s.Reason, p.sequence)
		h.length, h.stamp = s.Length, s.Stamp
	}
	p.join(e)
}

// save has the writer know that e has changed.
func (p *Pool) save(e *entry) {
	if p.cfg.Journal == nil || e.unsaved {
		return
	}
	e.unsaved = true
	p.unsaved = append(p.unsaved, e)
	select {
	case p.wake <- struct{}{}:
	default: // it has been told
	}
}

// start begins the writer, where there is a journal.
func (p *Pool) start() {
	if p.cfg.Journal == nil {
		close(p.done)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go p.write(ctx)
}

// Close saves what is unsaved and ends the writer.
func (p *Pool) Close(ctx context.Context) error {
	p.stop()
	select {
	case <-p.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if p.cfg.Journal == nil {
		return nil
	}
	return p.flush(ctx)
}

// write gathers changes for a while and saves them, until ctx ends. A journal
// that fails is asked less and less often.
func (p *Pool) write(ctx context.Context) {
	defer close(p.done)
	pause := p.cfg.Interval
	for {
		select {
		case <-p.wake:
		case <-ctx.Done():
			return
		}
		if p.cfg.Clock.Sleep(ctx, pause) != nil {
			return
		}
		err := p.patientFlush()
		if err == nil {
			pause = p.cfg.Interval
			continue
		}
		pause = min(max(2*pause, time.Second), maxPause)
		p.cfg.Log.Warn("states of credentials not saved; trying again", "cause", err, "in", pause)
	}
}

// patientFlush is not cut short by Close: of a Save that was, nobody would know
// whether its counters were added.
func (p *Pool) patientFlush() error {
	ctx, cancel := context.WithTimeout(context.Background(), saveTime)
	defer cancel()
	return p.flush(ctx)
}

func (p *Pool) flush(ctx context.Context) error {
	states := p.collect()
	if len(states) == 0 {
		return nil
	}
	err := p.cfg.Journal.Save(ctx, states)
	p.settled(states, err)
	if err != nil {
		return fmt.Errorf("save the states of credentials: %w", err)
	}
	return nil
}

// collect takes what is unsaved.
func (p *Pool) collect() []State {
	p.mu.Lock()
	defer p.mu.Unlock()
	var states []State
	for _, e := range p.unsaved {
		e.unsaved = false
		if e.gone {
			continue
		}
		s := e.whole.state(e.cred.ID)
		s.Disabled, s.DisabledURL, s.DisabledAt = e.cred.Disabled, e.cred.DisabledURL, e.disabledAt
		s.Counters, e.delta = e.delta, Counters{}
		e.whole.unsaved = false
		states = append(states, s)
		for _, h := range e.models {
			if h.unsaved {
				h.unsaved = false
				states = append(states, h.state(e.cred.ID))
			}
		}
	}
	clear(p.unsaved)
	p.unsaved = p.unsaved[:0]
	p.saving = len(states) > 0
	return states
}

func (h *health) state(id string) State {
	s := State{ID: id, Until: h.until, Length: h.length, Reason: h.reason, Stamp: h.stamp}
	if h.model != nil {
		s.Model = h.model.name
	}
	return s
}

// settled takes back what could not be saved.
func (p *Pool) settled(states []State, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saving = false
	if err == nil {
		return
	}
	for _, s := range states {
		e := p.entries[s.ID]
		if e == nil {
			continue
		}
		e.delta.add(s.Counters)
		if i := slices.IndexFunc(e.models, func(h *health) bool { return h.model.name == s.Model }); i >= 0 {
			e.models[i].unsaved = true
		}
		p.save(e)
	}
}

package telemetry

import "github.com/prometheus/client_golang/prometheus"

// maxClasses is how many classes of failure have a label of their own: more than
// there are, so that a class with something of a request in its name is found
// out by its label "other" and not by a full scraper.
const maxClasses = 40

// label returns the model's label. Only a success makes a model known, so that
// callers cannot fill the scraper with names they make up.
func (m *Metrics) label(r Request) string {
	return m.known(m.models, maxModels, r.Model, r.Outcome == OK && r.Model != "")
}

// class returns the label of an attempt's class.
func (m *Metrics) class(name string) string {
	if name == "" {
		return OK
	}
	return m.known(m.classes, maxClasses, name, true)
}

// known returns name if it is in set or may come into it, else the label that
// all others share.
func (m *Metrics) known(set map[string]bool, limit int, name string, may bool) string {
	m.mu.RLock()
	known, full := set[name], len(set) >= limit
	m.mu.RUnlock()
	switch {
	case known:
		return name
	case full || !may:
		return other
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(set) >= limit && !set[name] {
		return other
	}
	set[name] = true
	return name
}

// cached returns what set has for key, and makes it if there is none.
func cached[K comparable, V any](m *Metrics, set map[K]V, key K, make func(K) V) V {
	m.mu.RLock()
	v, ok := set[key]
	m.mu.RUnlock()
	if ok {
		return v
	}
	v = make(key)
	m.mu.Lock()
	defer m.mu.Unlock()
	set[key] = v // whoever made it: it stands for the same series
	return v
}

func (m *Metrics) count(e ending) prometheus.Counter {
	return cached(m, m.ended, e, func(e ending) prometheus.Counter {
		return m.requests.WithLabelValues(e.model, yes(e.stream), string(e.arm), e.outcome)
	})
}

func (m *Metrics) series(k kind) *timed {
	return cached(m, m.timed, k, func(k kind) *timed {
		stream, arm := yes(k.stream), string(k.arm)
		t := &timed{
			full: m.full.WithLabelValues(k.model, stream, arm), byteTime: m.byteTime.WithLabelValues(k.model, stream, arm),
			token: m.token.WithLabelValues(k.model, stream, arm), added: m.added.WithLabelValues(k.model, stream, arm),
			input:  m.tokens.WithLabelValues(k.model, stream, arm, "input"),
			cached: m.tokens.WithLabelValues(k.model, stream, arm, "cached"),
			output: m.tokens.WithLabelValues(k.model, stream, arm, "output"),
		}
		if k.stream { // a whole answer has no gaps
			t.gap = m.gap.WithLabelValues(k.model, stream, arm)
		}
		return t
	})
}

func (m *Metrics) trial(t trial) *tried {
	return cached(m, m.tried, t, func(t trial) *tried {
		class, arm := t.class, string(t.arm)
		s := &tried{attempts: m.attempts.WithLabelValues(class, arm)}
		if class != OK { // nothing is repeated that was answered
			s.retries, s.slept = m.retries.WithLabelValues(class, arm), m.slept.WithLabelValues(class, arm)
		}
		return s
	})
}

func (m *Metrics) others(arm Arm) *rest {
	return cached(m, m.rest, arm, func(arm Arm) *rest {
		of := func(vec *prometheus.CounterVec, what string) prometheus.Counter {
			return vec.WithLabelValues(what, string(arm))
		}
		return &rest{
			truncated: m.truncated.WithLabelValues(string(arm)),
			thoughts:  of(m.dropped, "thought"), calls: of(m.dropped, "call"),
			input: of(m.wasted, "input"), cached: of(m.wasted, "cached"), output: of(m.wasted, "output"),
		}
	})
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

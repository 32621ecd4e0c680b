package fakelimit

import (
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// A Limiter is what one arm's clients have used up. It is safe for concurrent use.
type Limiter struct {
	config Config
	clock  *clock.Scaled
	seed   uint64
	origin time.Time // of the waves and the days

	mu    sync.Mutex
	busy  map[string]int // generations by model
	peak  map[string]int // the most there were
	uses  map[use]*usage
	born  map[string]time.Time // a credential's first request
	state map[string]string    // of credentials, in place of the configuration's
}

// A use is one credential with one model.
type use struct{ name, model string }

type usage struct {
	running  int
	tokens   float64 // requests that may come at once
	filled   time.Time
	day      int64
	requests int // in the day
}

// New returns a limiter that nobody has used. The seed places the ebbs; arms that
// shall have the same need the same origin as well.
func New(config Config, seed uint64, c *clock.Scaled, origin time.Time) *Limiter {
	l := &Limiter{config: config, clock: c, seed: seed, origin: origin, busy: map[string]int{}}
	l.Reset()
	return l
}

// Reset forgets everything but what is running and the time: every credential is
// as before its first request.
func (l *Limiter) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	running := map[use]*usage{}
	for u, at := range l.uses {
		if at.running > 0 {
			running[u] = l.fresh(u.name, l.clock.Now())
			running[u].running = at.running
		}
	}
	l.uses = running
	l.peak, l.born, l.state = maps.Clone(l.busy), map[string]time.Time{}, map[string]string{}
}

// SetState gives a credential a state from now on, until Reset. It reports whether
// there is such a state.
func (l *Limiter) SetState(name, state string) bool {
	if !slices.Contains(states, state) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state[name] = state
	return true
}

// Admit returns why a credential is refused whatever it asks, nil if it is not.
func (l *Limiter) Admit(name string, bearer bool) *Refusal {
	if _, listed := l.config.Keys[name]; l.config.Keys != nil && !listed && !bearer {
		return invalidKey()
	}
	switch l.stateOf(name) {
	case Revoked:
		if bearer {
			return endedToken()
		}
		return invalidKey()
	case Expired:
		if bearer {
			return endedToken()
		}
		return expiredKey()
	case Banned:
		return banned()
	case Verification:
		return verification()
	case Disabled:
		return disabled()
	}
	return nil
}

func (l *Limiter) stateOf(name string) string {
	key := l.config.Keys[name]
	l.mu.Lock()
	defer l.mu.Unlock()
	if state, told := l.state[name]; told {
		return state
	}
	if key.State == "" {
		return ""
	}
	if _, ok := l.born[name]; !ok {
		l.born[name] = l.clock.Now()
	}
	if l.clock.Since(l.born[name]) < key.DiesAfter {
		return ""
	}
	return key.State
}

// Offers reports whether the credential has the model.
func (l *Limiter) Offers(name, model string) bool {
	return !slices.Contains(l.config.PreviewModels, model) || l.config.Keys[name].Preview
}

// Begin takes a place for one generation. Release gives it back; later calls of it
// do nothing. With a refusal there is nothing to release.
func (l *Limiter) Begin(name, model string) (release func(), refused *Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, limits, u := l.clock.Now(), l.config.limits(name), l.usage(name, model)
	u.advance(limits, now, l.origin)
	if refused := u.refuse(limits, model, now, l.origin); refused != nil {
		return nil, refused
	}
	if m := l.config.Models[model]; m.Slots > 0 && l.busy[model] >= l.slots(model, now) {
		return nil, exhausted(model, m.RefuseAfter)
	}
	u.tokens--
	u.requests++
	u.running++
	l.busy[model]++
	l.peak[model] = max(l.peak[model], l.busy[model])
	return sync.OnceFunc(func() { l.end(name, model) }), nil
}

func (l *Limiter) end(name, model string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.uses[use{name, model}].running--
	l.busy[model]--
}

func (l *Limiter) usage(name, model string) *usage {
	u, ok := l.uses[use{name, model}]
	if !ok {
		u = l.fresh(name, l.clock.Now())
		l.uses[use{name, model}] = u
	}
	return u
}

func (l *Limiter) fresh(name string, now time.Time) *usage {
	return &usage{tokens: float64(l.config.limits(name).Burst), filled: now}
}

// advance brings bucket and day up to now.
func (u *usage) advance(l Limits, now, origin time.Time) {
	u.tokens = min(float64(l.Burst), u.tokens+now.Sub(u.filled).Minutes()*l.RequestsPerMinute)
	u.filled = now
	if day := dayOf(l, now, origin); day != u.day {
		u.day, u.requests = day, 0
	}
}

func dayOf(l Limits, now, origin time.Time) int64 { return int64(now.Sub(origin) / l.Day) }

// rounding is by how much a sum of parts of a request may miss a whole one.
const rounding = 1e-9

// refuse returns which of the credential's own limits is reached.
func (u *usage) refuse(l Limits, model string, now, origin time.Time) *Refusal {
	switch {
	case l.PerDay > 0 && u.requests >= l.PerDay:
		end := origin.Add(time.Duration(dayOf(l, now, origin)+1) * l.Day)
		return daily(model, l.PerDay, end, end.Sub(now))
	case l.RequestsPerMinute > 0 && u.tokens < 1-rounding:
		wait := time.Duration((1 - u.tokens) / l.RequestsPerMinute * float64(time.Minute))
		return tooFast(model, l.RequestsPerMinute, wait, l.RetryInfo)
	case l.Concurrent > 0 && u.running >= l.Concurrent:
		return tooMany(model, l.Concurrent)
	}
	return nil
}

// slots returns how many places the model has now.
func (l *Limiter) slots(model string, now time.Time) int {
	m := l.config.Models[model]
	if m.Waves.Period == 0 {
		return m.Slots
	}
	period := now.Sub(l.origin) / m.Waves.Period
	within := float64(now.Sub(l.origin)%m.Waves.Period) / float64(m.Waves.Period)
	if begin := l.place(model, int64(period)) * (1 - m.Waves.Share); within >= begin && within < begin+m.Waves.Share {
		return m.Waves.Low
	}
	return m.Slots
}

// place draws where in a period the ebb lies, 0..1.
func (l *Limiter) place(model string, period int64) float64 {
	hash := fnv.New64a()
	hash.Write([]byte(model + "\x00" + strconv.FormatInt(period, 10)))
	return rand.New(rand.NewPCG(l.seed, hash.Sum64())).Float64()
}

// Stats is what is used now.
type Stats struct {
	Generating map[string]int `json:"generating"` // by model
	Peak       map[string]int `json:"peak"`       // the most at a time since the last reset
}

// Stats returns the counts.
func (l *Limiter) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{maps.Clone(l.busy), maps.Clone(l.peak)}
}

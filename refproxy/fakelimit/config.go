package fakelimit

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Config says what there is; the package documentation explains each key. The
// zero value limits nothing and knows every credential.
type Config struct {
	Models        map[string]Model `yaml:"models"`
	Each          Limits           `yaml:"each"`
	PreviewModels []string         `yaml:"preview_models"`
	Keys          map[string]Key   `yaml:"keys"` // by name, which is the value
}

// Model is what a model can take over all credentials.
type Model struct {
	Slots       int           `yaml:"slots"` // generations at a time; 0: no limit
	RefuseAfter time.Duration `yaml:"refuse_after"`
	Waves       Waves         `yaml:"waves"`
}

// Waves are ebbs of a model's capacity.
type Waves struct {
	Period time.Duration `yaml:"period"` // 0: there are none
	Low    int           `yaml:"low"`    // slots in the ebb
	Share  float64       `yaml:"share"`  // of the period, 0..1
}

// Limits is what one credential may do with one model; 0 sets no limit.
type Limits struct {
	RequestsPerMinute float64       `yaml:"requests_per_minute"`
	Burst             int           `yaml:"burst"` // 0: a minute's requests
	RetryInfo         bool          `yaml:"retry_info"`
	PerDay            int           `yaml:"per_day"`
	Day               time.Duration `yaml:"day"` // 0: 24 h
	Concurrent        int           `yaml:"concurrent"`
}

// Key is one credential.
type Key struct {
	Limits    `yaml:",inline"` // what is not 0 stands in place of what each has
	Preview   bool             `yaml:"preview"`
	State     string           `yaml:"state"`      // empty: good
	DiesAfter time.Duration    `yaml:"dies_after"` // from its first request until it has the state
}

// The states of a credential; empty is good.
const (
	Revoked      = "revoked"
	Expired      = "expired"
	Banned       = "banned"
	Verification = "verification"
	Disabled     = "disabled"
)

var states = []string{"", Revoked, Expired, Banned, Verification, Disabled}

// Validate reports every value out of range, one per line. The models are those
// that are offered.
func (c Config) Validate(offered []string) error {
	problems := []error{c.Each.validate("each")}
	for _, name := range slices.Sorted(maps.Keys(c.Models)) {
		problems = append(problems, known("models", name, offered), c.Models[name].validate("models."+name))
	}
	for _, name := range c.PreviewModels {
		problems = append(problems, known("preview_models", name, offered))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Keys)) {
		problems = append(problems, c.Keys[name].validate("keys."+name))
	}
	return errors.Join(problems...)
}

func known(where, model string, offered []string) error {
	return check(slices.Contains(offered, model), fmt.Sprintf("capacity.%s: %q is not among the scenario's models", where, model))
}

func (m Model) validate(at string) error {
	at = "capacity." + at
	return errors.Join(
		check(m.Slots >= 0, at+".slots must not be negative"),
		check(m.Slots > 0 || m.RefuseAfter == 0 && m.Waves == Waves{}, at+".slots must be above 0 where there is refuse_after or waves"),
		check(m.RefuseAfter >= 0, at+".refuse_after must not be negative"),
		check(m.Waves.Period >= 0, at+".waves.period must not be negative"),
		check(m.Waves.Period > 0 || m.Waves == Waves{}, at+".waves.period must be above 0"),
		check(m.Waves.Low >= 0 && m.Waves.Low <= m.Slots, at+".waves.low must be 0 to slots"),
		check(m.Waves.Share >= 0 && m.Waves.Share <= 1, at+".waves.share must be 0 to 1"),
	)
}

func (l Limits) validate(at string) error {
	at = "capacity." + at
	return errors.Join(
		check(l.RequestsPerMinute >= 0 && l.RequestsPerMinute <= 1e6, at+".requests_per_minute must be 0 to 1000000"),
		check(l.Burst >= 0, at+".burst must not be negative"),
		check(l.PerDay >= 0, at+".per_day must not be negative"),
		check(l.Day >= 0, at+".day must not be negative"),
		check(l.Concurrent >= 0, at+".concurrent must not be negative"),
	)
}

func (k Key) validate(at string) error {
	return errors.Join(
		k.Limits.validate(at),
		check(slices.Contains(states, k.State), fmt.Sprintf("capacity.%s.state: %q is none of %s", at, k.State, strings.Join(states[1:], ", "))),
		check(k.DiesAfter >= 0, "capacity."+at+".dies_after must not be negative"),
		check(k.DiesAfter == 0 || k.State != "", "capacity."+at+".state must say what it has after dies_after"),
	)
}

func check(ok bool, problem string) error {
	if ok {
		return nil
	}
	return errors.New(problem)
}

// limits returns what a credential may do with one model.
func (c Config) limits(name string) Limits {
	l, own := c.Each, c.Keys[name].Limits
	if own.RequestsPerMinute > 0 {
		l.RequestsPerMinute, l.Burst = own.RequestsPerMinute, own.Burst
	}
	if own.Burst > 0 {
		l.Burst = own.Burst
	}
	l.RetryInfo = l.RetryInfo || own.RetryInfo
	if own.PerDay > 0 {
		l.PerDay = own.PerDay
	}
	if own.Day > 0 {
		l.Day = own.Day
	}
	if own.Concurrent > 0 {
		l.Concurrent = own.Concurrent
	}
	return l.withDefaults()
}

func (l Limits) withDefaults() Limits {
	if l.Burst == 0 {
		l.Burst = max(1, int(l.RequestsPerMinute))
	}
	if l.Day == 0 {
		l.Day = 24 * time.Hour
	}
	return l
}

// Package budget keeps a run within what it may use of an endpoint that somebody
// pays for: requests, tokens, money.
//
// Before anything is sent the most that a run asks for is held against the limits,
// and a run that might go beyond one is refused. While it goes, what the answers say
// that they used is added up, and the run ends where a limit is reached: an estimate
// can be wrong, and then at most the requests in flight go beyond it.
package budget

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/firstbyte-dev/firstbyte/bench/load"
)

// Limits are what a run may use; 0 is no limit.
type Limits struct {
	Requests int
	Tokens   int     // in and out together
	Dollars  float64 // by the Price
}

// Any tells whether there is a limit.
func (l Limits) Any() bool { return l != Limits{} }

// A Price is in US dollars per million tokens.
type Price struct {
	Input  float64 `json:"input"`
	Output float64 `json:"output"`
}

// of returns what so many tokens cost.
func (p Price) of(d load.Demand) float64 {
	return (float64(d.Input)*p.Input + float64(d.Output)*p.Output) / 1e6
}

// ReadPrice finds the price of a model in a JSON object of prices by model.
func ReadPrice(path, model string) (Price, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Price{}, err
	}
	var table map[string]Price
	if err := json.Unmarshal(data, &table); err != nil {
		return Price{}, fmt.Errorf(`%s: not a table of prices such as {"MODEL": {"input": 3, "output": 15}}: %w`, path, err)
	}
	price, known := table[model]
	if !known {
		var names []string
		for name := range table {
			names = append(names, name)
		}
		slices.Sort(names)
		return Price{}, fmt.Errorf("%s: no price of %q: it has %s", path, model, strings.Join(names, ", "))
	}
	return price, price.Validate()
}

// Validate reports a price that is none.
func (p Price) Validate() error {
	for _, v := range []float64{p.Input, p.Output} {
		if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
			return fmt.Errorf("a price of %v for a million tokens: it must be 0 or more", v)
		}
	}
	return nil
}

// Validate reports limits that are none, and one of money without a price.
func (l Limits) Validate(p Price) error {
	switch {
	case l.Requests < 0 || l.Tokens < 0 || l.Dollars < 0 || math.IsNaN(l.Dollars) || math.IsInf(l.Dollars, 0):
		return errors.New("--max-requests, --max-tokens and --max-spend must be above 0")
	case l.Dollars > 0 && p == Price{}:
		return errors.New("--max-spend: say what a million tokens cost with --price-input and --price-output, or --prices")
	}
	return p.Validate()
}

// Estimate says in a line what a run may come to.
func Estimate(d load.Demand, p Price) string {
	line := fmt.Sprintf("at most %d requests, about %d tokens in and up to %d out", d.Requests, d.Input, d.Output)
	if p != (Price{}) {
		line += fmt.Sprintf(", up to $%.2f", p.of(d))
	}
	return line
}

// Refuse says why a run that asks for d might go beyond a limit, and how many
// requests would not; nil where it stays within all.
func (l Limits) Refuse(d load.Demand, p Price) error {
	if flag, has, may, over := l.over(d, p); over {
		return fmt.Errorf("%s %s: the run may come to %s (%s); nothing was sent: send about %d requests in all, warm-up included, or raise it",
			flag, figure(has), figure(may), Estimate(d, p), int(float64(d.Requests)*has/may))
	}
	return nil
}

// over finds the first limit that d is beyond.
func (l Limits) over(d load.Demand, p Price) (flag string, has, may float64, over bool) {
	for _, limit := range []struct {
		flag     string
		has, may float64
	}{
		{"--max-requests", float64(l.Requests), float64(d.Requests)},
		{"--max-tokens", float64(l.Tokens), float64(d.Input + d.Output)},
		{"--max-spend", l.Dollars, p.of(d)},
	} {
		if limit.has > 0 && limit.may > limit.has {
			return limit.flag, limit.has, limit.may, true
		}
	}
	return "", 0, 0, false
}

// figure prints a count as it is, and dollars with as many digits as tell them.
func figure(v float64) string {
	if v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// A Meter adds up what a run uses. It is safe for concurrent use.
type Meter struct {
	limits  Limits
	price   Price
	planned int

	mu   sync.Mutex
	used load.Demand
}

// NewMeter returns a meter for a run of so many requests.
func NewMeter(l Limits, p Price, planned int) *Meter {
	return &Meter{limits: l, price: p, planned: planned}
}

// Ended takes in a request that has ended. The error says that a limit is reached
// and the run has more to send, or that one was passed.
func (m *Meter) Ended(e load.Ended) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used.Requests++
	m.used.Input += e.Usage.Input + e.Asked.Input
	m.used.Output += e.Usage.Output + e.Asked.Output
	more := m.used.Requests < m.planned
	switch n := m.used.Input + m.used.Output; {
	case m.limits.Tokens > 0 && (n > m.limits.Tokens || more && n == m.limits.Tokens):
		return fmt.Errorf("reached --max-tokens %d (%d used)", m.limits.Tokens, n)
	case m.limits.Requests > 0 && (m.used.Requests > m.limits.Requests || more && m.used.Requests == m.limits.Requests):
		return fmt.Errorf("reached --max-requests %d", m.limits.Requests)
	}
	if cost := m.price.of(m.used); m.limits.Dollars > 0 && (cost > m.limits.Dollars || more && cost == m.limits.Dollars) {
		return fmt.Errorf("reached --max-spend %.2f ($%.4f used)", m.limits.Dollars, cost)
	}
	return nil
}

// Next refuses a part of a run of unknown length that might go beyond a limit
// together with what was used before it.
func (m *Meter) Next(d load.Demand) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := load.Demand{Requests: m.used.Requests + d.Requests, Input: m.used.Input + d.Input, Output: m.used.Output + d.Output}
	if flag, has, may, over := m.limits.over(all, m.price); over {
		return fmt.Errorf("%s %s leaves no room for %d more requests, with which it may come to %s", flag, figure(has), d.Requests, figure(may))
	}
	return nil
}

// Used says in a line what was used.
func (m *Meter) Used() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	line := fmt.Sprintf("used %d requests, %d tokens in and %d out", m.used.Requests, m.used.Input, m.used.Output)
	if m.price != (Price{}) {
		line += fmt.Sprintf(", $%.4f", m.price.of(m.used))
	}
	return line
}

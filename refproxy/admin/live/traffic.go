package live

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// Config sizes a Traffic. The zero value is sensible.
type Config struct {
	// Clock is the proxy's; nil is the machine's.
	Clock *clock.Scaled
	// Slot is how long one point of the history is, Slots how many are kept:
	// 5 s and 60 by default.
	Slot  time.Duration
	Slots int
	// Window is how many slots the figures cover, Split how many the split: 12
	// and 3 by default.
	Window, Split int
	// Recent is how many requests are kept; 500 by default.
	Recent int
}

// Bounds on what callers of Ended could make grow.
const (
	maxFlags    = 16
	maxOutcomes = 32
	maxAttempts = 64
	maxText     = 4 << 10
)

// Traffic keeps the figures of the last minutes and the most recent requests. It
// is safe for concurrent use.
type Traffic struct {
	cfg  Config
	born time.Time

	mu       sync.Mutex
	inFlight int
	slots    []slot
	recent   []Request // a ring
	next     int       // where the next one goes
}

// A slot holds the requests that ended in one span of time.
type slot struct {
	number int64 // of spans since born
	all    counts
	arms   map[arm]*counts
	errors map[string]int
}

type arm struct {
	flag string
	on   bool
}

type counts struct {
	requests, failed, left int
	firstByte, firstToken  histogram
}

// NewTraffic returns a Traffic without any.
func NewTraffic(cfg Config) *Traffic {
	cfg.Slot = cmp.Or(cfg.Slot, 5*time.Second)
	cfg.Slots = cmp.Or(cfg.Slots, 60)
	cfg.Window = min(cmp.Or(cfg.Window, 12), cfg.Slots)
	cfg.Split = min(cmp.Or(cfg.Split, 3), cfg.Slots)
	cfg.Recent = cmp.Or(cfg.Recent, 500)
	t := &Traffic{cfg: cfg, born: cfg.Clock.Now(), slots: make([]slot, cfg.Slots)}
	for i := range t.slots {
		t.slots[i].number = -1
	}
	return t
}

// Began is told that a request has come. Every Began is followed by one Ended.
func (t *Traffic) Began() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight++
}

// Ended is told what became of it. It keeps r and what r refers to.
func (t *Traffic) Ended(r Request) {
	r.Attempts = r.Attempts[:min(len(r.Attempts), maxAttempts)]
	r.ID, r.Path, r.Model, r.Message = short(r.ID), short(r.Path), short(r.Model), short(r.Message)
	number := t.number(t.cfg.Clock.Now())
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight--
	t.keep(r)
	s := t.at(number)
	s.all.add(r)
	if r.Outcome != OK && (len(s.errors) < maxOutcomes || s.errors[r.Outcome] > 0) {
		s.errors[r.Outcome]++
	}
	for flag, a := range r.Assigned {
		if c := s.arm(arm{flag, a.On}); c != nil {
			c.add(r)
		}
	}
}

func (t *Traffic) number(at time.Time) int64 { return int64(at.Sub(t.born) / t.cfg.Slot) }

// at returns the slot of a number, emptied if it held an older one.
func (t *Traffic) at(number int64) *slot {
	s := &t.slots[number%int64(len(t.slots))]
	if s.number < number {
		*s = slot{number: number, arms: map[arm]*counts{}, errors: map[string]int{}}
	}
	return s
}

// arm returns the counts of a, or nil if there are too many arms.
func (s *slot) arm(a arm) *counts {
	c := s.arms[a]
	if c == nil && len(s.arms) < 2*maxFlags {
		c = new(counts)
		s.arms[a] = c
	}
	return c
}

func (t *Traffic) keep(r Request) {
	if len(t.recent) < t.cfg.Recent {
		t.recent = append(t.recent, r)
	} else {
		t.recent[t.next] = r
	}
	t.next = (t.next + 1) % t.cfg.Recent
}

func (c *counts) add(r Request) {
	c.requests++
	switch r.Outcome {
	case Left:
		c.left++
		return
	case OK:
	default:
		c.failed++
		c.firstByte.add(Never)
		c.firstToken.add(Never)
		return
	}
	if r.FirstByte > 0 {
		c.firstByte.add(r.FirstByte)
	}
	if r.FirstToken > 0 {
		c.firstToken.add(r.FirstToken)
	}
}

func (c *counts) merge(o *counts) {
	c.requests, c.failed, c.left = c.requests+o.requests, c.failed+o.failed, c.left+o.left
	c.firstByte.merge(&o.firstByte)
	c.firstToken.merge(&o.firstToken)
}

func (c *counts) arm(span time.Duration) Arm {
	a := Arm{
		Requests: c.requests, Failed: c.failed, Left: c.left,
		FirstByte: c.firstByte.latency(), FirstToken: c.firstToken.latency(),
	}
	if span > 0 {
		a.PerSecond = float64(c.requests) / span.Seconds()
	}
	return a
}

// Recent returns the requests that ended last, the newest first, at most limit.
func (t *Traffic) Recent(limit int) []Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []Request
	for i := range min(limit, len(t.recent)) {
		found = append(found, t.recent[(t.next-1-i+len(t.recent))%len(t.recent)])
	}
	return found
}

// Request returns the request of an ID, if it is still kept.
func (t *Traffic) Request(id string) (Request, bool) {
	for _, r := range t.Recent(t.cfg.Recent) {
		if r.ID == id {
			return r, true
		}
	}
	return Request{}, false
}

// Figures returns what the last minutes looked like.
func (t *Traffic) Figures() Figures {
	now := t.cfg.Clock.Now()
	current := t.number(now)
	t.mu.Lock()
	defer t.mu.Unlock()
	f := Figures{At: now, InFlight: t.inFlight, Window: t.covered(now, t.cfg.Window)}
	w := newWindow()
	for number := max(0, current-int64(len(t.slots))+1); number <= current; number++ {
		s := &t.slots[number%int64(len(t.slots))]
		f.History = append(f.History, t.point(s, number, now))
		if s.number == number && number > current-int64(t.cfg.Window) {
			w.add(s, number > current-int64(t.cfg.Split))
		}
	}
	w.into(&f)
	return f
}

// covered returns how much time the last n slots have covered so far.
func (t *Traffic) covered(now time.Time, n int) time.Duration {
	begin := t.born.Add(time.Duration(max(0, t.number(now)-int64(n)+1)) * t.cfg.Slot)
	return now.Sub(begin)
}

func (t *Traffic) point(s *slot, number int64, now time.Time) Point {
	begin := t.born.Add(time.Duration(number) * t.cfg.Slot)
	p := Point{At: begin, Span: min(t.cfg.Slot, now.Sub(begin))}
	if s.number != number {
		return p
	}
	p.Requests, p.Failed = s.all.requests, s.all.failed
	p.FirstByte, p.FirstToken = s.all.firstByte.latency(), s.all.firstToken.latency()
	p.Splits = map[string]Split{}
	for a, c := range s.arms {
		p.Splits[a.flag] = p.Splits[a.flag].plus(a, c)
	}
	return p
}

func (s Split) plus(a arm, c *counts) Split {
	if a.on {
		s.On += c.requests
	} else {
		s.Off += c.requests
	}
	return s
}

// A window adds up slots.
type window struct {
	all    counts
	arms   map[arm]*counts
	errors map[string]int
	splits map[string]Split
}

func newWindow() window {
	return window{arms: map[arm]*counts{}, errors: map[string]int{}, splits: map[string]Split{}}
}

func (w *window) add(s *slot, split bool) {
	w.all.merge(&s.all)
	for outcome, n := range s.errors {
		w.errors[outcome] += n
	}
	for a, c := range s.arms {
		if w.arms[a] == nil {
			w.arms[a] = new(counts)
		}
		w.arms[a].merge(c)
		if split {
			w.splits[a.flag] = w.splits[a.flag].plus(a, c)
		}
	}
}

func (w *window) into(f *Figures) {
	f.All = w.all.arm(f.Window)
	for outcome, n := range w.errors {
		f.Errors = append(f.Errors, Count{outcome, n})
	}
	slices.SortFunc(f.Errors, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Outcome, b.Outcome))
	})
	names := map[string]bool{}
	for a := range w.arms {
		names[a.flag] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f.Flags = append(f.Flags, Flag{name, w.of(arm{name, false}, f), w.of(arm{name, true}, f), w.splits[name]})
	}
}

func (w *window) of(a arm, f *Figures) Arm {
	c := w.arms[a]
	if c == nil {
		return Arm{}
	}
	return c.arm(f.Window)
}

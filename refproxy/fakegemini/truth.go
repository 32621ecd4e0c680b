package fakegemini

import "sync"

// A Record is the ground truth of one request that was accepted. Instants are
// of clock.Now, each taken immediately before the Write call.
type Record struct {
	Item    string  `json:"item"`
	Occ     int     `json:"occ"`
	Attempt int     `json:"attempt"` // how often the arm had seen this nonce before
	Nonce   string  `json:"nonce,omitempty"`
	Arm     string  `json:"arm"`
	Arrival int64   `json:"arrival_ns"`
	Due     []int64 `json:"due_ns"`    // when each chunk of the answer was to be written
	Writes  []int64 `json:"writes_ns"` // when each chunk was written; none for an error
	Status  int     `json:"status"`    // HTTP; 0 if no head was sent
	Outcome string  `json:"outcome"`   // ok, client_gone, scripted_fault, a limit's or the fault's name

	LastChunk int    `json:"last_chunk"`            // number of the last chunk written, from 1; 0: none
	TextHash  string `json:"text_sha256,omitempty"` // of the text written, without thoughts; empty: none
}

const (
	outcomeOK       = "ok"
	outcomeGone     = "client_gone"
	outcomeScripted = "scripted_fault"
)

// A ring keeps the newest of what is added. Safe for concurrent use.
type ring[T any] struct {
	limit int

	mu      sync.Mutex
	records []T // in order from oldest, wrapping around
	oldest  int
	dropped int64
}

func (r *ring[T]) add(record T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.records) < r.limit {
		r.records = append(r.records, record)
		return
	}
	r.records[r.oldest] = record
	r.oldest = (r.oldest + 1) % r.limit
	r.dropped++
}

func (r *ring[T]) list() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ordered()
}

func (r *ring[T]) drain() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.ordered()
	r.records, r.oldest = nil, 0
	return all
}

func (r *ring[T]) ordered() []T {
	all := make([]T, 0, len(r.records))
	return append(append(all, r.records[r.oldest:]...), r.records[:r.oldest]...)
}

func (r *ring[T]) size() (kept int, dropped int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.records), r.dropped
}

// A tally counts how often each key came, for the newest keys. Safe for
// concurrent use.
type tally struct {
	limit int

	mu     sync.Mutex
	counts map[string]int
	keys   []string // in order of arrival, wrapping around
	oldest int
}

func newTally(limit int) *tally { return &tally{limit: limit, counts: map[string]int{}} }

// next returns how often the key had come before.
func (t *tally) next(key string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, known := t.counts[key]
	if !known {
		t.remember(key)
	}
	t.counts[key] = before + 1
	return before
}

func (t *tally) remember(key string) {
	if len(t.keys) < t.limit {
		t.keys = append(t.keys, key)
		return
	}
	delete(t.counts, t.keys[t.oldest])
	t.keys[t.oldest] = key
	t.oldest = (t.oldest + 1) % t.limit
}

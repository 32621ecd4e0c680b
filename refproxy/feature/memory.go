package feature

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// A Memory is a Backend that ends with the program. It is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	state   State
	entries []Entry       // oldest first
	changed chan struct{} // closed at the next change
}

var _ Backend = (*Memory)(nil)

// NewMemory returns a backend in which nothing was ever changed.
func NewMemory() *Memory {
	return &Memory{state: State{Settings: map[string]Setting{}}, changed: make(chan struct{})}
}

// Load returns a copy of the state.
func (m *Memory) Load(context.Context) (State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return State{m.state.Generation, maps.Clone(m.state.Settings)}, nil
}

// Save keeps the change and its entry.
func (m *Memory) Save(_ context.Context, e Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state.Generation+1 != e.Generation {
		return ErrStale
	}
	m.state.Generation, m.state.Settings[e.Flag] = e.Generation, e.To
	m.entries = append(m.entries, e)
	close(m.changed)
	m.changed = make(chan struct{})
	return nil
}

// Log returns the newest entries.
func (m *Memory) Log(_ context.Context, limit int) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	newest := slices.Clone(m.entries[max(0, len(m.entries)-limit):])
	slices.Reverse(newest)
	return newest, nil
}

// Watch calls changed after each change, or once for several.
func (m *Memory) Watch(ctx context.Context, changed func()) error {
	for {
		m.mu.Lock()
		next := m.changed
		m.mu.Unlock()
		changed() // of what came between
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next:
		}
	}
}

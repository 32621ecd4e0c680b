package store

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Watch calls changed for each kind of rows once at the start, and then after
// changes of it, by whomever: at once for those of this process and, with
// PostgreSQL, of others; else within the interval of 200 ms (SQLite) or 500 ms.
// Several changes may become one call. When the database ceases to answer each kind
// is called once, so that whoever reads then learns of it, and nothing until it
// answers again; then nothing was missed. It returns when ctx ends.
func (s *Store) Watch(ctx context.Context, changed func(Kind)) error {
	look := make(chan struct{}, 1)
	s.watch(look, true)
	defer s.watch(look, false)
	var listening sync.WaitGroup
	defer listening.Wait()
	if s.engine.listen != nil {
		listening.Go(func() { s.engine.listen(ctx, func() { tell(look) }) })
	}
	ticker := time.NewTicker(s.engine.interval)
	defer ticker.Stop()
	seen, lost := map[Kind]int64{}, false
	for {
		all, err := s.counts(ctx)
		for _, c := range all {
			if before, ok := seen[c.kind]; !ok || before != c.n {
				seen[c.kind] = c.n
				changed(c.kind)
			}
		}
		if err != nil && !lost && ctx.Err() == nil {
			for _, kind := range slices.Sorted(maps.Keys(seen)) {
				changed(kind)
			}
		}
		lost = err != nil
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		case <-look:
		}
	}
}

// A count is how often a kind of rows was changed.
type count struct {
	kind Kind
	n    int64
}

// lookTime bounds one look, so that one at a connection that has gone silent does
// not keep the next from looking by another.
const lookTime = 2 * time.Second

func (s *Store) counts(ctx context.Context) ([]count, error) {
	ctx, cancel := s.within(ctx, lookTime)
	defer cancel()
	return query(ctx, s, func(row func(...any) error) (c count, err error) {
		return c, row(&c.kind, &c.n)
	}, `SELECT kind, n FROM changes ORDER BY kind`)
}

// watch has the channel told of every change by this process, or no longer.
func (s *Store) watch(look chan<- struct{}, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on {
		s.watchers[look] = true
		return
	}
	delete(s.watchers, look)
}

// wake tells all who watch in this process.
func (s *Store) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for look := range s.watchers {
		tell(look)
	}
}

// tell leaves word, unless word is waiting already.
func tell(look chan<- struct{}) {
	select {
	case look <- struct{}{}:
	default:
	}
}

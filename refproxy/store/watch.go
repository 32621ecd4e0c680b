package store

import (
	"context"
	"sync"
	"time"
)

// Watch calls changed for each kind of rows once at the start, and then after
// changes of it, by whomever: at once for those of this process and, with
// PostgreSQL, of others; else within the interval of 200 ms (SQLite) or 500 ms.
// Several changes may become one call. While the database does not answer nothing
// is called; once it answers again nothing was missed. It returns when ctx ends.
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
	seen := map[Kind]int64{}
	for {
		for _, c := range s.counts(ctx) {
			if before, ok := seen[c.kind]; !ok || before != c.n {
				seen[c.kind] = c.n
				changed(c.kind)
			}
		}
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

// counts returns nothing where the database does not answer.
func (s *Store) counts(ctx context.Context) []count {
	all, err := query(ctx, s, func(row func(...any) error) (c count, err error) {
		return c, row(&c.kind, &c.n)
	}, `SELECT kind, n FROM changes ORDER BY kind`)
	if err != nil {
		return nil
	}
	return all
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

// Package store keeps what outlives the proxy: settings of flags with their
// audit log, credentials with sealed secrets, states of credentials, and the
// panel's accounts. One proxy keeps it in an SQLite file; replicas share a
// PostgreSQL.
//
// It serves interfaces that others declare, with rows of its own, and imports
// none of them: refproxy/server turns one into the other.
//
// # Writes
//
// A write is one transaction, and when it returns without an error it is on disk.
// With an error it may have been made or not (the connection may have been lost
// while it was confirmed), so the caller reads back. Its first statement counts up
// its kind of rows in the table changes. Writers of one kind thereby go one at a
// time on both databases: none decides on what another is changing, and none can
// deadlock with another.
//
// # Changes by others
//
// [Store.Watch] looks at the same counters: at intervals, and at once where it is
// told to look, by this process or by PostgreSQL's NOTIFY. A notice that is lost
// thereby costs half a second and nothing else. SQLite's data_version would tell
// no more than the counters do, and would need a connection of its own.
//
// # Secrets
//
// Secrets are sealed with AES-256-GCM under a key from outside the store; kind and
// id of the row are authenticated, so that a secret cannot be moved to another row.
// The row seal names the key in force. Whoever has another key writes nothing.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrStale is the error for a change that expects another generation.
	ErrStale = errors.New("another generation is stored")
	// ErrNotFound is the error for changing a row that is not there.
	ErrNotFound = errors.New("not in the store")
	// ErrKey is the error for a key that does not open the store's secrets.
	ErrKey = errors.New("wrong key")
	// ErrNoKey is the error for secrets without a key.
	ErrNoKey = errors.New("the store has no key to seal secrets with: give one of 32 bytes, in base64 or hex")
	// ErrNewer is the error for a store of a later version of the program.
	ErrNewer = errors.New("the store was made by a newer firstbyte")
)

// A Kind of rows is what a change is told of.
type Kind string

// The kinds of rows.
const (
	Accounts    Kind = "accounts"
	Credentials Kind = "credentials"
	Flags       Kind = "flags"
	States      Kind = "states"
)

// A Store is one database. It is safe for concurrent use.
type Store struct {
	read, write *sql.DB
	engine      engine
	key         atomic.Pointer[Key]

	mu       sync.Mutex
	watchers map[chan<- struct{}]bool
}

// An engine is what the two databases do differently.
type engine struct {
	name string // which one and where, for people
	// interval is between two looks at the counters.
	interval time.Duration
	// patience bounds the wait for an answer: a connection that has gone silent, as
	// when a firewall has forgotten it, is given up, and the next gets another. 0 is
	// for a database without connections.
	patience time.Duration
	// lock keeps other migrations out until its transaction ends.
	lock string
	// notify tells other processes of a change of a kind; empty where they cannot
	// be told.
	notify string
	// listen calls heard for every notice of others until ctx ends.
	listen func(ctx context.Context, heard func())
	// close ends what the two pools do not.
	close func()
}

// Open opens the store at url, which is sqlite:PATH or postgres://..., and brings
// its tables up to date. The SQLite file is made if it is not there, for its owner
// alone. key seals secrets; without one (nil) everything else works.
func Open(ctx context.Context, url string, key *Key) (*Store, error) {
	var s *Store
	var err error
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "sqlite":
		s, err = openSQLite(rest)
	case "postgres", "postgresql":
		s, err = openPostgres(ctx, url)
	default: // not the URL itself, which may hold a password
		err = errors.New("a store is sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")
	}
	if err != nil {
		return nil, err
	}
	s.watchers = map[chan<- struct{}]bool{}
	s.key.Store(key)
	if err = s.migrate(ctx); err == nil {
		err = s.checkKey(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the store %s: %w", s.engine.name, err), s.Close())
	}
	return s, nil
}

// Close ends all connections. No call may be under way.
func (s *Store) Close() error {
	err := errors.Join(s.read.Close(), s.write.Close())
	if s.engine.close != nil {
		s.engine.close()
	}
	return err
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return s.read.QueryRowContext(ctx, `SELECT 1`).Scan(&one)
}

// within bounds a transaction or a query, at most by limit where that is not 0.
func (s *Store) within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if s.engine.patience == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, cmp.Or(limit, s.engine.patience))
}

// change runs do in one transaction that changes rows of the given kinds.
func (s *Store) change(ctx context.Context, do func(context.Context, *sql.Tx) error, kinds ...Kind) error {
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to write: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	slices.Sort(kinds)                   // all writers lock in one order
	for _, kind := range kinds {
		if _, err := tx.ExecContext(ctx, `UPDATE changes SET n = n + 1 WHERE kind = $1`, kind); err != nil {
			return fmt.Errorf("wait to write: %w", err)
		}
	}
	if err := do(ctx, tx); err != nil {
		return err
	}
	if s.engine.notify != "" {
		if _, err := tx.ExecContext(ctx, s.engine.notify); err != nil {
			return fmt.Errorf("tell of the change: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	s.wake()
	return nil
}

// changed makes an error of a statement that has changed no row.
func changed(result sql.Result, err error, none error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		return none
	}
	return err
}

// query returns what scan makes of every row.
func query[T any](ctx context.Context, s *Store, scan func(row func(...any) error) (T, error), text string, args ...any) (all []T, err error) {
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	rows, err := s.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// nanos is how a time is stored; 0 is none.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

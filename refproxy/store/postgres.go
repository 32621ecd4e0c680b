package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// channel is where replicas tell each other to look.
	channel = "firstbyte_store"
	// migrationLock is any number that others do not lock by.
	migrationLock = 0x66627374 // "fbst"
	// connectTime bounds the wait for a server that does not answer.
	connectTime = 10 * time.Second
	// pingTime is after how long a connection that does not answer counts as lost.
	pingTime = time.Second
	// listenAgain is between two attempts to listen.
	listenAgain = 250 * time.Millisecond
)

func openPostgres(ctx context.Context, url string) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil { // the error repeats parts of the URL, which may hold a password
		return nil, errors.New("the store's URL cannot be read: want postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters as %XX")
	}
	for name, value := range map[string]string{
		"application_name": "firstbyte",
		// A writer that waited sees what the one before it did.
		"default_transaction_isolation": "read committed",
		// A replica that vanished in the middle of a write lets the others go on.
		"idle_in_transaction_session_timeout": "10s",
	} {
		if _, given := cfg.ConnConfig.RuntimeParams[name]; !given {
			cfg.ConnConfig.RuntimeParams[name] = value
		}
	}
	// A connection that was lost while nobody used it is seen before it is given
	// out. That takes one way to the server and back, off the path of requests.
	cfg.PingTimeout = pingTime
	cfg.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return true }
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("the store: %w", err)
	}
	timed, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	name := fmt.Sprintf("in PostgreSQL at %s:%d", cfg.ConnConfig.Host, cfg.ConnConfig.Port)
	if err := pool.Ping(timed); err != nil {
		pool.Close()
		return nil, fmt.Errorf("the store %s does not answer: %w", name, err)
	}
	db := stdlib.OpenDBFromPool(pool)
	return &Store{read: db, write: db, engine: engine{
		name:     name,
		interval: 500 * time.Millisecond,
		patience: 20 * time.Second,
		lock:     fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", migrationLock),
		notify:   "NOTIFY " + channel,
		listen: func(ctx context.Context, heard func()) {
			for ctx.Err() == nil {
				_ = listenOnce(ctx, cfg.ConnConfig, heard) // without it the looks at intervals go on
				select {
				case <-ctx.Done():
				case <-time.After(listenAgain):
				}
			}
		},
		close: pool.Close,
	}}, nil
}

// listenOnce listens on a connection of its own until that is lost.
func listenOnce(ctx context.Context, cfg *pgx.ConnConfig, heard func()) error {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() {
		// ctx may be what has ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
		heard()
	}
}

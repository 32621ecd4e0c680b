package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"
)

// Each file is one step from a version of the tables to the next, in the order of
// their names. A file that was released is never changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the tables up to date. Replicas that start at once wait for the
// first of them.
func (s *Store) migrate(ctx context.Context) error {
	steps, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to read it: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	run := func(text string) {
		if err == nil && text != "" {
			_, err = tx.ExecContext(ctx, text)
		}
	}
	run(s.engine.lock)
	run(`CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, applied BIGINT NOT NULL)`)
	var version int
	if err == nil {
		err = tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_version`).Scan(&version)
	}
	if err != nil {
		return fmt.Errorf("read its version: %w", err)
	}
	if version > len(steps) {
		return fmt.Errorf("%w: its tables have version %d, this program knows %d; start the newer one", ErrNewer, version, len(steps))
	}
	for i, step := range steps[version:] {
		text, errRead := migrations.ReadFile(step)
		if errRead != nil {
			return errRead
		}
		run(string(text))
		run(fmt.Sprintf(`INSERT INTO schema_version (version, applied) VALUES (%d, %d)`, version+i+1, time.Now().UnixNano()))
		if err != nil {
			return fmt.Errorf("bring it up to date by %s: %w", step, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("bring it up to date: %w", err)
	}
	return nil
}

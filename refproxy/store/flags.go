package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// A FlagSetting is what a flag is set to.
type FlagSetting struct {
	Percent float64
	Unit    string
}

// FlagSettings are those of every flag that was ever changed.
type FlagSettings struct {
	Generation uint64 // how many changes there were
	Settings   map[string]FlagSetting
}

// A FlagChange is one change of one flag, and its entry in the audit log.
type FlagChange struct {
	At         time.Time
	Who        string
	Flag       string
	From, To   FlagSetting
	Evidence   string
	Generation uint64 // that it leads to: one more than the one it was decided on
}

// Flags returns the settings in force, as of one moment.
func (s *Store) Flags(ctx context.Context) (FlagSettings, error) {
	last, err := s.flagChanges(ctx, `WHERE generation IN (SELECT MAX(generation) FROM flag_log GROUP BY flag)`)
	if err != nil {
		return FlagSettings{}, fmt.Errorf("read flags: %w", err)
	}
	all := FlagSettings{Settings: map[string]FlagSetting{}}
	for _, c := range last {
		all.Settings[c.Flag] = c.To
		all.Generation = max(all.Generation, c.Generation)
	}
	return all, nil
}

// FlagLog returns up to limit changes, newest first.
func (s *Store) FlagLog(ctx context.Context, limit int) ([]FlagChange, error) {
	log, err := s.flagChanges(ctx, `ORDER BY generation DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("read the log of flags: %w", err)
	}
	return log, nil
}

func (s *Store) flagChanges(ctx context.Context, which string, args ...any) ([]FlagChange, error) {
	return query(ctx, s, func(row func(...any) error) (c FlagChange, err error) {
		var at int64
		err = row(&c.Generation, &at, &c.Who, &c.Flag, &c.From.Percent, &c.From.Unit, &c.To.Percent, &c.To.Unit, &c.Evidence)
		c.At = instant(at)
		return c, err
	}, `SELECT generation, at, who, flag, from_percent, from_unit, to_percent, to_unit, evidence FROM flag_log `+which, args...)
}

// SaveFlag makes one change, if the stored generation is still the one before
// c.Generation; else the error is ErrStale.
func (s *Store) SaveFlag(ctx context.Context, c FlagChange) error {
	err := s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var now uint64
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(generation), 0) FROM flag_log`).Scan(&now); err != nil {
			return err
		}
		if now+1 != c.Generation {
			return ErrStale
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO flag_log
			(generation, at, who, flag, from_percent, from_unit, to_percent, to_unit, evidence) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			c.Generation, nanos(c.At), c.Who, c.Flag, c.From.Percent, c.From.Unit, c.To.Percent, c.To.Unit, c.Evidence)
		return err
	}, Flags)
	if err != nil {
		return fmt.Errorf("save flag %s: %w", c.Flag, err)
	}
	return nil
}

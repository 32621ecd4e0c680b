package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A Credential is one credential of an upstream.
type Credential struct {
	ID                    string
	Label, Kind           string
	Preview               bool
	Weight                float64
	Disabled, DisabledURL string
	Created               time.Time
	Secret                Secret
}

// Credentials returns all of them with their secrets, in the order in which they
// came.
func (s *Store) Credentials(ctx context.Context) ([]Credential, error) {
	key := s.key.Load()
	all, err := query(ctx, s, func(row func(...any) error) (c Credential, err error) {
		var created int64
		var sealed string
		if err = row(&c.ID, &c.Label, &c.Kind, &c.Preview, &c.Weight, &c.Disabled, &c.DisabledURL, &created, &sealed); err != nil {
			return c, err
		}
		c.Created = instant(created)
		c.Secret, err = key.open(sealed, Credentials, c.ID)
		return c, err
	}, `SELECT id, label, kind, preview, weight, disabled, disabled_url, created, secret FROM credentials ORDER BY created, id`)
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	return all, nil
}

// SaveCredential adds c or replaces what is stored under its ID, but for its time
// of creation. An empty secret keeps the one that is stored; if there is none, the
// error is ErrNotFound.
func (s *Store) SaveCredential(ctx context.Context, c Credential) error {
	args := []any{c.ID, c.Label, c.Kind, c.Preview, c.Weight, c.Disabled, c.DisabledURL}
	do := func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE credentials
			SET label = $2, kind = $3, preview = $4, weight = $5, disabled = $6, disabled_url = $7 WHERE id = $1`, args...)
		return changed(result, err, ErrNotFound)
	}
	if c.Secret.text != "" {
		key := s.key.Load()
		sealed, err := key.seal(c.Secret, Credentials, c.ID)
		if err != nil {
			return fmt.Errorf("save credential %s: %w", c.ID, err)
		}
		do = func(ctx context.Context, tx *sql.Tx) error {
			if err := claim(ctx, tx, key); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO credentials
				(id, label, kind, preview, weight, disabled, disabled_url, created, secret) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
				ON CONFLICT (id) DO UPDATE SET label = excluded.label, kind = excluded.kind, preview = excluded.preview,
				weight = excluded.weight, disabled = excluded.disabled, disabled_url = excluded.disabled_url, secret = excluded.secret`,
				append(args, nanos(c.Created), sealed)...)
			return err
		}
	}
	if err := s.change(ctx, do, Credentials); err != nil {
		return fmt.Errorf("save credential %s: %w", c.ID, err)
	}
	return nil
}

// Secret returns the secret of one, or ErrNotFound.
func (s *Store) Secret(ctx context.Context, id string) (Secret, error) {
	var sealed string
	err := s.read.QueryRowContext(ctx, `SELECT secret FROM credentials WHERE id = $1`, id).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	var secret Secret
	if err == nil {
		secret, err = s.key.Load().open(sealed, Credentials, id)
	}
	if err != nil {
		return Secret{}, fmt.Errorf("read credential %s: %w", id, err)
	}
	return secret, nil
}

// SaveSecret replaces the secret of one and nothing else, or returns ErrNotFound:
// a credential that was deleted does not come back.
func (s *Store) SaveSecret(ctx context.Context, id string, secret Secret) error {
	key := s.key.Load()
	sealed, err := key.seal(secret, Credentials, id)
	if err == nil {
		err = s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
			if err := claim(ctx, tx, key); err != nil {
				return err
			}
			result, err := tx.ExecContext(ctx, `UPDATE credentials SET secret = $2 WHERE id = $1`, id, sealed)
			return changed(result, err, ErrNotFound)
		}, Credentials)
	}
	if err != nil {
		return fmt.Errorf("save credential %s: %w", id, err)
	}
	return nil
}

// DeleteCredential forgets a credential with all its states, or returns
// ErrNotFound.
func (s *Store) DeleteCredential(ctx context.Context, id string) error {
	err := s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM credential_states WHERE credential = $1`, id); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `DELETE FROM credentials WHERE id = $1`, id)
		return changed(result, err, ErrNotFound)
	}, Credentials, States)
	if err != nil {
		return fmt.Errorf("delete credential %s: %w", id, err)
	}
	return nil
}

// checkKey sees that the store's key, if it has one, opens its secrets.
func (s *Store) checkKey(ctx context.Context) error {
	var id string
	err := s.read.QueryRowContext(ctx, `SELECT key_id FROM seal`).Scan(&id)
	if key := s.key.Load(); err == nil && key != nil {
		return key.is(id)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// claim makes key the one in force if there is none yet, and returns ErrKey if
// another one is.
func claim(ctx context.Context, tx *sql.Tx, key *Key) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO seal (one, key_id) VALUES (1, $1) ON CONFLICT (one) DO NOTHING`, key.id); err != nil {
		return err
	}
	var id string
	if err := tx.QueryRowContext(ctx, `SELECT key_id FROM seal`).Scan(&id); err != nil {
		return err
	}
	return key.is(id)
}

// Rotate seals every secret anew with another key: all or none. Replicas that
// still have the old one can then neither read nor write secrets.
func (s *Store) Rotate(ctx context.Context, to *Key) error {
	from := s.key.Load()
	if from == nil || to == nil {
		return ErrNoKey
	}
	err := s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := claim(ctx, tx, from); err != nil {
			return err
		}
		resealed, err := reseal(ctx, tx, from, to)
		for id, sealed := range resealed {
			if err == nil {
				_, err = tx.ExecContext(ctx, `UPDATE credentials SET secret = $2 WHERE id = $1`, id, sealed)
			}
		}
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE seal SET key_id = $1`, to.id)
		}
		return err
	}, Credentials)
	if err != nil {
		return fmt.Errorf("change the store's key: %w", err)
	}
	s.key.Store(to)
	return nil
}

// reseal returns all secrets by the id of their row.
func reseal(ctx context.Context, tx *sql.Tx, from, to *Key) (resealed map[string]string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, secret FROM credentials`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	resealed = map[string]string{}
	for rows.Next() {
		var id, sealed string
		if err := rows.Scan(&id, &sealed); err != nil {
			return nil, err
		}
		secret, err := from.open(sealed, Credentials, id)
		if err != nil {
			return nil, err
		}
		if resealed[id], err = to.seal(secret, Credentials, id); err != nil {
			return nil, err
		}
	}
	return resealed, rows.Err()
}

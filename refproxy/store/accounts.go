package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A Session is one login to the panel.
type Session struct {
	Hash             string // of its token, which is not stored
	Account          string
	Created, Expires time.Time
}

// CreateAccount keeps an account with the hash of its password, unless there is
// one of that name, and says whether it did. Of replicas that start at once one
// does.
func (s *Store) CreateAccount(ctx context.Context, name, passwordHash string) (created bool, err error) {
	errExists := errors.New("exists")
	err = s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `INSERT INTO accounts (name, password_hash, created) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING`,
			name, passwordHash, time.Now().UnixNano())
		return changed(result, err, errExists)
	}, Accounts)
	if err != nil && !errors.Is(err, errExists) {
		return false, fmt.Errorf("create account %s: %w", name, err)
	}
	return err == nil, nil
}

// PasswordHash returns what CreateAccount or ReplacePassword has kept; empty if
// there is no such account.
func (s *Store) PasswordHash(ctx context.Context, name string) (string, error) {
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	hash, err := passwordHash(ctx, s.read, name)
	if err != nil {
		return "", fmt.Errorf("read account %s: %w", name, err)
	}
	return hash, nil
}

// ReplacePassword keeps another hash of an account's password and ends all of the
// account's sessions, both or neither. Unless was is empty, it must be the hash
// until then, else the error is ErrStale. Without such an account it is
// ErrNotFound.
func (s *Store) ReplacePassword(ctx context.Context, name, was, hash string) error {
	err := s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		switch now, err := passwordHash(ctx, tx, name); {
		case err != nil:
			return err
		case now == "":
			return ErrNotFound
		case was != "" && was != now:
			return ErrStale
		}
		if _, err := tx.ExecContext(ctx, `UPDATE accounts SET password_hash = $2 WHERE name = $1`, name, hash); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE account = $1`, name)
		return err
	}, Accounts)
	if err != nil {
		return fmt.Errorf("replace the password of %s: %w", name, err)
	}
	return nil
}

// A querier is the database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// passwordHash returns the hash of an account's password, empty without one.
func passwordHash(ctx context.Context, from querier, name string) (hash string, err error) {
	err = from.QueryRowContext(ctx, `SELECT password_hash FROM accounts WHERE name = $1`, name).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return hash, err
}

// Session returns the session of a token's hash; ok is false if there is none.
// Whether it has expired is for the caller to see.
func (s *Store) Session(ctx context.Context, hash string) (session Session, ok bool, err error) {
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	var created, expires int64
	session.Hash = hash
	err = s.read.QueryRowContext(ctx, `SELECT account, created, expires FROM sessions WHERE hash = $1`, hash).Scan(&session.Account, &created, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, false, nil
	}
	if err != nil {
		return Session{}, false, fmt.Errorf("read a session: %w", err)
	}
	session.Created, session.Expires = instant(created), instant(expires)
	return session, true, nil
}

// SaveSession keeps or replaces a session of an account, and forgets all that
// have expired. passwordHash is what the login was checked against: if it is no
// longer the account's, the error is ErrStale, so that no login with an old
// password survives ReplacePassword.
func (s *Store) SaveSession(ctx context.Context, session Session, passwordHash string) error {
	err := s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := hasPassword(ctx, tx, session.Account, passwordHash); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE expires < $1`, time.Now().UnixNano()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO sessions (hash, account, created, expires) VALUES ($1, $2, $3, $4)
			ON CONFLICT (hash) DO UPDATE SET expires = excluded.expires`,
			session.Hash, session.Account, nanos(session.Created), nanos(session.Expires))
		return err
	}, Accounts)
	if err != nil {
		return fmt.Errorf("save a session: %w", err)
	}
	return nil
}

// hasPassword returns ErrStale unless the account's password has the hash.
func hasPassword(ctx context.Context, tx *sql.Tx, name, hash string) error {
	now, err := passwordHash(ctx, tx, name)
	if err == nil && (now == "" || now != hash) {
		err = ErrStale
	}
	return err
}

// DeleteSession forgets a session, if there is one.
func (s *Store) DeleteSession(ctx context.Context, hash string) error {
	err := s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE hash = $1`, hash)
		return err
	}, Accounts)
	if err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}

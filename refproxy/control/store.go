package control

import (
	"context"
	"errors"
	"fmt"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
	"github.com/firstbyte-dev/firstbyte/refproxy/store"
)

// FlagStore keeps flags in a store.
type FlagStore struct{ Store *store.Store }

var _ feature.Backend = FlagStore{}

// Load returns what is stored.
func (f FlagStore) Load(ctx context.Context) (feature.State, error) {
	all, err := f.Store.Flags(ctx)
	if err != nil {
		return feature.State{}, err
	}
	state := feature.State{Generation: all.Generation, Settings: map[string]feature.Setting{}}
	for name, s := range all.Settings {
		state.Settings[name] = setting(s)
	}
	return state, nil
}

func setting(s store.FlagSetting) feature.Setting {
	return feature.Setting{Percent: s.Percent, Unit: feature.Unit(s.Unit)}
}

func row(s feature.Setting) store.FlagSetting {
	return store.FlagSetting{Percent: s.Percent, Unit: string(s.Unit)}
}

// Save stores one change with its entry of the log.
func (f FlagStore) Save(ctx context.Context, e feature.Entry) error {
	err := f.Store.SaveFlag(ctx, store.FlagChange{
		At: e.At, Who: e.Who, Flag: e.Flag, From: row(e.From), To: row(e.To), Evidence: e.Evidence, Generation: e.Generation,
	})
	if errors.Is(err, store.ErrStale) {
		return fmt.Errorf("%w: %w", feature.ErrStale, err)
	}
	return err
}

// Log returns up to limit entries, newest first.
func (f FlagStore) Log(ctx context.Context, limit int) ([]feature.Entry, error) {
	log, err := f.Store.FlagLog(ctx, limit)
	entries := make([]feature.Entry, len(log))
	for i, c := range log {
		entries[i] = feature.Entry{
			At: c.At, Who: c.Who, Flag: c.Flag, From: setting(c.From), To: setting(c.To), Evidence: c.Evidence, Generation: c.Generation,
		}
	}
	return entries, err
}

// Watch calls changed after every change of a flag.
func (f FlagStore) Watch(ctx context.Context, changed func()) error {
	return f.Store.Watch(ctx, func(k store.Kind) {
		if k == store.Flags {
			changed()
		}
	})
}

// Journal keeps the states of credentials in a store.
type Journal struct{ Store *store.Store }

var _ credential.Journal = Journal{}

// Save adds to what is stored.
func (j Journal) Save(ctx context.Context, states []credential.State) error {
	rows := make([]store.State, len(states))
	for i, s := range states {
		rows[i] = store.State{
			Credential: s.ID, Model: s.Model, Until: s.Until, Length: s.Length, Reason: s.Reason, Stamp: s.Stamp,
			Disabled: s.Disabled, DisabledURL: s.DisabledURL, DisabledAt: s.DisabledAt,
			Requests: s.Counters.Requests, RateLimited: s.Counters.RateLimited, Failed: s.Counters.Failed,
			Input: s.Counters.Input, Output: s.Counters.Output,
		}
	}
	return j.Store.SaveStates(ctx, rows)
}

// Load returns what is stored.
func (j Journal) Load(ctx context.Context) ([]credential.State, error) {
	rows, err := j.Store.States(ctx)
	states := make([]credential.State, len(rows))
	for i, s := range rows {
		states[i] = credential.State{
			ID: s.Credential, Model: s.Model, Until: s.Until, Length: s.Length, Reason: s.Reason, Stamp: s.Stamp,
			Disabled: s.Disabled, DisabledURL: s.DisabledURL, DisabledAt: s.DisabledAt,
			Counters: credential.Counters{Requests: s.Requests, RateLimited: s.RateLimited, Failed: s.Failed, Input: s.Input, Output: s.Output},
		}
	}
	return states, err
}

// Accounts keep the panel's password and sessions in a store.
type Accounts struct{ Store *store.Store }

var _ admin.Accounts = Accounts{}

// operator is the name of the panel's one account.
const operator = "operator"

// Password returns the hash of the password, empty if there is none yet.
func (a Accounts) Password(ctx context.Context) (string, error) {
	hash, err := a.Store.PasswordHash(ctx, operator)
	return hash, told(err)
}

// CreatePassword keeps hash if there is none yet.
func (a Accounts) CreatePassword(ctx context.Context, hash string) (bool, error) {
	created, err := a.Store.CreateAccount(ctx, operator, hash)
	return created, told(err)
}

// ReplacePassword keeps another hash and ends all sessions.
func (a Accounts) ReplacePassword(ctx context.Context, was, hash string) error {
	return told(a.Store.ReplacePassword(ctx, operator, was, hash))
}

// Session returns the session kept under hash.
func (a Accounts) Session(ctx context.Context, hash string) (admin.Session, bool, error) {
	s, ok, err := a.Store.Session(ctx, hash)
	return admin.Session{Hash: s.Hash, Created: s.Created, Expires: s.Expires}, ok, told(err)
}

// SaveSession keeps a session of who knew the password of passwordHash.
func (a Accounts) SaveSession(ctx context.Context, s admin.Session, passwordHash string) error {
	return told(a.Store.SaveSession(ctx, store.Session{Hash: s.Hash, Account: operator, Created: s.Created, Expires: s.Expires}, passwordHash))
}

// DeleteSession forgets a session.
func (a Accounts) DeleteSession(ctx context.Context, hash string) error {
	return told(a.Store.DeleteSession(ctx, hash))
}

// told is an error of the store as the panel knows it.
func told(err error) error {
	kind := admin.ErrUnavailable
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNotFound):
		kind = admin.ErrUnknown
	case errors.Is(err, store.ErrStale):
		kind = admin.ErrStale
	}
	return fmt.Errorf("%w: %w", kind, err)
}

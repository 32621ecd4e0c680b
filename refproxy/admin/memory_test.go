package admin_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
)

// memoryFlags are flags that live in memory. They behave as the proxy's do.
type memoryFlags struct {
	mu    sync.Mutex
	state admin.FlagState
	log   []admin.AuditEntry
	// before runs before each change, as another replica's change would.
	before func()
}

func newFlags() *memoryFlags {
	off := admin.Setting{Percent: 0, Unit: "request"}
	return &memoryFlags{state: admin.FlagState{Generation: 7, Flags: []admin.Flag{
		{Name: "ff_retry_policy_v2", Summary: "One decision about each retry, with a budget, instead of a flat interval.", Setting: off},
		{Name: "ff_http2_pool_tuning", Summary: "Several warm HTTP/2 connections instead of a client per request.", Setting: admin.Setting{Percent: 20, Unit: "session"}},
		{Name: "ff_converter_fast_path", Summary: "Text passes through without the canonical model.", Setting: off},
		{Name: "ff_preview_credential_scheduler_v2", Summary: "The healthier of two credentials instead of a random one.", Setting: admin.Setting{Percent: 100, Unit: "request"}, Locked: true},
	}}}
}

func (m *memoryFlags) Flags(context.Context) (admin.FlagState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return admin.FlagState{Generation: m.state.Generation, Flags: slices.Clone(m.state.Flags)}, nil
}

func (m *memoryFlags) SetFlag(_ context.Context, c admin.FlagChange) error {
	if m.before != nil {
		m.before()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.state.Flags, func(f admin.Flag) bool { return f.Name == c.Name })
	switch {
	case i < 0:
		return fmt.Errorf("flag %q: %w", c.Name, admin.ErrUnknown)
	case m.state.Flags[i].Locked:
		return fmt.Errorf("flag %q: %w", c.Name, admin.ErrLocked)
	case c.Expected != m.state.Generation:
		return fmt.Errorf("generation %d: %w", c.Expected, admin.ErrStale)
	}
	m.state.Generation++
	m.log = append(m.log, admin.AuditEntry{
		At: time.Now(), Who: c.Who, Flag: c.Name, From: m.state.Flags[i].Setting, To: c.Setting,
		Evidence: c.Evidence, Generation: m.state.Generation,
	})
	m.state.Flags[i].Setting = c.Setting
	return nil
}

func (m *memoryFlags) Audit(_ context.Context, limit int) ([]admin.AuditEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	newest := slices.Clone(m.log)
	slices.Reverse(newest)
	return newest[:min(limit, len(newest))], nil
}

// fail has all that asks for a session fail, or no longer.
func (m *memoryAccounts) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = err
}

// percent returns what is in force.
func (m *memoryFlags) percent(name string) float64 {
	state, _ := m.Flags(context.Background())
	for _, f := range state.Flags {
		if f.Name == name {
			return f.Percent
		}
	}
	return -1
}

// memoryCredentials keep what they are given; the secret stays apart from what
// is shown.
type memoryCredentials struct {
	mu      sync.Mutex
	all     []admin.Credential
	secrets map[string]string
	made    int
	done    []string // actions
}

func (m *memoryCredentials) Credentials(context.Context) ([]admin.Credential, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.all), nil
}

func (m *memoryCredentials) Add(_ context.Context, c admin.NewCredential) (string, error) {
	if strings.ContainsAny(c.Secret.Reveal(), " \n") && c.Kind == "key" {
		return "", admin.Invalid("a key is one word")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made++
	id := fmt.Sprintf("c%d", m.made)
	m.all = append(m.all, admin.Credential{ID: id, Label: c.Label, Kind: c.Kind, Preview: c.Preview, Weight: c.Weight})
	if m.secrets == nil {
		m.secrets = map[string]string{}
	}
	m.secrets[id] = c.Secret.Reveal()
	return id, nil
}

func (m *memoryCredentials) Remove(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.all)
	m.all = slices.DeleteFunc(m.all, func(c admin.Credential) bool { return c.ID == id })
	delete(m.secrets, id)
	if len(m.all) == before {
		return admin.ErrUnknown
	}
	return nil
}

func (m *memoryCredentials) Do(_ context.Context, id string, action admin.Action) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.all, func(c admin.Credential) bool { return c.ID == id })
	if i < 0 {
		return "", admin.ErrUnknown
	}
	m.done = append(m.done, id+" "+string(action))
	c := &m.all[i]
	switch action {
	case admin.Enable:
		c.Disabled = ""
	case admin.Disable:
		c.Disabled = "by hand"
	case admin.Clear:
		c.Cooldowns, c.Errors = nil, nil
	case admin.Recheck:
		c.VerifyURL = ""
	case admin.Test:
		return "it answers", nil
	}
	return "done", nil
}

// memoryAccounts keep one password and sessions.
type memoryAccounts struct {
	mu       sync.Mutex
	hash     string
	sessions map[string]admin.Session
	// before runs before each change, as another replica's change would, and gone is
	// what all fail with.
	before func()
	gone   error
}

func (m *memoryAccounts) Password(context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hash, nil
}

func (m *memoryAccounts) CreatePassword(_ context.Context, hash string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hash != "" {
		return false, nil
	}
	m.hash = hash
	return true, nil
}

func (m *memoryAccounts) ReplacePassword(_ context.Context, was, hash string) error {
	if m.before != nil {
		m.before()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.hash == "":
		return admin.ErrUnknown
	case was != "" && was != m.hash:
		return admin.ErrStale
	}
	m.hash, m.sessions = hash, nil
	return nil
}

func (m *memoryAccounts) Session(_ context.Context, hash string) (admin.Session, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sessions[hash]
	return s, ok && m.gone == nil, m.gone
}

func (m *memoryAccounts) SaveSession(_ context.Context, s admin.Session, passwordHash string) error {
	if m.before != nil {
		m.before()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if passwordHash != m.hash {
		return admin.ErrStale
	}
	if m.sessions == nil {
		m.sessions = map[string]admin.Session{}
	}
	m.sessions[s.Hash] = s
	return nil
}

func (m *memoryAccounts) DeleteSession(_ context.Context, hash string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, hash)
	return nil
}

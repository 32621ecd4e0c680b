package admin

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Errors that adapters return, wrapped or as they are. An error that is none of
// them is told to the log alone.
var (
	// ErrUnknown is a name that is not there.
	ErrUnknown = errors.New("no such thing")
	// ErrStale is a change of a generation that is no longer the newest.
	ErrStale = errors.New("changed meanwhile")
	// ErrLocked is a flag that the environment sets.
	ErrLocked = errors.New("set by the environment")
	// ErrUnavailable is a store that does not do what it is asked. What was to be
	// changed may be changed or not.
	ErrUnavailable = errors.New("the store does not answer")
)

// Invalid is an input that cannot be accepted; its text is shown to whoever
// gave it, and must not hold a secret.
type Invalid string

func (e Invalid) Error() string { return string(e) }

// Flags are the proxy's feature flags. They are safe for concurrent use.
type Flags interface {
	// Flags returns the state in force.
	Flags(ctx context.Context) (FlagState, error)
	// SetFlag changes one flag, or returns ErrStale, ErrLocked or ErrUnknown.
	// Once it has returned, Flags returns the new state.
	SetFlag(ctx context.Context, change FlagChange) error
	// Audit returns the newest changes first, at most limit.
	Audit(ctx context.Context, limit int) ([]AuditEntry, error)
}

// A FlagState is the settings of all flags at one generation.
type FlagState struct {
	Generation uint64 `json:"generation"`
	Flags      []Flag `json:"flags"` // in the order in which they are shown
}

// A Flag is the setting of one flag.
type Flag struct {
	Name    string `json:"name"`
	Summary string `json:"summary"` // one sentence: what it switches
	Locked  bool   `json:"locked"`  // the environment sets it
	Setting
}

// A Setting says for what share of the traffic a flag is on.
type Setting struct {
	Percent float64 `json:"percent"` // of units, 0 to 100
	Unit    string  `json:"unit"`    // what is assigned: "request" or "session"
}

// A FlagChange is what somebody wants of one flag.
type FlagChange struct {
	Name string
	Setting
	Expected uint64 // the generation that the change is based on
	Who      string
	Evidence string // what it is based on, such as the hash of a verdict
}

// An AuditEntry says how a flag was changed.
type AuditEntry struct {
	At         time.Time `json:"at"`
	Who        string    `json:"who"`
	Flag       string    `json:"flag"`
	From       Setting   `json:"from"`
	To         Setting   `json:"to"`
	Evidence   string    `json:"evidence"`
	Generation uint64    `json:"generation"` // that the change led to
}

// Credentials are the upstream's credentials. They are safe for concurrent use.
type Credentials interface {
	// Credentials returns all of them in the order in which they are shown.
	Credentials(ctx context.Context) ([]Credential, error)
	// Add takes a new one into use and returns its ID. What is wrong with its
	// content is an Invalid.
	Add(ctx context.Context, c NewCredential) (id string, err error)
	// Remove forgets one for good.
	Remove(ctx context.Context, id string) error
	// Do acts on one and returns what came of it in one line. A credential that
	// fails its test is no error of Do: the line says so.
	Do(ctx context.Context, id string, action Action) (report string, err error)
}

// An Action is what can be done with a credential.
type Action string

// The actions.
const (
	Test    Action = "test"    // ask the upstream something small with it
	Enable  Action = "enable"  // use it again
	Disable Action = "disable" // use it no more
	Clear   Action = "clear"   // forget its cooldowns and errors
	Recheck Action = "recheck" // see whether the account's owner has verified it
)

// actions are all of them.
var actions = []Action{Test, Enable, Disable, Clear, Recheck}

// A Credential is what is shown of one; nothing of its secret.
type Credential struct {
	ID       string  `json:"id"`
	Label    string  `json:"label"`
	Kind     string  `json:"kind"`
	Preview  bool    `json:"preview"`
	Weight   float64 `json:"weight"`             // 0: drained
	Disabled string  `json:"disabled,omitempty"` // why; empty: enabled
	// VerifyURL is where the account's owner must go, shown whole.
	VerifyURL string            `json:"verify_url,omitempty"`
	InFlight  int               `json:"in_flight"`
	Score     float64           `json:"score"` // the lower the sooner it is chosen
	Requests  int64             `json:"requests"`
	Failures  int64             `json:"failures"`
	Tokens    int64             `json:"tokens"`
	Models    []CredentialModel `json:"models"`
	Cooldowns []Cooldown        `json:"cooldowns"`
	Errors    []CredentialError `json:"errors"` // the newest first
}

// A CredentialModel is how a credential does on one model.
type CredentialModel struct {
	Model       string        `json:"model"`
	RateLimited float64       `json:"rate_limited"`            // decayed share of answers that were 429
	Failed      float64       `json:"failed"`                  // decayed share of other failures
	FirstToken  time.Duration `json:"first_token_ns,omitzero"` // decayed mean; 0: unknown
}

// A Cooldown is a time in which a credential is not used.
type Cooldown struct {
	Model  string    `json:"model,omitempty"` // empty: all models
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

// A CredentialError is a failure that a credential met.
type CredentialError struct {
	At      time.Time `json:"at"`
	Model   string    `json:"model,omitempty"`
	Class   string    `json:"class"`
	Message string    `json:"message"`
}

// A NewCredential is one that somebody uploads.
type NewCredential struct {
	Label   string  `json:"label"`
	Kind    string  `json:"kind"`
	Preview bool    `json:"preview"`
	Weight  float64 `json:"weight"`
	Secret  Secret  `json:"secret"` // a key, or a file's content
}

// A Secret is never shown: whatever writes it out writes "hidden".
type Secret struct{ text string }

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return s.text }

// String hides the secret, also within other values.
func (Secret) String() string { return hidden }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return hidden }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the secret from every encoder.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// UnmarshalText takes the secret from an upload.
func (s *Secret) UnmarshalText(text []byte) error {
	s.text = string(text)
	return nil
}

const hidden = "hidden"

// Accounts keep the panel's one password and its sessions. They are safe for
// concurrent use, and no text they hold opens anything by itself.
type Accounts interface {
	// Password returns the hash of the password, empty if there is none yet.
	Password(ctx context.Context) (hash string, err error)
	// CreatePassword keeps hash if there is none yet, and says whether it did.
	CreatePassword(ctx context.Context, hash string) (created bool, err error)
	// ReplacePassword keeps another hash and forgets all sessions, both or neither.
	// Unless was is empty, it must be the hash until then, else the error is
	// ErrStale. It is ErrUnknown where there is no password yet.
	ReplacePassword(ctx context.Context, was, hash string) error
	// Session returns the session kept under hash; ok is false if there is none.
	Session(ctx context.Context, hash string) (s Session, ok bool, err error)
	// SaveSession keeps a session, if passwordHash is still the password's; else
	// the error is ErrStale. It may forget those that have expired.
	SaveSession(ctx context.Context, s Session, passwordHash string) error
	// DeleteSession forgets a session, if there is one.
	DeleteSession(ctx context.Context, hash string) error
}

// A Session is one login.
type Session struct {
	Hash    string // of its token
	Created time.Time
	Expires time.Time
}

package feature

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

var (
	// ErrUnknown is the error for a name that no flag has.
	ErrUnknown = errors.New("unknown flag")
	// ErrLocked is the error for changing a flag that the environment has set.
	ErrLocked = errors.New("the flag is set by the environment, which wins over every change")
	// ErrStale is the error for a change that expects another generation than the
	// stored one. Read the settings again, and decide again.
	ErrStale = errors.New("the flags have changed meanwhile")
)

// A State is what is stored of the settings.
type State struct {
	// Generation counts the changes: 0 is a store that has seen none.
	Generation uint64
	// Settings are those of the flags that were ever changed. Names that this
	// program does not know are left alone.
	Settings map[string]Setting
}

// A Change is asked of a Registry.
type Change struct {
	Flag    string
	Setting Setting
	// Expected is the generation that the change was decided on.
	Expected uint64
	Who      string // who asks, never empty
	Evidence string // on what: a verdict's hash or a person's reason
}

// An Entry of the audit log is one change that was made.
type Entry struct {
	At         time.Time // machine time, UTC
	Who        string
	Flag       string
	From, To   Setting
	Evidence   string
	Generation uint64 // that the change led to
}

// A Backend keeps settings and the log. It must be safe for concurrent use.
type Backend interface {
	// Load returns what is stored; the caller may keep and change it.
	Load(ctx context.Context) (State, error)
	// Save stores e.To and appends e to the log, both or neither, if the stored
	// generation is the one before e.Generation; else it returns ErrStale and
	// changes nothing. What it acknowledged is never lost.
	Save(ctx context.Context, e Entry) error
	// Log returns up to limit entries, newest first.
	Log(ctx context.Context, limit int) ([]Entry, error)
	// Watch calls changed after every change, by whomever, and whenever it may have
	// missed one. It returns once ctx has ended, or when it cannot go on.
	Watch(ctx context.Context, changed func()) error
}

// Config is what a Registry works by.
type Config struct {
	// Given are the settings of flags that were never changed; off if absent.
	Given map[string]Setting
	// Environment is os.LookupEnv in a program; nil is an empty environment.
	Environment func(string) (string, bool)
	// Backend keeps the changes; nil forgets them when the program ends.
	Backend Backend
	Clock   *clock.Scaled
	Log     *slog.Logger // nil discards
}

// A Registry holds the settings in force. It is safe for concurrent use.
type Registry struct {
	backend     Backend
	environment map[string]Setting
	given       map[string]Setting
	clock       *clock.Scaled
	log         *slog.Logger

	current atomic.Pointer[Snapshot]
	mu      sync.Mutex // held to replace current
}

// Open reads the environment and the stored settings. To learn of changes that
// others make, call [Registry.Run].
func Open(ctx context.Context, cfg Config) (*Registry, error) {
	r := &Registry{backend: cfg.Backend, given: maps.Clone(cfg.Given), clock: cfg.Clock, log: cfg.Log}
	if r.backend == nil {
		r.backend = NewMemory()
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	problem := check(cfg.Given)
	if cfg.Environment != nil {
		var err error
		r.environment, err = environment(cfg.Environment)
		problem = errors.Join(problem, err)
	}
	if problem != nil {
		return nil, problem
	}
	return r, r.reload(ctx)
}

// check tells every setting that cannot be.
func check(settings map[string]Setting) error {
	var problems []error
	for _, name := range Names() {
		if err := settings[name].Validate(); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(problems...)
}

// Current returns the settings in force, without a lock.
func (r *Registry) Current() *Snapshot { return r.current.Load() }

// Set makes one change and returns its entry of the log. When it returns, the
// next request of this process already follows it. The error is ErrUnknown,
// ErrLocked, ErrStale, one of the setting's, or the backend's: then the change may
// have been made or not, and the caller reads back which.
func (r *Registry) Set(ctx context.Context, c Change) (Entry, error) {
	if err := r.mayChange(c); err != nil {
		return Entry{}, err
	}
	state, err := r.backend.Load(ctx)
	if err != nil {
		return Entry{}, fmt.Errorf("read the stored flags: %w", err)
	}
	if state.Generation != c.Expected {
		_ = r.adopt(state) // so that whoever reads again decides on what is stored
		return Entry{}, fmt.Errorf("%w: generation %d was expected, %d is stored", ErrStale, c.Expected, state.Generation)
	}
	before := newSnapshot(0, nil, state.Settings, r.given)
	e := Entry{
		At: time.Now().UTC(), Who: c.Who, Flag: c.Flag, From: before.settings[c.Flag], To: c.Setting.exact(),
		Evidence: c.Evidence, Generation: c.Expected + 1,
	}
	if err := r.backend.Save(ctx, e); err != nil {
		_ = r.reload(ctx) // somebody came in between, or it was made after all; it logs by itself
		return Entry{}, fmt.Errorf("store the change of %s: %w", c.Flag, err)
	}
	// Nobody came in between, by the generation: this is what is stored now.
	if state.Settings == nil {
		state.Settings = map[string]Setting{}
	}
	state.Settings[c.Flag], state.Generation = e.To, e.Generation
	return e, r.adopt(state)
}

func (r *Registry) mayChange(c Change) error {
	if !slices.Contains(Names(), c.Flag) {
		return fmt.Errorf("%w %q (one of %s)", ErrUnknown, c.Flag, strings.Join(Names(), ", "))
	}
	if _, locked := r.environment[c.Flag]; locked {
		return fmt.Errorf("%w: unset %s and restart", ErrLocked, strings.ToUpper(c.Flag))
	}
	if err := c.Setting.Validate(); err != nil {
		return fmt.Errorf("%s: %w", c.Flag, err)
	}
	if c.Who == "" {
		return errors.New("a change must say who makes it")
	}
	return nil
}

// Log returns up to limit entries of the audit log, newest first.
func (r *Registry) Log(ctx context.Context, limit int) ([]Entry, error) {
	return r.backend.Log(ctx, limit)
}

// Run follows the changes that others make until ctx ends. While the backend
// cannot be read the settings stay as they are, and the log tells.
func (r *Registry) Run(ctx context.Context) {
	changed := make(chan struct{}, 1)
	var watch sync.WaitGroup
	watch.Go(func() { r.watch(ctx, changed) })
	defer watch.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			if r.reload(ctx) != nil && r.clock.Sleep(ctx, retryAfter) == nil {
				notify(changed)
			}
		}
	}
}

// retryAfter is between two attempts at a backend that fails.
const retryAfter = time.Second

// watch passes the backend's notices on, and begins anew where it fails.
func (r *Registry) watch(ctx context.Context, changed chan<- struct{}) {
	for {
		notify(changed) // of what came before the watch
		err := r.backend.Watch(ctx, func() { notify(changed) })
		if ctx.Err() != nil {
			return
		}
		r.log.Warn("flags are not followed", "error", err)
		if r.clock.Sleep(ctx, retryAfter) != nil {
			return
		}
	}
}

// notify leaves word, unless word is waiting already.
func notify(changed chan<- struct{}) {
	select {
	case changed <- struct{}{}:
	default:
	}
}

func (r *Registry) reload(ctx context.Context) error {
	state, err := r.backend.Load(ctx)
	if err == nil {
		err = r.adopt(state)
	}
	if err != nil {
		err = fmt.Errorf("read the stored flags: %w", err)
		if ctx.Err() == nil {
			r.log.Warn("flags stay as they are", "error", err)
		}
	}
	return err
}

// adopt puts what is stored in force, if it can be.
func (r *Registry) adopt(state State) error {
	err := check(state.Settings)
	if err == nil {
		r.install(state)
	}
	return err
}

// install puts state in force, unless a later one is: what was read first may
// arrive last.
func (r *Registry) install(state State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.current.Load(); now != nil && now.Generation >= state.Generation {
		return
	}
	r.current.Store(newSnapshot(state.Generation, r.environment, state.Settings, r.given))
}

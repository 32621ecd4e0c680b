package codeassist

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

const (
	// ahead is how long before its end a token is replaced. Where nobody asks for it
	// that is up to apart later, so that processes that share one come one by one.
	ahead = 300 * time.Second
	apart = time.Minute
	// callTime bounds every call but the conversation's own.
	callTime = 30 * time.Second
	// renewPause is how old a token must be before a refusal of it is worth
	// another one.
	renewPause = 10 * time.Second
	// setupPause is how long a failed setup stands before it is tried again.
	setupPause = time.Minute
)

// Config says whose account it is. Empty strings take the defaults named.
type Config struct {
	// File is the credential file, which refreshed tokens are written back to.
	File string
	// JSON is the content of such a file that is kept elsewhere, instead of File.
	JSON []byte
	// Save keeps what a refresh has made of JSON, before it is used. Default nobody.
	Save func([]byte) error
	// Load returns what is kept now. Other processes may use and keep the same
	// credential: what they have refreshed is taken over instead of refreshed once
	// more. Default nobody else does.
	Load func() ([]byte, error)
	// Project is the user's project. Default the file's project_id.
	Project string
	// BaseURL and APIVersion are where Code Assist is.
	BaseURL, APIVersion string
	// ResourceManagerURL is where projects are listed, as a last resort. Default
	// Google's.
	ResourceManagerURL string
	// UserAgent names us honestly.
	UserAgent string
	// HTTP carries the calls. Default [http.DefaultTransport].
	HTTP http.RoundTripper
	// Clock times tokens, pauses and calls; instants in the file are its. Default
	// the machine's.
	Clock *clock.Scaled
	// Log is told what an operator should know. Default none.
	Log *slog.Logger
}

// An Account is one user's. It is safe for concurrent use. Close ends what it
// does in the background.
type Account struct {
	cfg    Config
	id     string // of the login
	client *http.Client
	ctx    context.Context // of work in the background; done at Close
	stop   context.CancelFunc
	tasks  sync.WaitGroup

	mu      sync.Mutex
	onDead  func(*Error) // may be nil
	cred    credential
	dead    *Error    // a new login is needed
	failed  *Error    // of the last refresh, nil after a success
	retryAt time.Time // no refresh before it
	pause   time.Duration
	renewed time.Time // when the token came
	refresh *flight   // the one that is under way
	idle    *time.Timer

	project string
	setup   *flight
	trouble error     // of the last setup
	setupAt time.Time // no setup before it
}

// Open reads the credential. It asks nobody yet. Its error names the remedy, and
// quotes nothing of the credential.
func Open(cfg Config) (*Account, error) {
	cred, err := cfg.read()
	if err != nil {
		return nil, err
	}
	cfg.Project = cmp.Or(strings.TrimSpace(cfg.Project), cred.project)
	cfg.BaseURL = strings.TrimRight(cmp.Or(cfg.BaseURL, "https://cloudcode-pa.googleapis.com"), "/")
	cfg.APIVersion = cmp.Or(cfg.APIVersion, "v1internal")
	cfg.ResourceManagerURL = strings.TrimRight(cmp.Or(cfg.ResourceManagerURL, "https://cloudresourcemanager.googleapis.com"), "/")
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultTransport
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &Account{cfg: cfg, id: cred.identity(), cred: cred, client: &http.Client{
		Transport: cfg.HTTP, Timeout: cfg.Clock.Machine(callTime),
		// A redirect would carry the secrets to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	a.ctx, a.stop = context.WithCancel(context.Background())
	a.plan()
	return a, nil
}

// plan has the token replaced ahead of its end also where nobody asks for it: the
// next request finds a good one, or learns in time that there is none. a.mu is held.
func (a *Account) plan() {
	if a.idle != nil {
		a.idle.Stop()
	}
	if left := a.cfg.Clock.Until(a.cred.expiry); left > ahead { // else who uses it will see to it
		a.idle = a.cfg.Clock.AfterFunc(left-ahead+rand.N(apart), a.early)
	}
}

func (a *Account) early() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() == nil {
		_, _ = a.refreshing() // it is told once it matters
	}
}

// Identity names the login that the account was opened with, and tells nothing of
// it. It stays the same when the refresh token is replaced.
func (a *Account) Identity() string { return a.id }

// OnDead has tell called when nothing but a person will help: no refresh will ever
// succeed, or Google wants the account verified, so that the credential can be
// taken out of use with the reason shown. It is told at once if no refresh will
// succeed already. It may call the account, which waits for it in Close.
func (a *Account) OnDead(tell func(*Error)) {
	a.mu.Lock()
	a.onDead = tell
	dead := a.dead
	a.mu.Unlock()
	if dead != nil {
		tell(dead)
	}
}

// died tells of e, unless nobody wants to know. a.mu is free.
func (a *Account) died(e *Error) {
	a.mu.Lock()
	tell := a.onDead
	a.mu.Unlock()
	if tell != nil {
		tell(e)
	}
}

// Close ends what runs in the background, and waits for it.
func (a *Account) Close() {
	a.mu.Lock()
	a.stop() // under the lock: nothing is begun after it
	if a.idle != nil {
		a.idle.Stop()
	}
	a.mu.Unlock()
	a.tasks.Wait()
}

// A flight is work that is done once, however many wait for it.
type flight struct {
	done chan struct{}
	err  error // once done is closed
}

// start begins work in the background. a.mu is held.
func (a *Account) start(work func(context.Context) error) *flight {
	f := &flight{done: make(chan struct{})}
	a.tasks.Go(func() {
		f.err = work(a.ctx)
		close(f.done)
	})
	return f
}

// wait returns the outcome of the work, or why ctx ended before it.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

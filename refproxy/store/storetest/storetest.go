// Package storetest is what every database behind refproxy/store has to pass.
package storetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/store"
)

// A Database is an empty one.
type Database struct {
	URL string
	// Exec runs statements on it, past the store.
	Exec func(t *testing.T, text string)
}

// A suite is the tests over databases of one kind.
type suite struct {
	fresh func(*testing.T) Database
}

// Run runs all tests, each on a fresh database.
func Run(t *testing.T, fresh func(*testing.T) Database) {
	s := suite{fresh}
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"flags", s.flags},
		{"of changes of one generation one is made", s.oneWins},
		{"credentials", s.credentials},
		{"secrets stay in their row", s.movedSecret},
		{"a wrong key writes nothing", s.wrongKey},
		{"without a key", s.noKey},
		{"rotation", s.rotation},
		{"states", s.states},
		{"states in any order", s.statesInAnyOrder},
		{"many states", s.manyStates},
		{"accounts", s.accounts},
		{"sessions", s.sessions},
		{"a new password ends sessions", s.newPassword},
		{"a login with the old password comes too late", s.lateLogins},
		{"replicas are told", s.watch},
		{"replicas are told that nothing can be read", s.watchLost},
		{"writers do not stop each other", s.writers},
		{"replicas start at once", s.startAtOnce},
		{"a newer store", s.newer},
	} {
		t.Run(test.name, test.run)
	}
}

// NewKey returns a random key.
func NewKey(t *testing.T) *store.Key {
	t.Helper()
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	key, err := store.ParseKey(hex.EncodeToString(raw))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Open opens the store at url for the time of the test.
func Open(t *testing.T, url string, key *store.Key) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// pair opens one database as two replicas.
func (s suite) pair(t *testing.T) (a, b *store.Store) {
	t.Helper()
	db, key := s.fresh(t), NewKey(t)
	return Open(t, db.URL, key), Open(t, db.URL, key)
}

// ok fails the test at once if there is an error.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// is notes an error that is not want.
func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// same notes what differs, and an error.
func same(t *testing.T, what string, got any, err error, want any) {
	t.Helper()
	secrets := cmp.Comparer(func(a, b store.Secret) bool { return a.Reveal() == b.Reveal() })
	if diff := cmp.Diff(want, got, secrets); diff != "" || err != nil {
		t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
	}
}

// at is an instant with nanoseconds.
func at(seconds int) time.Time { return time.Unix(1_800_000_000+int64(seconds), 123_456_789).UTC() }

func change(flag string, percent float64, generation uint64) store.FlagChange {
	return store.FlagChange{
		At: at(int(generation)), Who: "anna", Flag: flag, From: store.FlagSetting{Percent: 0.01, Unit: "request"},
		To: store.FlagSetting{Percent: percent, Unit: "session"}, Evidence: "verdict 'ä'", Generation: generation,
	}
}

func (s suite) flags(t *testing.T) {
	a, b := s.pair(t)
	got, err := b.Flags(t.Context())
	same(t, "at first", got, err, store.FlagSettings{Settings: map[string]store.FlagSetting{}})
	changes := []store.FlagChange{change("one", 5, 1), change("two", 12.34, 2), change("one", 20, 3)}
	for _, c := range changes {
		ok(t, a.SaveFlag(t.Context(), c))
	}
	for _, generation := range []uint64{0, 1, 3, 5} {
		is(t, fmt.Sprintf("generation %d", generation), a.SaveFlag(t.Context(), change("one", 50, generation)), store.ErrStale)
	}
	want := store.FlagSettings{Generation: 3, Settings: map[string]store.FlagSetting{"one": changes[2].To, "two": changes[1].To}}
	got, err = b.Flags(t.Context())
	same(t, "settings", got, err, want)
	log, err := b.FlagLog(t.Context(), 2)
	same(t, "log", log, err, []store.FlagChange{changes[2], changes[1]})
}

func (s suite) oneWins(t *testing.T) {
	a, b := s.pair(t)
	for generation := uint64(1); generation <= 10; generation++ {
		won := make(chan store.FlagChange, 8)
		var all sync.WaitGroup
		for i := range cap(won) {
			all.Go(func() {
				c := change("one", float64(i), generation)
				switch err := []*store.Store{a, b}[i%2].SaveFlag(t.Context(), c); {
				case err == nil:
					won <- c
				case !errors.Is(err, store.ErrStale):
					t.Error(err)
				}
			})
		}
		all.Wait()
		close(won)
		if len(won) != 1 {
			t.Fatalf("generation %d: %d changes were made", generation, len(won))
		}
		log, err := a.FlagLog(t.Context(), 1)
		same(t, "the last", log, err, []store.FlagChange{<-won})
	}
}

func credential(id, secret string, created int) store.Credential {
	return store.Credential{
		ID: id, Label: "label of " + id, Kind: "api-key", Weight: 1.5, Preview: true,
		Disabled: "banned", DisabledURL: "https://example.com/?a=1", Created: at(created), Secret: store.NewSecret(secret),
	}
}

func (s suite) credentials(t *testing.T) {
	a, b := s.pair(t)
	first, second := credential("z", "secret one", 1), credential("a", "secret two", 2)
	ok(t, a.SaveCredential(t.Context(), second))
	ok(t, b.SaveCredential(t.Context(), first))
	got, err := a.Credentials(t.Context())
	same(t, "both", got, err, []store.Credential{first, second})

	first.Label, first.Preview, first.Weight, first.Disabled, first.DisabledURL = "new", false, 0, "", ""
	kept := first
	kept.Secret, kept.Created = store.Secret{}, at(9)
	ok(t, a.SaveCredential(t.Context(), kept))
	second.Secret = store.NewSecret("secret three")
	ok(t, a.SaveCredential(t.Context(), second))
	got, err = b.Credentials(t.Context())
	same(t, "changed", got, err, []store.Credential{first, second})

	second.Secret = store.NewSecret("secret four")
	ok(t, b.SaveSecret(t.Context(), "a", second.Secret))
	secret, err := a.Secret(t.Context(), "a")
	same(t, "one secret", secret.Reveal(), err, "secret four")
	got, err = a.Credentials(t.Context())
	same(t, "a secret replaced", got, err, []store.Credential{first, second})
	is(t, "a secret of nobody", a.SaveSecret(t.Context(), "nobody", second.Secret), store.ErrNotFound)
	_, err = a.Secret(t.Context(), "nobody")
	is(t, "nobody's secret", err, store.ErrNotFound)

	is(t, "without a secret", a.SaveCredential(t.Context(), credential("nobody", "", 3)), store.ErrNotFound)
	ok(t, a.SaveStates(t.Context(), []store.State{{Credential: "z"}, {Credential: "z", Model: "m"}, {Credential: "a"}}))
	ok(t, b.DeleteCredential(t.Context(), "z"))
	is(t, "twice", a.DeleteCredential(t.Context(), "z"), store.ErrNotFound)
	got, err = a.Credentials(t.Context())
	same(t, "what is left", got, err, []store.Credential{second})
	states, err := a.States(t.Context())
	same(t, "its states", states, err, []store.State{{Credential: "a"}})
}

func (s suite) movedSecret(t *testing.T) {
	db, key := s.fresh(t), NewKey(t)
	a := Open(t, db.URL, key)
	ok(t, a.SaveCredential(t.Context(), credential("a", "secret of a", 1)))
	ok(t, a.SaveCredential(t.Context(), credential("b", "secret of b", 2)))
	db.Exec(t, `UPDATE credentials SET secret = (SELECT secret FROM credentials WHERE id = 'a') WHERE id = 'b'`)
	if got, err := a.Credentials(t.Context()); err == nil || !strings.Contains(err.Error(), "secret of b is damaged") {
		t.Errorf("%v, %v", got, err)
	}
}

func (s suite) wrongKey(t *testing.T) {
	db, key, other := s.fresh(t), NewKey(t), NewKey(t)
	early := Open(t, db.URL, other) // before there is any secret
	a := Open(t, db.URL, key)
	mine := credential("a", "secret", 1)
	ok(t, a.SaveCredential(t.Context(), mine))
	is(t, "to replace", early.SaveCredential(t.Context(), credential("a", "other", 1)), store.ErrKey)
	is(t, "to add", early.SaveCredential(t.Context(), credential("b", "other", 1)), store.ErrKey)
	is(t, "to replace the secret", early.SaveSecret(t.Context(), "a", store.NewSecret("other")), store.ErrKey)
	_, err := early.Credentials(t.Context())
	is(t, "to read", err, store.ErrKey)
	_, err = early.Secret(t.Context(), "a")
	is(t, "to read one", err, store.ErrKey)
	is(t, "to rotate", early.Rotate(t.Context(), NewKey(t)), store.ErrKey)
	_, err = store.Open(t.Context(), db.URL, other)
	is(t, "to open", err, store.ErrKey)
	if err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
	got, err := a.Credentials(t.Context())
	same(t, "what is kept", got, err, []store.Credential{mine})
}

func (s suite) noKey(t *testing.T) {
	db := s.fresh(t)
	a := Open(t, db.URL, nil)
	ok(t, a.SaveFlag(t.Context(), change("one", 5, 1)))
	is(t, "to save", a.SaveCredential(t.Context(), credential("a", "secret", 1)), store.ErrNoKey)
	got, err := a.Credentials(t.Context())
	same(t, "none", got, err, []store.Credential(nil))
	ok(t, Open(t, db.URL, NewKey(t)).SaveCredential(t.Context(), credential("a", "secret", 1)))
	_, err = a.Credentials(t.Context())
	is(t, "to read", err, store.ErrNoKey)
	is(t, "to rotate", a.Rotate(t.Context(), NewKey(t)), store.ErrNoKey)
	ok(t, Open(t, db.URL, nil).Ping(t.Context()))
}

func (s suite) rotation(t *testing.T) {
	db, key, next := s.fresh(t), NewKey(t), NewKey(t)
	a, late := Open(t, db.URL, key), Open(t, db.URL, key)
	want := []store.Credential{credential("a", "secret of a", 1), credential("b", "secret of b", 2)}
	for _, c := range want {
		ok(t, a.SaveCredential(t.Context(), c))
	}
	ok(t, a.Rotate(t.Context(), next))
	got, err := a.Credentials(t.Context())
	same(t, "afterwards", got, err, want)
	got, err = Open(t, db.URL, next).Credentials(t.Context())
	same(t, "by another with the new key", got, err, want)
	is(t, "to write with the old key", late.SaveCredential(t.Context(), want[0]), store.ErrKey)
	_, err = late.Credentials(t.Context())
	is(t, "to read with the old key", err, store.ErrKey)
}

// cooled is a state with a cooldown of some seconds, and disabled earlier.
func cooled(stamp, until, disabledAt int) store.State {
	return store.State{
		Credential: "c", Model: "m", Until: at(until), Length: time.Duration(until) * time.Second, Reason: fmt.Sprint("until ", until), Stamp: at(stamp),
		Disabled: fmt.Sprint("disabled ", disabledAt), DisabledURL: fmt.Sprint("https://example.com/", disabledAt), DisabledAt: at(disabledAt),
		Requests: 1, RateLimited: 2, Failed: 3, Input: 4, Output: int64(stamp),
	}
}

func (s suite) states(t *testing.T) {
	a, b := s.pair(t)
	got, err := a.States(t.Context())
	same(t, "at first", got, err, []store.State(nil))
	ok(t, a.SaveStates(t.Context(), nil))
	first := cooled(10, 100, 10)
	ok(t, a.SaveStates(t.Context(), []store.State{first}))
	got, err = b.States(t.Context())
	same(t, "one", got, err, []store.State{first})

	// A shorter cooldown of later counts, whoever disabled it earlier does not.
	ok(t, b.SaveStates(t.Context(), []store.State{cooled(20, 50, 5)}))
	want := cooled(20, 50, 10)
	want.Requests, want.RateLimited, want.Failed, want.Input, want.Output = 2, 4, 6, 8, 30
	got, err = a.States(t.Context())
	same(t, "of both", got, err, []store.State{want})

	// Cleared, and enabled again; counters alone change nothing else.
	ok(t, a.SaveStates(t.Context(), []store.State{{Credential: "c", Model: "m", Stamp: at(30), DisabledAt: at(30)}, {Credential: "c", Model: "m", Requests: 5}}))
	want = store.State{Credential: "c", Model: "m", Stamp: at(30), DisabledAt: at(30), Requests: 7, RateLimited: 4, Failed: 6, Input: 8, Output: 30}
	got, err = a.States(t.Context())
	same(t, "cleared", got, err, []store.State{want})
}

// statesInAnyOrder: replicas agree whoever of them comes last, and whether states
// come one by one or together.
func (s suite) statesInAnyOrder(t *testing.T) {
	var all []store.State
	for i := range 6 {
		all = append(all, cooled(10*i, 100-i, (7*i)%6))
	}
	random := mathrand.New(mathrand.NewPCG(1, 2))
	var want []store.State
	for range 5 {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		a, b := s.pair(t)
		cut := random.IntN(len(all))
		ok(t, a.SaveStates(t.Context(), all[:cut]))
		for _, st := range all[cut:] {
			ok(t, b.SaveStates(t.Context(), []store.State{st}))
		}
		got, err := a.States(t.Context())
		if want == nil && len(got) == 1 && got[0].Reason == "until 95" && got[0].Disabled == "disabled 5" {
			want = got
		}
		same(t, fmt.Sprint("cut at ", cut), got, err, want)
	}
}

func (s suite) manyStates(t *testing.T) {
	a, b := s.pair(t)
	var all []store.State
	for i := range 1001 { // more than one statement
		all = append(all, store.State{Credential: fmt.Sprintf("c%04d", i/3), Model: fmt.Sprint(i % 3), Requests: int64(i)})
	}
	ok(t, a.SaveStates(t.Context(), all))
	got, err := b.States(t.Context())
	same(t, "all", got, err, all)
}

func (s suite) accounts(t *testing.T) {
	a, b := s.pair(t)
	hash, err := a.PasswordHash(t.Context(), "admin")
	same(t, "nobody", hash, err, "")
	made := make(chan string, 8)
	var all sync.WaitGroup
	for i := range cap(made) {
		all.Go(func() {
			hash := fmt.Sprint("hash ", i)
			created, err := []*store.Store{a, b}[i%2].CreateAccount(t.Context(), "admin", hash)
			if err != nil {
				t.Error(err)
			}
			if created {
				made <- hash
			}
		})
	}
	all.Wait()
	close(made)
	if len(made) != 1 {
		t.Fatalf("%d have made the account", len(made))
	}
	hash, err = b.PasswordHash(t.Context(), "admin")
	same(t, "of the first", hash, err, <-made)
}

func (s suite) sessions(t *testing.T) {
	a, b := s.pair(t)
	now := time.Now().UTC().Round(0)
	live := store.Session{Hash: "live", Account: "admin", Created: now, Expires: now.Add(time.Hour)}
	for _, hash := range []string{"", "hash"} {
		is(t, "of no account", a.SaveSession(t.Context(), live, hash), store.ErrStale)
	}
	_, err := a.CreateAccount(t.Context(), "admin", "hash")
	ok(t, err)
	is(t, "of another password", a.SaveSession(t.Context(), live, "other"), store.ErrStale)
	ok(t, a.SaveSession(t.Context(), store.Session{Hash: "past", Account: "admin", Created: now, Expires: now.Add(-time.Second)}, "hash"))
	ok(t, a.SaveSession(t.Context(), live, "hash"))
	live.Expires = live.Expires.Add(time.Hour)
	ok(t, b.SaveSession(t.Context(), live, "hash"))
	got, found, err := b.Session(t.Context(), "live")
	same(t, "it", got, err, live)
	if _, past, err := a.Session(t.Context(), "past"); !found || past || err != nil {
		t.Errorf("live found: %v; past found: %v, %v", found, past, err)
	}
	ok(t, a.DeleteSession(t.Context(), "live"))
	ok(t, a.DeleteSession(t.Context(), "live"))
	if _, found, err := b.Session(t.Context(), "live"); found || err != nil {
		t.Errorf("after its end: %v, %v", found, err)
	}
}

func (s suite) newPassword(t *testing.T) {
	a, b := s.pair(t)
	is(t, "without an account", a.ReplacePassword(t.Context(), "admin", "", "new"), store.ErrNotFound)
	for _, name := range []string{"admin", "other"} {
		_, err := a.CreateAccount(t.Context(), name, "old")
		ok(t, err)
	}
	expires := time.Now().Add(time.Hour)
	ok(t, a.SaveSession(t.Context(), store.Session{Hash: "one", Account: "admin", Expires: expires}, "old"))
	ok(t, b.SaveSession(t.Context(), store.Session{Hash: "two", Account: "admin", Expires: expires}, "old"))
	ok(t, b.SaveSession(t.Context(), store.Session{Hash: "theirs", Account: "other", Expires: expires}, "old"))
	left := func(what string, want ...string) {
		t.Helper()
		var got []string
		for _, hash := range []string{"one", "two", "theirs"} {
			_, found, err := b.Session(t.Context(), hash)
			ok(t, err)
			if found {
				got = append(got, hash)
			}
		}
		same(t, what, got, nil, want)
	}
	is(t, "that was another", a.ReplacePassword(t.Context(), "admin", "older", "new"), store.ErrStale)
	left("after what was refused", "one", "two", "theirs")
	ok(t, a.ReplacePassword(t.Context(), "admin", "old", "new"))
	hash, err := b.PasswordHash(t.Context(), "admin")
	same(t, "the new one", hash, err, "new")
	left("of the other account", "theirs")
	ok(t, b.ReplacePassword(t.Context(), "admin", "", "newer"))
	is(t, "by who knew the one before", a.ReplacePassword(t.Context(), "admin", "new", "theirs"), store.ErrStale)
}

// lateLogins: of logins by the old password and a new password at once none is left.
func (s suite) lateLogins(t *testing.T) {
	a, b := s.pair(t)
	_, err := a.CreateAccount(t.Context(), "admin", "hash 0")
	ok(t, err)
	for round := range 10 {
		old := fmt.Sprint("hash ", round)
		session := func(i int) string { return fmt.Sprint(round, " ", i) }
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				r := []*store.Store{a, b}[i%2]
				if i == 3 {
					if err := r.ReplacePassword(t.Context(), "admin", old, fmt.Sprint("hash ", round+1)); err != nil {
						t.Error(err)
					}
					return
				}
				err := r.SaveSession(t.Context(), store.Session{Hash: session(i), Account: "admin", Expires: time.Now().Add(time.Hour)}, old)
				if err != nil && !errors.Is(err, store.ErrStale) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for i := range 6 {
			if _, found, err := b.Session(t.Context(), session(i)); found || err != nil {
				t.Errorf("a session by the old password: %v, %v", found, err)
			}
		}
	}
}

// watch: both replicas are told of every kind that one has changed.
func (s suite) watch(t *testing.T) {
	a, b := s.pair(t)
	toA, toB := Follow(t, a), Follow(t, b)
	_, err := a.CreateAccount(t.Context(), "admin", "hash")
	ok(t, err)
	toA.Await(t, store.Accounts)
	toB.Await(t, store.Accounts)
	for n := range 5 {
		ok(t, a.SaveFlag(t.Context(), change("one", 5, uint64(n+1))))
		toA.Await(t, store.Flags)
		toB.Await(t, store.Flags)
	}
	ok(t, b.SaveCredential(t.Context(), credential("a", "secret", 1)))
	toA.Await(t, store.Credentials)
	ok(t, b.SaveStates(t.Context(), []store.State{cooled(1, 2, 3)}))
	toA.Await(t, store.States)
	ok(t, a.DeleteCredential(t.Context(), "a"))
	toB.Await(t, store.Credentials)
	toB.Await(t, store.States)
	toA.Await(t, store.Credentials)
	toA.Await(t, store.States)
	is(t, "a stale change", b.SaveFlag(t.Context(), change("one", 5, 1)), store.ErrStale)
	toA.Quiet(t)
}

// watchLost: a replica that cannot look any more is told once, and goes on when it
// can.
func (s suite) watchLost(t *testing.T) {
	db := s.fresh(t)
	a := Open(t, db.URL, nil)
	told := Follow(t, a)
	db.Exec(t, `ALTER TABLE changes RENAME TO elsewhere`)
	told.Await(t, store.Flags)
	told.Await(t, store.States)
	told.Quiet(t)
	db.Exec(t, `ALTER TABLE elsewhere RENAME TO changes`)
	ok(t, a.SaveFlag(t.Context(), change("one", 5, 1)))
	told.Await(t, store.Flags)
}

// Told is what a replica is told of.
type Told struct {
	kinds chan store.Kind
}

// Follow watches until the test ends, and returns once the watch has begun.
func Follow(t *testing.T, s *store.Store) Told {
	t.Helper()
	told := Told{make(chan store.Kind, 1000)}
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		if err := s.Watch(ctx, func(k store.Kind) { told.kinds <- k }); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); watching.Wait() })
	for _, kind := range []store.Kind{store.Accounts, store.Credentials, store.Flags, store.States} {
		if got := <-told.kinds; got != kind {
			t.Errorf("at the start %s, want %s", got, kind)
		}
	}
	return told
}

// patience bounds a wait, so that a notice that never comes fails the test.
const patience = 20 * time.Second

// Await waits for a notice of the kind, and returns how long it took. Of other
// kinds it forgets.
func (w Told) Await(t *testing.T, kind store.Kind) time.Duration {
	t.Helper()
	begun := time.Now()
	late := time.After(patience)
	for {
		select {
		case got := <-w.kinds:
			if got == kind {
				return time.Since(begun)
			}
		case <-late:
			t.Fatalf("no notice of %s", kind)
		}
	}
}

// Forget drops what was told so far.
func (w Told) Forget() {
	for len(w.kinds) > 0 {
		<-w.kinds
	}
}

// Quiet fails if anything but what is told already comes within a few looks.
func (w Told) Quiet(t *testing.T) {
	t.Helper()
	w.Forget()
	select {
	case got := <-w.kinds:
		t.Errorf("a notice of %s, though nothing was changed", got)
	case <-time.After(time.Second):
	}
}

// writers: many at once on all kinds and both replicas, and each is served.
func (s suite) writers(t *testing.T) {
	a, b := s.pair(t)
	_, err := a.CreateAccount(t.Context(), "admin", "hash")
	ok(t, err)
	const rounds = 10
	var all sync.WaitGroup
	for i, r := range []*store.Store{a, b, a, b} {
		id := fmt.Sprint("c", i)
		all.Go(func() {
			for n := range rounds {
				states := []store.State{{Credential: "shared", Requests: 1}, {Credential: id, Requests: 1}}
				err := errors.Join(
					r.SaveCredential(t.Context(), credential(id, "secret", n)),
					r.SaveStates(t.Context(), states),
					r.SaveSession(t.Context(), store.Session{Hash: id, Account: "admin", Expires: time.Now().Add(time.Hour)}, "hash"),
					r.DeleteCredential(t.Context(), id),
				)
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got, err := a.States(t.Context())
	same(t, "what both counted", got, err, []store.State{{Credential: "shared", Requests: 4 * rounds}})
}

func (s suite) startAtOnce(t *testing.T) {
	db, key := s.fresh(t), NewKey(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			r, err := store.Open(t.Context(), db.URL, key)
			if err != nil {
				t.Error(err)
				return
			}
			if err := errors.Join(r.Ping(t.Context()), r.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	ok(t, Open(t, db.URL, key).SaveFlag(t.Context(), change("one", 5, 1)))
}

func (s suite) newer(t *testing.T) {
	db := s.fresh(t)
	ok(t, Open(t, db.URL, nil).SaveFlag(t.Context(), change("one", 5, 1)))
	db.Exec(t, `INSERT INTO schema_version (version, applied) VALUES (99, 0)`)
	_, err := store.Open(t.Context(), db.URL, nil)
	is(t, "to open it", err, store.ErrNewer)
	if err != nil && (!strings.Contains(err.Error(), "99") || strings.Contains(err.Error(), "\n")) {
		t.Errorf("want one line that names the version: %q", err)
	}
}

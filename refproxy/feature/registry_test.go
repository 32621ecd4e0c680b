package feature_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
)

func change(flag string, percent float64, expected uint64) feature.Change {
	return feature.Change{Flag: flag, Setting: feature.Setting{Percent: percent}, Expected: expected, Who: "anna", Evidence: "verdict 12ab"}
}

// TestPrecedence: environment over stored over given over off.
func TestPrecedence(t *testing.T) {
	backend := feature.NewMemory()
	first := open(t, feature.Config{Backend: backend})
	for n, name := range []string{retryFlag, poolFlag} {
		if _, err := first.Set(t.Context(), change(name, 5, uint64(n))); err != nil {
			t.Fatal(err)
		}
	}
	given, err := feature.ParseSettings(poolFlag + "=50%," + fastFlag + "=50%/session")
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, feature.Config{Backend: backend, Given: given, Environment: env(map[string]string{"FF_RETRY_POLICY_V2": "yes"})}).Current()
	want := map[string]feature.Setting{
		retryFlag:                            {Percent: 100, Unit: feature.UnitRequest},
		poolFlag:                             {Percent: 5, Unit: feature.UnitRequest},
		fastFlag:                             {Percent: 50, Unit: feature.UnitSession},
		"ff_preview_credential_scheduler_v2": {Unit: feature.UnitRequest},
	}
	if diff := cmp.Diff(want, s.Settings()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !s.Locked(retryFlag) || s.Locked(poolFlag) || s.Generation != 2 {
		t.Errorf("locked: %v, %v; generation %d", s.Locked(retryFlag), s.Locked(poolFlag), s.Generation)
	}
	s.Settings()[poolFlag] = feature.Setting{} // the caller's own copy
	if s.Settings()[poolFlag].Percent != 5 {
		t.Error("a snapshot was changed")
	}
}

// TestOpenRefuses: a setting that cannot be read stops the program at once.
func TestOpenRefuses(t *testing.T) {
	wrong := feature.NewMemory()
	if err := wrong.Save(t.Context(), feature.Entry{Flag: poolFlag, To: feature.Setting{Percent: 300}, Generation: 1}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		cfg  feature.Config
		want []string
	}{
		{feature.Config{Environment: env(map[string]string{"FF_RETRY_POLICY_V2": "maybe"})}, []string{"FF_RETRY_POLICY_V2", "maybe", "25%"}},
		{feature.Config{Given: map[string]feature.Setting{retryFlag: {Percent: -1}}}, []string{retryFlag, "-1%"}},
		{feature.Config{Backend: wrong}, []string{"stored", poolFlag, "300%"}},
		{feature.Config{Backend: &broken{err: errors.New("no disk")}}, []string{"stored", "no disk"}},
	} {
		_, err := feature.Open(t.Context(), tt.cfg)
		says(t, err, tt.want)
	}
}

func TestSet(t *testing.T) {
	r := open(t, feature.Config{
		Given:       map[string]feature.Setting{poolFlag: {Percent: 50, Unit: feature.UnitSession}},
		Environment: env(map[string]string{"FF_RETRY_POLICY_V2": "5%/session"}),
	})
	before := r.Current()
	for _, tt := range []struct {
		name   string
		change feature.Change
		want   error
	}{
		{"unknown", change("ff_nope", 5, 0), feature.ErrUnknown},
		{"locked", change(retryFlag, 5, 0), feature.ErrLocked},
		{"a generation ahead", change(poolFlag, 5, 1), feature.ErrStale},
		{"out of range", change(poolFlag, 101, 0), nil},
		{"nobody", feature.Change{Flag: poolFlag}, nil},
	} {
		if _, err := r.Set(t.Context(), tt.change); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if r.Current() != before {
		t.Fatal("a refused change came into force")
	}
	got, err := r.Set(t.Context(), change(poolFlag, 5, 0))
	if err != nil {
		t.Fatal(err)
	}
	want := feature.Entry{
		Who: "anna", Flag: poolFlag, From: feature.Setting{Percent: 50, Unit: feature.UnitSession},
		To: feature.Setting{Percent: 5, Unit: feature.UnitRequest}, Evidence: "verdict 12ab", Generation: 1,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(feature.Entry{}, "At")); diff != "" || got.At.IsZero() {
		t.Errorf("at %v (-want +got):\n%s", got.At, diff)
	}
	if s := r.Current(); s.Settings()[poolFlag].Percent != 5 || s.Generation != 1 {
		t.Errorf("in force: %+v", s.Settings())
	}
	if _, err := r.Set(t.Context(), change(poolFlag, 20, 0)); !errors.Is(err, feature.ErrStale) {
		t.Errorf("the same generation twice: %v", err)
	}
	second, err := r.Set(t.Context(), change(poolFlag, 20, 1))
	if err != nil {
		t.Fatal(err)
	}
	log, err := r.Log(t.Context(), 10)
	if diff := cmp.Diff([]feature.Entry{second, got}, log); err != nil || diff != "" {
		t.Errorf("log %v (-want +got):\n%s", err, diff)
	}
	if log, _ := r.Log(t.Context(), 1); len(log) != 1 || log[0].Generation != 2 {
		t.Errorf("log of one: %+v", log)
	}
}

// TestOnlyTheNextGenerationIsSaved: it is the backend that compares, since another
// replica may have come between a registry's Load and its Save.
func TestOnlyTheNextGenerationIsSaved(t *testing.T) {
	m := feature.NewMemory()
	for _, tt := range []struct {
		generation uint64
		want       error
	}{{2, feature.ErrStale}, {1, nil}, {1, feature.ErrStale}, {0, feature.ErrStale}, {3, feature.ErrStale}, {2, nil}} {
		if err := m.Save(t.Context(), feature.Entry{Flag: poolFlag, Generation: tt.generation}); !errors.Is(err, tt.want) {
			t.Errorf("generation %d: %v, want %v", tt.generation, err, tt.want)
		}
	}
	if log, err := m.Log(t.Context(), 10); err != nil || len(log) != 2 {
		t.Errorf("log %+v, %v", log, err)
	}
}

// TestOneOfManyWins: of changes that expect the same generation one is made.
func TestOneOfManyWins(t *testing.T) {
	backend := feature.NewMemory()
	a, b := open(t, feature.Config{Backend: backend}), open(t, feature.Config{Backend: backend})
	var mu sync.Mutex
	var won []feature.Entry
	var all sync.WaitGroup
	for i := range 20 {
		r := []*feature.Registry{a, b}[i%2]
		all.Go(func() {
			e, err := r.Set(t.Context(), change(poolFlag, float64(i), 0))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, e)
			} else if !errors.Is(err, feature.ErrStale) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	log, err := a.Log(t.Context(), 100)
	if diff := cmp.Diff(won, log); err != nil || len(won) != 1 || diff != "" {
		t.Errorf("%d won, %v (-won +log):\n%s", len(won), err, diff)
	}
}

// TestStaleChangeShowsTheNewest: a replica that is behind is up to date once a change
// was refused for it, so that whoever reads again can go on: a rollback cannot wait
// for a notice.
func TestStaleChangeShowsTheNewest(t *testing.T) {
	backend := feature.NewMemory()
	a, b := open(t, feature.Config{Backend: backend}), open(t, feature.Config{Backend: backend}) // neither follows
	if _, err := a.Set(t.Context(), change(poolFlag, 5, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Set(t.Context(), change(poolFlag, 0, 0)); !errors.Is(err, feature.ErrStale) {
		t.Fatalf("the change was not refused: %v", err)
	}
	if s := b.Current(); s.Generation != 1 || s.Settings()[poolFlag].Percent != 5 {
		t.Errorf("it still shows generation %d", s.Generation)
	}
	if _, err := b.Set(t.Context(), change(poolFlag, 0, b.Current().Generation)); err != nil {
		t.Error(err)
	}
}

// TestUnconfirmedChangeIsReadBack: a change of which it is not known whether it was
// made is in force if it was.
func TestUnconfirmedChangeIsReadBack(t *testing.T) {
	r := open(t, feature.Config{Backend: lossy{feature.NewMemory()}})
	if _, err := r.Set(t.Context(), change(poolFlag, 5, 0)); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	if s := r.Current(); s.Generation != 1 || s.Settings()[poolFlag].Percent != 5 {
		t.Errorf("generation %d: %+v", s.Generation, s.Settings())
	}
}

var errLost = errors.New("connection lost")

// A lossy backend saves, and cannot say so.
type lossy struct{ *feature.Memory }

func (l lossy) Save(ctx context.Context, e feature.Entry) error {
	return errors.Join(l.Memory.Save(ctx, e), errLost)
}

// TestWrongSettingOfOthersIsNotInForce: a share that cannot be, which somebody wrote
// past the registry, does not come into force with the change of another flag.
func TestWrongSettingOfOthersIsNotInForce(t *testing.T) {
	backend := feature.NewMemory()
	r := open(t, feature.Config{Backend: backend})
	if err := backend.Save(t.Context(), feature.Entry{Flag: fastFlag, To: feature.Setting{Percent: 300}, Generation: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Set(t.Context(), change(poolFlag, 5, 1)); err == nil {
		t.Error("the change says that it is in force")
	}
	if s := r.Current().Settings(); s[fastFlag].Percent != 0 {
		t.Errorf("in force: %+v", s)
	}
	if _, err := r.Set(t.Context(), change(fastFlag, 0, 2)); err != nil {
		t.Errorf("it cannot be mended: %v", err)
	}
	if s := r.Current().Settings(); s[poolFlag].Percent != 5 {
		t.Errorf("once it was: %+v", s)
	}
}

// TestSharesAreExact: what is stored and shown is what is in force, not what was
// within rounding of it.
func TestSharesAreExact(t *testing.T) {
	r := open(t, feature.Config{})
	for n, tt := range []struct{ given, want float64 }{{12.34, 12.34}, {1e-9, 0}, {math.Copysign(0, -1), 0}, {100 - 1e-10, 100}, {0.01, 0.01}, {29.000000001, 29}} {
		e, err := r.Set(t.Context(), change(poolFlag, tt.given, uint64(n)))
		got := r.Current().Settings()[poolFlag].Percent
		if err != nil || e.To.Percent != tt.want || got != tt.want || math.Signbit(got) {
			t.Errorf("%v %%: %v, logged %v, in force %v", tt.given, err, e.To.Percent, got)
		}
	}
}

// TestReplicasFollow: what one changes the other has at once, and it keeps what it
// has while the backend fails.
func TestReplicasFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &broken{Memory: feature.NewMemory()}
		a, b := open(t, feature.Config{Backend: backend.Memory}), open(t, feature.Config{Backend: backend})
		ctx, stop := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer stop()
		go b.Run(ctx)
		set := func(percent float64, expected uint64) {
			if _, err := a.Set(ctx, change(poolFlag, percent, expected)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		set(5, 0)
		if got := b.Current().Settings()[poolFlag].Percent; got != 5 {
			t.Fatalf("the other has %v%%", got)
		}
		backend.fail(errors.New("gone"))
		set(20, 1)
		if s := b.Current(); s.Settings()[poolFlag].Percent != 5 {
			t.Fatalf("without its backend the other has %+v", s.Settings())
		}
		backend.fail(nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s := b.Current(); s.Settings()[poolFlag].Percent != 20 || s.Generation != 2 {
			t.Fatalf("afterwards the other has %+v", s.Settings())
		}
	})
}

// TestWatchBeginsAnew: a watch that ends is taken up again, and misses nothing.
func TestWatchBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &broken{Memory: feature.NewMemory(), deaf: true}
		r := open(t, feature.Config{Backend: backend})
		ctx, stop := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer stop()
		go r.Run(ctx)
		synctest.Wait()
		if err := backend.Save(ctx, feature.Entry{Flag: poolFlag, To: feature.Setting{Percent: 5}, Generation: 1}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := r.Current().Settings()[poolFlag].Percent; got != 5 {
			t.Errorf("%v%%", got)
		}
	})
}

// TestLaterStays: a state that was read earlier and arrives later changes nothing.
func TestLaterStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &broken{Memory: feature.NewMemory(), held: make(chan struct{})}
		r := open(t, feature.Config{Backend: backend})
		ctx, stop := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer stop()
		backend.hold()
		go r.Run(ctx) // reads generation 0, and is held
		synctest.Wait()
		if _, err := r.Set(ctx, change(poolFlag, 5, 0)); err != nil {
			t.Fatal(err)
		}
		backend.fail(errors.New("nothing else is read"))
		close(backend.held)
		synctest.Wait()
		if s := r.Current(); s.Generation != 1 || s.Settings()[poolFlag].Percent != 5 {
			t.Errorf("generation %d: %+v", s.Generation, s.Settings())
		}
	})
}

// A broken backend fails to load, or watches without hearing anything.
type broken struct {
	*feature.Memory
	deaf bool

	mu   sync.Mutex
	err  error
	held chan struct{} // what the next Load waits for, after it has read
	next bool
}

func (b *broken) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *broken) hold() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next = true
}

func (b *broken) Load(ctx context.Context) (feature.State, error) {
	b.mu.Lock()
	err, wait := b.err, b.next
	b.next = false
	b.mu.Unlock()
	if err != nil {
		return feature.State{}, err
	}
	s, err := b.Memory.Load(ctx)
	if wait {
		<-b.held
	}
	return s, err
}

func (b *broken) Watch(ctx context.Context, changed func()) error {
	if b.deaf {
		return errors.New("deaf")
	}
	return b.Memory.Watch(ctx, changed)
}

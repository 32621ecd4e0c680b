package clock_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

func newTimer(t testing.TB) *clock.Timer {
	t.Helper()
	timer, err := clock.NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = timer.Close() })
	return timer
}

// waits are the ways to wait.
var waits = map[string]func(*clock.Timer, context.Context, int64) error{
	"Until":   (*clock.Timer).Until,
	"Sharply": (*clock.Timer).Sharply,
}

func TestNeverReturnsEarly(t *testing.T) {
	for name, wait := range waits {
		timer := newTimer(t)
		late := make([]int64, 0, 200)
		for range 200 {
			at := clock.Now() + int64(time.Millisecond)
			if err := wait(timer, t.Context(), at); err != nil {
				t.Fatal(err)
			}
			lateness := clock.Now() - at
			if lateness < 0 {
				t.Fatalf("%s returned %d ns before its instant", name, -lateness)
			}
			late = append(late, lateness)
		}
		slices.Sort(late)
		t.Logf("%s: lateness p50 %v, p99 %v", name, time.Duration(late[100]), time.Duration(late[197]))
	}
}

func TestPastInstantReturnsAtOnce(t *testing.T) {
	for name, wait := range waits {
		if err := wait(newTimer(t), t.Context(), clock.Now()-1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWaitEndsWithItsContextAndWorksAgain(t *testing.T) {
	for name, wait := range waits {
		timer := newTimer(t)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Millisecond, cancel)
		if err := wait(timer, ctx, clock.Now()+int64(time.Hour)); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: got %v, want context.Canceled", name, err)
		}
		if err := wait(timer, t.Context(), clock.Now()+int64(time.Millisecond)); err != nil {
			t.Fatalf("%s, after a cancelled wait: %v", name, err)
		}
	}
}

func TestProcessCPUGrowsWithWork(t *testing.T) {
	before, err := clock.ProcessCPU(os.Getpid())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system does not tell the CPU time of another process: not tested")
	}
	if err != nil {
		t.Fatal(err)
	}
	for start := clock.Now(); clock.Since(start) < 20*time.Millisecond; {
	}
	after, err := clock.ProcessCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if used := after - before; used < 2*time.Millisecond {
		t.Errorf("20 ms of work counted as %v", used)
	}
}

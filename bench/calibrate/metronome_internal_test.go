package calibrate

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// beating returns a metronome that runs for the length of the test.
func beating(t *testing.T) *metronome {
	t.Helper()
	m := newMetronome()
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = m.run(ctx) }) // ends with its context
	t.Cleanup(func() {
		stop()
		wg.Wait()
	})
	return m
}

// TestMetronomeIsNeverEarly: many wait at once, in no order, and none is woken
// before its instant or forgotten.
func TestMetronomeIsNeverEarly(t *testing.T) {
	m := beating(t)
	begin := clock.Now()
	var wg sync.WaitGroup
	for i := range 200 {
		at := begin + int64(time.Duration(1+i*37%50)*time.Millisecond)
		wg.Go(func() {
			if err := m.until(t.Context(), at); err != nil || clock.Now() < at {
				t.Errorf("%d ns before its instant: %v", at-clock.Now(), err)
			}
		})
	}
	wg.Wait()
	if len(m.waits) != 0 {
		t.Errorf("%d waits are left", len(m.waits))
	}
}

// TestMetronomeTakesAnEarlierWait: one that comes while it sleeps for a later.
func TestMetronomeTakesAnEarlierWait(t *testing.T) {
	m := beating(t)
	far, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := m.until(far, clock.Now()+int64(time.Hour)); !errors.Is(err, context.Canceled) {
			t.Errorf("the far wait: %v", err)
		}
	})
	if err := m.until(t.Context(), clock.Now()+int64(5*time.Millisecond)); err != nil {
		t.Error(err)
	}
	cancel()
	wg.Wait()
}

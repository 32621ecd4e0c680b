//go:build !linux

package clock

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const shared = false

// epoch anchors the portable clock to the process start: without
// CLOCK_MONOTONIC, instants of two processes cannot be compared.
var epoch = time.Now()

func now() int64 { return int64(time.Since(epoch)) }

func processCPU(pid int) (time.Duration, error) {
	return 0, fmt.Errorf("clock: CPU time of process %d: %w", pid, errors.ErrUnsupported)
}

// spin is how long before the instant the portable timer stops sleeping: a
// sleep may overrun by about a millisecond.
const spin = 1100 * time.Microsecond

// A Timer waits for instants of [Now] by sleeping close to them and spinning
// the rest. One goroutine at a time may use it.
type Timer struct{}

// NewTimer returns a timer.
func NewTimer() (*Timer, error) { return &Timer{}, nil }

// Close does nothing.
func (*Timer) Close() error { return nil }

// Until returns at the instant at, or at once if that has passed. When ctx ends
// first, it returns the context's error.
func (*Timer) Until(ctx context.Context, at int64) error {
	if rest := time.Duration(at-now()) - spin; rest > 0 {
		sleep := time.NewTimer(rest)
		defer sleep.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-sleep.C:
		}
	}
	for now() < at {
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Sharply is Until, which spins anyway.
func (t *Timer) Sharply(ctx context.Context, at int64) error { return t.Until(ctx, at) }

package clock

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Scaled clock runs a fixed factor faster than the machine's, so that a policy
// of minutes can be tried in seconds: waits, cooldowns, budgets and half-lives
// asked of it all shrink by the same factor. Processor time does not, so its
// share of whatever is measured grows with the factor: whoever reports scaled
// times says so. A nil *Scaled is the machine's clock itself. It is safe for
// concurrent use.
//
// Instants and durations that go in and come out are of this clock, but for
// those that Machine returns.
type Scaled struct {
	factor float64
	origin time.Time // where both clocks agree
}

// NewScaled returns a clock that agrees with the machine's at origin and runs
// factor times as fast. Processes that exchange instants need the same origin.
func NewScaled(factor float64, origin time.Time) (*Scaled, error) {
	if !(factor >= 1 && factor <= 1000) {
		return nil, fmt.Errorf("a clock runs 1 to 1000 times as fast, not %v", factor)
	}
	return &Scaled{factor, origin}, nil
}

// ParseScaled reads what String writes: "FACTOR" or "FACTOR@SECONDS", the
// origin in Unix seconds; without one it is now.
func ParseScaled(s string) (*Scaled, error) {
	text, at, given := strings.Cut(s, "@")
	factor, err := strconv.ParseFloat(text, 64)
	origin := time.Now()
	if given && err == nil {
		var seconds float64
		seconds, err = strconv.ParseFloat(at, 64)
		origin = time.Unix(0, int64(seconds*1e9))
	}
	if err != nil {
		return nil, fmt.Errorf("clock %q: want a factor such as 20, or 20@UNIX-SECONDS", s)
	}
	return NewScaled(factor, origin)
}

// String names the clock such that another process can have the same.
func (c *Scaled) String() string {
	if c == nil {
		return "1"
	}
	return fmt.Sprintf("%g@%.6f", c.factor, float64(c.origin.UnixNano())/1e9)
}

// Factor is how much faster than the machine's it runs.
func (c *Scaled) Factor() float64 {
	if c == nil {
		return 1
	}
	return c.factor
}

// Now returns this clock's instant.
func (c *Scaled) Now() time.Time {
	if c == nil || c.factor == 1 {
		return time.Now()
	}
	return c.At(time.Now())
}

// At returns this clock's instant at a machine's. An instant without a monotonic
// reading, such as one of another process, is as good.
func (c *Scaled) At(machine time.Time) time.Time {
	if c == nil || c.factor == 1 {
		return machine
	}
	return c.origin.Add(time.Duration(float64(machine.Sub(c.origin)) * c.factor))
}

// Since returns how much of this clock's time has passed since t.
func (c *Scaled) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Until returns how much of this clock's time is left until t.
func (c *Scaled) Until(t time.Time) time.Duration { return t.Sub(c.Now()) }

// Machine returns how long d lasts on the machine's clock.
func (c *Scaled) Machine(d time.Duration) time.Duration {
	if c == nil || c.factor == 1 {
		return d
	}
	return time.Duration(float64(d) / c.factor)
}

// AfterFunc calls f on a goroutine of its own once d has passed.
func (c *Scaled) AfterFunc(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(c.Machine(d), f)
}

// Reset is the Reset of a timer made by AfterFunc, in this clock's time.
func (c *Scaled) Reset(t *time.Timer, d time.Duration) bool { return t.Reset(c.Machine(d)) }

// Sleep waits for d or for ctx, whose cause is then its error.
func (c *Scaled) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(c.Machine(d))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// WithTimeout returns a context that ends after d with cause, or earlier with
// its parent.
func (c *Scaled) WithTimeout(ctx context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	if cause == nil {
		cause = errors.New("time is up")
	}
	return context.WithTimeoutCause(ctx, c.Machine(d), cause)
}

package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

func TestScaledClockShrinksEveryWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := clock.NewScaled(20, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		machine, ours := time.Now(), c.Now()
		if err := c.Sleep(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(machine); got != 3*time.Second {
			t.Errorf("a minute lasted %v of the machine's, want 3s", got)
		}
		if got := c.Since(ours); got != time.Minute {
			t.Errorf("a minute was %v", got)
		}
		fired := make(chan time.Time, 1)
		timer := c.AfterFunc(10*time.Second, func() { fired <- c.Now() })
		begun := c.Now()
		c.Reset(timer, 40*time.Second)
		if got := (<-fired).Sub(begun); got != 40*time.Second {
			t.Errorf("the timer fired after %v, want 40s", got)
		}
		why := errors.New("over")
		ctx, cancel := c.WithTimeout(t.Context(), 20*time.Second, why)
		defer cancel()
		machine = time.Now()
		<-ctx.Done()
		if got := time.Since(machine); got != time.Second || !errors.Is(context.Cause(ctx), why) {
			t.Errorf("the context ended after %v with %v", got, context.Cause(ctx))
		}
	})
}

func TestScaledClockOfAnotherProcessAgrees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, err := clock.ParseScaled("12.5")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		b, err := clock.ParseScaled(a.String())
		if err != nil {
			t.Fatal(err)
		}
		if apart := b.Until(a.Now()).Abs(); apart > time.Millisecond {
			t.Errorf("%s and %s are %v apart", a, b, apart)
		}
	})
}

func TestScaledClockEndsItsSleepWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("gone")
	cancel(why)
	var machine *clock.Scaled
	for _, d := range []time.Duration{0, time.Hour} {
		if err := machine.Sleep(ctx, d); !errors.Is(err, why) {
			t.Errorf("sleep of %v ended with %v", d, err)
		}
	}
}

func TestParseScaledRefuses(t *testing.T) {
	for _, s := range []string{"", "0", ".5", "1001", "NaN", "fast", "2@then", "-3"} {
		if c, err := clock.ParseScaled(s); err == nil {
			t.Errorf("%q made a clock of factor %v", s, c.Factor())
		}
	}
}

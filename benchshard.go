package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/offset"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// shardFlags let several machines share one run.
type shardFlags struct {
	shard, startAt string
	gap            time.Duration
}

func (f *shardFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.shard, "shard", "", "I/N: send every N-th request of the plan from the I-th on, counted from 0; needs --seed and --start-at, the same for all shards; firstbyte merge puts the run files together")
	fs.StringVar(&f.startAt, "start-at", "", "when to begin: a time such as 2026-01-31T12:00:00Z, or +30s from now")
	fs.DurationVar(&f.gap, "turn-gap", 10*time.Second, "with --start-at: time for the last answers of a warm-up or a turn before the next begins, everywhere at once")
}

// apply makes cfg one shard of its run. seeded tells that the seed was given.
func (f *shardFlags) apply(cfg *load.Config, seeded bool, now time.Time) error {
	if f.shard == "" && f.startAt == "" {
		return nil
	}
	var errs []error
	var err error
	if cfg.Shard.Index, cfg.Shard.Of, err = parseShard(f.shard); err != nil {
		errs = append(errs, err)
	}
	if cfg.Shard.Start, err = parseStart(f.startAt, now); err != nil {
		errs = append(errs, err)
	}
	if cfg.Shard.Of > 1 && !seeded {
		errs = append(errs, errors.New("--shard: give --seed, the same for all shards"))
	}
	cfg.Shard.Gap = f.gap
	return errors.Join(errs...)
}

// parseShard reads I/N; "" is the whole.
func parseShard(text string) (index, of int, err error) {
	if text == "" {
		return 0, 1, nil
	}
	i, n, _ := strings.Cut(text, "/")
	index, errIndex := strconv.Atoi(i)
	of, errOf := strconv.Atoi(n)
	if errIndex != nil || errOf != nil || of < 1 || index < 0 || index >= of {
		return 0, 1, fmt.Errorf("--shard %q: write I/N with I from 0 to N-1, such as 0/3, 1/3 and 2/3", text)
	}
	return index, of, nil
}

// parseStart reads a time or how long from now, which must not have passed.
func parseStart(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, errors.New("--shard: give --start-at, the same time for all shards")
	}
	at, err := time.Parse(time.RFC3339, text)
	if after, found := strings.CutPrefix(text, "+"); found {
		var wait time.Duration
		wait, err = time.ParseDuration(after)
		at = now.Add(wait)
	}
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("--start-at %q: write a time such as 2026-01-31T12:00:00Z, or +30s from now", text)
	case !at.After(now):
		return time.Time{}, fmt.Errorf("--start-at %s has passed: give a later one, it is %s", text, now.UTC().Format(time.RFC3339))
	}
	return at.Round(0), nil
}

// untilStart is how long before the start the clock is no longer asked for.
const untilStart = time.Second

// compareClock asks the first target for its clock, by which shards can be
// compared, in the time before the start.
func compareClock(ctx context.Context, cfg *load.Config, target string, say func(format string, args ...any)) {
	if cfg.Shard.Of <= 1 {
		return
	}
	say("shard %d of %d, starting at %s", cfg.Shard.Index, cfg.Shard.Of, cfg.Shard.Start.UTC().Format(time.RFC3339Nano))
	cfg.Shard.Clock = offset.Estimate(ctx, target, cfg.Shard.Start.Add(-untilStart))
	say("%s", clockLine(cfg.Shard.Clock))
}

// clockLine says what is known of this machine's clock.
func clockLine(o sample.Offset) string {
	if o.Unknown != "" {
		return "this machine's clock could not be compared with the target's: " + o.Unknown
	}
	return fmt.Sprintf("the clock of %s is ahead of this machine's by %v, give or take %v",
		o.Against, time.Duration(o.OffsetNS).Round(time.Microsecond), time.Duration(o.ErrorNS).Round(time.Microsecond))
}

// startError gives the next step where the start passed before the load began.
func startError(err error) error {
	if errors.Is(err, load.ErrStartPassed) {
		return fmt.Errorf("--start-at: %w before the load could begin: give a later one, or a shorter --calibrate", load.ErrStartPassed)
	}
	return err
}

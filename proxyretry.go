package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/refproxy/retry"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
)

// retryFlags bound what ff_retry_policy_v2 does, as given. Without it a request is
// repeated as it ever was, whatever they say.
type retryFlags struct {
	share           float64
	burst, retries  int
	interval, total time.Duration
}

// Beyond these a number is a slip.
const (
	mostBurst   = 1_000_000
	mostRetries = 100
)

func (f *retryFlags) register(fs *pflag.FlagSet) {
	d := retry.Default()
	fs.Float64Var(&f.share, "retry-share", d.Share, "with ff_retry_policy_v2: retries for each request, 0 to 1, counted over all of them")
	fs.IntVar(&f.burst, "retry-burst", d.Burst, "with ff_retry_policy_v2: retries beyond that share that may come at once")
	fs.IntVar(&f.retries, "retries", d.Retries, "with ff_retry_policy_v2: how often one request is sent again after a wait")
	fs.DurationVar(&f.interval, "retry-interval", d.Interval, "with ff_retry_policy_v2: the longest first wait before a request is sent again; each one more may be twice as long")
	fs.DurationVar(&f.total, "retry-total", d.Total, "with ff_retry_policy_v2: how long after it came a request may be sent again; 0 is not at all")
}

// into gives cfg the policy, and the earlier behaviour the one it always had.
func (f *retryFlags) into(cfg *server.Config) error {
	var problems []error
	refuse := func(fits bool, format string, args ...any) {
		if !fits {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	refuse(f.share >= 0 && f.share <= 1, "--retry-share %v: want 0 to 1, such as 0.1 for one retry to ten requests", f.share) // nor NaN
	refuse(f.burst >= 0 && f.burst <= mostBurst, "--retry-burst %d: want 0 to %d", f.burst, mostBurst)
	refuse(f.retries >= 0 && f.retries <= mostRetries, "--retries %d: want 0 to %d", f.retries, mostRetries)
	refuse(f.interval > 0, "--retry-interval %v: want more than 0s", f.interval)
	refuse(f.total >= 0, "--retry-total %v: want 0s or more", f.total)
	given, earlier := retry.Default(), retry.Default()
	given.Share, given.Burst, given.Retries = f.share, f.burst, f.retries
	given.Interval, given.Total = f.interval, f.total
	cfg.Retry, cfg.Baseline = &given, &earlier
	return errors.Join(problems...)
}

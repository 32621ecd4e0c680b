package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/refproxy/retry"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
)

// TestRetryFlags: what is asked for is in the policy, and nothing else than that;
// the earlier behaviour's policy never changes.
func TestRetryFlags(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want func(*retry.Policy)
	}{
		{nil, func(*retry.Policy) {}},
		{[]string{"--retry-share=0", "--retry-burst=0"}, func(p *retry.Policy) { p.Share, p.Burst = 0, 0 }},
		{
			[]string{"--retry-share=0.25", "--retry-burst=40", "--retries=0", "--retry-interval=3s", "--retry-total=1m30s"},
			func(p *retry.Policy) {
				p.Share, p.Burst, p.Retries, p.Interval, p.Total = 0.25, 40, 0, 3*time.Second, 90*time.Second
			},
		},
	} {
		var f retryFlags
		fs := pflag.NewFlagSet("proxy", pflag.ContinueOnError)
		f.register(fs)
		var cfg server.Config
		if err := fs.Parse(tt.args); err != nil {
			t.Fatal(err)
		}
		if err := f.into(&cfg); err != nil {
			t.Errorf("%v: %v", tt.args, err)
		}
		want := retry.Default()
		tt.want(&want)
		same := cmpopts.IgnoreFields(retry.Policy{}, "ResetZone") // read anew each time
		if diff := cmp.Diff(want, *cfg.Retry, same); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.args, diff)
		}
		if diff := cmp.Diff(retry.Default(), *cfg.Baseline, same); diff != "" {
			t.Errorf("%v changes the earlier behaviour (-want +got):\n%s", tt.args, diff)
		}
	}
}

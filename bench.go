package main

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// benchFlags are the command line of "firstbyte bench".
type benchFlags struct {
	targets             []string
	dataset, model, out string
	keyEnv, keyFile     string
	arrivals            arrivalFlags
	dialect             dialectFlags
	trace               traceFlags
	session             sessionFlags
	search              searchFlags
	design              designFlags
	warmup              int
	seed                uint64
	timeouts            load.Timeouts
	calibrate           time.Duration
	quiet               bool
	outputFlags
	transport transportFlags
	shard     shardFlags
	limit     limitFlags
}

const benchHelp = `Loads one or more targets with streaming requests of the API that --dialect names,
prints what was measured, and writes every request to --out. Several targets are
loaded in interleaved blocks with the same requests, the first being the baseline.
Answers are scored where the dataset says how (datasets/README.md), in the run file,
for guard and assert. A key comes from the environment or a file, never as an argument.

Exit code 4 says that a target gave no answer at all.`

func newBenchCmd() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench --target NAME=URL --model MODEL",
		Short: "Load targets and measure their streams",
		Long:  benchHelp,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runBench(cmd, f) },
	}
	f.arrivals.add(cmd)
	f.dialect.add(cmd)
	fs := cmd.Flags()
	fs.StringArrayVar(&f.targets, "target", nil, "NAME=URL of a target; repeat to compare, the baseline first")
	fs.StringVar(&f.model, "model", "", "model to ask for")
	fs.StringVar(&f.dataset, "dataset", "default", "dataset, JSON Lines, or the built-in one")
	fs.StringVar(&f.out, "out", "out/bench.run.jsonl.gz", "run file to write")
	fs.StringVar(&f.keyEnv, "key-env", "", "environment variable that holds the API key")
	fs.StringVar(&f.keyFile, "key-file", "", "file that holds the API key")
	fs.IntVar(&f.warmup, "warmup", 5, "requests before each turn that are not measured")
	fs.Uint64Var(&f.seed, "seed", 0, "seed of items, starts and order (default: drawn and printed)")
	fs.DurationVar(&f.timeouts.FirstToken, "first-token-timeout", 30*time.Second, "a request without a token by then has failed")
	fs.DurationVar(&f.timeouts.Gap, "gap-timeout", 15*time.Second, "a request that pauses so long between tokens has failed")
	fs.DurationVar(&f.timeouts.Total, "total-timeout", 2*time.Minute, "a request not finished by then has failed")
	fs.DurationVar(&f.calibrate, "calibrate", 3*time.Second, "how long to measure the measurer first; 0 does not")
	fs.BoolVar(&f.quiet, "quiet", false, "no progress")
	f.outputFlags.add(fs)
	f.transport.add(fs)
	f.shard.add(fs)
	f.trace.add(cmd)
	f.session.add(cmd)
	f.search.add(cmd)
	f.limit.add(cmd)
	f.design.add(cmd)
	cmd.MarkFlagsMutuallyExclusive("key-env", "key-file")
	return cmd
}

func runBench(cmd *cobra.Command, f benchFlags) error {
	cfg, err := benchConfig(&f)
	if err != nil {
		return err
	}
	goals, err := f.search.check(cmd, &cfg)
	if err = errors.Join(err, f.design.check(cmd)); err != nil {
		return err
	}
	if err := f.arrivals.write(cfg); err != nil {
		return err
	}
	if err := reach(cmd.Context(), cfg.Arms, "--target"); err != nil {
		return err
	}
	file, err := sample.Create(f.out) // now: a place that cannot be written must cost no load
	if err != nil {
		return err
	}
	defer file.Discard()
	show := newBenchScreen(cmd.ErrOrStderr(), f.quiet)
	show.say("seed %d, dataset %s %.12s", f.seed, cfg.Set.Name, cfg.Set.Hash)
	if err := f.limit.say(cmd.ErrOrStderr()); err != nil {
		return err
	}
	var cal calibrate.Calibration
	if f.calibrate > 0 {
		show.say("measuring the measurer for %v", f.calibrate)
		if cal, err = calibrate.Calibrate(cmd.Context(), calibrate.Options{For: f.calibrate, Seed: f.seed, Transport: load.Transport{Protocol: cfg.Transport.Protocol, Connections: cfg.Transport.Connections}}); err != nil {
			return err
		}
	}
	compareClock(cmd.Context(), &cfg, cfg.About[0].Target, show.say)
	show.follow(&cfg)
	probe := func(ctx context.Context, cfg load.Config, settle int) (*sample.Run, error) {
		defer show.done()
		if err := f.limit.next(cfg); err != nil {
			return nil, err
		}
		return measure(ctx, cfg, settle, cal)
	}
	var run *sample.Run
	var found error
	if goals == nil {
		run, err = probe(cmd.Context(), cfg, f.design.washed)
	} else {
		h := hunt{flags: &f.search, goals: goals, cfg: cfg, probe: probe, table: cmd.OutOrStdout()}
		run, found = h.run(cmd.Context())
	}
	if err != nil || run == nil {
		return cmp.Or(err, found)
	}
	if err := file.Finish(run); err != nil {
		return err
	}
	if err := errors.Join(f.showBench(cmd.OutOrStdout(), run, f.out), f.limit.sayUsed(cmd.ErrOrStderr())); err != nil {
		return err
	}
	if found != nil {
		return found
	}
	return benchExit(run, f.out)
}

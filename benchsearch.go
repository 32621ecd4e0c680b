package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/search"
)

// searchFlags ask for the highest rate that keeps goals.
type searchFlags struct {
	find        string
	settle, per time.Duration
	most        float64
	precision   float64
}

func (f *searchFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.find, "find-max", "", "find the highest rate, from --rate on, that keeps these goals: first_token_p95<=500ms,success>=99%")
	fs.DurationVar(&f.settle, "find-settle", 5*time.Second, "about how long each rate is held before it is measured: longer than an answer takes")
	fs.DurationVar(&f.per, "find-for", 20*time.Second, "how long each rate is measured, at least")
	fs.Float64Var(&f.most, "find-most", 10_000, "highest rate to try")
	fs.Float64Var(&f.precision, "find-precision", .05, "how far apart the last two rates may stay, as a share")
	for _, other := range []string{"requests", "blocks", "closed", "stages", "sweep", "trace", "schedule-in", "schedule-out", "turns", "shard"} {
		cmd.MarkFlagsMutuallyExclusive("find-max", other)
	}
}

// A prober measures one load and grades it.
type prober func(ctx context.Context, cfg load.Config, settle int) (*sample.Run, error)

// A hunt is a search under way.
type hunt struct {
	flags *searchFlags
	goals []search.Goal
	cfg   load.Config
	probe prober
	table io.Writer
	best  *sample.Run // of the highest rate that met; else of the last that was tried
	met   float64     // the rate of best; 0: it met nothing
}

// check reads the flags, so that a mistake in them costs no load.
func (f *searchFlags) check(cmd *cobra.Command, cfg *load.Config) ([]search.Goal, error) {
	if f.find == "" {
		for _, name := range []string{"find-settle", "find-for", "find-most", "find-precision"} {
			if cmd.Flags().Changed(name) {
				return nil, fmt.Errorf("--%s belongs to a search: say what for with --find-max", name)
			}
		}
		return nil, nil
	}
	goals, err := search.ParseGoals(f.find)
	errs := []error{err, f.options(cfg).Validate()}
	if len(cfg.Arms) != 1 {
		errs = append(errs, errors.New("--find-max searches one target at a time: give one --target"))
	}
	if f.settle < 0 || f.per <= 0 || max(f.settle, f.per) > 24*time.Hour {
		errs = append(errs, fmt.Errorf("--find-settle %v, --find-for %v: give times up to 24h, the second above 0", f.settle, f.per))
	}
	return goals, errors.Join(errs...)
}

func (f *searchFlags) options(cfg *load.Config) search.Options {
	return search.Options{From: cfg.Schedule.PerSecond, Most: f.most, Precision: f.precision}
}

// run searches and returns the run of the highest rate that met, with an error of
// code 4 if none did.
func (h *hunt) run(ctx context.Context) (*sample.Run, error) {
	t := tabwriter.NewWriter(h.table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "rate/s\tverdict\tmeasured\tfigures")
	probes, err := h.flags.options(&h.cfg).Find(func(rate float64, nth int) (search.Probe, error) {
		run, err := h.try(ctx, rate, nth)
		if err != nil {
			return search.Probe{}, err
		}
		if run.Trailer.Stopped != "" {
			return search.Probe{}, errors.New(run.Trailer.Stopped)
		}
		verdict, why := search.Judge(h.goals, run.Samples, run.Trailer.Validity)
		h.keep(run, rate, verdict)
		_, err = fmt.Fprintf(t, "%.4g\t%s\t%d\t%s\n", rate, verdict, run.Header.Schedule.PerSlot, why)
		return search.Probe{PerSecond: rate, Verdict: verdict, Why: why}, err
	})
	if errFlush := t.Flush(); err == nil {
		err = errFlush
	}
	if err != nil {
		return h.best, fmt.Errorf("the search ended after %d probes: %w", len(probes), err)
	}
	return h.best, h.conclude(search.Show(probes))
}

// try measures one rate: it is held to settle, then measured for the time that was
// asked for or as many requests as the goals need.
func (h *hunt) try(ctx context.Context, rate float64, nth int) (*sample.Run, error) {
	cfg := h.cfg
	cfg.Seed += uint64(nth)
	cfg.Schedule.PerSecond = rate
	measured := max(int(math.Ceil(rate*h.flags.per.Seconds())), search.Needs(h.goals))
	settle := int(math.Ceil(rate * h.flags.settle.Seconds()))
	cfg.Schedule.N = settle + measured
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return h.probe(ctx, cfg, settle)
}

// keep holds on to the run that is worth writing.
func (h *hunt) keep(run *sample.Run, rate float64, verdict search.Verdict) {
	switch {
	case verdict == search.Met && rate > h.met:
		h.best, h.met = run, rate
	case h.met == 0:
		h.best = run
	}
}

// conclude prints the bracket.
func (h *hunt) conclude(b search.Bracket) error {
	switch {
	case b.Met == nil:
		return &exitError{code: 4, msg: fmt.Sprintf("no rate met %s: the lowest tried was %.4g/s (%s)", h.flags.find, b.NotMet.PerSecond, b.NotMet.Why)}
	case b.NotMet == nil:
		fmt.Fprintf(h.table, "%.4g/s, the highest that was asked for, met %s: nothing is known above it\n", b.Met.PerSecond, h.flags.find)
	default:
		fmt.Fprintf(h.table, "highest rate that met %s: %.4g/s; %.4g/s did not (%s: %s)\n",
			h.flags.find, b.Met.PerSecond, b.NotMet.PerSecond, b.NotMet.Verdict, b.NotMet.Why)
	}
	return nil
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/outfile"
)

// arrivalFlags say when requests start.
type arrivalFlags struct {
	law               string
	rate, maxRate     float64
	closed            int
	requests, blocks  int
	burstiness        float64
	on, off           time.Duration
	stages, sweep     string
	readFrom, writeTo string
}

func (f *arrivalFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.law, "arrivals", "poisson", "law of the starts: poisson, constant, gamma or onoff")
	fs.Float64Var(&f.rate, "rate", 10, "request starts per second")
	fs.Float64Var(&f.burstiness, "burstiness", 0, "shape of gamma starts: below 1 burstier than Poisson, above 1 more even")
	fs.DurationVar(&f.on, "on", 0, "mean length of the spells of onoff starts; --rate is the mean over both")
	fs.DurationVar(&f.off, "off", 0, "mean length of the pauses between them")
	fs.StringVar(&f.stages, "stages", "", "rates over time instead of --rate and --requests: 5x30s,5-50x1m is 5/s for 30 s, then from 5/s to 50/s")
	fs.StringVar(&f.sweep, "sweep", "", "rates that the blocks take in turn instead of --rate: 5,10,20")
	fs.IntVar(&f.closed, "closed", 0, "closed loop of so many workers instead of --rate")
	fs.Float64Var(&f.maxRate, "max-rate", 0, "most starts per second of a closed loop")
	fs.IntVar(&f.requests, "requests", 200, "measured requests per target")
	fs.IntVar(&f.blocks, "blocks", 1, "blocks in which the targets take turns; for a sweep, of each rate")
	fs.StringVar(&f.writeTo, "schedule-out", "", "file to write the intended requests to: CSV if it ends in .csv, else JSON Lines")
	fs.StringVar(&f.readFrom, "schedule-in", "", "file of intended requests to send instead of drawn ones")
	cmd.MarkFlagsMutuallyExclusive("rate", "closed", "stages", "sweep", "schedule-in")
	cmd.MarkFlagsMutuallyExclusive("requests", "stages", "schedule-in")
	cmd.MarkFlagsMutuallyExclusive("arrivals", "closed", "schedule-in")
	cmd.MarkFlagsMutuallyExclusive("blocks", "schedule-in")
}

// apply lays the starts into cfg, whose dataset and arms are there.
func (f *arrivalFlags) apply(cfg *load.Config, talk *sessionFlags) error {
	if f.readFrom != "" {
		return f.read(cfg)
	}
	if f.requests < 1 || f.blocks < 1 {
		return errors.New("--requests and --blocks: give at least 1 of each")
	}
	cfg.Blocks = f.blocks
	spec := schedule.Spec{Kind: schedule.Kind(f.law), PerSecond: f.rate, Shape: f.burstiness, On: f.on, Off: f.off}
	var err error
	switch {
	case f.closed != 0:
		spec.Kind, spec.PerSecond, spec.Workers = schedule.Closed, f.maxRate, f.closed
	case f.maxRate != 0:
		err = errors.New("--max-rate bounds a closed loop: give --closed as well, or --rate instead")
	case f.sweep != "":
		spec.PerSecond = 0
		cfg.Sweep, err = schedule.ParseRates(f.sweep)
		cfg.Blocks *= max(1, len(cfg.Sweep))
	case f.stages != "":
		spec.PerSecond = 0
		spec.Stages, err = schedule.ParseStages(f.stages)
	}
	if err != nil {
		return err
	}
	starts := f.requests
	if n, ok, err := talk.starts(len(spec.Stages) > 0); err != nil {
		return err
	} else if ok {
		starts = n
	}
	spec.N = (starts + cfg.Blocks - 1) / cfg.Blocks
	if len(spec.Stages) > 0 {
		spec.N = schedule.Starts(spec.Stages)
	}
	cfg.Schedule = spec
	return nil
}

// read takes the intended requests from a file.
func (f *arrivalFlags) read(cfg *load.Config) error {
	if err := f.lawless("a schedule that is read"); err != nil {
		return err
	}
	file, err := os.Open(f.readFrom)
	if err != nil {
		return fmt.Errorf("--schedule-in: %w", err)
	}
	entries, err := schedule.ReadEntries(file, f.readFrom)
	_ = file.Close() // it was only read
	if err != nil {
		return err
	}
	list(cfg, schedule.Listed, entries)
	cfg.Listing = "from " + filepath.Base(f.readFrom)
	return nil
}

// lawless refuses what describes a law where the starts are given.
func (f *arrivalFlags) lawless(by string) error {
	if f.burstiness != 0 || f.on != 0 || f.off != 0 || f.maxRate != 0 {
		return fmt.Errorf("--burstiness, --on, --off and --max-rate: %s has its own starts", by)
	}
	return nil
}

// list makes cfg a run of these requests, which are in order.
func list(cfg *load.Config, kind schedule.Kind, entries []schedule.Entry) {
	inBlock := map[int]int{}
	most := 0
	for _, e := range entries {
		inBlock[e.Block]++
		most = max(most, inBlock[e.Block])
	}
	cfg.Listed, cfg.Blocks = entries, len(inBlock)
	cfg.Schedule = schedule.Spec{Kind: kind, N: most}
}

// write writes the intended requests of cfg down if that was asked for.
func (f *arrivalFlags) write(cfg load.Config) error {
	if f.writeTo == "" {
		return nil
	}
	entries, err := load.Plan(cfg)
	if err != nil {
		return fmt.Errorf("--schedule-out: %w", err)
	}
	return outfile.Write(f.writeTo, func(w io.Writer) error { return schedule.WriteEntries(w, f.writeTo, entries) })
}

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/load"
)

// calibrateFlags are the command line of "firstbyte calibrate".
type calibrateFlags struct {
	options              calibrate.Options
	rates                []float64
	protocols            []string
	json, rules, findMax bool
}

const calibrateHelp = `Measures the measurer: drives a server of known truth on this machine with the
client that bench and gate use, and prints how far the client's stamps lie from
what the server did. The error holds for this machine at this rate, now.

Several --rate or --protocol give a table. --find-max searches for the highest
rate of starts at which no rule of validity objects. The server runs in the same
process and takes its part of the processor; "firstbyte calibrate serve" runs it
in another, for --against. Exit code 4 says that no rate was measured honestly.`

const calibrateExample = `  firstbyte calibrate --rate 50,100,200 --protocol http/1.1,h2c
  firstbyte calibrate --find-max --events 50 --gap 20ms --for 5s`

func newCalibrateCmd() *cobra.Command {
	var f calibrateFlags
	cmd := &cobra.Command{
		Use:     "calibrate",
		Short:   "Measure the measurer against ground truth",
		Long:    calibrateHelp,
		Example: calibrateExample,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runCalibrate(cmd, f) },
	}
	fs := cmd.Flags()
	fs.DurationVar(&f.options.For, "for", 3*time.Second, "how long requests start")
	fs.Float64SliceVar(&f.rates, "rate", []float64{100}, "request starts per second, Poisson; several for a table")
	fs.StringSliceVar(&f.protocols, "protocol", []string{string(load.HTTP1)}, "http/1.1, h2 or h2c; several for a table")
	fs.IntVar(&f.options.Transport.Connections, "connections", 0, "connections that HTTP/2 streams are dealt to in turn (default: 1)")
	fs.IntVar(&f.options.Events, "events", 20, "content events of an answer")
	fs.DurationVar(&f.options.Gap, "gap", 2*time.Millisecond, "between content events")
	fs.StringVar(&f.options.Against, "against", "", `URL of a "firstbyte calibrate serve" on this machine, whose pace it is then`)
	fs.Uint64Var(&f.options.Seed, "seed", 0, "seed of the starts (default: drawn and printed)")
	fs.BoolVar(&f.findMax, "find-max", false, "search for the highest rate that is measured honestly, from --rate on")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	fs.BoolVar(&f.rules, "rules", false, "print the rules of validity and measure nothing")
	cmd.MarkFlagsMutuallyExclusive("against", "events")
	cmd.MarkFlagsMutuallyExclusive("against", "gap")
	cmd.AddCommand(newCalibrateServeCmd())
	return cmd
}

func runCalibrate(cmd *cobra.Command, f calibrateFlags) error {
	if f.rules {
		return printRules(cmd.OutOrStdout())
	}
	if f.options.Seed == 0 {
		f.options.Seed = uint64(rand.Uint32())
	}
	if len(f.rates) == 0 || len(f.protocols) == 0 {
		return errors.New("--rate and --protocol: name at least one of each")
	}
	if f.findMax {
		return findCeiling(cmd, f)
	}
	var all []calibrate.Calibration
	for _, protocol := range f.protocols {
		f.options.Transport.Protocol = load.Protocol(protocol)
		for _, rate := range f.rates {
			f.options.PerSecond = rate
			c, err := calibrate.Calibrate(cmd.Context(), f.options)
			if err != nil {
				return fmt.Errorf("%s at %g/s: %w", protocol, rate, err)
			}
			all = append(all, c)
		}
	}
	return printCalibrations(cmd, f.json, all)
}

func printCalibrations(cmd *cobra.Command, asJSON bool, all []calibrate.Calibration) error {
	out := cmd.OutOrStdout()
	switch {
	case asJSON && len(all) == 1:
		return printJSON(out, all[0])
	case asJSON:
		return printJSON(out, all)
	case len(all) == 1:
		return printCalibration(out, all[0])
	}
	return printCalibrationTable(out, all)
}

// findCeiling searches over the first protocol named.
func findCeiling(cmd *cobra.Command, f calibrateFlags) error {
	if len(f.rates) > 1 || len(f.protocols) > 1 {
		return errors.New("--find-max: name one --rate to begin at, and one --protocol")
	}
	f.options.PerSecond, f.options.Transport.Protocol = f.rates[0], load.Protocol(f.protocols[0])
	ceiling, err := calibrate.FindCeiling(cmd.Context(), f.options, func(c calibrate.Calibration) {
		cmd.PrintErrf("%g/s: %s\n", c.PerSecond, gradeOf(&c))
	})
	if err != nil {
		return err
	}
	if f.json {
		err = printJSON(cmd.OutOrStdout(), ceiling)
	} else {
		err = printCeiling(cmd.OutOrStdout(), ceiling)
	}
	if err != nil {
		return err
	}
	return ceilingExit(ceiling)
}

func ceilingExit(c calibrate.Ceiling) error {
	if c.Highest > 0 {
		return nil
	}
	return &exitError{code: 4, msg: "no rate was measured honestly: leave the machine to itself, or see what objects (firstbyte calibrate --rules)"}
}

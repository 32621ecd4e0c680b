package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// calibrateFlags are the command line of "firstbyte calibrate".
type calibrateFlags struct {
	options     calibrate.Options
	json, rules bool
}

const calibrateHelp = `Measures the measurer: drives a server of known truth on this machine with the
client that bench and gate use, and prints how far the client's stamps lie from
what the server did. The error holds for this machine at this rate, now.`

func newCalibrateCmd() *cobra.Command {
	var f calibrateFlags
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure the measurer against ground truth",
		Long:  calibrateHelp,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runCalibrate(cmd, f) },
	}
	fs := cmd.Flags()
	fs.DurationVar(&f.options.For, "for", 3*time.Second, "how long requests start")
	fs.Float64Var(&f.options.PerSecond, "rate", 100, "request starts per second, Poisson")
	fs.IntVar(&f.options.Events, "events", 20, "content events of an answer")
	fs.DurationVar(&f.options.Gap, "gap", 2*time.Millisecond, "between content events")
	fs.Uint64Var(&f.options.Seed, "seed", 0, "seed of the starts (default: drawn and printed)")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	fs.BoolVar(&f.rules, "rules", false, "print the rules of validity and measure nothing")
	return cmd
}

func runCalibrate(cmd *cobra.Command, f calibrateFlags) error {
	if f.rules {
		return printRules(cmd.OutOrStdout())
	}
	if f.options.Seed == 0 {
		f.options.Seed = uint64(rand.Uint32())
	}
	c, err := calibrate.Calibrate(cmd.Context(), f.options)
	if err != nil {
		return err
	}
	if f.json {
		out := json.NewEncoder(cmd.OutOrStdout())
		out.SetIndent("", "  ")
		return out.Encode(c)
	}
	return printCalibration(cmd.OutOrStdout(), c)
}

func printCalibration(w io.Writer, c calibrate.Calibration) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "error of\tP50\tP99\tmax\tn\t")
	for _, m := range []sample.Measure{sample.TTFB, sample.FirstToken, sample.Gap, sample.Full} {
		e := c.Error[m]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t\n", m, chart.Duration(float64(e.P50)), chart.Duration(float64(e.P99)), chart.Duration(float64(e.Max)), e.N)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, `
|client's stamp - server's truth|: the server's write, the loopback, the wake-up
and the client itself; the gap's is that of an answer's mean gap.
coalesced  %.2f %% of events shared a read with the one before; %.2f %% of those that the
           server wrote apart
answers    %d joined with their truth, %d not; %.4g starts/s, %.4g events/s; seed %d
machine    %s, %d cores (%d used), %s/%s, %s
`, 100*c.Coalesced, 100*c.CoalescedApart, c.Requests, c.Failed, c.PerSecond, c.EventsPerSecond, c.Seed,
		c.Machine.CPU, c.Machine.Cores, c.Machine.GOMAXPROCS, c.Machine.OS, c.Machine.Arch, c.Machine.Go)
	return err
}

func printRules(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "rule\tvalid\tdegraded\tspeaks of\twhat")
	for _, r := range calibrate.Rules() {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.Name, r.Bound(r.Valid), r.Bound(r.Degraded), r.SpeaksOf(), r.What)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\nBeyond degraded a run is invalid. In interleaved runs what falls on both arms alike degrades at most.")
	return err
}

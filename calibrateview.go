package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

// gradeOf is a calibration's grade with what speaks against it.
func gradeOf(c *calibrate.Calibration) string {
	if objection := c.Objection(); objection != "" {
		return fmt.Sprintf("%s (%s)", c.Validity.Grade, objection)
	}
	return string(c.Validity.Grade)
}

func printCalibration(w io.Writer, c calibrate.Calibration) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "error of\tP50\tP99\tmax\tn\t")
	row := func(name string, e sample.ErrorNS) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t\n", name, chart.Duration(float64(e.P50)), chart.Duration(float64(e.P99)), chart.Duration(float64(e.Max)), e.N)
	}
	for _, m := range []sample.Measure{sample.TTFB, sample.FirstToken, sample.Gap, sample.Full} {
		row(string(m), c.Error[m])
	}
	row("every event", c.Event)
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, `
|client's stamp - server's truth|: the server's write, the loopback, the wake-up
and the client itself; the gap's is that of an answer's mean gap.
validity   %s
protocol   %s, streams on a connection: at most %d
coalesced  %.2f %% of events shared a read with the one before; %.2f %% of those that the
           server wrote apart
answers    %d joined with their truth, %d not; %.4g starts/s, %.4g events/s; seed %d
machine    %s, %d cores (%d used), %s/%s, %s
`, gradeOf(&c), c.Protocol, c.StreamsPerConn, 100*c.Coalesced, 100*c.CoalescedApart, c.Requests, c.Failed, c.PerSecond, c.EventsPerSecond, c.Seed,
		c.Machine.CPU, c.Machine.Cores, c.Machine.GOMAXPROCS, c.Machine.OS, c.Machine.Arch, c.Machine.Go)
	return err
}

// printCalibrationTable prints a line for each rate and protocol.
func printCalibrationTable(w io.Writer, all []calibrate.Calibration) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "protocol\tstarts/s\tevents/s\tstreams per connection\tevent error P50\tP99\tmax\tfirst token error P99\tcoalesced\tlost\tvalidity")
	for i := range all {
		c := &all[i]
		fmt.Fprintf(t, "%s\t%.4g\t%.4g\t%d\t%s\t%s\t%s\t%s\t%.2f %%\t%d\t%s\n", c.Protocol, c.PerSecond, c.EventsPerSecond, c.StreamsPerConn,
			chart.Duration(float64(c.Event.P50)), chart.Duration(float64(c.Event.P99)), chart.Duration(float64(c.Event.Max)),
			chart.Duration(float64(c.Error[sample.FirstToken].P99)), 100*c.Coalesced, c.Failed, gradeOf(c))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\nError: |client's stamp - server's truth|, the server's write, the loopback and the wake-up included. Lost: answers\nthat failed or came incomplete.")
	return err
}

func printCeiling(w io.Writer, c calibrate.Ceiling) error {
	if err := printCalibrationTable(w, c.Probes); err != nil {
		return err
	}
	upTo := fmt.Sprintf("and not %.4g", c.Lowest)
	if c.Lowest == 0 {
		upTo = "and no higher rate was tried"
	}
	found := fmt.Sprintf("This machine measures %g starts/s honestly, %s.", math.Round(c.Highest), upTo)
	if c.Highest == 0 {
		found = fmt.Sprintf("This machine measured no rate honestly, down to %.4g starts/s.", c.Lowest)
	}
	_, err := fmt.Fprintf(w, "\n%s A rate is honest when no rule of validity objects (firstbyte\ncalibrate --rules) and no answer is lost; one that is not is tried once more.\n", found)
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

package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// sweepTable prints what each target did at each rate of a sweep; nothing for a
// run that is none.
func sweepTable(w io.Writer, run *sample.Run) error {
	rates := run.Header.Schedule.Sweep
	if len(rates) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nby rate")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "target\trate/s\tstarts/s\trequests\tok\tfirst token P50\tP95\tP99\tfull P95")
	for i, rate := range rates {
		for _, arm := range atRate(run, i) {
			first, full := arm.Measures[sample.FirstToken], arm.Measures[sample.Full]
			fmt.Fprintf(t, "%s\t%g\t%.4g\t%d\t%d\t%s\t%s\t%s\t%s\n", arm.Name, rate, arm.AchievedHz, arm.Requests, arm.OK,
				quantile(first, first.P50), quantile(first, first.P95), quantile(first, first.P99), quantile(full, full.P95))
		}
	}
	return t.Flush()
}

// atRate folds the blocks of the sweep's i-th rate alone.
func atRate(run *sample.Run, i int) []summary.Arm {
	at := func(block int) bool { return block%len(run.Header.Schedule.Sweep) == i }
	var samples []sample.Sample
	for j := range run.Samples {
		if at(run.Samples[j].Block) {
			samples = append(samples, run.Samples[j])
		}
	}
	var slots []sample.Slot
	for _, s := range run.Trailer.Slots {
		if at(s.Block) {
			slots = append(slots, s)
		}
	}
	return summary.Fold(run.Header.Arms, samples, slots)
}

package report

import (
	"fmt"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// scaledBy says what a scaled clock does to the numbers.
func scaledBy(scale float64) string {
	return fmt.Sprintf("%g times as fast as the machine's, in the gateway and the simulated upstream alone: "+
		"latencies and rates are as measured; processor time is not scaled", scale)
}

// scaledTable shows the latencies of a run at a faster clock as they would be at
// the machine's, and what of them is processor time, which no clock scales: it is
// that much too large a part of a scaled latency. The table of other runs is empty.
func scaledTable(v *judge.Verdict) table {
	scale := v.Run.ClockScale
	t := table{
		Title: fmt.Sprintf("Scaled back, at a clock %g times as fast", scale), Names: 2,
		Head: []string{"measure", "arm", "P50", "P95", "P50 measured", "P95 measured", "CPU, at most"},
	}
	if scale == 0 || scale == 1 {
		return t
	}
	for _, m := range []measure{{key: sample.FirstToken, name: "time to first token"}, {key: sample.Full, name: "full latency"}} {
		name := m.name
		for _, a := range present(v) {
			d := a.Measures[m.key]
			if d.N == 0 {
				continue
			}
			t.Rows = append(t.Rows, row{Cells: []string{
				name, a.Name, scaledBack(d.P50, d, scale), scaledBack(d.P95, d, scale),
				latency(d.P50, d), latency(d.P95, d), processorPart(a, d.P50),
			}})
			name = ""
		}
	}
	return t
}

// scaledBack is a quantile on the scaled clock.
func scaledBack(l summary.Latency, d summary.Distribution, scale float64) string {
	took, finite := l.Duration()
	if !finite {
		return latency(l, d)
	}
	return chart.Duration(float64(took) * scale)
}

// processorPart is the gateway's processor time for a whole request as a share of a
// median: no more of it can be processor time of the gateway's.
func processorPart(a summary.Arm, median summary.Latency) string {
	took, finite := median.Duration()
	if !finite || took < time.Nanosecond || a.CPUPerRequestNS == 0 {
		return chart.Unknown
	}
	return fmt.Sprintf("%.1f %% of P50", 100*a.CPUPerRequestNS/float64(took))
}

package main

import (
	"fmt"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// trust says in a line what the measurement is worth.
func trust(v *sample.Validity) string {
	parts := []string{"measurement " + string(v.Grade)}
	for _, s := range v.Signals {
		if s.Grade != sample.Valid {
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %.3g %s", s.Name, s.Value, s.Unit))+" is "+string(s.Grade))
		}
	}
	if e, ok := v.Error[sample.FirstToken]; ok {
		parts = append(parts, "own error of the first token at P99 "+chart.Duration(float64(e.P99)))
	}
	return strings.Join(parts, "; ")
}

func quantile(d summary.Distribution, l summary.Latency) string {
	took, finite := l.Duration()
	switch {
	case d.N == 0:
		return chart.Unknown
	case !finite:
		return "∞"
	}
	return chart.Duration(float64(took))
}

// benchExit is the exit code of a run whose file stands.
func benchExit(run *sample.Run, out string) error {
	if run.Trailer.Stopped != "" {
		return fmt.Errorf("%s: what was measured stands in %s", run.Trailer.Stopped, out)
	}
	if arm := without(run); arm != "" {
		return &exitError{code: 4, msg: fmt.Sprintf("no data: all %d requests to %s failed; the messages stand in %s", run.Trailer.Measured[arm], arm, out)}
	}
	if run.Trailer.Validity.Grade == sample.Invalid {
		return &exitError{code: 3, msg: "the measurement is invalid, see above; what was measured stands in " + out}
	}
	return nil
}

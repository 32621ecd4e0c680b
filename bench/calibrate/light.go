package calibrate

import (
	"slices"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// watchable are the rules that can be held while a run goes on.
var watchable = []string{"start lateness P99", "CPU of this process"}

// Light is a first word on the validity of a run that goes on, by those of the
// [Rules] that can be seen live: how late the last requests started and what part
// of its processors this process uses. It is Unknown before there is anything to
// see. What the run is worth is said at its end, by all rules.
func Light(live load.Live, closedLoop bool) sample.Grade {
	if live.Late.N == 0 {
		return sample.Unknown
	}
	rules := slices.DeleteFunc(Rules(), func(r Rule) bool { return !slices.Contains(watchable, r.Name) })
	h := load.Health{Lateness: live.Late, CPUShare: live.CPUShare, ClosedLoop: closedLoop, Pressure: load.Unknown}
	return GradeBy(rules, h, Calibration{}, sample.Single).Grade
}

package export

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// HLog writes an HdrHistogram log (format 1.3, V2 payloads) that other
// implementations read: a histogram of nanoseconds per arm, measure and interval,
// with the tag ARM.MEASURE. An interval is a block, or so long as every says,
// counted from the run's epoch; a request belongs to that of its intended start.
// Warm-up is left out. A histogram can hold no failures: it has the successes
// alone, and a comment counts what failed.
func HLog(w io.Writer, inputs []Input, every time.Duration) error {
	lines, err := hlogLines(inputs, every)
	if err != nil {
		return err
	}
	base := int64(math.MaxInt64) // whole seconds: the writer keeps no more
	for _, in := range inputs {
		base = min(base, startMS(in.Run)/1000*1000)
	}
	var b bytes.Buffer
	log := hdrhistogram.NewHistogramLogWriter(&b)
	log.SetBaseTime(base)
	err = errors.Join(
		log.OutputComment("[Latencies of firstbyte in nanoseconds, tags ARM.MEASURE]"),
		log.OutputComment("[Successful requests alone; warm-up left out; an interval holds the requests meant to start in it]"),
		log.OutputLogFormatVersion(), log.OutputBaseTime(base), log.OutputStartTime(base), log.OutputLegend(),
	)
	for _, line := range lines {
		err = errors.Join(err, line.write(log))
	}
	if err != nil {
		return fmt.Errorf("histogram log: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// An hline is one line of a log: a histogram, or a comment on failures.
type hline struct {
	start, end int64 // ms since 1970
	tag        string
	hdr        *hdrhistogram.Histogram
	failed     int
}

func (l hline) write(log *hdrhistogram.HistogramLogWriter) error {
	if l.hdr == nil {
		return log.OutputComment(fmt.Sprintf("[%s: %d requests failed in the interval from %.3f]", l.tag, l.failed, float64(l.start-log.BaseTime())/1e3))
	}
	l.hdr.SetTag(l.tag)
	l.hdr.SetStartTimeMs(l.start)
	l.hdr.SetEndTimeMs(l.end)
	return log.OutputIntervalHistogram(l.hdr)
}

// startMS is the run's epoch in ms since 1970; 0 where the run does not say.
func startMS(run *sample.Run) int64 {
	at, err := time.Parse(time.RFC3339Nano, run.Header.StartedAt)
	if err != nil {
		return 0
	}
	return at.UnixMilli()
}

// notInTag is what no reader of tags can be trusted with: commas and spaces
// separate fields.
var notInTag = regexp.MustCompile(`[^A-Za-z0-9_.-]`)

func hlogLines(inputs []Input, every time.Duration) ([]hline, error) {
	var lines []hline
	taken := map[string]string{}
	for i, in := range inputs {
		for _, arm := range in.Run.Header.Arms {
			label := Label(inputs, i, arm.Name)
			tag := notInTag.ReplaceAllString(label, "_")
			if other, ok := taken[tag]; ok {
				return nil, fmt.Errorf("histogram log: %q and %q have the same tag %s: rename an arm or a file", other, label, tag)
			}
			taken[tag] = label
			lines = append(lines, hlogArm(in.Run, arm.Name, tag, every)...)
		}
	}
	slices.SortStableFunc(lines, func(a, b hline) int { return cmp.Compare(a.start, b.start) })
	return lines, nil
}

// hlogArm gives the lines of one arm, interval by interval.
func hlogArm(run *sample.Run, arm, tag string, every time.Duration) []hline {
	intervals := map[int64][]*sample.Sample{}
	for _, s := range summary.Measured(run, arm) {
		at := int64(s.Block)
		if every > 0 {
			at = s.IntendedNS / int64(every)
		}
		intervals[at] = append(intervals[at], s)
	}
	var lines []hline
	for at, samples := range intervals {
		from, to := extent(samples)
		if every > 0 {
			from, to = at*int64(every), (at+1)*int64(every)
		}
		lines = append(lines, hlogInterval(samples, tag, hline{start: startMS(run) + from/1e6, end: startMS(run) + to/1e6})...)
	}
	return lines
}

// extent is the time from the first intended start to the last end.
func extent(samples []*sample.Sample) (from, to int64) {
	from = samples[0].IntendedNS
	for _, s := range samples {
		from, to = min(from, s.IntendedNS), max(to, s.IntendedNS, s.CloseNS)
	}
	return from, to
}

func hlogInterval(samples []*sample.Sample, tag string, at hline) []hline {
	var lines []hline
	failed := 0
	for _, s := range samples {
		if s.Outcome != sample.OK {
			failed++
		}
	}
	if failed > 0 {
		lines = append(lines, hline{at.start, at.end, tag, nil, failed})
	}
	for _, d := range sample.Definitions() {
		if hdr := summary.HistogramOf(samples, d.Measure).HDR(); hdr != nil {
			lines = append(lines, hline{at.start, at.end, tag + "." + string(d.Measure), hdr, 0})
		}
	}
	return lines
}

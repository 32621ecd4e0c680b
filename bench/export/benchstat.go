package export

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// notInName is what would end a benchmark's name, or begin a part of it.
var notInName = regexp.MustCompile(`[^A-Za-z0-9_.:-]`)

// Benchstat writes Go's benchmark format: a line for each block of each arm, so
// that the blocks are the repetitions which benchstat compares ("benchstat -col
// /arm FILE" compares the arms of one file). A latency is the quantile of all
// attempts of the block; where its rank falls among failures it is +Inf. Units are
// of seconds: benchstat turns ns into sec, but not the unit of an infinite value,
// which would stand in a table of its own.
func Benchstat(w io.Writer, inputs []Input) error {
	var b strings.Builder
	for _, m := range benchstatMeasures() {
		fmt.Fprintf(&b, "Unit sec/%s better=lower\nUnit sec/%s-p99 better=lower\n", m, m)
	}
	b.WriteString("Unit failed/request better=lower\nUnit answers/s better=higher\nUnit tokens/s better=higher\n\n")
	for _, in := range inputs {
		benchstatRun(&b, in)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func benchstatMeasures() []sample.Measure {
	ttft, _ := sample.FirstToken.Service()
	return []sample.Measure{sample.TTFB, sample.FirstToken, ttft, sample.Gap, sample.TPOT, sample.Full}
}

func benchstatRun(b *strings.Builder, in Input) {
	h := &in.Run.Header
	for _, line := range [][2]string{
		{"goos", h.Machine.OS},
		{"goarch", h.Machine.Arch},
		{"cpu", h.Machine.CPU},
		{"run", in.Name},
		{"tool", h.Tool},
		{"dialect", h.Dialect},
		{"model", h.Model},
		{"design", string(h.Design)},
		{"validity", string(in.Run.Trailer.Validity.Grade)},
	} {
		fmt.Fprintf(b, "%s: %s\n", line[0], strings.Map(oneLine, line[1]))
	}
	for _, arm := range h.Arms {
		blocks := map[int][]*sample.Sample{}
		var order []int
		for _, s := range summary.Measured(in.Run, arm.Name) {
			if blocks[s.Block] == nil {
				order = append(order, s.Block)
			}
			blocks[s.Block] = append(blocks[s.Block], s)
		}
		for _, block := range order {
			benchstatLine(b, in.Run, arm.Name, block, blocks[block])
		}
	}
	b.WriteString("\n")
}

// oneLine keeps a value from ending its line.
func oneLine(r rune) rune {
	if r == '\n' || r == '\r' {
		return ' '
	}
	return r
}

func benchstatLine(b *strings.Builder, run *sample.Run, arm string, block int, samples []*sample.Sample) {
	fmt.Fprintf(b, "BenchmarkStream/arm=%s %d", notInName.ReplaceAllString(arm, "_"), len(samples))
	for _, m := range benchstatMeasures() {
		if values := attempts(samples, m); len(values) > 0 {
			fmt.Fprintf(b, " %.9f sec/%s %.9f sec/%s-p99", ranked(values, .5)/1e9, m, ranked(values, .99)/1e9, m)
		}
	}
	ok, tokens := 0, 0
	for _, s := range samples {
		if s.Outcome == sample.OK {
			n, _ := s.Tokens()
			ok, tokens = ok+1, tokens+n
		}
	}
	slots := slices.DeleteFunc(slices.Clone(run.Trailer.Slots), func(s sample.Slot) bool { return s.Block != block })
	window := float64(summary.Window(arm, samples, slots)) / 1e9
	fmt.Fprintf(b, " %.6g failed/request", 1-float64(ok)/float64(len(samples)))
	if window > 0 {
		fmt.Fprintf(b, " %.6g answers/s %.6g tokens/s", float64(ok)/window, float64(tokens)/window)
	}
	b.WriteString("\n")
}

// attempts are all values of a measure in ascending order, failures last and
// infinite; none where no success has the measure.
func attempts(samples []*sample.Sample, m sample.Measure) []float64 {
	var values []float64
	failed, succeeded := 0, 0
	for _, s := range samples {
		ns, ok, none := s.Value(m)
		switch {
		case !ok:
			failed++
			continue
		case !none && ns >= 0:
			values = append(values, float64(ns))
		}
		succeeded++
	}
	if len(values) == 0 && succeeded > 0 {
		return nil
	}
	slices.Sort(values)
	return append(values, slices.Repeat([]float64{math.Inf(1)}, failed)...)
}

// ranked is the value of rank ⌈p·n⌉.
func ranked(sorted []float64, p float64) float64 {
	rank := int(math.Ceil(p*float64(len(sorted)) - 1e-9))
	return sorted[max(rank, 1)-1]
}

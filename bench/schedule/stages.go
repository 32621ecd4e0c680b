package schedule

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Stage is a stretch of time over which the rate goes evenly From one To
// another, in starts per second; a step where they are the same, a pause where
// both are 0.
type Stage struct {
	From, To float64
	For      time.Duration
}

// String writes the stage as [ParseStages] reads it.
func (s Stage) String() string {
	if s.From == s.To {
		return fmt.Sprintf("%gx%v", s.From, s.For)
	}
	return fmt.Sprintf("%g-%gx%v", s.From, s.To, s.For)
}

// all is how many requests are expected of the whole stage.
func (s Stage) all() float64 { return (s.From + s.To) / 2 * s.For.Seconds() }

// after is when n requests are expected to have started, in seconds from the
// stage's beginning: the inverse of the rate's integral.
func (s Stage) after(n float64) float64 {
	if n <= 0 {
		return 0
	}
	slope := (s.To - s.From) / s.For.Seconds()
	// This form of the root of a quadratic has no difference in it that cancels,
	// and needs no case of its own for a step.
	return 2 * n / (s.From + math.Sqrt(max(0, s.From*s.From+2*slope*n)))
}

func (s Stage) firstRate() float64 {
	if s.From > 0 {
		return s.From
	}
	return s.To
}

// Starts is how many requests the stages make: the rate over their time,
// rounded.
func Starts(stages []Stage) int { return int(math.Round(expected(stages))) }

func expected(stages []Stage) (n float64) {
	for _, s := range stages {
		n += s.all()
	}
	return n
}

func (s Spec) validateStages() error {
	var errs []error
	if s.PerSecond != 0 {
		errs = append(errs, errors.New("schedule: the stages say the rate: give no other"))
	}
	var whole time.Duration
	for _, stage := range s.Stages {
		if !(stage.From >= 0 && stage.From <= 1e6 && stage.To >= 0 && stage.To <= 1e6) || stage.For <= 0 || stage.For > longest {
			errs = append(errs, fmt.Errorf("schedule: stage %v: give rates from 0 to 1000000 per second, and a time above 0", stage))
			continue
		}
		whole += stage.For
	}
	switch {
	case len(errs) > 0:
	case s.Stages[0].firstRate() == 0:
		errs = append(errs, errors.New("schedule: the first stage is a pause: leave it out"))
	case whole > longest || whole < 0:
		errs = append(errs, fmt.Errorf("schedule: the stages last longer than %v", longest))
	case s.N != Starts(s.Stages):
		errs = append(errs, fmt.Errorf("schedule: %d requests in stages that make %d", s.N, Starts(s.Stages)))
	}
	return errors.Join(errs...)
}

// staged lays N starts over the stages by the law of gap. The sums of N+1 gaps,
// as shares of their total, are instants on a scale on which the rate is even;
// the inverse of the rate's integral brings them into time. So the stages begin
// and end when they say, whatever the law, and the number of starts is exact.
// For Poisson this is no approximation: the starts of an inhomogeneous Poisson
// process, given their number, are independent draws from its rate.
func (s Spec) staged(gap func() float64) []int64 {
	at, sum := make([]float64, s.N), 0.0
	for i := range at {
		if i > 0 || s.Kind != Constant { // constant starts begin with the stages
			sum += gap()
		}
		at[i] = sum
	}
	sum += gap()
	total := expected(s.Stages)
	offsets := make([]int64, s.N)
	stage, begin, before := 0, 0.0, 0.0
	for i, share := range at {
		n := share / sum * total
		for stage < len(s.Stages)-1 && n > before+s.Stages[stage].all() {
			before += s.Stages[stage].all()
			begin += s.Stages[stage].For.Seconds()
			stage++
		}
		within := min(s.Stages[stage].after(n-before), s.Stages[stage].For.Seconds())
		offsets[i] = int64((begin + within) * 1e9)
	}
	return offsets
}

// ParseStages reads "5x30s,5-50x1m": 5 per second for 30 s, then from 5 to 50 per
// second over a minute.
func ParseStages(text string) ([]Stage, error) {
	var stages []Stage
	for part := range strings.SplitSeq(text, ",") {
		rates, length, ok := strings.Cut(strings.TrimSpace(part), "x")
		first, last, ramp := strings.Cut(rates, "-")
		if !ramp {
			last = first
		}
		from, errFrom := strconv.ParseFloat(first, 64)
		to, errTo := strconv.ParseFloat(last, 64)
		d, errLength := time.ParseDuration(length)
		if !ok || errors.Join(errFrom, errTo, errLength) != nil {
			return nil, fmt.Errorf("stage %q: write RATExTIME or FROM-TOxTIME, as 5x30s or 5-50x1m", part)
		}
		stages = append(stages, Stage{From: from, To: to, For: d})
	}
	return stages, nil
}

// ParseRates reads "5,10,20": the rates of a sweep, per second.
func ParseRates(text string) ([]float64, error) {
	var rates []float64
	for part := range strings.SplitSeq(text, ",") {
		rate, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || !usable(rate) || slices.Contains(rates, rate) {
			return nil, fmt.Errorf("rate %q: write rates above 0 and up to 1000000 per second, each once, as 5,10,20", part)
		}
		rates = append(rates, rate)
	}
	return rates, nil
}

// Profile says in words what kind and rate do not: stages, shape, spells. "" for
// a law at one rate.
func (s Spec) Profile() string {
	var parts []string
	if s.Kind == Gamma {
		parts = append(parts, fmt.Sprintf("shape %g", s.Shape))
	}
	if s.Kind == OnOff {
		parts = append(parts, fmt.Sprintf("on %v, off %v in the mean", s.On, s.Off))
	}
	if s.Kind == Closed && s.PerSecond > 0 {
		parts = append(parts, fmt.Sprintf("at most %g starts per second", s.PerSecond))
	}
	if len(s.Stages) > 0 {
		var stages []string
		for _, stage := range s.Stages {
			stages = append(stages, stage.String())
		}
		parts = append(parts, "stages "+strings.Join(stages, ","))
	}
	return strings.Join(parts, "; ")
}

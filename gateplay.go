package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/guard/gate"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
)

// playFlags make a gate of one flag, of a scenario that is made for a claim, and of
// a clock that runs faster.
type playFlags struct {
	gate.Play
	flag        string
	workers     int
	clock       float64
	vary        []string // PARAMETER=FACTOR
	sensitivity bool
}

func (p *playFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&p.flag, "flag", "", "compare this feature flag alone with all off, on a scenario made for it: "+strings.Join(feature.Names(), ", "))
	fs.IntVar(&p.workers, "workers", 0, "so many requests in flight at any time, in place of --rate")
	fs.Float64Var(&p.clock, "clock", 1, "how many times as fast waits and delays of proxies and upstream pass; time-outs here are by that clock")
	fs.StringArrayVar(&p.vary, "vary", nil, "PARAMETER=FACTOR: multiply a number of the scenario, such as first_chunk.median=2, of the retry policy, such as retry.share=2, or workers; repeatable")
	fs.BoolVar(&p.sensitivity, "sensitivity", false, "run once as it is and then with each parameter of the scenario halved and doubled")
	for _, other := range []string{"baseline-flags", "candidate-flags", "aa", "inject", "baseline-url"} {
		cmd.MarkFlagsMutuallyExclusive("flag", other)
	}
	for _, own := range []string{"clock", "vary", "sensitivity"} {
		cmd.MarkFlagsMutuallyExclusive("baseline-url", own)
	}
	cmd.MarkFlagsMutuallyExclusive("workers", "rate")
	cmd.MarkFlagsMutuallyExclusive("workers", "duration")
}

// set gives a gate what its play asks for, where the command line does not say
// otherwise.
func (p *playFlags) set(cmd *cobra.Command, f *gateFlags) error {
	given := cmd.Flags().Changed
	if p.flag != "" {
		play, err := gate.PlayFor(p.flag)
		if err != nil {
			return fmt.Errorf("--flag: %w: the flags are %s", err, strings.Join(feature.Names(), ", "))
		}
		f.candidateFlags, p.Seeks = p.flag, play.Seeks
		if !given("scenario") {
			f.scenario = play.Scenario
		}
	}
	play, ok := gate.PlayOn(f.scenario)
	if p.sensitivity && (!ok || play.Parameters == nil) {
		return fmt.Errorf("--sensitivity: scenario %s has no parameters to vary: use --scenario %s", f.scenario, gate.Headline)
	}
	if ok {
		play.Seeks = slices.Concat(p.Seeks, slices.DeleteFunc(play.Seeks, func(key string) bool { return slices.Contains(p.Seeks, key) }))
		p.Play = play
		p.fill(given, f)
	}
	if (ok || p.flag != "") && !given("policy") {
		f.policy = policy.FlagsName
	}
	if !(p.clock >= 1) {
		return fmt.Errorf("--clock %v: a clock runs 1 to 1000 times as fast", p.clock)
	}
	if p.sensitivity {
		return nil // each of its runs does it for itself
	}
	return p.scaleWorkers()
}

// scaleWorkers varies the load, which is no part of the scenario.
func (p *playFlags) scaleWorkers() error {
	for _, v := range p.vary {
		parameter, factor, err := gate.ParseVariation(v)
		if err != nil {
			return fmt.Errorf("--vary: %w", err)
		}
		if parameter == gate.Workers {
			p.workers = int(max(1, math.Round(float64(p.workers)*factor)))
		}
	}
	return nil
}

// fill takes from the play what was not given.
func (p *playFlags) fill(given func(string) bool, f *gateFlags) {
	if !given("clock") {
		p.clock = p.Clock
	}
	if !given("workers") && !given("rate") && !given("duration") {
		p.workers, f.rate = p.Workers, p.PerSecond
	}
	if !given("requests") && !given("duration") {
		f.requests = p.Requests
	}
	if !given("controls") {
		f.controls = string(gate.Off)
	}
	for name, from := range map[string]struct{ to, of *int }{"blocks": {&f.blocks, &p.Blocks}, "warmup": {&f.warmup, &p.Warmup}} {
		if !given(name) {
			*from.to = *from.of
		}
	}
	for name, from := range map[string]struct{ to, of *time.Duration }{
		"first-token-timeout": {&f.timeouts.FirstToken, &p.FirstToken}, "total-timeout": {&f.timeouts.Total, &p.Total},
	} {
		if !given(name) {
			*from.to = *from.of
		}
	}
}

// apply makes the load of it.
func (p *playFlags) apply(cfg *load.Config) {
	cfg.Seeks = p.Seeks
	if p.Model != "" {
		cfg.Model = p.Model
	}
	if p.workers > 0 {
		cfg.Schedule = schedule.Spec{Kind: schedule.Closed, Workers: p.workers, N: cfg.Schedule.N}
	}
	if p.clock > 1 {
		cfg.ClockScale = p.clock
		for _, limit := range []*time.Duration{&cfg.Timeouts.Connect, &cfg.Timeouts.FirstToken, &cfg.Timeouts.Gap, &cfg.Timeouts.Total} {
			*limit = time.Duration(float64(*limit) / p.clock)
		}
	}
}

// title names the scenario, and what of it was changed.
func (p *playFlags) title(scenario string) string {
	return strings.Join(append([]string{scenario}, p.vary...), ", ")
}

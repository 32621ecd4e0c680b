package main

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/guard/gate"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
)

// gateConfig turns the command line into a gate without its arms.
func gateConfig(f *gateFlags) (gate.Config, error) {
	if f.aa || f.inject != "" {
		f.baselineFlags, f.candidateFlags = "all-on", "all-on"
	}
	if f.seed == 0 {
		f.seed = uint64(rand.Uint32())
	}
	if f.calibrate <= 0 {
		return gate.Config{}, errors.New("--calibrate must be above 0: a gate states how wrong its measurer may be")
	}
	pol, errPolicy := policyInMode("a gate", f.policy, f.mode, policy.Fixed, policy.GroupSequential, policy.Threshold)
	set, errSet := loadDataset(f.dataset)
	of := func() ([]sample.Arm, []string, error) { return aboutArms(f) }
	if f.urls.on() {
		of = f.urls.about
	}
	about, doubts, errFlags := of()
	if err := errors.Join(errPolicy, errSet, errFlags); err != nil {
		return gate.Config{}, err
	}
	score, err := scoring(set)
	if err != nil {
		return gate.Config{}, err
	}
	turn, err := gate.Size{
		Blocks: f.blocks, Requests: f.requests, Duration: f.duration, PerSecond: f.rate, Workers: f.play.workers, Controls: gate.Choice(f.controls),
	}.Turn(pol)
	if err != nil {
		return gate.Config{}, err
	}
	if turn.Control == 0 && f.plantDelay != "" {
		return gate.Config{}, fmt.Errorf("--plant-delay: there is no plant: %s", turn.Why)
	}
	if turn.Control > 0 {
		controls, warnings, err := aboutControls(about[0], turn.Control, gate.Planted(pol), f.plantDelay)
		if err != nil {
			return gate.Config{}, err
		}
		about, doubts = append(about, controls...), append(doubts, warnings...)
	}
	if f.mode != "" { // stands in the run file, so that whoever judges it again is told
		doubts = append(doubts, fmt.Sprintf("the gate was started with --mode %s: firstbyte guard --mode %s judges its run file alike", f.mode, f.mode))
	}
	cfg := gate.Config{
		Policy: pol, Calibrate: f.calibrate, Out: f.out, Warnings: doubts,
		Load: load.Config{
			About: about, Set: set, Dialect: dialect.Anthropic{}, Model: "gemini-3-pro-preview",
			Seed: f.seed, Blocks: f.blocks, Warmup: f.warmup, Timeouts: f.timeouts,
			Schedule: schedule.Spec{Kind: schedule.Poisson, PerSecond: f.rate, N: turn.Side},
			Tool:     "firstbyte " + version, Scenario: f.play.title(f.scenario), NoControls: turn.Why, Score: score,
		},
	}
	f.play.apply(&cfg.Load)
	if f.urls.on() {
		if err := f.urls.apply(&cfg); err != nil {
			return gate.Config{}, err
		}
	}
	if f.enrich != "" {
		if err := enrich(&cfg.Load, pol.Mode, f.out, f.enrich); err != nil {
			return gate.Config{}, err
		}
	}
	return cfg, nil
}

// aboutControls is what the run file says of the baseline's twin and of its
// plant, and a warning where the plant has not the delay that it is due.
func aboutControls(like sample.Arm, perSlot int, due float64, delay string) (arms []sample.Arm, warnings []string, err error) {
	planted := due
	if delay != "" {
		injury, err := fakegemini.ParseInjury("ttft=" + delay)
		if err != nil {
			return nil, nil, fmt.Errorf("--plant-delay: %w", err)
		}
		planted = injury.Percent / 100
	}
	if planted < due {
		warnings = append(warnings, fmt.Sprintf("a test of the gate: its plant is delayed by %g %% instead of %g %%", 100*planted, 100*due))
	}
	like.PerSlot = perSlot
	tw, pl := like, like
	tw.Name, tw.Role = twin, sample.Twin
	pl.Name, pl.Role, pl.Planted = plant, sample.Plant, planted
	return []sample.Arm{tw, pl}, warnings, nil
}

// aboutArms is what the run file says of the proxies. Arms that do not differ are
// refused unless they are meant to be identical: their equality would pass for a
// proof of the change. There are no doubts.
func aboutArms(f *gateFlags) (arms []sample.Arm, doubts []string, err error) {
	var given []feature.Flags
	for _, arm := range []struct{ name, flags string }{{baseline, f.baselineFlags}, {candidate, f.candidateFlags}} {
		flags, err := feature.Parse(arm.flags)
		if err != nil {
			return nil, nil, fmt.Errorf("--%s-flags: %w", arm.name, err)
		}
		arms = append(arms, sample.Arm{Name: arm.name, Flags: flags.Map(), Restarted: true})
		given = append(given, flags)
	}
	if given[0] == given[1] && !f.aa && f.inject == "" {
		return nil, nil, errors.New("baseline and candidate have the same flags: choose others, or --aa for identical arms")
	}
	return arms, nil, nil
}

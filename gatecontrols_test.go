package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// parsed is the configuration of "firstbyte gate" with the arguments.
func parsed(t *testing.T, args ...string) (f gateFlags) {
	t.Helper()
	cmd := newGateCmd()
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	text := func(name string) string { return cmd.Flags().Lookup(name).Value.String() }
	f.baselineFlags, f.candidateFlags, f.controls, f.plantDelay = text("baseline-flags"), text("candidate-flags"), text("controls"), text("plant-delay")
	f.mode, f.inject = text("mode"), text("inject")
	f.seed, f.blocks, f.requests, f.rate, f.calibrate = 1, 20, 2020, 140, 1
	return f
}

// The controls are the baseline again, and what tells them from it is in the run
// file.
func TestControlsAreTheBaselineAgain(t *testing.T) {
	f := parsed(t)
	cfg, err := gateConfig(&f)
	if err != nil {
		t.Fatal(err)
	}
	about := cfg.Load.About
	base := about[0]
	tw, pl := base, base
	tw.Name, tw.Role, tw.PerSlot = "twin", sample.Twin, 25
	pl.Name, pl.Role, pl.PerSlot, pl.Planted = "plant", sample.Plant, 25, .1
	if diff := cmp.Diff([]sample.Arm{base, about[1], tw, pl}, about); diff != "" || base.Role != "" || base.PerSlot != 0 {
		t.Errorf("-want +got:\n%s", diff)
	}
	if cmp.Equal(base.Flags, about[1].Flags) || cfg.Load.Schedule.N != 101 || cfg.Load.NoControls != "" {
		t.Errorf("flags %v and %v, %d requests, %q", base.Flags, about[1].Flags, cfg.Load.Schedule.N, cfg.Load.NoControls)
	}
	f = parsed(t, "--controls=off")
	if cfg, err = gateConfig(&f); err != nil || len(cfg.Load.About) != 2 || cfg.Load.NoControls != "not asked for" {
		t.Errorf("%+v, %q, %v", cfg.Load.About, cfg.Load.NoControls, err)
	}
}

// A plant without its delay is a test of the gate, and no run may hide it.
func TestAWeakPlantIsTold(t *testing.T) {
	for delay, want := range map[string]struct {
		planted float64
		warned  bool
	}{"": {.1, false}, "0%": {0, true}, "9%": {.09, true}, "10%": {.1, false}, "+30%": {.3, false}} {
		f := parsed(t, "--plant-delay="+delay)
		cfg, err := gateConfig(&f)
		if err != nil {
			t.Fatal(err)
		}
		warned := slices.ContainsFunc(cfg.Warnings, func(w string) bool { return strings.Contains(w, "a test of the gate: its plant") })
		if pl := cfg.Load.About[3]; pl.Planted != want.planted || warned != want.warned {
			t.Errorf("--plant-delay %q: planted %v, warnings %q", delay, pl.Planted, cfg.Warnings)
		}
	}
}

func TestInjuriesLieInThePathsOfCandidateAndPlant(t *testing.T) {
	for name, test := range map[string]struct {
		arm    sample.Arm
		inject string
		want   []string
	}{
		"baseline":             {sample.Arm{Name: baseline}, "stall", nil},
		"candidate":            {sample.Arm{Name: candidate}, "stall", []string{"--inject", "candidate:stall"}},
		"candidate, uninjured": {sample.Arm{Name: candidate}, "", nil},
		"twin":                 {sample.Arm{Name: twin, Role: sample.Twin}, "stall", nil},
		"plant":                {sample.Arm{Name: plant, Role: sample.Plant, Planted: .12}, "stall", []string{"--inject", "plant:ttft=+18.5%", "--inject", "plant:gap=+12%"}},
		"plant, disabled":      {sample.Arm{Name: plant, Role: sample.Plant}, "", []string{"--inject", "plant:ttft=+0%", "--inject", "plant:gap=+0%"}},
	} {
		if got := injuries(&test.arm, test.inject); !cmp.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestTheCommandLineChoosesTheMode(t *testing.T) {
	for mode, want := range map[string]policy.Mode{
		"": policy.Default().Mode, "fixed": policy.Fixed, "group-sequential": policy.GroupSequential, "threshold": policy.Threshold,
	} {
		f := parsed(t, "--mode="+mode)
		if cfg, err := gateConfig(&f); err != nil || cfg.Policy.Mode != want || cfg.Policy.Validate() != nil {
			t.Errorf("--mode %q: %q, %v", mode, cfg.Policy.Mode, err)
		}
	}
}

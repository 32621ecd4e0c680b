package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/schedule"
	"github.com/firstbyte-dev/firstbyte/datasets"
	"github.com/firstbyte-dev/firstbyte/guard/gate"
	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
)

// played is what the command line comes to.
func played(t *testing.T, args ...string) (gateFlags, error) {
	t.Helper()
	var f gateFlags
	cmd := &cobra.Command{Use: "gate"}
	f.add(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return f, f.play.set(cmd, &f)
}

// Each flag has a scenario of its own, and is alone in the candidate.
func TestEachFlagHasItsScenario(t *testing.T) {
	for flag, scenario := range map[string]string{
		"ff_retry_policy_v2": "retry", "ff_http2_pool_tuning": "pool",
		"ff_converter_fast_path": "converter", "ff_preview_credential_scheduler_v2": "scheduler",
	} {
		f, err := played(t, "--flag", flag)
		if err != nil || f.scenario != scenario || f.candidateFlags != flag || f.baselineFlags != "all-off" || f.policy != "flags" {
			t.Errorf("%s: scenario %s, flags %s and %s, policy %s, %v", flag, f.scenario, f.baselineFlags, f.candidateFlags, f.policy, err)
		}
		f, err = played(t, "--flag", flag, "--scenario", "headline", "--blocks", "9", "--policy", "mine.yaml", "--clock", "5")
		if err != nil || f.scenario != "headline" || f.blocks != 9 || f.policy != "mine.yaml" || f.play.clock != 5 || f.play.workers == 0 || f.play.Model != "gemini-3-pro-preview-high" {
			t.Errorf("%s: %+v, %v", flag, f, err)
		}
		play, err := gate.PlayFor(flag)
		if err != nil || !slices.Equal(f.play.Seeks[:len(play.Seeks)], play.Seeks) || !slices.Contains(f.play.Seeks, "throughput.mean") {
			t.Errorf("%s on the headline seeks %v, %v", flag, f.play.Seeks, err)
		}
	}
	if len(feature.Names()) != 4 {
		t.Errorf("%v: name the scenario of each", feature.Names())
	}
	for _, args := range [][]string{{"--flag", "ff_frobnicate"}, {"--sensitivity"}, {"--clock", "0.5"}, {"--vary", "workers=fast"}} {
		if _, err := played(t, args...); err == nil || !strings.Contains(err.Error(), args[0]) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if f, err := played(t); err != nil || f.scenario != "gate" || f.policy != "" || f.play.workers != 0 || f.rate != 100 || f.blocks != 20 || f.controls != "auto" {
		t.Errorf("%+v, %v", f, err)
	}
}

// The headline runs in a closed loop at a faster clock, which stands in the run
// file, and the client's patience is by that clock.
func TestTheHeadlinesLoad(t *testing.T) {
	f, err := played(t, "--scenario", "headline", "--vary", "workers=2", "--vary", "gap.median=0.5")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := gateConfig(&f)
	if err != nil {
		t.Fatal(err)
	}
	load := cfg.Load
	if want := (schedule.Spec{Kind: schedule.Closed, Workers: 32, N: 120}); !cmp.Equal(want, load.Schedule) {
		t.Errorf("%+v", load.Schedule)
	}
	if load.ClockScale != 20 || load.Timeouts.FirstToken != 6*time.Second || load.Timeouts.Total != 9*time.Second || load.Model != "gemini-3-pro-preview-high" {
		t.Errorf("clock %v, %+v, %s", load.ClockScale, load.Timeouts, load.Model)
	}
	if load.Scenario != "headline, workers=2, gap.median=0.5" || !slices.Equal(load.Seeks, []string{"first_token.p95", "throughput.mean"}) || load.NoControls == "" || cfg.Policy.Name != "flags" {
		t.Errorf("%q, %v, %q, %s", load.Scenario, load.Seeks, load.NoControls, cfg.Policy.Name)
	}
}

// Proxies are told of a scenario's credentials and preview models, and all processes
// of one clock.
func TestStage(t *testing.T) {
	p := playFlags{clock: 20, vary: []string{"capacity.keys.plain-*=0.5"}}
	s, err := p.stage("scheduler")
	if err != nil {
		t.Fatal(err)
	}
	defer s.clear()
	want := "good-1 name=good-1 preview\ngood-2 name=good-2 preview\ngood-3 name=good-3 preview\nplain-1 name=plain-1\n" +
		"slow-1 name=slow-1 preview\nused-1 name=used-1 preview\nused-2 name=used-2 preview"
	if s.credentials != want {
		t.Errorf("credentials:\n%s", s.credentials)
	}
	if s.file == "" || len(s.proxy) != 4 || !slices.Equal(s.proxy[:3], []string{"--preview-model", "gemini-3-pro-preview", "--clock"}) ||
		!strings.HasPrefix(s.proxy[3], "20@") || !slices.Equal(s.simulator, []string{"--scenario", s.file, "--clock", s.proxy[3]}) {
		t.Errorf("%+v", s)
	}
	plain, err := (&playFlags{clock: 1}).stage("gate")
	if diff := cmp.Diff(stage{simulator: []string{"--scenario", "gate"}}, plain, cmp.AllowUnexported(stage{})); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	varied, err := (&playFlags{clock: 1, vary: []string{"retry.share=2", "retry.total=0.5", "retry.retries=0.5"}}).stage("retry")
	args := []string{"--retry-interval", "1s", "--retry-total", "15s", "--retries", "3", "--retry-burst", "10", "--retry-share", "0.2"}
	if diff := cmp.Diff(args, varied.proxy); diff != "" || err != nil {
		t.Errorf("%s %v", diff, err)
	}
	varied.clear()
	for _, p := range []playFlags{{vary: []string{"gap.lost=2"}}, {vary: []string{"retry.lost=2"}}, {vary: []string{"first_chunk.between_items=9"}}, {clock: 2000}} {
		if s, err := p.stage("headline"); err == nil {
			t.Errorf("%+v: %+v", p, s)
		}
	}
}

// Every built-in scenario is one that the simulated upstream reads.
func TestEveryScenarioIsRead(t *testing.T) {
	for _, name := range datasets.ScenarioNames() {
		if _, err := (&playFlags{}).stage(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

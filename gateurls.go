package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/gate"
)

// urlFlags make a gate of two endpoints that someone else runs.
type urlFlags struct {
	baseline, candidate string
	model               string
	keyEnv, keyFile     string
	dialect             dialectFlags
	limit               limitFlags
	own                 []string // names of flags that say nothing to a gate of its own processes
}

func (f *urlFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	before := flagNames(fs)
	fs.StringVar(&f.baseline, "baseline-url", "", "compare endpoints that someone else runs: the baseline's URL")
	fs.StringVar(&f.candidate, "candidate-url", "", "the candidate's URL")
	fs.StringVar(&f.model, "model", "", "with URLs: model to ask for")
	fs.StringVar(&f.keyEnv, "key-env", "", "with URLs: environment variable that holds the API key")
	fs.StringVar(&f.keyFile, "key-file", "", "with URLs: file that holds the API key")
	f.dialect.add(cmd)
	f.limit.add(cmd)
	f.own = slices.DeleteFunc(flagNames(fs), func(name string) bool { return slices.Contains(before, name) })
	cmd.MarkFlagsRequiredTogether("baseline-url", "candidate-url")
	cmd.MarkFlagsMutuallyExclusive("key-env", "key-file")
	for _, ours := range []string{"scenario", "inject", "aa", "baseline-flags", "candidate-flags"} { // of the gate's own processes
		cmd.MarkFlagsMutuallyExclusive("baseline-url", ours)
	}
}

// flagNames lists the flags that there are.
func flagNames(fs *pflag.FlagSet) (names []string) {
	fs.VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	return names
}

func (f *urlFlags) on() bool { return f.baseline != "" }

// check refuses flags that would do nothing, and gives endpoints the pace and the
// patience that the gate's own processes do not need.
func (f *urlFlags) check(cmd *cobra.Command, g *gateFlags) error {
	given := cmd.Flags().Changed
	if !f.on() {
		for _, name := range f.own {
			if given(name) {
				return fmt.Errorf("--%s belongs to --baseline-url and --candidate-url, which are not given", name)
			}
		}
		return nil
	}
	if !given("rate") {
		g.rate = 10
	}
	if !given("first-token-timeout") {
		g.timeouts.FirstToken = 30 * time.Second
	}
	if !given("total-timeout") {
		g.timeouts.Total = 2 * time.Minute
	}
	g.scenario = ""
	return nil
}

// about is what the run file says of the endpoints.
func (f *urlFlags) about() (arms []sample.Arm, doubts []string, err error) {
	for _, arm := range []struct{ name, url string }{{baseline, f.baseline}, {candidate, f.candidate}} {
		if err := checkTarget("--"+arm.name+"-url", arm.url); err != nil {
			return nil, nil, err
		}
		arms = append(arms, sample.Arm{Name: arm.name, Target: arm.url})
	}
	return arms, []string{"the endpoints are not the gate's own: nothing was restarted, and the verdict is of these two as they stand"}, nil
}

// apply has the gate speak to the endpoints.
func (f *urlFlags) apply(cfg *gate.Config) error {
	if err := f.dialect.apply(&cfg.Load, f.model); err != nil {
		return err
	}
	key, err := readKey(f.keyEnv, f.keyFile)
	if err != nil {
		return err
	}
	for _, a := range cfg.Load.About {
		at := load.Standing{ArmName: a.Name, At: load.Target{URL: a.Target, Key: key}}
		if a.Role != sample.Plant {
			cfg.Load.Arms = append(cfg.Load.Arms, at)
			continue
		}
		cfg.Load.Arms = append(cfg.Load.Arms, &plantArm{Standing: at, share: a.Planted})
		cfg.Warnings = append(cfg.Warnings, fmt.Sprintf("the plant is the baseline behind a pass-through in the client's own process, which stretches answers by %g %%; "+
			"it takes some tenths of a millisecond of its own, which is much where the baseline answers within a few", 100*a.Planted))
	}
	cfg.Load.Score = nil
	if err := f.dialect.score(&cfg.Load); err != nil {
		return err
	}
	f.limit.always = true
	return f.limit.apply(&cfg.Load)
}

// ready prints what the gate may come to, and makes sure that both endpoints are
// there.
func (f *urlFlags) ready(cmd *cobra.Command, arms []load.Arm) error {
	if err := f.limit.say(cmd.ErrOrStderr()); err != nil {
		return err
	}
	return reach(cmd.Context(), arms[:2], "--baseline-url or --candidate-url")
}

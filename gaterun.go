package main

import (
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/firstbyte-dev/firstbyte/guard/gate"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// decide runs the gate that the flags ask for.
func decide(cmd *cobra.Command, f gateFlags) (judge.Verdict, error) {
	cfg, err := gateConfig(&f)
	if err != nil {
		return judge.Verdict{}, err
	}
	if !f.quiet {
		cfg.Screen = screen(cmd)
	}
	place := "scenario " + f.play.title(f.scenario)
	if f.urls.on() {
		place, err = "endpoints of someone else", f.urls.ready(cmd, cfg.Load.Arms)
	} else {
		var stop func()
		stop, err = f.open(cmd.Context(), &cfg.Load)
		defer stop()
	}
	if err != nil {
		return judge.Verdict{}, err
	}
	cfg.Screen.Say("seed %d, %s, dataset %s %.12s", f.seed, place, cfg.Load.Set.Name, cfg.Load.Set.Hash)
	return gate.Run(cmd.Context(), cfg)
}

// screen shows progress on standard error in the form that suits it.
func screen(cmd *cobra.Command) *gate.Screen {
	if f, ok := cmd.ErrOrStderr().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return gate.NewTerminal(f)
	}
	return gate.NewLines(cmd.ErrOrStderr())
}

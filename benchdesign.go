package main

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/schedule"
)

// designFlags say how the targets are told apart and brought about.
type designFlags struct {
	restart, switchTo  string
	within, washOut    time.Duration
	header, unitHeader string
	share              float64
	washed             int // first requests of each turn that are not measured; set by apply
}

func (f *designFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.restart, "restart-cmd", "", "command that restarts the target that FIRSTBYTE_ARM names, run before each of its turns")
	fs.StringVar(&f.switchTo, "switch-cmd", "", "command that switches the one process to what FIRSTBYTE_ARM names, run before each turn: the design is a switchback")
	fs.DurationVar(&f.within, "cmd-timeout", time.Minute, "how long such a command, and the target after it, may take to be ready")
	fs.DurationVar(&f.washOut, "wash-out", 10*time.Second, "about how long the load goes on after a switch before it is measured")
	fs.StringVar(&f.header, "split-header", "", "header of the answers that names the target which served the request: the design is a split by the process itself")
	fs.Float64Var(&f.share, "split-share", .5, "part of the requests that the process gives to the second target of a split")
	fs.StringVar(&f.unitHeader, "split-unit-header", "", "header to send with the name of the session, or of the request, that a split keeps on one target")
	cmd.MarkFlagsMutuallyExclusive("restart-cmd", "switch-cmd", "split-header", "find-max")
	for _, other := range []string{"trace", "schedule-in", "shard"} {
		cmd.MarkFlagsMutuallyExclusive("switch-cmd", other)
	}
	cmd.MarkFlagsMutuallyExclusive("restart-cmd", "shard")
}

// check reports flags of a design that was not asked for: they would do nothing.
func (f *designFlags) check(cmd *cobra.Command) error {
	changed := cmd.Flags().Changed
	var errs []error
	if changed("wash-out") && f.switchTo == "" {
		errs = append(errs, errors.New("--wash-out belongs to a switchback: give --switch-cmd"))
	}
	if changed("cmd-timeout") && f.switchTo == "" && f.restart == "" {
		errs = append(errs, errors.New("--cmd-timeout bounds a command: give --restart-cmd or --switch-cmd"))
	}
	if (changed("split-share") || changed("split-unit-header")) && f.header == "" {
		errs = append(errs, errors.New("--split-share and --split-unit-header belong to a split: give --split-header"))
	}
	return errors.Join(errs...)
}

// apply makes cfg a run of the design.
func (f *designFlags) apply(cfg *load.Config) error {
	switch {
	case f.header != "":
		cfg.Split = &load.Split{Header: f.header, Share: f.share, UnitHeader: f.unitHeader}
		return oneProcess(cfg, "--split-header")
	case f.restart != "":
		return f.commanded(cfg, f.restart)
	case f.switchTo != "":
		cfg.Design = sample.Switchback
		return errors.Join(f.wash(cfg), oneProcess(cfg, "--switch-cmd"), f.commanded(cfg, f.switchTo))
	}
	return nil
}

// wash makes room for the wash-out in every turn.
func (f *designFlags) wash(cfg *load.Config) error {
	if cfg.Schedule.Kind == schedule.Closed || len(cfg.Schedule.Stages) > 0 || cfg.Sessions != nil || len(cfg.Sweep) > 0 {
		return errors.New("--switch-cmd: a wash-out goes on at one rate: give --rate, and no workers, stages, sweep or turns")
	}
	if f.washOut < 0 || f.washOut > time.Hour {
		return fmt.Errorf("--wash-out %v: give a time from 0 to 1h", f.washOut)
	}
	f.washed = int(math.Ceil(cfg.Schedule.PerSecond * f.washOut.Seconds()))
	cfg.Schedule.N += f.washed
	return nil
}

// commanded lets every arm run the command before its turns.
func (f *designFlags) commanded(cfg *load.Config, command string) error {
	if f.within <= 0 {
		return fmt.Errorf("--cmd-timeout %v: give a time above 0", f.within)
	}
	for i, arm := range cfg.Arms {
		standing, ok := arm.(load.Standing)
		if !ok {
			return fmt.Errorf("target %s is no address that a command could bring about", arm.Name())
		}
		cfg.Arms[i] = &commandArm{Standing: standing, command: command, within: f.within}
		cfg.About[i].Restarted = f.restart != ""
	}
	return nil
}

// oneProcess makes sure that both targets are the same one.
func oneProcess(cfg *load.Config, flag string) error {
	if len(cfg.About) != 2 || cfg.About[0].Target != cfg.About[1].Target {
		return fmt.Errorf("%s: give two names of one process, as --target baseline=URL --target candidate=URL with the same URL", flag)
	}
	return nil
}

package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/guard/gate"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/outfile"
)

// The files that a claim and its sensitivity leave in the gate's folder.
const (
	claimFile       = "claim.md"
	sensitivityFile = "sensitivity.md"
)

// runSensitivity runs the gate as it is, and then with each parameter halved and
// doubled, each in a folder of its own. It ends well where every sign stays.
func runSensitivity(cmd *cobra.Command, f gateFlags) error {
	f.quiet = true
	dir := f.out
	run := func(name string, vary ...string) (judge.Verdict, error) {
		one := f
		one.play.sensitivity, one.play.vary, one.out = false, append(vary, f.play.vary...), filepath.Join(dir, name)
		if err := one.play.scaleWorkers(); err != nil {
			return judge.Verdict{}, err
		}
		fmt.Fprintln(cmd.ErrOrStderr(), name, vary)
		return decide(cmd, one)
	}
	base, err := run("as-it-is")
	if err != nil {
		return err
	}
	var trials []gate.Trial
	for i, variation := range f.play.Variations() {
		verdict, err := run(strconv.Itoa(i+1), variation.String())
		if cmd.Context().Err() != nil {
			return err
		}
		trials = append(trials, gate.Trial{Variation: variation, Verdict: verdict, Err: err})
	}
	table, worst := gate.Sensitivity(base, trials)
	if err := leave(cmd.OutOrStdout(), filepath.Join(dir, sensitivityFile), table); err != nil {
		return err
	}
	switch worst {
	case gate.Kept:
		return nil
	case gate.Flipped:
		return &exitError{code: judge.Rollback.ExitCode()}
	}
	return &exitError{code: judge.Hold.ExitCode()}
}

// tellClaim says how a run of the headline stands beside what was claimed. The exit
// code is the verdict's.
func tellClaim(w io.Writer, f *gateFlags, v *judge.Verdict) error {
	if f.scenario != gate.Headline || f.play.flag != "" {
		return nil
	}
	return leave(w, filepath.Join(f.out, claimFile), gate.ClaimTable(gate.Claim(v)))
}

// leave prints a text and keeps it in a file.
func leave(w io.Writer, path, text string) error {
	if _, err := fmt.Fprintf(w, "\n%s", text); err != nil {
		return err
	}
	return outfile.Write(path, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

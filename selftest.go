package main

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
)

// selftestFlags are the command line of "firstbyte proof selftest".
type selftestFlags struct {
	policy, data string
	twin         bool
	replay       proof.Replay
}

const selftestHelp = `Replays a recorded run of two identical arms (firstbyte gate --aa): in every
replay the arms of randomly chosen blocks change places, which changes nothing if
the arms are equal. A judge that errs in at most 5 % of runs rolls back in at most
about 5 % of replays, and one that sees anything in not many fewer. Then every latency
of the candidate is slowed by 5, 10 and 20 % in replays, to see how often the policy
finds it. Exit code 0 if the count lies in the range that is printed and the 20 % turn
the run's own verdict into a rollback, 2 otherwise, 3 for a run that is too short, 4 for one
without data.

With --twin the baseline of a run with controls is replayed against its twin, so that
the arms need not be identical.`

func newSelftestCmd() *cobra.Command {
	var f selftestFlags
	cmd := &cobra.Command{
		Use:   "selftest RUN.run.jsonl[.gz]",
		Short: "Count false rollbacks on a recorded run of identical arms, and find shifts in it",
		Long:  selftestHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.data != "" {
				args = append(args, f.data)
			}
			if err := oneRunFile(cmd, args); err != nil {
				return err
			}
			return runSelftest(cmd, args[0], f)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.data, "data", "", "the run file, in place of the argument")
	fs.BoolVar(&f.twin, "twin", false, "replay the baseline against its twin")
	fs.StringVar(&f.policy, "policy", "", "policy file (default: the built-in policy)")
	fs.IntVar(&f.replay.Flips, "flips", 400, "how many replays")
	fs.IntVar(&f.replay.Shifted, "shifted", 100, "in how many replays each slowdown is looked for")
	fs.Float64Var(&f.replay.Tau, "tau", 0, "tau of every metric in the replays, as a share")
	fs.Uint64Var(&f.replay.Seed, "seed", 1, "seed of the replays")
	return cmd
}

func runSelftest(cmd *cobra.Command, path string, f selftestFlags) error {
	pol, err := loadPolicy(f.policy)
	if err != nil {
		return err
	}
	set, err := openEvidence(path, "", "")
	if err != nil {
		return err
	}
	if f.twin {
		if set.Controls == nil || set.Controls.Twin == nil {
			return fmt.Errorf("run file %s has no twin: record it with controls, or with --aa", path)
		}
		set = *set.Controls.Twin
	}
	s, err := proof.Flips(pol, set, f.replay)
	if u, ok := errors.AsType[*proof.Unproven](err); ok {
		return unproven(path, u)
	}
	if err != nil {
		return fmt.Errorf("run file %s: %w", path, err)
	}
	printSelftest(cmd.OutOrStdout(), s, f.replay)
	if least, most := s.Range(); s.RolledBack == 0 || s.RolledBack < least || s.RolledBack > most {
		return &exitError{code: judge.Rollback.ExitCode(), msg: "selftest failed: see the count above" + fewReplays(set.Blocks, s.RolledBack < least)}
	}
	if !s.Flipped {
		return &exitError{code: judge.Rollback.ExitCode(), msg: "selftest failed: 20 % more in every latency do not turn the verdict on this run into a rollback"}
	}
	return nil
}

// unproven is a hold, or no data, with what to record.
func unproven(path string, u *proof.Unproven) error {
	code := judge.Hold.ExitCode()
	if u.NoData {
		code = judge.NoData.ExitCode()
	}
	return &exitError{code: code, msg: fmt.Sprintf("run file %s: %v Record one of two identical arms with %d blocks or more: firstbyte gate --aa --mode fixed", path, u, enoughBlocks)}
}

// enoughBlocks can change places in enough ways for a selftest.
const enoughBlocks = 16

// fewReplays says what to do about a run whose blocks can change places in few
// ways, as one that ended at an early look: its replays are few different ones,
// and may reject seldom for that alone.
func fewReplays(blocks int, seldom bool) string {
	if !seldom || blocks >= enoughBlocks {
		return ""
	}
	return fmt.Sprintf(" (the run has %d blocks, whose arms can change places in few ways; record one of %d or more with gate --aa --mode fixed)", blocks, enoughBlocks)
}

func printSelftest(w io.Writer, s proof.Selftest, r proof.Replay) {
	n := float64(s.Flips)
	least, most := s.Range()
	fmt.Fprintf(w, "rolled back %d of %d (%.1f %%; expected %.4g %%, which is %d to %d in 98.9 %% of selftests)\n",
		s.RolledBack, s.Flips, 100*float64(s.RolledBack)/n, 100*s.Alpha, least, most)
	fmt.Fprintf(w, "tau %g, seed %d; the run's own grade of validity is set aside\n\n", r.Tau, r.Seed)
	for _, share := range s.Shares {
		fmt.Fprintf(w, "%-12s %5.1f %% of the variance of log latency lies between items and is cancelled by pairing\n", share.Measure, 100*share.Between)
	}
	fmt.Fprintf(w, "\nevery latency of the candidate slowed, by the policy's own taus:\n")
	for _, seen := range s.Seen {
		fmt.Fprintf(w, "  %+.0f %%  found in %d of %d replays\n", 100*seen.Slower, seen.Found, seen.Replays)
	}
	fmt.Fprintf(w, "\nsmallest worsening that this run would see four times in five:\n")
	for _, m := range s.Metrics {
		if m.Gating && !math.IsNaN(float64(m.Detectable)) {
			fmt.Fprintf(w, "  %-45s %5.1f %s\n", m.Name, 100*float64(m.Detectable), unitOf(m))
		}
	}
}

func unitOf(m judge.Metric) string {
	if m.Scale == "difference" {
		return "points"
	}
	return "%"
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/guard/proof"
	"github.com/firstbyte-dev/firstbyte/outfile"
)

// proofFlags are the command line of "firstbyte proof".
type proofFlags struct {
	repetitions, workers, mostPairs int
	goals                           []string
	state, out                      string
	reuse                           bool
}

const proofHelp = `Repeats simulated comparisons and compares how often the judge decides rightly and
wrongly with its goals. The seeds are fixed: the same version gives the same figures
whatever the number of workers. Results are kept in a file, goal by goal, so a run that
was cut goes on where it ended. Exit code 0 if all goals are met, 2 if one is missed,
4 if nothing was simulated.`

func newProofCmd() *cobra.Command {
	var f proofFlags
	cmd := &cobra.Command{
		Use:   "proof",
		Short: "Show what the judge's claims are worth",
		Long:  proofHelp,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runProof(cmd, f) },
	}
	fs := cmd.Flags()
	fs.IntVar(&f.repetitions, "repetitions", 10_000, "how often each comparison is repeated")
	fs.IntVar(&f.workers, "workers", runtime.GOMAXPROCS(0), "how many repetitions go on at a time")
	fs.StringSliceVar(&f.goals, "goal", nil, "goals to simulate, such as P1,G4 (default: all, and the rules of others)")
	fs.StringVar(&f.state, "state", "out/proof.jsonl", "file of the results")
	fs.StringVar(&f.out, "out", "", "Markdown file to write")
	fs.IntVar(&f.mostPairs, "most-pairs", 0, "leave out comparisons of more pairs (0: none)")
	fs.BoolVar(&f.reuse, "reuse", false, "take results of other versions and numbers of repetitions too; the document names them")
	cmd.AddCommand(newSelftestCmd())
	return cmd
}

func runProof(cmd *cobra.Command, f proofFlags) error {
	if f.repetitions < 1 || f.workers < 1 {
		return fmt.Errorf("%d repetitions by %d workers: both are at least 1", f.repetitions, f.workers)
	}
	goals, rivals := proof.Goals(), proof.Rivals()
	chosen, err := choose(f.goals, goals)
	if err != nil {
		return err
	}
	known, err := readResults(f.state)
	if err != nil {
		return err
	}
	k := ledger{results: known, progress: cmd.ErrOrStderr(), flags: f}
	todo := chosen
	if f.goals == nil {
		todo = slices.Concat(chosen, proof.RivalGoals(rivals))
	}
	err = k.simulate(cmd.Context(), todo)
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted: what was finished is in %s, repeat the command to go on", f.state)
	}
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := outfile.Write(f.out, func(w io.Writer) error { return proof.Document(w, goals, rivals, k.results) }); err != nil {
			return err
		}
	}
	return k.outcome(cmd.OutOrStdout(), chosen)
}

// choose returns the goals with the given names, in order; all if none is given.
func choose(names []string, goals []proof.Goal) ([]proof.Goal, error) {
	if names == nil {
		return goals, nil
	}
	var chosen []proof.Goal
	for _, name := range names {
		i := slices.IndexFunc(goals, func(g proof.Goal) bool { return g.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no goal %q: there are P1 to P15 and G1 to G19", name)
		}
		chosen = append(chosen, goals[i])
	}
	return chosen, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
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
was cut goes on where it ended. Exit code 0 if all goals are met, 2 if one is missed.`

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

func readResults(path string) (proof.Results, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	results, err := proof.ReadResults(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w (remove it to start anew)", path, err)
	}
	return results, nil
}

// A ledger holds results and writes them down as they come.
type ledger struct {
	results  proof.Results
	progress io.Writer
	flags    proofFlags
}

func (l *ledger) simulate(ctx context.Context, goals []proof.Goal) error {
	return proof.Run{
		Repetitions: l.flags.repetitions, Workers: l.flags.workers, MostPairs: l.flags.mostPairs, Known: l.known, Done: l.done,
	}.Simulate(ctx, goals)
}

// known tells whether a result needs no repeating. A build of changed sources
// has no version of its own, so its results may be another code's.
func (l *ledger) known(goal, cell string, repetitions int) bool {
	r, ok := l.results.Find(goal, cell)
	named := version != "dev" && !strings.HasSuffix(version, "-dirty")
	return ok && (l.flags.reuse || named && r.Tool == version && r.Repetitions == repetitions)
}

func (l *ledger) done(r proof.Result) error {
	r.Tool = version
	l.results = l.results.Put(r)
	fmt.Fprintf(l.progress, "%-4s %-48s %8.2f ± %.2f\n", r.Goal, r.Cell, r.Value, r.Error)
	return outfile.Write(l.flags.state, l.results.Write)
}

// outcome prints how goals stand; the error has the exit code.
func (l *ledger) outcome(w io.Writer, goals []proof.Goal) error {
	var missed []string
	for _, o := range l.results.Judge(goals) {
		fmt.Fprintf(w, "%-4s %s\n", o.Name, o)
		if o.Missed > 0 {
			missed = append(missed, o.Name)
		}
	}
	if missed != nil {
		return &exitError{code: judge.Rollback.ExitCode(), msg: "goals missed: " + strings.Join(missed, ", ")}
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/proof"
	"github.com/firstbyte-dev/firstbyte/outfile"
)

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

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
	var missed, open, elsewhere []string
	shown := 0
	for _, o := range l.results.Judge(goals) {
		fmt.Fprintf(w, "%-4s %s\n", o.Name, o)
		shown += o.Met
		switch {
		case o.Missed > 0:
			missed = append(missed, o.Name)
		case o.Open > 0:
			open = append(open, o.Name)
		case o.Elsewhere != "":
			elsewhere = append(elsewhere, o.Name)
		}
	}
	switch {
	case missed != nil:
		return &exitError{code: judge.Rollback.ExitCode(), msg: "goals missed: " + strings.Join(missed, ", ")}
	case shown > 0:
		return nil
	case open != nil:
		return &exitError{code: judge.NoData.ExitCode(), msg: fmt.Sprintf("nothing of %s was simulated: raise --most-pairs %d, or drop it", strings.Join(open, ", "), l.flags.mostPairs)}
	}
	return &exitError{code: judge.NoData.ExitCode(), msg: fmt.Sprintf("nothing was simulated: %s stand elsewhere (held by tests, or replaced; docs/proof.md says by which), make test runs them", strings.Join(elsewhere, ", "))}
}

package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/merge"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

const mergeHelp = `Puts the run files of all shards of one run (bench --shard) together into the run
file that one machine would have written: the same requests in the same order. A
shard that is missing, there twice, or of another run is refused.

What holds of the whole is what holds of the worst shard. How far the shards'
clocks are apart is told as far as it is known; it moves their starts against each
other, and no latency.

The exit code is that of bench: 3 for an invalid measurement, 4 for no data.`

func newMergeCmd() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:     "merge SHARD.run.jsonl[.gz]... -o RUN.run.jsonl[.gz]",
		Short:   "Merge the run files of shards",
		Long:    mergeHelp,
		Example: "  firstbyte merge shard-0.run.jsonl.gz shard-1.run.jsonl.gz -o whole.run.jsonl.gz",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runMerge(cmd.OutOrStdout(), args, out) },
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "run file to write")
	return cmd
}

func runMerge(w io.Writer, paths []string, out string) error {
	if out == "" {
		return errors.New("--out: name the run file to write, such as whole.run.jsonl.gz")
	}
	var parts []merge.Part
	for _, path := range paths {
		run, err := sample.ReadPart(path)
		if err != nil {
			return err
		}
		parts = append(parts, merge.Part{Name: path, Run: run})
	}
	run, err := merge.Merge(parts)
	if err != nil {
		return err
	}
	if err := sample.Write(out, run); err != nil {
		return err
	}
	if run, err = sample.Read(out); err != nil { // with its counts
		return err
	}
	if err := (&outputFlags{}).showBench(w, run, out); err != nil {
		return err
	}
	if err := mergeTable(w, run.Header.Shards); err != nil {
		return err
	}
	return benchExit(run, out)
}

// mergeTable says of which shards a run was made and how their clocks were.
func mergeTable(w io.Writer, shards []sample.Shard) error {
	for _, s := range shards {
		line := clockLine(s.Clock)
		if step := time.Duration(s.StepNS); step.Abs() >= time.Millisecond {
			line += fmt.Sprintf("; it was moved by %v meanwhile", step.Round(time.Microsecond))
		}
		if _, err := fmt.Fprintf(w, "shard %d: %s\n", s.Index, line); err != nil {
			return err
		}
	}
	return nil
}

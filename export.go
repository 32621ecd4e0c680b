package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/export"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

const exportHelp = `Shows run files, of bench, of the gate or converted, one or several side by side:
as a table here, and as files in other forms; - for one of the files is standard
output, instead of the table. Nothing is judged.

Exit code 4 says that an arm of a run has no request that succeeded.`

const exportExample = `  firstbyte export out/bench.run.jsonl.gz --slo first_token=500ms,tpot=50ms
  firstbyte export before.run.jsonl.gz after.run.jsonl.gz --json summary.json
  firstbyte export out/gate.run.jsonl.gz --hlog out/gate.hlog --csv out/requests.csv
  firstbyte export out/gate.run.jsonl.gz --benchstat - | benchstat -col /arm /dev/stdin`

func newExportCmd() *cobra.Command {
	var f outputFlags
	cmd := &cobra.Command{
		Use:     "export RUN.run.jsonl[.gz]...",
		Short:   "Show run files as tables and in other forms",
		Long:    exportHelp,
		Example: exportExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("no run file given: name one or more, such as out/bench.run.jsonl.gz")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runExport(cmd, args, f) },
	}
	f.add(cmd.Flags())
	return cmd
}

func runExport(cmd *cobra.Command, paths []string, f outputFlags) error {
	if _, err := f.options(); err != nil {
		return err
	}
	var inputs []export.Input
	for _, path := range paths {
		run, err := sample.Read(path)
		if err != nil {
			return err
		}
		inputs = append(inputs, export.Input{Name: path, Run: run})
	}
	if err := f.show(cmd.OutOrStdout(), inputs); err != nil {
		return err
	}
	if flag, _ := f.stdout(); flag == "" {
		if err := sayTrust(cmd.OutOrStdout(), inputs); err != nil {
			return err
		}
	}
	for _, in := range inputs {
		if arm := without(in.Run); arm != "" {
			return &exitError{code: 4, msg: fmt.Sprintf("no data: no request to %s succeeded in %s", arm, in.Name)}
		}
	}
	return nil
}

// sayTrust says for each run what its measurement is worth.
func sayTrust(w io.Writer, inputs []export.Input) error {
	for _, in := range inputs {
		text := trust(&in.Run.Trailer.Validity)
		if in.Run.Trailer.Stopped != "" {
			text += "; " + in.Run.Trailer.Stopped
		}
		if lacks := in.Run.Header.Lacks; len(lacks) > 0 {
			var names []string
			for _, m := range lacks {
				names = append(names, string(m))
			}
			text += "; " + in.Run.Header.Source + " does not tell " + strings.Join(names, ", ")
		}
		if _, err := fmt.Fprintf(w, "\n%s: %s\n", in.Name, text); err != nil {
			return err
		}
	}
	return nil
}

// without names the first arm that has no success; "" if each has one.
func without(run *sample.Run) string {
	ok := map[string]bool{}
	for i := range run.Samples {
		if s := &run.Samples[i]; !s.Warmup && s.Outcome == sample.OK {
			ok[s.Arm] = true
		}
	}
	for _, arm := range run.Header.Arms {
		if !ok[arm.Name] {
			return arm.Name
		}
	}
	return ""
}

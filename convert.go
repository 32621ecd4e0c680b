package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/convert"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

const convertHelp = `Makes a run file of logs that another tool recorded: Envoy's access log in JSON,
OpenTelemetry spans of model calls (OTLP in JSON), or LiteLLM's spend logs (JSON,
JSON Lines or CSV); or of what another load generator measured: vegeta's results
(gob, JSON or CSV), k6 run --out json=FILE, or vllm bench serve --save-result
--save-detailed. Logs may be compressed with gzip; - is standard input.

A log does not know how requests came to their arms, so say it with --design:
  single       one side, or two that were not recorded side by side: only
               absolute limits can be judged (the default)
  interleaved  two deployments served side by side; blocks by time (--block)
  split        each unit was assigned at random with --share

What the source cannot tell is written down, and a gating metric of it is a hold.
What cannot be read is named; more than one entry in a hundred is an error. Keys,
users and messages are never copied; units and sessions are salted hashes.

Exit code 4 says that an arm has no request.`

const convertExample = `  firstbyte convert --from envoy --arm-field upstream_cluster --baseline stable --candidate canary \
    --design interleaved --block 10m --only 'path=/v1/messages*' access.log -o canary.run.jsonl.gz
  firstbyte convert --from otlp --arm-field service.version --baseline 1.8.0 --candidate 1.9.0 spans.json -o spans.run.jsonl
  firstbyte convert --from litellm --candidate all spend.csv -o spend.run.jsonl
  firstbyte convert --from vllm --arm-field @file --baseline old.json --candidate new.json old.json new.json -o vllm.run.jsonl
  firstbyte convert --from vegeta results.gob -o vegeta.run.jsonl`

func newConvertCmd() *cobra.Command {
	var o convert.Options
	var from, design, out string
	cmd := &cobra.Command{
		Use:     "convert --from SOURCE LOG... -o RUN.run.jsonl[.gz]",
		Short:   "Make a run file of other tools' logs",
		Long:    convertHelp,
		Example: convertExample,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.From, o.Design = convert.Source(from), sample.Design(design)
			o.Salt, o.Tool = []byte(rand.Text()), "firstbyte "+version
			return runConvert(cmd, o, args, out)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&from, "from", "", "form of the logs: envoy, otlp, litellm, vegeta, k6 or vllm")
	fs.StringVarP(&out, "out", "o", "", "run file to write")
	fs.StringVar(&o.ArmField, "arm-field", "", "field whose value is the arm, @file for the name of the log (default: all are the candidate's)")
	fs.StringVar(&o.Baseline, "baseline", "", "value of the arm field for the baseline")
	fs.StringVar(&o.Candidate, "candidate", "candidate", "value of the arm field for the candidate")
	fs.StringVar(&design, "design", "single", "how requests came to their arms: single, interleaved or split")
	fs.DurationVar(&o.Block, "block", 0, "length of the blocks (default: the whole log is one)")
	fs.Float64Var(&o.Share, "share", 0, "part of the units that a split sent to the candidate at random")
	fs.StringVar(&o.UnitField, "unit-field", "", "field that names what a split assigned (default: each request)")
	fs.StringVar(&o.PodField, "pods-field", "", "field that names the process which served a request")
	fs.StringArrayVar(&o.Only, "only", nil, "FIELD=VALUE that a request must have, VALUE* for a beginning; repeatable")
	fs.StringArrayVar(&o.Map, "map", nil, "ROLE=FIELD[:ns|us|ms|s] for fields of other names; repeatable; roles: "+convert.Roles())
	return cmd
}

func runConvert(cmd *cobra.Command, o convert.Options, paths []string, out string) error {
	if out == "" {
		return errors.New("--out: name the run file to write, such as canary.run.jsonl.gz")
	}
	if err := o.Validate(); err != nil {
		return err
	}
	inputs, closeAll, err := openLogs(paths, cmd.InOrStdin())
	defer closeAll()
	if err != nil {
		return err
	}
	report, err := convert.Convert(o, inputs, out)
	if errors.Is(err, convert.ErrNoData) {
		return &exitError{code: 4, msg: err.Error()}
	}
	if err != nil {
		return err
	}
	return sayConverted(cmd.OutOrStdout(), report, out)
}

// openLogs opens all logs, so that a name that is wrong costs no reading.
func openLogs(paths []string, stdin io.Reader) (inputs []convert.Input, closeAll func(), err error) {
	var files []*os.File
	closeAll = func() {
		for _, f := range files {
			_ = f.Close() // it was only read
		}
	}
	for _, path := range paths {
		if path == "-" {
			inputs = append(inputs, convert.Input{Name: path, Reader: stdin})
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, closeAll, err
		}
		files = append(files, f)
		inputs = append(inputs, convert.Input{Name: path, Reader: f})
	}
	return inputs, closeAll, nil
}

// sayConverted tells what became of every entry.
func sayConverted(w io.Writer, r convert.Report, out string) error {
	lines := []string{fmt.Sprintf("%d entries", r.Entries)}
	for _, arm := range slices.Sorted(maps.Keys(r.Requests)) {
		lines = append(lines, fmt.Sprintf("  %6d requests of %s", r.Requests[arm], arm))
	}
	for _, reason := range slices.Sorted(maps.Keys(r.Passed)) {
		lines = append(lines, fmt.Sprintf("  %6d passed over: %s", r.Passed[reason], reason))
	}
	if r.Bad > 0 {
		lines = append(lines, fmt.Sprintf("  %6d could not be read, such as:", r.Bad))
	}
	for _, example := range r.Examples {
		lines = append(lines, "         "+example)
	}
	_, err := fmt.Fprintln(w, strings.Join(append(lines, out), "\n"))
	return err
}

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/assert"
	"github.com/firstbyte-dev/firstbyte/outfile"
)

// assertFlags are the command line of "firstbyte assert TOPIC".
type assertFlags struct {
	that, allow, preview          []string
	arm, baseline, other          string
	alpha, floor, runSpread, json string
	point, previewModel           bool
	planned                       time.Duration
	credentials                   int
}

const assertExample = `  firstbyte assert latency out/gate.run.jsonl.gz --first-token-p95 '<=800ms' --success '>=99%'
  firstbyte assert throughput new.run.jsonl.gz --baseline old.run.jsonl.gz --throughput-improve 10% --run-spread 5%`

const assertHelp = `Holds a run file against limits, or against a baseline. A demand is a flag named
after its quantity, or a sentence:

  --full-p95 '<=2.5s'               --that 'full.p95 <= 2.5s'
  --success '>=99%'                 --that 'success >= 99%'
  --first-token-p95-improve 20%     --that 'first_token.p95 improves 20%'

Improvements are over another arm of the run, compared pair by pair, or over
--baseline RUN2: then the runs must be comparable, and no causal claim is possible.
A negative improvement allows as much worsening; that of a share is in points.

A limit passes only if the confidence bound keeps it and fails only if the other
bound breaks it, too; between them it holds. Failed requests are infinitely slow,
and more than 5 % of them hold or fail the run.

Exit code 0: every assertion passed. 2: one failed. 4: one has no data. 3: one is
held. The first of 1, 2, 4, 3 that applies.`

func newAssertCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "assert TOPIC RUN.run.jsonl[.gz]", Short: "Hold a run file against limits or a baseline",
		Long: assertHelp, Example: assertExample, Args: noCommand,
		RunE: func(*cobra.Command, []string) error {
			return fmt.Errorf("assert: name a topic out of %s", strings.Trim(strings.ReplaceAll(fmt.Sprint(assert.Topics()), " ", ", "), "[]"))
		},
	}
	for _, t := range assert.Topics() {
		cmd.AddCommand(newTopicCmd(t))
	}
	return cmd
}

func newTopicCmd(topic assert.Topic) *cobra.Command {
	var f assertFlags
	cmd := &cobra.Command{
		Use: string(topic) + " RUN.run.jsonl[.gz]", Short: "Assert " + topic.About(),
		Long:    "Asserts " + topic.About() + "; \"firstbyte assert --help\" says how. It knows:\n\n" + topic.Catalogue(),
		Example: "  firstbyte assert " + string(topic) + " out/gate.run.jsonl.gz " + topic.Example(),
		// The names of demands are made of measures and statistics: they are
		// read before the flags.
		DisableFlagParsing: true,
	}
	fs := cmd.Flags()
	fs.StringArrayVar(&f.that, "that", nil, "a demand, such as 'full.p95 <= 2.5s'; repeat for more")
	fs.StringVar(&f.arm, "arm", "", "arm to assert on (default: the candidate, or the only one)")
	fs.StringVar(&f.baseline, "baseline", "", "another run file that improvements are over")
	fs.StringVar(&f.other, "baseline-arm", "", "arm that improvements are over (default: the first other one)")
	fs.StringSliceVar(&f.allow, "allow", nil, "differences that do not hold: "+strings.Join(assert.Allowable(), ", "))
	fs.StringVar(&f.alpha, "alpha", "5%", "how often each bound may be wrong")
	fs.StringVar(&f.floor, "min-success", "95%", "least success rate, where no demand speaks of success")
	fs.BoolVar(&f.point, "point", false, "compare values as they are, without bounds")
	fs.StringVar(&f.runSpread, "run-spread", "0", "how much runs of the same build differ (standard deviation), for --baseline")
	fs.StringVar(&f.json, "json", "", "file to write the outcome to")
	if topic == assert.Retry {
		fs.DurationVar(&f.planned, "planned-wait", 0, "longest single wait of the gateway between attempts, where records do not tell of each")
	}
	if topic == assert.PreviewPool {
		fs.StringSliceVar(&f.preview, "preview-label", nil, "label of a credential that serves preview models alone, where records do not tell; repeat for more")
		fs.IntVar(&f.credentials, "credentials", 0, "credentials in the pool, used or not (default: those that served something)")
		fs.BoolVar(&f.previewModel, "preview-model", false, "the run's model is a preview model")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runTopic(cmd, topic, args, &f) }
	return cmd
}

// runTopic reads demands, then flags, then the run file.
func runTopic(cmd *cobra.Command, topic assert.Topic, args []string, f *assertFlags) error {
	demands, rest, err := assert.FromArgs(args)
	if err != nil {
		return err
	}
	cmd.DisableFlagParsing = false
	if err := cmd.ParseFlags(rest); err != nil {
		return cmd.FlagErrorFunc()(cmd, err)
	}
	if help, err := cmd.Flags().GetBool("help"); err == nil && help {
		return cmd.Help()
	}
	if err := oneRunFile(cmd, cmd.Flags().Args()); err != nil {
		return err
	}
	r, err := f.request(topic, cmd.Flags().Arg(0), demands)
	if err != nil {
		return err
	}
	report, err := assert.Check(r)
	if err != nil {
		return err
	}
	if f.json != "" {
		if err := outfile.Write(f.json, report.JSON); err != nil {
			return err
		}
	}
	if err := report.Text(cmd.OutOrStdout()); err != nil || report.ExitCode == 0 {
		return err
	}
	return &exitError{code: report.ExitCode}
}

func (f *assertFlags) request(topic assert.Topic, path string, demands []assert.Assertion) (assert.Request, error) {
	r := assert.Request{
		Topic: topic, Name: path, Arm: f.arm, Assertions: demands, BaselineName: f.baseline, BaselineArm: f.other,
		Allow: f.allow, Point: f.point, PlannedWait: f.planned, PreviewCredentials: f.preview, PreviewModel: f.previewModel, Credentials: f.credentials,
	}
	var err error
	var problems [3]error
	r.Alpha, problems[0] = assert.Share(f.alpha)
	r.Floor, problems[1] = assert.Share(f.floor)
	r.RunSpread, problems[2] = assert.Share(f.runSpread)
	for _, text := range f.that {
		a, err := assert.Parse(text)
		r.Assertions = append(r.Assertions, a)
		problems[0] = errors.Join(problems[0], err)
	}
	if err := errors.Join(problems[:]...); err != nil {
		return r, err
	}
	if r.Run, err = sample.Read(path); err != nil || f.baseline == "" {
		return r, err
	}
	r.Baseline, err = sample.Read(f.baseline)
	return r, err
}

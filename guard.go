package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/report"
)

// guardFlags are the command line of "firstbyte guard".
type guardFlags struct {
	policy, mode        string
	baseline, candidate string
	json                string
	renderingFlags
	history    string
	prometheus prometheusFlags
}

const guardHelp = `Reads a run file, compares two of its arms by a policy, and says PROMOTE (exit
code 0), ROLLBACK (2), HOLD (3) or NO DATA (4). The same file and the same policy
always give the same verdict.

With --prometheus it judges two deployments side by side by their metrics.`

func newGuardCmd() *cobra.Command {
	var f guardFlags
	cmd := &cobra.Command{
		Use:   "guard RUN.run.jsonl[.gz]",
		Short: "Judge a run file",
		Long:  guardHelp,
		Args:  func(cmd *cobra.Command, args []string) error { return f.prometheus.orRunFile(cmd, args) },
		RunE:  func(cmd *cobra.Command, args []string) error { return runGuard(cmd, args, f) },
	}
	fs := cmd.Flags()
	f.prometheus.add(fs)
	fs.StringVar(&f.policy, "policy", "", "policy file (default: the built-in policy)")
	fs.StringVar(&f.mode, "mode", "", "fixed, group-sequential, anytime or threshold, instead of the policy's")
	fs.StringVar(&f.baseline, "baseline", "", "arm to compare with (default: the first of the run)")
	fs.StringVar(&f.candidate, "candidate", "", "arm to judge (default: the second of the run)")
	fs.StringVar(&f.history, "history", "", "judge one arm against this store of earlier runs (see firstbyte history), by the mode history")
	fs.StringVar(&f.json, "json", "", "verdict file to write")
	f.add(fs)
	cmd.AddCommand(newExplainCmd(), newSelftestCmd(), newWatchCmd(), newServeCmd())
	return cmd
}

func oneRunFile(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%d files given: name one run file, such as out/gate.run.jsonl.gz", len(args))
	}
	return nil
}

func runGuard(cmd *cobra.Command, args []string, f guardFlags) error {
	if policy.Mode(f.mode) == policy.History {
		return errors.New("--mode history: say where it is kept instead (--history DIR or git:BRANCH)")
	}
	pol, err := policyInMode("guard", f.policy, f.mode, policy.Fixed, policy.GroupSequential, policy.Anytime, policy.Threshold)
	if err != nil {
		return err
	}
	verdict, err := judged(cmd, pol, args, f)
	if err != nil {
		return err
	}
	if err := writeRenderings(verdict, append(f.renderings(), rendering{f.json, report.JSON})); err != nil {
		return err
	}
	if err := report.Terminal(cmd.OutOrStdout(), verdict); err != nil {
		return err
	}
	if verdict.ExitCode == 0 {
		return nil
	}
	return &exitError{code: verdict.ExitCode}
}

// judged compares two arms, or one with its history.
func judged(cmd *cobra.Command, p policy.Policy, args []string, f guardFlags) (judge.Verdict, error) {
	if f.history != "" && f.mode != "" {
		return judge.Verdict{}, errors.New("--history is a mode of its own: drop --mode")
	}
	if f.history != "" {
		if len(args) == 0 {
			return judge.Verdict{}, errors.New("--history and --prometheus exclude each other: drop one")
		}
		return judgeHistory(cmd, p, args[0], f.candidate, f.history)
	}
	if p.Mode == policy.History {
		return judge.Verdict{}, errors.New("the policy's mode is history: say where it is kept (--history DIR or git:BRANCH)")
	}
	set, err := f.evidence(cmd.Context(), args)
	if err != nil {
		return judge.Verdict{}, err
	}
	return judge.Judge(p, set), nil
}

func openEvidence(path, baseline, candidate string) (evidence.Set, error) {
	run, err := sample.Read(path)
	if err != nil {
		return evidence.Set{}, err
	}
	set, err := evidence.New(evidence.Source{Run: *run, Baseline: baseline, Candidate: candidate})
	if err != nil {
		return evidence.Set{}, fmt.Errorf("run file %s: %w", path, err)
	}
	return set, nil
}

func newExplainCmd() *cobra.Command {
	var path string
	var asYAML, asSchema bool
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Say in words what a policy demands",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asYAML {
				_, err := cmd.OutOrStdout().Write(policy.DefaultYAML())
				return err
			}
			if asSchema {
				_, err := cmd.OutOrStdout().Write(policy.Schema())
				return err
			}
			pol, err := loadPolicy(path)
			if err != nil {
				return err
			}
			return policy.Explain(cmd.OutOrStdout(), pol)
		},
	}
	cmd.Flags().StringVar(&path, "policy", "", "policy file (default: the built-in policy)")
	cmd.Flags().BoolVar(&asYAML, "yaml", false, "print the built-in policy as a file to start from")
	cmd.Flags().BoolVar(&asSchema, "schema", false, "print the JSON Schema of a policy, for editors")
	cmd.MarkFlagsMutuallyExclusive("policy", "yaml", "schema")
	return cmd
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/report"
	"github.com/firstbyte-dev/firstbyte/guard/watch"
	"github.com/firstbyte-dev/firstbyte/outfile"
)

// watchFlags are the command line of "firstbyte guard watch".
type watchFlags struct {
	policy, json, since string
	every, limit        time.Duration
	patience            int
	quiet               bool
	logs                watch.LogsConfig
}

const watchHelp = `Judges a canary while it runs: it takes all evidence since --since at intervals,
until the verdict is PROMOTE (exit code 0) or ROLLBACK (2), or --for is over: HOLD
(3) or NO DATA (4). Evidence that could not be had --patience times in a row is an
error (1).

The policy must be of the mode anytime, which may look as often as it likes; the
built-in policy is used in that mode. A watch that was killed goes on where it was
if it is started again with the same --since.`

const watchExample = `  firstbyte guard watch --baseline-log stable.run.jsonl --candidate-log canary.run.jsonl --every 30s --for 1h
  firstbyte guard watch --split-log proxy.run.jsonl --policy canary.yaml`

func newWatchCmd() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:     "watch",
		Short:   "Judge a canary while it runs",
		Long:    watchHelp,
		Example: watchExample,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runWatch(cmd, f) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.policy, "policy", "", "policy file (default: the built-in policy)")
	fs.StringVar(&f.json, "json", "", "verdict file to write at the end")
	fs.StringVar(&f.since, "since", "", "when the canary began, RFC 3339 (default: now)")
	fs.DurationVar(&f.every, "every", 30*time.Second, "time between two looks")
	fs.DurationVar(&f.limit, "for", 0, "when to end undecided (default: never)")
	fs.IntVar(&f.patience, "patience", 4, "how many looks in a row may fail")
	fs.BoolVar(&f.quiet, "quiet", false, "no line for each look")
	logFlags(fs, &f.logs)
	return cmd
}

// logFlags says which request logs tell of a canary.
func logFlags(fs *pflag.FlagSet, logs *watch.LogsConfig) {
	fs.StringArrayVar(&logs.Baseline, "baseline-log", nil, "request log of a process of the baseline; repeatable")
	fs.StringArrayVar(&logs.Candidate, "candidate-log", nil, "request log of a process of the candidate; repeatable")
	fs.StringVar(&logs.Split, "split-log", "", "request log of the one process that gives requests to both arms")
	fs.DurationVar(&logs.Block, "block", time.Minute, "length of a block of time, between two deployments")
}

func runWatch(cmd *cobra.Command, f watchFlags) error {
	pol, err := anytimePolicy(f.policy)
	if err != nil {
		return err
	}
	if f.logs.Since, err = sinceWhen(f.since, time.Now()); err != nil {
		return err
	}
	source, err := watch.OpenLogs(f.logs)
	if err != nil {
		return err
	}
	defer source.Close()
	cfg := watch.Config{Source: source, Policy: pol, Every: f.every, For: f.limit, Patience: f.patience}
	if !f.quiet {
		cfg.Tell = func(l watch.Look) { fmt.Fprintln(cmd.ErrOrStderr(), lookLine(l)) }
	}
	verdict, err := watch.Run(cmd.Context(), cfg)
	if err != nil {
		return err
	}
	if f.json != "" {
		if err := outfile.Write(f.json, func(w io.Writer) error { return report.JSON(w, verdict) }); err != nil {
			return err
		}
	}
	if err := report.Terminal(cmd.OutOrStdout(), verdict); err != nil {
		return err
	}
	if code := verdict.Decision.ExitCode(); code != 0 {
		return &exitError{code: code}
	}
	return nil
}

// anytimePolicy reads a policy for looking again and again; the built-in one is
// taken in that mode, a file must say it.
func anytimePolicy(path string) (policy.Policy, error) {
	pol, err := loadPolicy(path)
	if path == "" {
		pol.Mode, pol.Looks = policy.Anytime, 0
	}
	return pol, err
}

func sinceWhen(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	switch {
	case err != nil:
		return now, fmt.Errorf("--since %q: write a time such as %s", text, now.UTC().Format(time.RFC3339))
	case t.After(now):
		return now, errors.New("--since lies in the future")
	}
	return t, nil
}

// lookLine is one look in a line of JSON, for people and for scripts.
func lookLine(l watch.Look) string {
	said := struct {
		Look     int            `json:"look"`
		At       string         `json:"at"`
		Decision judge.Decision `json:"decision,omitempty"`
		Pairs    int            `json:"pairs,omitempty"`
		Blocks   int            `json:"blocks,omitempty"`
		Why      string         `json:"why,omitempty"`
		Error    string         `json:"error,omitempty"`
	}{Look: l.N, At: l.At.UTC().Format(time.RFC3339)}
	if l.Err != nil {
		said.Error = l.Err.Error()
	} else {
		said.Decision, said.Pairs, said.Blocks = l.Verdict.Decision, l.Verdict.Pairs, l.Verdict.Blocks
		if len(l.Verdict.Summary) > 0 {
			said.Why = l.Verdict.Summary[0]
		}
	}
	line, err := json.Marshal(said)
	if err != nil {
		return err.Error()
	}
	return string(line)
}

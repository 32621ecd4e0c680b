package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/guard/rollout"
	"github.com/firstbyte-dev/firstbyte/guard/watch"
)

// rolloutFlags are the command line of "firstbyte rollout".
type rolloutFlags struct {
	cfg                 rollout.Config // as far as flags say it
	admin, keyFile      string
	policy, design, out string
	logs                []string
	plan                []int
	json, quiet         bool
}

const rolloutHelp = `Takes one flag of a running proxy through stages of its traffic. At each stage the
requests that the proxy logs are judged at intervals: PROMOTE leads to the next
stage, ROLLBACK to 0 % at once, and HOLD stays. What was set is read back from the
proxy. The evidence of a stage is what came since it began.

A flag whose arms share nothing that one can use up is judged by a split: requests
with the flag against requests without, in the same process. The others (retries,
connections, credentials) take turns: the whole process alternates between 0 % and
the stage's share, in random order, and pairs of turns are compared.

The command that is started again with the same --out goes on where it was, however
it ended. Somebody else's change of the flag ends it and stays.

Exit codes: 0 at 100 % by a promotion, 2 rolled back, 3 undecided after --stage-max,
4 no data until then, 1 everything else. The admin key comes from --admin-key-file or
from the environment (FIRSTBYTE_ADMIN_KEY).`

const rolloutExample = `  firstbyte rollout --admin http://127.0.0.1:8788 --flag ff_converter_fast_path --log proxy.run.jsonl
  firstbyte rollout --admin https://proxy.internal:8788 --flag ff_retry_policy_v2 --log 'logs/*.run.jsonl' --block 5m --stage-max 12h`

func newRolloutCmd() *cobra.Command {
	var f rolloutFlags
	cmd := &cobra.Command{
		Use:     "rollout",
		Short:   "Step a live proxy's flag through its traffic by verdicts",
		Long:    rolloutHelp,
		Example: rolloutExample,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runRollout(cmd, f) },
	}
	f.add(cmd.Flags())
	return cmd
}

func runRollout(cmd *cobra.Command, f rolloutFlags) error {
	cfg, err := f.config()
	if err != nil {
		return err
	}
	client, err := f.client()
	if err != nil {
		return err
	}
	logs, err := watch.OpenFlagLogs(cfg.Flag, cfg.Unit == "session", f.logs...)
	if err != nil {
		return err
	}
	defer logs.Close()
	cfg.Folder = filepath.Join(f.out, "rollout")
	journal, err := rollout.OpenJournal(filepath.Join(cfg.Folder, "journal.jsonl"))
	if err != nil {
		return err
	}
	defer journal.Close()
	cfg.Server, cfg.Report, cfg.Source, cfg.Journal = client, client.Report, logs, journal
	cfg.Tell = f.teller(cmd)
	return rolledOut(rollout.Run(cmd.Context(), cfg))
}

// teller prints a line for people on standard error, and one for scripts on standard
// output if asked to.
func (f rolloutFlags) teller(cmd *cobra.Command) func(rollout.Event) {
	lines := json.NewEncoder(cmd.OutOrStdout())
	return func(e rollout.Event) {
		if !f.quiet {
			fmt.Fprintln(cmd.ErrOrStderr(), e)
		}
		if f.json {
			_ = lines.Encode(e) // what happened has happened, told or not
		}
	}
}

// rolledOut turns how it ended into the exit code.
func rolledOut(out rollout.Outcome, err error) error {
	if err != nil {
		return err
	}
	if code := out.Decision.ExitCode(); code != 0 {
		return &exitError{code: code} // the last event said why
	}
	return nil
}

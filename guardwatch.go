package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

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
	live                liveFlags
}

const watchHelp = `Judges a canary while it runs: it takes all evidence since --since at intervals,
until the verdict is PROMOTE (exit code 0) or ROLLBACK (2), or --for is over: HOLD
(3) or NO DATA (4). Evidence that could not be had --patience times in a row is an
error (1).

The policy must be of the mode anytime, which may look as often as it likes; the
built-in policy is used in that mode. A watch that was killed goes on where it was
if it is started again with the same --since.`

const watchExample = `  firstbyte guard watch --baseline-log stable.run.jsonl --candidate-log canary.run.jsonl --every 30s --for 1h
  firstbyte guard watch --split-log proxy.run.jsonl --policy canary.yaml
  firstbyte guard watch --prometheus http://127.0.0.1:9090 --baseline stable --candidate canary --for 1h`

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
	f.live.add(fs)
	return cmd
}

func runWatch(cmd *cobra.Command, f watchFlags) error {
	pol, err := anytimePolicy(f.policy)
	if err != nil {
		return err
	}
	since, err := sinceWhen(f.since, time.Now())
	if err != nil {
		return err
	}
	open, err := f.live.opener()
	if err != nil {
		return err
	}
	source, err := open("", since)
	if err != nil {
		return err
	}
	defer closeSource(source)
	cfg := watch.Config{Source: source, Policy: pol, Every: f.every, For: f.limit, Patience: f.patience}
	if !f.quiet {
		lines := json.NewEncoder(cmd.ErrOrStderr())
		cfg.Tell = func(l watch.Look) { _ = lines.Encode(l) } // a look counts, told or not
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

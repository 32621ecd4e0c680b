package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/guard/history"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/outfile"
)

const historyHelp = `Keeps what runs showed over time, as JSON Lines in a folder (--store DIR) or in a
branch of this git repository that is never checked out (--store git:BRANCH), and
finds where a figure changed.

A verdict that rolled back does not join what later runs are held against, until
it is appended again with --accept.`

func newHistoryCmd() *cobra.Command {
	var store string
	cmd := &cobra.Command{
		Use: "history", Short: "Keep what runs showed, and find where it changed", Long: historyHelp, Args: noCommand,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("history: say what to do: append, list or trend")
		},
	}
	cmd.PersistentFlags().StringVar(&store, "store", "", "folder, or git:BRANCH (needed)")
	cmd.AddCommand(newAppendCmd(&store), newListCmd(&store), newTrendCmd(&store))
	return cmd
}

func newAppendCmd(store *string) *cobra.Command {
	var arm, commit, subject string
	var accept bool
	cmd := &cobra.Command{
		Use:   "append RUN.run.jsonl[.gz]|VERDICT.json",
		Short: "Add a run, or the run of a verdict",
		Args:  oneRunFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := historyEntry(args[0], arm)
			if err != nil {
				return err
			}
			e.Commit, e.Subject, e.Accepted = commit, subject, accept
			return appendEntry(cmd, *store, e)
		},
	}
	cmd.Flags().StringVar(&arm, "arm", "", "arm to keep (default: the candidate, or the only one)")
	cmd.Flags().StringVar(&commit, "commit", os.Getenv("GITHUB_SHA"), "commit that was measured")
	cmd.Flags().StringVar(&subject, "subject", "", "first line of its message")
	cmd.Flags().BoolVar(&accept, "accept", false, "take the run into the history although it was rolled back")
	return cmd
}

func newListCmd(store *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the runs", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := readHistory(cmd, *store)
			if err != nil {
				return err
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "time\trun\tarm\tcommit\tfirst token P95\tmeasurement\tverdict\taccepted")
			for _, e := range all {
				value := chart.Duration(e.Metrics["first_token.p95"].Value)
				fmt.Fprintf(t, "%s\t%.12s\t%s\t%.12s\t%s\t%s\t%s\t%t\n", e.Time, cell(e.Digest), cell(e.Arm), cell(e.Commit), value, cell(string(e.Validity)), cell(e.Decision), e.Accepted)
			}
			return t.Flush()
		},
	}
}

func newTrendCmd(store *string) *cobra.Command {
	var metric, page string
	cmd := &cobra.Command{
		Use: "trend", Short: "Find where a figure changed", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := readHistory(cmd, *store)
			if err != nil {
				return err
			}
			if known := history.Known(all); !slices.Contains(known, metric) {
				return &exitError{code: judge.NoData.ExitCode(), msg: fmt.Sprintf("no run of this history has --metric %q; known are %s", metric, strings.Join(known, ", "))}
			}
			trends := history.Trends(all, metric)
			if page != "" {
				err = outfile.Write(page, func(w io.Writer) error { return history.HTML(w, metric, trends) })
			}
			if err != nil {
				return err
			}
			return history.Text(cmd.OutOrStdout(), trends)
		},
	}
	cmd.Flags().StringVar(&metric, "metric", "first_token.p95", "latency with p50, p95 or p99, cpu_per_event or cpu_per_request")
	cmd.Flags().StringVar(&page, "html", "", "HTML file to write")
	return cmd
}

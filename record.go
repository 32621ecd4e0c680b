package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	recording "github.com/firstbyte-dev/firstbyte/bench/record"
	"github.com/firstbyte-dev/firstbyte/outfile"
)

const recordHelp = `Listens in front of an endpoint, passes on whatever comes, and writes it down as a
dataset with its timing: requests of the Anthropic Messages API and of OpenAI chat
completions become items in --out, and each request is a line of the .timing.jsonl
beside it. Replay with

  firstbyte bench --target NAME=URL --model MODEL --dataset FILE.jsonl --schedule-in FILE.timing.jsonl

Nothing that passes is changed or held back. Headers are never written down, and a key
that a request carries is taken out of its texts. With --filler the texts themselves
are replaced by others of the same length that say nothing.

Stop it with Ctrl-C: the files appear then, whole. Exit code 4 says that nothing came
that could become an item.`

// recordFlags are the command line of "firstbyte record".
type recordFlags struct {
	listen, upstream, out string
	cfg                   recording.Config
	withParent            bool
}

func newRecordCmd() *cobra.Command {
	var f recordFlags
	cmd := &cobra.Command{
		Use:   "record --upstream URL --out FILE.jsonl",
		Short: "Record traffic as a dataset with its timing",
		Long:  recordHelp,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.listen, "listen", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	fs.StringVar(&f.upstream, "upstream", "", "where everything goes: scheme and host, perhaps a path")
	fs.StringVar(&f.out, "out", "", "dataset to write, FILE.jsonl; the timing goes to FILE.timing.jsonl")
	fs.BoolVar(&f.cfg.Filler, "filler", false, "replace texts by others of the same length that say nothing")
	fs.IntVar(&f.cfg.MaxRequests, "max-requests", 100_000, "record no more than so many; the rest passes unrecorded")
	fs.Int64Var(&f.cfg.MaxBody, "max-body", 8<<20, "bytes of a body that are copied; a longer one passes unrecorded")
	fs.BoolVar(&f.withParent, "with-parent", false, "stop when standard input ends")
	return cmd
}

func (f *recordFlags) run(cmd *cobra.Command) error {
	timingPath, err := f.check()
	if err != nil {
		return err
	}
	items, err := outfile.Create(f.out)
	if err != nil {
		return err
	}
	defer items.Discard()
	timing, err := outfile.Create(timingPath)
	if err != nil {
		return err
	}
	defer timing.Discard()
	recorder := recording.New(f.cfg, items)
	if err := f.serve(cmd, recorder); err != nil {
		return err
	}
	report, err := recorder.Finish(timing)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if err := sayRecorded(cmd.OutOrStdout(), report); err != nil {
		return err
	}
	if report.Recorded == 0 {
		return &exitError{code: 4, msg: fmt.Sprintf("no data: of %d requests none could become an item; nothing was written", report.Passed)}
	}
	if err := timing.Commit(); err != nil {
		return err
	}
	if err := items.Commit(); err != nil { // last: where it stands, the timing stands too
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", f.out, timingPath)
	return err
}

// check reads the flags and says where the timing goes.
func (f *recordFlags) check() (timing string, err error) {
	u, err := url.Parse(f.upstream)
	base, isJSONL := strings.CutSuffix(f.out, ".jsonl")
	switch {
	case f.upstream == "" || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("--upstream: give a URL of http or https with a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("--upstream: give scheme, host, port and path alone; keys are the callers' own and pass in their headers")
	case !isJSONL || base == "":
		return "", fmt.Errorf("--out %q: name a dataset to write, such as traffic.jsonl", f.out)
	case f.cfg.MaxRequests < 1 || f.cfg.MaxBody < 1:
		return "", errors.New("--max-requests and --max-body: give at least 1 of each")
	}
	f.cfg.Upstream = u
	return base + ".timing.jsonl", nil
}

package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/guard/gate"
	"github.com/firstbyte-dev/firstbyte/guard/report"
)

// gateFlags are the command line of "firstbyte gate".
type gateFlags struct {
	policy, dataset, scenario, out string
	baselineFlags, candidateFlags  string
	inject, plantDelay             string
	mode, controls, enrich         string
	aa, quiet                      bool
	seed                           uint64
	blocks, requests, warmup       int
	rate                           float64
	duration, calibrate            time.Duration
	timeouts                       load.Timeouts
	play                           playFlags
	urls                           urlFlags
}

const gateHelp = `Runs a simulated Gemini upstream and two reference proxies, the baseline with
every flag off and the candidate with every flag on, loads them in interleaved
blocks, and says PROMOTE (exit code 0), ROLLBACK (2), HOLD (3) or NO DATA (4).
It leaves verdict.json, report.html, report.md, junit.xml and gate.run.jsonl.gz in
--out.

Beside them run two controls, with a fourth of the requests: a twin of the
baseline, in which nothing may be seen, and a plant, the baseline with a known
delay in its path, which must be seen. Without both there is no PROMOTE.

With --inject or --aa both arms are identical, all flags on.

With --flag NAME the candidate has this flag alone, on a scenario made for it, and the
verdict says whether there is an effect. --scenario headline plays the claim that
all flags were first made with; with --sensitivity it halves and doubles each of its
parameters. Both run on a faster clock, which the report scales back.

With --baseline-url and --candidate-url it compares two endpoints that someone else
runs, as they stand; nothing is restarted. Keys come from --key-env or --key-file. What
it may use is printed before anything is sent, and held to --max-requests, --max-tokens
and --max-spend.

With --enrich PILOT.run.jsonl.gz, the run file of an earlier gate on the same dataset,
likely slow items are drawn more often and weigh less, so that a slower tail shows in
fewer requests. One block in five is drawn as ever: where the enriched load slows an
arm, or that is not known, the gate holds. A pilot needs four answers to each item: make it with
--mode fixed.`

func newGateCmd() *cobra.Command {
	var f gateFlags
	cmd := &cobra.Command{
		Use:   "gate",
		Short: "Compare two reference proxies on a simulated upstream and decide",
		Long:  gateHelp,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runGate(cmd, f) },
	}
	f.add(cmd)
	return cmd
}

func (f *gateFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.policy, "policy", "", "policy file (default: the built-in policy)")
	fs.StringVar(&f.dataset, "dataset", "", "dataset, JSON Lines (default: the built-in dataset)")
	fs.StringVar(&f.scenario, "scenario", "gate", "what the simulated upstream is like")
	fs.StringVar(&f.out, "out", "out", "folder for the verdict, the reports and the run file")
	fs.StringVar(&f.baselineFlags, "baseline-flags", "all-off", "flags of the baseline proxy: all-off, all-on or names")
	fs.StringVar(&f.candidateFlags, "candidate-flags", "all-on", "flags of the candidate proxy")
	fs.StringVar(&f.inject, "inject", "", "injure the candidate's upstream path: ttft=+30%, gap=+30%, errors=5%, quality=10%, tail=+50%, stall")
	fs.StringVar(&f.mode, "mode", "", "fixed, group-sequential (may end early) or threshold, instead of the policy's")
	fs.StringVar(&f.controls, "controls", string(gate.Auto), "twin and plant: on, off, or auto (on where they fit the time)")
	fs.StringVar(&f.enrich, "enrich", "", "run file of an earlier gate (the pilot) that says which items are likely slow: they are drawn more often and weigh less")
	fs.StringVar(&f.plantDelay, "plant-delay", "", "delay of the plant's path (default: largest latency tau of the policy + 5%); 0% disables the plant, a test of the gate, which must then hold")
	fs.BoolVar(&f.aa, "aa", false, "run identical, uninjured arms")
	fs.BoolVar(&f.quiet, "quiet", false, "no progress")
	fs.Uint64Var(&f.seed, "seed", 0, "seed of schedule, order and upstream (default: drawn and printed)")
	fs.IntVar(&f.blocks, "blocks", 20, "blocks; both proxies restart at each")
	fs.IntVar(&f.requests, "requests", 2020, "measured requests per arm")
	fs.DurationVar(&f.duration, "duration", 0, "about how long the load may take, instead of --requests")
	fs.IntVar(&f.warmup, "warmup", 8, "requests before each turn that are not measured")
	fs.Float64Var(&f.rate, "rate", 100, "request starts per second")
	fs.DurationVar(&f.calibrate, "calibrate", 3*time.Second, "how long to measure the measurer first")
	fs.DurationVar(&f.timeouts.FirstToken, "first-token-timeout", 2*time.Second, "a request without a token by then has failed")
	fs.DurationVar(&f.timeouts.Total, "total-timeout", 5*time.Second, "a request not finished by then has failed")
	f.urls.add(cmd)
	f.play.add(cmd)
	cmd.MarkFlagsMutuallyExclusive("requests", "duration")
	cmd.MarkFlagsMutuallyExclusive("aa", "inject")
	for _, identical := range []string{"aa", "inject"} { // they choose the flags
		cmd.MarkFlagsMutuallyExclusive(identical, "baseline-flags")
		cmd.MarkFlagsMutuallyExclusive(identical, "candidate-flags")
	}
}

func runGate(cmd *cobra.Command, f gateFlags) error {
	if err := gate.Clear(f.out); err != nil {
		return err
	}
	if err := errors.Join(f.urls.check(cmd, &f), f.play.set(cmd, &f)); err != nil {
		return err
	}
	if f.play.sensitivity {
		return runSensitivity(cmd, f)
	}
	verdict, err := decide(cmd, f)
	if err != nil {
		return err
	}
	if err := report.Terminal(cmd.OutOrStdout(), verdict); err != nil {
		return err
	}
	if err := tellClaim(cmd.OutOrStdout(), &f, &verdict); err != nil {
		return err
	}
	if code := verdict.Decision.ExitCode(); code != 0 {
		return &exitError{code: code}
	}
	return nil
}

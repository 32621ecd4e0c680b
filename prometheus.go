package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/prometheus"
)

// prometheusFlags say where metrics are evidence, and what they are called. The
// names are those of the reference proxy unless others are given.
type prometheusFlags struct {
	url, tokenFile                       string
	armLabel, instanceLabel              string
	matchers, requests, success, tokens  string
	histograms                           []string
	interval, block, warmup, since, upTo time.Duration
	minPerBlock                          int
}

// add adds the flags of one look back in time.
func (f *prometheusFlags) add(fs *pflag.FlagSet) {
	f.addServer(fs)
	fs.DurationVar(&f.block, "block", 0, "length of a block (default: four scrapes)")
	fs.DurationVar(&f.warmup, "warmup", 0, "time to leave out at the beginning")
	fs.DurationVar(&f.since, "since", 30*time.Minute, "how long ago the time to judge began")
	fs.DurationVar(&f.upTo, "until", 0, "how long ago it ended")
}

// addServer adds the flags that say which server, and which metrics of it.
func (f *prometheusFlags) addServer(fs *pflag.FlagSet) {
	fs.StringVar(&f.url, "prometheus", "", "URL of a Prometheus server whose metrics are the evidence; FIRSTBYTE_PROMETHEUS_TOKEN may hold a bearer token")
	fs.StringVar(&f.tokenFile, "prometheus-token-file", "", "file with the bearer token (default: FIRSTBYTE_PROMETHEUS_TOKEN)")
	fs.StringVar(&f.armLabel, "arm-label", "arm", "label whose values --baseline and --candidate are")
	fs.StringVar(&f.instanceLabel, "instance-label", "instance", "label that tells the pods of an arm apart")
	fs.StringVar(&f.matchers, "match", "", `labels that all series must have: job="gateway",cluster="eu"`)
	fs.StringVar(&f.requests, "requests-metric", "firstbyte_proxy_requests_total", "counter of requests")
	fs.StringVar(&f.success, "success", `outcome="ok"`, "labels of the requests that succeeded")
	fs.StringVar(&f.tokens, "tokens-metric", `firstbyte_proxy_tokens_total{type="output"}`, "counter of output tokens")
	fs.StringArrayVar(&f.histograms, "histogram", []string{
		"ttfb=firstbyte_proxy_time_to_first_byte_seconds", "first_token=firstbyte_proxy_time_to_first_token_seconds",
		"full=firstbyte_proxy_request_duration_seconds", "added_first_token=firstbyte_proxy_added_latency_seconds",
	}, "MEASURE=METRIC of successes, in seconds or /UNIT; repeat for several")
	fs.DurationVar(&f.interval, "scrape-interval", 15*time.Second, "how often Prometheus scrapes")
	fs.IntVar(&f.minPerBlock, "min-per-block", 20, "requests that each arm needs in a block")
}

// config reads the flags; the arms are two values of the arm label.
func (f *prometheusFlags) config(baseline, candidate string) (prometheus.Config, error) {
	if baseline == "" || candidate == "" {
		return prometheus.Config{}, fmt.Errorf("with --prometheus name both arms: --baseline and --candidate, values of the label %q", f.armLabel)
	}
	token, err := secret("FIRSTBYTE_PROMETHEUS_TOKEN", "--prometheus-token-file", f.tokenFile)
	problems := []error{err}
	cfg := prometheus.Config{
		URL: f.url, Token: strings.TrimSpace(token), ArmLabel: f.armLabel, Baseline: baseline, Candidate: candidate,
		InstanceLabel: f.instanceLabel, Interval: f.interval, Block: f.block, Warmup: f.warmup, MinPerBlock: f.minPerBlock,
	}
	named := func(flag string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", flag, err))
		}
	}
	cfg.Matchers, err = prometheus.ParseMatchers(f.matchers)
	named("--match", err)
	cfg.Success, err = prometheus.ParseMatchers(f.success)
	named("--success", err)
	cfg.Requests, err = prometheus.ParseSelector(f.requests)
	named("--requests-metric", err)
	if f.tokens != "" {
		cfg.Tokens, err = prometheus.ParseSelector(f.tokens)
		named("--tokens-metric", err)
	}
	for _, text := range f.histograms {
		h, err := prometheus.ParseHistogram(text)
		named("--histogram", err)
		cfg.Histograms = append(cfg.Histograms, h)
	}
	if err := errors.Join(problems...); err != nil {
		return prometheus.Config{}, err
	}
	return cfg, cfg.Validate()
}

// collect asks Prometheus for the time that the flags name.
func (f *prometheusFlags) collect(ctx context.Context, baseline, candidate string) (evidence.Set, error) {
	if f.since <= f.upTo || f.upTo < 0 {
		return evidence.Set{}, fmt.Errorf("--since %v --until %v: both are times ago, and --since is the longer one", f.since, f.upTo)
	}
	cfg, err := f.config(baseline, candidate)
	if err != nil {
		return evidence.Set{}, err
	}
	now := time.Now()
	ctx, cancel := context.WithTimeout(ctx, prometheusWait)
	defer cancel()
	return prometheus.Collect(ctx, cfg, now.Add(-f.since), now.Add(-f.upTo))
}

// orRunFile demands a server or a run file, and of the flags of a server that
// they are not given without one.
func (f *prometheusFlags) orRunFile(cmd *cobra.Command, args []string) error {
	if f.url != "" {
		if len(args) > 0 {
			return errors.New("--prometheus and a run file exclude each other: drop one")
		}
		return nil
	}
	if name := f.astray(cmd.Flags()); name != "" {
		return fmt.Errorf("--%s belongs to --prometheus, which is not given", name)
	}
	return oneRunFile(cmd, args)
}

// astray is a flag of a server that was given without one; "" if there is none.
func (f *prometheusFlags) astray(fs *pflag.FlagSet) (name string) {
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(prometheusFlags).add(own)
	fs.Visit(func(given *pflag.Flag) {
		if name == "" && own.Lookup(given.Name) != nil {
			name = given.Name
		}
	})
	return name
}

// prometheusWait bounds all queries together.
const prometheusWait = time.Minute

// evidence reads the run file that is named, or asks Prometheus.
func (f guardFlags) evidence(ctx context.Context, args []string) (evidence.Set, error) {
	if len(args) == 0 {
		return f.prometheus.collect(ctx, f.baseline, f.candidate)
	}
	return openEvidence(args[0], f.baseline, f.candidate)
}

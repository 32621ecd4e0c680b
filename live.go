package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/prometheus"
	"github.com/firstbyte-dev/firstbyte/guard/watch"
)

// liveFlags say where evidence that still arrives comes from: request logs, or a
// Prometheus server.
type liveFlags struct {
	logs                watch.LogsConfig
	prometheus          prometheusFlags
	baseline, candidate string
}

func (f *liveFlags) add(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.logs.Baseline, "baseline-log", nil, "request log of a process of the baseline; repeatable")
	fs.StringArrayVar(&f.logs.Candidate, "candidate-log", nil, "request log of a process of the candidate; repeatable")
	fs.StringVar(&f.logs.Split, "split-log", "", "request log of the one process that gives requests to both arms")
	f.prometheus.addServer(fs)
	fs.StringVar(&f.baseline, "baseline", "", "with --prometheus: the baseline's value of the arm label")
	fs.StringVar(&f.candidate, "candidate", "", "with --prometheus: the candidate's value of the arm label")
	fs.DurationVar(&f.prometheus.block, "block", 0, "length of a block of time, between two deployments (default: a minute, or four scrapes)")
}

// An opener opens the evidence on one revision of a canary from since on.
type opener func(revision string, since time.Time) (watch.Source, error)

// revisionMark stands in --candidate for the revision.
const revisionMark = "{revision}"

// opener checks the flags as far as that is possible before anything is asked.
func (f *liveFlags) opener() (opener, error) {
	logs := len(f.logs.Baseline)+len(f.logs.Candidate) > 0 || f.logs.Split != ""
	switch {
	case f.prometheus.url != "" && logs:
		return nil, errors.New("--prometheus and request logs exclude each other: drop one")
	case f.prometheus.url != "":
		return f.server()
	case f.baseline+f.candidate != "":
		return nil, errors.New("--baseline and --candidate belong to --prometheus, which is not given: logs are named by --baseline-log and --candidate-log")
	case !logs:
		return nil, errors.New("say where the evidence is: --baseline-log and --candidate-log, or --split-log, or --prometheus")
	}
	f.logs.Block = cmp.Or(f.prometheus.block, time.Minute)
	return f.openLogs, nil
}

func (f *liveFlags) openLogs(_ string, since time.Time) (watch.Source, error) {
	logs := f.logs
	logs.Since = since
	return watch.OpenLogs(logs)
}

func (f *liveFlags) server() (opener, error) {
	cfg, err := f.prometheus.config(f.baseline, f.candidate)
	if err != nil {
		return nil, err
	}
	return func(revision string, since time.Time) (watch.Source, error) {
		cfg := cfg
		if revision != "" {
			cfg.Candidate = strings.ReplaceAll(cfg.Candidate, revisionMark, revision)
		}
		return scraped{cfg, since}, cfg.Validate()
	}, nil
}

// scraped is the evidence that a Prometheus server has from since on.
type scraped struct {
	cfg   prometheus.Config
	since time.Time
}

var _ watch.Source = scraped{}

// Evidence implements [watch.Source]. What is younger than a scrape is left for
// the next look: the server may not have it yet.
func (s scraped) Evidence(ctx context.Context) (evidence.Set, error) {
	ctx, cancel := context.WithTimeout(ctx, prometheusWait)
	defer cancel()
	set, err := prometheus.Collect(ctx, s.cfg, s.since, time.Now().Add(-s.cfg.Interval))
	if errors.Is(err, prometheus.ErrNoBlock) {
		return s.nothingYet()
	}
	return set, err
}

// nothingYet is the evidence before the first block is over, which is no data
// and no error.
func (s scraped) nothingYet() (evidence.Set, error) {
	return evidence.New(evidence.Source{Run: sample.Run{Header: sample.Header{
		Schema: sample.Schema, Source: prometheus.Source, Design: sample.Interleaved,
		Arms: []sample.Arm{{Name: s.cfg.Baseline}, {Name: s.cfg.Candidate}},
	}, Trailer: sample.Trailer{Trailer: true, Validity: sample.Validity{Grade: sample.Unknown}}}})
}

// closeSource lets go of what s holds; files that were only read close.
func closeSource(s watch.Source) {
	if c, ok := s.(io.Closer); ok {
		_ = c.Close()
	}
}

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/bench/compat"
	"github.com/firstbyte-dev/firstbyte/bench/export"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
)

// outputFlags are what bench and export show of runs: limits, words of other
// tools, and files to write beside the table.
type outputFlags struct {
	slo, preset, compat                     string
	html, json, csv, jsonl, benchstat, hlog string
	hlogInterval                            time.Duration
}

func (f *outputFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.slo, "slo", "", "limits of a good request, MEASURE=DURATION with commas between, such as first_token=500ms,tpot=50ms")
	fs.StringVar(&f.preset, "slo-preset", "", "limits of a benchmark: mlperf:MODEL or mlperf:MODEL:interactive")
	fs.StringVar(&f.compat, "compat", "", "print figures in the words of another tool, too: "+strings.Join(compat.Peers(), ", "))
	fs.StringVar(&f.html, "html", "", "file for a page of HTML with percentiles, timelines and heat maps, all runs laid over each other")
	fs.StringVar(&f.json, "json", "", "file for the summary as JSON")
	fs.StringVar(&f.csv, "csv", "", "file for every request as a row of CSV")
	fs.StringVar(&f.jsonl, "jsonl", "", "file for every request as a line of JSON")
	fs.StringVar(&f.benchstat, "benchstat", "", "file for benchstat, a line for each block of each arm")
	fs.StringVar(&f.hlog, "hlog", "", "file for an HdrHistogram log, in nanoseconds by the tags ARM.MEASURE")
	fs.DurationVar(&f.hlogInterval, "hlog-interval", 0, "length of the log's intervals (default: a block each)")
}

// An output is a file that may be asked for.
type output struct {
	flag, path string
	write      func(w io.Writer) error
}

func (f *outputFlags) outputs(inputs []export.Input, o export.Options, s export.Summary) []output {
	return []output{
		{"html", f.html, func(w io.Writer) error { return export.HTML(w, inputs, s) }},
		{"json", f.json, func(w io.Writer) error { return export.JSON(w, s) }},
		{"csv", f.csv, func(w io.Writer) error { return export.CSV(w, inputs, o) }},
		{"jsonl", f.jsonl, func(w io.Writer) error { return export.JSONLines(w, inputs, o) }},
		{"benchstat", f.benchstat, func(w io.Writer) error { return export.Benchstat(w, inputs) }},
		{"hlog", f.hlog, func(w io.Writer) error { return export.HLog(w, inputs, f.hlogInterval) }},
	}
}

// stdout names the one output that standard output is for; "" if it is for the
// table.
func (f *outputFlags) stdout() (flag string, err error) {
	for _, out := range f.outputs(nil, export.Options{}, export.Summary{}) {
		switch {
		case out.path != "-":
		case flag != "":
			return flag, fmt.Errorf("--%s and --%s: only one of them can be standard output", flag, out.flag)
		default:
			flag = out.flag
		}
	}
	return flag, nil
}

// options reads the flags, so that a mistake in them costs no load.
func (f *outputFlags) options() (export.Options, error) {
	_, err := f.stdout()
	if f.compat != "" {
		err = errors.Join(err, compat.Known(f.compat))
	}
	switch {
	case err != nil:
		return export.Options{}, err
	case f.hlogInterval < 0 || f.hlogInterval > 0 && f.hlog == "":
		return export.Options{}, errors.New("--hlog-interval: give a length of time, such as 1s, and with --hlog the file")
	case f.slo != "" && f.preset != "":
		return export.Options{}, errors.New("--slo and --slo-preset: give one of them")
	case f.preset != "":
		slos, err := summary.Preset(f.preset)
		return export.Options{SLOs: slos, Preset: f.preset}, err
	case f.slo != "":
		slos, err := summary.ParseSLOs(f.slo)
		return export.Options{SLOs: slos}, err
	}
	return export.Options{}, nil
}

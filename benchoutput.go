package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/bench/compat"
	"github.com/firstbyte-dev/firstbyte/bench/export"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/outfile"
)

// outputFlags are what bench and export show of runs: limits, and files to write
// beside the table.
type outputFlags struct {
	slo, preset string
	compat      string
	json        string
}

func (f *outputFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.slo, "slo", "", "limits of a good request, MEASURE=DURATION with commas between, such as first_token=500ms,tpot=50ms")
	fs.StringVar(&f.preset, "slo-preset", "", "limits of a benchmark: mlperf:MODEL or mlperf:MODEL:interactive")
	fs.StringVar(&f.compat, "compat", "", "print figures in the words of another tool, too: "+strings.Join(compat.Peers(), ", "))
	fs.StringVar(&f.json, "json", "", "file for the summary as JSON; - is standard output, instead of the table")
}

// options reads the limits, so that a mistake in them costs no load.
func (f *outputFlags) options() (export.Options, error) {
	if f.compat != "" {
		if err := compat.Known(f.compat); err != nil {
			return export.Options{}, err
		}
	}
	switch {
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

// stdout tells whether standard output is taken by one of the files.
func (f *outputFlags) stdout() bool { return f.json == "-" }

// show writes every file asked for and, unless one of them is standard output,
// the table.
func (f *outputFlags) show(w io.Writer, inputs []export.Input) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	s := export.Summarise(inputs, o)
	table := true
	for _, out := range []struct {
		path  string
		write func(io.Writer) error
	}{
		{f.json, func(w io.Writer) error { return export.JSON(w, s) }},
	} {
		switch out.path {
		case "":
			continue
		case "-":
			table, err = false, out.write(w)
		default:
			err = outfile.Write(out.path, out.write)
		}
		if err != nil {
			return err
		}
	}
	if !table {
		return nil
	}
	if err := export.Table(w, s); err != nil || f.compat == "" {
		return err
	}
	return compat.Write(w, f.recomputed(inputs, o))
}

// recomputed are the figures of every arm in the words of --compat.
func (f *outputFlags) recomputed(inputs []export.Input, o export.Options) []compat.Report {
	var reports []compat.Report
	for _, in := range inputs {
		for _, arm := range in.Run.Header.Arms {
			r := compat.Recompute(f.compat, in.Run, arm.Name, o.SLOs)
			r.Arm = export.Label(in.Name, arm.Name, len(inputs) > 1)
			reports = append(reports, r)
		}
	}
	return reports
}

// showBench shows the run that bench has made, and where it stands.
func (f *outputFlags) showBench(w io.Writer, run *sample.Run, path string) error {
	if err := f.show(w, []export.Input{{Name: path, Run: run}}); err != nil || f.stdout() {
		return err
	}
	if err := sweepTable(w, run); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\nrun file %s\n", trust(&run.Trailer.Validity), path)
	return err
}

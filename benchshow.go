package main

import (
	"fmt"
	"io"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/compat"
	"github.com/firstbyte-dev/firstbyte/bench/export"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/outfile"
)

// show writes every file asked for and, unless one of them is standard output,
// the table.
func (f *outputFlags) show(w io.Writer, inputs []export.Input) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	s := export.Summarise(inputs, o)
	for _, out := range f.outputs(inputs, o, s) {
		switch out.path {
		case "":
		case "-":
			err = out.write(w)
		default:
			err = outfile.Write(out.path, out.write)
		}
		if err != nil {
			return fmt.Errorf("--%s: %w", out.flag, err)
		}
	}
	if flag, _ := f.stdout(); flag != "" {
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
	for i, in := range inputs {
		for _, arm := range in.Run.Header.Arms {
			r := compat.Recompute(f.compat, in.Run, arm.Name, o.SLOs)
			r.Arm = export.Label(inputs, i, arm.Name)
			reports = append(reports, r)
		}
	}
	return reports
}

// fits says whether so many arms can be shown as asked for.
func (f *outputFlags) fits(arms int) error {
	if f.html != "" && arms > chart.Most {
		return fmt.Errorf("--html: %d targets: at most %d can be told apart in one picture", arms, chart.Most)
	}
	return nil
}

// showBench shows the run that bench has made, and where it stands.
func (f *outputFlags) showBench(w io.Writer, run *sample.Run, path string) error {
	if err := f.show(w, []export.Input{{Name: path, Run: run}}); err != nil {
		return err
	}
	if flag, _ := f.stdout(); flag != "" {
		return nil
	}
	if err := sweepTable(w, run); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\nrun file %s\n", trust(&run.Trailer.Validity), path)
	return err
}

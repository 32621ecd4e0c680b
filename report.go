package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/report"
	"github.com/firstbyte-dev/firstbyte/outfile"
)

// reportFlags are the command line of "firstbyte report".
type reportFlags struct {
	renderingFlags
	annotations, terminal bool
}

// renderingFlags are files to write a verdict to.
type renderingFlags struct{ html, markdown, junit string }

const reportHelp = `Renders a verdict file again: as a self-contained HTML page, as Markdown for a
step summary, as a JUnit file, as annotations of a GitHub workflow, or here. Nothing is judged anew, so the exit code is 0 whatever
the verdict says; "firstbyte guard" judges.`

func newReportCmd() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report VERDICT.json",
		Short: "Render a verdict file",
		Long:  reportHelp,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%d files given: name one verdict file, such as out/verdict.json", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runReport(cmd, args[0], f) },
	}
	fs := cmd.Flags()
	f.add(fs)
	fs.BoolVar(&f.annotations, "annotations", false, "print here as GitHub's workflow commands")
	fs.BoolVar(&f.terminal, "terminal", false, "print here as text (the default if nothing else is asked for)")
	return cmd
}

func runReport(cmd *cobra.Command, path string, f reportFlags) error {
	verdict, err := readVerdict(path)
	if err != nil {
		return err
	}
	if err := writeRenderings(verdict, f.renderings()); err != nil {
		return err
	}
	if f.annotations {
		if err := report.Annotations(cmd.OutOrStdout(), verdict); err != nil {
			return err
		}
	}
	if f.terminal || f == (reportFlags{}) {
		return report.Terminal(cmd.OutOrStdout(), verdict)
	}
	return nil
}

// renderings are the files that may be asked for.
func (f renderingFlags) renderings() []rendering {
	return []rendering{{f.html, report.HTML}, {f.markdown, report.Markdown}, {f.junit, report.JUnit}}
}

func (f *renderingFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.html, "html", "", "HTML file to write")
	fs.StringVar(&f.markdown, "md", "", "Markdown file to write")
	fs.StringVar(&f.junit, "junit", "", "JUnit file to write")
}

// A rendering is a file to write; its path is "" if nobody asked for it.
type rendering struct {
	path   string
	render func(io.Writer, judge.Verdict) error
}

func writeRenderings(v judge.Verdict, files []rendering) error {
	for _, file := range files {
		if file.path == "" {
			continue
		}
		if err := outfile.Write(file.path, func(w io.Writer) error { return file.render(w, v) }); err != nil {
			return err
		}
	}
	return nil
}

func readVerdict(path string) (judge.Verdict, error) {
	file, err := os.Open(path)
	if err != nil {
		return judge.Verdict{}, fmt.Errorf("%w: give the verdict.json that firstbyte gate or guard wrote", err)
	}
	defer file.Close()
	verdict, err := report.Read(file)
	if err != nil {
		return judge.Verdict{}, fmt.Errorf("%s: %w", path, err)
	}
	return verdict, nil
}

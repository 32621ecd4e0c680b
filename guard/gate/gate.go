// Package gate is the story of the main job: it measures the measurer, has the
// arms loaded in interleaved blocks, grades the run, asks the judge, and writes
// what is left behind. It decides nothing itself.
//
// A gate leaves five files in its folder, each whole or not at all:
//
//	gate.run.jsonl.gz  the evidence: one line per intended request
//	verdict.json       the judgement: schema firstbyte.verdict/1
//	report.md          the verdict for $GITHUB_STEP_SUMMARY
//	report.html        the verdict as one self-contained page
//	junit.xml          the verdict for what reads the outcomes of tests
//
// Files of an earlier gate are removed before anything else happens, so that a
// gate that fails cannot leave yesterday's PROMOTE lying there.
package gate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/evidence"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/report"
	"github.com/firstbyte-dev/firstbyte/outfile"
)

// The files that a gate leaves in its folder.
const (
	RunFile      = "gate.run.jsonl.gz"
	VerdictFile  = "verdict.json"
	MarkdownFile = "report.md"
	HTMLFile     = "report.html"
	JUnitFile    = "junit.xml"
)

// A Config is one gate. Load and Policy have no default.
type Config struct {
	// Load is the run. Its first two arms are the baseline and the candidate; its
	// controls, where About names some, come after them. Progress and Stop are the
	// gate's own.
	Load   load.Config
	Policy policy.Policy
	// Calibrate is how long the measurer is measured first.
	Calibrate time.Duration
	// Out is the folder for the files.
	Out string
	// Warnings are doubts that the caller has of the run; they stand in the
	// verdict.
	Warnings []string
	// Screen is told how the gate goes on.
	Screen *Screen
}

// ErrInterrupted says that the gate was stopped from outside before there was
// anything to judge.
var ErrInterrupted = errors.New("interrupted: nothing was judged and nothing was written")

// Run carries out one gate and returns its verdict. An error means that there
// is none: the caller must not take it for a pass.
func Run(ctx context.Context, cfg Config) (judge.Verdict, error) {
	if err := Clear(cfg.Out); err != nil {
		return judge.Verdict{}, err
	}
	cfg.Screen.controls(&cfg.Load)
	cfg.Screen.calibrating(cfg.Calibrate)
	cal, err := calibrate.Calibrate(ctx, calibrate.Options{For: cfg.Calibrate, Seed: cfg.Load.Seed})
	if err != nil {
		return judge.Verdict{}, orInterrupted(ctx, err)
	}
	cfg.Load.Progress = cfg.Screen.progress
	cfg.Load.Stop = newLookout(cfg, cal).stop
	result, err := load.Run(ctx, cfg.Load)
	cfg.Screen.done()
	if err != nil || ctx.Err() != nil {
		return judge.Verdict{}, orInterrupted(ctx, err)
	}
	return conclude(cfg, result, cal)
}

// conclude writes the run down, judges it, and writes the verdict down.
func conclude(cfg Config, result *load.Result, cal calibrate.Calibration) (judge.Verdict, error) {
	path := filepath.Join(cfg.Out, RunFile)
	if err := sample.Write(path, finish(cfg, result, cal)); err != nil {
		return judge.Verdict{}, err
	}
	// What is judged is what stands in the file, so that "firstbyte guard" on
	// that file comes to the same verdict.
	set, err := evidence.Open(path)
	if err != nil {
		return judge.Verdict{}, err
	}
	verdict := judge.Judge(cfg.Policy, set)
	return verdict, writeReports(cfg.Out, verdict)
}

// finish grades a run that ends as result says.
func finish(cfg Config, result *load.Result, cal calibrate.Calibration) *sample.Run {
	validity := calibrate.Grade(result.Health, cal, result.Header.Design)
	validity.Warnings = append(append(validity.Warnings, cfg.Warnings...), result.Warnings...)
	return &sample.Run{Header: result.Header, Samples: result.Samples, Trailer: result.Trailer(validity)}
}

// writeReports writes every rendering of the verdict, the verdict itself last:
// where it stands, the rest stands too.
func writeReports(dir string, v judge.Verdict) error {
	for _, file := range []struct {
		name   string
		render func(io.Writer, judge.Verdict) error
	}{{HTMLFile, report.HTML}, {MarkdownFile, report.Markdown}, {JUnitFile, report.JUnit}, {VerdictFile, report.JSON}} {
		err := outfile.Write(filepath.Join(dir, file.name), func(w io.Writer) error { return file.render(w, v) })
		if err != nil {
			return fmt.Errorf("write %s: %w", file.name, err)
		}
	}
	return nil
}

// Clear removes what an earlier gate left in dir. Run does so itself; a caller
// that may fail before it clears first.
func Clear(dir string) error {
	for _, name := range []string{VerdictFile, MarkdownFile, HTMLFile, JUnitFile, RunFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the last gate's %s: %w", name, err)
		}
	}
	return nil
}

func orInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ErrInterrupted
	}
	return err
}

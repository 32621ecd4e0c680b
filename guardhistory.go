package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/chart"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/history"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// historyEntry reads a verdict or a run file.
func historyEntry(path, arm string) (history.Entry, error) {
	if !strings.HasSuffix(path, ".json") {
		run, err := sample.Read(path)
		if err != nil {
			return history.Entry{}, err
		}
		r, err := historyRun(path, run, arm)
		if err != nil {
			return history.Entry{}, err
		}
		return history.Of(r)
	}
	v, err := readVerdict(path)
	if err != nil {
		return history.Entry{}, err
	}
	r := history.Run{Header: v.Run, Validity: v.Validity.Grade, Digest: v.RunDigest, Decision: string(v.Decision)}
	if r.Arm, err = pickArm(path, v.Arms, arm); err != nil {
		return history.Entry{}, err
	}
	return history.Of(r)
}

func historyRun(path string, run *sample.Run, arm string) (r history.Run, err error) {
	r = history.Run{Header: run.Header, Validity: run.Trailer.Validity.Grade, Digest: run.Trailer.Digest}
	r.Arm, err = pickArm(path, summary.Fold(run.Header.Arms, run.Samples, run.Trailer.Slots), arm)
	return r, err
}

// pickArm is the arm that is named, else the candidate, else the only one.
func pickArm(path string, arms []summary.Arm, name string) (summary.Arm, error) {
	i := min(1, len(arms)-1)
	if name != "" {
		i = slices.IndexFunc(arms, func(a summary.Arm) bool { return a.Name == name })
	}
	if i < 0 {
		return summary.Arm{}, fmt.Errorf("%s: it has no arm %q", path, name)
	}
	return arms[i], nil
}

// judgeHistory judges one arm of a run against the earlier runs of a store.
func judgeHistory(cmd *cobra.Command, p policy.Policy, path, arm, store string) (judge.Verdict, error) {
	run, err := sample.Read(path)
	if err != nil {
		return judge.Verdict{}, err
	}
	r, err := historyRun(path, run, arm)
	if err != nil {
		return judge.Verdict{}, err
	}
	past := judge.Past{
		Run: run.Header, Digest: run.Trailer.Digest, Validity: run.Trailer.Validity, Stopped: run.Trailer.Stopped,
		Arm: r.Arm, Forecasts: map[string]judge.Forecast{},
	}
	if r.Arm.Requests == 0 { // no entry of a history, and no data
		return judge.History(p, past), nil
	}
	e, err := history.Of(r)
	if err != nil {
		return judge.Verdict{}, fmt.Errorf("run file %s: %w", path, err)
	}
	earlier, err := readHistory(cmd, store)
	if err != nil {
		return judge.Verdict{}, err
	}
	deciding := judge.Forecastable(p)
	for _, m := range deciding {
		key := judge.ForecastKey(m)
		f := history.Predict(earlier, e, key, float64(p.Alpha)/float64(len(deciding)))
		past.Forecasts[key] = judge.Forecast{Runs: f.Runs, Value: f.Value, Mean: f.Mean, Lower: f.Lower, Upper: f.Upper, Why: f.Why}
	}
	return judge.History(p, past), nil
}

// appendEntry adds e and says so. Of a run that is there already the last entry
// stands.
func appendEntry(cmd *cobra.Command, store string, e history.Entry) error {
	s, err := history.Open(store, ".")
	if err != nil {
		return err
	}
	earlier, err := s.Read(cmd.Context())
	if err != nil {
		return err
	}
	if err := s.Append(cmd.Context(), e); err != nil {
		return err
	}
	said := ""
	if slices.ContainsFunc(earlier, func(old history.Entry) bool { return old.Digest == e.Digest && old.Arm == e.Arm }) {
		said = ": the run was there already, its entry is replaced and not counted twice"
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "appended arm %s of run %.12s to %s%s\n", cell(e.Arm), cell(e.Digest), store, said)
	return err
}

// cell prints a word of a store, which others may have written, without what would
// drive a terminal; what is not there is a dash.
func cell(text string) string {
	if text == "" {
		return chart.Unknown
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

// readHistory reads a store; an empty one is no data.
func readHistory(cmd *cobra.Command, store string) ([]history.Entry, error) {
	s, err := history.Open(store, ".")
	if err != nil {
		return nil, err
	}
	all, err := s.Read(cmd.Context())
	if err == nil && len(all) == 0 {
		err = &exitError{code: judge.NoData.ExitCode(), msg: fmt.Sprintf("the history %s is empty: append a run first", store)}
	}
	return all, err
}

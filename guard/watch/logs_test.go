package watch_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
	"github.com/firstbyte-dev/firstbyte/guard/watch"
)

// write writes the log of a process that began at began and got a request every
// two seconds for minutes, of which each took ns. It is left open.
func write(t *testing.T, name string, began time.Time, minutes int, ns int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".run.jsonl")
	w, err := sample.CreateLive(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Discard)
	err = w.Header(sample.Header{
		StartedAt: began.UTC().Format(time.RFC3339Nano), Source: "proxy", Design: sample.Single,
		Arms: []sample.Arm{{Name: "proxy"}}, ClockScale: 1, Lacks: []sample.Measure{sample.Queue},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 * minutes {
		s := answered("proxy", 0, 0, i%26, ns+int64(i%7)*1e5)
		by := int64(i)*2e9 + 1 - s.IntendedNS
		for _, at := range []*int64{&s.IntendedNS, &s.FirstByteNS, &s.TokenNS, &s.LastNS, &s.CloseNS} {
			*at += by
		}
		s.Seq, s.Item, s.Block = i, "", 0
		if err := w.Sample(&s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLogsSideBySide lays two processes that began at different times over each
// other, leaves out what came before the canary, and counts whole blocks alone.
func TestLogsSideBySide(t *testing.T) {
	now := time.Now()
	since := now.Add(-20*time.Minute - 30*time.Second)
	cfg := watch.LogsConfig{
		Baseline:  []string{write(t, "stable", since.Add(-10*time.Minute), 30, 20e6)},
		Candidate: []string{write(t, "canary", since.Add(30*time.Second), 20, 40e6)},
		Block:     time.Minute, Since: since,
	}
	logs, err := watch.OpenLogs(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	set, err := logs.Evidence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if set.Blocks != 20 || set.Header.Design != sample.Interleaved || set.Validity.Grade != sample.Unknown {
		t.Errorf("%d blocks, design %s, grade %s", set.Blocks, set.Header.Design, set.Validity.Grade)
	}
	if n, m := len(set.Alone[sample.FirstToken]), set.Outcomes.Baseline[0].Attempts; n != 15+19*30 || m != 30 {
		t.Errorf("the candidate has %d requests, the baseline %d in the first block; want 585 and 30", n, m)
	}
	again, err := logs.Evidence(t.Context())
	if err != nil || again.Blocks != set.Blocks || len(again.Alone[sample.FirstToken]) != len(set.Alone[sample.FirstToken]) {
		t.Errorf("asked twice it has %d blocks, %v", again.Blocks, err)
	}
}

// TestLogsWithoutACandidate: a canary that never answered is no data, not a pass.
func TestLogsWithoutACandidate(t *testing.T) {
	since := time.Now().Add(-20 * time.Minute)
	logs, err := watch.OpenLogs(watch.LogsConfig{
		Baseline: []string{write(t, "stable", since, 20, 20e6)}, Candidate: []string{write(t, "canary", since, 0, 0)},
		Block: time.Minute, Since: since,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	set, err := logs.Evidence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v := judge.Judge(anytime(t), set); v.Decision != judge.NoData {
		t.Errorf("%s: %v", v.Decision, v.Summary)
	}
}

// TestLogsAreJudged: two deployments whose requests have no partners are judged by
// blocks of time in every mode that takes them, and never for want of a pair.
func TestLogsAreJudged(t *testing.T) {
	since := time.Now().Add(-31 * time.Minute)
	stable := write(t, "stable", since, 31, 20e6)
	for ns, want := range map[int64]judge.Decision{20e6: judge.Promote, 40e6: judge.Rollback} {
		logs, err := watch.OpenLogs(watch.LogsConfig{
			Baseline: []string{stable}, Candidate: []string{write(t, "canary", since, 31, ns)}, Block: time.Minute, Since: since,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer logs.Close()
		set, err := logs.Evidence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		set.Planned = set.Blocks // for the looks of a plan
		for _, mode := range []policy.Mode{policy.Fixed, policy.GroupSequential, policy.Anytime} {
			for _, statistic := range []policy.Statistic{policy.Mean, policy.P50, policy.P95} {
				p := anytime(t)
				p.Mode, p.Metrics[1].Statistic = mode, statistic
				v := judge.Judge(p, set)
				if v.Decision != want || !strings.HasPrefix(v.Unit, "these processes") {
					t.Errorf("%d ms, %s, %s: %s of %q: %v", ns/1e6, mode, statistic, v.Decision, v.Unit, v.Summary)
				}
			}
		}
	}
}

func TestOpenLogsRefuses(t *testing.T) {
	there := write(t, "there", time.Now(), 1, 1e6)
	for name, c := range map[string]struct {
		cfg  watch.LogsConfig
		want string
	}{
		"nothing":    {watch.LogsConfig{}, "name logs"},
		"one side":   {watch.LogsConfig{Baseline: []string{there}}, "name logs"},
		"both kinds": {watch.LogsConfig{Baseline: []string{there}, Candidate: []string{there}, Split: there}, "name logs"},
		"no block":   {watch.LogsConfig{Baseline: []string{there}, Candidate: []string{there}}, "a second at least"},
		"no file":    {watch.LogsConfig{Split: "nowhere.run.jsonl"}, "nowhere.run.jsonl"},
	} {
		if _, err := watch.OpenLogs(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

package history_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/bench/summary"
	"github.com/firstbyte-dev/firstbyte/guard/history"
)

// entry is the i-th run of a series, with a P95 of the first token in ns.
func entry(i int, p95 float64) history.Entry {
	return history.Entry{
		Schema: history.Schema, Time: time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.RFC3339),
		Digest: fmt.Sprintf("%064x", i+1), Arm: "candidate", Commit: fmt.Sprintf("%040x", i+1), Subject: fmt.Sprintf("change %d", i+1),
		Machine: sample.Machine{OS: "linux", Arch: "amd64", CPU: "a processor", Cores: 2}, Dataset: "8515e31d02d4", Schedule: "poisson, 100/s", ClockScale: 1,
		Metrics: map[string]history.Metric{"first_token.p95": {Value: p95, N: 1000}}, Validity: sample.Valid,
	}
}

// repository makes an empty git repository with one commit on main.
func repository(t *testing.T) string {
	t.Helper()
	in := t.TempDir()
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	git(t, in, "init", "-q", "-b", "main")
	git(t, in, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first")
	return in
}

func git(t *testing.T, in string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = in
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestStores: what is appended is read, in order of time, the last entry of a run
// in place of those before it; and concurrent appends lose nothing.
func TestStores(t *testing.T) {
	for _, c := range []struct{ kind, name string }{{"folder", "store"}, {"branch", "git:firstbyte-history"}} {
		t.Run(c.kind, func(t *testing.T) {
			in := repository(t)
			name := c.name
			if c.kind == "folder" {
				name = filepath.Join(in, c.name)
			}
			store, err := history.Open(name, in)
			if err != nil {
				t.Fatal(err)
			}
			if all, err := store.Read(t.Context()); err != nil || len(all) != 0 {
				t.Fatalf("a store that is not there: %d entries, %v", len(all), err)
			}
			const n = 4
			var all sync.WaitGroup
			for i := range n {
				all.Go(func() {
					if err := store.Append(t.Context(), entry(n-i, 1e6)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			again := entry(3, 2e6)
			again.Accepted = true
			if err := store.Append(t.Context(), again); err != nil {
				t.Fatal(err)
			}
			got, err := store.Read(t.Context())
			if err != nil || len(got) != n {
				t.Fatalf("%d entries of %d, %v", len(got), n, err)
			}
			for i, e := range got {
				if e.Digest != entry(i+1, 0).Digest || e.Accepted != (i == 2) {
					t.Errorf("entry %d is %s, accepted %t", i, e.Digest, e.Accepted)
				}
			}
			if err := store.Append(t.Context(), history.Entry{}); err == nil {
				t.Error("an empty entry was appended")
			}
		})
	}
}

// TestBranchIsBeside: the branch is an orphan, and neither work tree, index nor
// HEAD change.
func TestBranchIsBeside(t *testing.T) {
	in := repository(t)
	if err := os.WriteFile(filepath.Join(in, "dirty"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := git(t, in, "status", "--porcelain") + git(t, in, "rev-parse", "HEAD", "--abbrev-ref", "HEAD")
	store, err := history.Open("git:kept", in)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := store.Append(t.Context(), entry(i, 1e6)); err != nil {
			t.Fatal(err)
		}
	}
	if after := git(t, in, "status", "--porcelain") + git(t, in, "rev-parse", "HEAD", "--abbrev-ref", "HEAD"); after != before {
		t.Errorf("before %q, after %q", before, after)
	}
	if n := git(t, in, "rev-list", "--count", "kept"); n != "2" {
		t.Errorf("%s commits, want 2 without any of main's", n)
	}
	if files := git(t, in, "ls-tree", "--name-only", "kept"); files != "history.jsonl" {
		t.Errorf("the branch holds %q", files)
	}
	for _, c := range []struct{ name, in, wrong string }{
		{"git:main", in, "name a branch of its own"},
		{"git:a..b", in, "no name for a branch"},
		{"git:kept", t.TempDir(), "not a git repository"},
	} {
		store, err := history.Open(c.name, c.in)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Append(t.Context(), entry(1, 1e6)); err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v, want %q", c.name, err, c.wrong)
		}
	}
	for _, name := range []string{"", "git:", "git:-x"} {
		if _, err := history.Open(name, in); err == nil {
			t.Errorf("%q was opened", name)
		}
	}
}

func TestOf(t *testing.T) {
	r := history.Run{
		Header: sample.Header{StartedAt: "2026-01-02T03:04:05Z", Schedule: sample.Schedule{Kind: "closed", Workers: 4}},
		Arm: summary.Arm{Name: "new", Requests: 10, OK: 9, Measures: map[sample.Measure]summary.Distribution{
			sample.Full: {N: 10, P50: 1e6, P95: summary.Infinite, P99: summary.Infinite},
		}},
		Validity: sample.Valid, Digest: "d",
	}
	e, err := history.Of(r)
	if err != nil || e.Metrics["full.p50"].Value != 1e6 || e.Metrics["success"].Value != .9 || e.Schedule != "closed, 4 workers" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, has := e.Metrics["full.p95"]; has {
		t.Error("a quantile among failures became a figure")
	}
	r.Header.Draw = &sample.Draw{}
	if _, err := history.Of(r); err == nil {
		t.Error("an enriched run became an entry")
	}
	r.Header.Draw, r.Arm = nil, summary.Arm{Name: "new"}
	if _, err := history.Of(r); err == nil {
		t.Error("a run without requests became an entry")
	}
}

// TestTrends finds a step, tells the suspect range, and never mixes machines.
func TestTrends(t *testing.T) {
	var all []history.Entry
	for i, x := range []float64{100, 101, 99, 100, 102, 98, 110, 111, 109, 110, 112, 108} { // judging.md (g)
		all = append(all, entry(i, x*1e6))
		other := entry(i, 500e6)
		other.Digest, other.Machine.Cores = "x"+other.Digest, 64
		all = append(all, other)
	}
	broken := entry(12, 900e6)
	broken.Validity = sample.Invalid
	trends := history.Trends(append(all, broken), "first_token.p95")
	if len(trends) != 2 || len(trends[0].Values) != 12 || trends[0].LeftOut != 1 {
		t.Fatalf("%d series, %d values, %d left out", len(trends), len(trends[0].Values), trends[0].LeftOut)
	}
	c := trends[0].Changes
	if len(c) != 1 || c[0].Index != 6 || c[0].LastGood.Subject != "change 6" || c[0].FirstBad.Subject != "change 7" {
		t.Fatalf("%+v", c)
	}
	if want := `it rose by 10.0 % between 000000000000 "change 6" of 2026-01-06 and 000000000000 "change 7" of 2026-01-07`; c[0].Words() != want {
		t.Errorf("%s\nwant\n%s", c[0].Words(), want)
	}
	if len(trends[1].Changes) != 0 {
		t.Errorf("a constant changed: %+v", trends[1].Changes)
	}
	all[len(all)-2].Metrics["first_token.p95"] = history.Metric{Value: 900e6, N: 1}
	for _, c := range history.Trends(all, "first_token.p95")[0].Changes {
		if c.Index > 9 {
			t.Errorf("a single spike is called a change: %+v", c)
		}
	}
}

func TestPage(t *testing.T) {
	var all []history.Entry
	for i, x := range []float64{100, 101, 99, 100, 102, 98, 110, 111, 109, 110, 112, 108} {
		e := entry(i, x*1e6)
		e.Subject = `<script>alert(1)</script>"&'` + "\x1b[31m"
		all = append(all, e)
	}
	trends := history.Trends(all, "first_token.p95")
	var page, text bytes.Buffer
	if err := history.HTML(&page, "first_token.p95", trends); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "http-equiv=\"refresh", "src=", "href="} {
		if strings.Contains(page.String(), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, want := range []string{"rose by 10.0", "<svg", "&lt;script", `class="changed"`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if err := history.Text(&text, trends); err != nil || strings.Contains(text.String(), "\x1b") {
		t.Errorf("%q, %v", text.String(), err)
	}
}

// TestPredict: what joins the runs that a new one is held against.
func TestPredict(t *testing.T) {
	var all []history.Entry
	for i := range 8 {
		all = append(all, entry(i, 100e6*(1+.01*float64(i%3))))
	}
	slow := entry(20, 130e6)
	p := history.Predict(all, slow, "first_token.p95", .05)
	if p.Why != "" || p.Runs != 8 || p.Value <= p.Upper || p.P > .001 || math.Abs(p.Mean-100.9e6) > 1e6 {
		t.Errorf("%+v", p)
	}
	for _, c := range []struct {
		name  string
		spoil func(i int, e *history.Entry)
		runs  int
	}{
		{"another machine", func(i int, e *history.Entry) { e.Machine.Cores += i % 2 }, 4},
		{"another dataset", func(i int, e *history.Entry) { e.Dataset = fmt.Sprint(i) }, 0},
		{"another schedule", func(_ int, e *history.Entry) { e.Schedule = "closed" }, 0},
		{"invalid", func(i int, e *history.Entry) { e.Validity = sample.Invalid }, 0},
		{"rolled back", func(i int, e *history.Entry) {
			if i > 5 {
				e.Decision = "ROLLBACK"
			}
		}, 6},
		{"rolled back, but accepted", func(i int, e *history.Entry) { e.Decision, e.Accepted = "ROLLBACK", true }, 8},
		{"later", func(_ int, e *history.Entry) { e.Time = "2030-01-01T00:00:00Z" }, 0},
		{"itself", func(i int, e *history.Entry) {
			if i == 0 {
				e.Digest = slow.Digest
			}
		}, 7},
	} {
		old := make([]history.Entry, len(all))
		for i := range old {
			old[i] = entry(i, 100e6*(1+.01*float64(i%3)))
			c.spoil(i, &old[i])
		}
		p := history.Predict(old, slow, "first_token.p95", .05)
		if p.Runs != c.runs || (p.Why == "") != (c.runs >= history.Least) {
			t.Errorf("%s: %d runs, want %d; %q", c.name, p.Runs, c.runs, p.Why)
		}
	}
	if p := history.Predict(all, slow, "full.p95", .05); p.Why == "" || !math.IsNaN(p.P) {
		t.Errorf("a figure that the run lacks: %+v", p)
	}
	if p := history.Predict([]history.Entry{all[0], all[0], all[0], all[0], all[0]}, slow, "first_token.p95", .05); p.Why == "" {
		t.Errorf("runs that do not differ: %+v", p)
	}
}

// TestPredictErrs counts false alerts at .95: near 5 % with the root, more without
// (judging.md g: .062, .057, .053).
func TestPredictErrs(t *testing.T) {
	const times = 8000
	r := rand.New(rand.NewPCG(7, 7))
	for _, c := range []struct {
		runs    int
		without float64
	}{{5, .062}, {10, .057}, {30, .053}} {
		with, without := 0, 0
		var all []history.Entry
		for i := range c.runs + 1 {
			all = append(all, entry(i, 1))
		}
		for range times {
			for _, e := range all {
				e.Metrics["first_token.p95"] = history.Metric{Value: 100e6 * math.Exp(.05*r.NormFloat64()), N: 1}
			}
			p := history.Predict(all[:c.runs], all[c.runs], "first_token.p95", .05)
			if p.Value > p.Upper {
				with++
			}
			if short := math.Log(p.Upper/p.Mean) / math.Sqrt(1+1/float64(c.runs)); math.Log(p.Value/p.Mean) > short {
				without++
			}
		}
		a, b := float64(with)/times, float64(without)/times
		t.Logf("%d runs: %.4f with the root, %.4f without", c.runs, a, b)
		const error3 = 3 * .0026 // of either share
		if math.Abs(a-.05) > error3 || math.Abs(b-c.without) > error3 || b <= a {
			t.Errorf("%d runs: false alerts %.4f with the root (want .05), %.4f without (want %.3f)", c.runs, a, b, c.without)
		}
	}
}

// FuzzRead holds that what is read is valid, and is read the same when written
// again.
func FuzzRead(f *testing.F) {
	for i := range 3 {
		data, err := json.Marshal(entry(i, 1e6))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(data, '\n'))
	}
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"schema":"firstbyte.history/1","time":"2026-01-01T00:00:00Z","digest":"d","metrics":{"a":{"value":-1,"n":1}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := history.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var again bytes.Buffer
		for _, e := range all {
			line, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			again.Write(append(line, '\n'))
			for key, m := range e.Metrics {
				if m.N <= 0 || !(m.Value >= 0) {
					t.Errorf("%s: %+v", key, m)
				}
			}
		}
		if back, err := history.Read(&again); err != nil || len(back) != len(all) {
			t.Errorf("%d entries, then %d, %v", len(all), len(back), err)
		}
		var page bytes.Buffer
		if err := history.HTML(&page, "a", history.Trends(all, "a")); err != nil {
			t.Error(err)
		}
	})
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
	"github.com/firstbyte-dev/firstbyte/guard/judge"
	"github.com/firstbyte-dev/firstbyte/guard/rollout"
	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
)

const (
	rolledFlag  = "ff_converter_fast_path"
	rolloutKey  = "a-key-that-nobody-else-has"
	rolloutRule = `name: quick
alpha: 40%
mode: anytime
min_blocks: 8
min_pairs: 200
same_work: {tokens: 2%, finish: 1%, cached: 2%, quality: 2%}
metrics:
  - {measure: first_token, statistic: p50, gating: true, required: true, tau: 50%, margin: 300%}
`
)

// TestRolloutKilledForReal kills the command itself, by a signal that it cannot
// catch, around the requests that it sends to the true admin API, and starts it
// again each time.
func TestRolloutKilledForReal(t *testing.T) {
	r := newRolledProxy(t)
	r.deaths = []death{
		{http.MethodPut, false},  // the first stage was asked for and not set
		{http.MethodPut, true},   // it was set and not answered
		{http.MethodGet, true},   // while it looked
		{http.MethodPost, false}, // with a verdict in hand
		{http.MethodPut, false},
		{http.MethodPut, true}, // the last stage was set and not answered
		{http.MethodGet, false},
	}
	lives := 0
	for {
		lives++
		code := r.live(t)
		if code == 0 {
			break
		}
		if code != -1 || lives > 20 {
			t.Fatalf("life %d ended with %d: %s", lives, code, r.said.String())
		}
	}
	if len(r.deaths) > 0 || lives < 8 {
		t.Errorf("%d lives, deaths %v did not come", lives, r.deaths)
	}
	entries, err := r.flags.Log(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	var moves []string
	for _, e := range entries { // newest first
		moves = append(moves, fmt.Sprintf("%v>%v", e.From.Percent, e.To.Percent))
		if !strings.HasPrefix(e.Who, "firstbyte rollout ") || e.To.Percent == 100 && !strings.Contains(e.Evidence, "sha256:") {
			t.Errorf("the audit log has %+v", e)
		}
	}
	if got := strings.Join(moves, " "); got != "50>100 0>50" {
		t.Errorf("changes %q", got)
	}
	if strings.Contains(r.said.String(), rolloutKey) {
		t.Error("the key was printed")
	}
	if _, err := os.Stat(filepath.Join(r.out, "rollout", "050", "verdict.json")); err != nil {
		t.Error(err)
	}
	if code := r.live(t); code != 0 {
		t.Errorf("one that is over ends with %d", code)
	}
}

// TestRolloutExitCodes: in the original every end was 0.
func TestRolloutExitCodes(t *testing.T) {
	for decision, want := range map[judge.Decision]int{judge.Promote: 0, judge.Rollback: 2, judge.Hold: 3, judge.NoData: 4, "": 1} {
		if got := exitCode(rolledOut(rollout.Outcome{Decision: decision}, nil), io.Discard); got != want {
			t.Errorf("%q ends with %d, want %d", decision, got, want)
		}
	}
	if got := exitCode(rolledOut(rollout.Outcome{Decision: judge.Promote}, rollout.ErrChanged), io.Discard); got != 1 {
		t.Errorf("an error ends with %d", got)
	}
}

// A death is a request around which the rollout is killed.
type death struct {
	method string
	after  bool // it took effect
}

// A rolledProxy is what a rollout needs of one: the admin API over true flags, and
// the log of its requests.
type rolledProxy struct {
	flags *feature.Registry
	api   *httptest.Server
	log   string
	out   string
	rule  string
	name  string // of the command
	said  bytes.Buffer

	mu     sync.Mutex
	deaths []death
	victim *os.Process
}

func newRolledProxy(t *testing.T) *rolledProxy {
	t.Helper()
	dir := t.TempDir()
	r := &rolledProxy{log: filepath.Join(dir, "proxy.run.jsonl"), out: filepath.Join(dir, "out"), rule: filepath.Join(dir, "rule.yaml"), name: filepath.Join(dir, "firstbyte")}
	self, err := os.Executable()
	if err == nil {
		err = errors.Join(os.Symlink(self, r.name), os.WriteFile(r.rule, []byte(rolloutRule), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.flags, err = feature.Open(t.Context(), feature.Config{}); err != nil {
		t.Fatal(err)
	}
	var key admin.Secret
	if err := key.UnmarshalText([]byte(rolloutKey)); err != nil {
		t.Fatal(err)
	}
	a, err := admin.New(admin.Config{
		Flags: liveFeatures{r.flags}, Key: key, Kinds: []string{"key"}, Traffic: live.NewTraffic(live.Config{}), Log: live.NewLog(10, 0),
		Credentials: struct{ nobodysCredentials }{}, Accounts: struct{ nobodysAccounts }{}, // nobody asks them
	})
	if err != nil {
		t.Fatal(err)
	}
	r.api = httptest.NewServer(r.deadly(a))
	t.Cleanup(func() { r.api.Close(); a.Close() })
	r.traffic(t)
	return r
}

type (
	nobodysCredentials = admin.Credentials
	nobodysAccounts    = admin.Accounts
)

// deadly kills the rollout around the request that is next on the list.
func (r *rolledProxy) deadly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.deaths) == 0 || r.deaths[0].method != req.Method {
			next.ServeHTTP(w, req)
			return
		}
		if r.deaths[0].after {
			next.ServeHTTP(httptest.NewRecorder(), req)
		}
		r.deaths = r.deaths[1:]
		_ = r.victim.Kill() // it may be gone already
		panic(http.ErrAbortHandler)
	})
}

// live starts the command and returns the code that it ended with; -1: it was killed.
func (r *rolledProxy) live(t *testing.T) int {
	t.Helper()
	cmd := exec.Command(r.name, "rollout", "--admin", r.api.URL, "--flag", rolledFlag, "--log", r.log, "--policy", r.rule, "--plan", "0,50,100",
		"--evaluate", "100ms", "--stage-min", "0s", "--stage-max", "1m", "--out", r.out)
	cmd.Env = append(os.Environ(), adminKeyEnv+"="+rolloutKey)
	cmd.Stdout, cmd.Stderr = &r.said, &r.said
	r.mu.Lock()
	err := cmd.Start()
	r.victim = cmd.Process
	r.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // its code says more
	return cmd.ProcessState.ExitCode()
}

// traffic logs some hundred requests a second until the test ends.
func (r *rolledProxy) traffic(t *testing.T) {
	t.Helper()
	w, err := sample.CreateLive(r.log)
	if err != nil {
		t.Fatal(err)
	}
	epoch := time.Now()
	err = w.Header(sample.Header{
		StartedAt: epoch.UTC().Format(time.RFC3339Nano), Source: "proxy", Design: sample.Single,
		Arms: []sample.Arm{{Name: "proxy"}}, ClockScale: 1, Lacks: logLacks,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		defer w.Discard()
		for n := 0; ctx.Err() == nil; n++ {
			at, id := int64(time.Since(epoch)), fmt.Sprint("r", n)
			a := r.flags.Current().Assign(id, "")
			s := sample.Sample{
				Seq: n, Arm: "proxy", IntendedNS: at, SentNS: at, TokenNS: at + int64(2e6*(1+rand.Float64())), CloseNS: at + 5e6, Status: 200,
				Outcome: sample.OK, Finish: "end_turn", Usage: sample.Usage{Input: 10, Output: 3, Source: "usage"},
				Proxy: &sample.ProxySaid{RequestID: id, Flags: a.Flags.Map(), Shares: a.Share},
			}
			if err := errors.Join(w.Sample(&s), w.Flush()); err != nil {
				t.Error(err)
				return
			}
			time.Sleep(3 * time.Millisecond)
		}
	})
	t.Cleanup(func() { stop(); writing.Wait() })
}

// liveFeatures are a registry's flags as the admin API wants them.
type liveFeatures struct{ registry *feature.Registry }

func (l liveFeatures) Flags(context.Context) (admin.FlagState, error) {
	now := l.registry.Current()
	state := admin.FlagState{Generation: now.Generation}
	for _, name := range feature.Names() {
		s := now.Settings()[name]
		state.Flags = append(state.Flags, admin.Flag{Name: name, Setting: admin.Setting{Percent: s.Percent, Unit: string(s.Unit)}, Locked: now.Locked(name)})
	}
	return state, nil
}

func (l liveFeatures) SetFlag(ctx context.Context, c admin.FlagChange) error {
	_, err := l.registry.Set(ctx, feature.Change{
		Flag: c.Name, Setting: feature.Setting{Percent: c.Percent, Unit: feature.Unit(c.Unit)}, Expected: c.Expected, Who: c.Who, Evidence: c.Evidence,
	})
	if errors.Is(err, feature.ErrStale) {
		return admin.ErrStale
	}
	return err
}

func (l liveFeatures) Audit(ctx context.Context, limit int) ([]admin.AuditEntry, error) {
	entries, err := l.registry.Log(ctx, limit)
	var out []admin.AuditEntry
	for _, e := range entries {
		out = append(out, admin.AuditEntry{At: e.At, Who: e.Who, Flag: e.Flag, Evidence: e.Evidence, Generation: e.Generation})
	}
	return out, err
}

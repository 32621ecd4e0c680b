package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The true change is 8 % of the time to the first chunk, which nearly all of the
// time to the first token is. Blocks of 2 s hold some 120 requests per arm.
const (
	perSecond = 60 // requests of each arm
	loadTime  = 60 * time.Second
	blockTime = "2s"
	aptTime   = 3 * time.Minute
)

const slowScenario = `name: prometheus
models: [` + gemini + `]
first_chunk: {median: 150ms, sigma: 0.3}
gap: {median: 1ms}
output: {unit: words, per_chunk: 8}
fallback: {text: Some text., length: {median: 40}}
`

const prometheusPolicy = `name: prometheus
metrics:
  - {measure: first_token, statistic: p50, gating: true, tau: 3%, margin: 10%}
  - {measure: first_token, statistic: p95, gating: true, tau: 3%, margin: 10%}
  - {measure: success, statistic: rate, gating: true, tau: 0.5%, margin: 1%}
`

// TestPrometheus holds the way from the proxy's metrics over a real Prometheus to
// the verdict. Native histograms show a true +8 % and find nothing between equal
// arms; classic buckets, which hide it, promote neither.
func TestPrometheus(t *testing.T) {
	bin := prometheusBinary(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "slow.yaml"), slowScenario)
	write(t, filepath.Join(dir, "policy.yaml"), prometheusPolicy)
	ca := filepath.Join(dir, "ca.pem")
	up := launch(t, nil, "fakegemini", "--scenario", filepath.Join(dir, "slow.yaml"), "--ca-file", ca,
		"--arm", "stable", "--arm", "canary", "--arm", "twin", "--inject", "canary:ttft=+8%")
	targets, urls := map[string]string{}, map[string]string{}
	for _, arm := range []string{"stable", "canary", "twin"} {
		r := launch(t, []string{"GEMINI_API_KEY=up", "FIRSTBYTE_PROXY_KEYS=" + callerKey}, "proxy", "--listen", "127.0.0.1:0",
			"--metrics", "127.0.0.1:0", "--upstream", up.URLs[arm], "--upstream-ca-file", ca, "--model-alias", alias+"="+gemini, "--flags", "all-on")
		urls[arm] = r.URL
		targets[arm] = strings.TrimSuffix(strings.TrimPrefix(r.Metrics, "http://"), "/metrics")
	}
	native := startPrometheus(t, bin, targets, "--enable-feature=native-histograms")
	classic := startPrometheus(t, bin, targets)
	load(t, urls)
	time.Sleep(2 * time.Second) // the last scrape

	for _, c := range []struct {
		name, url, candidate string
		code                 int
		decision, reason     string
	}{
		{"native, +8 %", native, "canary", 2, "ROLLBACK", "metric worse"},
		{"classic, +8 %", classic, "canary", 3, "HOLD", "resolution coarser than the margin"},
		{"classic, equal", classic, "twin", 3, "HOLD", "resolution coarser than the margin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, code := judged(t, dir, c.url, c.candidate)
			if code != c.code || v.Decision != c.decision || v.Reason != c.reason {
				t.Errorf("%s (%s), exit code %d; want %s (%s), %d", v.Decision, v.Reason, code, c.decision, c.reason, c.code)
			}
			v.show(t)
		})
	}
	t.Run("native, equal", func(t *testing.T) {
		v, code := judged(t, dir, native, "twin")
		if code == 2 || code == 1 || code == 4 {
			t.Errorf("%s (%s), exit code %d", v.Decision, v.Reason, code)
		}
		v.show(t)
	})
}

// A verdict is what is read of one.
type verdict struct {
	Decision, Reason string
	Summary          []string
	Warnings         []string
	Blocks           int
	Metrics          []struct {
		Key, Why, Standing   string
		Effect, Lower, Upper any
		Resolution, P        any
		N                    int
	}
}

func (v verdict) show(t *testing.T) {
	t.Helper()
	t.Logf("%s (%s) by %d blocks: %q, warnings %q", v.Decision, v.Reason, v.Blocks, v.Summary, v.Warnings)
	for _, m := range v.Metrics {
		t.Logf("%s %s: %v [%v, %v], p %v, resolution %v, n %d: %s", m.Key, m.Standing, m.Effect, m.Lower, m.Upper, m.P, m.Resolution, m.N, m.Why)
	}
}

// judged runs the guard on the time of the load.
func judged(t *testing.T, dir, url, candidate string) (v verdict, code int) {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := filepath.Join(t.TempDir(), "verdict.json")
	cmd := exec.CommandContext(ctx, bin, "guard", "--prometheus", url, "--arm-label", "arm", "--baseline", "stable", "--candidate", candidate,
		"--policy", filepath.Join(dir, "policy.yaml"), "--scrape-interval", "1s", "--block", blockTime, "--min-per-block", "50",
		"--since", (loadTime + 10*time.Second).String(), "--json", out)
	text, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() < 0) {
		t.Fatalf("%v: %s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatalf("%v, the guard said:\n%s", err, text)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v, cmd.ProcessState.ExitCode()
}

// load asks all arms at the same instants, at a constant rate, and waits for the
// last answer.
func load(t *testing.T, urls map[string]string) {
	t.Helper()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 200}}
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed := map[string]int{}
	ticker := time.NewTicker(time.Second / perSecond)
	defer ticker.Stop()
	for i := range int(loadTime/time.Second) * perSecond {
		<-ticker.C
		for arm, url := range urls {
			wg.Go(func() {
				if err := ask(t.Context(), client, url, i); err != nil {
					mu.Lock()
					defer mu.Unlock()
					if failed[arm]++; failed[arm] < 4 {
						t.Logf("%s: %v", arm, err)
					}
				}
			})
		}
	}
	wg.Wait()
	for arm, n := range failed {
		t.Errorf("%d requests of %s failed", n, arm)
	}
}

// ask sends one streamed request; every arm's i-th has the same prompt.
func ask(ctx context.Context, client *http.Client, url string, i int) error {
	body := fmt.Sprintf(`{"model":%q,"max_tokens":1000,"stream":true,"messages":[{"role":"user","content":"prompt %d"}]}`, alias, i)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/messages", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Api-Key", callerKey)
	req.Header.Set("Anthropic-Version", "2023-06-01")
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || !bytes.Contains(answer, []byte("message_stop")) {
		return fmt.Errorf("%s: %.200s", resp.Status, answer)
	}
	return nil
}

// notTested skips, and says what was left out. Where FIRSTBYTE_NO_SKIP is set, as
// .ci/run does, that is a failure.
func notTested(t *testing.T, format string, args ...any) {
	t.Helper()
	notTestedHere(t, "verdicts by a real Prometheus", format, args...)
}

// notTestedHere is notTested of anything.
func notTestedHere(t *testing.T, what, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf("not tested: "+what+": "+format, args...)
	if os.Getenv("FIRSTBYTE_NO_SKIP") != "" {
		t.Fatal(text)
	}
	t.Skip(text)
}

// prometheusBinary returns Debian's Prometheus: the one installed, or the
// package unpacked into a folder of the test, so that no service starts. Where
// neither can be had the test says so and is skipped.
func prometheusBinary(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("prometheus"); err == nil {
		return path
	}
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			notTested(t, "no Prometheus is installed, and without %s none can be: install one of 2.42 or later", tool)
		}
	}
	if os.Geteuid() != 0 {
		notTested(t, "no Prometheus is installed, and only root can refresh the package lists: apt-get install prometheus")
	}
	dir := t.TempDir()
	for _, args := range [][]string{
		{"apt-get", "update", "-qq"},
		{"apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", "prometheus"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), aptTime)
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			notTested(t, "no Prometheus is installed, and %s failed: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	packages, err := filepath.Glob(filepath.Join(dir, "prometheus_*.deb"))
	if err != nil || len(packages) != 1 {
		t.Fatalf("packages %q, %v", packages, err)
	}
	if out, err := exec.CommandContext(t.Context(), "dpkg-deb", "-x", packages[0], dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(dir, "usr", "bin", "prometheus")
}

// startPrometheus scrapes the targets every second, each labelled as its arm,
// and returns the server's URL. It ends with the test.
func startPrometheus(t *testing.T, bin string, targets map[string]string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	var config strings.Builder
	config.WriteString("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n  - job_name: proxies\n    static_configs:\n")
	for arm, target := range targets {
		config.WriteString(fmt.Sprintf("      - {targets: [%q], labels: {arm: %s}}\n", target, arm))
	}
	write(t, filepath.Join(dir, "prometheus.yml"), config.String())
	address := freeAddress(t)
	cmd := exec.Command(bin, append(flags, "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "data"),
		"--web.listen-address", address, "--log.level", "warn")...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(stopTime):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("Prometheus said:\n%s", &said)
		}
	})
	url := "http://" + address
	for deadline := time.Now().Add(readyTime); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/-/ready", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return url
			}
		}
	}
	t.Fatalf("Prometheus is not ready after %v", readyTime)
	return ""
}

// freeAddress returns a loopback address that nobody listened on just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

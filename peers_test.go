package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	withPeers   = flag.Bool("peers", false, "load the server of ground truth with vegeta, k6 and h2load, too (minutes)")
	peersRounds = flag.Int("peers-rounds", 3, "rounds in which the load generators take turns")
)

// What every load generator is asked for: starts at a constant rate, of answers
// that last at least leastFull.
const (
	peersPerSecond = 50
	peersFor       = 6 * time.Second
	peersFirst     = 20 * time.Millisecond
	peersGap       = 10 * time.Millisecond
	peersEvents    = 20

	leastFull = peersFirst + peersEvents*peersGap
	starts    = peersPerSecond * int(peersFor/time.Second)

	peersDir   = "out/peers"
	peersBody  = `{"model":"truth","max_tokens":64,"stream":true,"messages":[{"role":"user","content":"What is true?"}]}`
	k6Version  = "v1.8.1"
	runWait    = peersFor + time.Minute
	installMax = 30 * time.Minute
	serverWait = 200 * time.Millisecond // a client may see the end of an answer before the server has noted it
)

// A peer is a load generator, or this one, as it is run here.
type peer struct {
	words  []words // a line of the table each
	absent error   // why it cannot be run
	// run loads url, keeps its files in dir, and returns a reading for each of words.
	run func(ctx context.Context, dir, url string) ([]reading, error)
}

// TestPeers (make bench-peers) loads one server of known truth with other load
// generators and with this one, in turns, and prints what each says of it. Only
// what they measure in common is compared. It fails where a figure cannot be:
// an answer faster than the server paced it, or starts that nobody accounts for.
func TestPeers(t *testing.T) {
	if !*withPeers {
		t.Skip("not tested: other load generators; make bench-peers runs this")
	}
	if *peersRounds < 3 {
		t.Fatal("-peers-rounds: a median wants at least 3")
	}
	url := serveTruth(t)
	peers := []*peer{firstbytePeer(t), vegetaPeer(t), k6Peer(t), h2loadPeer(t)}
	var lines []line
	for _, p := range peers {
		for _, w := range p.words {
			lines = append(lines, line{words: w, absent: p.absent})
		}
	}
	for round := range *peersRounds {
		for i := range peers {
			turn := (i + round) % len(peers) // another begins in each round
			if peers[turn].absent == nil {
				takeTurn(t, peers, turn, lines, filepath.Join(peersDir, fmt.Sprint("round-", round+1)), url)
			}
		}
	}
	uptime := runTool(t, "uptime")
	text := fmt.Sprintf("%d starts/s for %v, medians of %d rounds with their range; %d processors, %s at the end\n\n%s\n```\n%s```\n",
		peersPerSecond, peersFor, *peersRounds, runtime.NumCPU(), loadAverage(uptime), peersTable(lines), peersNotes(lines))
	fmt.Fprint(t.Output(), "\n"+text)
	if *update {
		writeSection(t, "docs/measuring.md", "peers", text)
	}
}

// loadAverage is the end of what uptime prints.
func loadAverage(uptime string) string {
	_, load, _ := strings.Cut(strings.TrimSpace(uptime), "load average")
	return "load average" + load
}

// takeTurn runs one peer, and adds its readings, with what the server saw of it,
// to its lines.
func takeTurn(t *testing.T, peers []*peer, turn int, lines []line, dir, url string) {
	t.Helper()
	first := 0
	for _, p := range peers[:turn] {
		first += len(p.words)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	tellTruth(t, url) // of earlier load
	ctx, cancel := context.WithTimeout(t.Context(), runWait)
	defer cancel()
	readings, err := peers[turn].run(ctx, dir, url)
	if err != nil {
		t.Fatalf("%s: %v", lines[first].tool, err)
	}
	time.Sleep(serverWait)
	at := tellTruth(t, url)
	for i, r := range readings {
		r.server = at
		lines[first+i].rounds = append(lines[first+i].rounds, r)
		for _, objection := range r.impossible() {
			t.Errorf("%s: %s", lines[first+i].tool, objection)
		}
	}
}

// impossible says which figures cannot be. Those of a tool that others read in
// whole microseconds may lie one below the truth.
func (r reading) impossible() (all []string) {
	if r.full.P50 < leastFull-time.Microsecond {
		all = append(all, fmt.Sprintf("full latency of %v at the median, the server paced %v", r.full.P50, leastFull))
	}
	if r.ttfb != nil && (r.ttfb.P50 <= 0 || r.ttfb.P50 > r.full.P50) {
		all = append(all, fmt.Sprintf("a first byte after %v, and the end after %v", r.ttfb.P50, r.full.P50))
	}
	if r.server.answers+r.failures < starts {
		all = append(all, fmt.Sprintf("the server ended %d answers, %d failures are told, %d were to start", r.server.answers, r.failures, starts))
	}
	return all
}

// serveTruth starts "firstbyte calibrate serve" for the length of the test.
func serveTruth(t *testing.T) (url string) {
	t.Helper()
	cmd := exec.Command("bin/firstbyte", "calibrate", "serve", "--first", peersFirst.String(), "--gap", peersGap.String(), "--events", strconv.Itoa(peersEvents))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: make build first", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself, as Wait then says
		if err := cmd.Wait(); err != nil {
			t.Errorf("calibrate serve ended with %v", err)
		}
	})
	var said ready
	if err := json.NewDecoder(stdout).Decode(&said); err != nil || !said.Ready {
		t.Fatalf("calibrate serve: %+v, %v", said, err)
	}
	return said.URL
}

// tellTruth returns what the server saw since it was last asked.
func tellTruth(t *testing.T, url string) served {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/truth", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	s, err := readTruth(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func firstbytePeer(t *testing.T) *peer {
	version := strings.TrimPrefix(strings.TrimSpace(runTool(t, "bin/firstbyte", "--version")), "firstbyte version ")
	return &peer{
		words: []words{
			{tool: "firstbyte bench, from the intended start", version: version, rate: "achieved_hz", ttfb: "ttfb", full: "full"},
			{tool: "firstbyte bench, from the send", version: version, rate: "achieved_hz", ttfb: "ttfb_service", full: "full_service"},
		},
		run: func(ctx context.Context, dir, url string) ([]reading, error) {
			summary := filepath.Join(dir, "firstbyte.json")
			_, err := tool(ctx, "bin/firstbyte", "bench", "--target", "truth="+url, "--model", "truth", "--quiet", "--warmup", "0",
				"--arrivals", "constant", "--rate", strconv.Itoa(peersPerSecond), "--requests", strconv.Itoa(starts),
				"--json", summary, "--out", filepath.Join(dir, "firstbyte.run.jsonl.gz"))
			if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 3) {
				return nil, err // 3 is an invalid run, which the summary says too
			}
			return readFile(summary, readBench)
		},
	}
}

// vegetaPeer is the release that bench itself stands on.
func vegetaPeer(t *testing.T) *peer {
	const module = "github.com/tsenart/vegeta/v12"
	version := strings.TrimSpace(runTool(t, "go", "list", "-m", "-f", "{{.Version}}", module))
	bin, err := installed(t, module, version, "vegeta")
	return &peer{
		absent: err,
		words:  []words{{tool: "vegeta", version: version, rate: "rate", full: "latencies"}},
		run: func(ctx context.Context, dir, url string) ([]reading, error) {
			body, targets, results := filepath.Join(dir, "body.json"), filepath.Join(dir, "vegeta.targets"), filepath.Join(dir, "vegeta.bin")
			target := fmt.Sprintf("POST %s/v1/messages\nContent-Type: application/json\n@%s\n", url, body)
			if err := errors.Join(os.WriteFile(body, []byte(peersBody), 0o600), os.WriteFile(targets, []byte(target), 0o600)); err != nil {
				return nil, err
			}
			if _, err := tool(ctx, bin, "attack", "-rate", fmt.Sprintf("%d/1s", peersPerSecond), "-duration", peersFor.String(), "-targets", targets, "-output", results); err != nil {
				return nil, err
			}
			report, err := tool(ctx, bin, "report", "-type=json", results)
			if err != nil {
				return nil, err
			}
			return readVegeta(strings.NewReader(report))
		},
	}
}

// k6Script has k6 start as many iterations as the others start requests, and
// write its summary as it is.
const k6Script = `import http from "k6/http";
export const options = {
  discardResponseBodies: true,
  summaryTrendStats: ["med", "p(99)"],
  scenarios: { constant: { executor: "constant-arrival-rate", rate: %d, timeUnit: "1s", duration: "%s", preAllocatedVUs: 100 } },
};
export default function () {
  http.post(%q, %q, { headers: { "Content-Type": "application/json" } });
}
export function handleSummary(data) {
  return { %q: JSON.stringify(data) };
}
`

func k6Peer(t *testing.T) *peer {
	bin, err := installed(t, "go.k6.io/k6", k6Version, "k6")
	return &peer{
		absent: err,
		words:  []words{{tool: "k6", version: k6Version, rate: "iterations", ttfb: "http_req_waiting", full: "http_req_duration"}},
		run: func(ctx context.Context, dir, url string) ([]reading, error) {
			script, summary := filepath.Join(dir, "k6.js"), filepath.Join(dir, "k6.json")
			text := fmt.Sprintf(k6Script, peersPerSecond, peersFor, url+"/v1/messages", peersBody, summary)
			if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
				return nil, err
			}
			if _, err := tool(ctx, bin, "run", "--quiet", "--no-usage-report", "--address", "", script); err != nil {
				return nil, err
			}
			return readFile(summary, readK6)
		},
	}
}

// h2loadPeer starts connections at the rate, each for one request, since that is
// the only rate that h2load holds whatever becomes of the answers. A rate of 50 a
// second would be 50 at once each second: hence one in each period.
func h2loadPeer(t *testing.T) *peer {
	bin, version, err := h2load(t)
	return &peer{
		absent: err,
		words:  []words{{tool: "h2load, a connection each", version: version, rate: "start times of its log", full: "times of its log"}},
		run: func(ctx context.Context, dir, url string) ([]reading, error) {
			body, log := filepath.Join(dir, "body.json"), filepath.Join(dir, "h2load.log")
			if err := errors.Join(os.WriteFile(body, []byte(peersBody), 0o600), os.RemoveAll(log)); err != nil { // it appends
				return nil, err
			}
			n := strconv.Itoa(starts)
			said, err := tool(ctx, bin, "--h1", "-n", n, "-c", n, "-r", "1", "--rate-period", (time.Second / peersPerSecond).String(),
				"-d", body, "-H", "Content-Type: application/json", "--log-file", log, url+"/v1/messages")
			if err != nil {
				return nil, err
			}
			rows, err := os.ReadFile(log)
			if err != nil {
				return nil, err
			}
			return readH2load(said, string(rows))
		},
	}
}

// installed returns a command of a Go module, built once at that version.
func installed(t *testing.T, module, version, name string) (string, error) {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(peersDir, name+"-"+version))
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, name)
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	t.Logf("building %s %s", name, version)
	ctx, cancel := context.WithTimeout(t.Context(), installMax)
	defer cancel()
	fresh := filepath.Join(dir, "fresh") // what was cut off there is never taken for the tool
	cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", module+"@"+version)
	cmd.Env = append(os.Environ(), "GOBIN="+fresh, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go install %s@%s: %w: %s", module, version, err, finalLine(string(out)))
	}
	return bin, os.Rename(filepath.Join(fresh, name), bin)
}

// h2load finds or installs Debian's h2load.
func h2load(t *testing.T) (bin, version string, err error) {
	t.Helper()
	if bin, err = exec.LookPath("h2load"); err != nil {
		if runtime.GOOS != "linux" || os.Geteuid() != 0 {
			return "", "", fmt.Errorf("%w: install nghttp2-client", err)
		}
		for _, args := range [][]string{{"update", "-qq"}, {"install", "-qqy", "--no-install-recommends", "nghttp2-client"}} {
			if _, err := tool(t.Context(), "apt-get", args...); err != nil {
				return "", "", err
			}
		}
		if bin, err = exec.LookPath("h2load"); err != nil {
			return "", "", err
		}
	}
	_, version, _ = strings.Cut(strings.TrimSpace(runTool(t, bin, "--version")), "nghttp2/")
	return bin, version, nil
}

// tool runs a command to its end and returns its standard output.
func tool(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopWait
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w: %s", filepath.Base(name), err, finalLine(stderr.String()+stdout.String()))
	}
	return stdout.String(), nil
}

func runTool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := tool(t.Context(), name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func finalLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A world is a network of machines: a namespace for the target, and one for each
// of the shards, which reach the target and not each other.
type world struct{ target, address string }

// newWorld makes the namespaces, which go with the test. Where they are not permitted
// the test is skipped and says so, even where none should be: nothing that could be
// installed would change it.
func newWorld(t *testing.T, shards int) (w world, namespaces []string) {
	t.Helper()
	const what = "shards on several machines"
	if os.Geteuid() != 0 {
		t.Skipf("not tested: %s: network namespaces need root", what)
	}
	for _, tool := range []string{"ip", "unshare"} {
		if _, err := exec.LookPath(tool); err != nil {
			notTestedHere(t, what, "%s is not installed: apt-get install iproute2 util-linux", tool)
		}
	}
	name := func(s string) string { return fmt.Sprintf("fb%d%s", os.Getpid(), s) }
	add := func(ns string) {
		if out, code := execute(t, nil, "ip", "netns", "add", ns); code != 0 {
			t.Skipf("not tested: %s: network namespaces are not permitted: %s", what, out)
		}
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() }) //nolint:noctx // the test's own is over
	}
	ip := func(args ...string) {
		if out, code := execute(t, nil, "ip", args...); code != 0 {
			t.Fatalf("ip %s: %s", strings.Join(args, " "), out)
		}
	}
	w = world{target: name("t"), address: "10.213.255.1"}
	add(w.target)
	ip("-n", w.target, "link", "set", "lo", "up")
	ip("-n", w.target, "addr", "add", w.address+"/32", "dev", "lo")
	for i := range shards {
		ns := name(fmt.Sprint(i))
		add(ns)
		there := fmt.Sprintf("v%d", i)
		ip("-n", w.target, "link", "add", there, "type", "veth", "peer", "name", "eth0", "netns", ns)
		ip("-n", w.target, "addr", "add", fmt.Sprintf("10.213.%d.1/24", i), "dev", there)
		ip("-n", w.target, "link", "set", there, "up")
		ip("-n", ns, "addr", "add", fmt.Sprintf("10.213.%d.2/24", i), "dev", "eth0")
		ip("-n", ns, "link", "set", "eth0", "up")
		ip("-n", ns, "link", "set", "lo", "up")
		ip("-n", ns, "route", "add", "default", "via", fmt.Sprintf("10.213.%d.1", i))
		namespaces = append(namespaces, ns)
	}
	return w, namespaces
}

// inside is a command line in a network namespace.
func inside(ns string, command ...string) []string {
	return append([]string{"ip", "netns", "exec", ns}, command...)
}

// TestShardsInNetworksOfTheirOwn runs a proxy in one network and three shards in
// three others, each also with a monotonic clock of its own, as machines that were
// started at different times have. Merged, they are the run of one machine.
func TestShardsInNetworksOfTheirOwn(t *testing.T) {
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	const shards = 3
	w, namespaces := newWorld(t, shards)
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	up := launchBy(t, nil, inside(w.target, bin), "fakegemini", "--scenario", "fast", "--arm", "a", "--ca-file", ca)
	proxy := launchBy(t, []string{"GEMINI_API_KEY=up", "FIRSTBYTE_PROXY_KEYS=" + callerKey}, inside(w.target, bin), "proxy",
		"--listen", w.address+":0", "--upstream", up.URLs["a"], "--upstream-ca-file", ca, "--flags", "all-on")
	bench := []string{
		"bench", "--quiet", "--target", "gateway=" + proxy.URL, "--model", gemini, "--key-env", "KEY",
		"--requests", "60", "--rate", "60", "--warmup", "4", "--turn-gap", "1s", "--calibrate", "500ms", "--seed", "7",
		"--start-at", time.Now().Add(8 * time.Second).UTC().Format(time.RFC3339),
	}
	var wg sync.WaitGroup
	run := func(prefix []string, args ...string) {
		wg.Go(func() {
			line := append(append(prefix, bench...), args...)
			if out, code := execute(t, []string{"KEY=" + callerKey}, line[0], line[1:]...); code != 0 && code != 3 { // 3: a busy machine
				t.Errorf("%v: exit code %d: %s", args, code, out)
			}
		})
	}
	var files []string
	for i, ns := range namespaces {
		files = append(files, filepath.Join(dir, fmt.Sprintf("%d.run.jsonl", i)))
		clock := []string{"unshare", "--time", "--monotonic", fmt.Sprint(1000 * (i + 1)), "--boottime", fmt.Sprint(1000 * (i + 1)), "--fork", bin}
		run(inside(ns, clock...), "--shard", fmt.Sprintf("%d/%d", i, shards), "--out", files[i])
	}
	whole := filepath.Join(dir, "whole.run.jsonl")
	run(inside(w.target, bin), "--out", whole)
	wg.Wait()
	merged := filepath.Join(dir, "merged.run.jsonl")
	out, code := execute(t, nil, bin, append([]string{"merge", "-o", merged}, files...)...)
	if code != 0 && code != 3 {
		t.Fatalf("merge: exit code %d: %s", code, out)
	}
	t.Log(out)
	want, got := readRun(t, whole), readRun(t, merged)
	if len(want.planned) != 64 || want.hash != got.hash || strings.Join(want.planned, "\n") != strings.Join(got.planned, "\n") {
		t.Errorf("the merged run is not that of one machine: %d and %d requests, schedules %s and %s", len(want.planned), len(got.planned), want.hash, got.hash)
	}
	// The namespaces share the wall clock, so that the truth is no offset at all.
	for i, c := range got.clocks {
		if c.Unknown != "" || max(c.OffsetNS, -c.OffsetNS) > c.ErrorNS || c.ErrorNS > int64(600*time.Millisecond) {
			t.Errorf("shard %d: %+v", i, c)
		}
	}
	if len(got.clocks) != shards {
		t.Errorf("%d clocks", len(got.clocks))
	}
}

// A runFile is what the test asks of one.
type runFile struct {
	hash    string
	planned []string // what the plan says of each request
	clocks  []struct {
		OffsetNS int64 `json:"offset_ns"`
		ErrorNS  int64 `json:"error_ns"`
		Unknown  string
	}
}

func readRun(t *testing.T, path string) (r runFile) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var v struct {
			Schedule struct{ Hash string }
			Shards   []struct {
				Clock struct {
					OffsetNS int64 `json:"offset_ns"`
					ErrorNS  int64 `json:"error_ns"`
					Unknown  string
				}
			}
			Item       string
			Seq        int
			Occurrence int
			Nonce      string
			Warmup     bool
			IntendedNS int64 `json:"intended_ns"`
			Outcome    string
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		if v.Outcome != "" {
			r.planned = append(r.planned, fmt.Sprint(v.Seq, v.Item, v.Occurrence, v.Nonce, v.Warmup, v.IntendedNS, v.Outcome))
		}
		if v.Schedule.Hash != "" {
			r.hash = v.Schedule.Hash
			for _, s := range v.Shards {
				r.clocks = append(r.clocks, s.Clock)
			}
		}
	}
	return r
}

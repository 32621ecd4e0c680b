package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	callerKey = "e2e-caller-key"
	gemini    = "gemini-2.5-flash"
	alias     = "claude-e2e"
	buildTime = 5 * time.Minute
	readyTime = 20 * time.Second
	stopTime  = 15 * time.Second // the proxy's own drain may take 10
)

// build makes the program once for all tests.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "firstbyte-e2e-")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	bin := filepath.Join(dir, "firstbyte")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, ".")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(bin))
	}
	if claudeHome != "" {
		_ = os.RemoveAll(claudeHome)
	}
	os.Exit(code)
}

// A ready is the line by which a command says where it listens.
type ready struct {
	Ready   bool
	URL     string
	URLs    map[string]string
	Flags   map[string]bool
	Metrics string
	Control string
	Admin   string
	PID     int
	// said returns what the command has written to standard error so far.
	said func() string
}

// A transcript collects what is written while others read it.
type transcript struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

// launch starts a command of the program and returns its ready line. The
// command ends with the test: by signal, or at the latest with its standard
// input.
func launch(t *testing.T, env []string, args ...string) ready {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return launchBy(t, env, []string{bin}, args...)
}

// launchBy is launch by a command line that ends in the program.
func launchBy(t *testing.T, env, by []string, args ...string) ready {
	t.Helper()
	cmd := exec.Command(by[0], append(append(by[1:], args...), "--with-parent")...)
	cmd.Env = append(os.Environ(), env...)
	var stderr transcript
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, rest := make(chan string, 1), make(chan string, 1)
	go func() {
		r := bufio.NewReader(stdout)
		line, _ := r.ReadString('\n')
		lines <- line
		more, _ := io.ReadAll(r)
		rest <- string(more)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(stopTime, func() { _ = cmd.Process.Kill() })
		more := <-rest
		err := cmd.Wait()
		_ = stdin.Close()
		if !kill.Stop() || err != nil || more != "" {
			t.Errorf("%s ended with %v, more output %q, standard error:\n%s", args[0], err, more, &stderr)
		}
	})
	select {
	case line := <-lines:
		var r ready
		if err := json.Unmarshal([]byte(line), &r); err != nil || !r.Ready {
			t.Fatalf("%s said %q, standard error:\n%s", args[0], line, &stderr)
		}
		r.said = stderr.String
		return r
	case <-time.After(readyTime):
		t.Fatalf("%s is not ready after %v", args[0], readyTime)
		return ready{}
	}
}

// execute runs a command to its end and returns all that it printed and its exit
// code.
func execute(t *testing.T, env []string, name string, args ...string) (out string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Errorf("%s: %v", name, err)
		return string(text), -1
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// A pair is two proxies in front of equal arms of one simulated upstream.
type pair struct{ off, on string }

func (p pair) urls() map[string]string { return map[string]string{"all-off": p.off, "all-on": p.on} }

// start runs upstream and proxies with a scenario of simulated Gemini.
func start(t *testing.T, scenario string) pair {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	up := launch(t, nil, "fakegemini", "--scenario", scenario, "--arm", "off", "--arm", "on", "--ca-file", ca)
	proxy := func(arm string) string {
		r := launch(t, []string{"GEMINI_API_KEY=up", "FIRSTBYTE_PROXY_KEYS=other," + callerKey}, "proxy",
			"--listen", "127.0.0.1:0", "--upstream", up.URLs[arm], "--upstream-ca-file", ca,
			"--flags", "all-"+arm, "--model-alias", alias+"="+gemini)
		for name, on := range r.Flags {
			if on != (arm == "on") {
				t.Errorf("proxy %s says that %s is %v", arm, name, on)
			}
		}
		return r.URL
	}
	return pair{proxy("off"), proxy("on")}
}

// scenario writes a scenario whose requests all meet one fault.
func scenario(t *testing.T, fault string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fault.yaml")
	text := `name: fault
models: [` + gemini + `]
first_chunk: {median: 2ms}
gap: {median: 1ms}
output: {unit: words, per_chunk: 3}
fallback: {text: Some text., length: {median: 40}}
faults: {` + fault + `}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

package main

import (
	"bytes"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStoppedGateLeavesNothing stops a gate under load, in order and by force:
// no process, no port and no file may be left.
func TestStoppedGateLeavesNothing(t *testing.T) {
	for _, test := range []struct {
		name   string
		signal os.Signal
		exit   int // -1: died of the signal
	}{
		{"Ctrl-C", os.Interrupt, 1},
		{"kill -9", syscall.SIGKILL, -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := startGate(t)
			family := g.awaitFamily(t, 3) // the gate, its upstream, a proxy
			ports := upstreamPorts(t, family)
			if err := g.cmd.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			_ = g.cmd.Wait() // its exit code is looked at next
			if got := g.cmd.ProcessState.ExitCode(); got != test.exit {
				t.Errorf("exit code %d, want %d; it said:\n%s", got, test.exit, g.said.String())
			}
			if test.exit == 1 && !strings.Contains(g.said.String(), "interrupted") {
				t.Errorf("it did not say that it was interrupted:\n%s", g.said.String())
			}
			g.awaitFamily(t, 0)
			for _, port := range ports {
				if conn, err := net.DialTimeout("tcp", port, time.Second); err == nil {
					_ = conn.Close()
					t.Errorf("%s still takes connections", port)
				}
			}
			for _, dir := range []string{g.out, g.temp} {
				if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
				if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			}
		})
	}
}

// A runningGate is a gate of this test, its children known by a mark in their
// environment.
type runningGate struct {
	cmd             *exec.Cmd
	said            bytes.Buffer
	mark, out, temp string
}

func startGate(t *testing.T) *runningGate {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// testscript.Main runs a command when the test binary goes by its name.
	name := filepath.Join(t.TempDir(), "firstbyte")
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	g := &runningGate{mark: "FIRSTBYTE_TEST_FAMILY=" + t.TempDir(), out: filepath.Join(t.TempDir(), "out"), temp: t.TempDir()}
	g.cmd = exec.Command(name, "gate", "--calibrate", "100ms", "--out", g.out)
	g.cmd.Env = append(os.Environ(), g.mark, "TMPDIR="+g.temp)
	g.cmd.Stdout, g.cmd.Stderr = &g.said, &g.said
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.cmd.Process.Kill() })
	return g
}

// awaitFamily waits until n processes carry the gate's mark, and returns their
// command lines.
func (g *runningGate) awaitFamily(t *testing.T, n int) []string {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		family := marked(g.mark)
		if len(family) == n {
			return family
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d processes, want %d: %v; the gate said:\n%s", len(family), n, family, g.said.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// marked returns the command lines of the processes with mark in their
// environment.
func marked(mark string) []string {
	var lines []string
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environments {
		env, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(env, []byte(mark)) {
			continue // gone, or another user's
		}
		if line, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline")); err == nil && len(line) > 0 {
			lines = append(lines, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return lines
}

// upstreamPorts finds the upstream's address on the proxies' command lines.
func upstreamPorts(t *testing.T, family []string) []string {
	t.Helper()
	var ports []string
	for _, line := range family {
		for word := range strings.FieldsSeq(line) {
			if u, err := url.Parse(word); err == nil && u.Port() != "" {
				ports = append(ports, u.Host)
			}
		}
	}
	if len(ports) == 0 {
		t.Fatalf("no upstream address in %q", family)
	}
	return ports
}

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// readyWait is how long a child may take to say that it is ready.
const readyWait = 10 * time.Second

// stopWait is how long a child may take to stop before it is killed.
const stopWait = 3 * time.Second

// A ready is the line with which "firstbyte proxy" and "firstbyte fakegemini"
// say where they listen.
type ready struct {
	Ready   bool              `json:"ready"`
	URL     string            `json:"url"`     // proxy
	URLs    map[string]string `json:"urls"`    // fakegemini, by arm
	Control string            `json:"control"` // fakegemini
	Flags   map[string]bool   `json:"flags"`   // proxy: in force, whatever was asked for
}

// A child is this binary running another of its commands. It ends when its
// standard input does, so that not even a killed parent leaves one behind.
type child struct {
	ready
	cmd   *exec.Cmd
	stdin io.Closer
	said  *tail
	done  chan struct{} // closed when the process has been waited for
}

// startChild runs args with extra environment and returns when the child is
// ready.
func startChild(ctx context.Context, env []string, args ...string) (*child, error) {
	self, err := thisProgram()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.Command(self, append(args, "--with-parent")...) //nolint:noctx // stop ends it in order
	cmd.Args[0] = os.Args[0]                                    // a program that goes by several names keeps this one
	cmd.Env = append(withoutFlags(os.Environ()), env...)
	cmd.SysProcAttr = apart()
	c := &child{cmd: cmd, said: &tail{}, done: make(chan struct{})}
	cmd.Stderr = c.said
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start firstbyte %s: %w", args[0], err)
	}
	if err := c.await(ctx, out); err != nil {
		c.stop()
		return nil, fmt.Errorf("firstbyte %s: %w", args[0], err)
	}
	return c, nil
}

// thisProgram is the file to run: on Linux the very program that runs now, even
// if another build has taken its name since.
func thisProgram() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// withoutFlags drops feature flags from an environment: they would win over
// those that an arm is given, and both arms would be the same.
func withoutFlags(env []string) []string {
	return slices.DeleteFunc(env, func(entry string) bool { return strings.HasPrefix(entry, "FF_") })
}

// await reads the ready line and leaves a goroutine that waits for the end.
func (c *child) await(ctx context.Context, out io.Reader) error {
	lines := make(chan error, 1)
	go func() {
		defer close(c.done)
		r := bufio.NewReader(out)
		line, err := r.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &c.ready)
		}
		lines <- err
		_, _ = io.Copy(io.Discard, r) // whatever else it prints must not block it
		_ = c.cmd.Wait()              // its exit code says nothing: it is told to stop
	}()
	select {
	case err := <-lines:
		if err != nil || !c.Ready {
			c.stop() // what it said is whole only when it has been waited for
			return errors.New(cmp.Or(c.said.String(), "ended before it was ready"))
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(readyWait):
		return fmt.Errorf("not ready after %v", readyWait)
	}
}

// stop asks the child to end, waits, and kills it when it does not.
func (c *child) stop() {
	if c.cmd.Process.Signal(syscall.SIGTERM) != nil { // gone already, or a system without signals
		_ = c.stdin.Close()
	}
	select {
	case <-c.done:
	case <-time.After(stopWait):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
	_ = c.stdin.Close()
}

// cpu returns the processor time the child has used.
func (c *child) cpu() (time.Duration, error) { return clock.ProcessCPU(c.cmd.Process.Pid) }

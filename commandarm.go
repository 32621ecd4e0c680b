package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/load"
)

// A commandArm is a target that a command of the user's brings about before each
// turn: it restarts a process, or switches one.
type commandArm struct {
	load.Standing
	command string
	within  time.Duration
}

var _ load.Arm = (*commandArm)(nil)

// Start runs the command by the shell, with the arm's name in FIRSTBYTE_ARM, and
// returns when it has ended well and the target takes connections.
func (a *commandArm) Start(ctx context.Context) (load.Target, error) {
	ctx, cancel := context.WithTimeout(ctx, a.within)
	defer cancel()
	// A file and no pipe: what the command leaves running may go on writing to it,
	// and would keep a pipe open.
	said, err := os.CreateTemp("", "firstbyte-command-*")
	if err != nil {
		return load.Target{}, err
	}
	defer os.Remove(said.Name())
	defer said.Close()
	cmd := exec.CommandContext(ctx, "sh", "-c", a.command)
	cmd.Env = append(os.Environ(), "FIRSTBYTE_ARM="+a.ArmName)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = apart()
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return load.Target{}, fmt.Errorf("its command failed: %w: %s", err, lastLine(said.Name()))
	} else if err != nil {
		return load.Target{}, fmt.Errorf("its command did not end within %v", a.within)
	}
	return a.At, a.await(ctx)
}

// lastLine is the last that a command wrote to its file.
func lastLine(name string) string {
	text, err := os.ReadFile(name)
	var last tail
	if _, errWrite := last.Write(text); err != nil || errWrite != nil || len(bytes.TrimSpace(text)) == 0 {
		return "it said nothing"
	}
	return last.String()
}

// await waits until somebody listens.
func (a *commandArm) await(ctx context.Context) error {
	u, err := url.Parse(a.At.URL)
	if err != nil {
		return err
	}
	for {
		if err = dial(ctx, u); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("its command ran, but within %v it took no connection: %w", a.within, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Firstbyte measures gateways in front of LLMs and decides whether a change to
// one may go out. Run "firstbyte help" for its commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker (see the Makefile).
var version = "dev"

// An exitError ends the command with a code other than 1, the code of usage and
// internal errors. An empty msg prints nothing: the command has said it all.
type exitError struct {
	code int
	msg  string
}

func (e *exitError) Error() string { return e.msg }

func main() {
	os.Exit(guarded(func() int { return run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr) }, os.Stderr))
}

// guarded turns a panic into the code of an internal error: Go's own would be
// 2, which is that of a rollback.
func guarded(command func() int, stderr io.Writer) (code int) {
	defer func() {
		if problem := recover(); problem != nil {
			fmt.Fprintf(stderr, "firstbyte: internal error: %v\n%s", problem, debug.Stack())
			code = 1
		}
	}()
	return command()
}

// run executes one command line and returns the process exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks to end in order; a second one ends at once.
	defer context.AfterFunc(ctx, stop)()
	root := newRootCmd()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exitCode(root.ExecuteContext(ctx), stderr)
}

// exitCode reports err in one line and turns it into the exit code.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	code := 1
	if exit, ok := errors.AsType[*exitError](err); ok {
		code = exit.code
	}
	if msg := strings.TrimSpace(err.Error()); msg != "" {
		fmt.Fprintln(stderr, "firstbyte: "+strings.ReplaceAll(msg, "\n", "; "))
	}
	return code
}

// noCommand refuses what is no subcommand.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unknown command %q (see %q)", args[0], cmd.CommandPath()+" --help")
	}
	return nil
}

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:           "firstbyte",
		Short:         "Measure gateways in front of LLMs and gate their changes",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w (see %q)", err, cmd.CommandPath()+" --help")
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(subcommands()...)
	return root
}

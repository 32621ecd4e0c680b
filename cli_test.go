package main

import (
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts' expectations")

// TestMain lets the scripts run this test binary as the firstbyte command.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"firstbyte": main})
}

// TestScripts runs what a person types, with the exit code and both streams that
// the person gets. See testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      cmdExits,
			"oneline":    cmdOneLine,
			"listen":     cmdListen,
			"cut":        cmdCut,
			"gunzip":     cmdGunzip,
			"requestlog": cmdRequestLog,
			"ago":        cmdAgo,
			"free":       cmdFree,
			"misbehave":  cmdMisbehave,
			"await":      cmdAwait,
			"ask":        cmdAsk,
			"login":      cmdLogin,
			"answers":    cmdAnswers,
			"same":       cmdSame,
			"sameplan":   cmdSamePlan,
			"replays":    cmdReplays,
		},
	})
}

// exits CODE COMMAND ARGS...: runs the command as exec does; it must exit with
// just that code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command [args...]")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%s: %v", strings.Join(args[1:], " "), err)
		}
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("%s: exit %d, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

// oneline WORDS...: the last command printed nothing on standard output and just
// one line on standard error, which holds each of the words.
func cmdOneLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: oneline words...")
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("standard output has %q, want nothing", out)
	}
	line, rest, _ := strings.Cut(ts.ReadFile("stderr"), "\n")
	if rest != "" || !strings.HasPrefix(line, "firstbyte: ") {
		ts.Fatalf("standard error has more than one line, or not ours")
	}
	for _, word := range args {
		if !strings.Contains(line, word) {
			ts.Fatalf("%q does not hold %q", line, word)
		}
	}
}

// listen VAR: takes a free port of loopback for the length of the script, and
// puts its address into the variable.
func cmdListen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: listen variable")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() {
		if err := l.Close(); err != nil {
			ts.Logf("closing the listener: %v", err)
		}
	})
	ts.Setenv(args[0], l.Addr().String())
}

// cut FILE TO: writes the file without its last line to another.
func cmdCut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cut file to")
	}
	lines := strings.SplitAfter(strings.TrimSuffix(ts.ReadFile(args[0]), "\n"), "\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(lines[:len(lines)-1], "")), 0o644))
}

// gunzip FILE TO: unpacks a file into another.
func cmdGunzip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: gunzip file to")
	}
	r, err := gzip.NewReader(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	text, err := io.ReadAll(r)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o644))
}

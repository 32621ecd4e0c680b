package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// requestlog FILE SUCCEEDED FAILED: writes the log of a proxy, still open, that
// began ten minutes ago and got a request every second.
func cmdRequestLog(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: requestlog file succeeded failed")
	}
	w, err := sample.CreateLive(ts.MkAbs(args[0]))
	ts.Check(err)
	defer w.Discard()
	ts.Check(w.Header(sample.Header{
		StartedAt: time.Now().Add(-10 * time.Minute).UTC().Format(time.RFC3339Nano), Source: "proxy", Design: sample.Single,
		Arms: []sample.Arm{{Name: "proxy"}}, ClockScale: 1, Lacks: logLacks,
	}))
	succeeded, err := strconv.Atoi(args[1])
	ts.Check(err)
	failed, err := strconv.Atoi(args[2])
	ts.Check(err)
	for i := range succeeded + failed {
		at := int64(i)*1e9 + 1
		s := sample.Sample{
			Seq: i, Arm: "proxy", IntendedNS: at, SentNS: at, FirstByteNS: at + 20e6, EventNS: at + 20e6, TokenNS: at + 20e6 + int64(i%7)*1e5,
			LastNS: at + 60e6, CloseNS: at + 60e6, Events: 3, Status: 200, Outcome: sample.OK, Finish: "end_turn",
			Usage: sample.Usage{Input: 10, Output: 3, Source: "usage"},
		}
		if i*failed%(succeeded+failed) < failed {
			s = sample.Sample{Seq: i, Arm: "proxy", IntendedNS: at, SentNS: at, CloseNS: at + 60e6, Status: 503, Outcome: sample.ByStatus(503), Phase: sample.PhaseHeaders}
		}
		ts.Check(w.Sample(&s))
	}
	ts.Check(w.Flush())
}

// ago VAR DURATION: puts the time so long ago into the variable.
func cmdAgo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: ago variable duration")
	}
	d, err := time.ParseDuration(args[1])
	ts.Check(err)
	ts.Setenv(args[0], time.Now().Add(-d).UTC().Format(time.RFC3339))
}

// free VAR: puts an address of loopback into the variable at which nobody listens.
func cmdFree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: free variable")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Check(l.Close())
}

// login STATUS URL FILE: logs in to a control panel with the password that the file
// tells of, and must be answered with the status.
func cmdLogin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: login status url file")
	}
	_, rest, _ := strings.Cut(ts.ReadFile(args[2]), "password: ")
	password, _, _ := strings.Cut(rest, " ")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(args[1], url.Values{"password": {password}}) //nolint:noctx // of a test
	ts.Check(err)
	ts.Check(resp.Body.Close())
	if strconv.Itoa(resp.StatusCode) != args[0] || len(password) < 26 {
		ts.Fatalf("a password of %d characters: %s, want %s", len(password), resp.Status, args[0])
	}
}

// ask STATUS METHOD URL FILE [BODY]: sends a request with the bearer token of the
// environment's TOKEN until it is answered with the status, for ten seconds at
// most, and writes the answer to the file.
func cmdAsk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: ask status method url file [body]")
	}
	last := ""
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		body, status := askOnce(ts, args[1], args[2], strings.Join(args[4:], " "))
		if last = strconv.Itoa(status) + " " + body; strconv.Itoa(status) == args[0] {
			ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(body), 0o644))
			return
		}
	}
	ts.Fatalf("%s %s: %s, want %s", args[1], args[2], last, args[0])
}

func askOnce(ts *testscript.TestScript, method, url, body string) (answer string, status int) {
	r, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	ts.Check(err)
	r.Header.Set("Authorization", "Bearer "+ts.Getenv("TOKEN"))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error(), 0
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	return string(text), res.StatusCode
}

package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// misbehave KIND VAR [FILE]: serves badly for the length of the script, and puts the
// URL into the variable; FILE is there once a request has come. Kinds: closes (every connection at once), html (a page with
// status 200), endless (a stream without an end), untrusted (TLS by an authority
// that nobody knows).
func cmdMisbehave(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: misbehave kind variable [file]")
	}
	handlers := map[string]http.HandlerFunc{"closes": closeAtOnce, "html": sayHTML, "endless": neverEnd, "untrusted": sayHTML}
	play, known := handlers[args[0]]
	if !known {
		ts.Fatalf("unknown kind %q", args[0])
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(args) == 3 {
			_ = os.WriteFile(ts.MkAbs(args[2]), nil, 0o600) // who waits for it says so in time
		}
		play(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it would report each handshake
	if args[0] == "untrusted" {
		s.StartTLS()
	} else {
		s.Start()
	}
	ts.Defer(func() {
		s.CloseClientConnections() // what never ends, ends with its connection
		s.Close()
	})
	ts.Setenv(args[1], s.URL)
}

// awaitTime is how long a script waits for a file.
const awaitTime = 30 * time.Second

// await FILE: goes on when the file is there.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await file")
	}
	for begun := time.Now(); time.Since(begun) < awaitTime; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
	}
	ts.Fatalf("no %s in %v", args[0], awaitTime)
}

func closeAtOnce(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset
	}
	_ = conn.Close() // that is the point
}

func sayHTML(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!doctype html><title>Sign in</title>")
}

func neverEnd(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for r.Context().Err() == nil {
		fmt.Fprint(w, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"and \"}}\n\n")
		_ = http.NewResponseController(w).Flush() // its error ends the context
		time.Sleep(time.Millisecond)
	}
}

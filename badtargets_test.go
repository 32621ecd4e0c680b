package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// misbehave KIND VAR: serves badly for the length of the script, and puts the URL
// into the variable. Kinds: closes (every connection at once), html (a page with
// status 200), endless (a stream without an end), untrusted (TLS by an authority
// that nobody knows).
func cmdMisbehave(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: misbehave kind variable")
	}
	handlers := map[string]http.HandlerFunc{"closes": closeAtOnce, "html": sayHTML, "endless": neverEnd, "untrusted": sayHTML}
	play, known := handlers[args[0]]
	if !known {
		ts.Fatalf("unknown kind %q", args[0])
	}
	s := httptest.NewUnstartedServer(play)
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

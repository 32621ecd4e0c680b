package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// An arrived request, as the server saw it.
type arrived struct {
	at     int64 // clock.Now
	header http.Header
	body   string
}

// An answerer is a server that answers every streaming request of the Messages
// API in two words at once, and keeps what came.
type answerer struct {
	*httptest.Server
	before func(w http.ResponseWriter, r *http.Request, nth int) bool // answers itself if true; may be nil

	mu  sync.Mutex
	got []arrived
}

func newAnswerer(before func(w http.ResponseWriter, r *http.Request, nth int) bool) *answerer {
	a := &answerer{before: before}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	return a
}

func (a *answerer) serve(w http.ResponseWriter, r *http.Request) {
	at := clock.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	a.mu.Lock()
	a.got = append(a.got, arrived{at, r.Header.Clone(), string(body)})
	nth := len(a.got)
	a.mu.Unlock()
	if a.before != nil && a.before(w, r, nth) {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, data := range []string{
		`{"type":"message_start","message":{"usage":{"input_tokens":12,"output_tokens":1}}}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"well "}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"said"}}`,
		`{"type":"content_block_stop","index":0}`,
		`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}`,
		`{"type":"message_stop"}`,
	} {
		var named struct{ Type string }
		if json.Unmarshal([]byte(data), &named) != nil {
			panic(data)
		}
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", named.Type, data)
		w.(http.Flusher).Flush()
	}
}

func (a *answerer) received() []arrived {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]arrived(nil), a.got...)
}

// answers VAR [HEADER NAME...]: a server for the length of the script that answers
// every request, with a header that has the names in turn; the variable takes its
// URL.
func cmdAnswers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) == 2 {
		ts.Fatalf("usage: answers variable [header name...]")
	}
	a := newAnswerer(func(w http.ResponseWriter, _ *http.Request, nth int) bool {
		if len(args) > 2 {
			w.Header().Set(args[1], args[2+nth%(len(args)-2)])
		}
		return false
	})
	ts.Defer(a.Close)
	ts.Setenv(args[0], a.URL)
}

// same FILE FILE WORD: both files have the same number of lines with the word in
// them, and the part of each behind the word up to the next comma is the same.
func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: same file file word")
	}
	values := func(file string) (all []string) {
		for line := range strings.Lines(ts.ReadFile(file)) {
			if _, rest, ok := strings.Cut(line, args[2]); ok {
				value, _, _ := strings.Cut(rest, ",")
				all = append(all, value)
			}
		}
		return all
	}
	a, b := values(args[0]), values(args[1])
	if len(a) == 0 || strings.Join(a, "\n") != strings.Join(b, "\n") {
		ts.Fatalf("%s: %d values in %s, %d in %s, or they differ", args[2], len(a), args[0], len(b), args[1])
	}
}

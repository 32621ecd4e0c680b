package main

import (
	"bytes"
	"strings"
	"sync"
)

// A tail keeps the last of what a child writes, for an error message. It is
// safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	last []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const keep = 2048
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	t.last = t.last[max(0, len(t.last)-keep):]
	return len(p), nil
}

// String returns the last line written.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := bytes.Split(bytes.TrimSpace(t.last), []byte("\n"))
	return strings.TrimPrefix(string(lines[len(lines)-1]), "firstbyte: ")
}

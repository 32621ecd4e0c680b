package server

import (
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxServerTime is the longest that an upstream is believed to have taken.
const maxServerTime = 24 * time.Hour

// serverTime returns how long an answer took by the word of its Server-Timing (W3C,
// Server Timing): the longest dur of its entries, since some are parts of others.
// ok is false if there is none.
func serverTime(h http.Header) (longest time.Duration, ok bool) {
	for _, line := range h.Values("Server-Timing") {
		for entry := range unquoted(line, ',') {
			if d, has := entryTime(entry); has {
				longest, ok = max(longest, d), true
			}
		}
	}
	return longest, ok
}

// entryTime returns the first dur of an entry, which is in milliseconds.
func entryTime(entry string) (d time.Duration, ok bool) {
	named := false
	for param := range unquoted(entry, ';') {
		name, value, _ := strings.Cut(param, "=")
		if !named || !strings.EqualFold(strings.TrimSpace(name), "dur") {
			named = true // the entry's name stands before its parameters
			continue
		}
		ms, err := strconv.ParseFloat(strings.Trim(value, "\" \t"), 64)
		if err != nil || !(ms >= 0 && ms <= float64(maxServerTime/time.Millisecond)) { // nor NaN
			return 0, false
		}
		return time.Duration(ms * float64(time.Millisecond)), true
	}
	return 0, false
}

// unquoted returns the parts of s between those seps that no quotes are around.
func unquoted(s string, sep byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		from, quoted := 0, false
		for i := 0; i < len(s); i++ {
			switch {
			case s[i] == '"':
				quoted = !quoted
			case quoted && s[i] == '\\':
				i++
			case !quoted && s[i] == sep:
				if !yield(s[from:i]) {
					return
				}
				from = i + 1
			}
		}
		yield(s[from:])
	}
}

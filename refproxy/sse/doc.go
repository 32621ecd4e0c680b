// Package sse frames server-sent events: it finds events in a byte stream and
// writes them into one. It knows nothing of what they carry.
package sse

// Package sse frames server-sent events: it finds events in a byte stream and
// writes them into one. It knows nothing of what they carry.
//
// Reading follows the event stream rules of the HTML standard with two
// differences that upstreams need: an event cut off by the end of the stream
// is delivered rather than dropped (its reader knows better whether it is
// whole), and an event has a size limit with an error of its own.
package sse

// Package upstream carries requests to an LLM provider over HTTP. It moves
// bytes and knows no dialect: bodies come in and go out as they are.
//
// A [Client] speaks to one base URL in one of two ways:
//
//   - fresh: a new client, connection and TLS handshake for every request, all
//     closed afterwards. This is the earlier behaviour, kept as a baseline.
//   - pooled: several warm HTTP/2 connections, opened before the first request,
//     of which the one with the fewest requests in flight is taken. A broken
//     one is replaced in the background. An upstream that does not negotiate
//     HTTP/2 is served over kept-alive HTTP/1.1 instead.
//
// Both speak HTTP/2 where the upstream does, so what differs is the connection.
//
// The pool stands on net/http's [http.ClientConn] (Go 1.26), not on the type of
// the same name in golang.org/x/net/http2, which is deprecated in its favour.
// Three of its traits shape the code:
//
//   - Until the server's SETTINGS have been read a connection claims 100 free
//     slots, whatever the server allows. A connection that still claims just
//     that and has not answered yet counts as full at a few streams, and the
//     pool grows early.
//   - After a GOAWAY Err stays nil while streams still run; such a connection
//     shows only as one that refuses reservations below its limit. It is retired:
//     it finishes what it carries, takes nothing new, and is then closed.
//   - The state hook may run synchronously inside Reserve and Close, so it takes
//     no lock; it only wakes the pool's keeper goroutine.
//
// A connection that breaks under a request that the server cannot have begun is
// not the caller's business: it goes again on another one, a few times at most.
package upstream

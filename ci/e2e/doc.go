// Package e2e holds the official Anthropic client, and a real Prometheus, against the proxy as it is
// built and run, and another author's reader against the histogram logs of bench. It is a module of its own so that the client's dependencies
// stay out of firstbyte's; it has nothing but tests.
package e2e

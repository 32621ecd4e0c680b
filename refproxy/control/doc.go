// Package control is what an operator changes while the proxy runs: it shows the
// control panel and its API (refproxy/admin) the flags, the credentials and the
// accounts as they are, and keeps what is changed in the store.
//
// It holds adapters and the one thing that needs them all: a credential that was
// uploaded is sealed, stored and taken into use, by every replica, without a
// restart.
package control

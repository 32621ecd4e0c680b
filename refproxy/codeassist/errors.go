package codeassist

import (
	"fmt"
	"net/http"
	"time"
)

// Class says what a failure takes to pass.
type Class uint8

const (
	// Passing failures may be gone at the next try: the network, a server that
	// is down or busy, an answer that nobody can read.
	Passing Class = iota
	// Credential failures need a new login: the refresh token is revoked, has
	// run out, or belongs to another client.
	Credential
	// Account failures need the operator to do something about the account: it
	// is not eligible, wants verification, or has no project.
	AccountState
)

// An Error is why there is no token or no project.
type Error struct {
	Class Class
	// Message is whole and fit for callers and operators: it holds no secret.
	Message string
	// Code is OAuth's code, or the reason why an account is not eligible; may be
	// empty.
	Code string
	// URL is where the account is to be verified, whole; may be empty.
	URL string
	// RetryAfter is when it may be worth trying again, 0 if that is not known.
	RetryAfter time.Duration
	// Cause is for the log; may be nil.
	Cause error
}

// Error returns message and cause.
func (e *Error) Error() string {
	if e.Cause != nil {
		return "code assist: " + e.Message + ": " + e.Cause.Error()
	}
	return "code assist: " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// A StatusError is an answer of Code Assist that is no success, as it came.
type StatusError struct {
	// Method is what was asked, such as "loadCodeAssist".
	Method string
	Status int
	Header http.Header
	Body   []byte
}

// Error names method and status; the body is for whoever can read it.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answered %d", e.Method, e.Status)
}

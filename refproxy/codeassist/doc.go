// Package codeassist is the way to Code Assist (v1internal) for one account: it
// makes access tokens of the user's own OAuth client and refresh token, and finds
// the project that requests are charged to.
//
//	credential file -> [Account.Token]    refreshed ahead of time, one at a time
//	loadCodeAssist -> onboardUser -> poll -> [Account.Project]    once, then kept
//
// There is no client id in here: a file without one is refused. Secrets show in
// no error and no log; a rotated refresh token is in the file, whole, before its
// access token is used.
//
// Every failure is an [*Error], which tells what an operator has to mend from
// what passes. All waits are on the clock of package time, so that a test may
// turn it.
package codeassist

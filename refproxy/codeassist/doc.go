// Package codeassist is the way to Code Assist (v1internal) for one account: it
// makes access tokens of the user's own OAuth client and refresh token, and finds
// the project that requests are charged to.
//
//	credential -> [Account.Token]         refreshed ahead of time, one at a time, whether asked or not
//	loadCodeAssist -> onboardUser -> poll -> [Account.Project]    once, then kept
//
// There is no client id in here: a credential without one is refused. Secrets show
// in no error and no log. A rotated refresh token is kept, whole, before its access
// token is used: in the credential file, or by who opened the account with the
// content of one. Several processes can share the latter. Each looks before it
// refreshes whether another has, and a refresh token that is refused counts as dead
// only if none has kept another two seconds later.
//
// Every failure is an [*Error], which tells what an operator has to mend from
// what passes. All waits are on the clock of package time, so that a test may
// turn it.
package codeassist

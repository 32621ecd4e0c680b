// Package server is the reference proxy as a whole: it composes codecs, relay
// and upstream into an HTTP server for callers of the APIs of Anthropic, OpenAI
// and Gemini. docs/wire.md lists the routes.
//
//	translated   body -> relay: codec -> chat -> codec -> upstream, and back
//	native       a Gemini body and its answer pass through as they are
//
// A route has a dialect: it says where the caller's key is, and what envelope a
// failure comes in, wherever it arises. What all kinds of upstream have in common
// is behind one backend; an envelope and an account are Code Assist's alone.
//
// Logs tell of a request its route, status, model and duration, and why it
// failed; never a key, a query or a word of the conversation.
package server

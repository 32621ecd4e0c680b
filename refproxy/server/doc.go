// Package server is the reference proxy as a whole: it composes codecs, relay
// and upstream into an HTTP server for callers of the Anthropic API.
//
//	HEAD /                          200, which some clients ask first
//	GET  /healthz, /readyz          alive; not draining
//	POST /v1/messages               streamed or whole answer
//	POST /v1/messages/count_tokens  the upstream's count, or a marked estimate
//	GET  /v1/models, /v1/models/ID  the upstream's models and our aliases
//
// All under /v1 need a key. Every failure, wherever it arises, is answered in
// the Anthropic envelope with a request id.
//
// Logs tell of a request its route, status, model and duration, and why it
// failed; never a key or a word of the conversation.
package server

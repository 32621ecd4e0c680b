// Package anthropic is the codec of the Anthropic Messages API as a server
// speaks it: it decodes requests and encodes answers, streams and errors.
//
//	request.go   the body of a request, and its fields one by one
//	turns.go     messages and the system instruction
//	blocks.go    the blocks that both hold
//	results.go   calls, their results, and what the provider's own tools left
//	thinking.go  reasoning: what is asked of it, and its signatures
//	tools.go     tools, choice and format
//	answer.go    the blocks of an answer
//	response.go  a whole answer, counts and models
//	stream.go    an answer as events
//	failure.go   errors both ways
//
// Nothing is passed over in silence: docs/wire.md lists every field as kept,
// mapped, refused or ignored, and a test holds the list to the code. Unknown
// fields are refused by name, but for those at the top level, which are carried
// in chat.Request.Unknown.
package anthropic

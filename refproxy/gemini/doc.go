// Package gemini is the codec of the Gemini API (generativelanguage v1beta,
// and the inner body of its relatives) as a client speaks it: it encodes
// requests ([Codec]) and decodes answers and streams ([Decoder], which is made of
// the request) and errors ([DecodeError]). The envelope of Code Assist goes around
// a request and comes off an answer without either being read
// ([WrapCodeAssist], [UnwrapCodeAssistStream]).
//
// What the name of a model tells ([chat.Signature.Family], how it is told to
// think) is in model.go; docs/wire.md lists every field, and a test holds it to
// the code.
//
// A streamed answer is read in three steps:
//
//	bytes -> sse.Reader -> chunk (one event's JSON) -> answer (what the chunks
//	add up to) -> chat.Event
//
// The middle step exists twice. The canonical way decodes each chunk whole.
// The short way (FastStream) scans a plain text chunk for the few things it may
// hold and hands on its text as the JSON literal it is; whatever it is not sure
// of it leaves to the canonical way. The two differ in speed alone.
package gemini

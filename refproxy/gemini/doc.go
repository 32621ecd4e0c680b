// Package gemini is the codec of the Gemini API (generativelanguage v1beta,
// and the inner body of its relatives) as a client speaks it: it encodes
// requests and decodes answers, streams and errors.
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

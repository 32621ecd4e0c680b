// Package gemini is the codec of the Gemini API (generativelanguage v1beta,
// and the inner body of its relatives) as a client speaks it: it encodes
// requests and decodes answers, streams and errors.
package gemini

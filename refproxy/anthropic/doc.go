// Package anthropic is the codec of the Anthropic Messages API as a server
// speaks it: it decodes requests and encodes answers, streams and errors.
//
// This version holds text conversations. What it does not understand yet is
// refused by the name of its field, never passed over.
package anthropic

// Package schema rewrites the JSON Schema of a tool as what Gemini takes of it.
// Clients send any draft, and the upstream refuses what it does not know; so
// only what is on its list is ever written. A schema goes through three steps:
//
//	text -> value -> node -> value -> text
//
// A value is JSON that keeps its order. A node is one schema position: its
// references are followed (recursion is cut at the second visit), what allOf
// adds is merged, oneOf has become anyOf, const has become enum, and null a
// mark. From a node one of two targets is written: Gemini's own Schema, or the
// part of JSON Schema that Gemini documents. What a target has no form for is
// said in the description, in at most 200 characters.
//
// The rewrite is deterministic, keeps the order of properties, and changes
// nothing in what it has written itself. It reads by position: a property may
// be called "properties", "type" or "$ref". Size and depth are bounded.
package schema

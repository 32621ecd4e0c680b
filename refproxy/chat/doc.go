// Package chat is the canonical conversation: what every dialect decodes to
// and encodes from. A dialect codec knows its own wire format and this
// package, never another codec.
//
// A request becomes a [Request]; a whole answer is a [Response]; a streamed
// answer is an iter.Seq2[Event, error] of this shape:
//
//	EventStart (EventText | EventThought | EventCall)* EventFinish
//
// or any prefix of it followed by one non-nil error, after which the sequence
// ends. Every such error is, or wraps, an [*Error]. A sequence never ends
// silently: it ends with EventFinish or with an error.
//
// Codecs share what is the same for every dialect and belongs to none: the shape
// of turns ([Conversation]), an upstream's signature in the hands of a client
// ([Signature], [JoinID]), and an answer with one call at most ([FirstCall]).
//
// Values hold no locks and are safe to share for reading.
package chat

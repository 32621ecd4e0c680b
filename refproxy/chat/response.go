package chat

import "time"

// StopReason says why an answer ended.
type StopReason uint8

// The reasons an answer ends for. The zero value means that it has not ended.
const (
	// StopEndTurn is the model's own end, a stop sequence included.
	StopEndTurn StopReason = iota + 1
	// StopMaxTokens is the caller's or the model's token limit.
	StopMaxTokens
	// StopRefusal is a refusal by the model or by a filter.
	StopRefusal
	// StopToolUse is a call, or calls, whose results the model waits for.
	StopToolUse
)

// Usage counts tokens, cumulative over the answer.
type Usage struct {
	// Input excludes Cached.
	Input int
	// Cached counts input tokens served from the upstream's cache.
	Cached int
	// Output includes Thinking.
	Output int
	// Thinking counts the reasoning tokens within Output.
	Thinking int
}

// Finish is how an answer ended.
type Finish struct {
	Stop StopReason
	// Reason is the upstream's own word for Stop, for counting.
	Reason string
	// Detail is the upstream's explanation, may be empty.
	Detail string
}

// Response is one whole answer.
type Response struct {
	// ID and Model are the upstream's; callers see their own.
	ID    string
	Model string
	// Parts in order; adjacent parts of one kind are joined.
	Parts  []Part
	Finish Finish
	Usage  Usage
	// Others are the further answers where Request.Candidates asked for them.
	Others []Candidate
}

// Candidate is one of several answers to a request.
type Candidate struct {
	Parts  []Part
	Finish Finish
}

// EventKind says what an Event reports. The zero kind is invalid.
type EventKind uint8

// The kinds of event, in the order in which a stream may hold them.
const (
	// EventStart is the first event: ID and Model.
	EventStart EventKind = iota + 1
	// EventText is a piece of visible text, in Raw if Raw is not nil, otherwise
	// in Text; never empty but beside a Signature.
	EventText
	// EventThought is a piece of reasoning text, in Text, which may be empty
	// beside a Signature.
	EventThought
	// EventCall is one whole call of a tool, in Call.
	EventCall
	// EventFinish is the last event: Finish.
	EventFinish
)

// Event is one step of a streamed answer.
type Event struct {
	Kind EventKind
	// ID and Model are the upstream's, at EventStart.
	ID, Model string
	// Text is the delta of EventText and EventThought.
	Text string
	// Raw, if not nil, is the delta of EventText as a JSON string literal with
	// its quotes, exactly as the canonical encoder would write the text.
	// It is valid only until the next event is asked for.
	Raw []byte
	// Call is the call of EventCall.
	Call *Call
	// Signature is the upstream's seal on what the event belongs to: on the
	// reasoning, the text or the call. nil for none.
	Signature *Signature
	// Usage is what is known so far, at every event and beside an error; final
	// at EventFinish.
	Usage Usage
	// Finish is set at EventFinish.
	Finish Finish
}

// Model describes one model that can be asked for.
type Model struct {
	ID          string
	DisplayName string
	Description string
	// Created is the release time, zero if unknown.
	Created time.Time
	// InputLimit and OutputLimit are in tokens, 0 if unknown.
	InputLimit, OutputLimit int
}

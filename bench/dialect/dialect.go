// Package dialect knows what a request and an answer of each API look like to
// the one who times them: it builds the request of an item and finds the first
// event, the first token, the visible text and the end in the answer's bytes.
//
// The SSE reader here is not the proxy's: a measure that shares its parser with
// what it measures hides shared faults.
package dialect

import "net/http"

// A Request is everything of an HTTP request that does not depend on the arm.
type Request struct {
	Method string
	Path   string // appended to the arm's base URL
	Header http.Header
	Body   []byte
}

// A Tag marks a request as firstbyte's: it stands at the head of the prompt,
// so that no arm profits from a prompt cache filled by another, and so that a
// simulated upstream knows which answer is asked for.
type Tag struct {
	Item       string
	Occurrence int
	Nonce      string // 16 hexadecimal digits, unique to the request
}

// Seen says what one Feed brought, as far as it can be told without decoding:
// enough for deadlines, not for results.
type Seen struct {
	Token bool // a frame that carries a token
	End   bool // the frame that ends the answer
}

// A Stream takes an answer's bytes as they come, each piece with the instant at
// which Read returned it, and is asked what they meant after the last. One
// goroutine at a time may use it.
type Stream interface {
	// Feed copies p, finds the frames that p completes and stamps them with at.
	Feed(p []byte, at int64) Seen
	// Size is the number of bytes held.
	Size() int
	// Answer decodes what came; no Feed may follow.
	Answer() Answer
}

// A Fault is what an answer of status 200 did wrong; "" if nothing. The words
// are those of the run file's outcomes.
type Fault string

// The faults, in order of precedence.
const (
	ErrorEvent   Fault = "error_event"        // the stream itself reports an error
	BadFrame     Fault = "bad_frame"          // bytes that are not the framing
	BadJSON      Fault = "bad_json"           // a frame that does not hold the API's JSON
	NoTerminator Fault = "missing_terminator" // ended without saying so
	Empty        Fault = "empty_output"       // said nothing
)

// Usage counts tokens as the API reported them.
type Usage struct {
	Input, Output, Cached int
	Reported              bool
}

// A Call is a tool that the answer wants called, with its arguments as JSON, as
// far as they came.
type Call struct{ Tool, Arguments string }

// An Answer is what a stream meant. Instants are those given to Feed; 0 was not
// reached.
type Answer struct {
	FirstEvent int64   // any event
	FirstToken int64   // text, reasoning or tool arguments
	FirstText  int64   // visible text
	Last       int64   // the last token event
	End        int64   // the terminator
	Gaps       []int64 // between successive token events
	Events     int     // token events
	Coalesced  int     // token events that came with the one before in the same Feed

	Text   string // the visible text
	Calls  []Call // tools that are to be called
	Finish string // the stop reason, in the API's word
	Usage  Usage

	Fault   Fault
	Code    string // the API's error type, if it told one
	Message string // what is wrong, in the API's words or ours
}

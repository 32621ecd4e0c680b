// Package dialect knows what a request and an answer of each API look like to
// the one who times them: it builds the request of an item and finds the first
// event, the first token, the visible text and the end in the answer's bytes.
//
// An answer goes through two stages. While it arrives, a [Stream] copies and
// frames its bytes and stamps each frame with the Read that completed it
// (framer.go); nothing is decoded, for that would delay the stamps of other
// answers. When it is over, the frames are decoded into an [Answer] (gather.go,
// and one file for each API).
//
// The readers here are not the proxy's: a measure that shares its parser with
// what it measures hides shared faults.
package dialect

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// A Dialect is an API that can be measured. Its values are safe for concurrent
// use.
type Dialect interface {
	// Name is the word for it in command lines and run files.
	Name() string
	// Request builds the request of item with tag at the head of its prompt.
	Request(item *datasets.Item, model string, tag Tag) (Request, error)
	// Authorize adds the key to a request's header.
	Authorize(header http.Header, key string)
	// Refusal reads the error envelope of an answer that is not 200; a body that
	// is something else gives nothing.
	Refusal(body []byte) (code, message string)
	// Open returns the reader of one answer of that content type, or an error
	// that says which the API has.
	Open(contentType string) (Stream, error)
}

// all lists the dialects; the first is the default.
func all() []Dialect {
	return []Dialect{Anthropic{}, OpenAIChat{}, OpenAIResponses{}, Gemini{}, HTTP{}, HTTP{Post: true}}
}

// Names lists the names of all dialects, the default one first.
func Names() []string {
	var names []string
	for _, d := range all() {
		names = append(names, d.Name())
	}
	return names
}

// ByName returns the dialect of that name.
func ByName(name string) (Dialect, error) {
	for _, d := range all() {
		if d.Name() == name {
			return d, nil
		}
	}
	return nil, fmt.Errorf("dialect %q: choose one of %s", name, strings.Join(Names(), ", "))
}

// A Request is everything of an HTTP request that does not depend on the arm.
type Request struct {
	Method string
	Path   string // appended to the arm's base URL, with its query; "" is the URL itself
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

// String returns the tag as it stands in the prompt, a space at its end.
func (t Tag) String() string {
	return fmt.Sprintf("[firstbyte item=%s occ=%d nonce=%s] ", t.Item, t.Occurrence, t.Nonce)
}

// Seen says what one Feed brought, as far as it can be told without decoding:
// enough for deadlines, not for results.
type Seen struct {
	Token bool // a frame that carries a token
	End   bool // the frame after which no token comes
}

// A Stream takes an answer's bytes as they come, each piece with the instant at
// which Read returned it, and is asked what they meant after the last. One
// goroutine at a time may use it.
type Stream interface {
	// Feed copies p, finds the frames that p completes and stamps them with at.
	Feed(p []byte, at int64) Seen
	// EOF says that the answer ended at that instant, and ended well; an answer
	// that was cut has none.
	EOF(at int64)
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

// Usage counts tokens as the API reported them, in one way for all APIs: Cached
// is a part of Input, Reasoning one of Output.
type Usage struct {
	Input, Output     int
	Cached, Reasoning int
	Reported          bool
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

	Text    string // the visible text
	Thought string // the reasoning that was shown
	Calls   []Call // tools that are to be called
	Finish  string // why it stopped, in the API's word
	Stop    string // the same in Anthropic's word, which datasets use; "" where it has none
	Usage   Usage

	Fault   Fault
	Code    string // the API's error type, if it told one
	Message string // what is wrong, in the API's words or ours
}

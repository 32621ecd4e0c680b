// Package datasets holds the prompts that load is made of, each with what a
// right answer must show and the answer that the simulated upstream gives, and
// the scenario files of that upstream (whose schema belongs to
// refproxy/fakegemini).
package datasets

import "encoding/json"

// A Kind groups items that stress a gateway in the same way.
type Kind string

// The kinds of the built-in dataset.
const (
	Short      Kind = "short"       // short question
	Review     Kind = "review"      // code review
	Long       Kind = "long"        // long context
	MultiTurn  Kind = "multi-turn"  // conversation of several turns
	NonEnglish Kind = "non-english" // other scripts and emoji, lone surrogates among them
)

// An Item is one prompt. Texts are JSON string literals, quotes included, so
// that what no Go string can hold (a lone surrogate) reaches the wire as it is.
type Item struct {
	ID        string          `json:"id"` // unique in its set: [a-z0-9-]+
	Kind      Kind            `json:"kind"`
	System    json.RawMessage `json:"system,omitempty"`
	Messages  []Message       `json:"messages"`
	MaxTokens int             `json:"max_tokens"`
	Stop      []string        `json:"stop,omitempty"`
	Expect    Expect          `json:"expect"`
	Answer    string          `json:"answer"` // what the simulated upstream says
}

// A Message is one turn; the first and the last are the user's.
type Message struct {
	Role    string          `json:"role"` // user or assistant
	Content json.RawMessage `json:"content"`
}

// Expect is what a right answer must show. Zero fields ask for nothing.
type Expect struct {
	Contains []string `json:"contains,omitempty"` // each somewhere in the text
	Pattern  string   `json:"pattern,omitempty"`  // a regular expression (RE2) that matches
	JSONKeys []string `json:"json_keys,omitempty"`
	MinChars int      `json:"min_chars,omitempty"`
	MaxChars int      `json:"max_chars,omitempty"`
	Finish   string   `json:"finish,omitempty"` // stop reason, Anthropic's word
}

// A Set is a named dataset. It is immutable and safe for concurrent use.
type Set struct {
	Name  string
	Hash  string // SHA-256 over the bytes that Items were read from, hexadecimal
	Items []Item

	byID map[string]int
}

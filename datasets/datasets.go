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
	Tools     []Tool          `json:"tools,omitempty"`
	Expect    Expect          `json:"expect"`
	Answer    string          `json:"answer"` // what the simulated upstream says
}

// A Message is one turn; the first and the last are the user's.
type Message struct {
	Role    string          `json:"role"` // user or assistant
	Content json.RawMessage `json:"content"`
}

// A Tool is a function that the model may call.
type Tool struct {
	Name        string          `json:"name"` // [a-zA-Z0-9_-]+, unique in its item
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"input_schema"` // JSON Schema of its arguments, an object
}

// Expect is what a right answer must show. Zero fields ask for nothing.
type Expect struct {
	Exact    string   `json:"exact,omitempty"`    // the whole text, white space around it apart
	Contains []string `json:"contains,omitempty"` // each somewhere in the text
	Pattern  string   `json:"pattern,omitempty"`  // a regular expression (RE2) that matches
	JSONKeys []string `json:"json_keys,omitempty"`
	// Schema is the JSON Schema of a text that is JSON, as a whole or within its
	// first code fence marked json.
	Schema json.RawMessage `json:"schema,omitempty"`
	// Call names a tool of the item that must be called. Whatever it calls must
	// be a tool of the item with arguments by the tool's schema.
	Call string `json:"call,omitempty"`
	// Similar asks for a text like the baseline's first answer to the item in the
	// run, and is met by as much as it is like it.
	Similar  bool   `json:"similar,omitempty"`
	MinChars int    `json:"min_chars,omitempty"`
	MaxChars int    `json:"max_chars,omitempty"`
	Finish   string `json:"finish,omitempty"` // stop reason, Anthropic's word
}

// A Set is a named dataset. It is immutable and safe for concurrent use.
type Set struct {
	Name  string
	Hash  string // SHA-256 over the bytes that Items were read from, hexadecimal
	Items []Item

	byID map[string]int
}

// New returns a set of items made elsewhere, each with an ID of its own. hash says
// what they were made of.
func New(name, hash string, items []Item) *Set {
	s := &Set{Name: name, Hash: hash, Items: items, byID: make(map[string]int, len(items))}
	for i := range items {
		s.byID[items[i].ID] = i
	}
	return s
}

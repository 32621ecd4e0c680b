package chat

// Role says who speaks in a turn.
type Role uint8

// The two roles of a conversation. System text is not a role, see
// Request.System.
const (
	RoleUser Role = iota + 1
	RoleModel
)

// PartKind says what a Part holds. The zero kind is invalid.
type PartKind uint8

// The kinds of part. More will follow (images, tool calls, tool results).
const (
	// PartText is visible text, in Part.Text.
	PartText PartKind = iota + 1
	// PartThought is the model's reasoning text, in Part.Text. It occurs in
	// responses only.
	PartThought
)

// Part is one piece of a turn, of the system instruction or of a response.
type Part struct {
	Kind PartKind
	Text string
}

// Text returns a text part.
func Text(s string) Part { return Part{Kind: PartText, Text: s} }

// Turn is what one speaker says before the other one speaks.
type Turn struct {
	Role  Role
	Parts []Part
}

// Field is a top-level request field that the codec does not interpret, kept
// as the raw JSON value it came with.
type Field struct {
	Name string
	Raw  []byte
}

// Metadata is what a caller said about itself. It is never sent upstream.
type Metadata struct {
	// UserID is the caller's user id, opaque; a JSON string from some clients.
	UserID string
}

// Request is one canonical request. A nil pointer or an empty slice means the
// caller did not say; codecs insert no defaults.
type Request struct {
	// Model is the model's name: the caller's after decoding; the upstream's
	// once the relay has resolved it.
	Model string
	// System is the system instruction, in order.
	System []Part
	// Turns alternate in role, start with RoleUser and are never empty.
	Turns []Turn
	// MaxTokens limits the answer; 0 means that the caller did not say.
	MaxTokens   int
	Temperature *float64
	TopP        *float64
	TopK        *int
	// Stop lists the stop sequences.
	Stop []string
	// Stream asks for a streamed answer.
	Stream   bool
	Metadata Metadata
	// ContextManagement says that the caller sent context management edits,
	// whose (empty) result it expects in the answer.
	ContextManagement bool
	// DroppedThoughts counts the reasoning parts of the history that could not
	// be carried, because another model or provider signed them.
	DroppedThoughts int
	// Unknown holds the top-level fields nobody interpreted, in order.
	Unknown []Field
}

// bytesPerToken is the usual rule of thumb for English text.
const bytesPerToken = 4

// EstimateTokens guesses the number of input tokens of r from its bytes, at
// least 1. It is a stand-in for a count, and must be marked as such.
func EstimateTokens(r Request) int {
	n := textBytes(r.System)
	for _, t := range r.Turns {
		n += textBytes(t.Parts)
	}
	return max(1, (n+bytesPerToken-1)/bytesPerToken)
}

func textBytes(parts []Part) int {
	n := 0
	for _, p := range parts {
		n += len(p.Text)
	}
	return n
}

package chat

import "slices"

// Role says who speaks in a turn.
type Role uint8

// The two roles of a conversation. System text is not a role, see
// Request.System.
const (
	RoleUser Role = iota + 1
	RoleModel
)

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
	// Turns start with RoleUser, are never empty and alternate in role, but for
	// one case: a turn of nothing but the results of all calls of the model turn
	// before it, in their order, may be followed by what else the user said.
	// [Conversation] makes this shape.
	Turns []Turn
	// Tools are what the model may call or use, in the caller's order.
	Tools  []Tool
	Choice Choice
	// Reasoning is what the caller said of thinking before the answer.
	Reasoning Reasoning
	// Format, if not nil, is what the answer must look like.
	Format *Format
	// MaxTokens limits the answer; 0 means that the caller did not say.
	MaxTokens   int
	Temperature *float64
	TopP        *float64
	TopK        *int
	Seed        *int
	// PresencePenalty and FrequencyPenalty are OpenAI's and Gemini's.
	PresencePenalty  *float64
	FrequencyPenalty *float64
	// Candidates is how many answers are asked for; 0 is one. More than one is
	// never streamed.
	Candidates int
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

// Unsigned returns r without the signatures in its turns, for an upstream that
// refuses one of them. It shares everything else with r, which stays as it is.
func (r Request) Unsigned() Request {
	turns := make([]Turn, len(r.Turns))
	for i, t := range r.Turns {
		turns[i] = Turn{t.Role, slices.Clone(t.Parts)}
		for j := range turns[i].Parts {
			turns[i].Parts[j].Signature = nil
		}
	}
	r.Turns = turns
	return r
}

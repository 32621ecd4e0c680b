package chat

// PartKind says what a Part holds. The zero kind is invalid.
type PartKind uint8

// The kinds of part.
const (
	// PartText is visible text, in Part.Text.
	PartText PartKind = iota + 1
	// PartThought is the model's reasoning, in Part.Text, which is empty where
	// only its signature is known.
	PartThought
	// PartMedia is an image, a document, sound or video, in Part.Media.
	PartMedia
	// PartCall is a call of a tool by the model, in Part.Call.
	PartCall
	// PartResult is what a call came to, in Part.Result.
	PartResult
)

// Part is one piece of a turn, of the system instruction or of a response.
// System instructions hold PartText only; PartThought and PartCall are the
// model's, PartResult the user's.
type Part struct {
	Kind PartKind
	Text string
	// Signature is the upstream's, to be given back with the part; nil for none.
	Signature *Signature
	Media     *Media
	Call      *Call
	Result    *Result
}

// Text returns a text part.
func Text(s string) Part { return Part{Kind: PartText, Text: s} }

// Media is a file within a conversation: either its bytes or where they are.
type Media struct {
	// MIME is its type, may be empty beside a URL.
	MIME string
	// Data is its content in standard base64, as it came.
	Data string
	// URL is where it is, if Data is empty.
	URL string
	// Name is the caller's name of it, may be empty.
	Name string
}

// Call is one call of a tool.
type Call struct {
	// ID is the caller's or the upstream's, without a signature ([SplitID]);
	// empty if the upstream gave none.
	ID string
	// Name is the tool's.
	Name string
	// Args is a JSON object; nil stands for {}.
	Args []byte
}

// Result answers a Call.
type Result struct {
	// ID and Name are the call's. [Conversation] fills in the name.
	ID, Name string
	// Parts are text and media, in order; none is an empty result.
	Parts []Part
	// Failed says that the tool reports an error.
	Failed bool
}

// bytesPerToken is the usual rule of thumb for English text.
const bytesPerToken = 4

// mediaTokens is what Gemini counts for a small image or a page
// (ai.google.dev/gemini-api/docs/tokens).
const mediaTokens = 258

// EstimateTokens guesses the input tokens of r, at least 1, for where nobody
// who knows can be asked.
func EstimateTokens(r Request) int {
	bytes, tokens := 0, 0
	count := func(parts []Part) {
		b, t := weigh(parts)
		bytes, tokens = bytes+b, tokens+t
	}
	count(r.System)
	for _, t := range r.Turns {
		count(t.Parts)
	}
	for _, t := range r.Tools {
		bytes += len(t.Name) + len(t.Description) + len(t.Schema)
	}
	return max(1, tokens+(bytes+bytesPerToken-1)/bytesPerToken)
}

// weigh returns the bytes of text in parts, and the tokens of what is none.
func weigh(parts []Part) (bytes, tokens int) {
	for _, p := range parts {
		bytes += len(p.Text)
		switch {
		case p.Media != nil:
			tokens += mediaTokens
		case p.Call != nil:
			bytes += len(p.Call.Name) + len(p.Call.Args)
		case p.Result != nil:
			b, t := weigh(p.Result.Parts)
			bytes, tokens = bytes+b, tokens+t
		}
	}
	return bytes, tokens
}

package chat

// ToolKind says who runs a tool. The zero kind is invalid.
type ToolKind uint8

// The kinds of tool.
const (
	// ToolFunction is the caller's own.
	ToolFunction ToolKind = iota + 1
	// ToolSearch is the upstream's search of the web.
	ToolSearch
	// ToolFetch is the upstream's reading of web pages.
	ToolFetch
	// ToolCode is the upstream's execution of code.
	ToolCode
)

// Tool is one tool that the model may call or use.
type Tool struct {
	Kind ToolKind
	// Name is the caller's; answers call the tool by it.
	Name        string
	Description string
	// Schema is the JSON Schema of a function's arguments; nil for none.
	Schema []byte
	// Blocked are domains that a search leaves out.
	Blocked []string
}

// ChoiceMode says whether the model may, must or must not call a function.
type ChoiceMode uint8

// The modes of choice; the zero value means that the caller did not say.
const (
	ChoiceUnset ChoiceMode = iota
	ChoiceAuto
	// ChoiceAny demands a call of some function, or of Choice.Names if there
	// are any.
	ChoiceAny
	ChoiceNone
)

// Choice is the caller's wish for calls.
type Choice struct {
	Mode ChoiceMode
	// Names limits ChoiceAny to these functions.
	Names []string
	// Single asks for at most one call in an answer. No upstream has a switch
	// for it: see [FirstCall].
	Single bool
}

// Effort is how much thought an answer should take; the zero value means that
// the caller did not say.
type Effort uint8

// The efforts, from no thought at all, or as little as the model can, upwards.
const (
	EffortUnset Effort = iota
	EffortNone
	EffortMinimal
	EffortLow
	EffortMedium
	EffortHigh
	EffortMax
)

// ReasoningMode says how the amount of reasoning was asked for.
type ReasoningMode uint8

// The modes of reasoning; the zero value means that the caller did not say.
const (
	ReasoningUnset ReasoningMode = iota
	ReasoningOff
	// ReasoningBudget allows Reasoning.Budget tokens.
	ReasoningBudget
	// ReasoningDynamic leaves the amount to the model, within Effort.
	ReasoningDynamic
)

// Reasoning is what a caller said of thinking before the answer. An explicit
// Mode goes before Effort.
type Reasoning struct {
	Mode   ReasoningMode
	Budget int
	Effort Effort
	// Show asks for the reasoning's text in the answer.
	Show bool
}

// Format is what an answer must look like: JSON, by Schema if that is not nil.
type Format struct {
	// Name is the caller's of the schema, may be empty.
	Name   string
	Schema []byte
}

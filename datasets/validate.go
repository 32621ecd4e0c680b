package datasets

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// word is what ids and kinds are made of: they become file names, headers and
// labels without quoting.
var word = regexp.MustCompile(`^[a-z0-9-]+$`)

// finishes are the stop reasons of the Anthropic API.
var finishes = []string{
	"end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn",
	"refusal", "model_context_window_exceeded",
}

// problems returns everything wrong with the item by itself.
func (it *Item) problems() []error {
	var all []error
	if !word.MatchString(it.ID) {
		all = append(all, fmt.Errorf("id %q: use lower-case letters, digits and hyphens", it.ID))
	}
	if !word.MatchString(string(it.Kind)) {
		all = append(all, fmt.Errorf("kind %q: use lower-case letters, digits and hyphens", it.Kind))
	}
	if it.System != nil {
		if err := checkText(it.System); err != nil {
			all = append(all, fmt.Errorf("system %w", err))
		}
	}
	all = append(all, messageProblems(it.Messages)...)
	if it.MaxTokens < 1 {
		all = append(all, fmt.Errorf("max_tokens is %d: it must be at least 1", it.MaxTokens))
	}
	for i, stop := range it.Stop {
		if strings.TrimSpace(stop) == "" {
			all = append(all, fmt.Errorf("stop[%d] is blank: a stop sequence needs a visible character", i))
		}
	}
	all = append(all, toolProblems(it.Tools)...)
	if call := it.Expect.Call; call != "" && !slices.ContainsFunc(it.Tools, func(t Tool) bool { return t.Name == call }) {
		all = append(all, fmt.Errorf("expect.call is %q: the item has no such tool", call))
	}
	return append(all, it.Expect.problems()...)
}

// toolName is what providers accept.
var toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

func toolProblems(tools []Tool) []error {
	var all []error
	seen := map[string]bool{}
	for i, t := range tools {
		if !toolName.MatchString(t.Name) {
			all = append(all, fmt.Errorf("tools[%d].name %q: use letters, digits, _ and -", i, t.Name))
		}
		if seen[t.Name] {
			all = append(all, fmt.Errorf("tools[%d].name %q stands twice", i, t.Name))
		}
		seen[t.Name] = true
		if !isObject(t.Schema) {
			all = append(all, fmt.Errorf("tools[%d].input_schema is no object: write the JSON Schema of its arguments", i))
		}
	}
	return all
}

// isObject tells whether raw, which is valid JSON or empty, is an object.
func isObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }

func messageProblems(messages []Message) []error {
	if len(messages) == 0 {
		return []error{errors.New("messages is empty: an item needs at least one turn of the user")}
	}
	var all []error
	for i, m := range messages {
		if m.Role != "user" && m.Role != "assistant" {
			all = append(all, fmt.Errorf(`messages[%d].role is %q: it must be "user" or "assistant"`, i, m.Role))
		}
		if err := checkText(m.Content); err != nil {
			all = append(all, fmt.Errorf("messages[%d].content %w", i, err))
		}
	}
	if first := messages[0].Role; first == "assistant" {
		all = append(all, errors.New("messages[0] is the assistant's: the first turn must be the user's"))
	}
	if last := len(messages) - 1; last > 0 && messages[last].Role == "assistant" {
		all = append(all, fmt.Errorf("messages[%d] is the assistant's: the last turn must be the user's", last))
	}
	return all
}

// checkText reports whether raw is the literal of a string with something in
// it. The decoder has already seen that raw is valid JSON.
func checkText(raw json.RawMessage) error {
	switch {
	case len(raw) == 0:
		return errors.New("is missing: it must be a string")
	case raw[0] != '"':
		return errors.New("is not a string: content blocks are not supported in datasets")
	case len(raw) == len(`""`):
		return errors.New("is empty: providers refuse empty text")
	}
	return nil
}

func (e *Expect) problems() []error {
	var all []error
	if slices.Contains(e.Contains, "") {
		all = append(all, errors.New("expect.contains has an empty string, which every text contains: remove it"))
	}
	if _, err := syntax.Parse(e.Pattern, syntax.Perl); err != nil {
		all = append(all, fmt.Errorf("expect.pattern %q is not a regular expression of RE2: %w", e.Pattern, reason(err)))
	}
	if len(e.Schema) > 0 && !isObject(e.Schema) {
		all = append(all, errors.New("expect.schema is no object: write a JSON Schema"))
	}
	if slices.Contains(e.JSONKeys, "") {
		all = append(all, errors.New("expect.json_keys has an empty key: remove it"))
	}
	if e.MinChars < 0 || e.MaxChars < 0 {
		all = append(all, fmt.Errorf("expect.min_chars %d, max_chars %d: neither may be negative", e.MinChars, e.MaxChars))
	}
	if e.MaxChars > 0 && e.MinChars > e.MaxChars {
		all = append(all, fmt.Errorf("expect.min_chars %d is above max_chars %d: no text can meet both", e.MinChars, e.MaxChars))
	}
	if e.Finish != "" && !slices.Contains(finishes, e.Finish) {
		all = append(all, fmt.Errorf("expect.finish is %q: it must be one of %s", e.Finish, strings.Join(finishes, ", ")))
	}
	return all
}

// reason is what is wrong with a pattern without the pattern itself, which may
// hold line ends.
func reason(err error) error {
	if broken, ok := errors.AsType[*syntax.Error](err); ok {
		return errors.New(broken.Code.String())
	}
	return err
}

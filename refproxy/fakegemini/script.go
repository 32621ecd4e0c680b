package fakegemini

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Script says word for word what the model answers in one conversation. The
// package documentation explains when a script is taken, and each key.
type Script struct {
	When  string `yaml:"when"`  // stands in the newest text of the user's; empty matches everything
	Steps []Step `yaml:"steps"` // one per turn of results after that text, from none
}

// A Step is one answer of a script.
type Step struct {
	Parts  []ScriptPart `yaml:"parts"`
	Finish string       `yaml:"finish"` // Gemini's word; empty means STOP
	Usage  ScriptUsage  `yaml:"usage"`
	Fault  *StepFault   `yaml:"fault"`
}

// A ScriptPart is one part of an answer: one of its fields is set, beside the
// two that say more about it.
type ScriptPart struct {
	Text          string      `yaml:"text"`
	Thought       string      `yaml:"thought"` // sent only to requests that ask for thoughts
	Unsigned      bool        `yaml:"unsigned"`
	Call          *ScriptCall `yaml:"call"`
	SignatureOnly bool        `yaml:"signature_only"` // an empty text that carries a signature
	Code          string      `yaml:"code"`           // Python
	Output        *string     `yaml:"output"`         // what the code printed; absent: no result
}

// A ScriptCall calls a function, by its name or by a part of it.
type ScriptCall struct {
	ID       string         `yaml:"id"` // empty: the call has none
	Name     string         `yaml:"name"`
	NameLike string         `yaml:"name_like"` // the first declared function whose name contains it
	Args     map[string]any `yaml:"args"`
}

// ScriptUsage is what of the usage a text does not show.
type ScriptUsage struct {
	Cached   int `yaml:"cached"`   // tokens of the prompt
	Thoughts int `yaml:"thoughts"` // tokens; 0 counts the thoughts' characters
}

// A StepFault refuses the first attempts of a step.
type StepFault struct {
	Status     int           `yaml:"status"`
	RetryDelay time.Duration `yaml:"retry_delay"` // what RetryInfo says; 0: there is none
	Times      int           `yaml:"times"`       // attempts refused, counted by arm
	RetryAfter time.Duration `yaml:"retry_after"` // of the header field, whole seconds; 0: there is none
	Message    string        `yaml:"message"`     // empty: words for the status
	Word       string        `yaml:"word"`        // Google's status, such as FAILED_PRECONDITION; empty: the usual one

	Reason   string            `yaml:"reason"`   // of ErrorInfo; empty: there is none
	Metadata map[string]string `yaml:"metadata"` // beside it
	QuotaID  string            `yaml:"quota_id"` // of QuotaFailure; empty: there is none
	Help     string            `yaml:"help"`     // URL of Help; empty: there is none
}

// validateScripts reports every script that cannot be played.
func (s Scenario) validateScripts() error {
	var problems []error
	for i, script := range s.Scripts {
		at := fmt.Sprintf("scripts[%d]", i)
		problems = append(problems, check(len(script.Steps) > 0, at+".steps must not be empty"))
		for j, step := range script.Steps {
			problems = append(problems, step.validate(fmt.Sprintf("%s.steps[%d]", at, j)))
		}
		if script.When == "" && i < len(s.Scripts)-1 {
			problems = append(problems, fmt.Errorf("%s matches everything: the scripts after it are never taken", at))
		}
	}
	return errors.Join(problems...)
}

func (s Step) validate(at string) error {
	problems := []error{
		check(len(s.Parts) > 0 || s.Finish != "", at+" needs parts, or finish if the answer has none"),
		check(s.Finish == "" || slices.Contains(finishReasons, s.Finish),
			fmt.Sprintf("%s.finish: %q is none of %s", at, s.Finish, strings.Join(finishReasons, ", "))),
		check(s.Usage.Cached >= 0 && s.Usage.Thoughts >= 0, at+".usage must not be negative"),
		s.Fault.validate(at + ".fault"),
	}
	called := false
	for i, part := range s.Parts {
		where := fmt.Sprintf("%s.parts[%d]", at, i)
		problems = append(problems, part.validate(where),
			check(part.Call == nil || !part.Unsigned || called, where+".unsigned: the first call has the signature of all"))
		called = called || part.Call != nil
	}
	return errors.Join(problems...)
}

// speaks says whether the signature of the i-th part, a call, speaks for one
// that comes after it.
func (s Step) speaks(i int) bool {
	return slices.ContainsFunc(s.Parts[i+1:], func(p ScriptPart) bool { return p.Call != nil && p.Unsigned })
}

// finishReasons are Gemini's, by the published types.
var finishReasons = []string{
	"STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
	"MALFORMED_FUNCTION_CALL", "IMAGE_SAFETY", "UNEXPECTED_TOOL_CALL", "IMAGE_PROHIBITED_CONTENT", "NO_IMAGE",
	"IMAGE_RECITATION", "IMAGE_OTHER", "CONTINUATION", "TOO_MANY_TOOL_CALLS",
}

func (p ScriptPart) validate(at string) error {
	set := 0
	for _, is := range []bool{p.Text != "", p.Thought != "", p.Call != nil, p.SignatureOnly, p.Code != ""} {
		if is {
			set++
		}
	}
	return errors.Join(
		check(set == 1, at+" must have one of text, thought, call, signature_only and code"),
		check(!p.Unsigned || p.Thought != "" || p.Call != nil, at+".unsigned is for thoughts and calls"),
		check(p.Output == nil || p.Code != "", at+".output is for code"),
		p.Call.validate(at+".call"),
	)
}

func (c *ScriptCall) validate(at string) error {
	if c == nil {
		return nil
	}
	_, err := json.Marshal(c.Args)
	return errors.Join(
		check((c.Name == "") != (c.NameLike == ""), at+" must have one of name and name_like"),
		check(err == nil, at+".args: not all of it can stand in JSON"),
	)
}

func (f *StepFault) validate(at string) error {
	if f == nil {
		return nil
	}
	return errors.Join(
		check(f.Status >= 400 && f.Status <= 599, at+".status must be 400 to 599"),
		check(f.Times >= 1, at+".times must be at least 1"),
		check(f.RetryDelay >= 0, at+".retry_delay must not be negative"),
		check(f.RetryAfter >= 0 && f.RetryAfter%time.Second == 0, at+".retry_after must be whole seconds"),
		check(f.Reason != "" || f.Metadata == nil, at+".metadata stands beside reason"),
	)
}

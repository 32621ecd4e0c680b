// Package quality scores an answer against what its item expects: the share of
// the stated expectations that the answer meets. A [Checker] goes by the item
// alone; a [Scorer] goes by the other answers of the run too, where the item
// asks for likeness to them.
//
// It looks at what a change of a gateway can spoil (a lost chunk, a truncated
// or garbled text, a wrong finish reason), not at how good a model's prose is.
package quality

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// A Score says how much of what was expected an answer shows.
type Score struct {
	Value  float64  // share of the stated expectations that are met, in [0,1]
	Missed []string // those that are not, for people to read; nil when all are met
}

// A Checker scores answers to the items of one dataset. It is immutable and
// safe for concurrent use.
type Checker struct {
	rules map[string]rules
}

// NewChecker compiles the expectations of every item of the set. It fails on a
// schema that is none, and on a pattern that is no regular expression, which a
// set that was read by package datasets does not have.
func NewChecker(set *datasets.Set) (*Checker, error) {
	c := &Checker{rules: make(map[string]rules, len(set.Items))}
	for _, item := range set.Items {
		r, err := compile(item.Expect, item.Tools)
		if err != nil {
			return nil, fmt.Errorf("item %s: %w", item.ID, err)
		}
		c.rules[item.ID] = r
	}
	return c, nil
}

// An Answer is what there is to score.
type Answer struct {
	Text   string // the visible text
	Finish string // Anthropic's word
	Calls  []Call
}

// A Call is a tool that the answer wants called, with its arguments as JSON.
type Call struct{ Tool, Arguments string }

// Check scores an answer. ok is false where there is nothing to score by: the
// set does not have the item, or the item expects nothing.
//
// An expected likeness is left out: it needs a [Scorer].
func (c *Checker) Check(itemID string, a Answer) (score Score, ok bool) {
	return c.check(itemID, a).score()
}

// check counts what the item alone asks for.
func (c *Checker) check(itemID string, a Answer) tally {
	r, known := c.rules[itemID]
	if !known {
		return tally{}
	}
	return r.check(a)
}

// rules are compiled expectations.
type rules struct {
	expect  datasets.Expect
	pattern *regexp.Regexp                // nil without a pattern
	schema  *jsonschema.Schema            // nil without a schema
	tools   map[string]*jsonschema.Schema // of the arguments of each
}

func compile(expect datasets.Expect, tools []datasets.Tool) (rules, error) {
	r := rules{expect: expect, tools: map[string]*jsonschema.Schema{}}
	var err error
	if expect.Pattern != "" {
		if r.pattern, err = regexp.Compile(expect.Pattern); err != nil {
			return r, fmt.Errorf("expect.pattern: %w", err)
		}
	}
	if len(expect.Schema) > 0 {
		if r.schema, err = compileSchema(expect.Schema); err != nil {
			return r, fmt.Errorf("expect.schema: %w", err)
		}
	}
	for _, t := range tools {
		if r.tools[t.Name], err = compileSchema(t.Schema); err != nil {
			return r, fmt.Errorf("tool %s: %w", t.Name, err)
		}
	}
	return r, nil
}

func (r *rules) check(a Answer) tally {
	var t tally
	if want := strings.TrimSpace(r.expect.Exact); want != "" {
		t.want(strings.TrimSpace(a.Text) == want, "is not %q", want)
	}
	r.checkWords(&t, a.Text)
	r.checkKeys(&t, a.Text)
	if r.schema != nil {
		problem := validate(r.schema, a.Text)
		t.want(problem == "", "is not by its schema: %s", problem)
	}
	r.checkLength(&t, a.Text)
	r.checkCalls(&t, a.Calls)
	if want := r.expect.Finish; want != "" {
		t.want(a.Finish == want, "finish reason is %q, not %q", a.Finish, want)
	}
	return t
}

// checkCalls states one expectation for the tool that must be called, and one
// for each call that was made.
func (r *rules) checkCalls(t *tally, calls []Call) {
	if want := r.expect.Call; want != "" {
		t.want(slices.ContainsFunc(calls, func(c Call) bool { return c.Tool == want }), "does not call %s", want)
	}
	if len(r.tools) == 0 {
		return
	}
	for _, call := range calls {
		schema, known := r.tools[call.Tool]
		if !known {
			t.want(false, "calls %q, which is no tool of the item", call.Tool)
			continue
		}
		problem := validate(schema, call.Arguments)
		t.want(problem == "", "calls %s with arguments that are not by its schema: %s", call.Tool, problem)
	}
}

func (r *rules) checkWords(t *tally, text string) {
	for _, want := range r.expect.Contains {
		t.want(strings.Contains(text, want), "does not contain %q", want)
	}
	if r.pattern != nil {
		t.want(r.pattern.MatchString(text), "does not match %s", r.pattern)
	}
}

func (r *rules) checkKeys(t *tally, text string) {
	if len(r.expect.JSONKeys) == 0 {
		return
	}
	object, err := parseObject(text)
	for _, key := range r.expect.JSONKeys {
		if err != nil {
			t.want(false, "key %q: not a JSON object: %v", key, err)
			continue
		}
		_, has := object[key]
		t.want(has, "JSON object has no key %q", key)
	}
}

func (r *rules) checkLength(t *tally, text string) {
	n := utf8.RuneCountInString(text)
	if least := r.expect.MinChars; least > 0 {
		t.want(n >= least, "%d characters, fewer than %d", n, least)
	}
	if most := r.expect.MaxChars; most > 0 {
		t.want(n <= most, "%d characters, more than %d", n, most)
	}
}

// parseObject reads text as a JSON object, as a whole or fenced.
func parseObject(text string) (map[string]json.RawMessage, error) {
	object, err := unmarshalObject(text)
	if err == nil {
		return object, nil
	}
	if inside, found := fenced(text); found {
		return unmarshalObject(inside)
	}
	return nil, err
}

// fenced returns what stands within the first code fence marked json, where
// models like to put it.
func fenced(text string) (inside string, found bool) {
	_, rest, found := strings.Cut(text, "```json\n")
	inside, _, _ = strings.Cut(rest, "```")
	return inside, found
}

func unmarshalObject(text string) (map[string]json.RawMessage, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, errors.New("it is null")
	}
	return object, nil
}

// A tally counts expectations as they are checked.
type tally struct {
	stated int
	met    float64 // of stated; a likeness is met in part
	missed []string
}

// want counts one expectation; format and args say what is wrong if not met.
func (t *tally) want(met bool, format string, args ...any) {
	t.stated++
	if met {
		t.met++
		return
	}
	t.missed = append(t.missed, fmt.Sprintf(format, args...))
}

// like counts the expectation of likeness, which is met by as much as x says.
func (t *tally) like(x float64) {
	t.stated++
	t.met += x
	if x < 1 {
		t.missed = append(t.missed, fmt.Sprintf("is like the reference by %.2f", x))
	}
}

func (t tally) score() (Score, bool) {
	if t.stated == 0 {
		return Score{}, false
	}
	return Score{
		Value:  t.met / float64(t.stated),
		Missed: t.missed,
	}, true
}

// Package quality scores an answer against what its item expects: the share of
// the stated expectations that the answer meets.
//
// It looks at what a change of a gateway can spoil (a lost chunk, a truncated
// or garbled text, a wrong finish reason), not at how good a model's prose is.
package quality

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

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
// pattern that is no regular expression, which a set that was read by package
// datasets does not have.
func NewChecker(set *datasets.Set) (*Checker, error) {
	c := &Checker{rules: make(map[string]rules, len(set.Items))}
	for _, item := range set.Items {
		r, err := compile(item.Expect)
		if err != nil {
			return nil, fmt.Errorf("item %s: %w", item.ID, err)
		}
		c.rules[item.ID] = r
	}
	return c, nil
}

// Check scores the visible text of an answer and its finish reason, in
// Anthropic's words. ok is false where there is nothing to score by: the set
// does not have the item, or the item expects nothing.
func (c *Checker) Check(itemID, text, finish string) (score Score, ok bool) {
	r, known := c.rules[itemID]
	if !known {
		return Score{}, false
	}
	return r.check(text, finish)
}

// Check scores one answer by one expectation; ok is false for an empty one. A
// pattern that is no regular expression counts as missed. Use a Checker for
// more than a few answers: it compiles patterns once.
func Check(expect datasets.Expect, text, finish string) (score Score, ok bool) {
	r, err := compile(expect)
	if err != nil {
		r.broken = err
	}
	return r.check(text, finish)
}

// rules are compiled expectations.
type rules struct {
	expect  datasets.Expect
	pattern *regexp.Regexp // nil without a pattern
	broken  error          // the pattern is no regular expression
}

func compile(expect datasets.Expect) (rules, error) {
	r := rules{expect: expect}
	if expect.Pattern == "" {
		return r, nil
	}
	pattern, err := regexp.Compile(expect.Pattern)
	if err != nil {
		return r, fmt.Errorf("expect.pattern: %w", err)
	}
	r.pattern = pattern
	return r, nil
}

func (r *rules) check(text, finish string) (Score, bool) {
	var t tally
	r.checkWords(&t, text)
	r.checkKeys(&t, text)
	r.checkLength(&t, text)
	if want := r.expect.Finish; want != "" {
		t.want(finish == want, "finish reason is %q, not %q", finish, want)
	}
	return t.score()
}

func (r *rules) checkWords(t *tally, text string) {
	for _, want := range r.expect.Contains {
		t.want(strings.Contains(text, want), "does not contain %q", want)
	}
	if r.broken != nil {
		t.want(false, "%v", r.broken)
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

// parseObject reads text as a JSON object, as a whole or within the first code
// fence marked json, where models like to put it.
func parseObject(text string) (map[string]json.RawMessage, error) {
	object, err := unmarshalObject(text)
	if err == nil {
		return object, nil
	}
	if _, rest, found := strings.Cut(text, "```json\n"); found {
		inside, _, _ := strings.Cut(rest, "```")
		return unmarshalObject(inside)
	}
	return nil, err
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
	missed []string
}

// want counts one expectation; format and args say what is wrong if not met.
func (t *tally) want(met bool, format string, args ...any) {
	t.stated++
	if !met {
		t.missed = append(t.missed, fmt.Sprintf(format, args...))
	}
}

func (t *tally) score() (Score, bool) {
	if t.stated == 0 {
		return Score{}, false
	}
	return Score{
		Value:  float64(t.stated-len(t.missed)) / float64(t.stated),
		Missed: t.missed,
	}, true
}

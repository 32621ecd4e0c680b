package fakegemini

import (
	"slices"
	"strings"
)

// A talk is what a script needs to know of a request: who said what, in order,
// and which functions may be called.
type talk struct {
	turns     []turn
	functions []string // declared, and allowed if the request names some
	thoughts  bool     // the request asks for them
}

// A turn is one content.
type turn struct {
	user    bool
	text    string // of all parts
	results bool   // it is made of results
}

// readTalk takes a talk from a body that was checked.
func readTalk(body node) talk {
	var t talk
	contents, _ := body.get("contents")
	for _, content := range contents.items {
		t.turns = append(t.turns, readTurn(content))
	}
	t.functions = functionsOf(body)
	config, _ := body.get("generationConfig")
	thinking, _ := config.get("thinkingConfig")
	include, _ := thinking.get("includeThoughts")
	t.thoughts = include.truth
	return t
}

func readTurn(content node) turn {
	role, _ := content.get("role")
	parts, _ := content.get("parts")
	var texts []string
	for _, part := range parts.items {
		if text, ok := part.get("text"); ok {
			texts = append(texts, text.text)
		}
	}
	return turn{
		user:    role.text == "user",
		text:    strings.Join(texts, "\n"),
		results: len(dataOf(content, "functionResponse")) > 0,
	}
}

// functionsOf lists the declared functions that may be called, in order.
func functionsOf(body node) []string {
	config, _ := body.get("toolConfig")
	calling, _ := config.get("functionCallingConfig")
	allowed, restricted := calling.get("allowedFunctionNames")
	return slices.DeleteFunc(declared(body), func(name string) bool {
		return restricted && !slices.ContainsFunc(allowed.items, func(n node) bool { return n.text == name })
	})
}

// A cue is a place in a script.
type cue struct{ script, step int }

// find returns the first script that fits the user's newest text, and how many
// turns of results came after it. What a client adds behind results is no new
// text of the user's unless a script waits for it by name.
func (t talk) find(scripts []Script) (cue, bool) {
	results := 0
	for i := len(t.turns) - 1; i >= 0; i-- {
		turn := t.turns[i]
		if turn.results {
			results++
		}
		if !turn.user || turn.results || turn.text == "" {
			continue
		}
		added := i > 0 && t.turns[i-1].results
		at := slices.IndexFunc(scripts, func(s Script) bool {
			return strings.Contains(turn.text, s.When) && (s.When != "" || !added)
		})
		if at >= 0 {
			return cue{at, results}, results < len(scripts[at].Steps)
		}
		if !added {
			break
		}
	}
	return cue{}, false
}

// function returns the first function that may be called whose name contains
// the text.
func (t talk) function(like string) (string, bool) {
	at := slices.IndexFunc(t.functions, func(name string) bool { return strings.Contains(name, like) })
	if at < 0 {
		return "", false
	}
	return t.functions[at], true
}

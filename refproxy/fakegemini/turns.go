package fakegemini

import "strconv"

// checkTurns wants every turn of calls followed by one content of the user's
// that answers them: one result for each call, in the calls' order, and nothing
// else in it. Results that answer nothing are refused as well.
func checkTurns(r *reading, path string, contents []node) {
	var calls []node
	for i, content := range contents {
		where := path + "[" + strconv.Itoa(i) + "]"
		results := dataOf(content, "functionResponse")
		parts, _ := content.get("parts")
		switch {
		case len(calls) > 0 && (len(results) != len(calls) || len(parts.items) != len(calls)):
			r.refuse(where, "%s: the number of function response parts must be equal to the number of function call parts of the function call turn (%d).", where, len(calls))
		case len(calls) > 0:
			checkOrder(r, where, calls, results)
		case len(results) > 0:
			r.refuse(where, "%s: a function response turn must come immediately after a function call turn.", where)
		}
		calls = dataOf(content, "functionCall")
		checkSpeaker(r, where, content, len(calls), len(results))
	}
	if last := path + "[" + strconv.Itoa(len(contents)-1) + "]"; len(calls) > 0 {
		r.refuse(last, "%s: a function call turn must be followed by a function response turn.", last)
	}
}

// checkOrder compares names, and ids where both have one.
func checkOrder(r *reading, where string, calls, results []node) {
	for i, call := range calls {
		name, _ := call.get("name")
		answers, _ := results[i].get("name")
		id, hasID := call.get("id")
		of, ofID := results[i].get("id")
		at := where + ".parts[" + strconv.Itoa(i) + "].functionResponse"
		switch {
		case name.text != answers.text:
			r.refuse(at+".name", "%s.name: %q answers the call of %q: function responses must be in the order of the calls.", at, answers.text, name.text)
		case hasID && ofID && id.text != of.text:
			r.refuse(at+".id", "%s.id: %q answers call %q: function responses must be in the order of the calls.", at, of.text, id.text)
		}
	}
}

// checkSpeaker leaves calls to the model and results to the user.
func checkSpeaker(r *reading, where string, content node, calls, results int) {
	role, _ := content.get("role")
	if calls > 0 && role.text != "model" {
		r.refuse(where+".role", "%s.role: function calls are the model's.", where)
	}
	if results > 0 && role.text != "user" {
		r.refuse(where+".role", "%s.role: function responses are the user's.", where)
	}
}

// dataOf returns what the content's parts hold of one kind.
func dataOf(content node, name string) []node {
	parts, _ := content.get("parts")
	var found []node
	for _, part := range parts.items {
		if value, ok := part.get(name); ok {
			found = append(found, value)
		}
	}
	return found
}

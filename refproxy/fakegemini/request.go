package fakegemini

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A request is what the upstream needs to know of a body that it accepted.
type request struct {
	tag          tag
	tagged       bool
	contents     []string // texts of the contents, the tag taken off
	promptTokens int      // without the tag, so that it is the same in every arm
	limits       limits
	talk         talk
	seals        node // the contents, whose signatures are to be checked
}

// decodeGenerate reads the body of generateContent.
func decodeGenerate(f form, body []byte) (request, []violation) {
	return decode(f, body, func(r *reading, root node) node {
		checkGenerate(r, "", root)
		return root
	})
}

// decodeCount reads the body of countTokens: contents alone, or a whole request
// beside the model's name.
func decodeCount(f form, body []byte) (request, []violation) {
	return decode(f, body, func(r *reading, root node) node {
		inner, whole := root.get("generateContentRequest")
		if !whole {
			contentsOnly.check(r, "", root)
			r.need("", root, "contents")
			return root
		}
		fields{"generateContentRequest": checkCounted}.check(r, "", root)
		return inner
	})
}

func decode(f form, body []byte, check func(*reading, node) node) (request, []violation) {
	root, err := parseTree(body)
	if err != nil {
		return request{}, []violation{{"", "Invalid JSON payload received. " + err.Error()}}
	}
	r := &reading{form: f}
	inner := check(r, root)
	if len(r.violations) > 0 {
		return request{}, r.violations
	}
	return readRequest(inner), nil
}

// readRequest takes what is needed from a tree that was checked.
func readRequest(root node) request {
	var req request
	system := firstTexts(root, "systemInstruction")
	contents := firstTexts(root, "contents")
	if !req.takeTag(system) {
		req.takeTag(contents)
	}
	if req.tagged && req.tag.occ == 0 { // names no request: that tag ends the last text
		req.takeLastTag(contents)
	}
	req.contents = contents
	chars := 0
	for _, text := range append(system, contents...) {
		chars += utf8.RuneCountInString(text)
	}
	req.promptTokens = tokens(chars)
	req.limits = readLimits(root)
	req.talk = readTalk(root)
	req.seals, _ = root.get("contents")
	return req
}

// takeTag cuts the tag off the very first text.
func (req *request) takeTag(texts []string) bool {
	if len(texts) == 0 {
		return false
	}
	req.tag, texts[0], req.tagged = cutTag(texts[0])
	return req.tagged
}

// takeLastTag cuts the tag off the end of the last text.
func (req *request) takeLastTag(texts []string) {
	last := len(texts) - 1
	if last < 0 {
		return
	}
	at := strings.LastIndex(texts[last], " "+tagHead)
	if at < 0 {
		return
	}
	if own, rest, ok := cutTag(texts[last][at+1:] + " "); ok && rest == "" {
		req.tag, texts[last] = own, texts[last][:at]
	}
}

// firstTexts returns the texts of all parts of a content or of a list of them.
// The first entry is that of the very first part, "" if it has no text.
func firstTexts(root node, name string) []string {
	value, _ := root.get(name)
	if value.kind == kindObject {
		value = node{items: []node{value}}
	}
	var texts []string
	for _, content := range value.items {
		parts, _ := content.get("parts")
		for _, part := range parts.items {
			text, _ := part.get("text")
			texts = append(texts, text.text)
		}
	}
	return texts
}

func readLimits(root node) limits {
	var lim limits
	config, _ := root.get("generationConfig")
	if most, ok := config.get("maxOutputTokens"); ok {
		lim.maxTokens, _ = strconv.Atoi(most.text) // its shape was checked
	}
	stops, _ := config.get("stopSequences")
	for _, stop := range stops.items {
		lim.stops = append(lim.stops, stop.text)
	}
	return lim
}

// refusal words the violations as the server's message: one line each.
func refusal(violations []violation) string {
	lines := make([]string, len(violations))
	for i, v := range violations {
		lines[i] = v.Description
	}
	return strings.Join(lines, "\n")
}

package fakegemini

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A violation is one field that is not as Gemini wants it.
type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

// A reading collects the violations of one body. Only the first few are kept.
type reading struct {
	form       form
	violations []violation
}

// A form is what of a request decides which fields it may have.
type form struct {
	model  string
	vertex bool // the body is Vertex AI's
}

const maxViolations = 10

func (r *reading) refuse(path, format string, args ...any) {
	if len(r.violations) < maxViolations {
		r.violations = append(r.violations, violation{path, fmt.Sprintf(format, args...)})
	}
}

// A shape checks one value at its path.
type shape func(r *reading, path string, n node)

// is refuses any other kind and says whether the kind is right.
func (r *reading) is(kind nodeKind, path string, n node) bool {
	if n.kind != kind {
		r.refuse(path, "Invalid value at '%s': must be %s, is %s.", path, kind, n.kind)
	}
	return n.kind == kind
}

func anything(*reading, string, node) {}

func kindShape(kind nodeKind) shape {
	return func(r *reading, path string, n node) { r.is(kind, path, n) }
}

func integer(low, high int64) shape {
	return func(r *reading, path string, n node) {
		if !r.is(kindNumber, path, n) {
			return
		}
		value, err := strconv.ParseInt(n.text, 10, 64)
		if err != nil || value < low || value > high {
			r.refuse(path, "Invalid value at '%s': %s is not a whole number from %d to %d.", path, n.text, low, high)
		}
	}
}

func number(low, high float64) shape {
	return func(r *reading, path string, n node) {
		if !r.is(kindNumber, path, n) {
			return
		}
		value, err := strconv.ParseFloat(n.text, 64)
		if err != nil || value < low || value > high {
			r.refuse(path, "Invalid value at '%s': %s is not from %g to %g.", path, n.text, low, high)
		}
	}
}

func oneOf(names ...string) shape {
	return func(r *reading, path string, n node) {
		if r.is(kindString, path, n) && !slices.Contains(names, n.text) {
			r.refuse(path, "Invalid value at '%s': %q, must be one of %s.", path, n.text, strings.Join(names, ", "))
		}
	}
}

func filled(r *reading, path string, n node) {
	if r.is(kindString, path, n) && n.text == "" {
		r.refuse(path, "%s: must not be empty.", path)
	}
}

// list checks an array of so many items, each of one shape. At most 0 means no limit.
func list(atLeast, atMost int, item shape) shape {
	return func(r *reading, path string, n node) {
		if !r.is(kindArray, path, n) {
			return
		}
		if len(n.items) < atLeast {
			r.refuse(path, "%s: must not be empty.", path)
		}
		if atMost > 0 && len(n.items) > atMost {
			r.refuse(path, "%s: holds %d items, at most %d are allowed.", path, len(n.items), atMost)
		}
		for i, value := range n.items {
			item(r, path+"["+strconv.Itoa(i)+"]", value)
		}
	}
}

// dictionary checks an object of any names and values of one shape.
func dictionary(value shape) shape {
	return func(r *reading, path string, n node) {
		if r.is(kindObject, path, n) {
			for _, m := range n.members {
				value(r, join(path, m.name), m.value)
			}
		}
	}
}

// fields checks an object of known names; each may come once.
type fields map[string]shape

func (f fields) check(r *reading, path string, n node) {
	if !r.is(kindObject, path, n) {
		return
	}
	for i, m := range n.members {
		want, known := f[m.name]
		switch {
		case !known:
			r.refuse(join(path, m.name), "Invalid JSON payload received. Unknown name %q%s: Cannot find field.", m.name, at(path))
		case slices.ContainsFunc(n.members[:i], func(before member) bool { return before.name == m.name }):
			r.refuse(join(path, m.name), "Invalid JSON payload received. Name %q%s comes twice.", m.name, at(path))
		default:
			want(r, join(path, m.name), m.value)
		}
	}
}

func (r *reading) need(path string, n node, name string) {
	if _, ok := n.get(name); !ok && n.kind == kindObject {
		r.refuse(join(path, name), "%s: is required.", join(path, name))
	}
}

func (r *reading) atMostOne(path string, n node, names ...string) {
	if found := present(n, names); len(found) > 1 {
		r.refuse(path, "%s: only one of %s may be set.", path, strings.Join(found, ", "))
	}
}

func present(n node, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, ok := n.get(name)
		return !ok
	})
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func at(path string) string {
	if path == "" {
		return ""
	}
	return " at '" + path + "'"
}

package schema

import (
	"fmt"
	"slices"
)

// A Target is a form in which the upstream takes a schema.
type Target uint8

// The targets.
const (
	// Auto is Parameters, unless that cannot say what JSONSchema can: that any
	// value will do, what else an object may hold, or which element of a list is
	// of which type.
	Auto Target = iota
	// Parameters is Gemini's own Schema (FunctionDeclaration.parameters).
	Parameters
	// JSONSchema is the part of JSON Schema that Gemini documents
	// (parametersJsonSchema, responseJsonSchema).
	JSONSchema
)

// targets are the targets' names.
var targets = [...]string{Auto: "auto", Parameters: "parameters", JSONSchema: "json-schema"}

// ParseTarget returns the target of a name: auto, parameters or json-schema.
func ParseTarget(name string) (Target, error) {
	i := slices.Index(targets[:], name)
	if i < 0 {
		return 0, fmt.Errorf("%.40q: want auto, parameters or json-schema", name)
	}
	return Target(i), nil
}

// The bounds of what is read and written: references make a schema larger than
// its text.
const (
	maxDepth = 64
	maxNodes = 20_000
	// softNodes is from where on references are not followed any more: those of
	// a few schemas that all name each other would not end.
	softNodes = 4_000
	maxBytes  = 4 << 20
)

// An Error is a schema that cannot be used.
type Error struct {
	// Path is where, a JSON Pointer as it reads with references followed; empty
	// for the schema as a whole.
	Path string
	// Message is what is wrong, for the schema's author.
	Message string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return cut(e.Path, maxNote) + ": " + e.Message
}

func fail(at, format string, args ...any) *Error {
	return &Error{Path: at, Message: fmt.Sprintf(format, args...)}
}

// Arguments rewrites the schema of a function's arguments, which must allow an
// object. It returns the target it chose, never Auto; and nil for a function
// without arguments. Every error is an *Error.
func Arguments(raw []byte, target Target) ([]byte, Target, error) {
	n, err := load(raw)
	if err != nil {
		return nil, 0, err
	}
	if n, err = n.asObject(); err != nil {
		return nil, 0, err
	}
	target = n.choose(target)
	if target == Parameters && len(n.properties) == 0 || n.isEmptyObject() {
		return nil, target, nil
	}
	out, err := n.write(target)
	return out, target, err
}

// Answer rewrites the schema of an answer for JSONSchema. Every error is an
// *Error.
func Answer(raw []byte) ([]byte, error) {
	n, err := load(raw)
	if err != nil {
		return nil, err
	}
	return n.write(JSONSchema)
}

// load reads a schema, its references followed.
func load(raw []byte) (*node, error) {
	root, err := parse(raw)
	if err != nil {
		return nil, &Error{Message: err.Error()}
	}
	l := loader{root: root}
	return l.schema(root, place{refs: []string{"#"}})
}

// asObject returns n as the one object that arguments have to be. Several
// forms become one that allows them all, and says so.
func (n *node) asObject() (*node, error) {
	if n.anyOf != nil {
		n = n.widened()
	}
	n.infer()
	if n.never || n.kinds != nil && !n.allows("object") {
		return nil, fail("", "the arguments of a function must be an object")
	}
	out := *n
	out.kinds, out.nullable = []string{"object"}, false
	return &out, nil
}

// widened returns an object of the properties of all forms. Only what each
// requires is required, and a property is of the forms that it has anywhere.
func (n *node) widened() *node {
	out := *n
	out.anyOf = nil
	out.note("the properties are those of several forms of the arguments, of which one is meant")
	all, w := map[string][]*node{}, new(writer)
	for i, form := range n.anyOf {
		if form.anyOf != nil {
			form = form.widened()
		}
		for _, p := range form.properties {
			if all[p.name] == nil {
				out.properties = append(out.properties, p)
			}
			all[p.name] = append(all[p.name], p.schema)
		}
		if out.kinds == nil {
			out.kinds = form.kinds
		}
		if i == 0 {
			out.required = form.required
		}
		out.required = intersect(out.required, form.required)
	}
	for i, p := range out.properties {
		out.properties[i].schema = anyOf(w.alike(all[p.name]))
	}
	return &out
}

// isEmptyObject reports an object of which nothing is said.
func (n *node) isEmptyObject() bool { return len(n.properties) == 0 && n.extra == nil }

// choose resolves Auto.
func (n *node) choose(t Target) Target {
	switch {
	case t != Auto:
		return t
	case new(writer).needsJSONSchema(n):
		return JSONSchema
	}
	return Parameters
}

// needsJSONSchema reports whether there is something that only JSONSchema can
// say. What neither of the two can say is no reason to choose it.
func (w *writer) needsJSONSchema(n *node) bool {
	if n == nil || w.full() {
		return false
	}
	n.infer()
	if n.isAny() || n.extra.says() || w.mixedTuple(n) || n.allows("array") && n.items == nil && n.prefix == nil {
		return true
	}
	for _, p := range n.properties {
		if w.needsJSONSchema(p.schema) {
			return true
		}
	}
	return slices.ContainsFunc(n.anyOf, w.needsJSONSchema) || slices.ContainsFunc(n.prefix, w.needsJSONSchema) ||
		w.needsJSONSchema(n.items)
}

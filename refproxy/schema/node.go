package schema

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A node is one schema position, its references followed and its parts merged:
// what both targets are written from.
type node struct {
	never              bool     // the schema false: no value
	kinds              []string // JSON Schema's types in lower case; nil for all
	nullable           bool     // null as well, whatever kinds says
	title, description string
	format, pattern    string
	enum               []*value // nil for none
	anyOf              []*node
	items              *node
	prefix             []*node // of a tuple
	properties         []property
	required, ordering []string
	extra              *node // of further properties
	closed             bool  // there are none
	least, most        *bound
	sizes              [sizes]*int64
	preset, example    *value
	notes              []string
}

type property struct {
	name   string
	schema *node
}

// A bound of a number.
type bound struct {
	number    float64
	text      string // as it was written
	exclusive bool
}

// The bounds of sizes, in the order in which they are written. Of two, the
// greater minimum and the smaller maximum count.
const (
	minLength = iota
	maxLength
	minItems
	maxItems
	minProperties
	maxProperties
	sizes
)

var sizeNames = [sizes]string{"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}

// maxNotes bounds what a node can say of what was left out.
const maxNotes = 20

func (n *node) note(s string) {
	if len(n.notes) < maxNotes && !slices.Contains(n.notes, s) {
		n.notes = append(n.notes[:len(n.notes):len(n.notes)], s)
	}
}

// allows reports whether kinds names kind; an integer is a number.
func (n *node) allows(kind string) bool {
	return slices.Contains(n.kinds, kind) || kind == "integer" && slices.Contains(n.kinds, "number")
}

// onlyNull reports whether null is the only value.
func (n *node) onlyNull() bool { return len(n.kinds) == 1 && n.kinds[0] == "null" }

// narrow makes types and enum say the same: of the types those that the enum
// has values of, of the values those that are of a type. With nothing in common
// both stay. Beside other types null is a mark.
func (n *node) narrow() {
	if n.onlyNull() {
		n.enum = nil
		return
	}
	if slices.Contains(n.kinds, "null") {
		n.nullable, n.kinds = true, withoutNull(n.kinds)
	}
	filled := slices.DeleteFunc(slices.Clone(n.kinds), func(k string) bool { return n.enumOf(k) == nil })
	if len(filled) > 0 {
		n.kinds = filled
		n.enum = slices.DeleteFunc(slices.Clone(n.enum), func(v *value) bool { return !n.allows(v.schemaKind()) })
	}
}

// enumOf returns the values of an enum that are of a type.
func (n *node) enumOf(kind string) []*value {
	var out []*value
	for _, v := range n.enum {
		if got := v.schemaKind(); got == kind || got == "integer" && kind == "number" {
			out = append(out, v)
		}
	}
	return out
}

func withoutNull(kinds []string) []string {
	return slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return k == "null" })
}

// says reports whether n is a schema that is not true for every value.
func (n *node) says() bool {
	return n != nil && (n.never || n.kinds != nil || n.enum != nil || n.anyOf != nil || n.inferred() != nil)
}

// isAny reports whether n is true for every value.
func (n *node) isAny() bool { return !n.says() }

// infer gives n the type that its other keywords are of.
func (n *node) infer() {
	if n.kinds == nil && n.anyOf == nil {
		n.kinds = n.inferred()
	}
}

func (n *node) inferred() []string {
	sized := func(a, b int) bool { return n.sizes[a] != nil || n.sizes[b] != nil }
	switch {
	case n.properties != nil || n.required != nil || n.extra != nil || n.closed || sized(minProperties, maxProperties):
		return []string{"object"}
	case n.items != nil || n.prefix != nil || sized(minItems, maxItems):
		return []string{"array"}
	case n.enum != nil:
		return kindsOf(n.enum)
	case n.pattern != "" || n.format != "" || sized(minLength, maxLength):
		return []string{"string"}
	case n.least != nil || n.most != nil:
		return []string{"number"}
	}
	return nil
}

// kindsOf returns the types of values, without null.
func kindsOf(values []*value) []string {
	var kinds []string
	for _, v := range values {
		if k := v.schemaKind(); k != "null" && !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	if slices.Contains(kinds, "number") {
		kinds = slices.DeleteFunc(kinds, func(k string) bool { return k == "integer" })
	}
	return kinds
}

func (v *value) schemaKind() string {
	switch v.kind {
	case 'n':
		return "null"
	case 't', 'f':
		return "boolean"
	case '"':
		return "string"
	case '[':
		return "array"
	case '{':
		return "object"
	}
	if f, err := strconv.ParseFloat(v.text, 64); err == nil && f == math.Trunc(f) {
		return "integer"
	}
	return "number"
}

// merge returns the schema of values that both allow. What only one can say,
// a says first.
func merge(a, b *node) *node {
	out := *a
	out.nullable = bothNull(a, b)
	out.never = a.never || b.never
	out.title, out.description = cmp.Or(a.title, b.title), cmp.Or(a.description, b.description)
	out.preset, out.example = cmp.Or(a.preset, b.preset), cmp.Or(a.example, b.example)
	out.ordering = firstOf(a.ordering, b.ordering)
	for _, s := range b.notes {
		out.note(s)
	}
	out.mergeKinds(b)
	out.mergeText(b)
	out.mergeEnum(b)
	out.mergeNumbers(b)
	out.mergeArray(b)
	out.mergeObject(b)
	out.narrow()
	if b.anyOf != nil {
		if a.anyOf != nil {
			out.note("one of " + strconv.Itoa(len(b.anyOf)) + " further forms must fit as well")
		} else {
			out.anyOf = b.anyOf
		}
	}
	return &out
}

func firstOf(a, b []string) []string {
	if a != nil {
		return a
	}
	return b
}

// bothNull reports whether null is marked by both, or by one of them where only
// one says what may stand there.
func bothNull(a, b *node) bool {
	if a.says() && b.says() {
		return a.null() && b.null()
	}
	return a.null() || b.null() // a mark alone adds null, it forbids nothing
}

// null reports whether null is allowed.
func (n *node) null() bool { return n.nullable || n.onlyNull() }

func (n *node) mergeKinds(b *node) {
	if n.kinds == nil || b.kinds == nil {
		n.kinds = firstOf(n.kinds, b.kinds)
		return
	}
	if apart(n, b) {
		n.note("its parts are of different types")
		return
	}
	n.kinds = common(n, b)
}

// apart reports whether no value is of a type of both.
func apart(a, b *node) bool { return a.kinds != nil && b.kinds != nil && common(a, b) == nil }

// common returns the types of both.
func common(a, b *node) []string {
	var both []string
	for _, k := range a.kinds {
		switch {
		case b.allows(k):
			both = append(both, k)
		case k == "number" && slices.Contains(b.kinds, "integer"):
			both = append(both, "integer")
		}
	}
	if both == nil && a.null() && b.null() {
		return []string{"null"}
	}
	return both
}

func (n *node) mergeText(b *node) {
	for _, f := range []struct {
		word     string
		mine, of *string
	}{{"format", &n.format, &b.format}, {"pattern", &n.pattern, &b.pattern}} {
		if *f.mine != "" && *f.of != "" && *f.mine != *f.of {
			n.note(f.word + " " + *f.of + " as well")
		}
		*f.mine = cmp.Or(*f.mine, *f.of)
	}
}

func (n *node) mergeEnum(b *node) {
	if n.enum == nil || b.enum == nil {
		if n.enum == nil {
			n.enum = b.enum
		}
		return
	}
	seen := map[string]bool{}
	for _, v := range b.enum {
		seen[v.String()] = true
	}
	var both []*value
	for _, v := range n.enum {
		if seen[v.String()] {
			both = append(both, v)
		}
	}
	if both == nil {
		n.note("its parts have no value in common")
		return
	}
	n.enum = both
}

func (n *node) mergeNumbers(b *node) {
	n.least = tighter(n.least, b.least, func(x, y float64) bool { return x > y })
	n.most = tighter(n.most, b.most, func(x, y float64) bool { return x < y })
	for i := range n.sizes {
		x, y := n.sizes[i], b.sizes[i]
		if x == nil || y != nil && (i%2 == 0) == (*y > *x) && *x != *y {
			n.sizes[i] = y
		}
	}
}

func tighter(a, b *bound, less func(x, y float64) bool) *bound {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case less(b.number, a.number) || b.number == a.number && b.exclusive:
		return b
	}
	return a
}

func (n *node) mergeArray(b *node) {
	n.items = mergeOptional(n.items, b.items)
	if n.prefix == nil {
		n.prefix = b.prefix
	}
}

func mergeOptional(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return merge(a, b)
}

func (n *node) mergeObject(b *node) {
	n.closed = n.closed || b.closed
	n.extra = mergeOptional(n.extra, b.extra)
	if b.properties != nil {
		n.properties = unite(n.properties, b.properties)
	}
	n.required = distinct(append(slices.Clip(n.required), b.required...))
}

// distinct keeps the first of equal strings, in a copy.
func distinct(list []string) []string {
	seen := make(map[string]bool, len(list))
	var out []string
	for _, s := range list {
		if !seen[s] {
			out = append(out, s)
		}
		seen[s] = true
	}
	return out
}

// unite merges properties of the same name, in the order of a and then b.
func unite(a, b []property) []property {
	out := make([]property, 0, len(a)+len(b))
	at := make(map[string]int, len(a)+len(b))
	for _, list := range [][]property{a, b} {
		for _, p := range list {
			if i, ok := at[p.name]; ok {
				out[i].schema = merge(out[i].schema, p.schema)
				continue
			}
			at[p.name] = len(out)
			out = append(out, p)
		}
	}
	return out
}

func intersect(a, b []string) []string {
	in := make(map[string]bool, len(b))
	for _, s := range b {
		in[s] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !in[s] })
}

// word says in a few words what n is, for notes.
func (n *node) word() string {
	n.infer()
	switch {
	case n.kinds != nil:
		return strings.Join(n.kinds, " or ")
	case n.anyOf != nil:
		return "one of several types"
	}
	return "any value"
}

package schema

import (
	"crypto/sha256"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// write writes n for a target.
func (n *node) write(t Target) ([]byte, error) {
	var w writer
	var v *value
	if t == Parameters {
		v = w.parameters(n)
	} else {
		v = w.jsonSchema(n)
	}
	if w.nodes > maxNodes {
		return nil, fail("", "the schema is too large with its references followed")
	}
	return []byte(v.String()), nil
}

// A writer writes nodes. What several positions share it writes again at each.
type writer struct {
	nodes int
	sums  map[*node]sum // see key
}

type sum [sha256.Size]byte

// full reports whether there is no more room; what is written then is thrown
// away.
func (w *writer) full() bool {
	w.nodes++
	return w.nodes > maxNodes
}

// anyText stands where any value may: Gemini's Schema has no form for that.
const anyText = "any JSON value as JSON text"

// parameters writes n as Gemini's Schema. Nothing but the fields of that type
// is ever written.
func (w *writer) parameters(n *node) *value {
	out := &value{kind: '{'}
	if w.full() {
		return out
	}
	n.infer()
	say := notes{list: n.notes}
	kinds := n.kinds
	if n.anyOf == nil && len(kinds) > 1 {
		n, kinds = n.split(kinds), nil
	}
	switch {
	case n.onlyNull():
		w.head(out, n, "NULL", "", &say)
	case n.anyOf != nil:
		w.head(out, n, "", "", &say)
		forms := &value{kind: '['}
		for _, f := range n.anyOf {
			forms.items = append(forms.items, w.parameters(f))
		}
		out.set("anyOf", forms)
	case len(kinds) == 1:
		w.typed(out, n, kinds[0], &say)
	default:
		say.add(anyText)
		w.head(out, n, "STRING", "", &say)
	}
	return out
}

// split makes a node of several types one of as many forms, each with what
// concerns it.
func (n *node) split(kinds []string) *node {
	out := &node{title: n.title, description: n.description, nullable: n.nullable, preset: n.preset, example: n.example}
	for _, k := range kinds {
		f := *n
		f.kinds, f.title, f.description, f.nullable, f.preset, f.example, f.notes = []string{k}, "", "", false, nil, nil, nil
		f.enum = n.enumOf(k)
		out.anyOf = append(out.anyOf, &f)
	}
	return out
}

// typed writes a node of one type, with what concerns that type alone.
func (w *writer) typed(out *value, n *node, kind string, say *notes) {
	format, enum := n.format, n.enum
	if !slices.Contains(formats[kind], format) {
		if format != "" {
			say.add("format " + format)
		}
		format = ""
	}
	strs := stringsOf(enum)
	switch {
	case enum == nil:
	case kind != "string" || len(strs) != len(enum):
		say.values(enum)
		enum = nil
	default:
		if kept := slices.DeleteFunc(slices.Clone(strs), func(s string) bool { return s == "" }); len(kept) < len(strs) {
			say.add(`may be ""`)
			strs = kept
		}
	}
	tail := &value{kind: '{'}
	if enum != nil && len(strs) > 0 {
		tail.set("enum", texts(strs))
	}
	w.constraints(tail, n, kind, say)
	w.head(out, n, strings.ToUpper(kind), format, say)
	out.members = append(out.members, tail.members...)
}

// formats are those that the upstream takes, by type.
var formats = map[string][]string{
	"string":  {"date-time", "enum"},
	"integer": {"int32", "int64"},
	"number":  {"float", "double"},
}

func stringsOf(values []*value) []string {
	var out []string
	for _, v := range values {
		if v.kind == '"' {
			out = append(out, v.text)
		}
	}
	return out
}

// constraints writes the bounds and parts that a type has.
func (w *writer) constraints(out *value, n *node, kind string, say *notes) {
	switch kind {
	case "string":
		n.setSizes(out, minLength, maxLength)
		if n.pattern != "" {
			out.set("pattern", text(n.pattern))
		}
	case "integer", "number":
		n.setBounds(out, kind, say)
	case "array":
		out.set("items", w.elements(n))
		n.setSizes(out, minItems, maxItems)
	case "object":
		w.members(out, n, w.parameters)
		if n.extra.says() {
			say.add("other properties: " + n.extra.word())
		}
		n.setSizes(out, minProperties, maxProperties)
	}
}

// elements writes what a list holds: of a tuple any of its elements.
func (w *writer) elements(n *node) *value {
	if n.prefix == nil {
		if n.items == nil {
			return w.parameters(&node{})
		}
		return w.parameters(n.items)
	}
	forms := n.prefix
	if n.items != nil {
		forms = append(slices.Clip(forms), n.items)
	}
	if forms = w.alike(forms); len(forms) == 1 {
		return w.parameters(forms[0])
	}
	return w.parameters(anyOf(forms))
}

// key is the same for schemas that are the same.
func (w *writer) key(n *node) sum {
	if w.sums == nil {
		w.sums = map[*node]sum{}
	}
	k, ok := w.sums[n]
	if !ok {
		k = sha256.Sum256([]byte((&writer{sums: w.sums}).parameters(n).String()))
		w.sums[n] = k
	}
	return k
}

// mixedTuple reports a tuple of elements of more than one schema.
func (w *writer) mixedTuple(n *node) bool { return len(w.alike(n.prefix)) > 1 }

// alike keeps the first of forms that are the same.
func (w *writer) alike(forms []*node) []*node {
	seen := map[sum]bool{}
	var out []*node
	for _, f := range forms {
		if k := w.key(f); !seen[k] {
			seen[k] = true
			out = append(out, f)
		}
	}
	return out
}

// members writes properties, in their order; of required and ordering only
// names that there are.
func (w *writer) members(out *value, n *node, write func(*node) *value) {
	if len(n.properties) == 0 {
		return
	}
	list, names := &value{kind: '{'}, make([]string, 0, len(n.properties))
	for _, p := range n.properties {
		list.set(p.name, write(p.schema))
		names = append(names, p.name)
	}
	out.set("properties", list)
	if required := intersect(n.required, names); len(required) > 0 {
		out.set("required", texts(required))
	}
	if ordering := intersect(n.ordering, names); len(ordering) > 0 {
		out.set("propertyOrdering", texts(ordering))
	}
}

func (n *node) setSizes(out *value, which ...int) {
	for _, i := range which {
		if n.sizes[i] != nil {
			out.set(sizeNames[i], number(strconv.FormatInt(*n.sizes[i], 10)))
		}
	}
}

// setBounds writes bounds, which are inclusive: of integers exactly so, of
// other numbers as near as can be, with a note.
func (n *node) setBounds(out *value, kind string, say *notes) {
	if b := n.least; b != nil {
		said := b.text
		if b.exclusive && kind == "integer" {
			said = plain(math.Floor(b.number) + 1)
		} else if b.exclusive {
			say.add("greater than " + b.text)
		}
		out.set("minimum", number(said))
	}
	if b := n.most; b != nil {
		said := b.text
		if b.exclusive && kind == "integer" {
			said = plain(math.Ceil(b.number) - 1)
		} else if b.exclusive {
			say.add("less than " + b.text)
		}
		out.set("maximum", number(said))
	}
}

func plain(f float64) string {
	if math.Abs(f) < 1<<53 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// head writes what every type has.
func (w *writer) head(out *value, n *node, kind, format string, say *notes) {
	if kind != "" {
		out.set("type", text(kind))
	}
	if format != "" {
		out.set("format", text(format))
	}
	if n.title != "" {
		out.set("title", text(n.title))
	}
	if d := say.after(n.description); d != "" {
		out.set("description", text(d))
	}
	if n.nullable && kind != "NULL" {
		out.set("nullable", boolean(true))
	}
	if n.preset != nil {
		out.set("default", n.preset)
	}
	if n.example != nil {
		out.set("example", n.example)
	}
}

// notes are what a target has no form for.
type notes struct{ list []string }

func (s *notes) add(note string) { s.list = append(slices.Clip(s.list), note) }

// values says which values there are.
func (s *notes) values(list []*value) {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = v.brief()
	}
	if len(words) == 1 {
		s.add("always " + words[0])
		return
	}
	s.add("one of " + strings.Join(words, ", "))
}

// maxNote bounds all that is added to one description, in characters.
const maxNote = 200

// after returns the description with the notes after it.
func (s *notes) after(description string) string {
	if s.list == nil {
		return description
	}
	said := "(" + cut(strings.Join(s.list, "; "), maxNote-2) + ")"
	if description == "" {
		return said
	}
	return description + " " + said
}

// cut returns s within n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// jsonSchema writes n as the JSON Schema that Gemini documents.
func (w *writer) jsonSchema(n *node) *value {
	out := &value{kind: '{'}
	if w.full() {
		return out
	}
	n.infer()
	say := notes{list: n.notes}
	body := &value{kind: '{'}
	null := n.nullable
	switch {
	case n.anyOf != nil:
		forms := &value{kind: '['}
		for _, f := range n.anyOf {
			forms.items = append(forms.items, w.jsonSchema(f))
		}
		body.set("anyOf", nulled(forms, null))
	case n.enum != nil && null:
		one, form := *n, &value{kind: '{'}
		one.nullable = false
		w.plain(form, &one, &say)
		body.set("anyOf", nulled(&value{kind: '[', items: []*value{form}}, true))
	default:
		w.plain(body, n, &say)
	}
	if n.title != "" {
		out.set("title", text(n.title))
	}
	if n.preset != nil {
		say.add("default " + n.preset.brief())
	}
	if d := say.after(n.description); d != "" {
		out.set("description", text(d))
	}
	out.members = append(out.members, body.members...)
	return out
}

// nulled adds null to forms.
func nulled(forms *value, null bool) *value {
	if null {
		only := &value{kind: '{'}
		only.set("type", text("null"))
		forms.items = append(forms.items, only)
	}
	return forms
}

// plain writes a schema that is not of several forms.
func (w *writer) plain(out *value, n *node, say *notes) {
	kinds := slices.Clone(n.kinds)
	if n.nullable && kinds != nil && !n.onlyNull() {
		kinds = append(kinds, "null")
	}
	switch len(kinds) {
	case 0:
	case 1:
		out.set("type", text(kinds[0]))
	default:
		out.set("type", texts(kinds))
	}
	if n.format != "" {
		out.set("format", text(n.format))
	}
	if n.enum != nil {
		out.set("enum", &value{kind: '[', items: n.enum})
	}
	for _, kind := range kinds {
		w.jsonConstraints(out, n, kind, say)
	}
}

func (w *writer) jsonConstraints(out *value, n *node, kind string, say *notes) {
	switch kind {
	case "string":
		if n.pattern != "" {
			say.add("pattern " + n.pattern)
		}
		n.saySizes(say, minLength, maxLength)
	case "integer", "number":
		n.setBounds(out, kind, say)
	case "array":
		if n.items != nil {
			out.set("items", w.jsonSchema(n.items))
		}
		if n.prefix != nil {
			tuple := &value{kind: '['}
			for _, f := range n.prefix {
				tuple.items = append(tuple.items, w.jsonSchema(f))
			}
			out.set("prefixItems", tuple)
		}
		n.setSizes(out, minItems, maxItems)
	case "object":
		w.members(out, n, w.jsonSchema)
		if n.closed {
			out.set("additionalProperties", boolean(false))
		} else if n.extra != nil {
			out.set("additionalProperties", w.jsonSchema(n.extra))
		}
		n.saySizes(say, minProperties, maxProperties)
	}
}

func (n *node) saySizes(say *notes, which ...int) {
	for _, i := range which {
		if n.sizes[i] != nil {
			say.add(sizeNames[i] + " " + strconv.FormatInt(*n.sizes[i], 10))
		}
	}
}
